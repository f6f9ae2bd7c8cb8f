#pragma once
// Rules that read nothing but laboratory values, and could not read them: they do not fire, and are
// not excluded either.

#include "rules/assessment.h"

namespace myoflag::rules {

// The criterion is made of laboratory values alone.
bool reads_only_labs(const Knowledge& knowledge, const Rule& rule);

// Excluded by the evaluation, but only because values it reads are not known: none, not fetched,
// unusable or too old.
bool is_unjudged(const Assessment& assessment, const Finding& finding);

}  // namespace myoflag::rules
