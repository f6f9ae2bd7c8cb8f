#pragma once
// What the patient ticked, and what the record names, that no finding rests on. A clinician must
// see it: nothing that was said is lost because no rule asked for it.

#include <vector>

#include "rules/assessment.h"

namespace myoflag::rules {

// In the order of the form, the patient's before the record's: chosen options of the questions that
// offer "none of these", of those by which some red flag is known, and of those that only the
// clinician reads, as far as none of `told` names them; and laboratory values, medicines and
// conditions of the record. Points into the assessment.
std::vector<Evidence> other_answers(const Assessment& assessment,
                                    const std::vector<const Finding*>& told);

}  // namespace myoflag::rules
