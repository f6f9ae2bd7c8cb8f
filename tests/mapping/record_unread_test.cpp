// What of a record no rule reads, or nobody judged: it is listed, and nobody is calm beside it.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugin/assess.h"
#include "plugin/mapping/context.h"
#include "rules/explain.h"
#include "tests/mapping/intake_support.h"

namespace myoflag {
namespace {

using fhir::Json;
using rules::RecordEntry;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::knowledge;
using testing::parse;
using ::testing::SizeIs;

// "...": members without resourceType, id and subject.
Json of_p1(std::string_view type, std::string_view members) {
  auto json = parse("{" + std::string(members) + "}");
  json.set("resourceType", type);
  json.set("id", "x1");
  json.set(type == "FamilyMemberHistory" ? "patient" : "subject",
           Json::object({{"reference", "Patient/p1"}}));
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
  return mapping::read_record(*knowledge(), intake.value().record, intake->record_complete,
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
  return std::any_of(context.problems.begin(), context.problems.end(), [&](const auto& problem) {
    return problem.text.find(words) != std::string::npos;
  });
}

#define CATEGORY(code)                                                                                             \
  R"("category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":")" code \
  R"("}]}],)"
#define AT(day) R"("status":"final","effectiveDateTime":")" day R"(",)"
#define LOINC(code) R"("code":{"coding":[{"system":"http://loinc.org","code":")" code R"("}]},)"
#define NAMED(name) R"("code":{"text":")" name R"("},)"
#define MMOL(value) R"("valueQuantity":{"value":)" value R"(,"unit":"mmol/L"})"
#define MARKED(code) R"(,"interpretation":[{"coding":[{"code":")" code R"("}]}])"
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
        UnreadCase{"abnormal_as_a_whole",
                   CATEGORY("vital-signs") AT("2026-11-21")
                       NAMED("Blood pressure") R"("component":[{)" NAMED("Systolic")
                           MMOL("210") "}]" MARKED("HH"),
                   "Systolic: 210 mmol/L"},
        UnreadCase{"habit",
                   CATEGORY("social-history") AT("2026-11-21")
                       NAMED("Smoking") R"("valueString":"never")",
                   ""},
        UnreadCase{"survey",
                   CATEGORY("survey") AT("2026-11-21") NAMED("PHQ-9") R"("valueInteger":20)", ""},
        UnreadCase{"withdrawn", R"("status":"entered-in-error",)" NAMED("K+") MMOL("2.2"), ""}),
    [](const auto& one) { return std::string(one.param.name); });

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

// ---- what people read

std::string explained(const Json& resource) {
  AssessOptions options;
  options.now = testing::now();
  const auto assessed = Assessor(knowledge())
                            .assess(fhir::write_json(testing::bundle_of(
                                        {parse(R"({"resourceType":"Patient","id":"p1"})"),
                                         testing::response_of(testing::harmless()), resource})),
                                    options);
  std::string text;
  for (const auto& section :
       rules::explain_for_clinician(assessed.value().assessment, {.all = true}).sections) {
    for (const auto& one : section.lines) {
      text += section.title + ": " + one.text + "\n";
    }
  }
  return text;
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
