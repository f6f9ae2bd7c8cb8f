#pragma once
// What assess() finds out, for one plain form and nothing beside it: no record, no earlier form, no
// doubt. The same results, but in a shape that one thread uses again and again, and without the
// texts that only a reader of explanations needs. For batches, where most of the time would go into
// memory that is asked for and given back. assess() is the measure of it (tests/batch).

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rules/assessment.h"
#include "rules/evaluate.h"
#include "rules/knowledge.h"

namespace myoflag::rules {

// One bit for each item of the form.
struct ItemSet {
  std::array<std::uint64_t, kMaxItems / 64> words{};

  void add(std::size_t item) { words[item / 64] |= std::uint64_t{1} << (item % 64); }
  bool has(std::size_t item) const { return (words[item / 64] >> (item % 64) & 1U) != 0; }
  bool is_empty() const { return (words[0] | words[1]) == 0; }

  friend ItemSet operator&(const ItemSet& a, const ItemSet& b) {
    return {{a.words[0] & b.words[0], a.words[1] & b.words[1]}};
  }

  // In the order of the form.
  template <typename Visit>
  void each(const Visit& visit) const {
    for (std::size_t word = 0; word < words.size(); ++word) {
      for (std::uint64_t rest = words[word]; rest != 0; rest &= rest - 1) {
        visit(word * 64 + static_cast<std::size_t>(__builtin_ctzll(rest)));
      }
    }
  }
};
static_assert(kMaxItems == 128);

// What holds where nothing fired that names a target.
const Target& no_target();

struct QuickFinding {
  const Rule* rule = nullptr;
  const Target* target = nullptr;
  FindingStatus status = FindingStatus::excluded;
  ItemSet because;               // answers of the patient that speak for it
  std::size_t first_option = 0;  // in QuickAssessment::options, one for each item of `because`
  ItemSet missing;
};

// A stretch of QuickAssessment::rules.
struct RuleRange {
  std::size_t begin = 0, end = 0;
};

struct QuickWorkup {
  int workup = -1;
  bool withheld = false;
  Tier tier = Tier::routine;
  const Target* target = nullptr;
  RuleRange because;
};

struct QuickGap {
  std::size_t item = 0;
  GapState state = GapState::skipped;
  std::optional<Tier> could_raise_to;
  RuleRange rules;
};

// Members as in Assessment, in the same order.
struct QuickAssessment {
  Verdicts verdicts;
  Tier tier = Tier::routine;
  const Target* target = nullptr;  // never null after assess
  bool check_first = false;
  std::vector<QuickFinding> findings;
  std::vector<std::uint64_t> options;
  std::vector<QuickWorkup> workups;
  std::vector<QuickGap> gaps;
  std::vector<const Rule*> rules;
  std::vector<const std::string*> patient_advice_ids;
  std::vector<Notice> notices;
  std::vector<const std::string*> said;  // what the patient is told
};

// Immutable; shared by threads.
class QuickRules {
 public:
  explicit QuickRules(KnowledgePtr knowledge);

  // False, and nothing said, when there is more to the input than a plain form.
  bool assess(const EvaluationInput& input, QuickAssessment& out) const;

  struct Static {
    std::vector<const Rule*> order;  // rules and gaps that can be findings, as findings are sorted
    std::vector<bool> asks_for_false;        // by order: an unknown part may hide behind its "no"
    std::vector<std::vector<int>> suggests;  // by rule: workups that it may suggest
    std::vector<std::uint64_t> open;         // by item: answers after which it is still open
  };

 private:
  KnowledgePtr knowledge_;
  Static static_;
};

}  // namespace myoflag::rules
