#pragma once
// A closer look at knowledge than loading takes: parts of criteria that do nothing, things nobody
// uses, facts that nothing covers, rules that no worked case shows.

#include "rules/loader.h"
#include "rules/problem.h"

namespace myoflag::rules {

// Everything that is wrong, or may be: the problems of loading and, when every name is known, the
// warnings of the closer look.
Problems lint(const KnowledgeFiles& files);

}  // namespace myoflag::rules
