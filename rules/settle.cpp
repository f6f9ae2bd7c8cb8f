#include "rules/settle.h"

namespace myoflag::rules {
namespace {

bool has_answer(ItemState state) {
  return state == ItemState::answered || state == ItemState::invalid;
}

Tri is_chosen(const EnableWhen& when, const Item& target, const AnswerRecord& answers) {
  const auto at = static_cast<std::size_t>(when.item);
  if ((answers.chosen[at] & when.options) != 0) {
    return Tri::yes;
  }
  switch (answers.state[at]) {
    case ItemState::not_shown:
      return Tri::no;
    case ItemState::answered:
      return (answers.chosen[at] & target.open()) != 0 ? Tri::unknown : Tri::no;
    default:
      return Tri::unknown;
  }
}

Tri is_another(const EnableWhen& when, const AnswerRecord& answers) {
  const auto at = static_cast<std::size_t>(when.item);
  if ((answers.chosen[at] & when.options) != 0 || answers.state[at] == ItemState::not_shown) {
    return Tri::no;
  }
  const bool is_whole = (answers.chosen[at] & kNotOffered) == 0;
  return answers.state[at] == ItemState::answered && is_whole ? Tri::yes : Tri::unknown;
}

Tri is_number(const EnableWhen& when, const AnswerRecord& answers) {
  const auto at = static_cast<std::size_t>(when.item);
  const auto compare = when.op == EnableWhen::Op::at_least ? Compare::at_least : Compare::at_most;
  switch (answers.state[at]) {
    case ItemState::not_shown:
      return Tri::no;
    case ItemState::answered:
      return tri(holds(answers.number[at], compare, when.limit));
    default:
      return Tri::unknown;
  }
}

Tri condition(const Knowledge& knowledge, const EnableWhen& when, const AnswerRecord& answers) {
  switch (when.op) {
    case EnableWhen::Op::is:
      return is_chosen(when, knowledge.items[static_cast<std::size_t>(when.item)], answers);
    case EnableWhen::Op::is_not:
      return is_another(when, answers);
    case EnableWhen::Op::at_least:
    case EnableWhen::Op::at_most:
      return is_number(when, answers);
  }
  return Tri::unknown;
}

ItemState state_without_answer(Tri visible) {
  switch (visible) {
    case Tri::yes:
      return ItemState::skipped;
    case Tri::unknown:
      return ItemState::not_asked;
    case Tri::no:
      return ItemState::not_shown;
  }
  return ItemState::not_asked;
}

// Groups keep their own visibility in `visible`; `aside` may be null.
void settle_items(const Knowledge& knowledge, AnswerRecord& answers, std::vector<SetAside>* aside) {
  std::array<Tri, kMaxItems> visible{};
  for (std::size_t i = 0; i < knowledge.items.size(); ++i) {
    const Item& item = knowledge.items[i];
    const Tri parent = item.parent < 0 ? Tri::yes : visible[static_cast<std::size_t>(item.parent)];
    visible[i] = parent && shown(knowledge, item, answers);
    if (item.type == ItemType::group || item.type == ItemType::display) {
      answers.state[i] = state_without_answer(visible[i]);
      continue;
    }
    if (!has_answer(answers.state[i])) {
      answers.state[i] = state_without_answer(visible[i]);
      answers.chosen[i] = 0;
    } else if (visible[i] == Tri::no) {
      if (aside != nullptr) {
        SetAside entry{SetAside::Why::disabled, static_cast<int>(i), answers.chosen[i], {}, {}};
        if (item.is_numeric()) {
          entry.number = answers.number[i];
        }
        aside->push_back(std::move(entry));
      }
      answers.state[i] = ItemState::not_shown;
      answers.chosen[i] = 0;
    }
  }
}

// `none` beside a positive option is ignored: the positive option wins.
void drop_contradicted_none(const Knowledge& knowledge, AnswerRecord& answers) {
  for (std::size_t i = 0; i < knowledge.items.size(); ++i) {
    if ((answers.chosen[i] & knowledge.items[i].positive()) != 0) {
      answers.chosen[i] &= ~knowledge.items[i].none;
    }
  }
}

}  // namespace

Tri shown(const Knowledge& knowledge, const Item& item, const AnswerRecord& answers) {
  if (item.enable.empty()) {
    return Tri::yes;
  }
  Tri value = item.enable_any ? Tri::no : Tri::yes;
  for (const auto& when : item.enable) {
    const Tri one = condition(knowledge, when, answers);
    value = item.enable_any ? value || one : value && one;
  }
  return value;
}

Settled settle(const Knowledge& knowledge, const AnswerRecord& given) {
  Settled settled;
  settled.facts.raw = given;
  settle_items(knowledge, settled.facts.raw, &settled.set_aside);
  settled.facts.answers = settled.facts.raw;
  drop_contradicted_none(knowledge, settled.facts.answers);
  return settled;
}

void settle_in_place(const Knowledge& knowledge, AnswerRecord& answers) {
  settle_items(knowledge, answers, nullptr);
  drop_contradicted_none(knowledge, answers);
}

}  // namespace myoflag::rules
