// The form and the rules agree on what is an emergency: what makes the form say "call now" gives an
// emergency when it is all that was ticked, and nothing else in those questions does.

#include <map>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/knowledge_fixture.h"

namespace myoflag::rules::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// The questions whose every option counts: a policy lists those that are open.
std::set<int> emergency_questions(const Knowledge& knowledge) {
  std::set<int> questions;
  for (const Rule& gap : knowledge.gaps) {
    if (!gap.list_options)
      continue;
    const std::size_t root = knowledge.program.roots[static_cast<std::size_t>(gap.root)];
    for (std::size_t at = root; at < knowledge.program.ops[root].end; ++at) {
      const Op& op = knowledge.program.ops[at];
      if (op.kind == Criterion::Kind::answered || op.kind == Criterion::Kind::unsure) {
        questions.insert(op.item);
      }
    }
  }
  return questions;
}

// At these options the form says "call now".
std::uint64_t stopping_options(const Knowledge& knowledge, int question) {
  std::uint64_t options = 0;
  for (const EnableWhen& when :
       knowledge.items[static_cast<std::size_t>(knowledge.item("em-stop"))].enable) {
    options |= when.item == question ? when.options : 0;
  }
  return options;
}

Tier tier_of(const Knowledge& knowledge, const Item& question, const Option& option) {
  Form form = clear_form();
  form.answers[question.link_id] = {{option.code}, {}, false};
  return Names(knowledge).verdicts(form).tier;
}

struct Options {
  std::set<std::string> stop, stop_without_emergency, emergency_without_stop;
  std::map<std::string, Tier> others;
};

Options look_at(const Knowledge& knowledge) {
  Options seen;
  for (const int index : emergency_questions(knowledge)) {
    const Item& question = knowledge.items[static_cast<std::size_t>(index)];
    const std::uint64_t stopping = stopping_options(knowledge, index);
    for (std::size_t i = 0; i < question.options.size(); ++i) {
      if ((question.positive() >> i & 1U) == 0) {
        continue;
      }
      const std::string name = question.link_id + '=' + question.options[i].code;
      const Tier tier = tier_of(knowledge, question, question.options[i]);
      const bool emergency = tier == Tier::emergency;
      if ((stopping >> i & 1U) != 0) {
        (emergency ? seen.stop : seen.stop_without_emergency).insert(name);
      } else if (emergency) {
        seen.emergency_without_stop.insert(name);
      } else {
        seen.others.emplace(name, tier);
      }
    }
  }
  return seen;
}

TEST(EmergencyOptionsTest, EachThatStopsTheFormIsAnEmergencyByItselfAndNoOther) {
  const Options seen = look_at(*twitching());
  EXPECT_EQ(emergency_questions(*twitching()).size(), 4U);
  EXPECT_THAT(seen.stop_without_emergency, IsEmpty());
  EXPECT_THAT(seen.emergency_without_stop, IsEmpty());
  EXPECT_EQ(seen.stop.size(), 22U);
}

// All that may be ticked there by itself without an emergency: a new one must be meant.
TEST(EmergencyOptionsTest, TheOthersAreThese) {
  const std::map<std::string, Tier> meant{{"em-now=breathless-flat", Tier::urgent},
                                          {"em-spreading=one-limb-weaker-days", Tier::urgent},
                                          {"em-spreading=urine-change", Tier::urgent},
                                          {"em-spreading=bowel-change", Tier::urgent},
                                          {"em-context=stopped-suddenly", Tier::urgent},
                                          {"em-context=new-or-raised-medicine", Tier::routine},
                                          {"em-context=street-drugs", Tier::routine}};
  EXPECT_EQ(look_at(*twitching()).others, meant);
}

struct Removal {
  const char* name;
  const char* before;
  const char* after;
  const char* option;
};

class RemovedOption : public ::testing::TestWithParam<Removal> {};

// The knowledge is sound in every other respect: only this look finds it.
TEST_P(RemovedOption, IsNoticed) {
  const Removal& removal = GetParam();
  KnowledgeFiles files = twitching_files();
  std::string& rules = files.at("rules/emergency.yaml");
  const std::size_t at = rules.find(removal.before);
  ASSERT_NE(at, std::string::npos);
  rules.replace(at, std::string(removal.before).size(), removal.after);
  EXPECT_THAT(look_at(*load_or_throw(files)).stop_without_emergency, ElementsAre(removal.option));
}

INSTANTIATE_TEST_SUITE_P(
    All, RemovedOption,
    ::testing::Values(Removal{"BreathlessAtRest", "breathless-rest|cannot-swallow",
                              "cannot-swallow", "em-now=breathless-rest"},
                      Removal{"Blackout", "seizure|confused-drowsy|blackout)",
                              "seizure|confused-drowsy)", "em-now=blackout"},
                      Removal{"LostSight", "speech-sudden|vision-sudden", "speech-sudden",
                              "em-sudden=vision-sudden"},
                      Removal{"CannotWalk", "limbs-weaker-days|cannot-walk", "limbs-weaker-days",
                              "em-spreading=cannot-walk"}),
    [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace myoflag::rules::testing
