#include "rules/cases.h"

#include <algorithm>

#include <fmt/format.h>

#include "rules/evaluate.h"
#include "rules/settle.h"

namespace myoflag::rules {
namespace {

void answer(const Item& item, const std::vector<std::string>& values, AnswerRecord& answers,
            std::size_t at) {
  answers.state[at] = ItemState::answered;
  if (item.type == ItemType::integer || item.type == ItemType::decimal) {
    answers.number[at] = read_number(values.front()).value_or(Number{});
    return;
  }
  for (const auto& code : values) {
    if (const int option = item.option(code); option >= 0) {
      answers.chosen[at] |= std::uint64_t{1} << option;
    }
  }
}

void assert_options(const Knowledge& knowledge, int item, RecordEntry::Kind kind,
                    const std::vector<std::string>& codes, EvaluationInput& input) {
  const Item& it = knowledge.items[static_cast<std::size_t>(item)];
  for (const auto& code : codes) {
    const std::uint64_t mask = std::uint64_t{1} << it.option(code);
    input.facts.record.chosen[static_cast<std::size_t>(item)] |= mask;
    RecordEntry entry;
    entry.kind = kind;
    entry.item = item;
    entry.options = mask;
    entry.text = code;
    input.record.push_back(std::move(entry));
  }
}

void assert_labs(const Knowledge& knowledge, const Case& example, Instant now,
                 EvaluationInput& input) {
  for (const auto& [name, value] : example.labs) {
    const int lab = knowledge.lab(name);
    input.facts.record.labs[static_cast<std::size_t>(lab)] = {
        LabState::known, read_number(value).value_or(Number{}), 1};
    RecordEntry entry;
    entry.kind = RecordEntry::Kind::lab;
    entry.item = lab;
    entry.text = fmt::format("{} {}", value, knowledge.labs[static_cast<std::size_t>(lab)].unit);
    entry.when = now - std::chrono::days(1);
    input.record.push_back(std::move(entry));
  }
}

}  // namespace

EvaluationInput case_input(const Knowledge& knowledge, const Case& example, Instant now) {
  AnswerRecord given;
  EvaluationInput input;
  for (const auto& [link_id, values] : example.answers) {
    const int item = knowledge.item(link_id);
    const auto at = static_cast<std::size_t>(item);
    if (item < 0 || values.empty()) {
      continue;
    }
    answer(knowledge.items[at], values, given, at);
    if (knowledge.items[at].type == ItemType::text) {
      input.free_text.push_back({item, values.front()});
    }
  }
  Settled settled = settle(knowledge, given);
  input.facts = std::move(settled.facts);
  input.set_aside = std::move(settled.set_aside);
  input.facts.record.fetched = example.age || !example.labs.empty() || !example.medicines.empty() ||
                               !example.conditions.empty();
  input.facts.record.age = example.age;
  assert_options(knowledge, knowledge.bindings.medicines, RecordEntry::Kind::medicine,
                 example.medicines, input);
  assert_options(knowledge, knowledge.bindings.conditions, RecordEntry::Kind::condition,
                 example.conditions, input);
  assert_labs(knowledge, example, now, input);
  input.now = now;
  input.response.authored = now - std::chrono::hours(1);
  return input;
}

CaseOutcome run_case(const KnowledgePtr& knowledge, const Case& example, Instant now) {
  const Assessment assessment = assess(knowledge, case_input(*knowledge, example, now));
  CaseOutcome outcome;
  outcome.tier = assessment.tier;
  for (const auto& finding : assessment.findings) {
    if (finding.status == FindingStatus::fired) {
      outcome.fired.push_back(finding.rule->id);
    }
  }
  if (assessment.tier != example.tier) {
    outcome.differences.push_back(
        fmt::format("tier is {}, expected {}", code_of(assessment.tier), code_of(example.tier)));
  }
  for (const auto& rule : example.fires) {
    if (std::find(outcome.fired.begin(), outcome.fired.end(), rule) == outcome.fired.end()) {
      outcome.differences.push_back(fmt::format("rule {} does not fire", rule));
    }
  }
  return outcome;
}

}  // namespace myoflag::rules
