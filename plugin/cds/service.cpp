#include "plugin/cds/service.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "fhir/response.h"
#include "plugin/cds/hook_request.h"
#include "plugin/cds/prefetch.h"
#include "plugin/mapping/code_system.h"
#include "plugin/mapping/context.h"
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

Answer refused(int status, Issues issues) { return {status, {}, std::move(issues)}; }

Answer with_cards(const std::vector<Card>& cards) { return {200, cards_response(cards), {}}; }

// ---- the intake answers

bool is_answer_to(const Json& resource, std::string_view form) {
  return resource.string_of("resourceType") == "QuestionnaireResponse" &&
         resource.string_of("status") != "entered-in-error" &&
         fhir::split_canonical(resource.string_of("questionnaire")).url == form;
}

bool has_intake(const Knowledge& knowledge, const Json& value) {
  const auto form = mapping::questionnaire_url(knowledge);
  const auto& entries = value.array_of("entry");
  return is_answer_to(value, form) ||
         std::any_of(entries.begin(), entries.end(), [&](const Json& entry) {
           const auto* resource = entry.find("resource");
           return resource != nullptr && is_answer_to(*resource, form);
         });
}

// Part of the search failed, so an answer may be among what did not come.
bool has_failed_part(const Json& value) {
  const auto& entries = value.array_of("entry");
  return std::any_of(entries.begin(), entries.end(), [](const Json& entry) {
    const auto* resource = entry.find("resource");
    if (resource == nullptr || resource->string_of("resourceType") != "OperationOutcome") {
      return false;
    }
    const auto& issues = resource->array_of("issue");
    return std::any_of(issues.begin(), issues.end(), [](const Json& one) {
      return one.string_of("severity") == "error" || one.string_of("severity") == "fatal";
    });
  });
}

enum class Intake { there, none, unknown };

Intake intake_of(const Knowledge& knowledge, const Json& prefetch, State state) {
  if (is_missing(state)) {
    return Intake::unknown;
  }
  const auto* value = prefetch.find("intake");
  if (has_intake(knowledge, *value)) {
    return Intake::there;
  }
  const bool whole = state != State::paged && !has_failed_part(*value);
  return whole ? Intake::none : Intake::unknown;
}

Issue without_intake(State state) {
  constexpr std::string_view place = "prefetch.intake";
  if (state == State::not_provided) {
    return issue("required", "MF-4225", std::string(place),
                 "The intake answers did not come with the call, and are not fetched from here.");
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

bool is_about(const Json& prefetch, const HookRequest& request) {
  const auto* patient = prefetch.find("patient");
  if (patient == nullptr || !patient->is_object()) {
    return true;
  }
  const auto& entries = patient->array_of("entry");
  const auto is_other = [&](const Json& resource) {
    return resource.string_of("resourceType") == "Patient" &&
           resource.string_of("id") != request.patient_id;
  };
  return !is_other(*patient) && std::none_of(entries.begin(), entries.end(), [&](const Json& one) {
    const auto* resource = one.find("resource");
    return resource != nullptr && is_other(*resource);
  });
}

std::vector<Source> sources_of(const Json& prefetch, const std::set<std::string_view>& dropped) {
  std::vector<Source> sources;
  for (const auto& asked : kTemplates) {
    Source source;
    source.asked = &asked;
    source.state = dropped.contains(asked.key) ? State::unusable : state_of(prefetch, asked);
    sources.push_back(std::move(source));
  }
  return sources;
}

// One Bundle with the answers of the searches inside. Says of each source where it stands.
Json bundle_of(const HookRequest& request, std::vector<Source>& sources) {
  Json entries = Json::array();
  const auto add = [&entries](Json resource) {
    entries.push(Json::object({{"resource", std::move(resource)}}));
    return fmt::format("Bundle.entry[{}].resource", entries.as_array()->size() - 1);
  };
  bool has_patient = false;
  for (auto& source : sources) {
    if (source.state == State::given || source.state == State::paged) {
      source.place = add(*request.prefetch.find(source.asked->key));
      has_patient = has_patient || source.asked->key == "patient";
    }
  }
  if (!has_patient) {
    add(bare_patient(request.patient_id));
  }
  return Json::object(
      {{"resourceType", "Bundle"}, {"type", "collection"}, {"entry", std::move(entries)}});
}

std::vector<std::string> missing_phrases(const Knowledge& knowledge,
                                         const std::vector<Source>& sources) {
  std::vector<std::string> phrases;
  for (const auto& source : sources) {
    if (is_missing(source.state)) {
      phrases.push_back(rules::say(knowledge, phrase_for(source.state),
                                   {{"data", knowledge.text(source.asked->name)}}));
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

bool is_request(const Json& resource) {
  return resource.string_of("resourceType") == "ServiceRequest";
}

mapping::RecordResource as_record(Json request) {
  mapping::RecordResource order;
  order.json = std::move(request);
  order.type = "ServiceRequest";
  return order;
}

// Workups that are ordered, and those among the draft orders of the screen, which count as if they
// were: asking twice helps nobody.
std::set<int> ordered_workups(const Knowledge& knowledge, const std::vector<Json>& record,
                              const Json& drafts, rules::Instant now) {
  std::vector<mapping::RecordResource> orders;
  for (const auto& resource : record) {
    if (is_request(resource)) {
      orders.push_back(as_record(resource));
    }
  }
  for (const auto& entry : drafts.array_of("entry")) {
    const auto* resource = entry.find("resource");
    if (resource != nullptr && is_request(*resource)) {
      auto order = as_record(*resource);
      order.json.set("status", "active");
      order.json.set("intent", "order");
      order.json.erase("authoredOn");
      orders.push_back(std::move(order));
    }
  }
  std::set<int> workups;
  for (const auto& entry : mapping::read_record(knowledge, orders, false, now).entries) {
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
        now_(now) {}

  Answer answer() {
    if (!is_about(request_.prefetch, request_)) {
      return refused(400, {issue("business-rule", "MF-4224", "prefetch.patient.id",
                                 "The patient of the prefetch is not the one of the context.")});
    }
    const auto sources = sources_of(request_.prefetch, {});
    const auto state = sources[1].state;
    switch (intake_of(knowledge_, request_.prefetch, state)) {
      case Intake::unknown:
        return refused(412, {without_intake(state)});
      case Intake::none:
        return with_cards(offers());
      case Intake::there:
        break;
    }
    return judge();
  }

 private:
  std::vector<Card> offers() const {
    const bool before_visit =
        request_.hook == "appointment-book" || request_.hook == "encounter-start";
    if (!before_visit || settings_.intake_link.empty()) {
      return {};
    }
    return {offer_card(knowledge_, subject_, settings_)};
  }

  // A part of the record that would refuse the whole is left out and named.
  Answer judge() {
    std::set<std::string_view> dropped;
    while (true) {
      auto sources = sources_of(request_.prefetch, dropped);
      AssessOptions options;
      options.now = now_;
      Json bundle = bundle_of(request_, sources);
      options.missing_record = missing_phrases(knowledge_, sources);
      auto assessed = assessor_.assess_resource(std::move(bundle), options);
      if (assessed) {
        return card_for(*assessed, sources);
      }
      auto& issues = assessed.error();
      if (std::any_of(issues.begin(), issues.end(), is_about_identity)) {
        locate(issues, sources);
        return refused(400, std::move(issues));
      }
      const auto before = dropped.size();
      dropped.merge(keys_at_fault(issues, sources));
      if (dropped.size() == before) {
        return with_cards({unreadable_card(knowledge_, subject_, issues, sources, settings_)});
      }
    }
  }

  Answer card_for(const Assessed& assessed, const std::vector<Source>& sources) const {
    const auto ordered = ordered_workups(knowledge_, assessed.record, request_.draft_orders, now_);
    return with_cards({assessment_card(
        {assessed.assessment, assessed.response, subject_, sources, ordered}, settings_)});
  }

  const Assessor& assessor_;
  const Knowledge& knowledge_;
  const CardSettings& settings_;
  const HookRequest& request_;
  const CardSubject subject_;
  const rules::Instant now_;
};

}  // namespace

Json discovery(const Knowledge& knowledge) {
  Json services = Json::array();
  for (const auto hook : kHooks) {
    services.push(service_json(knowledge, hook));
  }
  return Json::object({{"services", std::move(services)}});
}

Service::Service(const Assessor& assessor, CardSettings settings)
    : assessor_(assessor), settings_(std::move(settings)) {}

Answer Service::answer(std::string_view body, rules::Instant now) const {
  auto request = read_hook_request(body);
  if (!request) {
    return refused(400, std::move(request.error()));
  }
  // The card is for clinicians; what a patient is told comes from the intake itself.
  if (request->reader_is_patient) {
    return with_cards({});
  }
  return Call(assessor_, settings_, *request, now).answer();
}

}  // namespace myoflag::cds
