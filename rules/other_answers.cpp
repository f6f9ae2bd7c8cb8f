#include "rules/other_answers.h"

#include <algorithm>
#include <bitset>

#include "rules/notices.h"

namespace myoflag::rules {
namespace {

using Told = std::vector<const Finding*>;

template <typename Matches>
bool is_told(const Told& told, Matches matches) {
  return std::any_of(told.begin(), told.end(), [&](const Finding* finding) {
    return std::any_of(finding->because.begin(), finding->because.end(), matches);
  });
}

std::uint64_t told_options(const Told& told, const Item& item) {
  std::uint64_t options = 0;
  for (const Finding* finding : told) {
    for (const Evidence& one : finding->because) {
      options |= one.item == &item && one.origin == Origin::patient ? one.options : 0;
    }
  }
  return options;
}

// Questions by whose options some red flag is known.
std::bitset<kMaxItems> red_flag_items(const Knowledge& knowledge) {
  using Kind = Criterion::Kind;
  const auto& program = knowledge.program;
  std::bitset<kMaxItems> items;
  for (const Rule& rule : knowledge.rules) {
    if (!knowledge.is_red_flag(rule) || rule.root < 0) {
      continue;
    }
    const std::size_t root = program.roots[static_cast<std::size_t>(rule.root)];
    for (std::size_t at = root; at < program.ops[root].end; ++at) {
      const Op& op = program.ops[at];
      const bool reads_options =
          op.kind == Kind::any_of || op.kind == Kind::only || op.kind == Kind::count;
      items[op.item] = items[op.item] || reads_options;
    }
  }
  return items;
}

bool is_entry_told(const Told& told, const RecordEntry& entry) {
  return is_told(told, [&](const Evidence& one) {
    return one.origin == Origin::record && one.record_text == entry.text;
  });
}

}  // namespace

std::vector<Evidence> other_answers(const Assessment& assessment, const Told& told) {
  const Knowledge& knowledge = *assessment.knowledge;
  const EvaluationInput& input = *assessment.input;
  const auto red_flags = red_flag_items(knowledge);
  std::vector<Evidence> out;
  for (std::size_t i = 0; i < knowledge.items.size(); ++i) {
    const Item& item = knowledge.items[i];
    const bool is_asked = item.none != 0 || item.context_only || red_flags[i];
    if (is_asked && input.facts.answers.state[i] == ItemState::answered) {
      const std::uint64_t chosen = input.facts.answers.chosen[i] & item.positive();
      if (const std::uint64_t left = chosen & ~told_options(told, item); left != 0) {
        out.push_back({Origin::patient, &item, nullptr, left, {}, {}, {}});
      }
    }
  }
  for (std::size_t i = 0; i < knowledge.labs.size(); ++i) {
    const LabBinding& lab = knowledge.labs[i];
    const Lab& value = input.facts.record.labs[i];
    if (value.state == LabState::known &&
        !is_told(told, [&](const Evidence& one) { return one.lab == &lab; })) {
      const RecordEntry* entry = lab_entry(input, static_cast<int>(i));
      out.push_back({Origin::record,
                     nullptr,
                     &lab,
                     0,
                     value.value,
                     entry != nullptr ? entry->text : std::string(),
                     {}});
    }
  }
  for (const RecordEntry& entry : input.record) {
    const bool is_named =
        entry.kind == RecordEntry::Kind::medicine || entry.kind == RecordEntry::Kind::condition;
    if (entry.kind == RecordEntry::Kind::test && entry.item < 0) {  // of no test that is known
      out.push_back({Origin::record, nullptr, nullptr, 0, {}, entry.text, entry.date});
    } else if (is_named && entry.item >= 0 && !is_entry_told(told, entry)) {
      out.push_back({Origin::record,
                     &knowledge.items[static_cast<std::size_t>(entry.item)],
                     nullptr,
                     entry.options,
                     {},
                     entry.text,
                     entry.date});
    }
  }
  return out;
}

}  // namespace myoflag::rules
