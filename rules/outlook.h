#pragma once
// How open the result is: the bounds of the tier over every way the missing answers could turn out,
// and the smallest sets of answers that would move it. Both come from evaluating the criteria,
// never from guessing.

#include <vector>

#include "rules/assessment.h"
#include "rules/evaluate.h"

namespace myoflag::rules {

// What the outlook is of. `flags.changed` counts for nothing: it is found anew for every set of
// answers tried. All of it must outlive the call.
struct Situation {
  const Knowledge& knowledge;
  const Facts& facts;
  EvaluateFlags flags;
  const AnswerRecord* previous = nullptr;  // settled answers of the last response
};

// What may be spent on one outlook, and what was, in evaluations of all rules. The search for
// answers that make one rule fire evaluates parts of criteria: so many of them count as one.
inline constexpr int kPartsPerEvaluation = 16;
struct Effort {
  int limit = 4'000;
  int spent = 0;

  bool left() const { return spent < limit; }
};

// Every question gets an answer that leaves nothing open; what was clearly answered, and what was
// ticked beside "not sure", stays. No completion lies outside the bounds. A side is `reached` when
// a completion with that very tier was evaluated: then it is exact. Where the search could not
// decide, or the effort was spent, the bound is the wider one, and not reached.
TierBounds tier_bounds(const Situation& situation, Effort& effort);

// Searched: every change of one answer, and, when no single change lowers the tier, every
// pair among the questions that the deciding rules read. Every change returned was evaluated. Of
// more than kMaxChanges those of each tier come first. `complete` is false when some were left out
// or the effort was spent.
inline constexpr std::size_t kMaxChanges = 12;
struct TierChanges {
  std::vector<TierChange> list;
  bool complete = true;
};
TierChanges tier_changes(const Situation& situation, const Verdicts& verdicts, Effort& effort);

}  // namespace myoflag::rules
