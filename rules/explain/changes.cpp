// Which answers to open questions would move the tier. Changes of answers that were given are not
// shown: they would only say that the answer matters, and invite a reader to talk it away.
#include <algorithm>

#include "rules/explain/page.h"

namespace myoflag::rules::explaining {
namespace {

// What one screen bears.
constexpr std::size_t kChanges = 2;
constexpr std::size_t kOptions = 2;

bool is_open(const Page& page, const Item* item) {
  const auto& gaps = page.assessment().gaps;
  return std::any_of(gaps.begin(), gaps.end(), [&](const Gap& gap) {
    return gap.item == item && gap.state != GapState::contradicted;
  });
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

// Urgent first: an open question is asked for what it could hide.
std::vector<const TierChange*> shown_changes(const Page& page) {
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
  Lines lines;
  const std::vector<const TierChange*> shown = shown_changes(page);
  for (const TierChange* change : shown) {
    if (lines.size() >= page.limit(kChanges)) {
      lines.push_back(line(page.more(shown.size() - lines.size())));
      break;
    }
    Texts answers;
    for (const AnswerChange& answer : change->answers) {
      answers.push_back(change_text(page, answer));
    }
    lines.push_back(line(page.say(
        "explain-change", {{"tier", page.label(change->tier)},
                           {"answers", joined(answers, " " + page.say("explain-and") + " ")}})));
  }
  return lines;
}

}  // namespace myoflag::rules::explaining
