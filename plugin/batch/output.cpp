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
#include "plugin/mapping/standing_alone.h"

namespace myoflag::batch {
namespace {

using fhir::Issue;
using fhir::Issues;
using fhir::Json;

constexpr std::string_view kResourceTypes[] = {"QuestionnaireResponse", "Observation",
                                               "ServiceRequest", "Provenance", "Device"};

std::size_t errors_file(const std::vector<std::string>& names) { return names.size() - 2; }
std::size_t warnings_file(const std::vector<std::string>& names) { return names.size() - 1; }

Issue plain_issue(fhir::Severity severity, const fhir::Error& error) {
  Issue issue = fhir::to_issue(error);
  issue.severity = severity;
  return issue;
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
  // A date may be as short as a year.
  const auto& authored = assessment.input->response.authored_text;
  tally.month = authored.size() >= 7 ? authored.substr(0, 7) : std::string();
  return tally;
}

// Far more than any response of that size has: what is nothing but nodes takes twenty times its
// size in memory.
std::size_t most_nodes(std::size_t bytes) {
  return std::min(fhir::Limits().nodes, std::size_t{100'000} + bytes / 16);
}

// Only these tell what is still open.
rules::Outlook outlook_of(Shape shape) {
  const bool told = shape == Shape::bundles || shape == Shape::assessments;
  return told ? rules::Outlook::whole : rules::Outlook::none;
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
      names_(file_names(options_.shape)) {}

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

Written OutputWriter::write(const Record& record) const {
  if (record.error) {
    return refused(record.place, {plain_issue(fhir::Severity::error, *record.error)});
  }
  try {
    return judge(record);
  } catch (const std::bad_alloc&) {
    return refused(record.place, {plain_issue(fhir::Severity::error,
                                              {"MF-4110", "Not enough memory for it.", {}})});
  } catch (const std::exception&) {
    // Its words could hold something of the record.
    return refused(record.place,
                   {plain_issue(fhir::Severity::error, {"MF-4109", "Internal error.", {}})});
  }
}

Written OutputWriter::judge(const Record& record) const {
  AssessOptions how;
  how.now = options_.now;
  how.batch = true;
  how.outlook = outlook_of(options_.shape);
  how.limits.bytes = std::max(how.limits.bytes, record.bytes.size());
  how.limits.nodes = most_nodes(record.bytes.size());
  const auto assessed = assessor_.assess(record.bytes, how);
  if (!assessed) {
    return refused(record.place, assessed.error());
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
