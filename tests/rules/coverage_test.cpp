// Every leaf of every rule has been true, false and unknown somewhere in the worked cases and the
// random forms: the agreement test compares nothing that never happens.

#include <array>
#include <span>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/random_forms.h"

namespace myoflag::rules::testing {
namespace {

constexpr int kForms = 40'000;

using Kind = Criterion::Kind;

bool is_leaf(const Op& op) {
  return op.kind != Kind::all && op.kind != Kind::any && op.kind != Kind::is_false;
}

// These are two-valued by definition.
bool never_unknown(Kind kind) {
  return kind == Kind::answered || kind == Kind::unsure || kind == Kind::lab;
}

TEST(CoverageTest, EveryLeafOfEveryRuleHasBeenYesNoAndUnknown) {
  const auto& knowledge = *twitching();
  const auto& program = knowledge.program;
  const Names names(knowledge);
  std::vector<std::array<std::size_t, 3>> seen(program.ops.size());

  std::vector<std::size_t> leaves;
  std::vector<const Rule*> owner;
  for (const auto& rule : knowledge.rules) {
    const std::size_t root = program.roots[static_cast<std::size_t>(rule.root)];
    for (std::size_t at = root; at < program.ops[root].end;
         at = is_leaf(program.ops[at]) ? program.ops[at].end : at + 1) {
      if (is_leaf(program.ops[at])) {
        leaves.push_back(at);
        owner.push_back(&rule);
      }
    }
  }
  const auto look = [&](const Form& form) {
    const Facts facts = names.facts(form);
    Verdicts verdicts;
    evaluate(knowledge, facts, names.flags(form), verdicts);
    for (const auto at : leaves) {
      const Tri value = program.evaluate_at(at, facts.answers, facts.record, verdicts.fired);
      ++seen[at][static_cast<std::size_t>(value)];
    }
  };
  for (const auto& one : knowledge.cases) {
    look(form_of(one));
  }
  RandomForms random(knowledge, 51);
  for (int i = 0; i < kForms; ++i) {
    look(random.next());
  }
  std::size_t missing = 0;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    const auto& values = seen[leaves[i]];
    const Op& op = program.ops[leaves[i]];
    for (const auto value : {Tri::no, Tri::unknown, Tri::yes}) {
      if (value == Tri::unknown && never_unknown(op.kind)) {
        EXPECT_EQ(values[1], 0U) << owner[i]->id;
        continue;
      }
      if (values[static_cast<std::size_t>(value)] == 0) {
        ++missing;
        ADD_FAILURE() << owner[i]->id << ": leaf of form " << static_cast<int>(op.kind) << " on "
                      << knowledge.items[op.item].link_id << " was never "
                      << (value == Tri::yes  ? "yes"
                          : value == Tri::no ? "no"
                                             : "unknown");
      }
    }
  }
  RecordProperty("leaves", std::to_string(leaves.size()));
  RecordProperty("missing", std::to_string(missing));
  EXPECT_GT(leaves.size(), 400U);
}

std::span<const Op> program_part(const Rule& rule) {
  const auto& program = twitching()->program;
  const std::size_t root = program.roots[static_cast<std::size_t>(rule.root)];
  return std::span(program.ops).subspan(root, program.ops[root].end - root);
}

// A rule on laboratory values alone is never open; one that asks for something known to be false
// does not hold while that is open.
bool may_be_open(std::span<const Op> ops) {
  bool open = false;
  for (const auto& op : ops) {
    if (op.kind == Kind::is_false) {
      return false;
    }
    open = open || (is_leaf(op) && !never_unknown(op.kind));
  }
  return open;
}

TEST(CoverageTest, EveryRuleHasBeenFiredNotExcludedAndExcluded) {
  const auto& knowledge = *twitching();
  const Names names(knowledge);
  std::vector<std::array<std::size_t, 3>> seen(knowledge.rules.size());
  RandomForms random(knowledge, 52);
  for (int i = 0; i < kForms; ++i) {
    const Verdicts verdicts = names.verdicts(random.next());
    for (std::size_t r = 0; r < knowledge.rules.size(); ++r) {
      ++seen[r][static_cast<std::size_t>(verdicts.rules[r])];
    }
  }
  for (std::size_t r = 0; r < knowledge.rules.size(); ++r) {
    const auto& rule = knowledge.rules[r];
    EXPECT_GT(seen[r][0], 0U) << rule.id << " was never excluded";
    EXPECT_GT(seen[r][2], 0U) << rule.id << " never fired";
    if (may_be_open(program_part(rule))) {
      EXPECT_GT(seen[r][1], 0U) << rule.id << " was never open";
    }
  }
}

}  // namespace
}  // namespace myoflag::rules::testing
