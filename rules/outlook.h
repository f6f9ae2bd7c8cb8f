#pragma once
// How open the result is: the bounds of the tier over every way the missing answers could turn out,
// and the smallest sets of answers that would move it. Both come from evaluating the criteria,
// never from guessing.

#include <span>
#include <vector>

#include "rules/assessment.h"
#include "rules/evaluate.h"

namespace myoflag::rules {

// Sound on both sides: no completion lies outside. A side is `reached` when a completion with that
// very tier was evaluated; then the bound is exact.
TierBounds tier_bounds(const Knowledge& knowledge, const Facts& facts, const EvaluateFlags& flags,
                       const Verdicts& verdicts);

// Searched: every change of one answer, and, when no single change lowers the tier, every
// pair among the questions that the deciding rules read. At most `kMaxEvaluations` records are
// evaluated and kMaxChanges sets returned.
inline constexpr int kMaxEvaluations = 4'000;
inline constexpr std::size_t kMaxChanges = 12;
std::vector<TierChange> tier_changes(const Knowledge& knowledge, const Facts& facts,
                                     const EvaluateFlags& flags, const Verdicts& verdicts);

// The answers worth trying for a question: each option of a single choice; `none` and each positive
// option alone of a multiple choice; numbers on both sides of every limit that a criterion or a
// display condition names.
struct Candidate {
  std::uint64_t chosen = 0;
  std::optional<Number> number;
};
std::vector<Candidate> candidates(const Knowledge& knowledge, int item);

}  // namespace myoflag::rules
