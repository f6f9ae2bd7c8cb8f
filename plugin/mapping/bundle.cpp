#include "plugin/mapping/bundle.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "fhir/base64.h"
#include "fhir/convert.h"
#include "fhir/datetime.h"
#include "plugin/mapping/assessment_json.h"
#include "plugin/mapping/code_system.h"
#include "plugin/mapping/device.h"
#include "plugin/mapping/digest.h"
#include "plugin/mapping/frame.h"
#include "plugin/mapping/observations.h"
#include "plugin/mapping/own_words.h"
#include "plugin/mapping/rule_codes.h"
#include "plugin/mapping/sent_response.h"
#include "plugin/mapping/service_requests.h"
#include "plugin/mapping/summary_html.h"
#include "plugin/mapping/vocabulary.h"

namespace myoflag::mapping {

namespace {

using fhir::Json;

Json reference_member(const Json& response, std::string_view name) {
  const auto* reference = response.find(name);
  return reference == nullptr ? Json() : portable_reference(*reference);
}

bool names_somebody(const Json& reference) {
  const auto* identifier = reference.find("identifier");
  return !fhir::is_blank(reference.string_of("reference")) ||
         (identifier != nullptr && !fhir::is_blank(identifier->string_of("value")));
}

Json reference_to_patient(const Json& patient) {
  if (const auto id = patient.string_of("id"); !id.empty()) {
    return reference_to(fmt::format("Patient/{}", id));
  }
  const auto& identifiers = patient.array_of("identifier");
  if (identifiers.empty()) {
    return {};
  }
  return Json::object(
      {{"type", "Patient"}, {"identifier", portable_identifier(identifiers.front())}});
}

// The Patient among the resources, when there is exactly one.
Json only_patient(const Json::Array& resources) {
  const Json* patient = nullptr;
  for (const auto& resource : resources) {
    if (resource.string_of("resourceType") == "Patient") {
      if (patient != nullptr) {
        return {};
      }
      patient = &resource;
    }
  }
  return patient == nullptr ? Json() : reference_to_patient(*patient);
}

// A contained patient is known elsewhere by identifier only.
Json contained_patient(const Json& response, std::string_view id) {
  for (const auto& resource : response.array_of("contained")) {
    const auto& identifiers = resource.array_of("identifier");
    if (resource.string_of("id") == id && !identifiers.empty()) {
      return Json::object({{"type", resource.string_of("resourceType")},
                           {"identifier", portable_identifier(identifiers.front())}});
    }
  }
  return {};
}

// As the response says. Where that points into its own file, the patient there under the name by
// which a record can know it.
Json subject_of(const rules::Assessment& assessment, const Json& response,
                const std::vector<Json>& record) {
  Json subject = reference_member(response, "subject");
  if (names_somebody(subject)) {
    return subject;
  }
  const auto* given = response.find("subject");
  if (given != nullptr && given->string_of("reference").starts_with('#')) {
    Json contained = contained_patient(response, given->string_of("reference").substr(1));
    return contained.is_null() ? subject : contained;
  }
  // What reading the whole input found out: all of it is about this patient.
  Json found = portable_reference(reference_to(assessment.input->response.subject));
  if (target_type(found) == "Patient") {
    return found;
  }
  Json patient = only_patient(record);
  return patient.is_null() ? subject : patient;
}

bool may_perform(const Json& reference) {
  constexpr std::string_view types[] = {"Practitioner", "PractitionerRole", "Organization",
                                        "Patient", "RelatedPerson"};
  return std::find(std::begin(types), std::end(types), target_type(reference)) != std::end(types);
}

// Who recorded the answers; else who gave them. A device cannot perform an Observation.
Json performer_of(const Json& response) {
  for (const auto* name : {"author", "source"}) {
    Json reference = reference_member(response, name);
    if (names_somebody(reference)) {
      return may_perform(reference) ? reference : Json();
    }
  }
  return {};
}

Json portable_references(const Json& response, std::string_view name) {
  Json list = Json::array();
  for (const auto& reference : response.array_of(name)) {
    if (Json one = portable_reference(reference); !one.is_null()) {
      list.push(std::move(one));
    }
  }
  return list;
}

// Observation.partOf may be a Procedure, but no Observation.
Json procedures_of(const Json& response) {
  Json list = portable_references(response, "partOf");
  std::erase_if(*list.as_array(), [](const Json& one) { return target_type(one) != "Procedure"; });
  return list;
}

Frame frame_of(const rules::Assessment& assessment, const Json& response, Json subject,
               const Json& sent, const BundleOptions& options) {
  Frame frame{
      assessment,
      *assessment.knowledge,
      response,
      Identifiers(assessment, response, sent, subject, options.tenant, options.identifier_system),
      std::move(subject),
      reference_member(response, "encounter"),
      performer_of(response),
      portable_references(response, "basedOn"),
      procedures_of(response),
      std::string(response.string_of("authored")),
      {},
      fhir::instant_text(assessment.input->now),
      options.held_response,
      {},
      {}};
  if (fhir::parse_instant(frame.authored)) {
    frame.issued = frame.authored;
  }
  if (frame.response_reference.empty()) {
    frame.response_reference = fhir::to_urn(frame.ids.response());
  }
  frame.device_reference = fhir::to_urn(frame.ids.device(software_version()));
  return frame;
}

Json device_entry(const Frame& frame) {
  const auto uuid = frame.ids.device(software_version());
  return bundle_entry(uuid, device_resource(frame.ids.identifier(uuid), software_version()),
                      frame.ids.if_none_exist(uuid));
}

// Which resource of the record a response with this identifier stands for. A finished one never
// takes an unfinished one for itself, so that a draft sent before it does not keep it out.
std::string search_for(const Json& response, const Frame& frame) {
  const auto own = identifier_search("identifier", *response.find("identifier"));
  const bool ours = own == frame.ids.if_none_exist(frame.ids.response());
  return ours || !is_finished(response) ? own : own + "&status=completed,amended";
}

Json response_entry(const Frame& frame, Json response) {
  const auto* given = response.find("identifier");
  if (given == nullptr || identifier_search("identifier", *given).empty() || frame.ids.is_copy()) {
    response.set("identifier", frame.ids.identifier(frame.ids.response()));
  }
  response = fhir::in_definition_order(response);
  const auto search = search_for(response, frame);
  const bool amended = response.string_of("status") == "amended";
  Json entry = bundle_entry(frame.ids.response(), std::move(response), search);
  if (amended) {
    // The record may hold what it amends under the same identifier: a conditional create would
    // leave that as it is.
    entry.set("request",
              Json::object({{"method", "PUT"}, {"url", "QuestionnaireResponse?" + search}}));
  }
  return entry;
}

Json attachment(const Frame& frame, std::string_view type, std::string_view bytes,
                std::string_view title) {
  return Json::object(
      {{"attachment", Json::object({{"contentType", type},
                                    {"language", "en"},
                                    {"data", fhir::base64(bytes)},
                                    {"size", static_cast<std::int64_t>(bytes.size())},
                                    {"hash", sha1_base64(bytes)},
                                    {"title", title},
                                    {"creation", frame.evaluated}})}});
}

Json document_entry(const Frame& frame) {
  const auto& knowledge = frame.knowledge;
  const auto uuid =
      frame.ids.result("document", sha256_hex(fhir::write_json(outlook_json(frame.assessment))));
  const auto& tier = knowledge.tiers[static_cast<std::size_t>(frame.assessment.tier)];
  const auto html = summary_html(frame.assessment);
  const auto trace =
      fhir::write_json(assessment_json(frame.assessment, true), fhir::JsonStyle::pretty);
  Json context = Json::object();
  if (!frame.encounter.is_null()) {
    context.set("encounter", Json::array({frame.encounter}));
  }
  context.set("related", Json::array({reference_to(frame.response_reference)}));
  Json identifier = frame.ids.identifier(uuid);
  Json result =
      Json::object({{"resourceType", "DocumentReference"},
                    {"masterIdentifier", identifier},
                    {"identifier", Json::array({identifier})},
                    {"status", "current"},
                    {"docStatus", is_finished(frame.response) ? "final" : "preliminary"},
                    {"type", codeable(Json::array({result_coding(knowledge, kExplanation)}), "")}});
  result.set_if("subject", frame.subject);
  result.set("date", frame.evaluated);
  result.set("author", Json::array({reference_to(frame.device_reference)}));
  result.set("description", outcome_title(knowledge, tier));
  result.set("content",
             Json::array({attachment(frame, "text/html", html, knowledge.title),
                          attachment(frame, "application/json", trace, knowledge.title)}));
  result.set("context", std::move(context));
  return bundle_entry(uuid, std::move(result), frame.ids.if_none_exist(uuid));
}

Json agent(const StandardCode& type, Json who) {
  return Json::object(
      {{"type",
        codeable(Json::array({coding(kProvenanceParticipant, type.code, type.display)}), "")},
       {"who", std::move(who)}});
}

Json agents(const Frame& frame) {
  Json list = Json::array({agent(kAssembler, reference_to(frame.device_reference))});
  if (Json author = reference_member(frame.response, "author"); !author.is_null()) {
    list.push(agent(kAuthor, std::move(author)));
  }
  if (Json source = reference_member(frame.response, "source"); !source.is_null()) {
    list.push(agent(kInformant, std::move(source)));
  }
  return list;
}

Json entity(Json what) { return Json::object({{"role", "source"}, {"what", std::move(what)}}); }

// The response, the knowledge by its digest, and whatever of the record was read.
Json entities(const Frame& frame) {
  const auto& knowledge = frame.knowledge;
  Json list = Json::array({entity(reference_to(frame.response_reference))});
  list.push(entity(Json::object(
      {{"identifier", Json::object({{"system", knowledge.canonical + "/knowledge-digest"},
                                    {"value", knowledge.digest}})},
       {"display", fmt::format("{} {}", knowledge.id, knowledge.version)}})));
  std::set<std::string> references;
  for (const auto& entry : frame.assessment.input->record) {
    if (!portable_reference(reference_to(entry.reference)).is_null() &&
        !target_type(reference_to(entry.reference)).empty()) {
      references.insert(entry.reference);
    }
  }
  for (const auto& reference : references) {
    list.push(entity(reference_to(reference)));
  }
  return list;
}

Json targets_of(const std::vector<Json>& entries) {
  Json targets = Json::array();
  for (const auto& entry : entries) {
    targets.push(reference_to(entry.string_of("fullUrl")));
  }
  return targets;
}

// R4 gives Provenance no identifier; a tag in our identifier system makes it findable for the
// conditional create.
Json provenance_entry(const Frame& frame, const std::vector<Json>& entries) {
  Json targets = targets_of(entries);
  const auto uuid = frame.ids.result("provenance", sha256_hex(fhir::write_json(targets)));
  Json tag =
      Json::object({{"system", writing_system(frame.knowledge)}, {"code", fhir::to_string(uuid)}});
  Json result = Json::object({{"resourceType", "Provenance"},
                              {"meta", Json::object({{"tag", Json::array({std::move(tag)})}})},
                              {"target", std::move(targets)},
                              {"recorded", frame.evaluated},
                              {"policy", Json::array({policy_canonical(frame.knowledge)})},
                              {"agent", agents(frame)},
                              {"entity", entities(frame)}});
  return bundle_entry(uuid, std::move(result),
                      token_search("_tag", writing_system(frame.knowledge), fhir::to_string(uuid)));
}

void append(std::vector<Json>& target, std::vector<Json> entries) {
  std::move(entries.begin(), entries.end(), std::back_inserter(target));
}

}  // namespace

Json named_subject(const rules::Assessment& assessment, const Json& response,
                   const std::vector<Json>& record) {
  Json subject = subject_of(assessment, response, record);
  return names_somebody(subject) ? subject : Json();
}

std::optional<fhir::Issue> missing_subject(const rules::Assessment& assessment,
                                           const Json& response, const std::vector<Json>& record) {
  if (!named_subject(assessment, response, record).is_null()) {
    return std::nullopt;
  }
  return fhir::Issue{fhir::Severity::error,
                     "required",
                     "MF-3027",
                     "Nothing says whom the response is about, so what is written is nobody's.",
                     "QuestionnaireResponse.subject",
                     {}};
}

std::optional<fhir::Uuid> repetition_key(const rules::Assessment& assessment, const Json& response,
                                         const std::vector<Json>& record,
                                         const BundleOptions& options) {
  const Json subject = subject_of(assessment, response, record);
  if (subject.is_null() && response.string_of("id").empty() && !response.has("identifier")) {
    return std::nullopt;
  }
  const Identifiers ids(assessment, response, sent_response(assessment, response, subject), subject,
                        options.tenant, options.identifier_system);
  return ids.result("repetition");
}

Json transaction_bundle(const rules::Assessment& assessment, const Json& response,
                        const std::vector<Json>& record, const BundleOptions& options) {
  Json subject = subject_of(assessment, response, record);
  Json sent = sent_response(assessment, response, subject);
  Frame frame = frame_of(assessment, response, std::move(subject), sent, options);
  std::vector<Json> results = answer_entries(frame);
  append(results, flag_entries(frame));
  results.push_back(tier_entry(frame));
  append(results, service_request_entries(frame));
  if (options.with_document) {
    results.push_back(document_entry(frame));
  }

  Json::Array entries{device_entry(frame)};
  if (options.held_response.empty()) {
    entries.push_back(response_entry(frame, std::move(sent)));
  }
  const auto name = frame.ids.result("bundle", sha256_hex(fhir::write_json(targets_of(results))));
  Json provenance = provenance_entry(frame, results);
  std::move(results.begin(), results.end(), std::back_inserter(entries));
  entries.push_back(std::move(provenance));
  return Json::object({{"resourceType", "Bundle"},
                       {"identifier", frame.ids.identifier(name)},
                       {"type", "transaction"},
                       {"timestamp", frame.evaluated},
                       {"entry", Json(std::move(entries))}});
}

}  // namespace myoflag::mapping
