#include "plugin/poll/judge.h"

#include <utility>

#include "fhir/datetime.h"
#include "fhir/json.h"
#include "plugin/cds/service.h"
#include "plugin/mapping/patient_identity.h"

namespace myoflag::poll {

namespace {

using fhir::Json;
using store::FoundContent;
using store::FoundState;
using store::Inbox;

struct Refusal {
  std::string code, reason;  // free of patient data
};

Refusal refusal_of(const fhir::Issues& issues) {
  for (const auto& issue : issues) {
    if (issue.severity == fhir::Severity::error || issue.severity == fhir::Severity::fatal) {
      return {issue.code, issue.text};
    }
  }
  return {"MF-3174", "it cannot be judged"};
}

Refusal refusal_of(const Failure& failure) {
  const auto end = failure.text.find(": ");
  return {failure.text.substr(0, end),
          end == std::string::npos ? "" : failure.text.substr(end + 2)};
}

bool is_earlier(const Json& one, const Json& than) {
  const auto a = fhir::parse_date_time(one.string_of("authored"));
  const auto b = fhir::parse_date_time(than.string_of("authored"));
  const auto order = a && b ? fhir::compare(*a, *b) : std::nullopt;
  return order && *order == std::strong_ordering::less;
}

// This response as it was found, and those of the search that came before it. Where the search
// failed it stays failed beside the response, and what was answered before is unknown.
Json with_earlier(const Json& searched, const Json& response) {
  Json entries = Json::array({Json::object({{"resource", response}})});
  for (const Json& entry : searched.array_of("entry")) {
    const Json* resource = entry.find("resource");
    const bool is_earlier_one =
        resource != nullptr && resource->string_of("resourceType") == "QuestionnaireResponse" &&
        resource->string_of("id") != response.string_of("id") && is_earlier(*resource, response);
    const bool is_told =
        resource != nullptr && resource->string_of("resourceType") == "OperationOutcome";
    if (is_earlier_one || is_told) {
      entries.push(entry);
    }
  }
  Json bundle = Json::object({{"resourceType", "Bundle"}, {"type", "searchset"}});
  if (searched.string_of("resourceType") != "Bundle") {
    Json issue = Json::object({{"severity", "error"}, {"code", "incomplete"}});
    Json outcome = Json::object(
        {{"resourceType", "OperationOutcome"}, {"issue", Json::array({std::move(issue)})}});
    entries.push(Json::object(
        {{"resource", std::move(outcome)}, {"search", Json::object({{"mode", "outcome"}})}}));
  }
  if (const Json* link = searched.find("link")) {
    bundle.set("link", *link);
  }
  bundle.set("entry", std::move(entries));
  return bundle;
}

std::string patient_of(const Json& response) {
  const Json* subject = response.find("subject");
  const auto key =
      mapping::reference_key(subject == nullptr ? "" : subject->string_of("reference"));
  return key.tail.substr(key.tail.find('/') + 1);  // fetching saw that it is one
}

tl::expected<store::Submission, Refusal> submission_of(const FoundContent& found,
                                                       const Assessor& assessor,
                                                       delivery::SubmissionOptions options,
                                                       rules::Instant now) {
  const auto response = fhir::read_json(found.response);
  auto record = fhir::read_json(found.record);
  if (!response || !record) {
    return tl::unexpected(Refusal{"MF-3172", "what was found cannot be read"});
  }
  const Json* searched = record->find("intake");
  record->set("intake", with_earlier(searched == nullptr ? Json() : *searched, *response));
  const auto judged = cds::judge_fetched(assessor, patient_of(*response), *record, now);
  if (!judged) {
    return tl::unexpected(refusal_of(judged.error()));
  }
  if (judged->assessed.response.string_of("id") != response->string_of("id")) {
    return tl::unexpected(Refusal{"MF-3174", "another response of the patient was judged instead"});
  }
  options.held_response = found.source;
  return delivery::submission_of(judged->assessed, fhir::write_json(judged->input), options)
      .map_error([](const Failure& failure) { return refusal_of(failure); });
}

}  // namespace

tl::expected<JudgedAll, Failure> judge_found(Inbox& inbox, const Assessor& assessor,
                                             const delivery::SubmissionOptions& options,
                                             rules::Instant now, const std::atomic<bool>& stop) {
  JudgedAll all;
  while (!stop) {
    const auto found = inbox.next(FoundState::fetched);
    if (!found) {
      return tl::unexpected(found.error());
    }
    if (!*found) {
      break;
    }
    const auto submission = submission_of(**found, assessor, options, now);
    if (!submission) {
      const auto& why = submission.error();
      if (auto parked = inbox.park((*found)->id, why.code, why.reason); !parked) {
        return tl::unexpected(parked.error());
      }
      ++all.parked;
      continue;
    }
    if (const auto kept = inbox.judged((*found)->id, *submission, now); !kept) {
      return tl::unexpected(kept.error());
    }
    ++all.judged;
    all.urgent += submission->is_urgent ? 1 : 0;
  }
  return all;
}

std::vector<std::string> forms_of(const rules::Knowledge& knowledge) {
  std::vector<std::string> forms{knowledge.form_url() + "|" + knowledge.version,
                                 knowledge.form_url()};
  for (const auto& other : knowledge.other_forms) {
    forms.push_back(other.url);
    if (!other.version.empty()) {
      forms.push_back(other.url + "|" + other.version);
    }
  }
  return forms;
}

}  // namespace myoflag::poll
