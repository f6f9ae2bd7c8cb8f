// Which answers to open questions would move the tier. Changes of answers that were given are not
// shown: they would only say that the answer matters, and invite a reader to talk it away.
#include <algorithm>

#include "rules/explain/page.h"

namespace myoflag::rules::explaining {
namespace {

// What one screen bears.
constexpr std::size_t kChanges = 2;
constexpr std::size_t kOptions = 2;

bool is_open(const Gap& gap) { return gap.state != GapState::contradicted; }

bool is_open(const Page& page, const Item* item) {
  const auto& gaps = page.assessment().gaps;
  return std::any_of(gaps.begin(), gaps.end(),
                     [&](const Gap& gap) { return gap.item == item && is_open(gap); });
}

bool has_open_question(const Page& page) {
  const auto& gaps = page.assessment().gaps;
  return std::any_of(gaps.begin(), gaps.end(), [](const Gap& gap) { return is_open(gap); });
}

// Nobody can change an age or a sex.
bool is_about_person(const Page& page, const Item* item) {
  const auto index = static_cast<int>(item - page.knowledge().items.data());
  return index == page.knowledge().bindings.age || index == page.knowledge().bindings.sex;
}

bool depends_on_open_questions(const Page& page, const TierChange& change) {
  return std::all_of(change.answers.begin(), change.answers.end(), [&](const auto& answer) {
    return is_open(page, answer.item) && !is_about_person(page, answer.item);
  });
}

std::string change_text(const Page& page, const AnswerChange& change) {
  const std::string answer = change.number
                                 ? to_text(*change.number)
                                 : page.shortened(option_list(*change.item, change.any_of),
                                                  kOptions, " " + page.say("explain-or") + " ");
  return page.say("explain-change-answer", {{"question", change.item->label}, {"answer", answer}});
}

std::string tier_change_text(const Page& page, const TierChange& change) {
  Texts answers;
  for (const AnswerChange& answer : change.answers) {
    answers.push_back(change_text(page, answer));
  }
  return page.say("explain-change",
                  {{"tier", page.label(change.tier)},
                   {"answers", joined(answers, " " + page.say("explain-and") + " ")}});
}

// Urgent first: an open question is asked for what it could hide.
std::vector<const TierChange*> open_changes(const Page& page) {
  std::vector<const TierChange*> shown;
  for (const TierChange& change : page.assessment().changes) {
    if (depends_on_open_questions(page, change)) {
      shown.push_back(&change);
    }
  }
  std::stable_sort(shown.begin(), shown.end(),
                   [](const TierChange* a, const TierChange* b) { return a->tier > b->tier; });
  return shown;
}

}  // namespace

Lines changes(const Page& page) {
  const std::vector<const TierChange*> changes = open_changes(page);
  const std::size_t shown = page.shown(changes.size(), kChanges);
  Lines lines;
  for (std::size_t i = 0; i < shown; ++i) {
    lines.push_back(line(tier_change_text(page, *changes[i])));
  }
  if (shown < changes.size()) {
    lines.push_back(line(page.more(changes.size() - shown)));
  }
  if (!page.assessment().changes_complete && has_open_question(page)) {
    lines.push_back(line(page.say("explain-changes-cut")));
  }
  return lines;
}

}  // namespace myoflag::rules::explaining
