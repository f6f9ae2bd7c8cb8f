// Laws that hold of every form, whatever the rules of the day: checked on random forms that reach
// every tier. Each test names its law.

#include <algorithm>
#include <array>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "rules/outlook.h"
#include "rules/settle.h"
#include "tests/support/random_forms.h"
#include "tests/support/reassured.h"

namespace myoflag::rules::testing {
namespace {

#ifdef MYOFLAG_SANITIZED
constexpr int kForms = 3'000;
constexpr int kAssessed = 60;
constexpr std::uint64_t kFollowUps = 2;
#else
constexpr int kForms = 60'000;
constexpr int kAssessed = 1'500;
constexpr std::uint64_t kFollowUps = 48;
#endif

constexpr std::array<std::string_view, 9> kRedFlagQuestions{
    "em-now",         "em-sudden",          "em-spreading",  "em-context",   "function-loss",
    "muscle-changes", "head-neck-symptoms", "sensory-sites", "wider-changes"};

const Item& question(std::string_view link) {
  return twitching()->items[static_cast<std::size_t>(twitching()->item(link))];
}

bool is_positive(const Item& item, std::string_view option) {
  return (item.positive() >> item.option(option) & 1U) != 0;
}

// Rules that fired and stand for a danger or a finding, not for reassurance or a gap.
std::set<std::string> fired_findings(const Verdicts& verdicts) {
  std::set<std::string> ids;
  const auto& rules = twitching()->rules;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (verdicts.rules[i] == Tri::yes && !rules[i].benign) {
      ids.insert(rules[i].id);
    }
  }
  return ids;
}

// A criterion that names "not sure" among the answers it looks for.
bool counts_doubt(const Criterion& criterion, const Item& item) {
  const bool here = std::find(criterion.names.begin(), criterion.names.end(), item.link_id) !=
                        criterion.names.end() &&
                    std::any_of(criterion.options.begin(), criterion.options.end(),
                                [](const std::string& option) { return option == "unsure"; });
  return here || std::any_of(criterion.children.begin(), criterion.children.end(),
                             [&](const Criterion& child) { return counts_doubt(child, item); });
}

bool asks_what_is_false(const Criterion& criterion) {
  return criterion.kind == Criterion::Kind::is_false ||
         std::any_of(criterion.children.begin(), criterion.children.end(), asks_what_is_false);
}

Tri unresolved(const Rule& rule, const Facts& facts) {
  return twitching()->program.evaluate(rule.root, facts.answers, facts.record, FiredTiers{},
                                       Reading::unresolved);
}

std::set<std::string> fired_now(const Assessment& assessment) {
  std::set<std::string> ids;
  for (const auto& finding : assessment.findings) {
    if (finding.status == FindingStatus::fired) {
      ids.insert(finding.rule->id);
    }
  }
  return ids;
}

// Words for when nothing speaks against them; `beside` is what is left of them otherwise.
void expect_no_comfort(const Assessment& assessment) {
  for (const Finding& finding : assessment.findings) {
    const bool comforts = finding.status == FindingStatus::fired && finding.tier <= Tier::routine &&
                          finding.rule->patient != finding.rule->beside;
    EXPECT_FALSE(comforts &&
                 std::find(assessment.patient_advice.begin(), assessment.patient_advice.end(),
                           finding.rule->patient) != assessment.patient_advice.end())
        << finding.rule->id;
  }
}

class LawTest : public ::testing::Test {
 protected:
  static const Knowledge& knowledge() { return *twitching(); }

  // Calls `check` for forms until `count` of them were used; `check` says whether it used one.
  // Every tier must have been among them.
  template <typename Check>
  void for_forms(int count, std::uint64_t seed, const std::set<Tier>& tiers, Check check) {
    RandomForms random(knowledge(), seed);
    std::set<Tier> seen;
    int used = 0;
    for (int i = 0; i < count && !HasFailure(); ++i) {
      const Form form = random.next();
      const Verdicts verdicts = names_.verdicts(form);
      if (check(random, form, verdicts)) {
        ++used;
        seen.insert(verdicts.tier);
      }
    }
    if (!HasFailure()) {
      EXPECT_GT(used, count / 50) << "too few forms were of use";
      for (const auto tier : tiers) {
        EXPECT_TRUE(seen.contains(tier)) << code_of(tier) << " was never met";
      }
    }
  }

  const Names names_{*twitching()};
};

const std::set<Tier> kEveryTier(kTiers.begin(), kTiers.end());

// -- one more
// --------------------------------------------------------------------------------------

TEST_F(LawTest, OneMoreRedFlagOptionNeverLowersTheTier) {
  for_forms(kForms, 1, kEveryTier, [&](RandomForms& random, const Form& form, const Verdicts& was) {
    const Item& item = question(random.random().pick(kRedFlagQuestions));
    const auto answer = form.answers.find(item.link_id);
    if (answer == form.answers.end() || answer->second.invalid) {
      return false;
    }
    Form more = form;
    const auto& option = random.random().pick(item.options);
    auto& options = more.answers[item.link_id].options;
    if (!is_positive(item, option.code) ||
        std::find(options.begin(), options.end(), option.code) != options.end()) {
      return false;
    }
    options.push_back(option.code);
    const Verdicts is = names_.verdicts(more);
    EXPECT_GE(is.tier, was.tier) << item.link_id << " + " << option.code << "\n" << to_text(form);
    return true;
  });
}

// Every question answered, "none of these" where there is that, and any option of the others, so
// that follow-up questions have their answers before they are asked.
Form clear_form(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Form form;
  for (const Item& item : twitching()->items) {
    NamedAnswer answer;
    if (item.none != 0) {
      answer.options = {"none"};
    } else if (item.type == ItemType::choice) {
      answer.options = {item.options[random() % item.options.size()].code};
    } else if (item.is_numeric()) {
      answer.number = whole(item.link_id == "age-years" ? 62 : 3);
    } else {
      continue;
    }
    form.answers[item.link_id] = answer;
  }
  return form;
}

struct Flag {
  const Item* item = nullptr;
  std::string_view option;
};

std::vector<Flag> all_red_flags() {
  std::vector<Flag> flags;
  for (const auto link : kRedFlagQuestions) {
    const Item& item = question(link);
    for (const auto& option : item.options) {
      if (is_positive(item, option.code)) {
        flags.push_back({&item, option.code});
      }
    }
  }
  return flags;
}

void tick(Form& form, const Flag& flag) {
  auto& options = form.answers[flag.item->link_id].options;
  std::erase(options, "none");
  options.push_back(flag.option);
}

// Rare combinations that random forms do not meet: every pair, with every kind of follow-up.
TEST_F(LawTest, NoSecondRedFlagLowersTheTier) {
  const auto flags = all_red_flags();
  for (std::uint64_t seed = 0; seed < kFollowUps; ++seed) {
    const Form clear = clear_form(seed);
    const Tier none = names_.verdicts(clear).tier;
    for (const Flag& first : flags) {
      Form one = clear;
      tick(one, first);
      const Tier was = names_.verdicts(one).tier;
      EXPECT_GE(was, none) << first.item->link_id << " " << first.option;
      for (const Flag& second : flags) {
        if (first.item == second.item && first.option == second.option) {
          continue;
        }
        Form two = one;
        tick(two, second);
        EXPECT_GE(names_.verdicts(two).tier, was)
            << first.item->link_id << " " << first.option << " and " << second.item->link_id << " "
            << second.option << ", follow-ups " << seed;
      }
    }
  }
}

TEST_F(LawTest, ARedFlagInPlaceOfNoneNeverLowersTheTier) {
  for_forms(kForms, 2, kEveryTier, [&](RandomForms& random, const Form& form, const Verdicts& was) {
    const Item& item = question(random.random().pick(kRedFlagQuestions));
    const auto answer = form.answers.find(item.link_id);
    const auto& option = random.random().pick(item.options);
    if (answer == form.answers.end() ||
        answer->second.options != std::vector<std::string_view>{"none"} ||
        !is_positive(item, option.code)) {
      return false;
    }
    Form more = form;
    more.answers[item.link_id].options = {option.code};
    EXPECT_GE(names_.verdicts(more).tier, was.tier) << item.link_id << " = " << option.code << "\n"
                                                    << to_text(form);
    return true;
  });
}

TEST_F(LawTest, MoreMedicinesOrConditionsInTheRecordNeverLowerTheTier) {
  for_forms(kForms, 3, kEveryTier, [&](RandomForms& random, const Form& form, const Verdicts& was) {
    const auto& bindings = knowledge().bindings;
    const int index = random.random().chance(50) ? bindings.medicines : bindings.conditions;
    const Item& item = knowledge().items[static_cast<std::size_t>(index)];
    const auto& option = random.random().pick(item.options);
    if (!is_positive(item, option.code)) {
      return false;
    }
    Form more = form;
    more.record.fetched = true;
    more.record.says[item.link_id].options.push_back(option.code);
    EXPECT_GE(names_.verdicts(more).tier, was.tier) << option.code << "\n" << to_text(form);
    return true;
  });
}

// The record's word that the patient is pregnant can only add.
TEST_F(LawTest, APregnancyInTheRecordNeverLowersTheTier) {
  for_forms(kForms, 4, kEveryTier, [&](RandomForms&, const Form& form, const Verdicts& was) {
    if (form.record.says.contains("pregnancy-status")) {
      return false;
    }
    Form more = form;
    more.record.fetched = true;
    more.record.says["pregnancy-status"].options = {"pregnant-20-plus"};
    EXPECT_GE(names_.verdicts(more).tier, was.tier) << to_text(form);
    return true;
  });
}

TEST_F(LawTest, TakingALaboratoryValueAwayNeverBlocksARuleThatDoesNotReadIt) {
  for_forms(kForms, 5, {Tier::self_care, Tier::routine, Tier::soon, Tier::urgent, Tier::emergency},
            [&](RandomForms&, const Form& form, const Verdicts& was) {
              Form bare = form;
              bare.record.labs.clear();
              const Verdicts is = names_.verdicts(bare);
              for (std::size_t i = 0; i < knowledge().rules.size(); ++i) {
                // A missing value is "no", never "unknown": it leaves nothing open.
                EXPECT_FALSE(is.rules[i] == Tri::unknown && was.rules[i] == Tri::no &&
                             !knowledge().rules[i].last)
                    << knowledge().rules[i].id << "\n"
                    << to_text(form);
              }
              if (was.tier == Tier::self_care) {
                EXPECT_EQ(is.tier, Tier::self_care) << to_text(form);
              }
              return true;
            });
}

TEST_F(LawTest, ANormalLaboratoryValueNeverLowersTheTier) {
  // Well inside every usual range, so that no rule is about them.
  const std::map<std::string_view, Number> normal{
      {"na", whole(140)},       {"k", {4'200'000'000}},
      {"ca", {2'350'000'000}},  {"mg", {850'000'000}},
      {"egfr", whole(95)},      {"ck-xuln", {500'000'000}},
      {"tsh", {1'800'000'000}}, {"li", {0}}};
  for_forms(kForms, 6, kEveryTier, [&](RandomForms& random, const Form& form, const Verdicts&) {
    Form without = form;
    const auto& lab = random.random().pick(knowledge().labs);
    without.record.labs.erase(lab.name);
    without.record.fetched = true;
    Form with = without;
    with.record.labs[lab.name] = {LabState::known, normal.at(lab.name), 1};
    EXPECT_EQ(names_.verdicts(with).tier, names_.verdicts(without).tier) << lab.name << "\n"
                                                                         << to_text(form);
    return true;
  });
}

TEST_F(LawTest, MoreWorryNeverLowersTheTier) {
  const Item& worry = question("worry-level");
  for_forms(kForms, 7, kEveryTier, [&](RandomForms& random, const Form& form, const Verdicts&) {
    Form calm = form;
    calm.answers["worry-level"] = {{"none"}, {}, false};
    Form worried = form;
    const auto& level = random.random().pick(worry.options);
    worried.answers["worry-level"] = {{level.code}, {}, false};
    EXPECT_GE(names_.verdicts(worried).tier, names_.verdicts(calm).tier) << level.code << "\n"
                                                                         << to_text(form);
    return true;
  });
}

// -- the tier
// --------------------------------------------------------------------------------------

TEST_F(LawTest, TheTierIsThatOfTheMostUrgentRuleThatFired) {
  for_forms(kForms, 8, kEveryTier, [&](RandomForms&, const Form& form, const Verdicts& verdicts) {
    std::optional<Tier> highest;
    for (const auto& id : fired_ids(knowledge(), verdicts)) {
      const Tier tier = knowledge().rule(id)->tier;
      EXPECT_LE(tier, verdicts.tier) << id << "\n" << to_text(form);
      highest = std::max(highest.value_or(tier), tier);
    }
    const Tier floor = form.free_text ? Tier::routine : Tier::self_care;
    EXPECT_EQ(verdicts.tier, std::max(highest.value_or(Tier::routine), floor)) << to_text(form);
    return true;
  });
}

TEST_F(LawTest, ASelfCareResultLeavesNoRedFlagQuestionOpenAndNoneOfThemPositive) {
  int self_care = 0;
  for_forms(kForms, 9, kEveryTier, [&](RandomForms&, const Form& form, const Verdicts& verdicts) {
    if (verdicts.tier == Tier::self_care) {
      ++self_care;
      for (const auto link : kRedFlagQuestions) {
        const auto answer = form.answers.find(link);
        EXPECT_TRUE(answer != form.answers.end() &&
                    answer->second.options == std::vector<std::string_view>{"none"})
            << link << "\n"
            << to_text(form);
      }
      for (const auto* link : {"duration", "course", "medicine-classes"}) {
        EXPECT_TRUE(form.answers.contains(link)) << link << "\n" << to_text(form);
      }
      EXPECT_FALSE(form.stale || form.free_text) << to_text(form);
    }
    return true;
  });
  EXPECT_GT(self_care, kForms / 100);
}

TEST_F(LawTest, BenignRulesNeverFireBesideADangerOrInStaleAnswersOrWithoutAnAdultAge) {
  for_forms(kForms, 10, kEveryTier, [&](RandomForms&, const Form& form, const Verdicts& verdicts) {
    bool benign = false;
    for (std::size_t i = 0; i < knowledge().rules.size(); ++i) {
      benign = benign || (knowledge().rules[i].benign && verdicts.rules[i] == Tri::yes);
    }
    if (benign) {
      EXPECT_LE(verdicts.tier, Tier::routine) << to_text(form);
      EXPECT_FALSE(form.stale) << to_text(form);
      const auto own = form.answers.find("age-years");
      const auto recorded = form.record.says.find("age-years");
      EXPECT_TRUE(own != form.answers.end() || recorded != form.record.says.end());
      for (const auto& [given, found] : {std::pair{own != form.answers.end(), own},
                                         {recorded != form.record.says.end(), recorded}}) {
        if (given && found->second.number) {
          EXPECT_GE(*found->second.number, whole(16)) << to_text(form);
        }
      }
    }
    return true;
  });
}

// -- unknown
// ---------------------------------------------------------------------------------------

TEST_F(LawTest, AnsweringWhatWasOpenNeverMakesAFiredRuleVanish) {
  for_forms(
      kForms, 11, kEveryTier, [&](RandomForms& random, const Form& form, const Verdicts& was) {
        const Item& item = *random.random().pick(random.questions());
        const Settled before = settle(knowledge(), names_.answers(form.answers));
        const auto at = static_cast<std::size_t>(knowledge().item(item.link_id));
        const auto state = before.facts.answers.state[at];
        const auto chosen = before.facts.answers.chosen[at];
        const bool unsure = state == ItemState::answered && (chosen & item.open()) != 0;
        if (state == ItemState::not_shown || (state == ItemState::answered && !unsure)) {
          return false;
        }
        // The new answer keeps what was ticked and settles the rest.
        Form settled = form;
        NamedAnswer answer = random.clear_answer(item);
        if (unsure && (chosen & item.positive()) != 0) {
          std::erase(answer.options, "none");
          for (const auto option : form.answers.at(item.link_id).options) {
            if (is_positive(item, option) && std::find(answer.options.begin(), answer.options.end(),
                                                       option) == answer.options.end()) {
              answer.options.push_back(option);
            }
          }
        }
        settled.answers[item.link_id] = answer;
        const Settled after = settle(knowledge(), names_.answers(settled.answers));
        if (after.set_aside.size() != before.set_aside.size()) {
          return false;  // the answer says that another question does not apply
        }
        const auto fired_before = fired_findings(was);
        const auto fired_after = fired_findings(names_.verdicts(settled));
        for (const auto& id : fired_before) {
          // Rules may say that "not sure" counts, and a known age may switch adult rules off.
          const bool doubt_counts =
              counts_doubt(knowledge().rule(id)->criterion, item) || item.link_id == "age-years";
          EXPECT_TRUE(fired_after.contains(id) || doubt_counts)
              << id << " vanished when " << item.link_id << " was answered\n"
              << to_text(form);
        }
        return true;
      });
}

TEST_F(LawTest, ForgettingAnAnswerMayOpenARuleButNeverTurnsItIntoItsOpposite) {
  for_forms(
      kForms, 12, kEveryTier, [&](RandomForms& random, const Form& form, const Verdicts& was) {
        const Item& item = *random.random().pick(random.questions());
        const auto answer = form.answers.find(item.link_id);
        if (answer == form.answers.end() || answer->second.invalid || item.link_id == "age-years") {
          return false;
        }
        Form less = form;
        less.answers.erase(item.link_id);
        if (settle(knowledge(), names_.answers(less.answers)).set_aside.size() !=
            settle(knowledge(), names_.answers(form.answers)).set_aside.size()) {
          return false;  // other answers come to count, or no longer do
        }
        if (form.record.says.contains(item.link_id)) {
          return false;  // the record stands in
        }
        const Verdicts is = names_.verdicts(less);
        const Facts with = names_.facts(form);
        const Facts without = names_.facts(less);
        for (std::size_t i = 0; i < knowledge().rules.size(); ++i) {
          const auto& rule = knowledge().rules[i];
          if (rule.last) {
            continue;
          }
          // As written, isFalse takes unknown for no: a rule may be withdrawn, never put forward.
          EXPECT_FALSE(was.rules[i] == Tri::no && is.rules[i] == Tri::yes) << rule.id;
          EXPECT_FALSE(was.rules[i] == Tri::yes && is.rules[i] == Tri::no &&
                       !asks_what_is_false(rule.criterion))
              << rule.id;
          // What is not excluded goes by this value, which opens and nothing else.
          const Tri before = unresolved(rule, with);
          const Tri after = unresolved(rule, without);
          EXPECT_TRUE(before == after || before == Tri::unknown || after == Tri::unknown)
              << rule.id << " turned when " << item.link_id << " was taken away\n"
              << to_text(form);
        }
        return true;
      });
}

// -- under sixteen
// ---------------------------------------------------------------------------------

TEST_F(LawTest, UnderSixteenOnlyEmergencyRulesTheRuleForChildrenAndGapsFire) {
  int children = 0;
  for_forms(kForms, 15, {Tier::soon, Tier::urgent, Tier::emergency},
            [&](RandomForms&, const Form& form, const Verdicts&) {
              Form child = form;
              child.answers["age-years"] = {{}, whole(12), false};
              child.record.says.erase("age-years");
              const Verdicts verdicts = names_.verdicts(child);
              EXPECT_TRUE(verdicts.under_age);
              EXPECT_GE(verdicts.tier, Tier::soon) << to_text(child);
              for (std::size_t i = 0; i < knowledge().rules.size(); ++i) {
                const auto& rule = knowledge().rules[i];
                if (rule.tier != Tier::emergency && rule.id != "child-under-16") {
                  EXPECT_EQ(verdicts.rules[i], Tri::no) << rule.id;
                }
              }
              ++children;
              return true;
            });
  EXPECT_GT(children, 0);
}

TEST_F(LawTest, EmergencyRulesSayTheSameOfAChildAsOfAnAdultWhereTheyDoNotAskForTheAge) {
  for_forms(kForms, 16, {Tier::emergency}, [&](RandomForms&, const Form& form, const Verdicts&) {
    Form adult = form;
    adult.answers["age-years"] = {{}, whole(17), false};
    adult.record.says.erase("age-years");
    Form child = adult;
    child.answers["age-years"] = {{}, whole(15), false};
    const Verdicts a = names_.verdicts(adult);
    const Verdicts c = names_.verdicts(child);
    for (std::size_t i = 0; i < knowledge().rules.size(); ++i) {
      if (knowledge().rules[i].tier == Tier::emergency) {
        EXPECT_EQ(a.rules[i], c.rules[i]) << knowledge().rules[i].id << "\n" << to_text(form);
      }
    }
    return true;
  });
}

TEST_F(LawTest, WithoutAnAgeAdultAndEmergencyRulesHoldAndReassuranceDoesNot) {
  for_forms(kForms, 17, {Tier::routine, Tier::soon, Tier::urgent, Tier::emergency},
            [&](RandomForms&, const Form& form, const Verdicts&) {
              Form ageless = form;
              ageless.answers.erase("age-years");
              ageless.record.says.erase("age-years");
              const Verdicts verdicts = names_.verdicts(ageless);
              EXPECT_FALSE(verdicts.under_age);
              EXPECT_NE(verdicts.tier, Tier::self_care) << to_text(ageless);
              for (std::size_t i = 0; i < knowledge().rules.size(); ++i) {
                if (knowledge().rules[i].benign) {
                  EXPECT_NE(verdicts.rules[i], Tri::yes) << knowledge().rules[i].id;
                }
              }
              return true;
            });
}

// -- the whole assessment
// --------------------------------------------------------------------------

TEST_F(LawTest, ReassuringWordsNeverStandBesideADangerFreeTextOrStaleAnswers) {
  std::set<std::string> reassuring;
  for (const auto& rule : knowledge().rules) {
    if (rule.benign) {
      reassuring.insert(rule.id);
    }
  }
  RandomForms random(knowledge(), 18);
  int reassured = 0;
  int dangerous = 0;
  for (int i = 0; i < kAssessed && !HasFailure(); ++i) {
    Form form = random.next(i % 2 == 0 ? RandomForms::Manner::nearly_clear
                                       : RandomForms::Manner::mutated_case);
    form.free_text = random.random().chance(15);
    EvaluationInput input = names_.input(form);
    const bool undated = random.random().chance(10);
    if (undated) {
      input.response.authored.reset();
    }
    const Assessment assessment = assess(twitching(), std::move(input));
    const bool says =
        std::any_of(assessment.patient_advice_ids.begin(), assessment.patient_advice_ids.end(),
                    [&](const std::string& id) { return reassuring.contains(id); });
    const bool danger = std::any_of(
        assessment.findings.begin(), assessment.findings.end(), [](const Finding& finding) {
          return finding.status == FindingStatus::fired && finding.tier >= Tier::soon;
        });
    EXPECT_EQ(says, testing::is_reassured(assessment));
    EXPECT_FALSE(says && (danger || form.free_text || form.stale || undated)) << to_text(form);
    if (form.free_text || form.stale || undated) {
      expect_no_comfort(assessment);
    }
    reassured += says ? 1 : 0;
    dangerous += danger ? 1 : 0;
  }
  EXPECT_GE(reassured, kAssessed / 50);
  EXPECT_GT(dangerous, kAssessed / 10);
}

// The rule is not marked as reassuring, and its words comfort all the same.
TEST_F(LawTest, OldAnswersAndUnusableResultsComfortNobody) {
  const auto told = [&](Form form, bool dated) {
    EvaluationInput input = names_.input(form);
    if (!dated) {
      input.response.authored.reset();
    }
    const Assessment assessment = assess(twitching(), std::move(input));
    const Rule& rule =
        *std::find_if(knowledge().rules.begin(), knowledge().rules.end(),
                      [](const Rule& one) { return one.id == "nocturnal-leg-cramps"; });
    return std::find(assessment.patient_advice.begin(), assessment.patient_advice.end(),
                     rule.patient) != assessment.patient_advice.end();
  };
  Form fresh;
  for (const Case& one : knowledge().cases) {
    fresh = one.name == "night cramps 75" ? form_of(one) : fresh;
  }
  Form old = fresh;
  old.stale = true;
  Form unusable = fresh;
  unusable.record.fetched = true;
  unusable.record.labs["k"] = {LabState::unusable, {}, 2};
  EXPECT_TRUE(told(fresh, true));
  EXPECT_FALSE(told(fresh, false));
  EXPECT_FALSE(told(old, true));
  EXPECT_FALSE(told(unusable, true));
}

TEST_F(LawTest, OneMoreFiredRuleNeverLengthensTheTarget) {
  RandomForms random(knowledge(), 20);
  int compared = 0;
  for (int i = 0; i < kAssessed && !HasFailure(); ++i) {
    const Form form = random.next();
    Form more = form;
    const Item& item = question(random.random().pick(kRedFlagQuestions));
    auto& options = more.answers[item.link_id].options;
    const auto& option = random.random().pick(item.options);
    if (!is_positive(item, option.code) ||
        std::find(options.begin(), options.end(), option.code) != options.end()) {
      continue;
    }
    std::erase(options, "none");
    options.push_back(option.code);
    const Assessment was = assess(twitching(), names_.input(form));
    const Assessment is = assess(twitching(), names_.input(more));
    const auto before = fired_now(was);
    const auto after = fired_now(is);
    if (!std::includes(after.begin(), after.end(), before.begin(), before.end())) {
      continue;  // the answer also settled something
    }
    ++compared;
    EXPECT_FALSE(stricter(was.target, is.target)) << item.link_id << " + " << option.code << "\n"
                                                  << to_text(form);
  }
  EXPECT_GT(compared, kAssessed / 8);
}

TEST_F(LawTest, WhatIsNotExcludedNamesAQuestionThatCanBeAsked) {
  RandomForms random(knowledge(), 19);
  int open = 0;
  for (int i = 0; i < kAssessed && !HasFailure(); ++i) {
    const Form form = random.next();
    const Assessment assessment = assess(twitching(), names_.input(form));
    for (const auto& finding : assessment.findings) {
      if (finding.status == FindingStatus::not_excluded) {
        EXPECT_FALSE(finding.missing.empty()) << finding.rule->id << "\n" << to_text(form);
        ++open;
      }
      if (finding.status == FindingStatus::fired && finding.rule->kind == Rule::Kind::rule) {
        EXPECT_FALSE(finding.because.empty()) << finding.rule->id << "\n" << to_text(form);
      }
    }
  }
  EXPECT_GT(open, kAssessed);
}

}  // namespace
}  // namespace myoflag::rules::testing
