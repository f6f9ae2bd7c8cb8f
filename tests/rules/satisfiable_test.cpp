#include <bit>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "rules/satisfiable.h"
#include "rules/settle.h"
#include "tests/rules/small_knowledge.h"

namespace myoflag::rules {
namespace {

struct Situation {
  AnswerRecord answers;
  RecordFacts record;
  FiredTiers fired{};
  bool open = false;  // something is skipped or unsure
};

class SatisfiableTest : public testing::Test {
 protected:
  SatisfiableTest() : k_(*load_knowledge(small_files()).value()) {}

  int root(const std::string& text) {
    const auto criterion = read_criterion(text, k_.option_sets, "medicines", "conditions");
    std::vector<CompileError> errors;
    if (!criterion) {
      throw std::logic_error(text + ": " + criterion.error().text);
    }
    const int root = compile(*criterion, {false, 90}, k_, errors);
    if (!errors.empty()) {
      throw std::logic_error(text + ": " + errors.front().text);
    }
    return root;
  }

  std::size_t slot(const std::string& link_id) const {
    return static_cast<std::size_t>(k_.item(link_id));
  }

  bool same(const AnswerRecord& a, const AnswerRecord& b) const {
    for (std::size_t i = 0; i < k_.items.size(); ++i) {
      if (a.state[i] != b.state[i] || a.chosen[i] != b.chosen[i]) {
        return false;
      }
    }
    return true;
  }

  // All ways to answer one question, `skipped` among them.
  std::vector<AnswerRecord> ways(const std::vector<AnswerRecord>& before,
                                 const std::string& link_id,
                                 const std::vector<int>& numbers) const {
    const Item& item = k_.items[slot(link_id)];
    std::vector<AnswerRecord> out;
    for (const AnswerRecord& record : before) {
      const auto add = [&](std::uint64_t chosen, std::int64_t number) {
        out.push_back(record);
        out.back().state[slot(link_id)] = ItemState::answered;
        out.back().chosen[slot(link_id)] = chosen;
        out.back().number[slot(link_id)] = whole(number);
      };
      out.push_back(record);
      for (const int number : numbers) {
        add(0, number);
      }
      for (std::uint64_t chosen = 1; numbers.empty() && chosen <= item.all; ++chosen) {
        if (item.repeats || std::has_single_bit(chosen)) {
          add(chosen, 0);
        }
      }
    }
    return out;
  }

  std::vector<Situation> settled(const std::vector<AnswerRecord>& records,
                                 const std::vector<std::string>& asked) const {
    std::vector<Situation> out;
    for (const AnswerRecord& record : records) {
      Situation one;
      one.answers = record;
      settle_in_place(k_, one.answers);
      for (const auto& link_id : asked) {
        const std::size_t at = slot(link_id);
        const ItemState state = one.answers.state[at];
        one.open = one.open || state == ItemState::skipped || state == ItemState::not_asked ||
                   (one.answers.chosen[at] & k_.open_options(static_cast<int>(at))) != 0;
      }
      out.push_back(one);
    }
    return out;
  }

  std::string random_criterion(std::mt19937& random, const std::vector<std::string>& leaves,
                               int depth) {
    const auto pick = random() % (depth <= 0 ? 1 : 4);
    if (pick == 0) {
      return leaves[random() % leaves.size()];
    }
    if (pick == 1) {
      return "isFalse(" + random_criterion(random, leaves, depth - 1) + ")";
    }
    std::string out = "(" + random_criterion(random, leaves, depth - 1);
    const char* joiner = pick == 2 ? " and " : " or ";
    for (auto n = 1 + random() % 3; n > 0; --n) {
      out += joiner + random_criterion(random, leaves, depth - 1);
    }
    return out + ")";
  }

  void compare(const std::string& text, const std::vector<Situation>& situations, Tri wanted,
               bool may_stay_open) {
    const int at = root(text);
    bool expected = false;
    for (const Situation& one : situations) {
      if (may_stay_open || !one.open) {
        expected =
            expected || k_.program.evaluate(at, one.answers, one.record, one.fired) == wanted;
      }
    }
    SatisfiableQuery query;
    query.wanted = {{at, wanted}};
    query.may_stay_open = may_stay_open;
    const Satisfiable found = satisfiable(k_, query);
    EXPECT_EQ(found.possibility, expected ? Possibility::possible : Possibility::impossible)
        << text << " wanted " << static_cast<int>(wanted) << " open " << may_stay_open;
    if (found.possibility == Possibility::possible) {
      EXPECT_EQ(k_.program.evaluate(at, found.answers, found.record, found.fired), wanted) << text;
      AnswerRecord again = found.answers;
      settle_in_place(k_, again);
      EXPECT_TRUE(same(again, found.answers)) << text;
    }
  }

  Knowledge k_;
};

TEST_F(SatisfiableTest, AgreesWithTryingEveryAnswer) {
  std::vector<AnswerRecord> records(1);
  records = ways(records, "sex", {});
  records = ways(records, "pregnancy", {});
  records = ways(records, "weakness", {});
  records = ways(records, "onset", {});
  records = ways(records, "cups", {0, 2, 3, 4, 5, 6, 50});
  const auto situations = settled(records, {"sex", "pregnancy", "weakness", "onset", "cups"});
  const std::vector<std::string> leaves{"any(weakness: arm)",
                                        "any(weakness: WEAK)",
                                        "only(weakness: tired|arm)",
                                        "count(weakness: arm|leg|tired) >= 2",
                                        "count(weakness: arm|leg) >= 2",
                                        "isNone(weakness)",
                                        "answered(weakness)",
                                        "unsure(weakness)",
                                        "any(onset: days)",
                                        "any(onset: months|unsure)",
                                        "answered(onset)",
                                        "num(cups) >= 3",
                                        "num(cups) < 5",
                                        "num(cups) > 50",
                                        "any(sex: male)",
                                        "any(pregnancy: pregnant)",
                                        "answered(pregnancy)",
                                        "only(pregnancy: possible)"};
  std::mt19937 random(42);
  for (int i = 0; i < 150; ++i) {
    const std::string text = random_criterion(random, leaves, 3);
    for (const Tri wanted : {Tri::yes, Tri::no}) {
      compare(text, situations, wanted, i % 3 != 0);
    }
  }
}

TEST_F(SatisfiableTest, AgreesWithTryingEveryRecord) {
  std::vector<AnswerRecord> records(1);
  records = ways(records, "age", {0, 15, 16, 17, 120});
  records = ways(records, "sex", {});
  records = ways(records, "medicines", {});
  std::vector<Situation> situations;
  for (const Situation& one : settled(records, {"age", "sex", "medicines"})) {
    for (int way = 0; way < 2 * 3 * 3 * 3 * 3; ++way) {
      int rest = way;
      const auto digit = [&rest](int base) { return std::exchange(rest, rest / base) % base; };
      Situation next = one;
      next.record.chosen[slot("medicines")] = static_cast<std::uint64_t>(digit(2));
      const int sex = digit(3);  // unknown, female, male
      next.record.known[slot("sex")] = sex != 0;
      next.record.chosen[slot("sex")] = sex == 0 ? 0U : 1U << (sex - 1);
      if (const int age = digit(3); age != 0) {
        next.record.age = whole(14 + age);
      }
      if (const int lab = digit(3); lab != 0) {
        next.record.labs[0] = {LabState::known, whole(lab + 1), 0};
      }
      next.fired[static_cast<std::size_t>(Tier::urgent)] = static_cast<Tri>(digit(3));
      situations.push_back(next);
    }
  }
  const std::vector<std::string> leaves{"age >= 16",         "age < 16",
                                        "is(male)",          "any(sex: male)",
                                        "med(lithium)",      "any(medicines: lithium)",
                                        "isNone(medicines)", "lab(k) < 3",
                                        "lab(k) >= 3",       "firedTier(urgent)"};
  std::mt19937 random(43);
  for (int i = 0; i < 60; ++i) {
    compare(random_criterion(random, leaves, 2), situations, i % 2 == 0 ? Tri::yes : Tri::no, true);
  }
}

TEST_F(SatisfiableTest, FixedAnswersStay) {
  AnswerRecord fixed;
  fixed.state[slot("weakness")] = ItemState::answered;
  fixed.chosen[slot("weakness")] = k_.items[slot("weakness")].none;
  settle_in_place(k_, fixed);
  SatisfiableQuery query;
  query.fixed = &fixed;
  query.wanted = {{root("any(weakness: arm)"), Tri::yes}};
  EXPECT_EQ(satisfiable(k_, query).possibility, Possibility::impossible);
  query.wanted = {{root("any(onset: days)"), Tri::yes}};  // not shown when there is no weakness
  EXPECT_EQ(satisfiable(k_, query).possibility, Possibility::impossible);
  query.wanted = {{root("num(cups) >= 5"), Tri::yes}};
  const Satisfiable found = satisfiable(k_, query);
  EXPECT_EQ(found.possibility, Possibility::possible);
  EXPECT_EQ(found.answers.chosen[slot("weakness")], fixed.chosen[slot("weakness")]);
}

TEST_F(SatisfiableTest, ChosenOptionsStayBesideAnUnsureAnswer) {
  AnswerRecord fixed;
  fixed.state[slot("weakness")] = ItemState::answered;
  fixed.chosen[slot("weakness")] = k_.items[slot("weakness")].unsure | 0b100U;  // tired
  settle_in_place(k_, fixed);
  SatisfiableQuery query;
  query.fixed = &fixed;
  query.may_stay_open = false;
  query.wanted = {{root("isNone(weakness)"), Tri::yes}};
  EXPECT_EQ(satisfiable(k_, query).possibility, Possibility::impossible);
  query.wanted = {{root("any(weakness: arm)"), Tri::yes}};
  EXPECT_EQ(satisfiable(k_, query).possibility, Possibility::possible);
}

TEST_F(SatisfiableTest, SeveralWantedValuesHoldTogether) {
  SatisfiableQuery query;
  query.wanted = {{root("any(weakness: arm)"), Tri::yes}, {root("any(onset: days)"), Tri::no}};
  EXPECT_EQ(satisfiable(k_, query).possibility, Possibility::possible);
  query.wanted.push_back({root("isNone(weakness)"), Tri::yes});
  EXPECT_EQ(satisfiable(k_, query).possibility, Possibility::impossible);
}

TEST_F(SatisfiableTest, NoneBesideAPositiveOptionOnlyInRawAnswers) {
  SatisfiableQuery query;
  query.wanted = {{root("any(weakness: none) and any(weakness: arm)"), Tri::yes}};
  EXPECT_EQ(satisfiable(k_, query).possibility, Possibility::impossible);
  query.raw = true;
  EXPECT_EQ(satisfiable(k_, query).possibility, Possibility::possible);
}

TEST_F(SatisfiableTest, TheStepBoundGivesUndecidedNotAWrongAnswer) {
  SatisfiableQuery query;
  query.wanted = {{root("any(weakness: arm) and any(onset: days) and num(cups) >= 5"), Tri::yes}};
  query.max_steps = 1;
  EXPECT_EQ(satisfiable(k_, query).possibility, Possibility::undecided);
}

}  // namespace
}  // namespace myoflag::rules
