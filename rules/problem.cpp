#include "rules/problem.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include <fmt/format.h>

namespace myoflag::rules {
namespace {

constexpr std::size_t kMaxExcerpt = 300;

// What is wrong with a file as a whole comes first: much else may follow from it.
auto place_of(const Problem& p) {
  return std::tuple(p.line != 0, std::tie(p.file, p.line, p.column, p.code, p.text));
}

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

constexpr std::size_t kMostEdits = 2;  // of a suggestion

// Edits between two short words; any number above kMostEdits where there are more.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) {
    row[j] = j;
  }
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    std::size_t least = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
      least = std::min(least, row[j]);
    }
    if (least > kMostEdits) {
      return least;
    }
  }
  return row.back();
}

}  // namespace

std::string to_text(const Problem& problem) {
  std::string out = problem.file;
  if (problem.line != 0) {
    out += fmt::format(":{}:{}", problem.line, problem.column);
  }
  out += fmt::format("{}{}{}: {}\n", out.empty() ? "" : ": ",
                     problem.severity == Severity::warning ? "warning " : "", problem.code,
                     problem.text);
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

std::string suggestion(std::string_view wrong, std::span<const std::string_view> known) {
  constexpr std::size_t kLongest = 64;
  constexpr std::size_t kMostNames = 1000;
  std::string_view best;
  std::size_t best_distance = kMostEdits + 1;
  if (known.size() > kMostNames) {
    return "";
  }
  for (const auto word : known) {
    if (wrong.size() > kLongest || word.size() > kLongest) {
      continue;
    }
    const std::size_t edits = distance(wrong, word);
    if (edits < best_distance && edits < word.size()) {
      best = word;
      best_distance = edits;
    }
  }
  return best.empty() ? "" : fmt::format("; did you mean `{}`?", best);
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
