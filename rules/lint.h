#pragma once
// A closer look at knowledge than loading takes: criteria that can never hold, things nobody uses,
// facts that nothing covers, rules that no worked case shows.

#include "rules/loader.h"
#include "rules/problem.h"

namespace myoflag::rules {

// Everything that is wrong, or may be: the problems of loading, and when there are none, those of
// the closer look. Criteria that are never true or never false are errors; the rest are warnings.
Problems lint(const KnowledgeFiles& files);

}  // namespace myoflag::rules
