#include "rules/cases.h"

#include <algorithm>

#include "rules/evaluate.h"
#include "rules/settle.h"

namespace myoflag::rules {
namespace {

std::uint64_t mask_of(const Item& item, const std::vector<std::string>& codes) {
  std::uint64_t mask = 0;
  for (const std::string& code : codes) {
    if (const int option = item.option(code); option >= 0) {
      mask |= std::uint64_t{1} << static_cast<unsigned>(option);
    }
  }
  return mask;
}

AnswerRecord answers_of(const Knowledge& knowledge, const Case& one,
                        std::vector<FreeText>& free_text) {
  AnswerRecord answers;
  for (const auto& [link_id, given] : one.answers) {
    const int index = knowledge.item(link_id);
    if (index < 0 || given.empty()) {
      continue;
    }
    const auto slot = static_cast<std::size_t>(index);
    const Item& item = knowledge.items[slot];
    answers.state[slot] = ItemState::answered;
    if (item.type == ItemType::choice) {
      answers.chosen[slot] = mask_of(item, given);
    } else if (item.type == ItemType::text) {
      free_text.push_back({index, given.front()});
    } else {
      answers.number[slot] = read_number(given.front()).value_or(Number{});
    }
  }
  return answers;
}

void add_options(const Knowledge& knowledge, int item, const std::vector<std::string>& codes,
                 RecordEntry::Kind kind, EvaluationInput& input) {
  if (item < 0) {
    return;
  }
  const Item& about = knowledge.items[static_cast<std::size_t>(item)];
  for (const std::string& code : codes) {
    const std::uint64_t mask = mask_of(about, {code});
    if (mask == 0) {
      continue;
    }
    input.facts.record.chosen[static_cast<std::size_t>(item)] |= mask;
    RecordEntry entry;
    entry.kind = kind;
    entry.item = item;
    entry.options = mask;
    entry.text = about.options[static_cast<std::size_t>(about.option(code))].text;
    input.record.push_back(std::move(entry));
  }
}

void add_record(const Knowledge& knowledge, const Case& one, EvaluationInput& input) {
  RecordFacts& record = input.facts.record;
  record.fetched =
      !one.labs.empty() || !one.medicines.empty() || !one.conditions.empty() || one.age;
  record.age = one.age;
  for (std::size_t i = 0; i < knowledge.labs.size(); ++i) {
    record.labs[i].state = record.fetched ? LabState::none : LabState::not_fetched;
  }
  for (const auto& [name, value] : one.labs) {
    const int lab = knowledge.lab(name);
    if (lab >= 0) {
      record.labs[static_cast<std::size_t>(lab)] = {LabState::known,
                                                    read_number(value).value_or(Number{}), 0};
    }
  }
  const Bindings& bindings = knowledge.bindings;
  add_options(knowledge, bindings.medicines, one.medicines, RecordEntry::Kind::medicine, input);
  add_options(knowledge, bindings.conditions, one.conditions, RecordEntry::Kind::condition, input);
}

}  // namespace

EvaluationInput input_of(const Knowledge& knowledge, const Case& one, Instant now) {
  EvaluationInput input;
  Settled settled = settle(knowledge, answers_of(knowledge, one, input.free_text));
  input.facts = settled.facts;
  input.set_aside = std::move(settled.set_aside);
  input.now = now;
  input.response.authored = now;
  add_record(knowledge, one, input);
  return input;
}

CaseResult run_case(const KnowledgePtr& knowledge, const Case& one, Instant now) {
  const Assessment assessment = assess(knowledge, input_of(*knowledge, one, now));
  CaseResult result;
  result.tier = assessment.tier;
  for (const std::string& id : one.fires) {
    const bool fired = std::any_of(
        assessment.findings.begin(), assessment.findings.end(), [&](const Finding& finding) {
          return finding.rule->id == id && finding.status == FindingStatus::fired;
        });
    if (!fired) {
      result.missing.push_back(id);
    }
  }
  result.passed = result.tier == one.tier && result.missing.empty();
  return result;
}

}  // namespace myoflag::rules
