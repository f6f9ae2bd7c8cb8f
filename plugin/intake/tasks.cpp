#include "plugin/intake/tasks.h"

#include <fmt/format.h>

#include "fhir/datetime.h"
#include "fhir/json.h"
#include "fhir/uuid.h"
#include "plugin/mapping/identifiers.h"
#include "plugin/store/outbox_file.h"

namespace myoflag::intake {

namespace {

using fhir::Json;

constexpr std::string_view kCodes = "http://hl7.org/fhir/uv/sdc/CodeSystem/temp";

Json concept_of(std::string_view code) {
  return Json::object(
      {{"coding", Json::array({Json::object({{"system", kCodes}, {"code", code}})})}});
}

// The response as the record has it, or will have it: by the id that it got there, where it is
// known, and by our identifier. Null: nothing of it was written on its own.
Json output_of(const Untold& untold) {
  for (const Json& entry : untold.answers.array_of("entry")) {
    const Json* resource = entry.find("resource");
    if (resource == nullptr || resource->string_of("resourceType") != "QuestionnaireResponse") {
      continue;
    }
    Json reference = Json::object();
    reference.set_if("reference", untold.response_id);
    reference.set("type", "QuestionnaireResponse");
    if (const Json* identifier = resource->find("identifier"); identifier != nullptr) {
      reference.set("identifier", *identifier);
    }
    return Json::array({Json::object({{"type", concept_of("questionnaire-response")},
                                      {"valueReference", std::move(reference)}})});
  }
  return {};
}

Json resource_of(const Untold& untold, const TaskWords& words, const fhir::Uuid& uuid, Time now) {
  const Invitation& invitation = untold.invitation;
  const bool is_open = untold.says.starts_with(kTaskOpen);
  const bool is_done = untold.says == kTaskDone;
  const Json patient = Json::object({{"reference", invitation.patient}});
  Json task = Json::object(
      {{"resourceType", "Task"},
       {"identifier",
        Json::array({Json::object({{"system", words.system}, {"value", fhir::to_string(uuid)}})})},
       {"status", is_open   ? "requested"
                  : is_done ? "completed"
                            : "cancelled"}});
  if (!is_open && !is_done) {
    const auto why = untold.says.substr(0, untold.says.find(' '));
    task.set("statusReason", Json::object({{"text", why}}));
  }
  task.set("intent", "order");
  task.set("code", concept_of("complete-questionnaire"));
  task.set("for", patient);
  task.set("authoredOn", fhir::instant_text(invitation.made));
  task.set("lastModified", fhir::instant_text(now));
  task.set("requester", Json::object({{"type", "Organization"}, {"display", words.clinic}}));
  task.set("owner", patient);
  task.set(
      "restriction",
      Json::object({{"period", Json::object({{"end", fhir::instant_text(invitation.expires)}})}}));
  task.set("input", Json::array({Json::object({{"type", concept_of("questionnaire")},
                                               {"valueCanonical", words.questionnaire}})}));
  if (is_done) {
    task.set_if("output", output_of(untold));
  }
  return task;
}

}  // namespace

store::Submission task_of(const Untold& untold, const TaskWords& words, Time now) {
  const auto uuid = fhir::uuid_v5(fhir::uuid_namespace_url, "task " + untold.invitation.response);
  const auto state = fhir::uuid_v5(uuid, std::to_string(untold.number));
  const auto search = mapping::token_search("identifier", words.system, fhir::to_string(uuid));
  const Json bundle = Json::object(
      {{"resourceType", "Bundle"},
       {"identifier", Json::object({{"system", words.system},
                                    {"value", fhir::to_string(fhir::uuid_v5(state, "bundle"))}})},
       {"type", "transaction"},
       {"timestamp", fhir::instant_text(now)},
       {"entry",
        Json::array({Json::object(
            {{"fullUrl", fhir::to_urn(uuid)},
             {"resource", resource_of(untold, words, uuid, now)},
             {"request", Json::object({{"method", "PUT"}, {"url", "Task?" + search}})}})})}});
  store::Submission out;
  out.response = fmt::format("task {}", fhir::to_string(state));
  out.thread = fhir::to_string(uuid);
  out.outcome = fhir::to_string(state);
  out.input = "{}";
  out.kind = store::Kind::task;
  out.tier = store::name_of(out.kind);
  out.assessment = fhir::write_json(Json::object({{"subject", untold.invitation.patient}}));
  out.bundle = fhir::write_json(bundle);
  return out;
}

}  // namespace myoflag::intake
