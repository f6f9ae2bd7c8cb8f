// Laws over random forms and responses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fhir/response_check.h"
#include "tests/fhir_forms/case_files.h"
#include "tests/fhir_forms/random_form.h"
#include "tests/support/without_disabled.h"

namespace myoflag::fhir {
namespace {

using ::testing::ElementsAreArray;
using ::testing::IsEmpty;
using namespace testing;

constexpr unsigned forms = 300;

std::vector<std::string> places(const CheckResult& result) {
  std::vector<std::string> found;
  for (const auto& entry : result.disabled) {
    found.push_back(entry.place);
  }
  return found;
}

TEST(RandomForms, AreValid) {
  for (unsigned seed = 0; seed < forms; ++seed) {
    Random random(seed);
    const auto form = random_form(random);
    EXPECT_THAT(lines(load_questionnaire(form).issues), IsEmpty()) << "seed " << seed;
  }
}

TEST(RandomForms, DisabledItemsAreThoseOfThePlainReading) {
  std::size_t seen = 0;
  for (unsigned seed = 0; seed < forms; ++seed) {
    Random random(seed);
    const auto form = random_form(random);
    const auto response = full_response(form, random);
    const auto expected = plainly_disabled(form, response);
    EXPECT_THAT(places(check_response(response, load(form))), ElementsAreArray(expected))
        << "seed " << seed;
    seen += expected.size();
  }
  EXPECT_GT(seen, forms);  // the law is worth nothing over forms that never disable anything
}

TEST(RandomForms, AFullResponseWithoutItsDisabledItemsHasNoErrors) {
  for (unsigned seed = 0; seed < forms; ++seed) {
    Random random(seed);
    const auto json = random_form(random);
    const auto form = load(json);
    const auto response = full_response(json, random);
    const auto pruned = without_disabled(response, check_response(response, form).disabled);
    const auto result = check_response(pruned, form);
    for (const auto& issue : result.issues) {
      // Choosing the same option twice is a warning, and random answers do.
      EXPECT_EQ(issue.code, "MF-1448")
          << "seed " << seed << " " << issue.place << " " << issue.text;
    }
    EXPECT_THAT(result.disabled, IsEmpty());
  }
}

TEST(RandomForms, SpoiltResponsesGiveIssuesWithPlacesAndNeverACrash) {
  for (unsigned seed = 0; seed < forms; ++seed) {
    Random random(seed);
    const auto json = random_form(random);
    const auto form = load(json);
    const auto response = spoilt(full_response(json, random), random);
    const auto result = check_response(response, form);
    for (const auto& issue : result.issues) {
      EXPECT_TRUE(issue.place.starts_with("QuestionnaireResponse")) << issue.code;
      EXPECT_FALSE(issue.text.empty() || issue.type.empty() || issue.code.empty());
    }
    EXPECT_THAT(check_response(without_disabled(response, result.disabled), form).disabled,
                IsEmpty())
        << "seed " << seed;
  }
}

TEST(RandomForms, ADraftIsNeverJudgedHarderThanACompletedResponse) {
  const auto errors = [](const Issues& issues) {
    return std::count_if(issues.begin(), issues.end(),
                         [](const Issue& issue) { return issue.severity >= Severity::error; });
  };
  for (unsigned seed = 0; seed < forms / 3; ++seed) {
    Random random(seed);
    const auto json = random_form(random);
    const auto form = load(json);
    auto response = spoilt(full_response(json, random), random);
    const auto completed = errors(check_response(response, form).issues);
    response.set("status", "in-progress");
    EXPECT_LE(errors(check_response(response, form).issues), completed) << "seed " << seed;
  }
}

}  // namespace
}  // namespace myoflag::fhir
