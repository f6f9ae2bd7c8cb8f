#include "rules/problem.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

namespace myoflag::rules {
namespace {

constexpr std::size_t kMaxExcerpt = 300;

auto place_of(const Problem& p) { return std::tie(p.file, p.line, p.column, p.code, p.text); }

// Tabs stay, so that the caret stands under its column however wide a tab is drawn.
std::string indent_under(const Problem& problem) {
  std::string indent;
  std::size_t column = 1;
  for (std::size_t i = 0; i < problem.excerpt.size() && column < problem.column; ++i) {
    const char c = problem.excerpt[i];
    if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U) {
      indent += c == '\t' ? '\t' : ' ';
      ++column;
    }
  }
  return indent;
}

}  // namespace

std::string to_text(const Problem& problem) {
  std::string out = problem.file;
  if (problem.line != 0) {
    out += fmt::format(":{}:{}", problem.line, problem.column);
  }
  out += fmt::format(": {}{}: {}\n", problem.severity == Severity::warning ? "warning " : "",
                     problem.code, problem.text);
  if (!problem.excerpt.empty()) {
    out += fmt::format("  {}\n  {}^\n", problem.excerpt, indent_under(problem));
  }
  return out;
}

void sort_problems(Problems& problems) {
  std::stable_sort(problems.begin(), problems.end(),
                   [](const Problem& a, const Problem& b) { return place_of(a) < place_of(b); });
  problems.erase(std::unique(problems.begin(), problems.end()), problems.end());
}

std::string excerpt_of(std::string_view line) {
  std::string out;
  for (std::size_t at = 0; at < line.size() && out.size() < kMaxExcerpt;) {
    const auto lead = static_cast<unsigned char>(line[at]);
    std::size_t length = 1;
    if (lead >= 0xC2 && lead <= 0xF4) {
      length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    }
    bool good = at + length <= line.size() && (lead >= 0xC2 || lead < 0x80) && lead <= 0xF4 &&
                (lead >= 0x20 || lead == '\t') && lead != 0x7F;
    for (std::size_t i = 1; good && i < length; ++i) {
      good = (static_cast<unsigned char>(line[at + i]) & 0xC0U) == 0x80U;
    }
    out += good ? line.substr(at, length) : std::string_view("?");
    at += good ? length : 1;
  }
  return out;
}

}  // namespace myoflag::rules
