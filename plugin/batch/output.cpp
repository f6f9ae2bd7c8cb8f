#include "plugin/batch/output.h"

#include <algorithm>
#include <exception>
#include <new>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "plugin/batch/own_json.h"
#include "plugin/batch/table.h"
#include "plugin/mapping/assessment_json.h"
#include "plugin/mapping/bundle.h"
#include "plugin/mapping/quick_resources.h"
#include "plugin/mapping/standing_alone.h"

namespace myoflag::batch {
namespace {

using fhir::Issue;
using fhir::Issues;
using fhir::Json;

constexpr std::string_view kResourceTypes[] = {"QuestionnaireResponse", "Observation",
                                               "ServiceRequest", "Provenance", "Device"};
enum ResourceFile : std::size_t { kResponse, kObservation, kServiceRequest, kProvenance, kDevice };

std::size_t errors_file(const std::vector<std::string>& names) { return names.size() - 2; }
std::size_t warnings_file(const std::vector<std::string>& names) { return names.size() - 1; }

Issue plain_issue(fhir::Severity severity, const fhir::Error& error) {
  Issue issue = fhir::to_issue(error);
  issue.severity = severity;
  return issue;
}

// A date may be as short as a year.
std::string month_of(std::string_view authored) {
  return authored.size() >= 7 ? std::string(authored.substr(0, 7)) : std::string();
}

Tally tally_of(const Assessed& assessed) {
  const auto& assessment = assessed.assessment;
  const auto& knowledge = *assessment.knowledge;
  Tally tally;
  tally.assessed = true;
  tally.warned = !assessed.warnings.empty();
  tally.tier = assessment.tier;
  for (const auto& finding : assessment.findings) {
    if (finding.status == rules::FindingStatus::fired &&
        finding.rule->kind == rules::Rule::Kind::rule) {
      tally.fired.push_back(static_cast<int>(finding.rule - knowledge.rules.data()));
    }
  }
  for (const auto& gap : assessment.gaps) {
    tally.missing.push_back(static_cast<int>(gap.item - knowledge.items.data()));
  }
  tally.month = month_of(assessment.input->response.authored_text);
  return tally;
}

Tally tally_of(const rules::QuickAssessment& assessment, const rules::Knowledge& knowledge,
               std::string_view authored) {
  Tally tally;
  tally.assessed = true;
  tally.tier = assessment.tier;
  for (const auto& finding : assessment.findings) {
    if (finding.status != rules::FindingStatus::fired) {
      break;
    }
    if (finding.rule->kind == rules::Rule::Kind::rule) {
      tally.fired.push_back(static_cast<int>(finding.rule - knowledge.rules.data()));
    }
  }
  for (const auto& gap : assessment.gaps) {
    tally.missing.push_back(static_cast<int>(gap.item));
  }
  tally.month = month_of(authored);
  return tally;
}

// Far more than any response of that size has: what is nothing but nodes takes twenty times its
// size in memory.
std::size_t most_nodes(std::size_t bytes) {
  return std::min(fhir::Limits().nodes, std::size_t{100'000} + bytes / 16);
}

// Only these tell what is still open.
rules::Outlook outlook_of(const OutputOptions& options) {
  const bool told = options.shape == Shape::bundles || options.shape == Shape::assessments ||
                    options.submit.has_value();
  return told ? rules::Outlook::whole : rules::Outlook::none;
}

// Written all the same: nothing that was judged is lost.
void warn_of_nobody(Assessed& assessed) {
  if (auto problem =
          mapping::missing_subject(assessed.assessment, assessed.response, assessed.record)) {
    problem->severity = fhir::Severity::warning;
    assessed.warnings.push_back(*std::move(problem));
  }
}

}  // namespace

std::vector<std::string> file_names(Shape shape) {
  std::vector<std::string> names;
  switch (shape) {
    case Shape::resources:
      for (const auto type : kResourceTypes) {
        names.push_back(fmt::format("{}.ndjson", type));
      }
      break;
    case Shape::bundles:
      names = {"bundles.ndjson"};
      break;
    case Shape::assessments:
      names = {"assessments.ndjson"};
      break;
    case Shape::table:
      names = {"table.csv"};
      break;
  }
  names.insert(names.end(), {"errors.ndjson", "warnings.ndjson"});
  return names;
}

std::vector<std::string> file_heads(Shape shape) {
  std::vector<std::string> heads(file_names(shape).size());
  if (shape == Shape::table) {
    heads.front() = table_head();
  }
  return heads;
}

OutputWriter::OutputWriter(const Assessor& assessor, const std::vector<InputFile>& files,
                           OutputOptions options)
    : assessor_(assessor),
      files_(files),
      options_(std::move(options)),
      names_(file_names(options_.shape)) {
  // What the EHR gets is a bundle with its document, which only the careful way makes.
  if (options_.quick && !options_.submit && options_.shape == Shape::resources &&
      assessor_.has_form()) {
    quick_ = std::make_unique<const mapping::QuickForms>(assessor_.knowledge());
  }
}

OutputWriter::~OutputWriter() = default;

class OutputWriter::Desk {
 public:
  Desk(const mapping::QuickForms& forms, const OutputOptions& options)
      : quick(std::in_place, forms, mapping::QuickOptions{options.now, true, {}}) {}
  Desk() = default;

  std::optional<mapping::QuickDesk> quick;
  std::size_t observations = 0;  // bytes of those of the last response
};

std::shared_ptr<OutputWriter::Desk> OutputWriter::desk() const {
  return quick_ ? std::make_shared<Desk>(*quick_, options_) : std::make_shared<Desk>();
}

std::string OutputWriter::outcome_line(const Place& place, const Issues& issues) const {
  const auto part = [](std::string_view url, std::string_view type, Json value) {
    return Json::object({{"url", url}, {type, std::move(value)}});
  };
  Json parts = Json::array({part("file", "valueString", files_[place.file].name)});
  if (place.line > 0) {
    parts.push(part("line", "valueDecimal", number(place.line)));
  }
  parts.push(part("offset", "valueDecimal", number(place.offset)));
  const auto url = assessor_.knowledge()->canonical + "/StructureDefinition/input-place";
  Json outcome = Json::object({{"resourceType", "OperationOutcome"}});
  outcome.set("extension",
              Json::array({Json::object({{"url", url}, {"extension", std::move(parts)}})}));
  outcome.set("issue", *fhir::operation_outcome(issues).find("issue"));
  return fhir::write_json(outcome) + "\n";
}

Written OutputWriter::refused(const Place& place, const Issues& issues) const {
  Written out;
  out.place = place;
  out.tally.problem = issues.empty() ? std::string() : issues.front().code;
  out.to.emplace_back(errors_file(names_), outcome_line(place, issues));
  return out;
}

void OutputWriter::add_resources(const Assessed& assessed, Written& out) const {
  Json bundle = mapping::transaction_bundle(assessed.assessment, assessed.response, assessed.record,
                                            {{}, {}, {}, false});
  for (const auto& resource : mapping::standing_alone(std::move(bundle))) {
    const auto type = resource.string_of("resourceType");
    const auto* const found = std::find(std::begin(kResourceTypes), std::end(kResourceTypes), type);
    if (found == std::end(kResourceTypes)) {
      throw std::logic_error("a resource type without a file");
    }
    out.to.emplace_back(static_cast<std::size_t>(found - std::begin(kResourceTypes)),
                        fhir::write_json(resource) + "\n");
  }
}

// The place where a person sees what nobody can deliver is that of what could not be judged.
void OutputWriter::add_submission(const Assessed& assessed, const Record& record,
                                  Written& out) const {
  auto submission = delivery::submission_of(assessed, record.bytes, *options_.submit);
  if (submission) {
    out.submission = std::move(*submission);
    return;
  }
  const Failure& why = submission.error();
  out.tally.undeliverable = true;
  out.to.emplace_back(
      errors_file(names_),
      outcome_line(record.place,
                   {plain_issue(fhir::Severity::error,
                                {std::string(why.code()), std::string(why.words()), {}})}));
}

Written OutputWriter::write(const Record& record, Desk& desk) const {
  if (record.error) {
    return refused(record.place, {plain_issue(fhir::Severity::error, *record.error)});
  }
  try {
    return options_.instead ? options_.instead(record) : judge(record, desk);
  } catch (const std::bad_alloc&) {
    return refused(record.place, {plain_issue(fhir::Severity::error,
                                              {"MF-4110", "Not enough memory for it.", {}})});
  } catch (const std::exception&) {
    // Its words could hold something of the record.
    return refused(record.place,
                   {plain_issue(fhir::Severity::error, {"MF-4109", "Internal error.", {}})});
  }
}

Written OutputWriter::judge(const Record& record, Desk& desk) const {
  auto quick = judge_quickly(record, desk);
  return quick ? std::move(*quick) : judge_carefully(record);
}

std::optional<Written> OutputWriter::judge_quickly(const Record& record, Desk& desk) const {
  if (!desk.quick || !desk.quick->judge(record.bytes)) {
    return std::nullopt;
  }
  Written out;
  out.place = record.place;
  out.tally = tally_of(desk.quick->assessment(), *assessor_.knowledge(), desk.quick->authored());
  mapping::QuickLines lines;
  lines.observations.reserve(desk.observations + desk.observations / 4);
  out.name = desk.quick->write(lines);
  desk.observations = lines.observations.size();
  out.to.reserve(std::size(kResourceTypes));
  out.to.emplace_back(kDevice, lines.device);
  out.to.emplace_back(kResponse, std::move(lines.response));
  out.to.emplace_back(kObservation, std::move(lines.observations));
  if (!lines.service_requests.empty()) {
    out.to.emplace_back(kServiceRequest, std::move(lines.service_requests));
  }
  out.to.emplace_back(kProvenance, std::move(lines.provenance));
  return out;
}

Written OutputWriter::judge_carefully(const Record& record) const {
  AssessOptions how;
  how.now = options_.now;
  how.batch = true;
  how.outlook = outlook_of(options_);
  how.limits.bytes = std::max(how.limits.bytes, record.bytes.size());
  how.limits.nodes = most_nodes(record.bytes.size());
  auto assessed = assessor_.assess(record.bytes, how);
  if (!assessed) {
    return refused(record.place, assessed.error());
  }
  if (options_.shape == Shape::resources || options_.shape == Shape::bundles) {
    warn_of_nobody(*assessed);
  }
  Written out;
  out.place = record.place;
  out.tally = tally_of(*assessed);
  out.name = mapping::repetition_key(assessed->assessment, assessed->response, assessed->record);
  switch (options_.shape) {
    case Shape::resources:
      add_resources(*assessed, out);
      break;
    case Shape::bundles:
      out.to.emplace_back(0, fhir::write_json(mapping::transaction_bundle(
                                 assessed->assessment, assessed->response, assessed->record)) +
                                 "\n");
      break;
    case Shape::assessments:
      out.to.emplace_back(
          0, fhir::write_json(mapping::assessment_json(assessed->assessment, false)) + "\n");
      break;
    case Shape::table:
      out.to.emplace_back(0, table_row(*assessed, files_[record.place.file].name, record.place));
      break;
  }
  if (options_.submit) {
    add_submission(*assessed, record, out);
  }
  if (!assessed->warnings.empty()) {
    out.to.emplace_back(warnings_file(names_), outcome_line(record.place, assessed->warnings));
  }
  return out;
}

Written OutputWriter::repeated(const Place& place, const Place& first) const {
  const auto& file = files_[first.file].name;
  const auto where = first.line > 0 ? fmt::format("{}, line {}", file, first.line) : file;
  const Issue issue = plain_issue(
      fhir::Severity::information,
      {"MF-4105",
       fmt::format(
           "The same response with the same result was read before ({}); it is in the output once.",
           where),
       {}});
  Written out;
  out.place = place;
  out.to.emplace_back(errors_file(names_), outcome_line(place, {issue}));
  return out;
}

}  // namespace myoflag::batch
