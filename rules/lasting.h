#pragma once
// What was ticked once and stays so: a disease that an earlier response names and this one does not
// is not gone. The earlier response counts as the record does, so the riskier of the two wins, and
// the difference is told.

#include "rules/assessment.h"

namespace myoflag::rules {

// Adds to the record what earlier responses say of lasting questions, each option once, from the
// newest response that says it; not what this response or the record says too.
void add_lasting(const Knowledge& knowledge, EvaluationInput& input);

}  // namespace myoflag::rules
