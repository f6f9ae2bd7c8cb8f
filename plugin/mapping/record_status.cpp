#include "plugin/mapping/record_status.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "fhir/answer_value.h"
#include "fhir/datetime.h"
#include "plugin/mapping/one_of.h"
#include "plugin/mapping/record_concepts.h"
#include "plugin/mapping/record_dates.h"
#include "plugin/mapping/record_words.h"
#include "plugin/mapping/vocabulary.h"

namespace myoflag::mapping {

namespace {

using fhir::Json;

constexpr std::string_view clinical = "clinicalStatus", verification = "verificationStatus";

const Json::Array& codings_of(const Json& condition, std::string_view name) {
  static const Json::Array none;
  const auto* status = condition.find(name);
  return status == nullptr ? none : status->array_of("coding");
}

// FHIR binds the status to the codes of one system; without a system they are meant.
bool is_standard(const Json& coding, std::string_view name) {
  const auto system = coding.string_of("system");
  return system.empty() ||
         is_same_address(system, name == clinical ? kConditionClinical : kConditionVerification);
}

// The same code of another system may mean anything: it takes nothing away, and may say that
// something is there.
enum class System : bool { any, standard };

bool has_status(const Json& condition, std::string_view name, System system,
                std::initializer_list<std::string_view> codes) {
  const auto& codings = codings_of(condition, name);
  return std::any_of(codings.begin(), codings.end(), [&](const Json& coding) {
    return (system == System::any || is_standard(coding, name)) &&
           is_one_of(coding.string_of("code"), codes);
  });
}

bool has_only_other_status(const Json& condition, std::string_view name) {
  const auto& codings = codings_of(condition, name);
  return !codings.empty() &&
         std::none_of(codings.begin(), codings.end(),
                      [name](const Json& coding) { return is_standard(coding, name); });
}

bool is_certainly_past(std::string_view date_time, rules::Instant now) {
  const auto parsed = fhir::parse_date_time(date_time);
  return parsed && fhir::latest(*parsed) < now;
}

// As an age or a range, an end lies in the past; in words it may say that there is none.
bool has_ended(const Json& condition, rules::Instant now) {
  if (const auto* period = condition.find("abatementPeriod")) {
    return is_certainly_past(period->string_of("end"), now);
  }
  if (condition.has("abatementDateTime")) {
    return is_certainly_past(condition.string_of("abatementDateTime"), now);
  }
  return condition.has("abatementAge") || condition.has("abatementRange");
}

}  // namespace

bool is_true(const Json& resource, std::string_view name) {
  const auto* value = resource.find(name);
  const auto* flag = value == nullptr ? nullptr : value->as_bool();
  return flag != nullptr && *flag;
}

// On hold: paused, so still there or about to be again. A request that is completed, stopped or
// cancelled is over; draft and intended are not yet. What was handed over or given was taken.
bool is_taken(const Json& medication, std::string_view type) {
  constexpr std::array<std::string_view, 7> over{
      "completed", "stopped", "cancelled", "draft", "entered-in-error", "intended", "not-taken"};
  constexpr std::array<std::string_view, 5> not_handed_over{"preparation", "cancelled", "stopped",
                                                            "declined", "entered-in-error"};
  constexpr std::array<std::string_view, 2> not_given{"not-done", "entered-in-error"};
  constexpr std::array<std::string_view, 2> suggested{"proposal", "option"};
  const auto status = medication.string_of("status");
  if (type == "MedicationDispense") {
    return !is_one_of(status, not_handed_over);
  }
  if (type == "MedicationAdministration") {
    return !is_one_of(status, not_given);
  }
  return !is_one_of(status, over) && !is_one_of(medication.string_of("intent"), suggested) &&
         !is_true(medication, "doNotPerform");
}

bool has_ended(const Json& medication, std::string_view type) {
  constexpr std::array<std::string_view, 2> told{"MedicationRequest", "MedicationStatement"};
  constexpr std::array<std::string_view, 2> ended{"completed", "stopped"};
  constexpr std::array<std::string_view, 2> suggested{"proposal", "option"};
  return is_one_of(type, told) && is_one_of(medication.string_of("status"), ended) &&
         !is_one_of(medication.string_of("intent"), suggested) &&
         !is_true(medication, "doNotPerform");
}

bool was_meant(const Json& medication) {
  constexpr std::array<std::string_view, 3> never{"draft", "cancelled", "entered-in-error"};
  return !is_one_of(medication.string_of("status"), never);
}

// Also what is unconfirmed: the question is whether it may be there. Of two statuses that
// contradict each other the riskier counts.
bool is_real_condition(const Json& condition) {
  return !has_status(condition, verification, System::standard, {"refuted", "entered-in-error"}) ||
         has_status(condition, verification, System::any,
                    {"confirmed", "provisional", "differential", "unconfirmed"});
}

// A status that says it is there counts, whatever stands beside it: FHIR's con-4 allows no end
// then.
bool is_over(const Json& condition, rules::Instant now) {
  return !has_status(condition, clinical, System::any, {"active", "recurrence", "relapse"}) &&
         (has_status(condition, clinical, System::standard, {"resolved"}) ||
          has_ended(condition, now));
}

bool is_present(const Json& condition, rules::Instant now) {
  return !is_over(condition, now) &&
         !has_status(condition, clinical, System::standard, {"inactive", "remission"});
}

bool has_unknown_status(const Json& condition) {
  return has_only_other_status(condition, clinical) ||
         has_only_other_status(condition, verification);
}

bool was_begun(const Json& procedure) {
  constexpr std::array<std::string_view, 3> not_begun{"not-done", "preparation",
                                                      "entered-in-error"};
  return !is_one_of(procedure.string_of("status"), not_begun);
}

bool is_in_use(const Json& device) {
  constexpr std::array<std::string_view, 2> gone{"inactive", "entered-in-error"};
  return !is_one_of(device.string_of("status"), gone);
}

bool is_going_on(const Json& procedure) {
  const auto status = procedure.string_of("status");
  return status == "in-progress" || status == "on-hold" ||
         (is_open_period(procedure, "performed") && status != "completed");
}

bool is_in_force(const Json& statement, std::string_view type, rules::Instant now) {
  constexpr std::array<std::string_view, 4> over{"inactive", "revoked", "cancelled",
                                                 "entered-in-error"};
  constexpr std::array<std::string_view, 2> no_plan{"draft", "completed"};
  const auto status = statement.string_of("status");
  const auto* period = statement.find("period");
  return !is_one_of(status, over) && !(type == "CarePlan" && is_one_of(status, no_plan)) &&
         !(period != nullptr && is_certainly_past(period->string_of("end"), now));
}

bool is_ordered(const Json& request) {
  constexpr std::array<std::string_view, 3> suggested{"proposal", "plan", "option"};
  return request.string_of("status") == "active" &&
         !is_one_of(request.string_of("intent"), suggested) && !is_true(request, "doNotPerform");
}

namespace {

bool is_void_unless(bool it_says_something, const Json& result) {
  return is_withdrawn(result) || (result.string_of("status") == "registered" && !it_says_something);
}

}  // namespace

bool is_withdrawn(const Json& result) {
  constexpr std::array<std::string_view, 2> withdrawn{"cancelled", "entered-in-error"};
  return is_one_of(result.string_of("status"), withdrawn);
}

bool is_void(const Json& observation) {
  return is_void_unless(has_value_inside(observation), observation);
}

bool is_void_report(const Json& report) { return is_void_unless(says_something(report), report); }

namespace {

bool has_category(const Json& observation, std::string_view code) {
  const auto& categories = observation.array_of("category");
  return std::any_of(categories.begin(), categories.end(), [code](const Json& category) {
    const auto& codings = category.array_of("coding");
    return std::any_of(codings.begin(), codings.end(), [code](const Json& coding) {
      return coding.string_of("system") == kObservationCategory && coding.string_of("code") == code;
    });
  });
}

}  // namespace

bool is_survey(const Json& observation) { return has_category(observation, kSurvey.code); }

bool is_sign(const Json& observation) { return has_category(observation, kVitalSigns.code); }

bool is_usual(const Json& observation) {
  return !is_laboratory(observation) && (is_sign(observation) || is_survey(observation) ||
                                         has_category(observation, kSocialHistory.code));
}

bool is_laboratory(const Json& observation) { return has_category(observation, kLaboratory.code); }

bool has_note(const Json& observation) { return !observation.array_of("note").empty(); }

bool is_final(const Json& observation) {
  constexpr std::array<std::string_view, 3> last{"final", "amended", "corrected"};
  return is_one_of(observation.string_of("status"), last);
}

namespace {

bool is_among(const std::vector<std::string>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

bool is_normal(const rules::Calm& calm, const Json& coding) {
  const auto system = coding.string_of("system");
  return std::any_of(calm.normal.begin(), calm.normal.end(), [&](const rules::CalmCodes& one) {
    return is_among(one.codes, coding.string_of("code")) &&
           (is_among(one.systems, system) || (one.without_system && system.empty()));
  });
}

bool is_code_of_normal(const rules::Calm& calm, std::string_view text) {
  return std::any_of(calm.normal.begin(), calm.normal.end(),
                     [&](const rules::CalmCodes& one) { return is_among(one.codes, text); });
}

bool says_other_than_normal(const rules::Calm& calm, const Json& interpretation) {
  const auto& codings = interpretation.array_of("coding");
  return std::any_of(codings.begin(), codings.end(), [&](const Json& coding) {
    const auto code = coding.string_of("code");
    return !code.empty() && !is_code_of_normal(calm, code);
  });
}

// Words alone say nothing that is read, and other words beside the code are not passed over.
bool says_normal(const rules::Calm& calm, const Json& interpretation) {
  const auto& codings = interpretation.array_of("coding");
  const auto says_no_more = [&](std::string_view words) {
    return fhir::is_blank(words) || is_code_of_normal(calm, words) ||
           is_among(calm.normal_words, plain_words(words));
  };
  return says_no_more(interpretation.string_of("text")) && !codings.empty() &&
         std::all_of(codings.begin(), codings.end(), [&](const Json& coding) {
           return is_normal(calm, coding) && says_no_more(coding.string_of("display"));
         });
}

std::optional<rules::Number> value_in(const Json* quantity, std::string_view unit) {
  if (quantity == nullptr) {
    return std::nullopt;
  }
  const auto own =
      quantity->has("code") ? quantity->string_of("code") : quantity->string_of("unit");
  const auto* value = quantity->find("value");
  const auto* number = value == nullptr ? nullptr : value->as_number();
  return number == nullptr || (!own.empty() && own != unit) ? std::nullopt
                                                            : rules::read_number(number->text);
}

bool is_outside(const Json& range, const Json& quantity) {
  const auto unit = quantity.has("code") ? quantity.string_of("code") : quantity.string_of("unit");
  const auto value = value_in(&quantity, unit);
  const auto low = value_in(range.find("low"), unit);
  const auto high = value_in(range.find("high"), unit);
  return value && ((low && *value < *low) || (high && *value > *high));
}

// A bound ("> 60") is inside only where all that it may stand for is.
bool is_inside(const Json& range, const Json& quantity) {
  const auto unit = quantity.has("code") ? quantity.string_of("code") : quantity.string_of("unit");
  const auto value = value_in(&quantity, unit);
  const auto low = value_in(range.find("low"), unit);
  const auto high = value_in(range.find("high"), unit);
  const bool is_readable =
      low.has_value() == range.has("low") && high.has_value() == range.has("high") && (low || high);
  const auto comparator = quantity.string_of("comparator");
  const bool is_beyond = (comparator.starts_with('>') && high) ||
                         (comparator.starts_with('<') && low && *low > rules::Number{});
  return value && is_readable && !is_beyond && !quantity.has("_comparator") &&
         (!low || *value >= *low) && (!high || *value <= *high);
}

}  // namespace

bool is_marked_abnormal(const rules::Calm& calm, const Json& part) {
  const auto& marks = part.array_of("interpretation");
  if (std::any_of(marks.begin(), marks.end(),
                  [&](const Json& mark) { return says_other_than_normal(calm, mark); })) {
    return true;
  }
  const auto& ranges = part.array_of("referenceRange");
  const auto* quantity = part.find("valueQuantity");
  return quantity != nullptr && ranges.size() == 1 && is_outside(ranges.front(), *quantity);
}

bool has_unread_mark(const rules::Calm& calm, const Json& part) {
  const auto& marks = part.array_of("interpretation");
  return !std::all_of(marks.begin(), marks.end(),
                      [&](const Json& mark) { return says_normal(calm, mark); });
}

bool is_for_normal(const Json& range) {
  if (range.has("age") || range.has("appliesTo")) {
    return false;
  }
  const auto* type = range.find("type");
  if (type == nullptr) {
    return true;
  }
  const auto& codings = type->array_of("coding");
  return std::any_of(codings.begin(), codings.end(),
                     [](const Json& coding) { return coding.string_of("code") == "normal"; });
}

bool is_marked_normal(const rules::Calm& calm, const Json& part) {
  const auto& marks = part.array_of("interpretation");
  if (is_marked_abnormal(calm, part) || !has_own_value(part) || part.has("dataAbsentReason")) {
    return false;
  }
  if (!marks.empty()) {
    return !has_unread_mark(calm, part);
  }
  const auto& ranges = part.array_of("referenceRange");
  const auto* quantity = part.find("valueQuantity");
  return quantity != nullptr && ranges.size() == 1 && is_for_normal(ranges.front()) &&
         is_inside(ranges.front(), *quantity);
}

bool has_own_value(const Json& observation) {
  if (const auto* quantity = observation.find("valueQuantity")) {
    return quantity->has("value");
  }
  const auto* object = observation.as_object();
  return object != nullptr &&
         std::any_of(object->begin(), object->end(),
                     [](const Json::Member& member) { return member.name.starts_with("value"); });
}

bool has_value_inside(const Json& observation) {
  const auto& components = observation.array_of("component");
  return has_own_value(observation) ||
         std::any_of(components.begin(), components.end(), has_own_value);
}

bool has_narrative(const Json& resource) {
  const auto* text = resource.find("text");
  return text != nullptr && text->string_of("status") != "empty" &&
         !fhir::is_blank(text->string_of("div"));
}

bool has_own_words(const Json& report) {
  constexpr std::array<std::string_view, 3> parts{"conclusionCode", "presentedForm", "media"};
  return !fhir::is_blank(report.string_of("conclusion")) ||
         std::any_of(parts.begin(), parts.end(),
                     [&](std::string_view part) { return !report.array_of(part).empty(); });
}

bool says_something(const Json& report) {
  return has_own_words(report) || report.has("result") || report.has("imagingStudy") ||
         has_narrative(report);
}

bool is_report_final(const Json& report) {
  return is_final(report) || report.string_of("status") == "appended";
}

}  // namespace myoflag::mapping
