// What of a record no rule reads, or nobody judged: it is listed, and nobody is calm beside it.
#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fhir/issue.h"
#include "fhir/r4/definitions.h"
#include "plugin/assess.h"
#include "plugin/mapping/assessment_json.h"
#include "plugin/mapping/bundle.h"
#include "plugin/mapping/code_system.h"
#include "plugin/mapping/context.h"
#include "plugin/mapping/own_words.h"
#include "plugin/mapping/record_concepts.h"
#include "plugin/mapping/record_reasons.h"
#include "plugin/mapping/rule_codes.h"
#include "rules/explain.h"
#include "rules/texts.h"
#include "rules/unjudged.h"
#include "tests/mapping/intake_support.h"

namespace myoflag {
namespace {

using fhir::Json;
using rules::RecordEntry;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using testing::knowledge;
using testing::parse;
using ::testing::SizeIs;

// "...": members without resourceType, id and subject.
Json of_p1(std::string_view type, std::string_view members) {
  auto json = parse("{" + std::string(members) + "}");
  json.set("resourceType", type);
  json.set("id", "x1");
  const auto patient = Json::object({{"reference", "Patient/p1"}});
  if (type == "Appointment") {
    json.set("participant", Json::array({Json::object({{"actor", patient}})}));
    return json;
  }
  const bool is_called_patient = type == "FamilyMemberHistory" || type == "Device" ||
                                 type == "DetectedIssue" || type == "EpisodeOfCare" ||
                                 type == "NutritionOrder" || type == "AllergyIntolerance";
  json.set(is_called_patient ? "patient" : type == "Task" ? "for" : "subject", patient);
  return json;
}

mapping::RecordContext read(const std::vector<Json>& resources) {
  std::vector<Json> all{parse(R"({"resourceType":"Patient","id":"p1"})"),
                        testing::response_of(testing::harmless())};
  for (std::size_t i = 0; i < resources.size(); ++i) {
    all.push_back(resources[i]);
    all.back().set("id", "x" + std::to_string(i));
  }
  const auto intake = testing::take(testing::bundle_of(all));
  return mapping::read_record(testing::concepts(), intake.value().record, intake->record_complete,
                              testing::now(), intake->set_aside);
}

std::vector<std::string> unread(const mapping::RecordContext& context) {
  std::vector<std::string> texts;
  for (const auto& entry : context.entries) {
    if (entry.kind == RecordEntry::Kind::test && entry.item < 0) {
      EXPECT_TRUE(entry.unread);
      texts.push_back(entry.text);
    }
  }
  return texts;
}

bool says(const mapping::RecordContext& context, std::string_view words) {
  const auto has = [words](const mapping::RecordProblem& problem) {
    return problem.text.find(words) != std::string::npos;
  };
  return std::any_of(context.problems.begin(), context.problems.end(), has) ||
         std::any_of(context.counts.begin(), context.counts.end(), has);
}

#define CATEGORY(code)                                                                                             \
  R"("category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":")" code \
  R"("}]}],)"
#define STATUS(code) R"("status":")" code R"(",)"
#define AT(day) R"("status":"final","effectiveDateTime":")" day R"(",)"
#define LOINC(code) R"("code":{"coding":[{"system":"http://loinc.org","code":")" code R"("}]},)"
#define NAMED(name) R"("code":{"text":")" name R"("},)"
#define MMOL(value) R"("valueQuantity":{"value":)" value R"(,"unit":"mmol/L"})"
#define MARKED(code) R"(,"interpretation":[{"coding":[{"code":")" code R"("}]}])"
#define MARK(system, more) \
  R"(,"interpretation":[{"coding":[{"code":"N","system":")" system R"("}],)" more "}]"
#define RANGE_FOR(whom) R"(,"referenceRange":[{"low":{"value":2},"high":{"value":7},)" whom "}]"
#define LAB AT("2026-11-21") CATEGORY("laboratory")
#define LISTED(name) \
  R"("valueCodeableConcept":{"coding":[{"system":"urn:x","code":"1","display":")" name R"("}]})"
#define CHOSEN(name, words)                                                                      \
  R"("valueCodeableConcept":{"coding":[{"system":"urn:x","code":"1","display":")" name R"("}],)" \
  R"("text":")" words R"("})"
#define PRESSURE(systolic) \
  CATEGORY("vital-signs")  \
  AT("2026-11-21")         \
  NAMED("Blood pressure")  \
  R"("component":[{)" systolic R"(},{"code":{"text":"Diastolic"},)" MMOL("80") "}]"
#define RANGE(low, high) \
  R"(,"referenceRange":[{"low":{"value":)" low R"(},"high":{"value":)" high R"(}}])"

// ---- results that no rule reads

struct UnreadCase {
  const char* name;
  const char* members;
  const char* text;  // as it is listed; empty: it is not
};

class Unread : public ::testing::TestWithParam<UnreadCase> {};

TEST_P(Unread, IsListedAndWithholdsReassurance) {
  const auto context = read({of_p1("Observation", GetParam().members)});
  const bool listed = *GetParam().text != '\0';
  EXPECT_EQ(context.doubtful, listed);
  EXPECT_EQ(says(context, "read by no rule"), listed);
  if (listed) {
    EXPECT_THAT(unread(context), ElementsAre(GetParam().text));
  } else {
    EXPECT_THAT(unread(context), IsEmpty());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Unread,
    ::testing::Values(
        UnreadCase{"abbreviation", AT("2026-11-21") NAMED("K+") MMOL("2.2") MARKED("LL"),
                   "K+: 2.2 mmol/L (LL)"},
        UnreadCase{"code_alone", AT("2026-11-21") LOINC("32713-0") MMOL("2.1"),
                   "32713-0: 2.1 mmol/L"},
        UnreadCase{
            "code_of_an_unknown_system",
            AT("2026-11-21") R"("code":{"coding":[{"system":"LOINC","code":"2823-3"}]},)" MMOL(
                "2.2"),
            "2823-3: 2.2 mmol/L"},
        UnreadCase{"no_category",
                   AT("2026-10-20") NAMED("Needle EMG") R"("valueString":"Denervation")",
                   "Needle EMG: Denervation"},
        UnreadCase{"coded_value",
                   AT("2026-10-20") NAMED("EMG") R"("valueCodeableConcept":{"text":"Denervation"})",
                   "EMG: Denervation"},
        UnreadCase{"examination",
                   CATEGORY("exam") AT("2026-10-20")
                       NAMED("Wasted tongue") R"("valueBoolean":true)",
                   "Wasted tongue: true"},
        UnreadCase{"without_a_value", AT("2026-10-20") R"("code":{"text":"Wasted tongue"})",
                   "Wasted tongue"},
        UnreadCase{"preliminary", R"("status":"preliminary",)" NAMED("Creatinine") MMOL("0.9"),
                   "Creatinine: 0.9 mmol/L"},
        UnreadCase{"normal_by_mark", AT("2026-11-21") NAMED("Urea") MMOL("5") MARKED("N"), ""},
        UnreadCase{"normal_by_the_standard_s_system",
                   AT("2026-11-21") NAMED("Urea") MMOL("5")
                       MARK("http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation",
                            R"("text":"Normal")"),
                   ""},
        UnreadCase{"normal_by_a_code_of_somebody_else",
                   AT("2026-11-21") NAMED("Urea") MMOL("5") MARK("urn:x", R"("id":"m")"),
                   "Urea: 5 mmol/L (N)"},
        UnreadCase{"normal_by_a_code_beside_other_words",
                   AT("2026-11-21") NAMED("Urea") MMOL("5")
                       MARK("http://hl7.org/fhir/v2/0078", R"("text":"CRITICAL")"),
                   "Urea: 5 mmol/L (CRITICAL)"},
        UnreadCase{"inside_a_range_of_another_age",
                   AT("2026-11-21") NAMED("Urea") MMOL("5")
                       RANGE_FOR(R"("age":{"high":{"value":1}})"),
                   "Urea: 5 mmol/L"},
        UnreadCase{"inside_a_range_of_other_people",
                   AT("2026-11-21") NAMED("Urea") MMOL("5")
                       RANGE_FOR(R"("appliesTo":[{"text":"neonate"}])"),
                   "Urea: 5 mmol/L"},
        UnreadCase{"words_that_name_a_condition_and_that_a_laboratory_marks_normal",
                   CATEGORY("laboratory") AT("2026-11-21")
                       NAMED("Biopsy") R"("valueString":"Motor neurone disease")" MARKED("N"),
                   "Biopsy: Motor neurone disease (N)"},
        UnreadCase{"normal_by_range", AT("2026-11-21") NAMED("Urea") MMOL("5") RANGE("2", "7"), ""},
        UnreadCase{"outside_its_range", AT("2026-11-21") NAMED("Urea") MMOL("9") RANGE("2", "7"),
                   "Urea: 9 mmol/L"},
        UnreadCase{"normal_with_a_note",
                   AT("2026-11-21") NAMED("Urea") MMOL("5")
                       RANGE("2", "7") R"(,"note":[{"text":"haemolysed"}])",
                   "Urea: 5 mmol/L"},
        UnreadCase{"sign", CATEGORY("vital-signs") AT("2026-11-21") NAMED("Pulse") MMOL("70"), ""},
        UnreadCase{"abnormal_sign",
                   CATEGORY("vital-signs") AT("2026-11-21") NAMED("Pulse") MMOL("170") MARKED("H"),
                   "Pulse: 170 mmol/L (H)"},
        UnreadCase{"sign_marked_in_words",
                   CATEGORY("vital-signs") AT("2026-11-21") NAMED("Pulse")
                       MMOL("60") R"(,"interpretation":[{"text":"Critically low"}])",
                   "Pulse: 60 mmol/L (Critically low)"},
        UnreadCase{"sign_with_a_note",
                   CATEGORY("vital-signs") AT("2026-11-21") NAMED("Pulse")
                       MMOL("60") R"(,"note":[{"text":"collapsed"}])",
                   "Pulse: 60 mmol/L"},
        UnreadCase{
            "survey_that_is_a_laboratory_result",
            R"("category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"survey"},
               {"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],)" AT(
                "2026-11-21") NAMED("Urea") MMOL("9"),
            "Urea: 9 mmol/L"},
        UnreadCase{"abnormal_as_a_whole",
                   CATEGORY("vital-signs") AT("2026-11-21")
                       NAMED("Blood pressure") R"("component":[{)" NAMED("Systolic")
                           MMOL("210") "}]" MARKED("HH"),
                   "Systolic: 210 mmol/L"},
        UnreadCase{"habit",
                   CATEGORY("social-history") AT("2026-11-21")
                       NAMED("Smoking") R"("valueString":"stopped, short of breath")",
                   "Smoking: stopped, short of breath"},
        UnreadCase{"habit_from_a_list",
                   CATEGORY("social-history") AT("2026-11-21") NAMED("Smoking") LISTED("Never"),
                   ""},
        UnreadCase{"habit_in_typed_words",
                   CATEGORY("social-history") AT("2026-11-21")
                       NAMED("Smoking") R"("valueCodeableConcept":{"text":"short of breath"})",
                   "Smoking: short of breath"},
        UnreadCase{"sign_in_words",
                   CATEGORY("vital-signs") AT("2026-11-21")
                       NAMED("AVPU") R"("valueString":"Unresponsive")",
                   "AVPU: Unresponsive"},
        UnreadCase{"sign_in_words_that_are_marked_normal",
                   CATEGORY("vital-signs") AT("2026-11-21")
                       NAMED("AVPU") R"("valueString":"Unresponsive")" MARKED("N"),
                   "AVPU: Unresponsive (N)"},
        UnreadCase{"sign_from_a_list",
                   CATEGORY("vital-signs") AT("2026-11-21") NAMED("AVPU") LISTED("Unresponsive"),
                   "AVPU: Unresponsive"},
        UnreadCase{"sign_of_a_component_in_words",
                   CATEGORY("vital-signs") AT("2026-11-21")
                       NAMED("NEWS2") R"("component":[{)" NAMED(
                           "AVPU") R"("valueString":"Unresponsive"}])",
                   "AVPU: Unresponsive"},
        UnreadCase{"sign_by_its_name_alone",
                   CATEGORY("vital-signs")
                       AT("2026-11-21") R"("code":{"text":"Patient unresponsive"})",
                   "Patient unresponsive"},
        UnreadCase{"sign_that_was_not_measured",
                   CATEGORY("vital-signs") AT("2026-11-21")
                       NAMED("Pulse") R"("dataAbsentReason":{"coding":[{"code":"unknown"}]})",
                   ""},
        UnreadCase{"sign_that_was_not_measured_because",
                   CATEGORY("vital-signs") AT("2026-11-21")
                       NAMED("Pulse") R"("dataAbsentReason":{"text":"too unwell"})",
                   "Pulse: too unwell"},
        UnreadCase{"sign_that_was_not_measured_with_words_beside_a_code",
                   CATEGORY("vital-signs") AT("2026-11-21")
                       NAMED("Pulse") R"("dataAbsentReason":{"coding":[{"code":"error"}],)"
                                      R"("text":"arrest"})",
                   "Pulse: arrest"},
        UnreadCase{"sign_of_a_component_that_was_not_measured_because",
                   PRESSURE(NAMED("Systolic") R"("dataAbsentReason":{"text":"convulsing"})"),
                   "Systolic: convulsing"},
        UnreadCase{
            "sign_of_a_whole_that_was_not_measured_because",
            R"("dataAbsentReason":{"text":"convulsing"},)" PRESSURE(NAMED("Mean") MMOL("80")),
            "Blood pressure: convulsing"},
        UnreadCase{"sign_of_a_component_by_its_name_alone",
                   PRESSURE(R"("code":{"text":"patient says: choking"})"), "patient says: choking"},
        UnreadCase{
            "sign_of_a_component_that_was_not_measured",
            PRESSURE(NAMED("Systolic") R"("dataAbsentReason":{"coding":[{"code":"unknown"}]})"),
            ""},
        UnreadCase{"words_that_are_marked_normal",
                   AT("2026-11-21") NAMED("Power") R"("valueString":"paralysed")" MARKED("N"),
                   "Power: paralysed (N)"},
        UnreadCase{"words_that_a_laboratory_marks_normal",
                   CATEGORY("laboratory") AT("2026-11-21")
                       NAMED("Culture") R"("valueString":"no growth")" MARKED("N"),
                   ""},
        UnreadCase{"antibody_that_was_found_and_is_marked_normal",
                   LAB NAMED("AChR antibody") LISTED("Positive") MARKED("N"),
                   "AChR antibody: Positive (N)"},
        UnreadCase{
            "words_that_say_it_was_found_and_are_marked_normal",
            LAB NAMED("RNA") R"("valueString":"Not seen in film; RNA DETECTED 2+")" MARKED("N"),
            "RNA: Not seen in film; RNA DETECTED 2+ (N)"},
        UnreadCase{"component_that_was_found_and_is_marked_normal",
                   LAB NAMED("Panel") R"("component":[{)" NAMED("Anti-MuSK")
                       LISTED("Weakly positive") MARKED("N") "}]",
                   "Anti-MuSK: Weakly positive (N)"},
        UnreadCase{"component_of_what_is_marked_critical",
                   LAB NAMED("Troponin") R"("component":[{)" NAMED(
                       "Part") R"("valueString":"negative")" MARKED("N") "}]" MARKED("AA"),
                   "Part: negative (N)"},
        UnreadCase{"panel_that_is_marked_critical",
                   LAB NAMED("Panel") R"("hasMember":[{"reference":"Observation/x"}])" MARKED("AA"),
                   "Panel (AA)"},
        UnreadCase{"normal_in_other_words",
                   LAB NAMED("Troponin") R"("valueInteger":4,"interpretation":[{"coding":[)"
                                         R"({"code":"N","display":"Critical high"}]}])",
                   "Troponin: 4 (Critical high)"},
        UnreadCase{"value_beside_a_reason_for_none",
                   LAB NAMED("AChR antibody") R"("valueInteger":0,"dataAbsentReason":)"
                                              R"({"text":"wrong sample"})" MARKED("N"),
                   "AChR antibody: 0 (N)"},
        UnreadCase{
            "words_behind_a_denial_that_has_ended",
            LAB NAMED("Culture") R"("valueString":"Normal flora; positive for Listeria")" MARKED(
                "N"),
            "Culture: Normal flora; positive for Listeria (N)"},
        UnreadCase{
            "a_code_alone_that_is_marked_normal",
            LAB NAMED("AChR antibody") R"("valueCodeableConcept":{"coding":[{"system":)"
                                       R"("http://snomed.info/sct","code":"10828004"}]})" MARKED(
                                           "N"),
            "AChR antibody: 10828004 (N)"},
        UnreadCase{
            "words_that_deny_and_are_marked_normal",
            LAB NAMED("HIV") R"("valueString":"Non-reactive, no antibodies detected")" MARKED("N"),
            ""},
        UnreadCase{"survey",
                   CATEGORY("survey") AT("2026-11-21") NAMED("PHQ-9") R"("valueInteger":20)", ""},
        UnreadCase{"survey_that_names_a_condition",
                   CATEGORY("survey") AT("2026-11-21") NAMED("Diagnosis")
                       LISTED("Motor neurone disease"),
                   "Diagnosis: Motor neurone disease"},
        UnreadCase{
            "habit_that_is_a_code_of_a_condition",
            CATEGORY("social-history") AT("2026-11-21") NAMED(
                "Condition") R"("valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct",)"
                             R"("code":"37340000"}]})",
            "Condition: 37340000"},
        UnreadCase{"survey_that_names_a_condition_and_is_marked_normal",
                   CATEGORY("survey") AT("2026-11-21") NAMED("Diagnosis")
                       LISTED("Motor neurone disease") MARKED("N"),
                   "Diagnosis: Motor neurone disease (N)"},
        UnreadCase{"survey_that_says_yes_to_a_condition",
                   CATEGORY("survey") AT("2026-11-21")
                       NAMED("Motor neurone disease") R"("valueBoolean":true)",
                   "Motor neurone disease: true"},
        UnreadCase{"survey_that_says_yes_to_a_condition_from_a_list",
                   CATEGORY("survey") AT("2026-11-21") NAMED("Motor neurone disease") LISTED("Yes"),
                   "Motor neurone disease: Yes"},
        UnreadCase{"survey_that_says_no_to_a_condition",
                   CATEGORY("survey") AT("2026-11-21")
                       NAMED("Motor neurone disease") R"("valueBoolean":false)",
                   ""},
        UnreadCase{"survey_that_says_no_to_a_condition_from_a_list",
                   CATEGORY("survey") AT("2026-11-21") NAMED("Motor neurone disease") LISTED("No"),
                   ""},
        UnreadCase{
            "habit_that_denies_a_pregnancy",
            CATEGORY("social-history") AT("2026-11-21") NAMED("State") LISTED("Not pregnant"), ""},
        UnreadCase{"survey_that_says_yes_to_words_that_nobody_knows",
                   CATEGORY("survey") AT("2026-11-21")
                       NAMED("Cannot swallow at all") R"("valueBoolean":true)",
                   ""},
        UnreadCase{"survey_with_words_beside_a_code",
                   CATEGORY("survey") AT("2026-11-21") NAMED("Falls")
                       CHOSEN("Yes", "Yes - collapsed twice last week"),
                   "Falls: Yes - collapsed twice last week"},
        UnreadCase{"survey_with_words_beside_a_code_without_a_name",
                   CATEGORY("survey") AT("2026-11-21")
                       NAMED("Falls") R"("valueCodeableConcept":{"text":"collapsed twice",)"
                                      R"("coding":[{"system":"urn:x","code":"1"}]})",
                   "Falls: collapsed twice"},
        UnreadCase{"survey_with_a_code_in_the_same_words",
                   CATEGORY("survey") AT("2026-11-21") NAMED("Falls")
                       CHOSEN("Yes, often", "yes - often"),
                   ""},
        UnreadCase{"survey_in_words",
                   CATEGORY("survey") AT("2026-11-21")
                       NAMED("Comments") R"("valueString":"cannot swallow")",
                   "Comments: cannot swallow"},
        UnreadCase{"survey_that_is_marked",
                   CATEGORY("survey") AT("2026-11-21")
                       NAMED("ALSFRS") R"("valueInteger":4)" MARKED("LL"),
                   "ALSFRS: 4 (LL)"},
        UnreadCase{"survey_with_a_note",
                   CATEGORY("survey") AT("2026-11-21")
                       NAMED("ALSFRS") R"("valueInteger":4,"note":[{"text":"cannot swallow"}])",
                   "ALSFRS: 4"},
        UnreadCase{"withdrawn", R"("status":"entered-in-error",)" NAMED("K+") MMOL("2.2"), ""}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(UnreadResults, OfTheUsualThatNobodyJudgedIsCountedAndNamed) {
  const auto usual = [](std::string_view category, std::string_view members) {
    return of_p1("Observation", std::string(category) + std::string(members));
  };
  constexpr auto sign = CATEGORY("vital-signs"), habit = CATEGORY("social-history"),
                 survey = CATEGORY("survey");
  const auto context = read(
      {usual(sign, AT("2026-11-21")
                       NAMED("Oxygen saturation") R"("valueQuantity":{"value":71,"unit":"%"})"),
       usual(sign, AT("2026-11-21") NAMED("Blood pressure") R"("component":[{)" NAMED("Systolic")
                       MMOL("120") "},{" NAMED("Diastolic") MMOL("80") "}]"),
       usual(habit, AT("2026-11-21") NAMED("Smoking") LISTED("Never")),
       usual(survey, AT("2026-11-21") NAMED("NIHSS") R"("valueInteger":20)"),
       usual(sign, AT("2026-11-21") NAMED("Pulse") MMOL("70") RANGE("60", "90")),
       usual(sign, AT("2021-11-21") NAMED("Pulse") MMOL("70")),
       usual(sign, R"("status":"entered-in-error",)" NAMED("Pulse") MMOL("70"))});
  EXPECT_TRUE(says(context, "no rule judges (5)"));
  EXPECT_THAT(context.counts, SizeIs(1));
  EXPECT_THAT(context.unjudged,
              ElementsAre("Oxygen saturation: 71 %, 2026-11-21", "Systolic: 120 mmol/L, 2026-11-21",
                          "Diastolic: 80 mmol/L, 2026-11-21", "Smoking: Never, 2026-11-21",
                          "NIHSS: 20, 2026-11-21"));
  EXPECT_THAT(unread(context), IsEmpty());
  EXPECT_FALSE(context.doubtful);
}

// ---- what ordinary records say

struct CalmCase {
  const char* name;
  const char* type;
  const char* members;
  const char* calm;  // named among what no rule judges; empty: it is told
};

class CalmWords : public ::testing::TestWithParam<CalmCase> {};

TEST_P(CalmWords, AlarmNobodyAndWithAnyFurtherWordAreTold) {
  const auto& param = GetParam();
  const auto context = read({of_p1(param.type, param.members)});
  const bool is_calm = *param.calm != '\0';
  EXPECT_EQ(context.entries.empty(), is_calm) << "listed, or known as what it names";
  const auto conditions = static_cast<std::size_t>(knowledge()->bindings.conditions);
  const bool is_known = context.facts.chosen[conditions] != 0;
  EXPECT_EQ(context.doubtful || is_known, !is_calm) << "what is listed alone withholds nothing";
  EXPECT_FALSE(is_calm && !context.problems.empty());
  EXPECT_EQ(context.unjudged,
            is_calm ? std::vector<std::string>{param.calm} : std::vector<std::string>());
}

#define NAMES(text, display)                                                                   \
  R"("code":{"text":")" text R"(","coding":[{"system":"urn:x","code":"1","display":")" display \
  R"("}]})"
INSTANTIATE_TEST_SUITE_P(
    Conditions, CalmWords,
    ::testing::Values(
        CalmCase{"no_problems", "Condition", R"("code":{"text":"No known problems"})",
                 "No known problems"},
        CalmCase{"large_letters", "Condition", NAMES("NO KNOWN PROBLEMS.", "No Known Problems"),
                 "NO KNOWN PROBLEMS."},
        CalmCase{"official_name", "Condition",
                 R"x("code":{"coding":[{"system":"urn:x","code":"1",)x"
                 R"x("display":"No current problems or disability (situation)"}]})x",
                 "No current problems or disability (situation)"},
        CalmCase{"work", "Condition",
                 NAMES("Full-time employment (finding)", "Full-time employment (finding)"),
                 "Full-time employment (finding)"},
        CalmCase{"except", "Condition", R"("code":{"text":"No known problems except ALS"})", ""},
        CalmCase{"only_of_one_kind", "Condition",
                 R"("code":{"text":"No known heart problems since the stroke unit"})", ""},
        CalmCase{"not_none", "Condition", R"("code":{"text":"None of these, see letter"})", ""},
        CalmCase{"stress_at_work", "Condition",
                 R"("code":{"text":"Full-time employment, collapsed at work"})", ""},
        CalmCase{"another_name", "Condition", NAMES("No known problems", "Bulbar palsy"), ""},
        CalmCase{"code_without_name", "Condition",
                 R"("code":{"text":"No known problems","coding":[{"system":"urn:x","code":"1"}]})",
                 ""},
        CalmCase{"code_alone", "Condition", R"("code":{"coding":[{"code":"160245001"}]})", ""}),
    [](const auto& one) { return std::string(one.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Results, CalmWords,
    ::testing::Values(
        CalmCase{"negative", "Observation", LAB NAMED("Nitrite") R"("valueString":"Negative")",
                 "Nitrite: Negative, 2026-11-21"},
        CalmCase{"short_and_marked", "Observation",
                 LAB NAMED("Nitrite") R"("valueString":"NEG")" MARKED("NEG"),
                 "Nitrite: NEG (NEG), 2026-11-21"},
        CalmCase{"chosen", "Observation", LAB NAMED("Influenza A RNA") LISTED("Not detected"),
                 "Influenza A RNA: Not detected, 2026-11-21"},
        CalmCase{"long_ago", "Observation",
                 R"("status":"final","effectiveDateTime":"2019-11-21",)" CATEGORY("laboratory")
                     NAMED("Casts") R"("valueString":"None seen")",
                 "Casts: None seen, 2019-11-21"},
        CalmCase{"with_more", "Observation",
                 LAB NAMED("Nitrite") R"("valueString":"Negative, blood +++")", ""},
        CalmCase{"not_negative", "Observation",
                 LAB NAMED("Nitrite") R"("valueString":"Not negative")", ""},
        CalmCase{"marked_abnormal", "Observation",
                 LAB NAMED("Nitrite") R"("valueString":"Negative")" MARKED("A"), ""},
        CalmCase{
            "mark_in_other_words", "Observation",
            LAB NAMED(
                "Nitrite") R"("valueString":"Negative","interpretation":[{"text":"see note"}])",
            ""},
        CalmCase{"note", "Observation",
                 LAB NAMED("Nitrite") R"("valueString":"Negative","note":[{"text":"repeat"}])", ""},
        CalmCase{"of_no_laboratory", "Observation",
                 AT("2026-11-21") NAMED("Knee jerk") R"("valueString":"None seen")", ""},
        CalmCase{"examined", "Observation",
                 AT("2026-11-21") CATEGORY("exam")
                     NAMED("Knee jerk") R"("valueString":"Not detected")",
                 ""}),
    [](const auto& one) { return std::string(one.param.name); });

// A test that a rule proposes may find something by not finding it.
TEST(CalmWords, OfATestThatTheKnowledgeProposesAreTold) {
  for (const auto& workup : knowledge()->workups) {
    for (const auto& code : workup.codes) {
      auto result = of_p1("Observation", LAB R"("valueString":"Not detected")");
      result.set("code",
                 Json::object({{"coding", Json::array({Json::object(
                                              {{"system", code.system}, {"code", code.code}})})}}));
      const auto context = read({result});
      EXPECT_THAT(context.unjudged, IsEmpty()) << workup.code;
      EXPECT_FALSE(context.entries.empty()) << workup.code;
    }
  }
}

TEST(CalmVisits, OfOneEhrAloneAreKnownByTheirNames) {
  const auto visit = [](std::string_view display, std::string_view more) {
    return read({of_p1("Encounter",
                       R"("status":"finished","period":{"start":"2026-11-20","end":"2026-11-20"},)"
                       R"("class":{"system":"urn:oid:1.2.840.114350.1","code":"13",)"
                       R"("display":")" +
                           std::string(display) + "\"}" + std::string(more))})
        .doubtful;
  };
  EXPECT_FALSE(visit("Outpatient", ""));
  EXPECT_FALSE(visit("Office Visit", ""));
  EXPECT_TRUE(visit("Outpatient emergency", ""));
  EXPECT_TRUE(visit("Outpatient surgery", ""));
  EXPECT_TRUE(visit("", ""));
  EXPECT_TRUE(visit("Outpatient", R"(,"hospitalization":{"reAdmission":{"text":"R"}})"));
  EXPECT_TRUE(visit("Outpatient", R"(,"reasonCode":[{"text":"Collapse"}])"));
}

TEST(UnreadResults, WordsOfTheUsualOfLongAgoAreListedForPeopleAlone) {
  const auto habit = [](std::string_view more) {
    return read({of_p1("Observation", CATEGORY("social-history") AT("2016-11-21")
                                              NAMED("Weakness") R"("valueString":"left arm")" +
                                          std::string(more))});
  };
  EXPECT_THAT(unread(habit("")), ElementsAre("Weakness: left arm"));
  EXPECT_FALSE(habit("").doubtful);
  EXPECT_TRUE(habit(R"(,"note":[{"text":"worse"}])").doubtful);
}

TEST(Surveys, AreReadUnlessTheyAreOurs) {
  const auto lab = static_cast<std::size_t>(knowledge()->lab("k"));
  const auto potassium = [](std::string_view category, std::string_view codings) {
    return read(
        {of_p1("Observation", std::string(category) + AT("2026-11-21") R"("code":{"coding":[)" +
                                  std::string(codings) + "]}," MMOL("7.1"))});
  };
  constexpr auto loinc = R"({"system":"http://loinc.org","code":"2823-3"})";
  const auto read_one = potassium(CATEGORY("survey"), loinc);
  EXPECT_EQ(rules::to_text(read_one.facts.labs[lab].value), "7.1");
  EXPECT_TRUE(says(read_one, "among the answers to a form"));
  EXPECT_TRUE(read_one.doubtful);
  const auto of_ours = [](std::string_view system) {
    return R"({"system":")" + std::string(system) + R"(","code":"x","display":"Potassium?"})";
  };
  for (const auto& system :
       {mapping::question_system(*knowledge()), mapping::result_system(*knowledge(), "rules")}) {
    const auto ours = potassium(CATEGORY("survey"), of_ours(system));
    EXPECT_NE(ours.facts.labs[lab].state, rules::LabState::unusable) << system;
    EXPECT_FALSE(ours.doubtful) << system;
    EXPECT_THAT(ours.problems, IsEmpty()) << system;
  }
  const auto theirs = potassium(CATEGORY("survey"), of_ours("urn:x"));
  EXPECT_EQ(theirs.facts.labs[lab].state, rules::LabState::unusable);
  const auto missing = [](std::string_view code) {
    return read({of_p1("Observation", CATEGORY("survey") AT("2026-11-21") R"("code":{"coding":[)" +
                                          std::string(code) +
                                          R"(]},"hasMember":[{"reference":"Observation/gone"}])")});
  };
  EXPECT_FALSE(missing(of_ours(mapping::result_system(*knowledge(), "results"))).doubtful);
  EXPECT_TRUE(missing(of_ours("urn:x")).doubtful);
}

TEST(UnreadResults, EachPartIsListedAndThoseThatARuleReadsAreNot) {
  const auto context = read(
      {of_p1("Observation", AT("2026-11-21") NAMED("Panel") R"("component":[{)" NAMED("Na")
                                MMOL("112") "},{" LOINC("2823-3") MMOL("2.0") "},{" NAMED("Urea")
                                    MMOL("5") RANGE("2", "7") "}]")});
  EXPECT_THAT(unread(context), ElementsAre("Na: 112 mmol/L"));
}

TEST(UnreadResults, OneInsideAReportIsListed) {
  const auto context = read({of_p1(
      "DiagnosticReport",
      AT("2026-11-21") NAMED("U&E") R"("contained":[{"resourceType":"Observation","id":"k",)" AT(
          "2026-11-21") NAMED("K") MMOL("2.2") R"(}],"result":[{"reference":"#k"}])")});
  EXPECT_THAT(unread(context), ElementsAre("K: 2.2 mmol/L"));
  EXPECT_TRUE(context.doubtful);
}

TEST(UnreadResults, AnOlderOneIsReplacedByALaterOneOfTheSameNameOnly) {
  const auto urea = [](std::string_view day, std::string_view more) {
    return of_p1("Observation", CATEGORY("laboratory") R"("status":"final","effectiveDateTime":")" +
                                    std::string(day) + R"(","code":{"text":"Urea"},)" +
                                    std::string(more));
  };
  const auto old = urea("2026-01-01", MMOL("30"));
  EXPECT_FALSE(read({old, urea("2026-11-01", MMOL("5") MARKED("N"))}).doubtful);
  EXPECT_THAT(unread(read({urea("2026-11-01", MMOL("31")), old})), ElementsAre("Urea: 31 mmol/L"));
  const auto words = urea("2026-11-01", R"("valueString":"see report")");
  EXPECT_THAT(unread(read({old, words})), ElementsAre("Urea: see report", "Urea: 30 mmol/L"));
}

#define DISPLAYED(name) R"("code":{"coding":[{"display":")" name R"("}]},)"

TEST(UnreadResults, OfACodingWithoutACodeTheWordsTellOneFromAnother) {
  const auto lab = [](std::string_view members) {
    return of_p1("Observation", CATEGORY("laboratory") + std::string(members));
  };
  const auto high = lab(AT("2026-11-20") DISPLAYED("Troponin") MMOL("900") MARKED("HH"));
  EXPECT_THAT(
      unread(read({high, lab(AT("2026-11-21") DISPLAYED("Glucose") MMOL("5") MARKED("N"))})),
      ElementsAre("Troponin: 900 mmol/L (HH)"));
  EXPECT_THAT(
      unread(read({high, lab(AT("2026-11-21") DISPLAYED("Troponin") MMOL("5") MARKED("N"))})),
      IsEmpty());
  const auto nameless =
      lab(AT("2026-11-20") R"("code":{"coding":[{"system":"urn:x"}]},)" MMOL("9") MARKED("HH"));
  const auto later =
      lab(AT("2026-11-21") R"("code":{"coding":[{"system":"urn:x"}]},)" MMOL("5") MARKED("N"));
  EXPECT_THAT(unread(read({nameless, later})), SizeIs(1));
}

TEST(UnreadResults, OneOfTheFutureReplacesNothing) {
  const auto troponin = [](std::string_view day, std::string_view more) {
    return of_p1("Observation", CATEGORY("laboratory") R"("status":"final","effectiveDateTime":")" +
                                    std::string(day) + R"(",)" NAMED("Troponin") +
                                    std::string(more));
  };
  const auto context = read({troponin("2026-11-22", MMOL("900") MARKED("HH")),
                             troponin("2062-11-22", MMOL("5") MARKED("N"))});
  EXPECT_THAT(unread(context), ElementsAre("Troponin: 900 mmol/L (HH)"));
}

TEST(UnreadResults, WordsOfACautionSilenceNothing) {
  const auto context = read({of_p1(
      "Observation",
      AT("2026-11-21")
          NAMED("ECG") R"("valueCodeableConcept":{"text":"Pacemaker, ventricular tachycardia"},"component":[{)" NAMED(
              "K+") MMOL("2.2") MARKED("LL") "}]")});
  EXPECT_THAT(unread(context),
              ElementsAre("ECG: Pacemaker, ventricular tachycardia", "K+: 2.2 mmol/L (LL)"));
  EXPECT_TRUE(context.doubtful);
}

TEST(UnreadResults, APregnancySilencesNoComponentBesideIt) {
  const auto context = read({of_p1(
      "Observation",
      AT("2026-11-21") NAMED(
          "Antenatal check") R"("valueCodeableConcept":{"text":"Pregnant"},"component":[{)" NAMED("Hb")
          MMOL("40") MARKED("LL") "}]")});
  EXPECT_THAT(unread(context), ElementsAre("Hb: 40 mmol/L (LL)"));
}

TEST(UnreadResults, OneThatOnlyItsReportDatesIsShownWithThatDate) {
  const auto context = read(
      {of_p1("DiagnosticReport",
             AT("2026-11-21") NAMED("U&E") R"("contained":[{"resourceType":"Observation","id":"k",)"
                                           R"("status":"final",)" NAMED("K")
                                               MMOL("2.2") R"(}],"result":[{"reference":"#k"}])")});
  const auto found = std::find_if(context.entries.begin(), context.entries.end(),
                                  [](const auto& entry) { return entry.text.starts_with("K:"); });
  ASSERT_NE(found, context.entries.end());
  EXPECT_EQ(found->date, "2026-11-21");
}

TEST(UnreadResults, ANewerOneDoesNotHideBehindAnOlderOneThatIsRead) {
  const auto context =
      read({of_p1("Observation", AT("2026-11-20") LOINC("2823-3") MMOL("3.9") MARKED("N")),
            of_p1("Observation", AT("2026-11-21") NAMED("K+ (ABG)") MMOL("2.0") MARKED("LL"))});
  EXPECT_THAT(unread(context), ElementsAre("K+ (ABG): 2.0 mmol/L (LL)"));
  EXPECT_TRUE(context.doubtful);
}

TEST(UnreadResults, ManyAreCutAndThatIsSaidOnce) {
  std::vector<Json> many;
  for (int i = 0; i < 60; ++i) {
    many.push_back(of_p1("Observation", AT("2026-11-21") NAMED("K+") MMOL("2.2") ""));
    many.back().set("code", Json::object({{"text", "Test " + std::to_string(i)}}));
  }
  const auto context = read(many);
  EXPECT_THAT(unread(context), SizeIs(20));
  EXPECT_THAT(context.problems, SizeIs(2));
}

TEST(UnreadResults, ANormalOneMeasuredInAnotherWayIsCalmBesideTheUsualOneAndAnotherIsListed) {
  const auto& lab = knowledge()->labs[static_cast<std::size_t>(knowledge()->lab("ca"))];
  const auto calcium = [&](const rules::Coding& code, std::string_view more) {
    auto one =
        of_p1("Observation", R"("status":"final","effectiveDateTime":"2026-11-20T08:00:00Z",)" +
                                 std::string(more));
    one.set("code", Json::object({{"coding", Json::array({Json::object({{"system", code.system},
                                                                        {"code", code.code}})})}}));
    return one;
  };
  const auto adjusted = calcium(lab.codes.front(), MMOL("2.4") MARKED("N"));
  const auto& other = lab.not_comparable.front();
  EXPECT_FALSE(read({adjusted, calcium(other, MMOL("2.3") MARKED("N"))}).doubtful);
  const auto low = read({adjusted, calcium(other, MMOL("1.2") MARKED("LL"))});
  EXPECT_TRUE(low.doubtful);
  EXPECT_THAT(unread(low), ElementsAre(other.code + ": 1.2 mmol/L"));
}

// ---- results that nobody judged

struct JudgedCase {
  const char* name;
  const char* members;  // beside potassium of yesterday
  const char* said;     // empty: calm
};

class Judged : public ::testing::TestWithParam<JudgedCase> {};

TEST_P(Judged, ByItsLaboratoryOrNobodyIsCalm) {
  const auto context = read(
      {of_p1("Observation", AT("2026-11-21") LOINC("2823-3") + std::string(GetParam().members))});
  const bool calm = *GetParam().said == '\0';
  EXPECT_EQ(context.doubtful, !calm);
  EXPECT_EQ(context.problems.empty(), calm);
  EXPECT_TRUE(calm || says(context, GetParam().said));
}

constexpr auto not_judged = "not judged";

INSTANTIATE_TEST_SUITE_P(
    Cases, Judged,
    ::testing::Values(
        JudgedCase{"nothing_said", MMOL("6.4"), not_judged},
        JudgedCase{"inside", MMOL("4.1") RANGE("3.5", "5.3"), ""},
        JudgedCase{"at_its_end", MMOL("5.3") RANGE("3.5", "5.3"), ""},
        JudgedCase{"outside", MMOL("5.4") RANGE("3.5", "5.3"), "abnormal"},
        JudgedCase{"marked_normal", MMOL("4.1") MARKED("N"), ""},
        JudgedCase{"marked_normal_outside", MMOL("5.4") MARKED("N") RANGE("3.5", "5.3"),
                   "abnormal"},
        JudgedCase{
            "mark_in_words",
            MMOL("4.1") R"(,"interpretation":[{"text":"CRITICAL HIGH"}])" RANGE("3.5", "5.3"),
            not_judged},
        JudgedCase{"range_in_words", MMOL("6.4") R"(,"referenceRange":[{"text":"3.5-5.3"}])",
                   not_judged},
        JudgedCase{"range_in_another_unit",
                   MMOL("4.1") R"(,"referenceRange":[{"low":{"value":3.5,"unit":"mg/dL"}}])",
                   not_judged},
        JudgedCase{"two_ranges",
                   MMOL("4.1") R"(,"referenceRange":[{"high":{"value":5.3}},{"high":{"value":6}}])",
                   not_judged},
        JudgedCase{
            "range_of_treatment",
            MMOL(
                "4.1") R"(,"referenceRange":[{"high":{"value":6},"type":{"coding":[{"code":"treatment"}]}}])",
            not_judged},
        JudgedCase{
            "range_of_a_kind_in_words",
            MMOL(
                "4.1") R"(,"referenceRange":[{"high":{"value":6},"type":{"text":"Therapeutic range"}}])",
            not_judged},
        JudgedCase{"note", MMOL("4.1") RANGE("3.5", "5.3") R"(,"note":[{"text":"haemolysed"}])",
                   "note"}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(JudgedResults, ABoundIsInsideOnlyWhereAllOfItIs) {
  const auto calm = [](std::string_view comparator, std::string_view range) {
    return !read({of_p1("Observation",
                        AT("2026-11-21") NAMED(
                            "CRP") R"("valueQuantity":{"value":2,"unit":"mg/L","comparator":")" +
                            std::string(comparator) + R"("},"referenceRange":[{)" +
                            std::string(range) + "}]")})
                .doubtful;
  };
  EXPECT_TRUE(calm("<", R"("high":{"value":4})"));
  EXPECT_TRUE(calm(">", R"("low":{"value":1})"));
  EXPECT_TRUE(calm("<", R"("low":{"value":0},"high":{"value":4})"));
  EXPECT_FALSE(calm(">", R"("high":{"value":4})"));
  EXPECT_FALSE(calm("<", R"("low":{"value":1},"high":{"value":4})"));
}

TEST(JudgedResults, OfSeveralUpperLimitsTheLowestCountsAndThatIsSaid) {
  const auto context = read({of_p1(
      "Observation",
      AT("2026-11-21") LOINC(
          "2157-6") R"("valueQuantity":{"value":25000,"unit":"U/L"},)"
                    R"("referenceRange":[{"high":{"value":200,"unit":"U/L"}},{"high":{"value":125,"unit":"U/L"}}])")});
  const auto& ck = context.facts.labs[static_cast<std::size_t>(knowledge()->lab("ck-xuln"))];
  EXPECT_EQ(rules::to_text(ck.value), "200");
  EXPECT_TRUE(says(context, "the lowest of several upper limits"));
}

TEST(JudgedResults, WhatWasNotUsedIsCalledAsTheRecordCallsIt) {
  const auto shown = [](std::string_view members) {
    const auto context = read({of_p1("Observation", members)});
    EXPECT_FALSE(says(context, "adjusted")) << members;
    EXPECT_FALSE(says(context, "multiple")) << members;
    const auto found =
        std::find_if(context.entries.begin(), context.entries.end(),
                     [](const auto& one) { return one.kind == RecordEntry::Kind::lab; });
    return found == context.entries.end() ? std::string() : found->text;
  };
  EXPECT_EQ(shown(AT("2026-11-21") NAMED("Sodium in urine") MMOL("20")),
            "Sodium in urine: 20 mmol/L");
  EXPECT_EQ(shown(AT("2026-11-21") LOINC("1995-0") MMOL("0.6")), "1995-0: 0.6 mmol/L");
  EXPECT_EQ(
      shown(AT("2026-11-21") LOINC("2157-6") R"("valueQuantity":{"value":25000,"unit":"U/L"})"),
      "2157-6: 25000 U/L");
  EXPECT_EQ(shown(AT("2026-11-21") LOINC("2823-3") R"("valueString":"2.1 CRITICAL")"),
            "2.1 CRITICAL");
}

// ---- others

TEST(Family, IsListedAndWithholdsReassurance) {
  const auto father = [](std::string_view status) {
    return of_p1("FamilyMemberHistory",
                 R"("status":")" + std::string(status) +
                     R"(","relationship":{"text":"father"},"condition":[{"code":{"text":"Gout"}},)"
                     R"({"code":{"text":"Motor neurone disease"}}])");
  };
  const auto context = read({father("completed")});
  EXPECT_THAT(unread(context), ElementsAre("family history, father: Gout; Motor neurone disease"));
  EXPECT_TRUE(context.doubtful);
  EXPECT_FALSE(read({father("entered-in-error")}).doubtful);
}

TEST(Report, ThatIsNotReadIsShownByNameAndConclusion) {
  const auto context = read({of_p1(
      "DiagnosticReport",
      AT("2026-10-20") NAMED(
          "Electromyography") R"("conclusion":"Chronic denervation","conclusionCode":[{"text":"Abnormal"}])")});
  EXPECT_THAT(unread(context), ElementsAre("Electromyography: Chronic denervation; Abnormal"));
}

// What the record says beside its results; `doubtful`: nobody is reassured beside it.
struct OtherCase {
  const char* name;
  const char* type;
  const char* members;
  const char* text;  // as it is listed; empty: it is not
  bool doubtful = true;
};

class Others : public ::testing::TestWithParam<OtherCase> {};

TEST_P(Others, AreListedAndWithholdReassurance) {
  const auto& param = GetParam();
  const auto context = read({of_p1(param.type, param.members)});
  if (*param.text == '\0') {
    EXPECT_THAT(unread(context), IsEmpty());
  } else {
    EXPECT_THAT(unread(context), ElementsAre(param.text));
  }
  EXPECT_EQ(context.doubtful, param.doubtful);
  EXPECT_EQ(!context.problems.empty(), param.doubtful);
}

#define DONE(day) R"("status":"completed","performedDateTime":")" day R"(",)"
#define OF_THE_FATHER R"("status":"completed","relationship":{"text":"father"})"
#define NARRATIVE \
  R"("text":{"status":"additional","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">motor neurone disease</div>"})"

INSTANTIATE_TEST_SUITE_P(
    Cases, Others,
    ::testing::Values(
        OtherCase{"family_without_words", "FamilyMemberHistory",
                  OF_THE_FATHER R"(,"condition":[{"code":{"extension":[{"url":"urn:x"}]}}])",
                  "family history, father: (not named)"},
        OtherCase{"family_narrative", "FamilyMemberHistory", OF_THE_FATHER "," NARRATIVE,
                  "family history, father: (not named)"},
        OtherCase{"family_reason", "FamilyMemberHistory",
                  OF_THE_FATHER R"(,"reasonCode":[{"text":"familial ALS"}])",
                  "family history, father: familial ALS"},
        OtherCase{"family_death", "FamilyMemberHistory",
                  OF_THE_FATHER R"(,"deceasedString":"of motor neurone disease")",
                  "family history, father: of motor neurone disease"},
        OtherCase{"family_words_of_a_condition", "FamilyMemberHistory",
                  OF_THE_FATHER R"(,"condition":[{"code":{"text":"MND"},)"
                                R"("outcome":{"text":"death"},"note":[{"text":"bulbar"}]}])",
                  "family history, father: MND; death; bulbar"},
        OtherCase{"family_nothing", "FamilyMemberHistory", OF_THE_FATHER, "", false},
        OtherCase{"procedure", "Procedure",
                  DONE("2026-11-15") R"("code":{"text":"Excision of parathyroid adenoma"})",
                  "Excision of parathyroid adenoma"},
        OtherCase{
            "procedure_with_outcome", "Procedure",
            DONE("2026-11-15") NAMED(
                "Laparotomy") R"("outcome":{"text":"Failed"},"complication":[{"text":"Sepsis"}])",
            "Laparotomy: Failed; Sepsis"},
        OtherCase{"procedure_undated", "Procedure",
                  R"("status":"completed","code":{"text":"Laparotomy"})", "Laparotomy"},
        OtherCase{"procedure_of_this_year", "Procedure",
                  DONE("2026") R"("code":{"text":"Laparotomy"})", "Laparotomy"},
        OtherCase{"procedure_going_on", "Procedure",
                  R"("status":"in-progress","performedPeriod":{"start":"2024-01-01"},)"
                  R"("code":{"text":"Chemotherapy"})",
                  "Chemotherapy"},
        OtherCase{"procedure_of_long_ago", "Procedure",
                  DONE("2019-11-15") R"("code":{"text":"Laparotomy"})", "", false},
        OtherCase{"procedure_not_done", "Procedure",
                  R"("status":"not-done","code":{"text":"Laparotomy"})", "", false},
        OtherCase{"device_in_other_words", "Device", R"("type":{"text":"Sonde Q7"})", "Sonde Q7"},
        OtherCase{"device_by_a_code", "Device",
                  R"("type":{"coding":[{"system":"urn:x","code":"72506001"}]})", "72506001"},
        OtherCase{"device_by_its_model", "Device", R"("modelNumber":"Momentum Sonde Q7")",
                  "Momentum Sonde Q7"},
        OtherCase{"device_of_no_name", "Device", R"("status":"active")", "Device: (not named)"},
        OtherCase{"device_known", "Device", R"("type":{"text":"Cardiac pacemaker"})", "", false},
        OtherCase{"device_gone", "Device", R"("status":"inactive","type":{"text":"Sonde Q7"})", "",
                  false},
        OtherCase{"flag", "Flag", R"("status":"active","code":{"text":"Aspiration risk"})",
                  "Flag: Aspiration risk"},
        OtherCase{"flag_over", "Flag", R"("status":"inactive","code":{"text":"Aspiration risk"})",
                  "", false},
        OtherCase{"flag_ended", "Flag",
                  R"("status":"active","period":{"end":"2020-01-01"},"code":{"text":"Falls"})", "",
                  false},
        OtherCase{"impression", "ClinicalImpression",
                  R"("status":"completed","date":"2026-11-01","summary":"Suspicious of MND",)"
                  R"("finding":[{"itemCodeableConcept":{"text":"Wasting"}}])",
                  "ClinicalImpression: Suspicious of MND; Wasting"},
        OtherCase{"impression_of_long_ago", "ClinicalImpression",
                  R"("status":"completed","date":"2016-11-01","summary":"Suspicious of MND")",
                  "ClinicalImpression: Suspicious of MND", false},
        OtherCase{"care_plan", "CarePlan",
                  R"("status":"active","intent":"plan","title":"Palliative care")",
                  "CarePlan: Palliative care"},
        OtherCase{"care_plan_over", "CarePlan",
                  R"("status":"completed","intent":"plan","title":"Palliative care")", "", false},
        OtherCase{"issue", "DetectedIssue",
                  R"("status":"final","code":{"text":"Interaction"},"detail":"Lithium toxicity")",
                  "DetectedIssue: Interaction; Lithium toxicity"},
        OtherCase{"risk", "RiskAssessment",
                  R"("status":"final","prediction":[{"outcome":{"text":"Stroke"}}])",
                  "RiskAssessment: Stroke"},
        OtherCase{"risk_without_words", "RiskAssessment", R"("status":"final")",
                  "RiskAssessment: (not named)"},
        OtherCase{"encounter", "Encounter", R"("status":"finished","class":{"code":"AMB"})", "",
                  false}),
    [](const auto& one) { return std::string(one.param.name); });

#define REASON(words) R"("reasonCode":[{"text":")" words R"("}])"
#define WHY(words) R"("reasonReference":[{"display":")" words R"("}])"
#define NOTE(words) R"("note":[{"text":")" words R"("}])"
#define CLASS(address, code) R"("class":{"system":")" address R"(","code":")" code R"("},)"
#define ACT_CODE "http://terminology.hl7.org/CodeSystem/v3-ActCode"
#define V2_CLASS "http://terminology.hl7.org/CodeSystem/v2-0004"
#define AMB CLASS(ACT_CODE, "AMB")
#define VISITED R"("period":{"start":"2026-11-20","end":"2026-11-21"})"
#define CODED(code, words) \
  R"("code":{"coding":[{"system":"urn:x","code":")" code R"("}],"text":")" words R"("})"

INSTANTIATE_TEST_SUITE_P(
    Reasons, Others,
    ::testing::Values(
        OtherCase{"order_with_a_reason", "ServiceRequest",
                  STATUS("active") CODED("1", "MRI spine") "," REASON("Cord compression?"),
                  "ServiceRequest: MRI spine: Cord compression?"},
        OtherCase{"order_on_hold", "ServiceRequest", STATUS("on-hold") REASON("Cord compression?"),
                  "ServiceRequest: Cord compression?"},
        OtherCase{"order_in_typed_words", "ServiceRequest",
                  STATUS("active") R"("code":{"text":"Neurology, suspected MND"})",
                  "ServiceRequest: Neurology, suspected MND"},
        OtherCase{"order_of_a_known_danger", "ServiceRequest",
                  STATUS("active") CODED("1", "Clinic for motor neurone disease"),
                  "ServiceRequest: Clinic for motor neurone disease"},
        OtherCase{"order_marked_stat", "ServiceRequest",
                  STATUS("active") R"("priority":"stat",)" CODED("1", "MRI spine"),
                  "ServiceRequest: MRI spine"},
        OtherCase{"order_from_a_catalogue", "ServiceRequest",
                  STATUS("active") R"("priority":"routine",)" CODED("1", "Lipid panel"), "", false},
        OtherCase{"order_done", "ServiceRequest", STATUS("completed") REASON("Cord compression?"),
                  "", false},
        OtherCase{"order_drafted", "ServiceRequest", STATUS("draft") REASON("Cord compression?"),
                  "", false},
        OtherCase{"visit_of_today", "Encounter",
                  STATUS("finished") R"("class":{"code":"AMB"},"period":{"start":"2026-11-22",)"
                                     R"("end":"2026-11-22"},)" REASON("Seizure"),
                  "Encounter: Seizure"},
        OtherCase{"visit_going_on_for_long", "Encounter",
                  STATUS("in-progress") R"("period":{"start":"2020-11-22"},)" REASON("Seizure"),
                  "Encounter: Seizure"},
        OtherCase{
            "visit_of_long_ago", "Encounter",
            STATUS("finished") R"("period":{"start":"2016-11-22","end":"2016-11-22"},)" REASON(
                "Seizure"),
            "", false},
        OtherCase{"visit_cancelled", "Encounter", STATUS("cancelled") REASON("Seizure"), "", false},
        OtherCase{"visit_in_an_emergency", "Encounter",
                  STATUS("finished") R"("class":{"code":"EMER"},"period":{"end":"2026-11-21"})",
                  "Encounter: EMER"},
        OtherCase{
            "visit_in_an_emergency_for_something_known", "Encounter",
            STATUS("finished") R"("class":{"code":"EMER"},"period":{"end":"2026-11-21"},)" REASON(
                "Anxiety disorder"),
            "Encounter: EMER: Anxiety disorder"},
        OtherCase{"visit_for_observation", "Encounter",
                  STATUS("in-progress") R"("class":{"code":"OBSENC"})", "Encounter: OBSENC"},
        OtherCase{"visit_of_no_class", "Encounter", STATUS("finished") VISITED,
                  "Encounter: (not named)"},
        OtherCase{"visit_of_a_class_in_words", "Encounter",
                  STATUS("finished") R"("class":{"display":"Emergency department"},)" VISITED,
                  "Encounter: Emergency department"},
        OtherCase{"visit_of_a_class_in_small_letters", "Encounter",
                  STATUS("finished") R"("class":{"code":"emer"},)" VISITED, "Encounter: emer"},
        OtherCase{"visit_of_a_class_of_hl7_version_2", "Encounter",
                  STATUS("finished") CLASS(V2_CLASS, "E") VISITED, "Encounter: E"},
        OtherCase{"visit_of_an_outpatient", "Encounter",
                  STATUS("finished") CLASS(V2_CLASS, "O") VISITED, "", false},
        OtherCase{"visit_of_a_code_of_another_system", "Encounter",
                  STATUS("finished") CLASS("urn:x", "AMB") VISITED, "Encounter: AMB"},
        OtherCase{"visit_of_an_address_in_another_form", "Encounter",
                  STATUS("finished")
                      CLASS("https://terminology.hl7.org/CodeSystem/v3-ActCode/", "VR") VISITED,
                  "", false},
        OtherCase{"visit_by_its_oid", "Encounter",
                  STATUS("finished") CLASS("urn:oid:2.16.840.1.113883.5.4", "HH") VISITED, "",
                  false},
        OtherCase{"visit_of_a_stay_that_is_not_acute", "Encounter",
                  STATUS("finished") CLASS(ACT_CODE, "NONAC") VISITED, "Encounter: NONAC"},
        OtherCase{"visit_that_began_as_an_emergency", "Encounter",
                  STATUS("finished") R"("classHistory":[{"class":{"code":"EMER"},)"
                                     R"("period":{"start":"2026-11-20"}}],)" AMB VISITED,
                  "Encounter: AMB; EMER"},
        OtherCase{"visit_of_a_type_in_words", "Encounter",
                  STATUS("finished") R"("type":[{"text":"Visit","coding":[{"system":"urn:x",)"
                                     R"("code":"1","display":"Emergency room admission"}]}],)" AMB
                                         VISITED,
                  "Encounter: Visit; Emergency room admission"},
        OtherCase{
            "visit_of_a_known_service", "Encounter",
            STATUS("finished") R"("serviceType":{"text":"Clinic for motor neurone disease"},)" AMB
                VISITED,
            "Encounter: Clinic for motor neurone disease"},
        OtherCase{"visit_of_a_usual_type", "Encounter",
                  STATUS("finished") R"("type":[{"text":"Office visit"}],)" AMB VISITED, "", false},
        OtherCase{"visit_at_a_place", "Encounter",
                  STATUS("finished") R"("location":[{"location":{"display":"A&E"}}],)" AMB VISITED,
                  "Encounter: A&E"},
        OtherCase{"visit_of_a_priority", "Encounter",
                  STATUS("finished") R"("priority":{"coding":[{"system":)"
                                     R"("http://terminology.hl7.org/CodeSystem/v3-ActPriority",)"
                                     R"("code":"EM"}]},)" AMB VISITED,
                  "Encounter: AMB; EM"},
        OtherCase{"visit_of_routine", "Encounter",
                  STATUS("finished") R"("priority":{"coding":[{"system":)"
                                     R"("http://terminology.hl7.org/CodeSystem/v3-ActPriority",)"
                                     R"("code":"R"}]},)" AMB VISITED,
                  "", false},
        OtherCase{"visit_with_an_admission", "Encounter",
                  STATUS("finished") R"("hospitalization":{"dischargeDisposition":)"
                                     R"({"text":"Skilled nursing"}},)" AMB VISITED,
                  "Encounter: AMB; Skilled nursing"},
        OtherCase{"emergency_of_long_ago", "Encounter",
                  STATUS("finished") R"("class":{"code":"emer"},"period":{"end":"2016-11-21"})", "",
                  false},
        OtherCase{"episode_of_a_type_in_words", "EpisodeOfCare",
                  STATUS("active") R"("type":[{"text":"Palliative care"}])",
                  "EpisodeOfCare: Palliative care"},
        OtherCase{"episode_of_a_usual_type", "EpisodeOfCare",
                  STATUS("active") R"("type":[{"text":"Diabetes care"}])", "", false},
        OtherCase{"task_marked_stat", "Task",
                  STATUS("requested") R"("intent":"order","priority":"stat",)" CODED("fulfill",
                                                                                     "Fulfill"),
                  "Task: Fulfill"},
        OtherCase{"device_asked_for_as_soon_as_possible", "DeviceRequest",
                  STATUS("active") R"("intent":"order","priority":"asap")",
                  "DeviceRequest: (not named)"},
        OtherCase{
            "order_in_words_of_a_coding", "ServiceRequest",
            STATUS("active") R"("code":{"coding":[{"system":"urn:x","display":"Suspected MND"}]})",
            "ServiceRequest: Suspected MND"},
        OtherCase{"task_in_typed_words", "Task",
                  STATUS("requested") R"("intent":"order","code":{"text":"Call: choking"})",
                  "Task: Call: choking"},
        OtherCase{"denied_pregnancy", "Encounter", STATUS("finished") REASON("Not pregnant"),
                  "Encounter: Not pregnant"},
        OtherCase{"visit_for_something_known_and_something_else", "Encounter",
                  STATUS("finished") WHY("Diabetes mellitus with bulbar palsy"),
                  "Encounter: Diabetes mellitus with bulbar palsy"},
        OtherCase{"visit_with_a_diagnosis", "Encounter",
                  STATUS("finished") R"("diagnosis":[{"condition":{"display":"Bulbar palsy"}}])",
                  "Encounter: Bulbar palsy"},
        OtherCase{"visit_for_something_that_is_not_here", "Encounter",
                  STATUS("finished") R"("reasonReference":[{"reference":"Condition/gone"}])",
                  "Encounter: (not named)"},
        OtherCase{"visit_for_the_patient", "Encounter",
                  STATUS("finished") AMB R"("reasonReference":[{"reference":"Patient/p1"}])", "",
                  false},
        OtherCase{"episode", "EpisodeOfCare",
                  STATUS("active") R"("diagnosis":[{"condition":{"display":"Bulbar palsy"}}])",
                  "EpisodeOfCare: Bulbar palsy"},
        OtherCase{"imaging", "ImagingStudy",
                  STATUS("available") R"("started":"2026-11-20","description":"Cord compression")",
                  "ImagingStudy: Cord compression"},
        OtherCase{"imaging_of_a_part", "ImagingStudy",
                  STATUS("available") R"("series":[{"uid":"1","modality":{"code":"MR"},)"
                                      R"("description":"Cord compression"}])",
                  "ImagingStudy: Cord compression"},
        OtherCase{"imaging_of_long_ago", "ImagingStudy",
                  STATUS("available") R"("started":"2016-11-20","description":"Cord compression")",
                  "", false},
        OtherCase{"document", "DocumentReference",
                  STATUS("current") R"("content":[{"attachment":{"title":"Choking, 2 November"}}])",
                  "DocumentReference: Choking, 2 November"},
        OtherCase{"document_without_a_title", "DocumentReference",
                  STATUS("current") R"("type":{"text":"Progress note"},)"
                                    R"("content":[{"attachment":{"url":"Binary/1"}}])",
                  "DocumentReference: Progress note"},
        OtherCase{"device_in_use", "DeviceUseStatement",
                  STATUS("active") R"("device":{"display":"Home ventilator"})",
                  "DeviceUseStatement: Home ventilator"},
        OtherCase{"device_no_more_in_use", "DeviceUseStatement",
                  STATUS("completed") R"("device":{"display":"Home ventilator"})", "", false},
        OtherCase{
            "device_asked_for", "DeviceRequest",
            STATUS("active") R"("intent":"order","codeCodeableConcept":{"text":"Ventilator"})",
            "DeviceRequest: Ventilator"},
        OtherCase{"goal", "Goal",
                  R"("lifecycleStatus":"active","description":{"text":"Safe swallowing"})",
                  "Goal: Safe swallowing"},
        OtherCase{"goal_reached", "Goal",
                  R"("lifecycleStatus":"completed","description":{"text":"Safe swallowing"})", "",
                  false},
        OtherCase{"task", "Task",
                  STATUS("requested") R"("intent":"order","description":"Call: choking")",
                  "Task: Call: choking"},
        OtherCase{"task_of_the_system", "Task",
                  STATUS("requested") R"("intent":"order",)" CODED("fulfill", "Fulfill"), "",
                  false},
        OtherCase{"message", "Communication",
                  STATUS("completed") R"("sent":"2026-11-21T08:00:00Z",)"
                                      R"("payload":[{"contentString":"I cannot swallow"}])",
                  "Communication: I cannot swallow"},
        OtherCase{"message_to_be_sent", "CommunicationRequest",
                  STATUS("active") R"("payload":[{"contentString":"Ask about choking"}])",
                  "CommunicationRequest: Ask about choking"},
        OtherCase{"diet", "NutritionOrder",
                  STATUS("active") R"("intent":"order","oralDiet":{"texture":)"
                                   R"([{"modifier":{"text":"Pureed"}}]})",
                  "NutritionOrder: Pureed"},
        OtherCase{"harm", "AdverseEvent",
                  R"("actuality":"actual","date":"2026-11-20","event":{"text":"Fall"})",
                  "AdverseEvent: Fall"},
        OtherCase{"condition_that_a_harm_led_to", "AdverseEvent",
                  R"("actuality":"actual","resultingCondition":[{"display":"Bulbar palsy"}])",
                  "AdverseEvent: Bulbar palsy"},
        OtherCase{"suspect_of_a_harm", "AdverseEvent",
                  R"("actuality":"actual","suspectEntity":[{"instance":{"display":"Foo"}}])",
                  "AdverseEvent: Foo"},
        OtherCase{"message_about_a_known_danger", "Communication",
                  STATUS("completed") R"("about":[{"reference":"Basic/1",)"
                                      R"("display":"Motor neurone disease"}])",
                  "Communication: Motor neurone disease"},
        OtherCase{"message_about_what_is_only_named", "CommunicationRequest",
                  STATUS("active") R"("about":[{"display":"Choking"}])",
                  "CommunicationRequest: Choking"},
        OtherCase{"order_beside_a_known_danger", "ServiceRequest",
                  STATUS("active") R"("supportingInfo":[{"reference":"Basic/1",)"
                                   R"("display":"Motor neurone disease"}])",
                  "ServiceRequest: Motor neurone disease"},
        OtherCase{"order_beside_what_is_only_named", "ServiceRequest",
                  STATUS("active") R"("supportingInfo":[{"display":"Choking"}])",
                  "ServiceRequest: Choking"},
        OtherCase{"order_beside_another_entry", "ServiceRequest",
                  STATUS("active") R"("supportingInfo":[{"reference":"Basic/1",)"
                                   R"("display":"Letter"}])",
                  "", false},
        OtherCase{"document_of_sections", "Composition",
                  STATUS("final") R"("date":"2026-11-20","type":{"text":"Discharge summary"},)"
                                  R"("title":"Discharge","section":[{"title":"Diagnosis",)"
                                  R"("code":{"text":"Bulbar palsy"}}])",
                  "Composition: Discharge summary; Discharge; Diagnosis; Bulbar palsy"},
        OtherCase{"document_of_usual_titles", "Composition",
                  STATUS("final") R"("date":"2026-11-20","title":"Summary","section":[{)"
                                  R"("title":"Problems","code":{"coding":[{"system":"urn:x",)"
                                  R"("code":"1","display":"Problem list"}],"text":"Problems"}}])",
                  "", false},
        OtherCase{"document_of_a_known_title", "Composition",
                  STATUS("final") R"("date":"2026-11-20","title":"Motor neurone disease")",
                  "Composition: Motor neurone disease"},
        OtherCase{"document_of_an_emergency", "Composition",
                  STATUS("final") R"("date":"2026-11-20","title":"Summary","section":[{)"
                                  R"("title":"Hospital","section":[{"title":"Emergency"}]}])",
                  "Composition: Summary; Hospital; Emergency"},
        OtherCase{"document_of_sections_of_long_ago", "Composition",
                  STATUS("final") R"("date":"2016-11-20","title":"Motor neurone disease")",
                  "Composition.title: Motor neurone disease"},
        OtherCase{"document_of_sections_withdrawn", "Composition",
                  STATUS("entered-in-error") R"("date":"2026-11-20",)"
                                             R"("title":"Motor neurone disease")",
                  "", false},
        OtherCase{"documents", "DocumentManifest",
                  STATUS("current") R"("description":"Letters","content":[{"display":"Clinic"}])",
                  "DocumentManifest: Clinic; Letters"},
        OtherCase{"team", "CareTeam", STATUS("active") REASON("Bulbar palsy"),
                  "CareTeam: Bulbar palsy"},
        OtherCase{"team_of_everybody", "CareTeam", STATUS("active") R"("name":"Practice team")", "",
                  false},
        OtherCase{"note_on_a_known_condition", "Condition",
                  R"("code":{"text":"Anxiety disorder"},)" NOTE("slurred speech since yesterday"),
                  "Anxiety disorder: slurred speech since yesterday"},
        OtherCase{"evidence_of_a_known_condition", "Condition",
                  R"("code":{"text":"Anxiety disorder"},"evidence":[{"code":[{"text":"Choking"}],)"
                  R"("detail":[{"display":"Letter of 2 November"}]}])",
                  "Anxiety disorder: Choking; Letter of 2 November"},
        OtherCase{"note_on_a_condition_that_is_over", "Condition",
                  R"("clinicalStatus":{"coding":[{"code":"resolved"}]},)"
                  R"("code":{"text":"Anxiety disorder"},)" NOTE("back since yesterday"),
                  "Anxiety disorder: back since yesterday"},
        OtherCase{"late_note_on_a_condition_that_is_over", "Condition",
                  R"("abatementDateTime":"2016","code":{"text":"Anxiety disorder"},)"
                  R"("note":[{"time":"2026-11-20","text":"back since yesterday"}])",
                  "Anxiety disorder: back since yesterday"},
        OtherCase{"old_note_on_a_condition_that_is_over", "Condition",
                  R"("clinicalStatus":{"coding":[{"code":"resolved"}]},)"
                  R"("code":{"text":"Anxiety disorder"},)"
                  R"("note":[{"time":"2016-11-20","text":"better"}])",
                  "", false},
        OtherCase{
            "note_on_a_condition_that_was_over_long_ago", "Condition",
            R"("abatementDateTime":"2016","code":{"text":"Anxiety disorder"},)" NOTE("better"), "",
            false},
        OtherCase{"details_of_an_order", "ServiceRequest",
                  STATUS("active") CODED("1", "MRI spine") R"(,"orderDetail":[{"text":"?stroke"}])",
                  "ServiceRequest: MRI spine: ?stroke"},
        OtherCase{"site_and_category_of_an_order", "ServiceRequest",
                  STATUS("active") CODED("1", "MRI") R"(,"bodySite":[{"text":"Leg"}],)"
                                                     R"("category":[{"text":"Imaging"}])",
                  "", false},
        OtherCase{"category_that_is_known", "ServiceRequest",
                  STATUS("active")
                      CODED("1", "MRI") R"(,"bodySite":[{"text":"Leg"}],)"
                                        R"("category":[{"text":"Motor neurone disease"}])",
                  "ServiceRequest: MRI; Leg; Motor neurone disease"},
        OtherCase{"input_of_a_task", "Task",
                  STATUS("requested") R"("input":[{"type":{"text":"a"},"valueString":"choking"}])",
                  "Task: a: choking"},
        OtherCase{"annotations_of_a_task", "Task",
                  STATUS("requested") R"("input":[{"valueAnnotation":{"text":"choking"}}],)"
                                      R"("output":[{"valueAnnotation":{"text":"collapse"}}])",
                  "Task: choking; collapse"},
        OtherCase{"input_of_a_known_type", "Task",
                  STATUS("requested") R"("input":[{"type":{"text":"Motor neurone disease"},)"
                                      R"("valueBoolean":true}])",
                  "Task: Motor neurone disease: true"},
        OtherCase{"output_of_a_known_type", "Task",
                  STATUS("completed") R"("output":[{"type":{"text":"Motor neurone disease"},)"
                                      R"("valueBoolean":true}])",
                  "Task: Motor neurone disease: true"},
        OtherCase{"outcome_of_a_task", "Task",
                  STATUS("completed") R"("output":[{"type":{"text":"a"},)"
                                      R"("valueCodeableConcept":{"text":"choking"}}])",
                  "Task: a: choking"},
        OtherCase{"outcome_of_a_task_last_modified_long_ago", "Task",
                  STATUS("completed") R"("lastModified":"2016-11-20T08:00:00Z",)"
                                      R"("executionPeriod":{"start":"2016-11-19"},)"
                                      R"("output":[{"type":{"text":"a"},"valueString":"choking"}])",
                  "", false},
        OtherCase{"outcome_of_a_task_last_modified_of_late", "Task",
                  STATUS("completed") R"("lastModified":"2026-11-20T08:00:00Z",)"
                                      R"("output":[{"type":{"text":"a"},"valueString":"choking"}])",
                  "Task: a: choking"},
        OtherCase{
            "task_that_goes_on_since_long", "Task",
            STATUS("in-progress") R"("lastModified":"2016-11-20T08:00:00Z",)"
                                  R"("output":[{"type":{"text":"a"},"valueString":"choking"}])",
            "Task: a: choking"},
        OtherCase{"outcome_of_a_task_of_long_ago", "Task",
                  STATUS("completed") R"("executionPeriod":{"end":"2016-11-20"},)"
                                      R"("output":[{"type":{"text":"a"},"valueString":"choking"}])",
                  "", false},
        OtherCase{"task_done", "Task", STATUS("completed") R"("description":"Call: choking")", "",
                  false},
        OtherCase{
            "task_about_a_known_danger", "Task",
            STATUS(
                "requested") R"("focus":{"reference":"Basic/1","display":"Motor neurone disease"})",
            "Task: Motor neurone disease"},
        OtherCase{"task_about_what_is_only_named", "Task",
                  STATUS("requested") R"("focus":{"display":"Choking"})", "Task: Choking"},
        OtherCase{"task_about_an_order", "Task",
                  STATUS("requested") R"("focus":{"reference":"Basic/1","display":"Lipid panel"})",
                  "", false},
        OtherCase{"why_a_task_stands_so", "Task",
                  STATUS("on-hold") R"("statusReason":{"text":"choked, in hospital"})",
                  "Task: choked, in hospital"},
        OtherCase{"document_of_a_category", "DocumentReference",
                  STATUS("current") R"("date":"2026-11-20T08:00:00Z","type":{"text":"Letter"},)"
                                    R"("category":[{"text":"Emergency"}],)"
                                    R"("content":[{"attachment":{"url":"Binary/1"}}])",
                  "DocumentReference: Letter; Emergency"},
        OtherCase{"document_of_an_event", "DocumentReference",
                  STATUS("current") R"("date":"2026-11-20T08:00:00Z",)"
                                    R"("context":{"event":[{"text":"collapse"}]})",
                  "DocumentReference: collapse"},
        OtherCase{"message_marked_stat", "Communication",
                  STATUS("completed") R"("priority":"stat","category":[{"text":"alert"}])",
                  "Communication: alert"},
        OtherCase{"message_of_a_category", "Communication",
                  STATUS("completed") R"("category":[{"text":"reminder"}])", "", false},
        OtherCase{"message_that_is_a_file", "Communication",
                  STATUS("completed") R"("payload":[{"contentAttachment":{"url":"Binary/1"}}])",
                  "Communication: (not named)"},
        OtherCase{"harm_known_by_its_weight", "AdverseEvent",
                  R"("actuality":"actual","seriousness":{"text":"Serious"})",
                  "AdverseEvent: Serious"},
        OtherCase{"reason_of_an_appointment", "Appointment",
                  STATUS("booked") R"("start":"2026-12-01T09:00:00Z","end":"2026-12-01T09:30:00Z",)"
                                   R"("description":"Clinic",)" REASON("Bulbar palsy"),
                  "Appointment: Clinic: Bulbar palsy"},
        OtherCase{"comment_on_an_appointment", "Appointment",
                  STATUS("booked") R"("start":"2026-12-01T09:00:00Z","comment":"chokes")",
                  "Appointment: chokes"},
        OtherCase{"appointment", "Appointment",
                  STATUS("booked") R"("start":"2026-12-01T09:00:00Z","description":"Clinic")", "",
                  false},
        OtherCase{"appointment_of_an_emergency", "Appointment",
                  STATUS("fulfilled") R"("start":"2026-11-20T09:00:00Z",)"
                                      R"("description":"Seen in A&E")",
                  "Appointment: Seen in A&E"},
        OtherCase{"appointment_of_an_emergency_by_its_code", "Appointment",
                  STATUS("fulfilled") R"("start":"2026-11-20T09:00:00Z","appointmentType":)"
                                      R"({"coding":[{"system":"urn:x","code":"EMERGENCY"}]})",
                  "Appointment: EMERGENCY"},
        OtherCase{"appointment_of_a_known_service", "Appointment",
                  STATUS("booked") R"("start":"2026-12-01T09:00:00Z","serviceType":)"
                                   R"([{"text":"Clinic for motor neurone disease"}])",
                  "Appointment: Clinic for motor neurone disease"},
        OtherCase{"appointment_cancelled", "Appointment",
                  STATUS("cancelled") R"("start":"2026-12-01T09:00:00Z",)" REASON("Bulbar palsy"),
                  "", false},
        OtherCase{"appointment_of_long_ago", "Appointment",
                  STATUS("fulfilled") R"("start":"2016-12-01T09:00:00Z",)" REASON("Bulbar palsy"),
                  "", false},
        OtherCase{"step_of_a_group_of_orders", "RequestGroup",
                  STATUS("active") R"("action":[{"title":"Rule out stroke",)"
                                   R"("action":[{"title":"MRI"}]}])",
                  "RequestGroup: Rule out stroke; MRI"},
        OtherCase{"reason_of_a_medicine", "MedicationRequest",
                  STATUS("active") R"("medicationCodeableConcept":{"text":"Omeprazole"},)" WHY(
                      "Bulbar palsy"),
                  "Omeprazole: Bulbar palsy"},
        OtherCase{"note_on_a_medicine", "MedicationStatement",
                  STATUS("active") R"("medicationCodeableConcept":{"text":"Omeprazole"},)" NOTE(
                      "chokes on tablets"),
                  "Omeprazole: chokes on tablets"},
        OtherCase{
            "reason_of_a_procedure", "Procedure",
            DONE("2026-11-15") R"("code":{"text":"Radiotherapy"},)" REASON("Cord compression"),
            "Radiotherapy: Cord compression"},
        OtherCase{"procedure_on_hold", "Procedure",
                  R"("status":"on-hold","performedDateTime":"2020-01-01",)"
                  R"("code":{"text":"Laparotomy"})",
                  "Laparotomy"},
        OtherCase{"procedure_in_progress_since_long", "Procedure",
                  R"("status":"in-progress","performedDateTime":"2020-01-01",)"
                  R"("code":{"text":"Non-invasive ventilation"})",
                  "Non-invasive ventilation"}),
    [](const auto& one) { return std::string(one.param.name); });

// Read by no reader of its type, and known to the knowledge.
#define ORDERED(medicine) \
  R"("intent":"order","medicationCodeableConcept":{"text":")" medicine R"("})"
#define FOO STATUS("active") R"("medicationCodeableConcept":{"text":"Omeprazole"},)"
#define EMG_DONE     \
  DONE("2026-11-02") \
  R"("code":{"coding":[{"system":"http://snomed.info/sct","code":"42803009"}]},)"
#define BOOKED STATUS("booked") R"("start":"2026-12-01T09:00:00Z",)"
#define USUAL(kind, name) AT("2026-11-21") CATEGORY(kind) NAMED(name)

INSTANTIATE_TEST_SUITE_P(
    LeftOver, Others,
    ::testing::Values(
        OtherCase{"dosage", "MedicationRequest",
                  FOO R"("dosageInstruction":[{"text":"At night, after stroke 2019"}])",
                  "MedicationRequest.dosageInstruction.text: At night, after stroke 2019"},
        OtherCase{"dosage_of_a_statement", "MedicationStatement",
                  FOO R"("dosage":[{"additionalInstruction":[{"text":"since the stroke"}]}])",
                  "MedicationStatement.dosage.additionalInstruction: since the stroke"},
        OtherCase{"dosage_of_what_was_given", "MedicationAdministration",
                  FOO R"("dosage":{"text":"by tube since the stroke"})",
                  "MedicationAdministration.dosage.text: by tube since the stroke"},
        OtherCase{"dosage_of_what_was_handed_over", "MedicationDispense",
                  FOO R"("dosageInstruction":[{"patientInstruction":"Ask at the stroke clinic"}])",
                  "MedicationDispense.dosageInstruction.patientInstruction: Ask at the stroke "
                  "clinic"},
        OtherCase{"dosage_of_everybody", "MedicationRequest",
                  FOO R"("dosageInstruction":[{"text":"Extended release (ER), after acute pain",)"
                      R"("patientInstruction":"Take with food"}])",
                  "", false},
        OtherCase{"dosage_for_what_is_known", "MedicationRequest",
                  FOO REASON("Diabetes mellitus") R"(,"dosageInstruction":)"
                                                  R"([{"text":"for diabetes mellitus"}])",
                  "", false},
        OtherCase{"why_a_medicine_is_on_hold", "MedicationRequest",
                  STATUS("on-hold") ORDERED("Omeprazole") R"(,"statusReason":{"text":"weakness"})",
                  "Omeprazole: weakness"},
        OtherCase{"what_a_medicine_rests_on", "MedicationRequest",
                  FOO R"("supportingInformation":[{"display":"Choked in May"}])",
                  "Omeprazole: Choked in May"},
        OtherCase{"what_is_wrong_with_a_medicine", "MedicationRequest",
                  FOO R"("detectedIssue":[{"display":"Rhabdomyolysis"}])",
                  "Omeprazole: Rhabdomyolysis"},
        OtherCase{"after_a_procedure", "Procedure",
                  EMG_DONE R"("followUp":[{"text":"Admission for myasthenia gravis"}])",
                  "Procedure.followUp: Admission for myasthenia gravis"},
        OtherCase{"value_of_a_task", "Task",
                  STATUS("completed") R"("output":[{"type":{"text":"K"},)" MMOL("7.2") "}]",
                  "Task: K: 7.2 mmol/L"},
        OtherCase{"file_of_a_task", "Task",
                  STATUS("completed") R"("output":[{"type":{"text":"a"},"valueAttachment":)"
                                      R"({"title":"Letter"}}])",
                  "Task: a: Letter"},
        OtherCase{"yes_of_a_task", "Task",
                  STATUS("completed") R"("output":[{"type":{"text":"chokes"},)"
                                      R"("valueBoolean":true}])",
                  "Task: chokes: true"},
        OtherCase{"address_of_a_task", "Task",
                  STATUS("requested") R"("input":[{"type":{"text":"a"},)"
                                      R"("valueCanonical":"http://x.example/form"}])",
                  "", false},
        OtherCase{"old_harm", "AdverseEvent",
                  R"("actuality":"actual","date":"2024-02-02","event":{"text":"Stroke"})",
                  "AdverseEvent.event: Stroke"},
        OtherCase{"history_beside_a_harm", "AdverseEvent",
                  R"("actuality":"actual","subjectMedicalHistory":[{"display":"Stroke"}])",
                  "AdverseEvent.subjectMedicalHistory: Stroke"},
        OtherCase{"old_letter", "DocumentReference",
                  STATUS("current") R"("date":"2020-01-01T00:00:00Z",)"
                                    R"("content":[{"attachment":{"title":"Stroke"}}])",
                  "DocumentReference.content.attachment: Stroke"},
        OtherCase{"old_letter_of_everybody", "DocumentReference",
                  STATUS("current") R"("date":"2020-01-01T00:00:00Z","description":"Admission")",
                  "", false},
        OtherCase{"old_document", "Composition",
                  STATUS("final") R"("date":"2020-01-01T00:00:00Z","title":"After a stroke")",
                  "Composition.title: After a stroke"},
        OtherCase{"plan_that_is_over", "CarePlan",
                  STATUS("completed") R"("title":"Stroke rehabilitation")",
                  "CarePlan.title: Stroke rehabilitation"},
        OtherCase{"service_of_an_appointment", "Appointment",
                  BOOKED R"("serviceCategory":[{"text":"Emergency admission"}])",
                  "Appointment.serviceCategory: Emergency admission"},
        OtherCase{"specialty_of_an_appointment", "Appointment",
                  BOOKED R"("specialty":[{"text":"Stroke medicine"}])",
                  "Appointment.specialty: Stroke medicine"},
        OtherCase{"what_an_appointment_rests_on", "Appointment",
                  BOOKED R"("supportingInformation":[{"display":"Motor neurone disease"}])",
                  "Appointment.supportingInformation: Motor neurone disease"},
        OtherCase{"place_of_an_appointment", "Appointment",
                  BOOKED R"("participant":[{"actor":{"reference":"Patient/p1"}},)"
                         R"({"actor":{"display":"Cancer centre"}}])",
                  "", false},
        OtherCase{"name_of_a_team", "CareTeam",
                  STATUS("active") R"("name":"Motor neurone disease team")",
                  "CareTeam.name: Motor neurone disease team"},
        OtherCase{"feeding_by_tube", "NutritionOrder",
                  STATUS("active") R"("enteralFormula":{"baseFormulaProductName":"PEG feed"})",
                  "NutritionOrder: PEG feed"},
        OtherCase{"thick_fluids", "NutritionOrder",
                  STATUS("active") R"("oralDiet":{"fluidConsistencyType":[{"text":"Thick"}]})",
                  "NutritionOrder: Thick"},
        OtherCase{"narrative_that_says_more", "ServiceRequest",
                  STATUS("active") CODED("1", "MRI") "," NARRATIVE,
                  "ServiceRequest.text: motor neurone disease"},
        OtherCase{
            "narrative_in_markup", "ServiceRequest",
            STATUS("active") CODED(
                "1",
                "MRI") R"(,"text":{"status":"additional","div":)"
                       R"("<div xmlns=\"http://www.w3.org/1999/xhtml\">motor&#32;<b>neurone</b>&#160;disease</div>"})",
            "ServiceRequest.text: motor neurone \u00a0disease"},
        OtherCase{
            "narrative_that_says_the_same", "ServiceRequest",
            STATUS("active") CODED(
                "1", "MRI") R"(,"text":{"status":"generated","div":)"
                            R"("<div xmlns=\"http://www.w3.org/1999/xhtml\">Stroke clinic</div>"})",
            "", false},
        OtherCase{"onset_in_words", "Condition",
                  R"("code":{"text":"Anxiety disorder"},"onsetString":"after radiotherapy")",
                  "Condition.onsetString: after radiotherapy"},
        OtherCase{"stage", "Condition",
                  R"("code":{"text":"Anxiety disorder"},"stage":)"
                  R"([{"summary":{"text":"metastatic carcinoma"}}])",
                  "Condition.stage.summary: metastatic carcinoma"},
        OtherCase{"extension", "Condition",
                  R"("code":{"text":"Anxiety disorder"},"extension":)"
                  R"([{"url":"urn:x","valueCodeableConcept":{"text":"Stroke"}}])",
                  "Condition.extension.valueCodeableConcept: Stroke"},
        OtherCase{"name_of_who_says_so", "Condition",
                  R"("code":{"text":"Anxiety disorder"},"recorder":{"display":"Stroke unit"})", "",
                  false},
        OtherCase{"refuted", "Condition",
                  R"("code":{"text":"Anxiety disorder"},"onsetString":"after a stroke",)"
                  R"("verificationStatus":{"coding":[{"code":"refuted"}]})",
                  "", false},
        OtherCase{"entry_of_a_list", "List",
                  STATUS("current") R"("entry":[{"item":{"display":"Motor neurone disease"}}])",
                  "List.entry.item: Motor neurone disease"},
        OtherCase{"list_entered_in_error", "List",
                  STATUS("entered-in-error") R"("title":"Motor neurone disease")", "", false},
        OtherCase{"allergy", "AllergyIntolerance", R"("code":{"text":"Heparin"})", "", false},
        OtherCase{"question_of_another_form", "QuestionnaireResponse",
                  STATUS("completed") R"("questionnaire":"http://x.example/y","item":)"
                                      R"([{"linkId":"1","text":"Have you had a stroke?",)"
                                      R"("item":[{"linkId":"2","text":"Cancer?"}]}])",
                  "", false},
        OtherCase{"answer_of_another_form", "QuestionnaireResponse",
                  STATUS("completed") R"("questionnaire":"http://x.example/y","item":)"
                                      R"([{"linkId":"1","answer":[{"valueString":"a stroke"}]}])",
                  "QuestionnaireResponse.item.answer.valueString: a stroke"},
        OtherCase{"survey_named_by_a_disease", "Observation",
                  USUAL("survey", "Year of stroke") R"("valueInteger":2019)",
                  "Year of stroke: 2019"},
        OtherCase{"habit_named_by_a_disease", "Observation",
                  USUAL("social-history", "Relatives with MND") R"("valueQuantity":{"value":2})",
                  "Relatives with MND: 2"},
        OtherCase{"survey_named_by_a_disease_with_no", "Observation",
                  USUAL("survey", "History of stroke") R"("valueBoolean":false)", "", false},
        OtherCase{
            "score_named_by_a_disease", "Observation",
            USUAL("survey",
                  "Generalized anxiety disorder 7 item (GAD-7) total score") R"("valueInteger":3)",
            "", false}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(LeftOver, OfMuchTheSentenceIsShown) {
  auto one = of_p1("MedicationRequest", FOO R"("intent":"order")");
  const std::string much(300, 'x');
  one.set("dosageInstruction",
          Json::array({Json::object({{"text", much + ". After a stroke. " + much}})}));
  EXPECT_THAT(unread(read({one})),
              ElementsAre("MedicationRequest.dosageInstruction.text:  After a stroke"));
}

TEST(LeftOver, OfWhatWasSetAsideWithholdsReassurance) {
  auto one = of_p1("MedicationRequest", FOO R"("dosageInstruction":[{"text":"after a stroke"}])");
  EXPECT_TRUE(read({one}).doubtful);
  one.set("modifierExtension", parse(R"([{"url":"urn:x"}])"));
  EXPECT_TRUE(read({one}).doubtful);
}

struct TargetCase {
  const char* name;
  const char* type;
  const char* members;
  bool speaks;  // for itself
};

class Targets : public ::testing::TestWithParam<TargetCase> {};

TEST_P(Targets, OfAReasonAreNamedByItWhereNobodyReadsThem) {
  const auto& param = GetParam();
  const auto why = [&](std::string_view display) {
    return read(
        {of_p1("Encounter", R"("status":"in-progress","class":{"code":"AMB"},"reasonReference":)"
                            R"([{"reference":")" +
                                std::string(param.type) + R"(/x1")" + std::string(display) + "}]"),
         of_p1(param.type, param.members)});
  };
  const auto named = ::testing::Contains("Encounter: Cannot swallow");
  const auto unnamed = ::testing::Contains("Encounter: (not named)");
  const auto context = why(R"(,"display":"Cannot swallow")");
  const auto without_display = why("");
  if (param.speaks) {
    EXPECT_THAT(unread(context), ::testing::Not(named));
    EXPECT_THAT(unread(without_display), ::testing::Not(unnamed));
  } else {
    EXPECT_THAT(unread(context), named);
    EXPECT_THAT(unread(without_display), unnamed);
    EXPECT_TRUE(context.doubtful && without_display.doubtful);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Targets,
    ::testing::Values(
        TargetCase{"condition", "Condition", R"("code":{"text":"Bulbar palsy"})", true},
        TargetCase{"condition_over", "Condition",
                   R"("code":{"text":"Bulbar palsy"},"clinicalStatus":{"coding":)"
                   R"([{"code":"resolved"}]})",
                   false},
        TargetCase{"condition_refuted", "Condition",
                   R"("code":{"text":"Bulbar palsy"},"verificationStatus":{"coding":)"
                   R"([{"code":"refuted"}]})",
                   true},
        TargetCase{"vaccination", "Immunization", STATUS("completed") R"("vaccineCode":{})", false},
        TargetCase{"other_form", "QuestionnaireResponse",
                   STATUS("completed") R"("questionnaire":"http://x.example/y")", false},
        TargetCase{"medicine", "MedicationRequest", STATUS("active") ORDERED("Foo"), true},
        TargetCase{"medicine_stopped", "MedicationRequest", STATUS("stopped") ORDERED("Foo"),
                   false},
        TargetCase{"result", "Observation", AT("2026-11-20") NAMED("Gag") R"("valueString":"no")",
                   true},
        TargetCase{"result_withdrawn", "Observation",
                   STATUS("entered-in-error") NAMED("Gag") R"("valueString":"no")", false},
        TargetCase{"report", "DiagnosticReport",
                   AT("2026-11-20") NAMED("Endoscopy") R"("conclusion":"Paresis")", true},
        TargetCase{"report_of_long_ago", "DiagnosticReport",
                   AT("2016-11-20") NAMED("Endoscopy") R"("conclusion":"Paresis")", false},
        TargetCase{"report_that_says_nothing", "DiagnosticReport",
                   AT("2026-11-20") R"("code":{"text":"Endoscopy"})", false},
        TargetCase{"procedure", "Procedure", DONE("2026-11-20") R"("code":{"text":"Endoscopy"})",
                   true},
        TargetCase{"procedure_of_long_ago", "Procedure",
                   DONE("2016-11-20") R"("code":{"text":"Endoscopy"})", false},
        TargetCase{"document", "DocumentReference", STATUS("current") R"("description":"Choking")",
                   true},
        TargetCase{"document_without_a_title", "DocumentReference",
                   STATUS("current") R"("content":[{"attachment":{"url":"Binary/1"}}])", true},
        TargetCase{"visit_in_an_emergency", "Encounter",
                   STATUS("finished") AMB R"("type":[{"text":"Emergency room"}])", true},
        TargetCase{"visit", "Encounter",
                   STATUS("finished") AMB R"("type":[{"text":"Office visit"}])", false},
        TargetCase{"document_by_its_title_alone", "Composition",
                   STATUS("final") R"("date":"2026-11-20","title":"Summary")", false},
        TargetCase{"order", "ServiceRequest",
                   STATUS("active") R"("intent":"order",)" REASON("Choking"), true},
        TargetCase{"order_revoked", "ServiceRequest",
                   STATUS("revoked") R"("intent":"order",)" REASON("Choking"), false},
        TargetCase{"flag", "Flag", STATUS("active") R"("code":{"text":"Choking"})", true},
        TargetCase{"flag_gone", "Flag", STATUS("inactive") R"("code":{"text":"Choking"})", false},
        TargetCase{"relatives", "FamilyMemberHistory",
                   STATUS("completed") R"("relationship":{"text":"father"},)"
                                       R"("condition":[{"code":{"text":"MND"}}])",
                   true},
        TargetCase{"device", "Device", STATUS("active") R"("type":{"text":"Ventilator"})", true},
        TargetCase{"device_gone", "Device", STATUS("inactive") R"("type":{"text":"Ventilator"})",
                   false}),
    [](const auto& one) { return std::string(one.param.name); });

struct KnownReason {
  const char* name;
  const char* type;
  const char* members;
};

class KnownReasons : public ::testing::TestWithParam<KnownReason> {};

TEST_P(KnownReasons, AreReadAsConditionsAre) {
  const auto context = read({of_p1(GetParam().type, GetParam().members)});
  const auto item = static_cast<std::size_t>(knowledge()->bindings.conditions);
  const int option = knowledge()->items[item].option("myasthenia");
  EXPECT_EQ(context.facts.chosen[item], std::uint64_t{1} << option);
  const auto said = std::find_if(
      context.entries.begin(), context.entries.end(),
      [](const auto& one) { return one.kind == RecordEntry::Kind::condition && one.options != 0; });
  ASSERT_NE(said, context.entries.end());
  EXPECT_EQ(said->text, "Myasthenia gravis");
}

#define GRAVIS \
  R"({"system":"http://snomed.info/sct","code":"91637004","display":"Myasthenia gravis"})"
#define AS_NEEDED R"([{"asNeededCodeableConcept":{"text":"Myasthenia gravis"}}])"

INSTANTIATE_TEST_SUITE_P(
    Cases, KnownReasons,
    ::testing::Values(
        KnownReason{"of_a_medicine", "MedicationRequest",
                    STATUS("active") R"("medicationCodeableConcept":{"text":"Foo"},)" REASON(
                        "Myasthenia gravis")},
        KnownReason{"of_a_medicine_by_reference", "MedicationStatement",
                    STATUS("active") R"("medicationCodeableConcept":{"text":"Foo"},)" WHY(
                        "Myasthenia gravis")},
        KnownReason{"of_a_medicine_taken_before", "MedicationRequest",
                    STATUS("completed") R"("medicationCodeableConcept":{"text":"Foo"},)" REASON(
                        "Myasthenia gravis")},
        KnownReason{
            "of_a_visit_of_long_ago", "Encounter",
            STATUS("finished") R"("period":{"end":"2016-11-22"},)" REASON("Myasthenia gravis")},
        KnownReason{
            "of_an_episode", "EpisodeOfCare",
            STATUS("active") R"("diagnosis":[{"condition":{"display":"Myasthenia gravis"}}])"},
        KnownReason{"of_an_order", "ServiceRequest",
                    STATUS("completed") REASON("Myasthenia gravis")},
        KnownReason{
            "of_a_procedure", "Procedure",
            DONE("2016-11-15") R"("code":{"text":"Laparotomy"},)" REASON("Myasthenia gravis")},
        KnownReason{"that_came_of_a_task", "Task",
                    STATUS("completed") R"("output":[{"type":{"text":"a"},"valueCoding":)" GRAVIS
                                        "}]"},
        KnownReason{"that_went_into_a_task", "Task",
                    STATUS("requested") R"("input":[{"type":{"text":"a"},"valueCoding":)" GRAVIS
                                        "}]"},
        KnownReason{"to_take_a_medicine_as_needed", "MedicationRequest",
                    STATUS("active") ORDERED("Foo") R"(,"dosageInstruction":)" AS_NEEDED},
        KnownReason{
            "to_take_it_as_needed_before", "MedicationStatement",
            STATUS(
                "completed") R"("medicationCodeableConcept":{"text":"Foo"},"dosage":)" AS_NEEDED},
        KnownReason{"that_a_procedure_left", "Procedure",
                    DONE("2016-11-15")
                        NAMED("Thymectomy") R"("complication":[{"text":"Myasthenia gravis"}])"},
        KnownReason{
            "that_a_procedure_left_by_reference", "Procedure",
            DONE("2016-11-15")
                NAMED("Thymectomy") R"("complicationDetail":[{"display":"Myasthenia gravis"}])"},
        KnownReason{"that_a_procedure_found", "Procedure",
                    DONE("2016-11-15") NAMED("Biopsy") R"("outcome":{"text":"Myasthenia gravis"})"},
        KnownReason{"that_is_the_kind_of_a_procedure", "Procedure",
                    DONE("2016-11-15")
                        NAMED("Course") R"("category":{"text":"Myasthenia gravis"})"},
        KnownReason{"of_a_plan", "CarePlan",
                    STATUS("active") R"("addresses":[{"display":"Myasthenia gravis"}])"},
        KnownReason{"of_a_plan_that_is_over", "CarePlan",
                    STATUS("completed") R"("addresses":[{"display":"Myasthenia gravis"}])"},
        KnownReason{"of_a_goal", "Goal",
                    R"("lifecycleStatus":"active","addresses":[{"display":"Myasthenia gravis"}])"},
        KnownReason{"of_an_impression", "ClinicalImpression",
                    STATUS("completed") R"("problem":[{"display":"Myasthenia gravis"}])"},
        KnownReason{"of_a_risk", "RiskAssessment",
                    STATUS("final") R"("condition":{"display":"Myasthenia gravis"})"}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(KnownReasons, OfWhatWasEnteredInErrorAreNone) {
  const auto item = static_cast<std::size_t>(knowledge()->bindings.conditions);
  for (const auto* type : {"Encounter", "ServiceRequest", "MedicationRequest"}) {
    const auto context =
        read({of_p1(type, STATUS("entered-in-error") REASON("Myasthenia gravis"))});
    EXPECT_EQ(context.facts.chosen[item], 0U) << type;
    EXPECT_FALSE(context.doubtful) << type;
  }
}

std::vector<std::string> cautions(const mapping::RecordContext& context, std::string_view test) {
  std::vector<std::string> texts;
  for (const auto& entry : context.entries) {
    if (entry.kind == RecordEntry::Kind::caution && entry.caution == test) {
      texts.push_back(entry.text);
    }
  }
  return texts;
}

// What a procedure of the patient put in is the patient's, whoever else says so.
TEST(Implants, OfAProcedureAreOfThePatient) {
  constexpr auto pacemaker = R"("type":{"text":"Cardiac pacemaker"})";
  const auto put_in = [](std::string_view device, std::string_view more = "") {
    return of_p1("Procedure", DONE("2010-01-01") R"("code":{"text":"Operation"},)" +
                                  std::string(more) + R"("focalDevice":[{"manipulated":)" +
                                  std::string(device) + "}]");
  };
  const auto device = [&](std::string_view more = "") {
    return parse(R"({"resourceType":"Device",)" + std::string(more) + pacemaker + "}");
  };
  constexpr auto other = R"({"reference":"Device/x1"})";
  const auto inside = [&](std::string_view more) {
    return R"("contained":[{"resourceType":"Device","id":"d",)" + std::string(more) + pacemaker +
           "}],";
  };
  const auto one = SizeIs(1);
  EXPECT_THAT(cautions(read({put_in(R"({"reference":"#d"})", inside(""))}), "mri"), one);
  EXPECT_THAT(cautions(read({put_in(other), device()}), "mri"), one);
  EXPECT_THAT(cautions(read({put_in(R"({"reference":"Device/x0"})"), device()}), "mri"), one)
      << "told, not found";
  EXPECT_THAT(cautions(read({put_in(R"({"display":"Cardiac pacemaker"})")}), "mri"), one);
  // Taken out, not begun, or no more than an instrument.
  constexpr auto gone = R"("status":"inactive",)";
  EXPECT_THAT(cautions(read({put_in(R"({"reference":"#d"})", inside(gone))}), "mri"), IsEmpty());
  EXPECT_THAT(cautions(read({put_in(other), device(gone)}), "mri"), IsEmpty());
  auto planned = put_in(other);
  planned.set("status", "preparation");
  EXPECT_THAT(cautions(read({planned, device()}), "mri"), IsEmpty());
  EXPECT_THAT(cautions(read({device()}), "mri"), IsEmpty());
  const auto missing = read({put_in(R"({"reference":"Device/gone","display":"Sonde Q7"})")});
  EXPECT_THAT(unread(missing), ElementsAre("Sonde Q7"));
  EXPECT_THAT(cautions(missing, "mri"), one);
  EXPECT_TRUE(missing.doubtful);
  auto of_nobody = put_in(other);
  of_nobody.erase("subject");
  EXPECT_TRUE(read({of_nobody, device()}).doubtful);
}

TEST(Codings, EachOfAConditionCounts) {
  constexpr auto icd = R"("system":"http://hl7.org/fhir/sid/icd-10-cm")";
  const auto condition = [&](std::string_view other) {
    return read({of_p1("Condition", R"("code":{"coding":[{)" + std::string(icd) +
                                        R"(,"code":"F41.9"},{)" + std::string(other) + "}]}")});
  };
  const auto texts = [](const mapping::RecordContext& context) {
    std::vector<std::string> all;
    for (const auto& entry : context.entries) {
      all.push_back(entry.text);
    }
    return all;
  };
  const auto same_system = condition(std::string(icd) + R"(,"code":"G12.22")");
  EXPECT_TRUE(same_system.doubtful);
  EXPECT_THAT(texts(same_system), ElementsAre("F41.9", "G12.22"));
  const auto in_words = condition(R"("system":"urn:x","code":"1","display":"Bulbar palsy")");
  EXPECT_TRUE(in_words.doubtful);
  EXPECT_THAT(texts(in_words), ElementsAre("Bulbar palsy", "Bulbar palsy"));
  const auto beside_text = read({of_p1(
      "Condition",
      R"("code":{"text":"Diabetes mellitus","coding":[{"system":"urn:x","code":"1","display":"Bulbar palsy"}]})")});
  EXPECT_TRUE(beside_text.doubtful);
  EXPECT_THAT(texts(beside_text), ElementsAre("Diabetes mellitus", "Bulbar palsy"));
  // The same in another system.
  EXPECT_FALSE(condition(R"("system":"urn:x","code":"300.00")").doubtful);
  EXPECT_FALSE(
      condition(R"("system":"urn:x","code":"1","display":"Anxiety disorder, NOS")").doubtful);
}

TEST(Codings, WhatATextJoinsToAKnownConditionCounts) {
  const auto doubtful = [](std::string_view words) {
    return read({of_p1("Condition", R"("code":{"text":")" + std::string(words) + R"("})")})
        .doubtful;
  };
  EXPECT_TRUE(doubtful("Diabetes mellitus with progressive bulbar palsy"));
  EXPECT_TRUE(doubtful("Bulbar palsy, secondary to Diabetes mellitus"));
  EXPECT_TRUE(doubtful("Anxiety disorder; bulbar palsy"));
  EXPECT_TRUE(doubtful("Diabetes mellitus\\nBulbar palsy"));
  EXPECT_TRUE(doubtful("Diabetes mellitus\\r\\nBulbar palsy"));
  EXPECT_TRUE(doubtful("Diabetes mellitus / bulbar palsy"));
  EXPECT_TRUE(doubtful("Bulbar palsy/diabetes mellitus"));
  EXPECT_TRUE(doubtful("Diabetes mellitus w/bulbar palsy"));
  EXPECT_TRUE(doubtful("Diabetes mellitus, bulbar palsy"));
  EXPECT_TRUE(doubtful("Diabetes mellitus, type 2, chokes"));
  EXPECT_TRUE(doubtful("Diabetes mellitus, not swallowing"));
  for (const auto* join : {" - ", ": ", " vs ", " or ", "? ", " \u2192 ", " | ", " but ", " after ",
                           " in ", " (", " \u2013 ", "\u2014", "- "}) {
    EXPECT_TRUE(doubtful("Diabetes mellitus" + std::string(join) + "cannot swallow")) << join;
  }
  EXPECT_FALSE(doubtful("Anxiety disorder in full remission"));
  EXPECT_FALSE(doubtful("Diabetes mellitus - type 2"));
  EXPECT_FALSE(doubtful("Diabetes mellitus, type 2, not otherwise specified"));
  EXPECT_FALSE(doubtful("Type 2 diabetes mellitus w/o complications"));
  EXPECT_FALSE(doubtful("Epilepsy, unspecified, not intractable, without status epilepticus"));
  EXPECT_FALSE(doubtful("Diabetes mellitus,\\ntype 2"));
  EXPECT_FALSE(doubtful("Type 2 diabetes mellitus without complications"));
  EXPECT_FALSE(doubtful("Diabetes mellitus with diabetic neuropathy"));
  EXPECT_FALSE(doubtful("Anxiety disorder, unspecified (disorder)"));
}

TEST(Codings, NoOfficialNameOfAKnownConditionSaysMore) {
  const mapping::ConceptIndex index(*knowledge());
  std::size_t known = 0;
  for (const auto& term : knowledge()->terms) {
    const auto coding =
        Json::object({{"system", term.system}, {"code", term.code}, {"display", term.display}});
    const auto one = Json::object({{"coding", Json::array({coding})}, {"text", term.display}});
    known += index.read_coding(coding).meaning.is_of_health() ? 1U : 0U;
    EXPECT_EQ(mapping::another_said(index, &one), "") << term.code;
  }
  EXPECT_GT(known, 50U);
}

TEST(Statuses, OfAnotherCodeSystemTakeNothingAwayAndThatIsSaid) {
  const auto condition = [](std::string_view name, std::string_view system, std::string_view code) {
    return read({of_p1("Condition", R"("code":{"text":"Bulbar palsy"},")" + std::string(name) +
                                        R"(":{"coding":[{"system":")" + std::string(system) +
                                        R"(","code":")" + std::string(code) + R"("}]})")});
  };
  constexpr auto standard = "http://terminology.hl7.org/CodeSystem/condition-";
  struct Case {
    const char* name;
    const char* code;
    const char* system;
  };
  for (const auto& [name, code, system] :
       {Case{"clinicalStatus", "resolved", "clinical"},
        Case{"verificationStatus", "refuted", "ver-status"},
        Case{"verificationStatus", "entered-in-error", "ver-status"}}) {
    EXPECT_FALSE(condition(name, std::string(standard) + system, code).doubtful) << code;
    EXPECT_FALSE(
        condition(name,
                  "https://terminology.hl7.org/CodeSystem/condition-" + std::string(system) + "/",
                  code)
            .doubtful)
        << code;
    for (const auto* other : {"urn:local", "http://snomed.info/sct"}) {
      const auto context = condition(name, other, code);
      EXPECT_TRUE(context.doubtful) << code;
      EXPECT_THAT(unread(context), IsEmpty());
      EXPECT_THAT(context.entries, SizeIs(1)) << code;
      EXPECT_TRUE(says(context, "counts as none")) << code;
    }
  }
  // One beside that of the standard is no matter; one that says that it is there counts.
  const auto beside = [&](std::string_view code) {
    return read({of_p1("Condition",
                       R"("code":{"text":"Bulbar palsy"},"clinicalStatus":{"coding":[{"system":")" +
                           std::string(standard) +
                           R"(clinical","code":"resolved"},{"system":"urn:local","code":")" +
                           std::string(code) + R"("}]})")});
  };
  EXPECT_FALSE(beside("closed").doubtful);
  EXPECT_THAT(beside("closed").problems, IsEmpty());
  EXPECT_TRUE(beside("active").doubtful);
}

TEST(Pregnancy, OneOfThePastIsNamedAndARecentEndWithholdsReassurance) {
  const auto pregnancy = [](std::string_view end) {
    return read({of_p1("Condition", R"("clinicalStatus":{"coding":[{"code":"resolved"}]},)"
                                    R"("code":{"text":"Pregnancy"})" +
                                        std::string(end))});
  };
  const auto recent = pregnancy(R"(,"abatementDateTime":"2026-11-01")");
  ASSERT_THAT(recent.entries, SizeIs(1));
  EXPECT_EQ(recent.entries.front().text, "Pregnancy");
  EXPECT_TRUE(recent.doubtful);
  const auto old = pregnancy(R"(,"abatementDateTime":"2016-11-01")");
  EXPECT_THAT(old.entries, SizeIs(1));
  EXPECT_FALSE(old.doubtful);
  EXPECT_FALSE(pregnancy("").doubtful);
}

TEST(Contained, WhatIsInsideAnythingIsRead) {
  constexpr auto potassium =
      R"({"resourceType":"Observation","id":"k",)" AT("2026-11-21") LOINC("2823-3") MMOL("2.1") "}";
  constexpr auto myasthenia =
      R"({"resourceType":"Condition","id":"mg","code":{"text":"Myasthenia gravis"}})";
  const auto lab = static_cast<std::size_t>(knowledge()->lab("k"));
  const auto item = static_cast<std::size_t>(knowledge()->bindings.conditions);
  constexpr auto reason = R"("reasonReference":[{"reference":"#mg"}])";
  constexpr auto evidence = R"("evidence":[{"detail":[{"reference":"#mg"}]}])";
  const auto option = std::uint64_t{1} << knowledge()->items[item].option("myasthenia");
  for (const auto* type : {"Condition", "Encounter", "MedicationRequest", "ServiceRequest"}) {
    const std::string_view names = std::string_view(type) == "Condition" ? evidence : reason;
    const auto context = read({of_p1(type, R"("contained":[)" + std::string(potassium) + "," +
                                               myasthenia + R"(],)" + std::string(names))});
    EXPECT_EQ(rules::to_text(context.facts.labs[lab].value), "2.1") << type;
    EXPECT_NE(context.facts.chosen[item] & option, 0U) << type;
    EXPECT_FALSE(says(context, "not named")) << type;
  }
}

TEST(Contained, WhatIsInsideTheResponseIsRead) {
  const auto response_with = [](std::string_view whose) {
    auto response = testing::response_of(testing::harmless());
    response.set("contained", Json::array({parse(R"({"resourceType":"Observation","id":"k",)" AT(
                                                     "2026-11-21") LOINC("2823-3") MMOL("2.1") +
                                                 std::string(whose) + "}")}));
    return response;
  };
  const auto lab = static_cast<std::size_t>(knowledge()->lab("k"));
  for (const auto* whose : {"", R"(,"subject":{"reference":"Patient/p1"})"}) {
    const auto intake = testing::take(response_with(whose));
    const auto context = mapping::read_record(testing::concepts(), intake.value().record,
                                              intake->record_complete, testing::now());
    EXPECT_EQ(rules::to_text(context.facts.labs[lab].value), "2.1") << whose;
  }
  EXPECT_FALSE(testing::take(response_with(R"(,"subject":{"reference":"Patient/p2"})")));
}

// Of a response before this one, and of one that was begun after it.
TEST(Contained, WhatIsInsideAnotherResponseIsRead) {
  constexpr auto palsy = R"({"resourceType":"Condition","id":"c","code":{"text":"Bulbar palsy"}%})";
  const auto other_with = [&](std::string_view day, std::string_view status,
                              std::string_view whose) {
    std::string inside = palsy;
    inside.replace(inside.find('%'), 1, whose);
    auto other = testing::response_of(testing::harmless());
    other.set("id", "other");
    other.set("authored", std::string(day) + "T11:00:00Z");
    other.set("status", status);
    other.set("contained", Json::array({parse(inside)}));
    return testing::bundle_of({testing::response_of(testing::harmless()), other});
  };
  for (const auto& [day, status] :
       {std::pair("2026-11-20", "completed"), std::pair("2026-11-22", "in-progress")}) {
    for (const auto* whose : {"", R"(,"subject":{"reference":"Patient/p1"})"}) {
      const auto intake = testing::take(other_with(day, status, whose));
      ASSERT_TRUE(intake) << status;
      const auto context = mapping::read_record(testing::concepts(), intake->record,
                                                intake->record_complete, testing::now());
      EXPECT_TRUE(context.doubtful) << status;
      EXPECT_THAT(context.entries, SizeIs(1)) << status;
    }
    EXPECT_FALSE(
        testing::take(other_with(day, status, R"(,"subject":{"reference":"Patient/p2"})")));
    auto modified = other_with(day, status, "");
    for (auto& entry : *modified.find("entry")->as_array()) {
      if (entry.find("resource")->string_of("id") == "other") {
        entry.find("resource")->set("implicitRules", "urn:rules");
      }
    }
    const auto intake = testing::take(modified);
    ASSERT_TRUE(intake) << status;
    EXPECT_THAT(intake->record, IsEmpty()) << status;
    EXPECT_THAT(intake->set_aside, SizeIs(1)) << status;
  }
}

// Which answers are the latest is decided among those that stand alone: others are told.
TEST(Contained, AnswersInsideAnythingAreToldAndWithholdReassurance) {
  const auto told = [](const Json& outer, bool is_alone = false) {
    const auto response = testing::response_of(testing::harmless());
    const auto intake = testing::take(
        is_alone ? outer
                 : testing::bundle_of(
                       {parse(R"({"resourceType":"Patient","id":"p1"})"), response, outer}));
    const auto& problems = intake.value().record_problems;
    const auto said = std::count_if(problems.begin(), problems.end(), [](const auto& one) {
      return one.code == "MF-3031" && one.text.find("answers to the form") != std::string::npos;
    });
    EXPECT_EQ(said == 1, intake->record_missing);
    return said;
  };
  const auto inside = [](std::string_view more = "") {
    auto response = testing::response_of(testing::harmless());
    const auto members = parse("{" + std::string(more) + "}");
    for (const auto& member : *members.as_object()) {
      response.set(member.name, member.value);
    }
    response.set("id", "k");
    return response;
  };
  const auto within = [](std::string_view type, std::string_view members, const Json& response) {
    auto outer = of_p1(type, members);
    outer.set("contained", Json::array({response}));
    return outer;
  };
  constexpr auto task = R"("status":"completed","intent":"order")";
  EXPECT_EQ(told(within("Task", task, inside())), 1);
  EXPECT_EQ(told(within("Task", task, inside(R"("status":"in-progress")"))), 1);
  EXPECT_EQ(told(within("Task", task, inside(R"("authored":"2020-01-01")"))), 1);
  EXPECT_EQ(told(within("Communication", STATUS("completed") R"("sent":"2026-11-21T08:00:00Z")",
                        inside())),
            1);
  EXPECT_EQ(
      told(within("Observation", AT("2026-11-21") NAMED("Urea") MMOL("5") MARKED("N"), inside())),
      1);
  auto nameless = inside();
  nameless.erase("questionnaire");
  nameless.erase("item");
  EXPECT_EQ(told(within("Task", task, nameless)), 1);
  auto of_nobody = within("Task", task, inside());
  of_nobody.erase("for");
  EXPECT_EQ(told(of_nobody), 1);
  auto provenance = within("Provenance", R"("recorded":"2026-11-20T00:00:00Z")", inside());
  provenance.erase("subject");
  EXPECT_EQ(told(provenance), 1);
  auto alone = testing::response_of(testing::harmless());
  alone.set("contained", Json::array({inside()}));
  EXPECT_EQ(told(alone, true), 1);
  // Of another form, withdrawn, or of another patient.
  constexpr auto other = R"("questionnaire":"http://x.example/phq-9","item":[])";
  EXPECT_EQ(told(within("Task", task, inside(other))), 0);
  EXPECT_EQ(told(within("Task", task, inside(R"("status":"entered-in-error")"))), 0);
  EXPECT_EQ(told(within("Task", STATUS("entered-in-error") R"("intent":"order")", inside())), 0);
  EXPECT_FALSE(testing::take(testing::bundle_of(
      {parse(R"({"resourceType":"Patient","id":"p1"})"), testing::response_of(testing::harmless()),
       within("Task", task, inside(R"("subject":{"reference":"Patient/p2"})"))})));
}

TEST(Contained, ResourcesInParametersAreMissing) {
  const auto is_missing = [](std::string_view parameter) {
    return testing::take(testing::bundle_of(
                             {parse(R"({"resourceType":"Patient","id":"p1"})"),
                              testing::response_of(testing::harmless()),
                              parse(R"({"resourceType":"Parameters","parameter":[{"name":"x",)" +
                                    std::string(parameter) + "}]}")}))
        .value()
        .record_missing;
  };
  constexpr auto palsy =
      R"("resource":{"resourceType":"Condition","code":{"text":"Bulbar palsy"}})";
  EXPECT_TRUE(is_missing(palsy));
  EXPECT_TRUE(is_missing(R"("part":[{"name":"y",)" + std::string(palsy) + "}]"));
  EXPECT_FALSE(is_missing(R"("valueString":"Bulbar palsy")"));
}

TEST(Contained, AnInstrumentIsNoDeviceOfThePatientUnlessItIsInUse) {
  constexpr auto device =
      R"("contained":[{"resourceType":"Device","id":"d","type":{"text":"Sonde Q7"}}],)";
  EXPECT_FALSE(read({of_p1("Observation", device + std::string(AT("2026-11-21") NAMED("Urea")
                                                                   MMOL("5") MARKED("N")))})
                   .doubtful);
  const auto used =
      read({of_p1("DeviceUseStatement",
                  device + std::string(STATUS("active") R"("device":{"reference":"#d"})"))});
  EXPECT_THAT(unread(used), ElementsAre("Sonde Q7"));
}

TEST(Nobodys, AnEntryThatSaysNothingIsPassedOverAndOneThatSaysSomethingIsTold) {
  const auto task = [](std::string_view members) {
    auto one = of_p1("Task", R"("status":"requested","intent":"order")" + std::string(members));
    one.erase("for");
    return read({one});
  };
  EXPECT_FALSE(task("").doubtful);
  EXPECT_TRUE(task(R"(,"description":"Call: choking")").doubtful);
}

TEST(Nobodys, AVisitIsPassedOverOnlyWhereItDoesNotSayWhatItWas) {
  const auto nobodys = [](std::string_view type, std::string_view members) {
    auto one = of_p1(type, members);
    one.erase("subject");
    one.erase("patient");
    return read({one});
  };
  constexpr auto visit = STATUS("finished") AMB VISITED;
  EXPECT_THAT(nobodys("Encounter", visit).problems, IsEmpty());
  for (const auto* more : {R"(,"type":[{"text":"Emergency room"}])",
                           R"(,"type":[{"coding":[{"display":"Emergency room"}]}])",
                           R"(,"location":[{"location":{"display":"A&E"}}])"}) {
    EXPECT_TRUE(nobodys("Encounter", visit + std::string(more)).doubtful) << more;
  }
  EXPECT_TRUE(
      nobodys("EpisodeOfCare", STATUS("active") R"("type":[{"text":"Palliative care"}])").doubtful);
  EXPECT_TRUE(
      nobodys("Composition", STATUS("final") R"("date":"2026-11-20","title":"A&E")").doubtful);
}

TEST(Own, WhatThisProgramWroteSaysNothingNew) {
  const auto& title = knowledge()->title;
  const auto& rule = knowledge()->rules.front().title;
  const auto order = [&](std::string_view more) {
    auto one =
        of_p1("ServiceRequest",
              R"("status":"active","intent":"order","priority":"urgent",)" + std::string(more));
    one.set("code", Json::object({{"coding", Json::array({mapping::workup_coding(
                                                 *knowledge(), knowledge()->workups.front())})}}));
    return read({one});
  };
  EXPECT_FALSE(order(R"("reasonCode":[{"text":")" + rule + R"("}])").doubtful);
  EXPECT_TRUE(order(R"("note":[{"text":"theirs"}])").doubtful);
  EXPECT_FALSE(
      order(R"("reasonReference":[{"reference":"Observation/9","display":")" + rule + R"("}])")
          .doubtful);
  EXPECT_TRUE(order(R"("note":[{"authorString":"Dr X","text":"theirs"}])").doubtful);
  EXPECT_TRUE(order(REASON("Cord compression")).doubtful);
  EXPECT_FALSE(read({of_p1("DocumentReference", R"("status":"current","description":")" + title +
                                                    R"(: )" + knowledge()->tiers.back().label +
                                                    R"(","content":[{"attachment":{"title":")" +
                                                    title + R"("}}])")})
                   .doubtful);
  EXPECT_TRUE(read({of_p1("Encounter", R"("status":"finished","class":{"code":"AMB"},)"
                                       R"("reasonCode":[{"text":")" +
                                           rule + R"("}])")})
                  .doubtful);
}

// Accepted by an EHR as they were written.
TEST(Own, AllThatAnAssessmentWritesIsKnownAgain) {
  AssessOptions options;
  options.now = testing::now();
  std::mt19937_64 random(5);
  std::size_t notes = 0, results = 0;
  for (int i = 0; i < 20; ++i) {
    const auto answers = testing::random_given(random);
    const auto assessed = Assessor(knowledge())
                              .assess(fhir::write_json(testing::bundle_of(
                                          {parse(R"({"resourceType":"Patient","id":"p1"})"),
                                           testing::response_of(answers),
                                           of_p1("Device", R"("type":{"text":"Pacemaker"})")})),
                                      options)
                              .value();
    const auto bundle =
        mapping::transaction_bundle(assessed.assessment, assessed.response, assessed.record);
    for (const auto& entry : bundle.array_of("entry")) {
      auto resource = *entry.find("resource");
      const auto type = std::string(resource.string_of("resourceType"));
      if (type == "Observation") {
        const auto context = read({resource});
        EXPECT_THAT(unread(context), IsEmpty()) << fhir::write_json(resource);
        EXPECT_THAT(context.problems, IsEmpty()) << fhir::write_json(resource);
        EXPECT_FALSE(context.doubtful) << fhir::write_json(resource);
        ++results;
      }
      if (type != "ServiceRequest" && type != "DocumentReference") {
        continue;
      }
      for (const auto& note : resource.array_of("note")) {
        EXPECT_TRUE(mapping::is_own_note(*knowledge(), note.string_of("text")))
            << note.string_of("text");
        ++notes;
      }
      resource.erase("supportingInfo");
      resource.erase("context");
      resource.set("status", type == "ServiceRequest" ? "active" : "current");
      resource.set("intent", "order");
      if (type != "ServiceRequest") {
        resource.erase("intent");
      }
      const auto context = read({resource});
      EXPECT_THAT(unread(context), IsEmpty()) << type;
      EXPECT_FALSE(context.doubtful) << type;
    }
  }
  EXPECT_GT(notes, 100U);
  EXPECT_GT(results, 100U);
}

TEST(Own, WhatOnlyBeginsAsOursDoesIsTold) {
  const auto& knowledge = *testing::knowledge();
  const auto& tier = knowledge.tiers.back();
  const auto reason = [&](std::string_view more) {
    const auto& rule = knowledge.rules.front();
    return rule.title + " (" + rule.id + "); " + knowledge.id + ' ' + std::string(more);
  };
  for (const auto& own : {knowledge.title, mapping::outcome_title(knowledge, tier),
                          mapping::outcome_message(knowledge, tier)}) {
    EXPECT_TRUE(mapping::is_own_line(knowledge, own)) << own;
    EXPECT_FALSE(mapping::is_own_line(knowledge, own + ": chokes")) << own;
  }
  EXPECT_TRUE(mapping::is_own_note(knowledge, reason("0.0.1")));
  EXPECT_TRUE(
      mapping::is_own_note(knowledge, reason("0.0.1; " + knowledge.rules.front().target.text)));
  for (const auto& theirs : {std::string(), reason("0.0.1; chokes"), reason("0.0.1 chokes"),
                             knowledge.rules.front().title, knowledge.id + " 0.0.1",
                             knowledge.text("test-repeat") + "!"}) {
    EXPECT_FALSE(mapping::is_own_note(knowledge, theirs)) << theirs;
  }
  const auto message = [&](const std::string& words) {
    auto one = of_p1("Communication",
                     STATUS("completed") R"("priority":"stat","sent":"2026-11-21T08:00:00Z")");
    one.set("payload", Json::array({Json::object({{"contentString", words}})}));
    return read({one}).doubtful;
  };
  EXPECT_FALSE(message(mapping::outcome_message(knowledge, tier)));
  EXPECT_TRUE(message(knowledge.title + ": I cannot swallow since yesterday"));
}

TEST(OpenPeriods, AResultThatGoesOnIsNotTooOld) {
  const auto panel = [](std::string_view period) {
    return read({of_p1("Observation", R"("status":"final","code":{"text":"Panel"},)"
                                      R"("effectivePeriod":{)" +
                                          std::string(period) +
                                          R"(},"hasMember":[{"reference":"Observation/gone"}])")});
  };
  EXPECT_TRUE(says(panel(R"("start":"2020-01-01")"), "names a result"));
  EXPECT_FALSE(says(panel(R"("start":"2020-01-01","end":"2020-01-02")"), "names a result"));
}

TEST(Problems, OfLaboratoryValuesAreBounded) {
  std::vector<Json> many;
  for (std::size_t i = 0; i < fhir::max_issues + 100; ++i) {
    many.push_back(of_p1("Observation", AT("2026-11-21") LOINC("2823-3") R"("valueString":"x")"));
  }
  const auto context = read(many);
  EXPECT_EQ(context.problems.size(), fhir::max_issues);
  EXPECT_THAT(context.problems.back().text, HasSubstr("more to say"));
}

TEST(Devices, OneThatNobodyReadStandsBesideProposalsOfTestsItMayForbid) {
  const auto context = read({of_p1("Device", R"("type":{"text":"Sonde Q7"})")});
  std::vector<std::string> cautions;
  for (const auto& entry : context.entries) {
    if (entry.kind == RecordEntry::Kind::caution) {
      cautions.push_back(entry.caution + ": " + entry.text);
    }
  }
  const std::string text = "a device, perhaps an implanted one, that no rule reads (Sonde Q7)";
  EXPECT_THAT(cautions, ElementsAre("emg: " + text, "mri: " + text));
}

TEST(Report, AConclusionIsListedBesideReadResultsAndBesideMissingOnes) {
  const auto report = [](std::string_view result) {
    return of_p1("DiagnosticReport",
                 AT("2026-10-20") NAMED("EMG") R"("conclusion":"Suspicious of MND","result":[)" +
                     std::string(result) + "]");
  };
  for (const auto* result :
       {R"({"reference":"Observation/x1"})",
        R"({"reference":"Observation/x1"},{"reference":"Observation/nowhere"})"}) {
    const auto context =
        read({report(result),
              of_p1("Observation", AT("2026-10-20") NAMED("Amplitude") MMOL("5") MARKED("N"))});
    EXPECT_THAT(unread(context), ElementsAre("EMG: Suspicious of MND")) << result;
    EXPECT_TRUE(context.doubtful) << result;
  }
}

TEST(Report, AConclusionOfLongAgoIsListedAndNobodyIsAlarmed) {
  const auto report = [](std::string_view members) {
    return read({of_p1("DiagnosticReport", R"("status":"final",)" + std::string(members))});
  };
  const auto old =
      report(R"("effectiveDateTime":"2021-03-04",)" NAMED("EMG") R"("conclusion":"Denervation")");
  EXPECT_THAT(unread(old), ElementsAre("EMG: Denervation"));
  EXPECT_FALSE(old.doubtful);
  EXPECT_THAT(old.problems, IsEmpty());
  EXPECT_TRUE(report(R"("effectiveDateTime":"2026",)" NAMED("EMG") R"("conclusion":"Denervation")")
                  .doubtful);
}

TEST(Report, OneThatIsRegisteredAndSaysSomethingIsRead) {
  const auto context =
      read({of_p1("DiagnosticReport",
                  R"("status":"registered",)" NAMED("EMG") R"("conclusion":"Denervation")")});
  EXPECT_THAT(unread(context), ElementsAre("EMG: Denervation"));
  EXPECT_TRUE(context.doubtful);
  EXPECT_FALSE(
      read({of_p1("DiagnosticReport", R"("status":"registered","code":{"text":"EMG"})")}).doubtful);
}

TEST(SetAside, WhatMayHaveMatteredWithholdsReassurance) {
  const auto doubtful = [](std::string_view type, std::string_view members) {
    return read({of_p1(type, R"("modifierExtension":[{"url":"urn:x","valueBoolean":true}],)" +
                                 std::string(members))})
        .doubtful;
  };
  EXPECT_TRUE(doubtful("DiagnosticReport", AT("2026-11-20") R"("code":{"text":"EMG"},)"
                                                            R"("conclusion":"Denervation")"));
  EXPECT_FALSE(doubtful("DiagnosticReport", AT("2016-11-20") R"("code":{"text":"EMG"},)"
                                                             R"("conclusion":"Denervation")"));
  EXPECT_FALSE(doubtful("DiagnosticReport", AT("2026-11-20") R"("code":{"text":"EMG"})"));
  EXPECT_TRUE(doubtful("Device", R"("type":{"text":"Sonde Q7"})"));
  EXPECT_FALSE(doubtful("Device", R"("status":"inactive","type":{"text":"Sonde Q7"})"));
}

TEST(Report, OldOnesDoNotPushOutWhatIsNew) {
  std::vector<Json> record;
  for (int i = 0; i < 30; ++i) {
    record.push_back(
        of_p1("DiagnosticReport", R"("status":"final","effectiveDateTime":"2015-01-01")"));
    record.back().set("conclusion", "Report " + std::to_string(i));
  }
  record.push_back(of_p1("Observation", AT("2026-11-21") NAMED("K+") MMOL("2.2") MARKED("LL")));
  const auto listed = unread(read(record));
  ASSERT_THAT(listed, SizeIs(20));
  EXPECT_EQ(listed.front(), "K+: 2.2 mmol/L (LL)");
}

TEST(Measured, AMedicineIsTakenWhereTheRecordDoesNotNameIt) {
  const auto item = static_cast<std::size_t>(knowledge()->bindings.medicines);
  const auto lithium = std::uint64_t{1} << knowledge()->items[item].option("lithium");
  const auto level = of_p1("Observation", AT("2026-11-21") LOINC("14334-7") MMOL("1.4"));
  const auto context = read({level});
  EXPECT_EQ(context.facts.chosen[item], lithium);
  ASSERT_THAT(context.entries, ::testing::Not(IsEmpty()));
  EXPECT_EQ(context.entries.front().text, "lithium: 1.4 mmol/L");
  const auto tablets = of_p1("MedicationRequest",
                             R"("status":"active","medicationCodeableConcept":{"text":"Lithium"})");
  const auto both = read({level, tablets});
  EXPECT_EQ(std::count_if(both.entries.begin(), both.entries.end(),
                          [](const auto& one) { return one.kind == RecordEntry::Kind::medicine; }),
            1);
  const auto old = of_p1("Observation", AT("2025-11-21") LOINC("14334-7") MMOL("1.4"));
  EXPECT_EQ(read({old}).facts.chosen[item], 0U);
}

struct WordsCase {
  const char* name;
  const char* type;
  const char* members;
  const char* option;  // of the question; empty: none
};

class PregnancyWords : public ::testing::TestWithParam<WordsCase> {};

TEST_P(PregnancyWords, GiveTheState) {
  const auto context = read({of_p1(GetParam().type, GetParam().members)});
  const auto item = static_cast<std::size_t>(knowledge()->bindings.pregnancy);
  const int option = knowledge()->items[item].option(GetParam().option);
  EXPECT_EQ(context.facts.chosen[item], option < 0 ? 0U : std::uint64_t{1} << option);
}

#define ACTIVE R"("clinicalStatus":{"coding":[{"code":"active"}]},)"

INSTANTIATE_TEST_SUITE_P(
    Cases, PregnancyWords,
    ::testing::Values(
        WordsCase{"pregnant", "Condition", ACTIVE R"("code":{"text":"Pregnant"})",
                  "pregnant-20-plus"},
        WordsCase{"pregnancy", "Condition", ACTIVE R"("code":{"text":"Pregnancy"})",
                  "pregnant-20-plus"},
        WordsCase{"weeks", "Condition", ACTIVE R"("code":{"text":"32 weeks pregnant"})",
                  "pregnant-20-plus"},
        WordsCase{"longer_words", "Condition",
                  ACTIVE R"("code":{"text":"First trimester pregnancy"})", "pregnant-under-20"},
        WordsCase{"not", "Condition", ACTIVE R"("code":{"text":"Not pregnant"})", ""},
        WordsCase{"reason", "Encounter", STATUS("in-progress") REASON("Pregnant"),
                  "pregnant-20-plus"},
        WordsCase{"reason_not", "Encounter", STATUS("in-progress") REASON("Not pregnant"), ""},
        WordsCase{
            "reason_not_by_display", "Encounter",
            STATUS(
                "in-progress") R"("reasonCode":[{"coding":[{"system":"urn:x","display":"Not pregnant"}]}])",
            ""},
        WordsCase{"reason_not_by_reference", "Encounter", STATUS("in-progress") WHY("Not pregnant"),
                  ""},
        WordsCase{
            "over", "Condition",
            R"("clinicalStatus":{"coding":[{"code":"resolved"}]},"code":{"text":"Pregnancy"})", ""},
        WordsCase{"gestational_age", "Observation",
                  AT("2026-11-21")
                      NAMED("Gestational age") R"("valueQuantity":{"value":33,"unit":"weeks"})",
                  "pregnant-20-plus"},
        WordsCase{"gestational_age_of_long_ago", "Observation",
                  AT("2020-11-21")
                      NAMED("Gestational age") R"("valueQuantity":{"value":33,"unit":"weeks"})",
                  ""},
        WordsCase{"delivery_to_come", "Observation",
                  AT("2026-11-21")
                      NAMED("Delivery date Estimated") R"("valueDateTime":"2027-01-05")",
                  "pregnant-20-plus"},
        WordsCase{"delivery_past", "Observation",
                  AT("2026-11-21")
                      NAMED("Delivery date Estimated") R"("valueDateTime":"2026-01-05")",
                  ""},
        WordsCase{"a_test", "Observation",
                  AT("2026-11-21")
                      NAMED("Pregnancy test") R"("valueQuantity":{"value":2,"unit":"IU/L"})",
                  ""},
        WordsCase{"value_not", "Observation",
                  AT("2026-11-21")
                      NAMED("Status") R"("valueCodeableConcept":{"text":"Not pregnant"})",
                  ""}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(PregnancyWords, ALaterResultOfAnotherNameReplacesNone) {
  const auto displayed = [](std::string_view name, std::string_view day, std::string_view value) {
    return of_p1("Observation", R"("status":"final","effectiveDateTime":")" + std::string(day) +
                                    R"(","code":{"coding":[{"display":")" + std::string(name) +
                                    R"("}]},"valueQuantity":)" + std::string(value));
  };
  const auto context =
      read({displayed("Gestational age", "2026-11-10", R"({"value":33,"unit":"weeks"})"),
            displayed("Body weight", "2026-11-20", R"({"value":70,"unit":"kg"})")});
  const auto item = static_cast<std::size_t>(knowledge()->bindings.pregnancy);
  EXPECT_NE(context.facts.chosen[item], 0U);
}

// ---- any resource

// Of each type of the standard, with what it can have of an id, a status, a code and a patient. A
// second Patient and a Bundle without a type refuse the whole input.
TEST(AnyResource, IsTakenInBesideAResponse) {
  const Assessor assessor(knowledge());
  AssessOptions options;
  options.now = testing::now();
  for (const auto& type : fhir::r4::types()) {
    if (fhir::r4::find_resource(type.name) == nullptr || type.name == "Bundle" ||
        type.name == "Patient") {
      continue;
    }
    auto bare = Json::object({{"resourceType", type.name}, {"id", "m"}});
    auto full = bare;
    const auto add = [&](std::string_view name, const Json& value) {
      const auto* element = fhir::r4::find_element(type, name);
      if (element != nullptr) {
        full.set(name, element->repeats ? Json::array({value}) : value);
      }
    };
    add("status", Json("active"));
    add("code", Json::object({{"text", "Aspirin"}}));
    for (const auto* name : {"subject", "patient", "for"}) {
      add(name, Json::object({{"reference", "Patient/p1"}}));
    }
    for (const auto& resource : {bare, full}) {
      for (const auto outlook : {rules::Outlook::whole, rules::Outlook::none}) {
        options.outlook = outlook;
        options.batch = outlook == rules::Outlook::none;
        const auto bundle =
            testing::bundle_of({parse(R"({"resourceType":"Patient","id":"p1"})"),
                                testing::response_of(testing::harmless()), resource});
        const auto assessed = assessor.assess(fhir::write_json(bundle), options);
        EXPECT_TRUE(assessed) << type.name << ": " << assessed.error().front().text;
      }
    }
  }
}

// ---- what people read

rules::Assessment assessed_beside(const Json& resource) {
  AssessOptions options;
  options.now = testing::now();
  return Assessor(knowledge())
      .assess(fhir::write_json(
                  testing::bundle_of({parse(R"({"resourceType":"Patient","id":"p1"})"),
                                      testing::response_of(testing::harmless()), resource})),
              options)
      .value()
      .assessment;
}

// What a red flag rests on was judged; whatever else is in doubt is still said.
TEST(JudgedResults, OfARedFlagAreNotCalledUnjudgedBesideIt) {
  const auto says_unjudged = [](std::string_view members) {
    const auto assessment = assessed_beside(
        of_p1("Observation", AT("2026-11-21") LOINC("2823-3") + std::string(members)));
    EXPECT_TRUE(rules::is_doubtful(*assessment.input)) << members;
    return std::any_of(assessment.notices.begin(), assessment.notices.end(), [](const auto& one) {
      return one.text == rules::fill(knowledge()->text("doubt-record-set-aside"), {});
    });
  };
  EXPECT_FALSE(says_unjudged(MMOL("2.2")));
  EXPECT_FALSE(says_unjudged(MMOL("2.2") MARKED("LL")));
  EXPECT_TRUE(says_unjudged(MMOL("2.2") R"(,"note":[{"text":"haemolysed"}])"));
  EXPECT_TRUE(says_unjudged(MMOL("2.2") R"(,"component":[{"code":{"text":"Comment"},)"
                                        R"("valueString":"Patient collapsed"}])"));
  EXPECT_TRUE(says_unjudged(MMOL("5.6")));
}

// Every record has some, so they alarm nobody.
TEST(UnreadTypes, AreCountedByTypeAndWithholdNothing) {
  const auto allergy = of_p1("AllergyIntolerance", R"("code":{"text":"Penicillin"})");
  const auto list = of_p1("List", STATUS("current") R"("mode":"working","title":"Problems")");
  const auto form =
      of_p1("QuestionnaireResponse", STATUS("completed") R"("questionnaire":"http://x.example/y")");
  const auto doctor = parse(R"({"resourceType":"Practitioner","name":[{"family":"CANARY"}]})");
  const auto context = read({allergy, form, doctor, list, allergy});
  EXPECT_FALSE(context.doubtful);
  EXPECT_THAT(unread(context), IsEmpty());
  ASSERT_THAT(context.counts, SizeIs(1));
  const auto& said = context.counts.front();
  EXPECT_EQ(said.text,
            "4 entries of types that are not read: AllergyIntolerance (2), List (1), "
            "QuestionnaireResponse (1)");
  EXPECT_EQ(said.place, "Bundle.entry[2].resource");
  EXPECT_THAT(said.also, ElementsAre("Bundle.entry[6].resource", "Bundle.entry[5].resource",
                                     "Bundle.entry[3].resource"));
  EXPECT_THAT(read({doctor}).counts, IsEmpty());
}

TEST(UnreadTypes, AreSaidToTheClinicianBesideACalmResult) {
  const auto calm = assessed_beside(parse(R"({"resourceType":"Practitioner"})"));
  const auto told = assessed_beside(of_p1("AllergyIntolerance", R"("code":{"text":"Penicillin"})"));
  EXPECT_EQ(told.tier, calm.tier);
  const auto says_types = [](const rules::Assessment& assessment) {
    return std::any_of(assessment.notices.begin(), assessment.notices.end(), [](const auto& one) {
      return one.text ==
             "About the record: 1 entry of types that are not read: AllergyIntolerance (1).";
    });
  };
  EXPECT_TRUE(says_types(told));
  EXPECT_FALSE(says_types(calm));
}

// A batch does not read a line that holds others either.
TEST(UnreadTypes, WhatHoldsOtherResourcesWithholdsReassurance) {
  const auto told = [](std::string_view parameter) {
    const auto assessment = assessed_beside(
        parse(R"({"resourceType":"Parameters","parameter":[)" + std::string(parameter) + "]}"));
    return rules::is_doubtful(*assessment.input);
  };
  constexpr auto condition = R"({"name":"a","resource":{"resourceType":"Condition"}})";
  EXPECT_TRUE(told(condition));
  EXPECT_TRUE(told(R"({"name":"b","part":[)" + std::string(condition) + "]}"));
  EXPECT_FALSE(told(R"({"name":"c","valueString":"x"})"));
}

// One sentence, and each place of it for whoever mends the input.
TEST(UnreadTypes, AndWhatNoRuleReadsAreFoundAtTheirPlaces) {
  AssessOptions options;
  options.now = testing::now();
  const auto condition = R"({"resourceType":"Condition","subject":{"reference":"Patient/p1"},)"
                         R"("code":{"text":"Bulbar palsy"}})";
  const auto issues =
      Assessor(knowledge())
          .check(fhir::write_json(testing::bundle_of(
                     {parse(R"({"resourceType":"Patient","id":"p1"})"),
                      testing::response_of(testing::harmless()), parse(condition),
                      of_p1("Flag", R"("status":"active","code":{"text":"Choking"})"),
                      of_p1("List", R"("status":"current")")})),
                 options);
  std::vector<std::string> places;
  for (const auto& issue : issues) {
    if (issue.code == "MF-3033") {
      places.push_back(issue.place);
    }
  }
  EXPECT_THAT(places, ElementsAre("Bundle.entry[2].resource", "Bundle.entry[3].resource",
                                  "Bundle.entry[4].resource"));
}

// Otherwise the later of two would be taken for the one that was delivered.
TEST(Outcome, IsAnotherWhereTheRecordSaysSomethingElseThatNoRuleReads) {
  const auto outcome = [](std::string_view words) {
    return fhir::write_json(mapping::outcome_json(
        assessed_beside(of_p1("Condition", R"("code":{"text":")" + std::string(words) + R"("})"))));
  };
  EXPECT_EQ(outcome("Foot drop"), outcome("Foot drop"));
  EXPECT_NE(outcome("Foot drop"), outcome("Night sweats"));
}

// What nobody judges is more with every visit, and older with every day.
TEST(Outcome, IsTheSameHoweverMuchOfTheRecordNobodyJudges) {
  const auto outcome = [](const Json& resource, std::string_view text) {
    const auto assessment = assessed_beside(resource);
    EXPECT_TRUE(
        std::any_of(assessment.notices.begin(), assessment.notices.end(),
                    [&](const auto& one) { return one.text.find(text) != std::string::npos; }));
    return fhir::write_json(mapping::outcome_json(assessment));
  };
  const auto pulses = [](int count) {
    Json panel =
        of_p1("Observation", AT("2026-11-21") CATEGORY("vital-signs") R"("code":{"text":"Pulse"})");
    Json components = Json::array();
    for (int i = 0; i < count; ++i) {
      components.push(parse(R"({"code":{"text":"Pulse"},"valueQuantity":{"value":71}})"));
    }
    panel.set("component", std::move(components));
    return panel;
  };
  EXPECT_EQ(outcome(pulses(1), "no rule judges (1)"), outcome(pulses(2), "no rule judges (2)"));
  EXPECT_EQ(outcome(pulses(1), "Judged by no rule: Pulse: 71, 2026-11-21."),
            outcome(pulses(23), "Pulse: 71, 2026-11-21; and 3 more."));
  auto allergies = of_p1("List", STATUS("current") R"("mode":"working")");
  const auto one = outcome(allergies, "types that are not read: List (1)");
  allergies.set("contained", Json::array({parse(R"({"resourceType":"AllergyIntolerance","id":"a",)"
                                                R"("patient":{"reference":"Patient/p1"}})")}));
  EXPECT_EQ(one, outcome(allergies, "AllergyIntolerance (1), List (1)"));
}

// It may act still, or be missed.
TEST(EndedMedicines, OfLateAreListedWhereARuleAsksForThem) {
  const auto ended = [](std::string_view more, std::string_view medicine) {
    return read({of_p1("MedicationStatement", std::string(more) +
                                                  R"("medicationCodeableConcept":{"text":")" +
                                                  std::string(medicine) + R"("})")});
  };
  const auto late =
      ended(STATUS("stopped") R"("effectivePeriod":{"start":"2026-01-01","end":"2026-11-20"},)",
            "lithium");
  for (const auto* when :
       {R"("effectivePeriod":{"start":"2025-01-01"},"dateAsserted":"2026-11-20",)",
        R"("effectivePeriod":{"start":"2025-01-01"},)", R"("effectiveDateTime":"2025-01-01",)"}) {
    EXPECT_TRUE(ended(std::string(STATUS("stopped")) + when, "lithium").doubtful) << when;
  }
  EXPECT_FALSE(ended(STATUS("stopped") R"("dateAsserted":"2024-11-20",)", "lithium").doubtful);
  EXPECT_TRUE(late.doubtful);
  EXPECT_THAT(unread(late), ElementsAre("lithium, ended or stopped"));
  EXPECT_FALSE(
      ended(STATUS("completed") R"("effectivePeriod":{"end":"2024-11-20"},)", "lithium").doubtful);
  EXPECT_FALSE(
      ended(STATUS("completed") R"("effectivePeriod":{"end":"2026-11-20"},)", "somethingelse")
          .doubtful);
  EXPECT_FALSE(
      ended(STATUS("not-taken") R"("effectivePeriod":{"end":"2026-11-20"},)", "lithium").doubtful);
  const auto order =
      read({of_p1("MedicationRequest",
                  STATUS("completed") R"("intent":"order","authoredOn":"2026-11-18",)"
                                      R"("medicationCodeableConcept":{"text":"lithium"})")});
  EXPECT_TRUE(order.doubtful);
  const auto request = [](std::string_view members) {
    return read({of_p1("MedicationRequest", R"("intent":"order","authoredOn":"2025-01-18",)"
                                            R"("medicationCodeableConcept":{"text":"lithium"},)" +
                                                std::string(members))})
        .doubtful;
  };
  EXPECT_TRUE(request(R"("status":"stopped","meta":{"lastUpdated":"2026-11-21T09:00:00Z"})"));
  EXPECT_FALSE(request(R"("status":"stopped","meta":{"lastUpdated":"2025-02-21T09:00:00Z"})"));
  EXPECT_FALSE(request(R"("status":"completed")"));
  EXPECT_TRUE(request(R"("status":"completed","dosageInstruction":[{"timing":{"repeat":)"
                      R"({"boundsPeriod":{"end":"2026-11-20"}}}}])"));
}

TEST(OpenPeriods, AProcedureOrAStatementWithoutAnEndIsNotOld) {
  const auto says = [](std::string_view type, std::string_view members) {
    return read({of_p1(type, std::string(members))}).doubtful;
  };
  const std::string open = R"("start":"2020-01-01")";
  const std::string closed = open + R"(,"end":"2020-02-01")";
  const auto operation = [&](const std::string& period) {
    return says("Procedure", R"("status":"completed","code":{"text":"Spinal operation"},)"
                             R"("performedPeriod":{)" +
                                 period + "}");
  };
  EXPECT_TRUE(operation(open));
  EXPECT_FALSE(operation(closed));
  const auto impression = [&](const std::string& period) {
    return says("ClinicalImpression", R"("status":"in-progress","summary":"Cord compression",)"
                                      R"("effectivePeriod":{)" +
                                          period + "}");
  };
  EXPECT_TRUE(impression(open));
  EXPECT_FALSE(impression(closed));
}

TEST(NamelessAnswers, MayBeToOurForm) {
  const auto nameless = [](std::string_view status) {
    return assessed_beside(
        of_p1("QuestionnaireResponse",
              R"("status":")" + std::string(status) +
                  R"(","item":[{"linkId":"1","answer":[{"valueString":"x"}]}])"));
  };
  EXPECT_TRUE(rules::is_doubtful(*nameless("completed").input));
  EXPECT_FALSE(rules::is_doubtful(*nameless("entered-in-error").input));
}

TEST(UnreadTypes, AreThoseThatFhirDefinesToBeAboutAPatient) {
  for (const auto* type : {"AllergyIntolerance", "List", "Coverage", "QuestionnaireResponse"}) {
    EXPECT_TRUE(mapping::is_unread_type(type)) << type;
  }
  for (const auto* type : {"Organization", "DeviceDefinition", "EvidenceVariable", "Library",
                           "PlanDefinition", "Substance", "Patient", "Condition", "Medication"}) {
    EXPECT_FALSE(mapping::is_unread_type(type)) << type;
  }
}

TEST(Record, OfOthersThanThePatientIsNoRecord) {
  const auto kinds = [](const Json& resource) {
    AssessOptions options;
    options.now = testing::now();
    const auto assessed = Assessor(knowledge())
                              .assess(fhir::write_json(testing::bundle_of(
                                          {testing::response_of(testing::harmless()), resource})),
                                      options)
                              .value();
    std::vector<rules::Notice::Kind> list;
    for (const auto& notice : assessed.assessment.notices) {
      list.push_back(notice.kind);
    }
    return list;
  };
  using Kind = rules::Notice::Kind;
  EXPECT_THAT(kinds(parse(R"({"resourceType":"Organization","name":"Example"})")),
              Contains(Kind::record_missing));
  EXPECT_THAT(kinds(of_p1("AllergyIntolerance", R"("code":{"text":"Penicillin"})")),
              IsSupersetOf({Kind::record_missing, Kind::record_count}));
}

std::string explained(const Json& resource) {
  const auto assessment = assessed_beside(resource);
  std::string text;
  for (const auto& section : rules::explain_for_clinician(assessment, {.all = true}).sections) {
    for (const auto& one : section.lines) {
      text += section.title + ": " + one.text + "\n";
    }
  }
  return text;
}

// Red flags that the answers deny and the record names.
std::vector<std::string> named_flags(const Json& resource) {
  const auto assessment = assessed_beside(resource);
  const auto written = fhir::write_json(mapping::assessment_json(assessment, false));
  std::vector<std::string> ids;
  for (const auto* rule : rules::named_in_record(assessment)) {
    ids.push_back(rule->id);
  }
  EXPECT_EQ(written.find("named-in-record") != std::string::npos, !ids.empty());
  return ids;
}

TEST(Explained, ARedFlagThatTheRecordNamesIsNotExcluded) {
  const auto cauda = ::testing::Contains("em-cauda-equina");
  EXPECT_THAT(named_flags(of_p1("ServiceRequest",
                                STATUS("active") REASON("Suspected Cauda Equina compression"))),
              cauda);
  EXPECT_THAT(named_flags(of_p1("Condition", R"("code":{"text":"Cauda equina lesion"})")), cauda);
  EXPECT_THAT(named_flags(of_p1("Condition", R"("code":{"text":"Seminoma"})")), IsEmpty());
  EXPECT_THAT(named_flags(of_p1("Condition", R"("code":{"text":"Muscle weakness"})")), IsEmpty());
}

// However long the text is, how many there are beside it, and if it is called a medicine.
TEST(Explained, ARedFlagIsNamedInWordsThatAreNotShown) {
  const auto cauda = ::testing::Contains("em-cauda-equina");
  const std::string much(300, 'x');
  EXPECT_THAT(named_flags(of_p1("Condition", R"("code":{"text":")" + much + R"( cauda equina"})")),
              cauda);
  EXPECT_THAT(named_flags(of_p1("DiagnosticReport", AT("2026-11-20") R"("code":{"text":"MRI"},)"
                                                                     R"("conclusion":")" +
                                                        much + R"( cauda equina")")),
              cauda);
  EXPECT_THAT(named_flags(of_p1("Encounter", STATUS("in-progress") R"("class":{"code":"AMB"},)" +
                                                 std::string(R"("reasonCode":[{"text":")") + much +
                                                 R"( cauda equina"}])")),
              cauda);
  EXPECT_THAT(named_flags(of_p1("MedicationRequest",
                                STATUS("active") ORDERED("Foobarin for cauda equina compression"))),
              cauda);
  EXPECT_THAT(named_flags(of_p1("Condition", R"("code":{"text":"Seminoma"},)"
                                             R"("recorder":{"display":"Dr. Cauda"})")),
              IsEmpty());
}

TEST(Explained, ARedFlagIsNamedByWhatIsNotListed) {
  std::vector<Json> conditions{parse(R"({"resourceType":"Patient","id":"p1"})"),
                               testing::response_of(testing::harmless())};
  for (int i = 0; i < 25; ++i) {
    auto one = of_p1("Condition", R"("code":{"text":"Seminoma )" + std::to_string(i) + R"("})");
    one.set("id", "s" + std::to_string(i));
    conditions.push_back(one);
  }
  conditions.push_back(of_p1("Condition", R"("code":{"text":"Cauda equina lesion"})"));
  AssessOptions options;
  options.now = testing::now();
  const auto assessed =
      Assessor(knowledge()).assess(fhir::write_json(testing::bundle_of(conditions)), options);
  ASSERT_TRUE(assessed);
  const auto named = rules::named_in_record(assessed->assessment);
  EXPECT_TRUE(std::any_of(named.begin(), named.end(),
                          [](const auto* rule) { return rule->id == "em-cauda-equina"; }));
}

TEST(Explained, ARedFlagThatTheRecordNamesStandsUnderItsOwnHeading) {
  const auto flag = [](std::string_view name) {
    const auto text =
        explained(of_p1("Condition", R"("code":{"text":")" + std::string(name) + R"("})"));
    std::vector<std::string> sections;
    std::string_view rest = text;
    while (!rest.empty()) {
      const auto line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      if (line.find("cauda equina") != std::string_view::npos) {
        sections.emplace_back(line.substr(0, line.find(": ")));
      }
    }
    return sections;
  };
  EXPECT_THAT(flag("Cauda equina lesion"), ::testing::Contains("NOT EXCLUDED"));
  EXPECT_THAT(flag("Cauda equina lesion"),
              ::testing::Not(::testing::Contains("EXCLUDED BY THE ANSWERS")));
  EXPECT_THAT(flag("Seminoma"), ElementsAre("EXCLUDED BY THE ANSWERS"));
  EXPECT_THAT(explained(of_p1("Condition", R"("code":{"text":"Cauda equina lesion"})")),
              HasSubstr(knowledge()->text("explain-named-in-record")));
}

TEST(Explained, WhatNoRuleReadsStandsWhereSomethingIsExcluded) {
  for (const auto* status : {"active", "resolved"}) {
    const auto text = explained(
        of_p1("Condition", R"("code":{"text":"Seminoma"},"clinicalStatus":{"coding":[{"code":")" +
                               std::string(status) + R"("}]})"));
    EXPECT_THAT(text, HasSubstr("EXCLUDED BY THE ANSWERS: Read by no rule, so that nothing here "
                                "rests on it: Seminoma"))
        << status;
  }
  EXPECT_THAT(explained(of_p1("Condition", R"("code":{"text":"Epilepsy"})")),
              ::testing::Not(HasSubstr("nothing here rests on it")));
}

TEST(Explained, AResultTooOldForSomeRulesOnlyIsNotCalledUnused) {
  const auto text = explained(of_p1("Observation", AT("2026-11-14") LOINC("2823-3") MMOL("2.2")));
  EXPECT_THAT(text, HasSubstr("Too old for the rules that ask for a newer result, and read by "
                              "others (8 days old): potassium 2.2 mmol/L."));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("Too old to be used")));
}

}  // namespace
}  // namespace myoflag
