#include "plugin/delivery/submission.h"

#include <algorithm>

#include <fmt/format.h>

#include "fhir/uuid.h"
#include "plugin/mapping/assessment_json.h"
#include "plugin/mapping/bundle.h"
#include "plugin/mapping/identifiers.h"
#include "plugin/mapping/own_words.h"
#include "plugin/mapping/patient_identity.h"

namespace myoflag::delivery {

namespace {

using fhir::Json;

// urn of the first entry of that type that `holds`.
template <typename Holds>
const Json* entry_of(const Json& bundle, std::string_view type, Holds&& holds) {
  for (const Json& entry : bundle.array_of("entry")) {
    const Json* resource = entry.find("resource");
    if (resource != nullptr && resource->string_of("resourceType") == type && holds(*resource)) {
      return &entry;
    }
  }
  return nullptr;
}

const Json* first_of(const Json& bundle, std::string_view type) {
  return entry_of(bundle, type, [](const Json&) { return true; });
}

std::string whose(const Json& sent) {
  const Json* given = sent.find("subject");
  if (given == nullptr) {
    return {};
  }
  Json subject = *given;
  if (const auto reference = subject.string_of("reference"); !reference.empty()) {
    subject.set("reference", mapping::reference_place(reference));
  }
  return fhir::write_json(subject);
}

// All versions of a response have the same, and no two patients'. `given`: the response as it came,
// for the one that is sent is named after its content where it had no name of its own.
std::string thread_of(const Json& given, const Json& sent, const std::string& name) {
  const Json* identifier = given.find("identifier");
  const std::string own =
      identifier == nullptr ? "" : mapping::identifier_search("identifier", *identifier);
  const std::string_view id = given.string_of("id");
  const std::string of = whose(sent);
  const std::string thread = !own.empty()  ? fmt::format("{};{}", own, of)
                             : !id.empty() ? fmt::format("id={};{}", id, of)
                                           : name;
  return fhir::to_string(fhir::uuid_v5(fhir::uuid_namespace_url, thread));
}

// Of a version that the record holds already: no resource of ours stands for it.
std::string held_name(const Json& given, const std::string& held) {
  return fhir::to_urn(fhir::uuid_v5(fhir::uuid_namespace_url,
                                    fmt::format("{};{}", held, mapping::content_digest(given))));
}

// The tier is the Observation that has the others as its members.
const Json* tier_entry(const Json& bundle) {
  return entry_of(bundle, "Observation", [](const Json& one) { return one.has("hasMember"); });
}

Json reference(std::string_view target) { return Json::object({{"reference", target}}); }

void add_communication(const rules::Assessment& assessment, Json& bundle) {
  const rules::Knowledge& knowledge = *assessment.knowledge;
  const auto& tier = knowledge.tiers[static_cast<std::size_t>(assessment.tier)];
  const Json* document = first_of(bundle, "DocumentReference");
  const Json* device = first_of(bundle, "Device");
  const Json* reason = tier_entry(bundle);
  if (document == nullptr) {
    return;
  }
  // Named after the bundle, which is named after the outcome.
  const Json* bundle_name = bundle.find("identifier");
  const auto uuid =
      fhir::uuid_v5(*fhir::parse_uuid(bundle_name->string_of("value")), "communication");
  const std::string system(bundle_name->string_of("system"));
  Json identifier = Json::object({{"system", system}, {"value", fhir::to_string(uuid)}});
  const Json& about = *document->find("resource");
  Json result = Json::object({{"resourceType", "Communication"},
                              {"identifier", Json::array({identifier})},
                              {"status", "completed"},
                              {"priority", tier.priority}});
  if (const Json* subject = about.find("subject"); subject != nullptr) {
    result.set("subject", *subject);
  }
  result.set("sent", about.string_of("date"));
  if (device != nullptr) {
    result.set("sender", reference(device->string_of("fullUrl")));
  }
  if (reason != nullptr) {
    result.set("reasonReference", Json::array({reference(reason->string_of("fullUrl"))}));
  }
  result.set(
      "payload",
      Json::array(
          {Json::object({{"contentString", mapping::outcome_message(knowledge, tier)}}),
           Json::object({{"contentReference", reference(document->string_of("fullUrl"))}})}));
  const std::string search = mapping::token_search("identifier", system, fhir::to_string(uuid));
  bundle.find("entry")->push(Json::object(
      {{"fullUrl", fhir::to_urn(uuid)},
       {"resource", std::move(result)},
       {"request",
        Json::object({{"method", "POST"}, {"url", "Communication"}, {"ifNoneExist", search}})}}));
}

}  // namespace

tl::expected<store::Submission, Failure> submission_of(const Assessed& assessed,
                                                       std::string_view input,
                                                       const SubmissionOptions& options) {
  const rules::Assessment& assessment = assessed.assessment;
  mapping::BundleOptions how;
  how.tenant = options.tenant;
  how.held_response = options.held_response;
  const auto repetition =
      mapping::repetition_key(assessment, assessed.response, assessed.record, how);
  if (!repetition) {
    return tl::unexpected(
        Failure{Exit::rejected,
                "MF-3106: the response names neither its patient nor itself: it cannot be "
                "delivered"});
  }
  Json bundle = mapping::transaction_bundle(assessment, assessed.response, assessed.record, how);
  const Json* response = first_of(bundle, "QuestionnaireResponse");
  store::Submission out;
  out.response = response == nullptr ? held_name(assessed.response, options.held_response)
                                     : std::string(response->string_of("fullUrl"));
  out.thread = thread_of(assessed.response,
                         response == nullptr ? assessed.response : *response->find("resource"),
                         out.response);
  out.outcome = fhir::to_string(*repetition);
  out.input = std::string(input);
  out.tier = rules::code_of(assessment.tier);
  if (const auto hours = assessment.target.hours) {
    out.target_hours = static_cast<std::int64_t>(*hours);
  }
  out.is_urgent = options.urgency.holds(out.tier, out.target_hours);
  if (out.is_urgent && options.communication) {
    add_communication(assessment, bundle);
  }
  out.assessment =
      fhir::write_json(mapping::assessment_json(assessment, false), fhir::JsonStyle::pretty);
  out.bundle = fhir::write_json(bundle);
  return out;
}

}  // namespace myoflag::delivery
