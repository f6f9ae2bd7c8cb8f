#pragma once
// For measuring: the twitching module with its rules replaced by plain conditions, "this option is
// chosen", as rule engines are usually measured with. Rules are named plain-0, plain-1 ...

#include <cstddef>

#include "rules/knowledge.h"

namespace myoflag::rules::testing {

// Throws std::logic_error when the module has fewer options than `count`.
KnowledgePtr plain_conditions(const Knowledge& knowledge, std::size_t count);

}  // namespace myoflag::rules::testing
