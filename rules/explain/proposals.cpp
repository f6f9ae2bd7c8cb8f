// What to consider, what to do about it, and what is not proposed.
#include <algorithm>
#include <limits>
#include <map>

#include "rules/explain/page.h"

namespace myoflag::rules::explaining {
namespace {

constexpr std::size_t kHypothesisLines = 6;  // what one screen bears

// The findings that a hypothesis rests on: how urgent the most urgent is, and their numbers.
using Support = std::pair<Tier, std::vector<std::size_t>>;

Support support_of(const Page& page, const HypothesisRow& row) {
  Tier most = Tier::self_care;
  for (const Rule* rule : row.rules) {
    most = std::max(most, rule->tier);
  }
  return {most, page.sorted_numbers(row.rules)};
}

// The more urgent first, for a number does not tell: a finding that says nothing new stands with
// the one that says it. Then the one with the first finding, then the one with more of them.
struct BetterSupported {
  bool operator()(const Support& one, const Support& other) const {
    if (one.first != other.first) {
      return one.first > other.first;
    }
    const auto& a = one.second;
    const auto& b = other.second;
    const std::size_t first_a = a.empty() ? std::numeric_limits<std::size_t>::max() : a.front();
    const std::size_t first_b = b.empty() ? std::numeric_limits<std::size_t>::max() : b.front();
    if (first_a != first_b) {
      return first_a < first_b;
    }
    return a.size() != b.size() ? a.size() > b.size() : a < b;
  }
};

// Categories in the order of their most urgent test.
std::vector<std::string_view> proposed_categories(const Page& page) {
  std::vector<std::string_view> categories;
  for (const WorkupRow& row : page.assessment().workups) {
    const std::string_view category = row.workup->category;
    if (row.status == WorkupStatus::proposed &&
        std::find(categories.begin(), categories.end(), category) == categories.end()) {
      categories.push_back(category);
    }
  }
  return categories;
}

using TestsByNote = std::vector<std::pair<std::string, Texts>>;

void note_tests(const WorkupRow& row, TestsByNote& notes) {
  for (const std::string& note : row.notes) {
    const auto same = std::find_if(notes.begin(), notes.end(),
                                   [&](const auto& one) { return one.first == note; });
    if (same == notes.end()) {
      notes.push_back({note, {row.workup->text}});
    } else {
      same->second.push_back(row.workup->text);
    }
  }
}

void add_test(const Page& page, const WorkupRow& row, Lines& lines) {
  lines.push_back(line(page.say("explain-workup", {{"test", row.workup->text},
                                                   {"findings", page.numbers_of(row.because)}}),
                       {}, 1));
  lines.back().workup = row.workup->code;
  if (!row.against.empty()) {
    lines.push_back(line(
        page.say("explain-workup-against", {{"findings", page.numbers_of(row.against)}}), {}, 2));
  }
}

void add_category(const Page& page, std::string_view category, Lines& lines) {
  lines.push_back(
      line(page.say("explain-category-" + std::string(category)), {}, 0, Line::Style::strong));
  TestsByNote notes;
  for (const WorkupRow& row : page.assessment().workups) {
    if (row.status == WorkupStatus::proposed && row.workup->category == category) {
      add_test(page, row, lines);
      note_tests(row, notes);
    }
  }
  for (const auto& [note, tests] : notes) {
    lines.push_back(line(
        page.say("explain-workup-note", {{"tests", joined(tests, ", ")}, {"note", note}}), {}, 1));
  }
}

std::string done_text(const Page& page, const RecordEntry* entry) {
  if (entry == nullptr) {
    return {};
  }
  Texts parts{entry->text};
  if (entry->when) {
    parts.push_back(page.say("explain-done-when", {{"when", moment_text(*entry->when)}}));
  }
  if (!entry->reference.empty()) {
    parts.push_back(entry->reference);
  }
  return joined(parts, ", ");
}

std::string not_proposed_text(const Page& page, const WorkupRow& row) {
  if (row.status == WorkupStatus::withheld) {
    return page.say("explain-withheld", {{"test", row.workup->text},
                                         {"findings", page.numbers_of(row.because)},
                                         {"against", page.numbers_of(row.against)}});
  }
  return page.say("explain-done",
                  {{"test", row.workup->text}, {"done", done_text(page, row.done)}});
}

}  // namespace

Lines hypotheses(const Page& page) {
  std::map<Support, Texts, BetterSupported> by_findings;
  for (const HypothesisRow& row : page.assessment().hypotheses) {
    by_findings[support_of(page, row)].push_back(row.hypothesis->text);
  }
  const std::size_t shown = page.shown(by_findings.size(), kHypothesisLines);
  Lines lines;
  std::size_t left = 0;
  for (const auto& [support, texts] : by_findings) {
    if (lines.size() < shown) {
      lines.push_back(
          line(page.say("explain-hypotheses", {{"hypotheses", joined(texts, "; ")},
                                               {"findings", joined_numbers(support.second)}})));
    } else {
      left += texts.size();
    }
  }
  if (left > 0) {
    lines.push_back(line(page.more(left)));
  }
  return lines;
}

Lines workups(const Page& page) {
  Lines lines;
  for (const std::string_view category : proposed_categories(page)) {
    add_category(page, category, lines);
  }
  return lines;
}

Lines withheld(const Page& page) {
  Lines lines;
  for (const WorkupRow& row : page.assessment().workups) {
    if (row.status == WorkupStatus::proposed) {
      continue;
    }
    lines.push_back(line(not_proposed_text(page, row)));
    for (const std::string& note : row.notes) {
      lines.push_back(line(note, {}, 1));
    }
  }
  return lines;
}

}  // namespace myoflag::rules::explaining
