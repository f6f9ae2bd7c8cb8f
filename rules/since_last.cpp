#include "rules/since_last.h"

#include <algorithm>

namespace myoflag::rules {
namespace {

// The form of then did not offer every answer, so that what is chosen now need not be new.
bool was_partly_asked(const AnswerRecord* previous, int item) {
  return previous != nullptr &&
         (previous->chosen[static_cast<std::size_t>(item)] & kNotOffered) != 0;
}

// "None", of all answers or of those that were offered.
bool said_none(const Item& item, std::uint64_t chosen) {
  const bool of_a_part = (chosen & kNotOffered) != 0 &&
                         (chosen & (item.positive() | item.unsure | item.declined)) == 0;
  return chosen == item.none || of_a_part;
}

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
  return said_none(it, before) || counts_growth ? it.positive() & ~before : 0;
}

}  // namespace

std::uint64_t changed_options(const Knowledge& knowledge, const AnswerRecord* previous,
                              const AnswerRecord& answers, int item) {
  return was_partly_asked(previous, item) ? 0
                                          : answers.chosen[static_cast<std::size_t>(item)] &
                                                options_to_gain(knowledge, previous, item);
}

bool may_have_changed(const Knowledge& knowledge, const AnswerRecord* previous,
                      const AnswerRecord& answers, int item) {
  const auto at = static_cast<std::size_t>(item);
  const ItemState state = answers.state[at];
  const bool clear =
      state == ItemState::not_shown ||
      (state == ItemState::answered && (answers.chosen[at] & knowledge.items[at].open()) == 0);
  const std::uint64_t gain = options_to_gain(knowledge, previous, item);
  if (was_partly_asked(previous, item) && (answers.chosen[at] & gain) != 0) {
    return true;
  }
  return !clear && gain != 0 && changed_options(knowledge, previous, answers, item) == 0;
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
