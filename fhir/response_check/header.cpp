// Rules about the response as a whole: which form, whose answers, when, in what state.
#include <algorithm>
#include <array>
#include <chrono>
#include <span>

#include <fmt/format.h>

#include "fhir/datetime.h"
#include "fhir/modifier.h"
#include "fhir/response_check/validators.h"

namespace myoflag::fhir::response_check {

namespace {

std::string at(std::string_view element) {
  return element.empty() ? "QuestionnaireResponse"
                         : fmt::format("QuestionnaireResponse.{}", element);
}

// R4 forbids to process an element whose modifier is not understood, and here none is.
void means_what_it_says(const HeaderContext& context, Report& report) {
  const auto& response = context.response;
  const auto refuse = [&report](std::string place) {
    report.add({Severity::error, "not-supported", "MF-1415",
                "A modifier extension or implicit rules change the meaning in a way that is not "
                "understood here."},
               std::move(place));
  };
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

std::string_view without_history(std::string_view reference) {
  return reference.substr(0, reference.find("/_history/"));
}

void has_expected_subject(const HeaderContext& context, Report& report) {
  const auto& subject = context.response.header().subject;
  const auto& expected = context.options.expected_subject;
  if (!expected) {
    return;
  }
  if (subject.empty()) {
    report.add(
        {Severity::error, "required", "MF-1413", "The response does not say whom it is about."},
        at("subject"));
  } else if (without_history(subject) != without_history(*expected)) {
    report.add({Severity::error, "business-rule", "MF-1412",
                "The response is about somebody else than the patient at hand."},
               at("subject"));
  }
}

// "Patient" of "Patient/17" and of "https://ehr.example/fhir/Patient/17/_history/2"; empty when it
// does not tell.
std::string_view type_in(std::string_view reference) {
  reference = without_history(reference);
  const auto last = reference.rfind('/');
  if (last == std::string_view::npos) {
    return {};
  }
  const auto head = reference.substr(0, last);
  const auto before = head.rfind('/');
  return before == std::string_view::npos ? head : head.substr(before + 1);
}

void check_participant(std::string_view element, const std::string& reference,
                       std::span<const std::string_view> allowed, Report& report) {
  const auto type = type_in(reference);
  if (type.empty() || std::find(allowed.begin(), allowed.end(), type) != allowed.end()) {
    return;
  }
  report.add(
      {Severity::error, "value", "MF-1414",
       fmt::format("The element {} refers to a type of resource that it must not.", element)},
      at(element));
}

void participants_fit(const HeaderContext& context, Report& report) {
  constexpr std::array<std::string_view, 4> sources{"Patient", "Practitioner", "PractitionerRole",
                                                    "RelatedPerson"};
  constexpr std::array<std::string_view, 6> authors{"Device",  "Practitioner",  "PractitionerRole",
                                                    "Patient", "RelatedPerson", "Organization"};
  constexpr std::array<std::string_view, 1> encounters{"Encounter"};
  const auto& header = context.response.header();
  check_participant("source", header.source, sources, report);
  check_participant("author", header.author, authors, report);
  check_participant("encounter", header.encounter, encounters, report);
}

constexpr HeaderValidator validators[] = {means_what_it_says,   is_readable,     names_this_form,
                                          form_is_in_use,       has_status,      is_dated,
                                          has_expected_subject, participants_fit};

}  // namespace

void check_header(const HeaderContext& context, Report& report) {
  for (const auto validate : validators) {
    validate(context, report);
  }
}

}  // namespace myoflag::fhir::response_check
