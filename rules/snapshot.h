#pragma once
// Compiled knowledge as bytes, so that the copy inside the executable is ready in about a
// millisecond. The bytes are for the same version of the program only: version and checksum are
// checked, and anything unexpected is refused.

#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "rules/knowledge.h"
#include "rules/problem.h"

namespace myoflag::rules {

std::string write_snapshot(const Knowledge& knowledge);

tl::expected<KnowledgePtr, Problem> read_snapshot(std::string_view bytes);

}  // namespace myoflag::rules
