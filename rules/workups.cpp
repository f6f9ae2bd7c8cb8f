#include "rules/workups.h"

#include <algorithm>

#include "rules/texts.h"
#include "rules/wording.h"

namespace myoflag::rules {
namespace {

bool contains(const std::vector<int>& list, int value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// Fired rules in the order of the findings: most urgent first.
WorkupRow gather(const Knowledge& knowledge, int index, std::span<const Finding> findings) {
  WorkupRow row;
  row.workup = &knowledge.workups[static_cast<std::size_t>(index)];
  std::optional<Tier> against;
  for (const auto& finding : findings) {
    if (finding.status != FindingStatus::fired || finding.rule->kind != Rule::Kind::rule) {
      continue;
    }
    if (contains(finding.rule->workups, index) &&
        row.workup->may_come_from(static_cast<int>(finding.rule - knowledge.rules.data()))) {
      if (row.because.empty()) {
        row.tier = finding.tier;
        row.target = finding.target;
      }
      row.because.push_back(finding.rule);
    }
    if (contains(finding.rule->must_not, index)) {
      row.against.push_back(finding.rule);
      against = std::max(against.value_or(finding.tier), finding.tier);
    }
  }
  if (!row.because.empty() && against && *against > row.tier) {
    row.status = WorkupStatus::withheld;
  }
  return row;
}

const RecordEntry* last_done(const EvaluationInput& input, int workup, int repeat_days,
                             bool unread) {
  const RecordEntry* last = nullptr;
  for (const auto& entry : input.record) {
    if (entry.kind != RecordEntry::Kind::test || entry.item != workup || entry.unread != unread ||
        !entry.when || *entry.when > input.now ||
        input.now - *entry.when > std::chrono::hours(24) * repeat_days) {
      continue;
    }
    if (last == nullptr || *entry.when > *last->when) {
      last = &entry;
    }
  }
  return last;
}

void consider_repeat(const Knowledge& knowledge, const EvaluationInput& input, int index,
                     WorkupRow& row) {
  const auto* unread = last_done(input, index, knowledge.repeat_days, true);
  if (unread != nullptr) {
    row.notes.push_back(fill(knowledge.text("test-unread"), {{"test", unread->text}}));
  }
  const auto* done = last_done(input, index, knowledge.repeat_days, false);
  if (done == nullptr) {
    return;
  }
  row.done = done;
  if (!knowledge.repeat_allowed[static_cast<std::size_t>(row.tier)]) {
    row.status = WorkupStatus::already_done;
  } else {
    row.notes.push_back(fill(knowledge.text("test-repeat"), {{"test", done->text}}));
  }
}

// Nobody answered no: the question was left out, or answered with what leaves it open.
bool is_left_open(const CodeBinding& caution, const AnswerRecord& answers) {
  const auto item = static_cast<std::size_t>(caution.question);
  switch (answers.state[item]) {
    case ItemState::not_shown:
      return false;
    case ItemState::answered:
      return (answers.chosen[item] & (caution.ask | kNotOffered)) != 0;
    case ItemState::not_asked:
    case ItemState::skipped:
    case ItemState::invalid:
      return true;
  }
  return true;
}

// What the patient answered, the riskier first; a caution of the record needs no question.
void add_answered_note(const Knowledge& knowledge, const Facts& facts, const Workup::Note& note,
                       const CodeBinding& caution, bool recorded, WorkupRow& row) {
  const auto item = static_cast<std::size_t>(caution.question);
  const bool answered = facts.answers.state[item] == ItemState::answered;
  const std::uint64_t said = answered ? facts.answers.chosen[item] & caution.yes : 0;
  if (said != 0) {
    row.notes.push_back(
        fill(note.answered, {{"caution", quoted_options(knowledge.items[item], said)}}));
  } else if (!recorded && is_left_open(caution, facts.answers)) {
    row.notes.push_back(fill(note.ask, {{"caution", caution.label}}));
  }
}

void add_caution_notes(const Knowledge& knowledge, const EvaluationInput& input,
                       const Workup::Note& note, WorkupRow& row) {
  for (const auto& entry : input.record) {
    if (entry.kind == RecordEntry::Kind::caution && entry.caution == note.caution) {
      row.notes.push_back(fill(note.text, {{"caution", entry.text}}));
    }
  }
  for (const CodeBinding& caution : knowledge.bindings.cautions) {
    if (caution.question < 0 || caution.caution != note.caution) {
      continue;
    }
    const auto item = static_cast<std::size_t>(caution.question);
    const bool recorded = (input.facts.record.chosen[item] & caution.yes) != 0;
    add_answered_note(knowledge, input.facts, note, caution, recorded, row);
  }
}

void add_safety_notes(const Knowledge& knowledge, const EvaluationInput& input, WorkupRow& row) {
  for (const auto& note : row.workup->notes) {
    if (note.caution.empty()) {
      row.notes.push_back(note.text);
    } else {
      add_caution_notes(knowledge, input, note, row);
    }
  }
}

}  // namespace

bool tells_caution(const Knowledge& knowledge, const AnswerRecord& answers) {
  const auto& cautions = knowledge.bindings.cautions;
  return std::any_of(cautions.begin(), cautions.end(), [&](const CodeBinding& caution) {
    if (caution.question < 0) {
      return false;
    }
    const auto item = static_cast<std::size_t>(caution.question);
    const bool answered = answers.state[item] == ItemState::answered;
    return is_left_open(caution, answers) ||
           (answered && (answers.chosen[item] & caution.yes) != 0);
  });
}

std::vector<WorkupRow> propose_workups(const Knowledge& knowledge, const EvaluationInput& input,
                                       std::span<const Finding> findings) {
  std::vector<WorkupRow> rows;
  for (int index = 0; index < static_cast<int>(knowledge.workups.size()); ++index) {
    WorkupRow row = gather(knowledge, index, findings);
    if (row.because.empty()) {
      continue;
    }
    if (row.status == WorkupStatus::proposed) {
      consider_repeat(knowledge, input, index, row);
      add_safety_notes(knowledge, input, row);
    }
    rows.push_back(std::move(row));
  }
  std::stable_sort(rows.begin(), rows.end(), [](const WorkupRow& a, const WorkupRow& b) {
    if (a.status != b.status) {
      return a.status < b.status;
    }
    return a.tier > b.tier;
  });
  return rows;
}

}  // namespace myoflag::rules
