#include "plugin/mapping/service_requests.h"

#include <string>
#include <utility>

#include <fmt/format.h>

#include "plugin/mapping/code_system.h"
#include "plugin/mapping/observations.h"
#include "plugin/mapping/own_words.h"
#include "plugin/mapping/rule_codes.h"
#include "plugin/mapping/vocabulary.h"

namespace myoflag::mapping {

namespace {

using fhir::Json;
using rules::Knowledge;

Json category(const Knowledge& knowledge, const rules::Workup& workup) {
  Json codings = Json::array();
  for (const auto& known : knowledge.workup_categories) {
    if (known.id == workup.category) {
      codings = codings_of(known.codes);
    }
  }
  return codeable(std::move(codings), workup.category);
}

// What the order catalogue of the receiver may know comes first.
Json code_of(const Knowledge& knowledge, const rules::Workup& workup) {
  Json codings = codings_of(workup.codes);
  codings.push(workup_coding(knowledge, workup));
  return codeable(std::move(codings), workup.text);
}

Json reasons(const Frame& frame, const rules::WorkupRow& row) {
  Json references = Json::array();
  for (const auto* rule : row.because) {
    Json reference = reference_to(fhir::to_urn(flag_uuid(frame, *rule)));
    reference.set("display", rule->title);
    references.push(std::move(reference));
  }
  return references;
}

Json notes(const Knowledge& knowledge, const rules::WorkupRow& row) {
  Json list = Json::array({Json::object({{"text", proposal_reason(knowledge, row)}})});
  for (const auto& note : row.notes) {
    list.push(Json::object({{"text", note}}));
  }
  return list;
}

// What is proposed, for whom and when.
void add_proposal(const Knowledge& knowledge, const rules::WorkupRow& row, Json subject,
                  Json encounter, std::string_view evaluated, Json& request) {
  request.set("status", "draft");
  request.set("intent", "proposal");
  request.set("category", Json::array({category(knowledge, *row.workup)}));
  request.set_if("priority", knowledge.tiers[static_cast<std::size_t>(row.tier)].priority);
  request.set("code", code_of(knowledge, *row.workup));
  request.set("subject", std::move(subject));
  request.set_if("encounter", std::move(encounter));
  request.set("authoredOn", evaluated);
}

Json service_request(const Frame& frame, const fhir::Uuid& uuid, const rules::WorkupRow& row) {
  const auto& knowledge = frame.knowledge;
  Json result = Json::object({{"resourceType", "ServiceRequest"},
                              {"identifier", Json::array({frame.ids.identifier(uuid)})}});
  add_proposal(knowledge, row, frame.subject, frame.encounter, frame.evaluated, result);
  result.set("requester", reference_to(frame.device_reference));
  result.set_if("reasonReference", reasons(frame, row));
  result.set("supportingInfo", Json::array({reference_to(frame.response_reference)}));
  result.set("note", notes(knowledge, row));
  return result;
}

Json reasons_in_words(const rules::WorkupRow& row) {
  Json list = Json::array();
  for (const auto* rule : row.because) {
    list.push(codeable(Json::array(), rule->title));
  }
  return list;
}

}  // namespace

std::vector<Json> service_request_entries(const Frame& frame) {
  std::vector<Json> entries;
  if (frame.subject.is_null()) {
    return entries;
  }
  for (const auto& row : frame.assessment.workups) {
    if (row.status != rules::WorkupStatus::proposed) {
      continue;
    }
    const auto uuid = frame.ids.result("workup", row.workup->code);
    entries.push_back(
        bundle_entry(uuid, service_request(frame, uuid, row), frame.ids.if_none_exist(uuid)));
  }
  return entries;
}

Json suggested_request(const rules::Assessment& assessment, const rules::WorkupRow& row,
                       const Json& response, Json subject, Json encounter,
                       std::string_view evaluated) {
  const auto& knowledge = *assessment.knowledge;
  Json result = Json::object({{"resourceType", "ServiceRequest"}});
  add_proposal(knowledge, row, std::move(subject), std::move(encounter), evaluated, result);
  result.set_if("reasonCode", reasons_in_words(row));
  if (const auto id = response.string_of("id"); !id.empty()) {
    result.set("supportingInfo",
               Json::array({reference_to(fmt::format("QuestionnaireResponse/{}", id))}));
  }
  result.set("note", notes(knowledge, row));
  return result;
}

}  // namespace myoflag::mapping
