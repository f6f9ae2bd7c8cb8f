#pragma once
// A problem in a knowledge file, with the place an author must look at.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace myoflag::rules {

enum class Severity : std::uint8_t {
  error,    // the knowledge cannot be used
  warning,  // it can, but an author should look
};

struct Problem {
  std::string code;        // "MF-2014", explained in docs/errors/
  std::string text;        // one sentence
  std::string file;        // relative to the knowledge folder
  std::size_t line = 0;    // 1-based; 0: the file as a whole
  std::size_t column = 0;  // 1-based, in characters
  std::string excerpt;     // the offending line, printable
  Severity severity = Severity::error;

  friend bool operator==(const Problem&, const Problem&) = default;
};

using Problems = std::vector<Problem>;

// "rules/urgent.yaml:12:9: MF-2014: unknown option ...", the line, and a caret under the column. A
// warning says so.
std::string to_text(const Problem& problem);

// By file, line and column; the same problem at the same place stays once.
void sort_problems(Problems& problems);

// "; did you mean `x`?", or nothing: also where there are too many names to compare with.
std::string suggestion(std::string_view wrong, std::span<const std::string_view> known);

// The line as one can print it: bytes that are not text, and control characters, become `?`; long
// lines are cut.
std::string excerpt_of(std::string_view line);

}  // namespace myoflag::rules
