#pragma once
// An explanation as GitHub-flavoured markdown in which no text of a patient or a record can become
// a heading, a link, a picture or HTML.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "rules/explain.h"

namespace myoflag::cds {

// One line, with what markdown would read as more than text taken at its word.
std::string markdown_escaped(std::string_view text);

// Each a paragraph or a list item with its line end.
std::string markdown_lines(const std::vector<rules::Line>& lines);
std::string markdown_section(const rules::Section& section);

}  // namespace myoflag::cds
