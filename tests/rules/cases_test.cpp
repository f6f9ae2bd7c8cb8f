// Every worked case of the knowledge, each as a test of its own name.

#include <cctype>

#include <gtest/gtest.h>

#include "rules/cases.h"
#include "tests/support/knowledge_fixture.h"

namespace myoflag::rules::testing {
namespace {

class CaseTest : public ::testing::TestWithParam<std::size_t> {};

TEST_P(CaseTest, GivesTheTierAndFiresTheRulesOfTheVignette) {
  const Case& one = twitching()->cases[GetParam()];
  const CaseResult result = run_case(twitching(), one, now());
  EXPECT_EQ(code_of(result.tier), code_of(one.tier));
  EXPECT_EQ(result.missing, std::vector<std::string>{});
  EXPECT_TRUE(result.passed);
}

// The forms of this test folder mean the same as the cases of the knowledge.
TEST_P(CaseTest, ReadsTheSameWhenItsNamesAreTranslatedByTheTests) {
  const Case& one = twitching()->cases[GetParam()];
  const auto input = input_of(*twitching(), one, now());
  const Facts ours = Names(*twitching()).facts(form_of(one));
  EXPECT_EQ(input.facts.answers.state, ours.answers.state);
  EXPECT_EQ(input.facts.answers.chosen, ours.answers.chosen);
  EXPECT_EQ(input.facts.answers.number, ours.answers.number);
  EXPECT_EQ(input.facts.record.chosen, ours.record.chosen);
}

std::vector<std::size_t> all_cases() {
  std::vector<std::size_t> cases(twitching()->cases.size());
  for (std::size_t i = 0; i < cases.size(); ++i) {
    cases[i] = i;
  }
  return cases;
}

std::string name_of(const ::testing::TestParamInfo<std::size_t>& info) {
  std::string name;
  bool upper = true;
  for (const char c : twitching()->cases[info.param].name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) {
      upper = true;
      continue;
    }
    name += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    upper = false;
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Vignettes, CaseTest, ::testing::ValuesIn(all_cases()), name_of);

TEST(CasesTest, HoldAtLeastTheEightyEightOfTheEvidence) {
  EXPECT_GE(twitching()->cases.size(), 88U);
}

}  // namespace
}  // namespace myoflag::rules::testing
