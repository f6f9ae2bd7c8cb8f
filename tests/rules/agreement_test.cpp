// The compiled program and the naive evaluator say the same of every rule, every gap and the tier:
// on every worked case and on a million random forms.

#include <algorithm>
#include <array>
#include <cstdlib>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include "tests/rules/naive_evaluator.h"
#include "tests/support/random_forms.h"

namespace myoflag::rules::testing {
namespace {

#ifdef MYOFLAG_SANITIZED
constexpr std::size_t kForms = 60'000;  // instrumented builds are many times slower
#else
constexpr std::size_t kForms = 1'000'000;
#endif
constexpr std::size_t kShards = 8;

// MYOFLAG_RANDOM_FORMS asks for more, or, while a rule is being written, for fewer.
std::size_t form_count() {
  const char* wanted = std::getenv("MYOFLAG_RANDOM_FORMS");
  return wanted != nullptr ? std::strtoul(wanted, nullptr, 10) : kForms;
}

// The one rule with a limit of its own for the age of laboratory values.
const std::map<std::string, int, std::less<>> kLabDays{{"em-critical-electrolyte", 7}};

std::string_view word(Tri value) {
  return value == Tri::yes ? "yes" : value == Tri::no ? "no" : "unknown";
}

// Empty when they agree.
std::string difference(const Knowledge& knowledge, const Verdicts& compiled,
                       const NaiveVerdicts& naive) {
  std::string text;
  const auto compare = [&](const std::vector<Rule>& rules, const auto& ours, const auto& theirs) {
    for (std::size_t i = 0; i < rules.size(); ++i) {
      if (ours[i] != theirs[i]) {
        text += rules[i].id + ": compiled " + std::string(word(ours[i])) + ", naive " +
                std::string(word(theirs[i])) + "\n";
      }
    }
  };
  compare(knowledge.rules, compiled.rules, naive.rules);
  compare(knowledge.gaps, compiled.gaps, naive.gaps);
  if (compiled.tier != naive.tier) {
    text += "tier: compiled " + std::string(code_of(compiled.tier)) + ", naive " +
            std::string(code_of(naive.tier)) + "\n";
  }
  if (compiled.under_age != naive.under_age) {
    text += "under age: differs\n";
  }
  return text;
}

TEST(AgreementTest, HoldsOnEveryWorkedCase) {
  const auto& knowledge = *twitching();
  const Names names(knowledge);
  NaiveEvaluator naive(knowledge, kLabDays);
  for (const auto& one : knowledge.cases) {
    const Form form = form_of(one);
    EXPECT_EQ(difference(knowledge, names.verdicts(form), naive.evaluate(form)), "") << one.name;
  }
}

struct Reached {
  std::array<std::size_t, kTiers.size()> tiers{};
  std::vector<std::size_t> rules, gaps;
};

void count(const Verdicts& verdicts, Reached& reached) {
  ++reached.tiers[static_cast<std::size_t>(verdicts.tier)];
  for (std::size_t i = 0; i < reached.rules.size(); ++i) {
    reached.rules[i] += verdicts.rules[i] == Tri::yes ? 1U : 0U;
  }
  for (std::size_t i = 0; i < reached.gaps.size(); ++i) {
    reached.gaps[i] += verdicts.gaps[i] == Tri::yes ? 1U : 0U;
  }
}

class Comparison {
 public:
  Comparison() {
    reached_.rules.resize(twitching()->rules.size());
    reached_.gaps.resize(twitching()->gaps.size());
  }

  void shard(std::uint64_t seed, std::size_t forms) {
    const auto& knowledge = *twitching();
    const Names names(knowledge);
    NaiveEvaluator naive(knowledge, kLabDays);
    RandomForms random(knowledge, seed);
    Reached reached;
    reached.rules.resize(knowledge.rules.size());
    reached.gaps.resize(knowledge.gaps.size());
    for (std::size_t i = 0; i < forms; ++i) {
      const Form form = random.next();
      const Verdicts compiled = names.verdicts(form);
      const std::string differs = difference(knowledge, compiled, naive.evaluate(form));
      count(compiled, reached);
      if (!differs.empty()) {
        const std::lock_guard lock(mutex_);
        ++differences_;
        if (differences_ <= 5) {
          first_ += to_text(form) + "\n" + differs + "\n";
        }
      }
    }
    add(reached);
  }

  std::size_t differences() const { return differences_; }
  const std::string& first() const { return first_; }
  const Reached& reached() const { return reached_; }

 private:
  void add(const Reached& one) {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < one.tiers.size(); ++i) {
      reached_.tiers[i] += one.tiers[i];
    }
    for (std::size_t i = 0; i < one.rules.size(); ++i) {
      reached_.rules[i] += one.rules[i];
    }
    for (std::size_t i = 0; i < one.gaps.size(); ++i) {
      reached_.gaps[i] += one.gaps[i];
    }
  }

  std::mutex mutex_;
  std::size_t differences_ = 0;
  std::string first_;
  Reached reached_;
};

// The shards are the same wherever they run, whatever the number of processors.
TEST(AgreementTest, HoldsOnAMillionRandomFormsThatReachEveryTierAndEveryRule) {
  Comparison comparison;
  const std::size_t workers = std::max(1U, std::min(8U, std::thread::hardware_concurrency()));
  std::vector<std::thread> threads;
  for (std::size_t worker = 0; worker < workers; ++worker) {
    threads.emplace_back([&comparison, worker, workers] {
      for (std::size_t shard = worker; shard < kShards; shard += workers) {
        comparison.shard(20'261'122 + shard, form_count() / kShards);
      }
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(comparison.differences(), 0U) << comparison.first();

  const auto& knowledge = *twitching();
  const auto& reached = comparison.reached();
  for (const auto tier : kTiers) {
    const auto share = reached.tiers[static_cast<std::size_t>(tier)];
    EXPECT_GT(share, form_count() / 100) << code_of(tier);
    RecordProperty(std::string(code_of(tier)), std::to_string(share));
  }
  for (std::size_t i = 0; i < knowledge.rules.size(); ++i) {
    EXPECT_GT(reached.rules[i], 0U) << knowledge.rules[i].id << " never fired";
  }
  for (std::size_t i = 0; i < knowledge.gaps.size(); ++i) {
    EXPECT_GT(reached.gaps[i], 0U) << knowledge.gaps[i].id << " never fired";
  }
}

}  // namespace
}  // namespace myoflag::rules::testing
