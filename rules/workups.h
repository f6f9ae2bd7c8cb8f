#pragma once
// The over-testing guard: which tests the fired rules propose, which are withheld and why, which
// were done already.

#include <span>
#include <vector>

#include "rules/assessment.h"

namespace myoflag::rules {

// The answers tell a caution for some test, or leave one open: a proposal may then have a note that
// it has not for everybody.
bool tells_caution(const Knowledge& knowledge, const AnswerRecord& answers);

std::vector<WorkupRow> propose_workups(const Knowledge& knowledge, const EvaluationInput& input,
                                       std::span<const Finding> findings);

}  // namespace myoflag::rules
