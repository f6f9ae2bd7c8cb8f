// Why a rule has the value it has: the answers it rests on and the questions that would settle it.

#include <algorithm>

#include <gtest/gtest.h>

#include "rules/trace.h"
#include "tests/support/random_forms.h"

namespace myoflag::rules::testing {
namespace {

NamedAnswer options(std::vector<std::string_view> options) {
  return {std::move(options), {}, false};
}

class TraceTest : public ::testing::Test {
 protected:
  Trace why(const Form& form, std::string_view id) const {
    const Verdicts verdicts = names_.verdicts(form);
    const bool fires = fired_ids(*twitching(), verdicts).contains(std::string(id));
    return trace(*twitching(), *twitching()->rule(id), names_.input(form), verdicts.fired,
                 fires ? Reading::given : Reading::unresolved);
  }
  static std::vector<std::string> missing(const Trace& trace) {
    std::vector<std::string> links;
    for (const auto* item : trace.missing) {
      links.push_back(item->link_id);
    }
    return links;
  }
  // "link=a+b", "link=30", "record link=a", "lab k=2.3".
  static std::vector<std::string> because(const Trace& trace) {
    std::vector<std::string> out;
    for (const auto& one : trace.because) {
      std::string text = one.origin == Origin::record && one.item != nullptr ? "record " : "";
      text += one.item != nullptr ? one.item->link_id : "lab " + one.lab->name;
      text += "=";
      if (one.number) {
        text += rules::to_text(*one.number);
      } else {
        bool first = true;
        for (std::size_t i = 0; i < one.item->options.size(); ++i) {
          if ((one.options >> i & 1U) != 0) {
            text += (first ? "" : "+") + one.item->options[i].code;
            first = false;
          }
        }
      }
      out.push_back(text);
    }
    return out;
  }

  const Names names_{*twitching()};
};

using Words = std::vector<std::string>;

TEST_F(TraceTest, NamesTheOptionsThatCountAndNotTheOthers) {
  Form form = clear_form();
  form.answers["em-sudden"] = options({"face-droop", "speech-sudden"});
  form.answers["em-now"] = options({"blackout"});
  EXPECT_EQ(because(why(form, "em-stroke-signs")), Words{"em-sudden=face-droop+speech-sudden"});
  EXPECT_EQ(because(why(form, "em-seizure-collapse-confusion")), Words{"em-now=blackout"});
}

TEST_F(TraceTest, NamesTheRecordAndTheLaboratoryValue) {
  Form form = clear_form();
  form.record.fetched = true;
  form.record.says["medicine-classes"].options = {"lithium"};
  form.record.labs["k"] = {LabState::known, Number{2'300'000'000}, 1};
  form.answers["function-loss"] = options({"unsteady"});
  EXPECT_EQ(because(why(form, "em-lithium-toxicity")),
            (Words{"function-loss=unsteady", "record medicine-classes=lithium"}));
  EXPECT_EQ(because(why(form, "em-critical-electrolyte")), Words{"lab k=2.3"});
}

TEST_F(TraceTest, NamesTheAgeAndWhereItComesFrom) {
  Form form = clear_form();
  form.answers["age-years"] = {{}, whole(12), false};
  EXPECT_EQ(because(why(form, "child-under-16")), Words{"age-years=12"});
  form.answers.erase("age-years");
  form.record.says["age-years"].number = whole(11);
  EXPECT_EQ(because(why(form, "child-under-16")), Words{"record age-years=11"});
  form.record.says.clear();
  EXPECT_EQ(missing(why(form, "child-under-16")), Words{"age-years"});
}

TEST_F(TraceTest, AGapRestsOnTheQuestionThatWasLeftOpen) {
  Form form = clear_form();
  form.answers.erase("em-sudden");
  form.answers["em-now"] = options({"unsure"});
  EXPECT_EQ(because(why(form, "gap-emergency-unanswered")), (Words{"em-now=unsure", "em-sudden="}));
}

TEST_F(TraceTest, ASkippedQuestionIsMissingAndOneThatWasNotAskedLeadsToItsOwn) {
  Form form = clear_form();
  form.answers.erase("head-neck-symptoms");
  // bulbar-course was not asked because head-neck-symptoms has no answer.
  EXPECT_EQ(missing(why(form, "em-acute-bulbar-ocular")), Words{"head-neck-symptoms"});
  form.answers["head-neck-symptoms"] = options({"slurred"});
  EXPECT_EQ(missing(why(form, "em-acute-bulbar-ocular")), Words{"bulbar-course"});
}

TEST_F(TraceTest, CouldBePregnantIsAQuestionToAskAgain) {
  Form form = clear_form();
  form.answers["sex-at-birth"] = options({"female"});
  form.answers["pregnancy-status"] = options({"possible"});
  form.answers["movement-type"] = options({"cramp"});
  EXPECT_EQ(missing(why(form, "pregnancy-cramps")), Words{"pregnancy-status"});
}

// Asking what is said to be missing, again and again, settles every rule.
TEST_F(TraceTest, AnsweringWhatIsMissingSettlesTheRule) {
  RandomForms random(*twitching(), 81);
  int settled = 0;
  for (int i = 0; i < 400 && !HasFailure(); ++i) {
    Form form = random.next();
    const auto& rule = random.random().pick(twitching()->rules);
    if (rule.last) {
      continue;
    }
    const auto value = [&] {
      const Facts facts = names_.facts(form);
      return twitching()->program.evaluate(rule.root, facts.answers, facts.record, FiredTiers{});
    };
    for (int round = 0; round < 8 && value() == Tri::unknown; ++round) {
      const auto open = why(form, rule.id).missing;
      ASSERT_FALSE(open.empty()) << rule.id << "\n" << to_text(form);
      for (const auto* item : open) {
        NamedAnswer answer;
        do {
          answer = random.clear_answer(*item);
        } while (!answer.options.empty() &&
                 (answer.options.front() == "possible" || answer.options.front() == "intersex"));
        form.answers[item->link_id] = answer;
      }
      ++settled;
    }
    EXPECT_NE(value(), Tri::unknown) << rule.id << "\n" << to_text(form);
  }
  EXPECT_GT(settled, 50);
}

// A fired rule still fires when every answer it does not rest on is left as it is, and those it
// names are all there is of the record.
TEST_F(TraceTest, WhatAFiredRuleRestsOnIsReallyInTheAnswers) {
  RandomForms random(*twitching(), 82);
  int checked = 0;
  for (int i = 0; i < 500; ++i) {
    const Form form = random.next();
    const Facts facts = names_.facts(form);
    const Verdicts verdicts = names_.verdicts(form);
    for (std::size_t r = 0; r < twitching()->rules.size(); ++r) {
      const auto& rule = twitching()->rules[r];
      if (verdicts.rules[r] != Tri::yes) {
        continue;
      }
      for (const auto& evidence : why(form, rule.id).because) {
        ++checked;
        if (evidence.item == nullptr) {
          EXPECT_EQ(
              evidence.number,
              facts.record.labs[static_cast<std::size_t>(evidence.lab - twitching()->labs.data())]
                  .value);
          continue;
        }
        const auto at = static_cast<std::size_t>(evidence.item - twitching()->items.data());
        const auto& chosen =
            evidence.origin == Origin::patient ? facts.answers.chosen[at] : facts.record.chosen[at];
        EXPECT_EQ(evidence.options & ~chosen, 0U) << rule.id << " " << evidence.item->link_id;
      }
    }
  }
  EXPECT_GT(checked, 1'000);
}

}  // namespace
}  // namespace myoflag::rules::testing
