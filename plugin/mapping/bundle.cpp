#include "plugin/mapping/bundle.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "fhir/datetime.h"
#include "plugin/mapping/assessment_json.h"
#include "plugin/mapping/code_system.h"
#include "plugin/mapping/device.h"
#include "plugin/mapping/digest.h"
#include "plugin/mapping/frame.h"
#include "plugin/mapping/observations.h"
#include "plugin/mapping/rule_codes.h"
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
  return reference.has("reference") || reference.has("identifier");
}

Json reference_to_patient(const Json& patient) {
  if (const auto id = patient.string_of("id"); !id.empty()) {
    return reference_to(fmt::format("Patient/{}", id));
  }
  const auto& identifiers = patient.array_of("identifier");
  if (identifiers.empty()) {
    return {};
  }
  return Json::object({{"type", "Patient"}, {"identifier", identifiers.front()}});
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
      return Json::object(
          {{"type", resource.string_of("resourceType")}, {"identifier", identifiers.front()}});
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

Frame frame_of(const rules::Assessment& assessment, const Json& response,
               const std::vector<Json>& record, const BundleOptions& options) {
  Frame frame{assessment,
              *assessment.knowledge,
              response,
              Identifiers(assessment, response, options.tenant, options.identifier_system),
              subject_of(assessment, response, record),
              reference_member(response, "encounter"),
              performer_of(response),
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

// FHIR: an item of a completed response that was given to a question that does not apply must not
// be there. Such answers stay readable in the machine trace (setAside).
std::set<std::string, std::less<>> disabled_items(const Frame& frame) {
  std::set<std::string, std::less<>> links;
  for (const auto& aside : frame.assessment.input->set_aside) {
    if (aside.why == rules::SetAside::Why::disabled) {
      links.insert(frame.knowledge.items[static_cast<std::size_t>(aside.item)].link_id);
    }
  }
  return links;
}

void add_text(const Frame& frame, Json& item) {
  const int index = frame.knowledge.item(item.string_of("linkId"));
  if (index < 0 || item.has("text")) {
    return;
  }
  auto& members = *item.as_object();
  const auto link = std::find_if(members.begin(), members.end(),
                                 [](const auto& member) { return member.name == "linkId"; });
  members.insert(link + 1, {"text", frame.knowledge.items[static_cast<std::size_t>(index)].text});
}

// Items below one owner (the response, a group, an answer); groups that become empty go too.
template <typename Disabled>
void tidy_items(const Frame& frame, const Disabled& disabled, Json& owner) {
  auto* items = owner.find("item");
  if (items == nullptr || !items->is_array()) {
    return;
  }
  Json::Array kept;
  for (auto& item : *items->as_array()) {
    if (disabled.contains(item.string_of("linkId"))) {
      continue;
    }
    const bool had_children = item.has("item");
    tidy_items(frame, disabled, item);
    if (had_children && !item.has("item")) {
      continue;
    }
    if (auto* answers = item.find("answer"); answers != nullptr && answers->is_array()) {
      for (auto& answer : *answers->as_array()) {
        tidy_items(frame, disabled, answer);
      }
    }
    add_text(frame, item);
    kept.push_back(std::move(item));
  }
  if (kept.empty()) {
    owner.erase("item");
  } else {
    *items = Json(std::move(kept));
  }
}

bool is_left_open(const Frame& frame, std::size_t index) {
  const auto& item = frame.knowledge.items[index];
  return item.required &&
         frame.assessment.input->facts.answers.state[index] == rules::ItemState::skipped;
}

// An answer that says only that there is none.
Json no_answer() {
  Json reason = Json::object({{"url", kDataAbsentReasonExtension}, {"valueCode", kUnknown.code}});
  return Json::array({Json::object({{"extension", Json::array({std::move(reason)})}})});
}

// Behind the last item that stands before it in the form.
void insert_item(const Frame& frame, std::size_t index, Json item, Json& owner) {
  if (owner.find("item") == nullptr) {
    owner.set("item", Json::array());
  }
  auto& items = *owner.find("item")->as_array();
  auto place = items.begin();
  for (auto at = items.begin(); at != items.end(); ++at) {
    if (frame.knowledge.item(at->string_of("linkId")) < static_cast<int>(index)) {
      place = at + 1;
    }
  }
  items.insert(place, std::move(item));
}

Json* child_of(Json& owner, std::string_view link_id) {
  auto* items = owner.find("item");
  if (items != nullptr && items->is_array()) {
    for (auto& item : *items->as_array()) {
      if (item.string_of("linkId") == link_id) {
        return &item;
      }
    }
  }
  return nullptr;
}

// FHIR: a completed response has every required item. People may send the form with gaps all the
// same, so the gap is said where the answer would stand. Groups nest only as deep as the form does.
void say_what_is_open(const Frame& frame, int parent, Json& owner) {
  const auto& items = frame.knowledge.items;
  for (std::size_t index = 0; index < items.size(); ++index) {
    const auto& item = items[index];
    const bool is_group = item.type == rules::ItemType::group;
    if (item.parent != parent || !(is_group || is_left_open(frame, index))) {
      continue;
    }
    auto* given = child_of(owner, item.link_id);
    Json made = Json::object({{"linkId", item.link_id}, {"text", item.text}});
    Json& target = given == nullptr ? made : *given;
    if (is_group) {
      say_what_is_open(frame, static_cast<int>(index), target);
    } else if (!target.has("answer")) {
      target.set("answer", no_answer());
    }
    if (given == nullptr && made.as_object()->size() > 2) {
      insert_item(frame, index, std::move(made), owner);
    }
  }
}

// References that lead into the file that was read lead nowhere in ours. A contained resource comes
// along.
Json without_urns(const Json& reference) {
  return reference.string_of("reference").starts_with('#') ? reference
                                                           : portable_reference(reference);
}

void tidy_references(Json& response) {
  for (const auto* name : {"encounter", "author", "source"}) {
    if (const auto* reference = response.find(name)) {
      Json kept = without_urns(*reference);
      if (kept.is_null()) {
        response.erase(name);
      } else {
        response.set(name, std::move(kept));
      }
    }
  }
  for (const auto* name : {"basedOn", "partOf"}) {
    Json kept = Json::array();
    for (const auto& reference : response.array_of(name)) {
      if (Json one = without_urns(reference); !one.is_null()) {
        kept.push(std::move(one));
      }
    }
    if (response.has(name) && kept.is_empty()) {
      response.erase(name);
    } else if (response.has(name)) {
      response.set(name, std::move(kept));
    }
  }
}

void tidy_meta(Json& response) {
  response.erase("id");
  if (auto* meta = response.find("meta")) {
    meta->erase("versionId");
    meta->erase("lastUpdated");
    if (meta->is_empty()) {
      response.erase("meta");
    }
  }
}

void set_subject(const Frame& frame, Json& response) {
  const auto* subject = response.find("subject");
  if (subject != nullptr && subject->string_of("reference").starts_with('#')) {
    return;
  }
  if (frame.subject.is_null()) {
    response.erase("subject");
  } else {
    response.set("subject", frame.subject);
  }
}

Json response_entry(const Frame& frame) {
  Json response = frame.response;
  tidy_meta(response);
  tidy_references(response);
  set_subject(frame, response);
  tidy_items(frame, disabled_items(frame), response);
  const bool amended = response.string_of("status") == "amended";
  if (amended || response.string_of("status") == "completed") {
    say_what_is_open(frame, -1, response);
  }
  const auto* given = response.find("identifier");
  std::string search = given == nullptr ? "" : identifier_search("identifier", *given);
  const auto uuid = frame.ids.response();
  if (search.empty()) {
    response.set("identifier", frame.ids.identifier(uuid));
    search = frame.ids.if_none_exist(uuid);
  }
  Json entry = bundle_entry(uuid, std::move(response), search);
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
                                    {"data", base64(bytes)},
                                    {"size", static_cast<std::int64_t>(bytes.size())},
                                    {"hash", sha1_base64(bytes)},
                                    {"title", title},
                                    {"creation", frame.evaluated}})}});
}

Json document_entry(const Frame& frame) {
  const auto& knowledge = frame.knowledge;
  const auto uuid = frame.ids.result("document");
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
                    {"docStatus", "final"},
                    {"type", codeable(Json::array({result_coding(knowledge, kExplanation)}), "")}});
  result.set_if("subject", frame.subject);
  result.set("date", frame.evaluated);
  result.set("author", Json::array({reference_to(frame.device_reference)}));
  result.set("description", fmt::format("{}: {}", knowledge.title, tier.label));
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

// R4 gives Provenance no identifier; a tag in our identifier system makes it findable for the
// conditional create.
Json provenance_entry(const Frame& frame, const std::vector<Json>& entries) {
  const auto uuid = frame.ids.result("provenance");
  Json targets = Json::array();
  for (const auto& entry : entries) {
    targets.push(reference_to(entry.string_of("fullUrl")));
  }
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

Json transaction_bundle(const rules::Assessment& assessment, const Json& response,
                        const std::vector<Json>& record, const BundleOptions& options) {
  Frame frame = frame_of(assessment, response, record, options);
  std::vector<Json> results = answer_entries(frame);
  append(results, flag_entries(frame));
  results.push_back(tier_entry(frame));
  append(results, service_request_entries(frame));
  results.push_back(document_entry(frame));

  Json::Array entries{device_entry(frame)};
  if (options.held_response.empty()) {
    entries.push_back(response_entry(frame));
  }
  Json provenance = provenance_entry(frame, results);
  std::move(results.begin(), results.end(), std::back_inserter(entries));
  entries.push_back(std::move(provenance));
  return Json::object({{"resourceType", "Bundle"},
                       {"identifier", frame.ids.identifier(frame.ids.result("bundle"))},
                       {"type", "transaction"},
                       {"timestamp", frame.evaluated},
                       {"entry", Json(std::move(entries))}});
}

}  // namespace myoflag::mapping
