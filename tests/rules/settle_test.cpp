// Which questions were shown, and which answers count.

#include <gtest/gtest.h>

#include "rules/settle.h"
#include "tests/rules/naive_evaluator.h"
#include "tests/support/random_forms.h"

namespace myoflag::rules::testing {
namespace {

class SettleTest : public ::testing::Test {
 protected:
  std::size_t at(std::string_view link) const {
    return static_cast<std::size_t>(twitching()->item(link));
  }
  Settled settle_form(const NamedAnswers& answers) const {
    return settle(*twitching(), names_.answers(answers));
  }
  ItemState state(const NamedAnswers& answers, std::string_view link) const {
    return settle_form(answers).facts.answers.state[at(link)];
  }
  std::uint64_t mask(std::string_view link, std::string_view option) const {
    return std::uint64_t{1} << twitching()->items[at(link)].option(option);
  }

  const Names names_{*twitching()};
};

NamedAnswer options(std::vector<std::string_view> options) {
  return {std::move(options), {}, false};
}
NamedAnswer number(int value) { return {{}, whole(value), false}; }

TEST_F(SettleTest, AQuestionIsShownSkippedOrNotByItsLeadingQuestion) {
  EXPECT_EQ(state({{"function-loss", options({"grip"})}}, "weakness-onset"), ItemState::skipped);
  EXPECT_EQ(state({{"function-loss", options({"none"})}}, "weakness-onset"), ItemState::not_shown);
  EXPECT_EQ(state({{"function-loss", options({"unsure"})}}, "weakness-onset"),
            ItemState::not_asked);
  EXPECT_EQ(state({{"function-loss", options({"unsure", "grip"})}}, "weakness-onset"),
            ItemState::skipped);
  EXPECT_EQ(state({}, "weakness-onset"), ItemState::not_asked);
  EXPECT_EQ(state({}, "function-loss"), ItemState::skipped);
}

TEST_F(SettleTest, AnUnusableLeadingAnswerLeavesItOpenWhetherTheQuestionApplies) {
  NamedAnswer invalid;
  invalid.invalid = true;
  EXPECT_EQ(state({{"function-loss", invalid}}, "weakness-onset"), ItemState::not_asked);
  EXPECT_EQ(state({{"function-loss", invalid}}, "function-loss"), ItemState::invalid);
}

TEST_F(SettleTest, AllConditionsMustHoldWhereAllAreAsked) {
  const NamedAnswers woman{{"sex-at-birth", options({"female"})}, {"age-years", number(30)}};
  EXPECT_EQ(state(woman, "pregnancy-status"), ItemState::skipped);
  for (const auto& [age, expected] : {std::pair{11, ItemState::not_shown},
                                      {12, ItemState::skipped},
                                      {55, ItemState::skipped},
                                      {56, ItemState::not_shown}}) {
    NamedAnswers aged = woman;
    aged["age-years"] = number(age);
    EXPECT_EQ(state(aged, "pregnancy-status"), expected) << age;
  }
  EXPECT_EQ(state({{"sex-at-birth", options({"male"})}}, "pregnancy-status"), ItemState::not_shown);
  EXPECT_EQ(state({{"sex-at-birth", options({"female"})}}, "pregnancy-status"),
            ItemState::not_asked);
  EXPECT_EQ(state({{"age-years", number(30)}}, "pregnancy-status"), ItemState::not_asked);
  // "Prefer not to say" is not "male": the form shows the question.
  NamedAnswers private_sex = woman;
  private_sex["sex-at-birth"] = options({"prefer-not"});
  EXPECT_EQ(state(private_sex, "pregnancy-status"), ItemState::skipped);
}

TEST_F(SettleTest, AQuestionStandsOrFallsWithItsGroup) {
  const NamedAnswer man = options({"male"});
  NamedAnswers form{{"sex-at-birth", man}, {"function-loss", options({"grip"})}};
  EXPECT_EQ(state(form, "hormone-features"), ItemState::skipped);
  form["sex-at-birth"] = options({"female"});
  EXPECT_EQ(state(form, "hormone-features"), ItemState::not_shown);

  NamedAnswers calm = clear_form().answers;
  EXPECT_EQ(state(calm, "hormone-features"), ItemState::not_shown);
  calm.erase("function-loss");
  EXPECT_EQ(state(calm, "hormone-features"), ItemState::not_asked);
}

TEST_F(SettleTest, AnAnswerToAQuestionThatDoesNotApplyIsSetAsideAndTold) {
  const auto settled = settle_form({{"function-loss", options({"none"})},
                                    {"weakness-onset", options({"minutes"})},
                                    {"lifestyle", options({"none"})},
                                    {"sleep-hours", number(4)}});
  EXPECT_EQ(settled.facts.answers.state[at("weakness-onset")], ItemState::not_shown);
  EXPECT_EQ(settled.facts.answers.chosen[at("weakness-onset")], 0U);
  ASSERT_EQ(settled.set_aside.size(), 2U);
  EXPECT_EQ(settled.set_aside[0].why, SetAside::Why::disabled);
  EXPECT_EQ(settled.set_aside[0].item, twitching()->item("weakness-onset"));
  EXPECT_EQ(settled.set_aside[0].options, mask("weakness-onset", "minutes"));
  EXPECT_EQ(settled.set_aside[1].item, twitching()->item("sleep-hours"));
  EXPECT_EQ(settled.set_aside[1].number, whole(4));
}

TEST_F(SettleTest, AnAnswerIsKeptWhenItIsOnlyDoubtfulWhetherItsQuestionApplies) {
  const NamedAnswers form{{"function-loss", options({"unsure"})},
                          {"weakness-onset", options({"minutes"})}};
  const auto settled = settle_form(form);
  EXPECT_TRUE(settled.set_aside.empty());
  EXPECT_EQ(settled.facts.answers.state[at("weakness-onset")], ItemState::answered);
}

TEST_F(SettleTest, SettingAsideCarriesOnToTheQuestionsThatFollow) {
  // site-scope hides body-sites, and body-sites alone would have shown eyelid-detail.
  const NamedAnswers form{
      {"site-scope", options({"eyelid-only"})},    {"body-sites", options({"tongue"})},
      {"function-loss", options({"none"})},        {"head-neck-symptoms", options({"none"})},
      {"muscle-changes", options({"none"})},       {"sex-at-birth", options({"male"})},
      {"hormone-features", options({"fertility"})}};
  const auto settled = settle_form(form);
  EXPECT_EQ(settled.facts.answers.state[at("body-sites")], ItemState::not_shown);
  EXPECT_EQ(settled.facts.answers.state[at("hormone-features")], ItemState::not_shown);
  EXPECT_EQ(settled.set_aside.size(), 2U);
}

TEST_F(SettleTest, ThePositiveOptionWinsOverNoneAndTheRawAnswersKeepBoth) {
  const auto settled = settle_form({{"em-now", options({"none", "seizure"})},
                                    {"em-sudden", options({"none", "unsure"})},
                                    {"em-context", options({"none"})}});
  const auto none = mask("em-now", "none");
  const auto seizure = mask("em-now", "seizure");
  EXPECT_EQ(settled.facts.answers.chosen[at("em-now")], seizure);
  EXPECT_EQ(settled.facts.raw.chosen[at("em-now")], none | seizure);
  // Doubt is no positive answer, and no reason to believe "none".
  EXPECT_EQ(settled.facts.answers.chosen[at("em-sudden")],
            mask("em-sudden", "none") | mask("em-sudden", "unsure"));
  EXPECT_EQ(settled.facts.answers.chosen[at("em-context")], mask("em-context", "none"));
}

TEST_F(SettleTest, SettlingTwiceChangesNothing) {
  RandomForms random(*twitching(), 41);
  for (int i = 0; i < 3'000; ++i) {
    const auto once = settle_form(random.next().answers).facts.answers;
    AnswerRecord twice = once;
    settle_in_place(*twitching(), twice);
    EXPECT_EQ(once.state, twice.state);
    EXPECT_EQ(once.chosen, twice.chosen);
  }
}

TEST_F(SettleTest, AgreesWithTheNaiveEvaluatorOnEveryStateOfRandomForms) {
  RandomForms random(*twitching(), 42);
  NaiveEvaluator naive(*twitching(), {});
  constexpr std::array kNames{Seen::not_shown, Seen::not_asked, Seen::skipped, Seen::invalid,
                              Seen::answered};
  for (int i = 0; i < 3'000 && !HasFailure(); ++i) {
    const Form form = random.next();
    const auto facts = settle_form(form.answers).facts;
    for (const bool raw : {false, true}) {
      const auto& ours = raw ? facts.raw : facts.answers;
      for (const auto& [link, seen] : naive.settle(form.answers, raw)) {
        EXPECT_EQ(kNames[static_cast<std::size_t>(ours.state[at(link)])], seen.state)
            << link << "\n"
            << to_text(form);
        std::uint64_t chosen = 0;
        for (const auto option : seen.options) {
          chosen |= mask(link, option);
        }
        EXPECT_EQ(ours.chosen[at(link)], chosen) << link << "\n" << to_text(form);
      }
    }
  }
}

}  // namespace
}  // namespace myoflag::rules::testing
