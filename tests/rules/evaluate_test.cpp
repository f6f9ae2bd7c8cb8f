// Policies of the assessment as a whole: age of answers and results, change since last time, age of
// the patient, free text, targets, guarded advice.

#include <algorithm>
#include <functional>

#include <gtest/gtest.h>

#include "rules/evaluate.h"
#include "rules/settle.h"
#include "tests/support/random_forms.h"
#include "tests/support/reassured.h"

namespace myoflag::rules::testing {
namespace {

using namespace std::chrono_literals;

NamedAnswer options(std::vector<std::string_view> options) {
  return {std::move(options), {}, false};
}

class EvaluateTest : public ::testing::Test {
 protected:
  EvaluationInput input(const Form& form) const { return names_.input(form); }
  static Assessment run(EvaluationInput input) { return assess(twitching(), std::move(input)); }
  Assessment run(const Form& form) const { return run(input(form)); }

  static const Finding* finding(const Assessment& assessment, std::string_view id) {
    for (const auto& one : assessment.findings) {
      if (one.rule->id == id) {
        return &one;
      }
    }
    return nullptr;
  }
  static bool fired(const Assessment& assessment, std::string_view id) {
    const auto* one = finding(assessment, id);
    return one != nullptr && one->status == FindingStatus::fired;
  }
  static bool advises(const Assessment& assessment, std::string_view id) {
    const auto& ids = assessment.patient_advice_ids;
    return std::find(ids.begin(), ids.end(), id) != ids.end();
  }
  static bool notes(const Assessment& assessment, Notice::Kind kind) {
    return std::any_of(assessment.notices.begin(), assessment.notices.end(),
                       [&](const Notice& notice) { return notice.kind == kind; });
  }

  const Names names_{*twitching()};
};

// -- how old the answers are
// -----------------------------------------------------------------------

TEST_F(EvaluateTest, AnswersOfFourteenDaysStillReassureAndASecondMoreDoesNot) {
  EvaluationInput old = input(clear_form());
  old.response.authored = now() - std::chrono::days(14);
  Assessment assessment = run(old);
  EXPECT_EQ(assessment.tier, Tier::self_care);
  EXPECT_TRUE(testing::is_reassured(assessment));
  EXPECT_FALSE(notes(assessment, Notice::Kind::stale_answers));

  old.response.authored = now() - std::chrono::days(14) - 1s;
  assessment = run(old);
  EXPECT_EQ(assessment.tier, Tier::routine);
  EXPECT_FALSE(testing::is_reassured(assessment));
  EXPECT_TRUE(notes(assessment, Notice::Kind::stale_answers));
  EXPECT_TRUE(notes(assessment, Notice::Kind::nothing_matched));
}

TEST_F(EvaluateTest, AnswersWithoutADateNeitherReassureNorSendAnAmbulanceUnchecked) {
  EvaluationInput undated = input(clear_form());
  undated.response.authored.reset();
  EXPECT_EQ(run(undated).tier, Tier::routine);

  Form form = clear_form();
  form.answers["em-now"] = options({"seizure"});
  undated = input(form);
  undated.response.authored.reset();
  const Assessment assessment = run(undated);
  EXPECT_EQ(assessment.tier, Tier::emergency);
  EXPECT_TRUE(assessment.check_first);
}

TEST_F(EvaluateTest, AnEmergencyOfTwentyFourHoursIsCalledAndASecondMoreIsCheckedFirst) {
  Form form = clear_form();
  form.answers["em-now"] = options({"seizure"});
  EvaluationInput old = input(form);
  old.response.authored = now() - 24h;
  Assessment assessment = run(old);
  EXPECT_EQ(assessment.tier, Tier::emergency);
  EXPECT_FALSE(assessment.check_first);
  EXPECT_FALSE(notes(assessment, Notice::Kind::check_now));

  old.response.authored = now() - 24h - 1s;
  assessment = run(old);
  EXPECT_EQ(assessment.tier, Tier::emergency);
  EXPECT_TRUE(assessment.check_first);
  EXPECT_TRUE(notes(assessment, Notice::Kind::check_now));
}

TEST_F(EvaluateTest, InABatchAnEmergencyIsCheckedFirstAndNothingElseIs) {
  Form form = clear_form();
  form.answers["em-now"] = options({"seizure"});
  EvaluationInput batch = input(form);
  batch.batch = true;
  EXPECT_TRUE(run(batch).check_first);
  batch = input(clear_form());
  batch.batch = true;
  EXPECT_FALSE(run(batch).check_first);
  EXPECT_TRUE(testing::is_reassured(run(batch)));
}

TEST_F(EvaluateTest, ACriticalResultCountsForSevenDaysAndOthersForNinety) {
  struct Row {
    const char* lab;
    std::int64_t thousandths;
    int days;
    const char* rule;
    bool fires;
  };
  for (const auto& row : std::vector<Row>{{"k", 2'300, 7, "em-critical-electrolyte", true},
                                          {"k", 2'300, 8, "em-critical-electrolyte", false},
                                          {"egfr", 22'000, 90, "kidney-uraemia", true},
                                          {"egfr", 22'000, 91, "kidney-uraemia", false},
                                          {"li", 1'500, 90, "em-lithium-toxicity", true},
                                          {"li", 1'500, 91, "em-lithium-toxicity", false}}) {
    Form form = clear_form();
    form.record.fetched = true;
    form.record.labs[row.lab] = {LabState::known, Number{row.thousandths * 1'000'000}, row.days};
    EXPECT_EQ(fired(run(form), row.rule), row.fires) << row.lab << " of " << row.days << " days";
  }
}

// -- change since last time
// ------------------------------------------------------------------------

TEST_F(EvaluateTest, NobodyIsReassuredBesideAResultThatRulesWouldReadAndCannot) {
  Form form = clear_form();
  form.record.fetched = true;
  EXPECT_TRUE(testing::is_reassured(run(form)));
  form.record.labs["k"] = {LabState::unusable, Number{}, 0};
  const Assessment assessment = run(form);
  EXPECT_FALSE(testing::is_reassured(assessment));
  EXPECT_EQ(assessment.tier, Tier::routine);
  EXPECT_EQ(assessment.bounds.lowest, Tier::routine);
  form.record.labs["k"].age_days = 91;  // too old to be read, had it been usable
  EXPECT_TRUE(testing::is_reassured(run(form)));
}

struct ChangeRow {
  const char* name;
  const char* item;
  std::vector<std::string_view> before, now;
  FindingStatus status;
};

TEST_F(EvaluateTest, WhatIsNewSinceLastTimeRaisesToSoon) {
  const auto fired_status = FindingStatus::fired;
  const auto excluded = FindingStatus::excluded;
  const auto open = FindingStatus::not_excluded;
  for (const auto& row : std::vector<ChangeRow>{
           {"none to positive", "muscle-changes", {"none"}, {"slow-heavy"}, fired_status},
           {"none to none", "muscle-changes", {"none"}, {"none"}, excluded},
           {"positive to none", "muscle-changes", {"thinner"}, {"none"}, excluded},
           {"the list of weakness grew",
            "function-loss",
            {"grip"},
            {"grip", "falls"},
            fired_status},
           {"another weakness", "function-loss", {"grip"}, {"falls"}, fired_status},
           {"the same weakness", "function-loss", {"grip"}, {"grip"}, excluded},
           {"less weakness", "function-loss", {"grip", "falls"}, {"grip"}, excluded},
           {"growth elsewhere does not count",
            "muscle-changes",
            {"thinner"},
            {"thinner", "slow-heavy"},
            excluded},
           {"none to unsure", "head-neck-symptoms", {"none"}, {"unsure"}, open},
           {"none to unanswered", "head-neck-symptoms", {"none"}, {}, open},
           {"unanswered before", "head-neck-symptoms", {}, {"slurred"}, excluded},
           {"an item that is not compared", "wider-changes", {"none"}, {"fever"}, excluded},
           {"spreading", "em-spreading", {"none"}, {"urine-change"}, fired_status},
       }) {
    Form before = clear_form();
    Form form = clear_form();
    for (auto [target, given] : {std::pair{&before, row.before}, {&form, row.now}}) {
      if (given.empty()) {
        target->answers.erase(row.item);
      } else {
        target->answers[row.item] = options(given);
      }
    }
    EvaluationInput later = input(form);
    later.previous = names_.facts(before).answers;
    const Assessment assessment = run(later);
    const auto* change = finding(assessment, "change-since-last");
    ASSERT_NE(change, nullptr);
    EXPECT_EQ(change->status, row.status) << row.name;
    EXPECT_EQ(notes(assessment, Notice::Kind::change), row.status == fired_status) << row.name;
    const bool asks = std::any_of(change->missing.begin(), change->missing.end(),
                                  [&](const Item* item) { return item->link_id == row.item; });
    EXPECT_EQ(asks, row.status == open) << row.name;
    if (row.status == fired_status) {
      EXPECT_GE(assessment.tier, Tier::soon) << row.name;
      EXPECT_FALSE(testing::is_reassured(assessment)) << row.name;
      ASSERT_EQ(change->because.size(), 1U) << row.name;
      EXPECT_EQ(change->because.front().item->link_id, row.item) << row.name;
    }
  }
}

TEST_F(EvaluateTest, WithoutAnEarlierResponseNothingIsCompared) {
  Form form = clear_form();
  form.answers["muscle-changes"] = options({"slow-heavy"});
  EXPECT_EQ(finding(run(form), "change-since-last")->status, FindingStatus::excluded);
}

// -- the patient
// -----------------------------------------------------------------------------------

TEST_F(EvaluateTest, EitherAgeMakesAChildButOnlyBothSwitchAdultRulesOff) {
  struct Row {
    int patient, record;  // -1: not known
    bool child_rule, adult_rules;
  };
  for (const auto& row : std::vector<Row>{{15, -1, true, false},
                                          {16, -1, false, true},
                                          {-1, 15, true, false},
                                          {-1, 16, false, true},
                                          {-1, -1, false, true},
                                          {15, 12, true, false},
                                          {40, 12, true, true},
                                          {12, 40, true, true}}) {
    Form form = clear_form();
    form.answers["muscle-changes"] = options({"thinner"});
    form.answers.erase("age-years");
    if (row.patient >= 0) {
      form.answers["age-years"] = {{}, whole(row.patient), false};
    }
    if (row.record >= 0) {
      form.record.fetched = true;
      form.record.says["age-years"].number = whole(row.record);
    }
    const Assessment assessment = run(form);
    EXPECT_EQ(fired(assessment, "child-under-16"), row.child_rule) << row.patient << row.record;
    EXPECT_EQ(fired(assessment, "twitch-with-wasting-or-rigidity"), row.adult_rules)
        << row.patient << row.record;
    EXPECT_EQ(notes(assessment, Notice::Kind::under_age), !row.adult_rules);
    EXPECT_EQ(finding(assessment, "twitch-with-wasting-or-rigidity")->status ==
                  FindingStatus::not_applicable,
              !row.adult_rules);
    EXPECT_FALSE(testing::is_reassured(assessment));
  }
}

TEST_F(EvaluateTest, FreeTextKeepsAPersonInTheLoop) {
  Form form = clear_form();
  form.free_text = true;
  const Assessment assessment = run(form);
  EXPECT_EQ(assessment.tier, Tier::routine);
  EXPECT_FALSE(testing::is_reassured(assessment));
  EXPECT_TRUE(notes(assessment, Notice::Kind::free_text));
  EXPECT_FALSE(advises(assessment, "benign-brief-twitch"));

  form.answers["em-now"] = options({"seizure"});
  EXPECT_EQ(run(form).tier, Tier::emergency);
}

TEST_F(EvaluateTest, WhereNothingMatchesTheTierIsRoutineAndItIsSaid) {
  Form form = clear_form();
  form.answers["movement-type"] = options({"no-movement"});
  const Assessment assessment = run(form);
  EXPECT_EQ(assessment.tier, Tier::routine);
  EXPECT_TRUE(notes(assessment, Notice::Kind::nothing_matched));
}

TEST_F(EvaluateTest, APositiveAnswerBesideNoneCountsAndTheContradictionIsShown) {
  Form form = clear_form();
  form.answers["em-now"] = options({"none", "breathless-rest"});
  const Assessment assessment = run(form);
  EXPECT_EQ(assessment.tier, Tier::emergency);
  EXPECT_TRUE(fired(assessment, "em-respiratory-or-airway"));
  EXPECT_TRUE(fired(assessment, "gap-contradiction"));
  EXPECT_TRUE(notes(assessment, Notice::Kind::contradiction));
  ASSERT_FALSE(assessment.gaps.empty());
  EXPECT_EQ(assessment.gaps.front().state, GapState::contradicted);
  EXPECT_EQ(assessment.gaps.front().item->link_id, "em-now");
}

TEST_F(EvaluateTest, AContradictionInAMildAnswerStillBlocksReassurance) {
  Form form = clear_form();
  form.answers["function-loss"] = options({"none", "feels-weak-only"});
  const Assessment assessment = run(form);
  EXPECT_GE(assessment.tier, Tier::soon);
  EXPECT_FALSE(testing::is_reassured(assessment));
}

// -- what is not excluded
// --------------------------------------------------------------------------

TEST_F(EvaluateTest, WhatAsksForSomethingKnownToBeFalseIsNotExcludedWhileThatIsUnknown) {
  Form form = clear_form();
  form.answers["function-loss"] = options({"feels-weak-only", "unsure"});
  Assessment assessment = run(form);
  const auto* weak = finding(assessment, "subjective-weakness-only");
  EXPECT_EQ(weak->status, FindingStatus::not_excluded);
  ASSERT_EQ(weak->missing.size(), 1U);
  EXPECT_EQ(weak->missing.front()->link_id, "function-loss");
  EXPECT_NE(assessment.tier, Tier::self_care);

  form.answers.erase("function-loss");
  assessment = run(form);
  EXPECT_EQ(finding(assessment, "subjective-weakness-only")->status, FindingStatus::not_excluded);
  form.answers["function-loss"] = options({"grip"});
  assessment = run(form);
  EXPECT_EQ(finding(assessment, "subjective-weakness-only")->status, FindingStatus::excluded);
}

TEST_F(EvaluateTest, ASkippedQuestionHoldsNoContradiction) {
  Form form = clear_form();
  form.answers.erase("em-now");
  EXPECT_EQ(finding(run(form), "gap-contradiction")->status, FindingStatus::excluded);
  form.answers["em-now"] = options({"none", "seizure"});
  EXPECT_EQ(finding(run(form), "gap-contradiction")->status, FindingStatus::fired);
}

TEST_F(EvaluateTest, CouldBePregnantIsAGap) {
  Form form = clear_form();
  form.answers["sex-at-birth"] = options({"female"});
  form.answers["pregnancy-status"] = options({"possible"});
  form.answers["movement-type"] = options({"cramp"});
  const Assessment assessment = run(form);
  const auto gap = std::find_if(assessment.gaps.begin(), assessment.gaps.end(), [](const Gap& one) {
    return one.item->link_id == "pregnancy-status";
  });
  ASSERT_NE(gap, assessment.gaps.end());
  EXPECT_EQ(gap->state, GapState::unsure);
}

// -- targets
// ---------------------------------------------------------------------------------------

TEST_F(EvaluateTest, AShorterTargetHoldsWhenItsConditionDoesOrMay) {
  Form form = clear_form();
  form.answers["wider-changes"] = options({"weight-loss"});
  EXPECT_EQ(finding(run(form), "systemic-red-flag")->target.hours, 336);
  form.answers["wider-changes"] = options({"fever"});
  EXPECT_EQ(finding(run(form), "systemic-red-flag")->target.hours, 72);
  // In doubt the shorter target holds.
  form.answers["wider-changes"] = options({"weight-loss", "unsure"});
  EXPECT_EQ(finding(run(form), "systemic-red-flag")->target.hours, 72);
}

TEST_F(EvaluateTest, OneDangerMoreNeverGivesMoreTime) {
  Form form = clear_form();
  form.answers["wider-changes"] = options({"fever"});
  EXPECT_EQ(run(form).tier, Tier::soon);
  EXPECT_EQ(run(form).target.hours, 72);
  form.answers["function-loss"] = options({"fine-hand"});
  form.answers["weakness-onset"] = options({"months"});
  form.answers["weakness-course"] = options({"slow-worse"});
  form.answers["weakness-symmetry"] = options({"one-limb"});
  form.answers["muscle-changes"] = options({"thinner"});
  const Assessment more = run(form);
  EXPECT_EQ(more.tier, Tier::urgent);
  EXPECT_EQ(more.target.hours, 72);
  EXPECT_EQ(more.target.text, run(form).target.text);
}

TEST_F(EvaluateTest, TheTargetIsTheShortestOfAllFiredRules) {
  RandomForms random(*twitching(), 61);
  for (int i = 0; i < 300; ++i) {
    const Assessment assessment = run(random.next());
    std::optional<int> shortest;
    bool any = false;
    for (const auto& one : assessment.findings) {
      if (one.status == FindingStatus::fired) {
        any = any || one.tier == assessment.tier || one.target.hours.has_value();
        if (one.target.hours) {
          shortest = std::min(shortest.value_or(*one.target.hours), *one.target.hours);
        }
      }
    }
    EXPECT_EQ(assessment.target.hours, shortest);
    EXPECT_EQ(assessment.target.text.empty(), !any);
  }
}

TEST_F(EvaluateTest, FindingsStandFiredFirstMostUrgentFirstThenByTargetAndId) {
  RandomForms random(*twitching(), 62);
  for (int i = 0; i < 300; ++i) {
    const Assessment assessment = run(random.next());
    for (std::size_t f = 1; f < assessment.findings.size(); ++f) {
      const auto& a = assessment.findings[f - 1];
      const auto& b = assessment.findings[f];
      ASSERT_LE(a.status, b.status);
      if (a.status == b.status) {
        ASSERT_GE(a.tier, b.tier);
        if (a.tier == b.tier) {
          ASSERT_FALSE(stricter(b.target, a.target));
          if (a.target.hours == b.target.hours) {
            ASSERT_LT(a.rule->id, b.rule->id);
          }
        }
      }
    }
  }
}

// -- guarded advice
// --------------------------------------------------------------------------------

struct GuardRow {
  const char* name;
  std::function<void(Form&)> set;
  bool guarded;
};

TEST_F(EvaluateTest, AdviceOnFoodAndDrinkIsWithheldWhereItCouldHarmOrThatIsUnknown) {
  const auto condition = [](std::string_view code) {
    return [code](Form& form) { form.answers["health-conditions"] = options({code}); };
  };
  const auto medicine = [](std::string_view code) {
    return [code](Form& form) { form.answers["medicine-classes"] = options({code}); };
  };
  const auto pregnancy = [](std::string_view code) {
    return [code](Form& form) {
      form.answers["sex-at-birth"] = options({"female"});
      form.answers["pregnancy-status"] = options({code});
    };
  };
  const auto egfr = [](int value, int days) {
    return [value, days](Form& form) {
      form.record.fetched = true;
      form.record.labs["egfr"] = {LabState::known, whole(value), days};
    };
  };
  for (const auto& row : std::vector<GuardRow>{
           {"nothing", [](Form&) {}, false},
           {"kidney", condition("kidney"), true},
           {"dialysis", condition("dialysis"), true},
           {"heart failure", condition("heart-failure"), true},
           {"myasthenia", condition("myasthenia"), true},
           {"diabetes", condition("diabetes"), false},
           {"conditions unsure", condition("unsure"), true},
           {"conditions skipped", [](Form& f) { f.answers.erase("health-conditions"); }, true},
           {"ace-arb", medicine("ace-arb"), true},
           {"k-sparing", medicine("k-sparing"), true},
           {"lithium", medicine("lithium"), true},
           {"statin", medicine("statin"), false},
           {"medicines unsure", medicine("unsure"), true},
           {"medicines skipped", [](Form& f) { f.answers.erase("medicine-classes"); }, true},
           {"lithium in the record",
            [](Form& f) {
              f.record.fetched = true;
              f.record.says["medicine-classes"].options = {"lithium"};
            },
            true},
           {"pregnant", pregnancy("pregnant-under-20"), true},
           {"gave birth", pregnancy("birth-6-weeks"), true},
           {"could be pregnant", pregnancy("possible"), true},
           {"prefers not to say", pregnancy("prefer-not"), true},
           {"not pregnant", pregnancy("no"), false},
           {"eGFR 59", egfr(59, 0), true},
           {"eGFR 60", egfr(60, 0), false},
           {"an old eGFR", egfr(59, 91), false},
       }) {
    Form form = clear_form();
    form.answers["lifestyle"] = options({"restricted-diet"});
    form.answers["diet"] = options({"vegan"});
    row.set(form);
    const Assessment assessment = run(form);
    EXPECT_TRUE(fired(assessment, "nutritional-risk")) << row.name;
    EXPECT_EQ(advises(assessment, "food-first"), !row.guarded) << row.name;
    EXPECT_EQ(advises(assessment, "supplement-caution"), row.guarded) << row.name;
  }
}

TEST_F(EvaluateTest, NoGuardedAdviceIsGivenWhileItsGuardMayHold) {
  RandomForms random(*twitching(), 63);
  for (int i = 0; i < 400; ++i) {
    const Form form = random.next();
    const Assessment assessment = run(form);
    const auto guard = std::find_if(twitching()->gaps.begin(), twitching()->gaps.end(),
                                    [](const Rule& gap) { return gap.id == "supplement-caution"; });
    const auto index = static_cast<std::size_t>(guard - twitching()->gaps.begin());
    if (names_.verdicts(form).gaps[index] != Tri::no) {
      EXPECT_FALSE(advises(assessment, "food-first")) << to_text(form);
      EXPECT_FALSE(advises(assessment, "drink-to-thirst")) << to_text(form);
    }
    EXPECT_EQ(advises(assessment, "safety-net"), assessment.tier != Tier::emergency)
        << to_text(form);
  }
}

TEST_F(EvaluateTest, TheSameInputGivesTheSameAssessment) {
  RandomForms random(*twitching(), 64);
  for (int i = 0; i < 100; ++i) {
    const EvaluationInput one = input(random.next());
    const Assessment a = run(one);
    const Assessment b = run(one);
    EXPECT_EQ(a.patient_advice, b.patient_advice);
    ASSERT_EQ(a.notices.size(), b.notices.size());
    for (std::size_t n = 0; n < a.notices.size(); ++n) {
      EXPECT_EQ(a.notices[n].text, b.notices[n].text);
    }
    ASSERT_EQ(a.changes.size(), b.changes.size());
    for (std::size_t c = 0; c < a.changes.size(); ++c) {
      EXPECT_EQ(a.changes[c].tier, b.changes[c].tier);
      EXPECT_EQ(a.changes[c].answers.front().item, b.changes[c].answers.front().item);
    }
  }
}

}  // namespace
}  // namespace myoflag::rules::testing
