#include "rules/since_last.h"

#include <algorithm>

namespace myoflag::rules {
namespace {

// What would be new, if it were chosen.
std::uint64_t options_to_gain(const Knowledge& knowledge, const AnswerRecord* previous, int item) {
  const auto at = static_cast<std::size_t>(item);
  const Item& it = knowledge.items[at];
  if (previous == nullptr || previous->state[at] != ItemState::answered) {
    return 0;
  }
  const std::uint64_t before = previous->chosen[at];
  const auto& grew = knowledge.change.grew;
  const bool counts_growth = std::find(grew.begin(), grew.end(), item) != grew.end();
  return before == it.none || counts_growth ? it.positive() & ~before : 0;
}

}  // namespace

std::uint64_t changed_options(const Knowledge& knowledge, const AnswerRecord* previous,
                              const AnswerRecord& answers, int item) {
  return answers.chosen[static_cast<std::size_t>(item)] &
         options_to_gain(knowledge, previous, item);
}

bool may_have_changed(const Knowledge& knowledge, const AnswerRecord* previous,
                      const AnswerRecord& answers, int item) {
  const auto at = static_cast<std::size_t>(item);
  const ItemState state = answers.state[at];
  const bool clear =
      state == ItemState::not_shown ||
      (state == ItemState::answered && (answers.chosen[at] & knowledge.items[at].open()) == 0);
  return !clear && options_to_gain(knowledge, previous, item) != 0 &&
         changed_options(knowledge, previous, answers, item) == 0;
}

Tri changed_since_last(const Knowledge& knowledge, const AnswerRecord* previous,
                       const AnswerRecord& answers) {
  Tri changed = Tri::no;
  for (const int item : knowledge.change.items) {
    const bool gained = changed_options(knowledge, previous, answers, item) != 0;
    const bool open = may_have_changed(knowledge, previous, answers, item);
    changed = changed || (gained ? Tri::yes : open ? Tri::unknown : Tri::no);
  }
  return changed;
}

}  // namespace myoflag::rules
