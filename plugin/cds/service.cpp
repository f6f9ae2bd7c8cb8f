#include "plugin/cds/service.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "fhir/response.h"
#include "fhir/structure.h"
#include "plugin/cds/hook_request.h"
#include "plugin/cds/prefetch.h"
#include "plugin/mapping/bundle.h"
#include "plugin/mapping/code_system.h"
#include "plugin/mapping/context.h"
#include "plugin/mapping/frame.h"
#include "plugin/mapping/intake.h"
#include "plugin/mapping/patient_identity.h"
#include "plugin/mapping/record_place.h"
#include "rules/explain/groups.h"
#include "rules/wording.h"

namespace myoflag::cds {
namespace {

using fhir::Issue;
using fhir::Issues;
using fhir::Json;
using rules::Knowledge;

Issue issue(std::string_view type, std::string_view code, std::string place, std::string text) {
  return {fhir::Severity::error, std::string(type), std::string(code),
          std::move(text),       std::move(place),  {}};
}

Answer refused(int status, Issues issues) { return {status, {}, std::move(issues), {}}; }

Answer without_card() { return {200, cards_response({}), {}, {}}; }

Answer with_card(const Card& card, ShownCard shown) {
  shown.uuid = card.uuid;
  return {200, cards_response({card}), {}, {std::move(shown)}};
}

// ---- the intake answers

bool is_answer_to(const Json& resource, const Knowledge& form) {
  return resource.string_of("resourceType") == "QuestionnaireResponse" &&
         resource.string_of("status") != "entered-in-error" &&
         mapping::is_to_our_form(form, resource);
}

// A resource, or what a Bundle holds.
std::vector<const Json*> resources_of(const Json& value) {
  if (value.string_of("resourceType") != "Bundle") {
    return value.is_object() ? std::vector{&value} : std::vector<const Json*>();
  }
  std::vector<const Json*> list;
  for (const auto& entry : value.array_of("entry")) {
    if (const auto* resource = entry.find("resource")) {
      list.push_back(resource);
    }
  }
  return list;
}

// Certainly no answer to our form: another form's, or entered in error. What search adds tells
// nothing here.
bool is_no_answer_to(const Json& resource, const Knowledge& form) {
  if (resource.string_of("resourceType") != "QuestionnaireResponse") {
    return true;
  }
  const auto url = fhir::split_canonical(resource.string_of("questionnaire")).url;
  return !url.empty() && fhir::check_shape(resource).empty() && !is_answer_to(resource, form);
}

enum class Intake { there, none, unknown };

Intake intake_of(const Knowledge& knowledge, const Source& source) {
  const auto resources = resources_of(source.value);
  if (std::any_of(resources.begin(), resources.end(),
                  [&](const Json* one) { return is_answer_to(*one, knowledge); })) {
    return Intake::there;
  }
  const bool whole = source.state == State::given || source.state == State::no_data;
  const bool none = std::all_of(resources.begin(), resources.end(),
                                [&](const Json* one) { return is_no_answer_to(*one, knowledge); });
  return whole && none ? Intake::none : Intake::unknown;
}

Issue without_intake(State state) {
  constexpr std::string_view place = "prefetch.intake";
  if (state == State::not_provided) {
    return issue("required", "MF-4225", std::string(place),
                 "The intake answers did not come with the call, and cannot be fetched from here.");
  }
  return issue("incomplete", "MF-4226", std::string(place),
               "The search for the intake answers did not succeed, or not whole, so nothing can be "
               "said about them.");
}

// ---- what the assessor takes

std::string_view phrase_for(State state) {
  switch (state) {
    case State::failed:
      return "card-missing-failed";
    case State::unusable:
      return "card-missing-unusable";
    default:
      return "card-missing-not-provided";
  }
}

// The resource of the id that the call is about, so that whatever is about somebody else shows.
Json bare_patient(const std::string& id) {
  return Json::object({{"resourceType", "Patient"}, {"id", id}});
}

// The reference is the context's patient, on no server or on that of the call.
bool means_patient(std::string_view reference, const HookRequest& request) {
  const auto key = mapping::reference_key(reference);
  const std::string patient = "Patient/" + request.patient_id;
  const bool has_end = request.fhir_server.ends_with('/');
  const auto server =
      mapping::reference_key(request.fhir_server + (has_end ? "" : "/") + patient).base;
  return key.tail == patient && (key.base.empty() || key.base == server);
}

bool is_other_patient(const Json& resource, const HookRequest& request) {
  return resource.string_of("resourceType") == "Patient" &&
         resource.string_of("id") != request.patient_id;
}

bool is_others_response(const Json& resource, const HookRequest& request) {
  const auto* subject = resource.find("subject");
  return resource.string_of("resourceType") == "QuestionnaireResponse" && subject != nullptr &&
         subject->has("reference") && !means_patient(subject->string_of("reference"), request);
}

bool is_others_order(const Json& resource, const HookRequest& request) {
  const auto subjects = mapping::subjects_of(resource);
  return std::any_of(subjects.begin(), subjects.end(), [&](const Json* subject) {
    const auto reference = subject->string_of("reference");
    return mapping::reference_key(reference).type() == "Patient" &&
           !means_patient(reference, request);
  });
}

// What of the call is about somebody else than its context says; empty: nothing.
Issues other_patients(const HookRequest& request) {
  Issues issues;
  const auto look = [&](const Json* value, const std::string& place, auto is_other,
                        std::string_view part, const std::string& text) {
    if (value == nullptr) {
      return;
    }
    const bool bundle = value->string_of("resourceType") == "Bundle";
    const auto& entries = value->array_of("entry");
    if (!bundle && is_other(*value, request)) {
      issues.push_back(issue("business-rule", "MF-4224", fmt::format("{}.{}", place, part), text));
    }
    for (std::size_t i = 0; bundle && i < entries.size(); ++i) {
      const auto* resource = entries[i].find("resource");
      if (resource != nullptr && is_other(*resource, request)) {
        issues.push_back(issue("business-rule", "MF-4224",
                               fmt::format("{}.entry[{}].resource.{}", place, i, part), text));
      }
    }
  };
  look(request.prefetch.find("patient"), "prefetch.patient", is_other_patient, "id",
       "The patient of the prefetch is not the one of the context.");
  look(request.prefetch.find("intake"), "prefetch.intake", is_others_response, "subject",
       "The response is not about the patient of the context.");
  look(&request.draft_orders, "context.draftOrders", is_others_order, "subject",
       "The order is about another patient than the context.");
  return issues;
}

std::vector<Source> sources_of(const Json& prefetch) {
  std::vector<Source> sources;
  for (const auto& asked : kTemplates) {
    sources.push_back(read_source(prefetch, asked));
  }
  return sources;
}

// One Bundle with the answers of the searches inside. Says of each source where it stands.
Json bundle_of(const std::string& patient_id, std::vector<Source>& sources) {
  Json entries = Json::array();
  const auto add = [&entries](Json resource) {
    entries.push(Json::object({{"resource", std::move(resource)}}));
    return fmt::format("Bundle.entry[{}].resource", entries.as_array()->size() - 1);
  };
  bool has_patient = false;
  for (auto& source : sources) {
    source.place.clear();
    if (source.value.is_object()) {
      source.place = add(source.value);
      has_patient = has_patient || source.asked->key == "patient";
    }
  }
  if (!has_patient) {
    add(bare_patient(patient_id));
  }
  return Json::object(
      {{"resourceType", "Bundle"}, {"type", "collection"}, {"entry", std::move(entries)}});
}

// Whole parts first: of many phrases the last are counted only.
std::vector<std::string> missing_phrases(const Knowledge& knowledge,
                                         const std::vector<Source>& sources) {
  std::vector<std::string> phrases;
  for (const auto& source : sources) {
    if (is_missing(source.state)) {
      phrases.push_back(rules::say(knowledge, phrase_for(source.state),
                                   {{"data", knowledge.text(source.asked->name)}}));
    } else if (source.state == State::paged) {
      phrases.push_back(knowledge.text("record-page"));
    }
  }
  for (const auto& source : sources) {
    for (const auto& part : source.left_out) {
      const auto& data = knowledge.text(source.asked->name);
      const auto number = mapping::entry_number(part);
      const auto place = number.empty() ? fmt::format("{} ({})", data, part)
                                        : rules::say(knowledge, "card-entry",
                                                     {{"data", data}, {"number", number}});
      phrases.push_back(rules::say(knowledge, "record-unreadable", {{"place", place}}));
    }
  }
  return phrases;
}

// ---- what the assessor says

// Data of two patients in one call: nothing of it may be shown beside either.
bool is_about_identity(const Issue& found) {
  constexpr std::array<std::string_view, 4> codes{"MF-3014", "MF-3015", "MF-3016", "MF-3019"};
  return std::find(codes.begin(), codes.end(), found.code) != codes.end();
}

const Source* source_at(const std::vector<Source>& sources, std::string_view place) {
  for (const auto& source : sources) {
    if (!source.place.empty() && place.starts_with(source.place)) {
      return &source;
    }
  }
  return nullptr;
}

// "Bundle.entry[1].resource.entry[0]" was "prefetch.intake.entry[0]" in the call.
void locate(Issues& issues, const std::vector<Source>& sources) {
  for (auto& found : issues) {
    if (const auto* source = source_at(sources, found.place)) {
      found.place = fmt::format("prefetch.{}{}", source->asked->key,
                                found.place.substr(source->place.size()));
    }
  }
}

// Keys other than the intake and the patient that refuse the whole; empty where something else
// does.
std::set<std::string_view> keys_at_fault(const Issues& issues, const std::vector<Source>& sources) {
  std::set<std::string_view> keys;
  for (const auto& found : issues) {
    const auto* source = source_at(sources, found.place);
    const bool grave =
        found.severity == fhir::Severity::error || found.severity == fhir::Severity::fatal;
    if (grave && source != nullptr && source->asked->key != "intake") {
      keys.insert(source->asked->key);
    }
  }
  return keys;
}

// False: there was nothing to drop.
bool drop(std::vector<Source>& sources, const std::set<std::string_view>& keys) {
  bool dropped = false;
  for (auto& source : sources) {
    if (keys.contains(source.asked->key)) {
      source.state = State::unusable;
      source.value = Json();
      dropped = true;
    }
  }
  return dropped;
}

// A part of the record that would refuse the whole is left out. Places of issues are as the
// assessor says them.
template <typename Use>
auto used_without_faults(std::vector<Source>& sources, Use use) {
  while (true) {
    auto used = use();
    if (used) {
      return used;
    }
    const auto& issues = used.error();
    if (std::any_of(issues.begin(), issues.end(), is_about_identity) ||
        !drop(sources, keys_at_fault(issues, sources))) {
      return used;
    }
  }
}

// What was left out is named.
tl::expected<Assessed, Issues> judged(const Assessor& assessor, const std::string& patient_id,
                                      std::vector<Source>& sources, rules::Instant now) {
  return used_without_faults(sources, [&] {
    AssessOptions options;
    options.now = now;
    Json bundle = bundle_of(patient_id, sources);
    options.missing_record = missing_phrases(*assessor.knowledge(), sources);
    options.record_doubtful = std::any_of(sources.begin(), sources.end(), [](const Source& source) {
      return is_doubtful(source.state);
    });
    return assessor.assess_resource(std::move(bundle), options);
  });
}

bool is_request(const Json& resource) {
  return resource.string_of("resourceType") == "ServiceRequest";
}

mapping::RecordResource as_record(Json request) {
  mapping::RecordResource order;
  order.json = std::move(request);
  order.type = "ServiceRequest";
  return order;
}

bool is_pending(const Json& order) {
  constexpr std::array<std::string_view, 3> pending{"draft", "active", "on-hold"};
  return is_request(order) &&
         std::find(pending.begin(), pending.end(), order.string_of("status")) != pending.end();
}

bool is_for_patient(const Json& order, const HookRequest& request) {
  const auto* subject = order.find("subject");
  return subject != nullptr && means_patient(subject->string_of("reference"), request);
}

// Workups that are ordered, and those among the draft orders of the screen, which count as if they
// were: asking twice helps nobody. What is over, or somebody else's, silences nothing.
std::set<int> ordered_workups(const Assessor& assessor, const std::vector<Json>& record,
                              const HookRequest& request, rules::Instant now) {
  std::vector<mapping::RecordResource> orders;
  for (const auto& resource : record) {
    if (is_pending(resource)) {
      orders.push_back(as_record(resource));
    }
  }
  for (const auto* resource : resources_of(request.draft_orders)) {
    if (is_pending(*resource) && is_for_patient(*resource, request)) {
      auto order = as_record(*resource);
      order.json.set("status", "active");
      order.json.set("intent", "order");
      order.json.erase("authoredOn");
      orders.push_back(std::move(order));
    }
  }
  std::set<int> workups;
  if (orders.empty()) {
    return workups;
  }
  const auto context = mapping::read_record(assessor.concepts(), orders, false, now);
  for (const auto& entry : context.entries) {
    if (entry.kind == rules::RecordEntry::Kind::test) {
      workups.insert(entry.item);
    }
  }
  return workups;
}

Json service_json(const Knowledge& knowledge, std::string_view hook) {
  Json prefetch = Json::object();
  for (const auto& asked : kTemplates) {
    prefetch.set(asked.key, asked.query);
  }
  return Json::object({{"hook", hook},
                       {"title", knowledge.text("service-title")},
                       {"description", knowledge.text("service-description")},
                       {"id", kServiceId},
                       {"prefetch", std::move(prefetch)},
                       {"usageRequirements", knowledge.text("service-requirements")}});
}

// One call while it is answered.
class Call {
 public:
  Call(const Assessor& assessor, const CardSettings& settings, const HookRequest& request,
       rules::Instant now)
      : assessor_(assessor),
        knowledge_(*assessor.knowledge()),
        settings_(settings),
        request_(request),
        subject_{request.patient_id, request.encounter_id},
        now_(now),
        sources_(sources_of(request.prefetch)) {}

  Answer answer() {
    if (auto issues = other_patients(request_); !issues.empty()) {
      return refused(400, std::move(issues));
    }
    const auto& intake = sources_[1];
    switch (intake_of(knowledge_, intake)) {
      case Intake::unknown:
        return refused(412, {without_intake(intake.state)});
      case Intake::none:
        return offer();
      case Intake::there:
        break;
    }
    return judge();
  }

 private:
  Answer offer() const {
    const bool before_visit =
        request_.hook == "appointment-book" || request_.hook == "encounter-start";
    if (!before_visit || settings_.intake_link.empty()) {
      return without_card();
    }
    return with_card(offer_card(knowledge_, subject_, settings_),
                     {{}, ShownCard::Kind::offer, {}, {}, knowledge_.version});
  }

  Answer judge() {
    auto assessed = judged(assessor_, request_.patient_id, sources_, now_);
    if (assessed) {
      return card_for(*assessed);
    }
    auto& issues = assessed.error();
    if (std::any_of(issues.begin(), issues.end(), is_about_identity)) {
      locate(issues, sources_);
      return refused(400, std::move(issues));
    }
    return with_card(
        unreadable_card(knowledge_, subject_, sources_[1].value, issues, sources_, settings_),
        {{}, ShownCard::Kind::unreadable, {}, {}, knowledge_.version});
  }

  Answer card_for(const Assessed& assessed) const {
    const auto ordered = ordered_workups(assessor_, assessed.record, request_, now_);
    return with_card(assessment_card({assessed.assessment, assessed.response, patient_of(subject_),
                                      encounter_of(subject_), sources_, ordered},
                                     settings_),
                     shown_of(assessed.assessment));
  }

  const Assessor& assessor_;
  const Knowledge& knowledge_;
  const CardSettings& settings_;
  const HookRequest& request_;
  const CardSubject subject_;
  const rules::Instant now_;
  std::vector<Source> sources_;  // in the order of the templates
};

}  // namespace

ShownCard shown_of(const rules::Assessment& assessment) {
  const auto& knowledge = *assessment.knowledge;
  ShownCard shown;
  shown.tier = rules::code_of(assessment.tier);
  shown.knowledge = knowledge.version;
  for (const auto& group : rules::explaining::group_fired(assessment).list) {
    shown.rules.push_back(group.lead->rule->id);
    for (const auto* finding : group.also) {
      shown.rules.push_back(finding->rule->id);
    }
  }
  return shown;
}

Json discovery(const Knowledge& knowledge) {
  Json services = Json::array();
  for (const auto hook : kHooks) {
    services.push(service_json(knowledge, hook));
  }
  return Json::object({{"services", std::move(services)}});
}

Service::Service(const Assessor& assessor, CardSettings settings)
    : assessor_(assessor), settings_(std::move(settings)) {}

Answer Service::answer(std::string_view body, rules::Instant now, const Fetch& fetch) const {
  auto request = read_hook_request(body);
  if (!request) {
    return refused(400, std::move(request.error()));
  }
  // The card is for clinicians; what a patient is told comes from the intake itself.
  if (request->reader_is_patient) {
    return without_card();
  }
  if (fetch) {
    fetch_missing(*request, fetch);
  }
  return Call(assessor_, settings_, *request, now).answer();
}

tl::expected<FetchedJudged, Issues> judge_fetched(const Assessor& assessor,
                                                  const std::string& patient_id,
                                                  const Json& prefetch, rules::Instant now) {
  auto sources = sources_of(prefetch);
  return judged(assessor, patient_id, sources, now).map([&](Assessed&& assessed) {
    Json input = bundle_of(patient_id, sources);
    for (const auto& source : sources) {
      if (is_missing(source.state) || is_doubtful(source.state)) {
        Json issue = Json::object({{"severity", "error"}, {"code", "incomplete"}});
        Json outcome = Json::object(
            {{"resourceType", "OperationOutcome"}, {"issue", Json::array({std::move(issue)})}});
        input.find("entry")->push(Json::object({{"resource", std::move(outcome)}}));
        break;
      }
    }
    return FetchedJudged{std::move(assessed), std::move(input)};
  });
}

tl::expected<mapping::RecordContext, Issues> read_fetched(const Assessor& assessor,
                                                          const std::string& patient_id,
                                                          Json prefetch, rules::Instant now) {
  const auto& knowledge = *assessor.knowledge();
  Json subject = Json::object({{"reference", "Patient/" + patient_id}});
  prefetch.set("intake",
               Json::object({{"resourceType", "QuestionnaireResponse"},
                             {"questionnaire", mapping::questionnaire_canonical(knowledge)},
                             {"status", "in-progress"},
                             {"subject", std::move(subject)}}));
  auto sources = sources_of(prefetch);
  return used_without_faults(sources, [&] {
    return mapping::take_in(bundle_of(patient_id, sources), knowledge)
        .map([&](const mapping::Intake& intake) {
          return mapping::read_record(assessor.concepts(), intake.record, false, now,
                                      intake.set_aside);
        });
  });
}

namespace {

// Without a call: whom the bundle of it would be about, by what tells a record who that is.
Json patient_named_by(const Assessed& assessed) {
  const Json subject =
      mapping::named_subject(assessed.assessment, assessed.response, assessed.record);
  if (const auto reference = subject.string_of("reference"); !reference.empty()) {
    return mapping::reference_to(reference.substr(0, reference.find("/_history/")));
  }
  const auto* identifier = subject.find("identifier");
  return identifier == nullptr ? Json()
                               : Json::object({{"type", "Patient"}, {"identifier", *identifier}});
}

}  // namespace

Json cards_of(const Assessor& assessor, const Assessed& assessed, rules::Instant now) {
  const auto ordered = ordered_workups(assessor, assessed.record, HookRequest{}, now);
  return cards_response({assessment_card(
      {assessed.assessment, assessed.response, patient_named_by(assessed), {}, {}, ordered}, {})});
}

}  // namespace myoflag::cds
