#pragma once
// What earlier responses said and this one does not. First, red flags of theirs that do not fire.
// Nobody knows yet whether the danger is over or was never meant: beside them nobody is reassured.
// They raise no tier.

#include <vector>

#include "rules/assessment.h"
#include "rules/evaluate.h"

namespace myoflag::rules {

// The red flags that fired on any earlier response, by index, each once. What the record says
// counts then as it does now. Of responses before the last completed one, answers whose question
// names a time count only as long as this response was asked about that time too.
std::vector<int> earlier_flags(const Knowledge& knowledge, const EvaluationInput& input);

// Those that do not fire in `verdicts`, each on the newest form where it did; the most urgent
// first.
std::vector<VanishedFlag> vanished_flags(const Knowledge& knowledge, const EvaluationInput& input,
                                         const Verdicts& verdicts);

// What kept the benign gate closed on an earlier response and is denied now, though no red flag
// rested on it, by form, newest first; each option once. It counts as long as the longest time that
// a question looks back; what cannot become untrue always, also where it was not asked again. It
// moves nothing: it is told.
std::vector<DeniedAnswers> denied_answers(const Knowledge& knowledge, const EvaluationInput& input);

}  // namespace myoflag::rules
