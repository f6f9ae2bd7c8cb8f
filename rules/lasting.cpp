#include "rules/lasting.h"

#include "rules/wording.h"

namespace myoflag::rules {
namespace {

RecordEntry entry_of(const Knowledge& knowledge, int item, std::uint64_t option, std::string text,
                     const EarlierForm& form) {
  const auto when = authored_text(form.response);
  RecordEntry entry;
  entry.kind = item == knowledge.bindings.medicines ? RecordEntry::Kind::medicine
                                                    : RecordEntry::Kind::condition;
  entry.item = item;
  entry.options = option;
  entry.text = say(knowledge, when.empty() ? "earlier-answer-undated" : "earlier-answer",
                   {{"answer", text}, {"when", when}});
  entry.reference = form.reference;
  entry.when = form.response.authored;
  return entry;
}

void add_of(const Knowledge& knowledge, int item, const EarlierForm& form, EvaluationInput& input) {
  const auto at = static_cast<std::size_t>(item);
  const Item& it = knowledge.items[at];
  std::uint64_t& known = input.facts.record.chosen[at];
  const std::uint64_t missing =
      form.answers.chosen[at] & it.positive() & ~(input.facts.answers.chosen[at] | known);
  for (std::size_t i = 0; i < it.options.size(); ++i) {
    const std::uint64_t option = std::uint64_t{1} << i;
    if ((missing & option) != 0) {
      input.record.push_back(entry_of(knowledge, item, option, it.options[i].text, form));
    }
  }
  known |= missing;
}

}  // namespace

void add_lasting(const Knowledge& knowledge, EvaluationInput& input) {
  for (std::size_t i = 0; i < knowledge.items.size(); ++i) {
    if (knowledge.items[i].lasting) {
      for (const EarlierForm& form : input.earlier) {
        add_of(knowledge, static_cast<int>(i), form, input);
      }
    }
  }
}

}  // namespace myoflag::rules
