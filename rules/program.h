#pragma once
// Criteria compiled to one flat program over Facts. Evaluation follows the program from a root,
// stops as soon as the answer is decided, and allocates nothing.

#include <array>
#include <cstdint>
#include <vector>

#include "rules/answers.h"
#include "rules/criterion.h"
#include "rules/tri.h"

namespace myoflag::rules {

struct Knowledge;

// Nodes stand in prefix order; the children of a node are the nodes between it and `end`. The items
// of a sum are its children, of kind number.
struct Op {
  Criterion::Kind kind = Criterion::Kind::all;
  Compare compare = Compare::at_least;
  bool benign = false;     // age: where patient and record differ, false wins instead of true
  std::uint16_t item = 0;  // item or lab
  std::uint32_t end = 0;   // index after the last descendant
  std::uint64_t mask =
      0;  // options; tiers of firedTier; below a sum: four bits of score for each option
  std::uint64_t open = 0;  // answers that leave the form unknown: unsure, prefer-not, "could be"
  std::uint64_t could_be = 0;  // of is: answers that stay unknown whatever the record says
  Number limit;                // also the limit of count
  std::int32_t max_age = 0;    // lab: days
};

// How answers that are missing are read.
enum class Reading : std::uint8_t {
  given,       // skipped is unknown; answered() and unsure() are decided
  unresolved,  // as given, but isFalse of something unknown is unknown instead of no: what is not
               // excluded
  open,  // every missing answer may still turn out any way, also against the record: answered()
         // of it is yes or unknown, and nobody is unsure
};

// Which of the tiers have fired, for firedTier: yes, no, or unknown while a rule of it is unknown.
using FiredTiers = std::array<Tri, 5>;

struct Program {
  std::vector<Op> ops;
  std::vector<std::uint32_t> roots;

  Tri evaluate(int root, const AnswerRecord& answers, const RecordFacts& record,
               const FiredTiers& fired, Reading reading = Reading::given) const;

  // The value of any node, for explanation.
  Tri evaluate_at(std::size_t node, const AnswerRecord& answers, const RecordFacts& record,
                  const FiredTiers& fired, Reading reading = Reading::given) const;
};

struct CompileError {
  std::size_t offset = 0;  // in the criterion's text
  std::string text;        // empty: what is wrong stands elsewhere
  int item = -1;           // of the question that does not fit the form
};

struct CompileOptions {
  bool benign = false;  // reassurance: where patient and record differ, it does not hold
  int lab_max_age = 0;  // days
};

// Appends the criterion to knowledge.program; returns the root, and every unknown name in `errors`.
int compile(const Criterion& criterion, const CompileOptions& options, Knowledge& knowledge,
            std::vector<CompileError>& errors);

}  // namespace myoflag::rules
