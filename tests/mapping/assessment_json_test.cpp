#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugin/mapping/assessment_json.h"
#include "tests/mapping/assessed_response.h"

namespace myoflag::mapping {
namespace {

using fhir::Json;
using testing::ElementsAre;
using testing::Not;

Given with(std::initializer_list<std::pair<const std::string, std::vector<std::string>>> changes) {
  auto given = calm_answers();
  for (const auto& [link, answers] : changes) {
    given[link] = answers;
  }
  return given;
}

const Json* finding(const Json& assessment, std::string_view rule) {
  for (const auto& entry : assessment.array_of("findings")) {
    if (entry.string_of("rule") == rule) {
      return &entry;
    }
  }
  return nullptr;
}

std::vector<std::string> names(const Json& object) {
  std::vector<std::string> result;
  for (const auto& member : *object.as_object()) {
    result.push_back(member.name);
  }
  return result;
}

TEST(AssessmentJson, HasTheMembersOfTheProductPageInTheirOrder) {
  const auto json = assessment_json(judged(calm_answers()).assessment, false);
  EXPECT_THAT(names(json),
              ElementsAre("response", "subject", "evaluated", "knowledge", "tier", "targetHours",
                          "targetText", "checkFirst", "findings", "hypotheses", "workups", "gaps",
                          "tierBounds", "changes", "changesComplete", "patientAdvice", "freeText",
                          "notices", "setAside"));
  EXPECT_THAT(names(*json.find("response")), ElementsAre("id", "authored", "questionnaire"));
  EXPECT_THAT(names(*json.find("knowledge")), ElementsAre("id", "version", "digest"));
  EXPECT_EQ(json.string_of("evaluated"), "2026-11-20T10:00:00Z");
  EXPECT_EQ(json.string_of("subject"), "Patient/p1");
}

TEST(AssessmentJson, FiredFindingSaysWhichAnswerItRestsOn) {
  const auto json =
      assessment_json(judged(with({{"em-sudden", {"face-droop"}}})).assessment, false);
  EXPECT_EQ(json.string_of("tier"), "emergency");
  EXPECT_EQ(json.find("targetHours")->as_number()->text, "0");
  const auto* stroke = finding(json, "em-stroke-signs");
  ASSERT_NE(stroke, nullptr);
  EXPECT_EQ(stroke->string_of("status"), "fired");
  const auto& because = stroke->array_of("because");
  ASSERT_EQ(because.size(), 1U);
  EXPECT_EQ(because[0].string_of("linkId"), "em-sudden");
  EXPECT_EQ(because[0].string_of("source"), "patient");
  EXPECT_EQ(because[0].array_of("answers").at(0).string_of("code"), "face-droop");
  EXPECT_THAT(names(*stroke),
              ElementsAre("rule", "title", "status", "tier", "targetHours", "because", "missing",
                          "hypotheses", "workups", "rationale", "evidence", "kind", "targetText"));
}

TEST(AssessmentJson, UnknownIsNotExcludedAndNamesTheQuestion) {
  auto given = calm_answers();
  given.erase("em-sudden");
  const auto json = assessment_json(judged(given).assessment, false);
  const auto* stroke = finding(json, "em-stroke-signs");
  ASSERT_NE(stroke, nullptr);
  EXPECT_EQ(stroke->string_of("status"), "not-excluded");
  EXPECT_EQ(*stroke->array_of("missing").at(0).as_string(), "em-sudden");
}

TEST(AssessmentJson, ExcludedFindingsAreListedOnlyWhenAskedFor) {
  const auto assessment = judged(calm_answers()).assessment;
  EXPECT_EQ(finding(assessment_json(assessment, false), "em-stroke-signs"), nullptr);
  const auto all = assessment_json(assessment, true);
  ASSERT_NE(finding(all, "em-stroke-signs"), nullptr);
  EXPECT_EQ(finding(all, "em-stroke-signs")->string_of("status"), "excluded");
  EXPECT_FALSE(finding(all, "em-stroke-signs")->has("reason"));
}

TEST(AssessmentJson, RuleForAdultsIsExcludedForItsAge) {
  const auto all = assessment_json(judged(with({{"age-years", {"10"}}})).assessment, true);
  std::size_t under_age = 0;
  for (const auto& entry : all.array_of("findings")) {
    if (entry.string_of("reason") == "under-age") {
      ++under_age;
      EXPECT_EQ(entry.string_of("status"), "excluded");
    }
  }
  EXPECT_GT(under_age, 0U);
}

TEST(AssessmentJson, NumbersKeepTheirUnit) {
  const auto json = assessment_json(judged(calm_answers()).assessment, true);
  std::size_t ages = 0;
  for (const auto& entry : json.array_of("findings")) {
    for (const auto& because : entry.array_of("because")) {
      if (because.string_of("linkId") == "age-years") {
        ++ages;
        const auto& answer = because.array_of("answers").at(0);
        EXPECT_EQ(answer.find("value")->as_number()->text, "30");
        EXPECT_EQ(answer.string_of("unit"), "a");
        EXPECT_EQ(answer.string_of("text"), "30");
      }
    }
  }
  EXPECT_GT(ages, 0U);
}

TEST(AssessmentJson, AnswerThatDoesNotApplyIsKeptAsideWithItsReason) {
  const auto json =
      assessment_json(judged(with({{"pregnancy-status", {"pregnant-20-plus"}}})).assessment, false);
  ASSERT_EQ(json.array_of("setAside").size(), 1U);
  const auto& aside = json.array_of("setAside")[0];
  EXPECT_EQ(aside.string_of("linkId"), "pregnancy-status");
  EXPECT_EQ(aside.string_of("reason"), "does-not-apply");
}

TEST(AssessmentJson, SameInputGivesTheSameBytes) {
  const auto given = with({{"function-loss", {"grip", "stairs-chair"}}});
  const auto once = fhir::write_json(assessment_json(judged(given).assessment, true));
  EXPECT_EQ(once, fhir::write_json(assessment_json(judged(given).assessment, true)));
}

TEST(OutcomeJson, HoldsNeitherTimesNorWords) {
  auto given = calm_answers();
  given["anything-else"] = {"my private words"};
  const auto text = fhir::write_json(outcome_json(judged(given).assessment));
  EXPECT_THAT(text, Not(testing::HasSubstr("private")));
  EXPECT_THAT(text, Not(testing::HasSubstr("2026")));
}

}  // namespace
}  // namespace myoflag::mapping
