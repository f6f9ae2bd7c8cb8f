#pragma once
// A problem in a knowledge file, with the place an author must look at.

#include <cstddef>
#include <string>
#include <vector>

namespace myoflag::rules {

struct Problem {
  std::string code;  // "MF-2104", explained in docs/errors.md
  std::string text;  // one sentence
  std::string file;  // relative to the knowledge folder
  std::size_t line = 0;    // 1-based
  std::size_t column = 0;  // 1-based
  std::string excerpt;     // the offending line
};

using Problems = std::vector<Problem>;

// "rules/urgent.yaml:12:9: MF-2104: unknown option ...", the line, and a caret under the column.
std::string to_text(const Problem& problem);

}  // namespace myoflag::rules
