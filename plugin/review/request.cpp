#include "plugin/review/request.h"

#include <algorithm>

#include <fmt/format.h>

#include "fhir/json.h"
#include "fhir/uuid.h"
#include "plugin/mapping/identifiers.h"
#include "plugin/mapping/rule_codes.h"

namespace myoflag::review {

namespace {

using fhir::Json;

const Json* resource_of(const Json& entry, std::string_view type) {
  const Json* resource = entry.find("resource");
  return resource != nullptr && resource->string_of("resourceType") == type ? resource : nullptr;
}

bool is_about(const Json& request, const Json& wanted) {
  const Json* code = request.find("code");
  return code != nullptr &&
         std::any_of(code->array_of("coding").begin(), code->array_of("coding").end(),
                     [&](const Json& coding) {
                       return coding.string_of("system") == wanted.string_of("system") &&
                              coding.string_of("code") == wanted.string_of("code");
                     });
}

const Json* proposal_of(const Json& bundle, const Json& coding) {
  for (const Json& entry : bundle.array_of("entry")) {
    const Json* resource = resource_of(entry, "ServiceRequest");
    if (resource != nullptr && is_about(*resource, coding)) {
      return resource;
    }
  }
  return nullptr;
}

// By its identifier: the id that the record gives it is not known here.
Json reference_to(const Json& resource) {
  Json out = Json::object({{"type", resource.string_of("resourceType")}});
  const Json* identifier = resource.find("identifier");
  if (identifier != nullptr && identifier->is_object()) {
    out.set("identifier", *identifier);
  } else if (!resource.array_of("identifier").empty()) {
    out.set("identifier", resource.array_of("identifier").front());
  }
  return out;
}

// What it points to lies in another transaction.
void stand_alone(const Json& bundle, Json& request) {
  Json reasons = Json::array();
  for (const Json& reason : request.array_of("reasonReference")) {
    reasons.push(Json::object({{"text", reason.string_of("display")}}));
  }
  request.erase("reasonReference");
  request.set_if("reasonCode", std::move(reasons));
  request.erase("requester");
  request.erase("supportingInfo");
  for (const Json& entry : bundle.array_of("entry")) {
    if (const Json* response = resource_of(entry, "QuestionnaireResponse")) {
      request.set("supportingInfo", Json::array({reference_to(*response)}));
    }
  }
}

std::string thread_of(const Kept& form) {
  return fhir::to_string(fhir::uuid_v5(fhir::uuid_namespace_url, "chosen for " + form.row.outcome));
}

}  // namespace

std::optional<store::Submission> request_for(const Kept& form, const rules::Knowledge& knowledge,
                                             std::string_view workup, std::string_view note) {
  const int index = knowledge.workup(workup);
  const auto bundle = fhir::read_json(form.bundle);
  const auto outcome = fhir::parse_uuid(form.row.outcome);
  if (index < 0 || !bundle || !outcome) {
    return std::nullopt;
  }
  const Json coding =
      mapping::workup_coding(knowledge, knowledge.workups[static_cast<std::size_t>(index)]);
  const Json* proposed = proposal_of(*bundle, coding);
  if (proposed == nullptr || proposed->array_of("identifier").empty()) {
    return std::nullopt;
  }
  const auto uuid = fhir::uuid_v5(*outcome, fmt::format("chosen:{}", workup));
  const std::string system(proposed->array_of("identifier").front().string_of("system"));
  Json request = *proposed;
  request.set("identifier",
              Json::array({Json::object({{"system", system}, {"value", fhir::to_string(uuid)}})}));
  request.set("basedOn", Json::array({reference_to(*proposed)}));
  stand_alone(*bundle, request);
  if (Json* notes = request.find("note"); notes != nullptr) {
    notes->push(Json::object({{"text", note}}));
  }
  const auto search = mapping::token_search("identifier", system, fhir::to_string(uuid));
  const Json transaction = Json::object(
      {{"resourceType", "Bundle"},
       {"identifier", Json::object({{"system", system},
                                    {"value", fhir::to_string(fhir::uuid_v5(uuid, "bundle"))}})},
       {"type", "transaction"},
       {"timestamp", bundle->string_of("timestamp")},
       {"entry",
        Json::array({Json::object({{"fullUrl", fhir::to_urn(uuid)},
                                   {"resource", std::move(request)},
                                   {"request", Json::object({{"method", "POST"},
                                                             {"url", "ServiceRequest"},
                                                             {"ifNoneExist", search}})}})})}});
  store::Submission out;
  out.response = fmt::format("chosen {}", fhir::to_string(uuid));
  out.thread = thread_of(form);
  out.outcome = fhir::to_string(uuid);
  out.input = form.input;
  out.tier = form.row.tier;
  out.target_hours = form.row.target_hours;
  out.assessment = form.row.assessment;
  out.bundle = fhir::write_json(transaction);
  out.kind = store::Kind::proposal;
  return out;
}

}  // namespace myoflag::review
