#pragma once
// Knowledge as Markdown for people: the rule book, and the trace from each source fact to what
// covers it and where that comes from. Same knowledge, same bytes.

#include <string>

#include "rules/knowledge.h"

namespace myoflag::cli {

std::string rule_book(const rules::Knowledge& knowledge);
std::string seed_trace(const rules::Knowledge& knowledge);

}  // namespace myoflag::cli
