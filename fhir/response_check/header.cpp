// Rules about the response as a whole: which form, whose answers, when, in what state.
#include <algorithm>
#include <array>
#include <chrono>
#include <set>
#include <span>
#include <string>

#include <fmt/format.h>

#include "fhir/datetime.h"
#include "fhir/modifier.h"
#include "fhir/references.h"
#include "fhir/response_check/reference_form.h"
#include "fhir/response_check/validators.h"

namespace myoflag::fhir::response_check {

namespace {

std::string at(std::string_view element) {
  return element.empty() ? "QuestionnaireResponse"
                         : fmt::format("QuestionnaireResponse.{}", element);
}

void refuse_modified(std::string place, Report& report) {
  report.add({Severity::error, "not-supported", "MF-1415",
              "A modifier extension or implicit rules change the meaning in a way that is not "
              "understood here."},
             std::move(place));
}

// R4 forbids to process an element whose modifier is not understood, and here none is.
void means_what_it_says(const HeaderContext& context, Report& report) {
  const auto& response = context.response;
  const auto refuse = [&report](std::string place) { refuse_modified(std::move(place), report); };
  if (has_implicit_rules(response.json())) {
    refuse(at("implicitRules"));
  }
  if (has_modifier(response.json())) {
    refuse(at("modifierExtension"));
  }
  for (std::size_t i = 0; i < response.items().size() && !report.is_full(); ++i) {
    if (has_modifier(*response.item(i).json)) {
      refuse(response.place_of_item(i) + ".modifierExtension");
    }
  }
  for (std::size_t i = 0; i < response.answers().size() && !report.is_full(); ++i) {
    if (has_modifier(*response.answer(i).json)) {
      refuse(response.place_of_answer(i) + ".modifierExtension");
    }
  }
}

// ---- contained resources and references

// Texts that begin with '#', wherever they stand: what is contained is named by them.
void collect_fragments(const Json& json, std::set<std::string_view>& found) {
  if (const auto* text = json.as_string(); text != nullptr && text->starts_with('#')) {
    found.insert(*text);
  }
  if (const auto* list = json.as_array()) {
    for (const auto& element : *list) {
      collect_fragments(element, found);
    }
  }
  if (const auto* members = json.as_object()) {
    for (const auto& member : *members) {
      collect_fragments(member.value, found);
    }
  }
}

struct ContainedProblem {
  Severity severity = Severity::error;
  std::string_view text;  // empty: none
};

// FHIR's dom-2 to dom-5. What changes nothing in the meaning of the answers does not keep them from
// being judged. Source: hl7.org/fhir/R4/domainresource.html
ContainedProblem contained_problem(const Json& inner, const std::set<std::string_view>& named) {
  const auto* meta = inner.find("meta");
  if (inner.has("contained")) {
    return {Severity::error, "A contained resource contains another one."};
  }
  if (meta != nullptr && meta->has("security")) {
    return {Severity::error, "A contained resource has no security label."};
  }
  if (meta != nullptr && (meta->has("versionId") || meta->has("lastUpdated"))) {
    return {Severity::warning, "A contained resource has no version and no time of change."};
  }
  std::set<std::string_view> own;
  collect_fragments(inner, own);
  const std::string name = "#" + std::string(inner.string_of("id"));
  if (!named.contains(name) && !own.contains("#")) {
    return {Severity::warning, "Nothing refers to the contained resource."};
  }
  return {};
}

void contained_fit(const HeaderContext& context, Report& report) {
  const auto& json = context.response.json();
  const auto& contained = json.array_of("contained");
  std::set<std::string_view> named;
  if (!contained.empty()) {
    collect_fragments(json, named);
  }
  for (std::size_t i = 0; i < contained.size() && !report.is_full(); ++i) {
    const auto place = at(fmt::format("contained[{}]", i));
    if (has_implicit_rules(contained[i]) || has_modifier_inside(contained[i])) {
      refuse_modified(place, report);
    }
    if (const auto problem = contained_problem(contained[i], named); !problem.text.empty()) {
      report.add({problem.severity, "invariant", "MF-1417", std::string(problem.text)}, place);
    }
  }
}

void check_reference(const Contained& contained, const Json& reference, const std::string& place,
                     Report& report) {
  const auto text = reference.string_of("reference");
  if (!text.empty() && !is_reference(text, contained)) {
    report.add({Severity::error, "value", "MF-1416",
                "This is no reference to a resource, or to one that is not contained here."},
               place + ".reference");
  }
}

// "….answer[0].value": an answer has rules of its own (MF-1465).
bool is_answer_value(std::string_view place) {
  constexpr std::string_view value = ".value";
  if (!place.ends_with(value)) {
    return false;
  }
  place.remove_suffix(value.size());
  const auto last = place.rfind('.');
  return last != std::string_view::npos && place.substr(last + 1).starts_with("answer[");
}

// Everywhere: a server refuses the whole for one that leads nowhere. "#" alone is what contains.
void references_lead_somewhere(const HeaderContext& context, Report& report) {
  const auto contained = contained_in(context.response.json());
  for_each_reference(context.response.json(), [&](const Json& reference, const std::string& place) {
    const bool inside = place.starts_with(at("contained"));
    const bool fits = inside ? reference.string_of("reference") == "#" : is_answer_value(place);
    if (!report.is_full() && !fits) {
      check_reference(contained, reference, place, report);
    }
  });
}

void is_readable(const HeaderContext& context, Report& report) {
  for (const auto& place : context.response.misfits()) {
    report.add({Severity::error, "structure", "MF-1401",
                "Something else stands where items or answers belong, and cannot be read."},
               place);
  }
}

void names_this_form(const HeaderContext& context, Report& report) {
  const auto& named = context.response.header().questionnaire;
  const auto& form = context.form.header();
  if (named.url.empty()) {
    report.add(
        {Severity::error, "required", "MF-1402",
         fmt::format("The response does not name its questionnaire; expected is {}.", form.url)},
        at("questionnaire"));
  } else if (named.url != form.url) {
    report.add({Severity::error, "not-supported", other_questionnaire,
                fmt::format("The response belongs to another questionnaire than {}; its items were "
                            "not checked.",
                            form.url)},
               at("questionnaire"));
  } else if (named.version.empty() && !form.version.empty()) {
    report.add({Severity::error, "required", "MF-1405",
                fmt::format("The response does not say which version of the questionnaire it "
                            "answers; expected is {}|{}.",
                            form.url, form.version)},
               at("questionnaire"));
  } else if (named.version != form.version && !form.version.empty()) {
    report.add({Severity::error, "not-supported", other_version,
                fmt::format("The response answers another version of the questionnaire than {}|{}; "
                            "its items were not checked.",
                            form.url, form.version)},
               at("questionnaire"));
  }
}

void warn_form(Report& report, std::string text) {
  report.add({Severity::warning, "business-rule", "MF-1406", std::move(text)}, at("questionnaire"));
}

void form_is_in_use(const HeaderContext& context, Report& report) {
  const auto& form = context.form.header();
  if (form.status != "active") {
    warn_form(report, fmt::format("The status of the questionnaire is {}.", form.status));
  }
  if (!context.options.now) {
    return;
  }
  const auto start = parse_date_time(form.effective_start);
  const auto end = parse_date_time(form.effective_end);
  if ((start && earliest(*start) > *context.options.now) ||
      (end && latest(*end) < *context.options.now)) {
    warn_form(report, "The questionnaire is outside its effective period.");
  }
}

void has_status(const HeaderContext& context, Report& report) {
  const auto status = context.response.header().status;
  if (status == ResponseStatus::unknown) {
    report.add({Severity::error, "code-invalid", "MF-1407",
                "The status must be in-progress, completed, amended, entered-in-error or stopped."},
               at("status"));
  } else if (status == ResponseStatus::entered_in_error) {
    report.add({Severity::warning, "informational", "MF-1408",
                "The response is marked as entered in error; its items were not checked."},
               at("status"));
  }
}

void is_dated(const HeaderContext& context, Report& report) {
  const auto& header = context.response.header();
  const auto* authored = context.response.json().find("authored");
  if (authored == nullptr) {
    report.add({Severity::warning, "required", "MF-1409",
                "The response does not say when it was answered."},
               at("authored"));
    return;
  }
  const auto moment = parse_date_time(header.authored);
  if (!moment) {
    report.add({Severity::error, "value", "MF-1410",
                "authored must be a date, or a date with seconds and a time zone, and exist."},
               at("authored"));
    return;
  }
  if (context.options.now && earliest(*moment) > *context.options.now + clock_skew) {
    report.add({Severity::error, "business-rule", "MF-1411",
                "The response claims to be answered in the future."},
               at("authored"));
  }
}

struct Targets {
  std::string_view element;
  std::array<std::string_view, 6> types;  // empty: no more of them
};

// Source: hl7.org/fhir/R4/questionnaireresponse-definitions.html
constexpr Targets kTargets[] = {
    {"basedOn", {"CarePlan", "ServiceRequest"}},
    {"partOf", {"Observation", "Procedure"}},
    {"encounter", {"Encounter"}},
    {"author",
     {"Device", "Practitioner", "PractitionerRole", "Patient", "RelatedPerson", "Organization"}},
    {"source", {"Patient", "Practitioner", "PractitionerRole", "RelatedPerson"}}};

void check_target(const Contained& contained, const Json& reference, const Targets& allowed,
                  const std::string& place, Report& report) {
  const auto type = type_of_target(reference, contained);
  const auto& types = allowed.types;
  if (type.empty() || std::find(types.begin(), types.end(), type) != types.end()) {
    return;
  }
  report.add({Severity::error, "value", "MF-1414",
              fmt::format("The element {} refers to a type of resource that it must not.",
                          allowed.element)},
             place);
}

void participants_fit(const HeaderContext& context, Report& report) {
  const auto& response = context.response.json();
  const auto contained = contained_in(response);
  for (const auto& allowed : kTargets) {
    const auto* value = response.find(allowed.element);
    const auto* list = value == nullptr ? nullptr : value->as_array();
    if (value != nullptr && list == nullptr) {
      check_target(contained, *value, allowed, at(allowed.element), report);
    }
    for (std::size_t i = 0; list != nullptr && i < list->size() && !report.is_full(); ++i) {
      check_target(contained, (*list)[i], allowed, at(fmt::format("{}[{}]", allowed.element, i)),
                   report);
    }
  }
}

// Of two with one id nobody can say which of them is meant.
void contained_have_their_own_ids(const HeaderContext& context, Report& report) {
  const auto& contained = context.response.json().array_of("contained");
  std::set<std::string_view> ids;
  for (std::size_t i = 0; i < contained.size() && !report.is_full(); ++i) {
    const auto id = contained[i].string_of("id");
    if (!id.empty() && !ids.insert(id).second) {
      report.add({Severity::error, "invariant", "MF-1417", "Two contained resources have one id."},
                 at(fmt::format("contained[{}]", i)));
    }
  }
}

constexpr HeaderValidator validators[] = {means_what_it_says,
                                          contained_fit,
                                          references_lead_somewhere,
                                          is_readable,
                                          names_this_form,
                                          form_is_in_use,
                                          has_status,
                                          is_dated,
                                          participants_fit,
                                          contained_have_their_own_ids};

}  // namespace

void check_header(const HeaderContext& context, Report& report) {
  for (const auto validate : validators) {
    validate(context, report);
  }
}

}  // namespace myoflag::fhir::response_check
