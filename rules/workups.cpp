#include "rules/workups.h"

#include <algorithm>

#include "rules/texts.h"

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

void add_safety_notes(const EvaluationInput& input, WorkupRow& row) {
  for (const auto& note : row.workup->notes) {
    if (note.caution.empty()) {
      row.notes.push_back(note.text);
      continue;
    }
    for (const auto& entry : input.record) {
      if (entry.kind == RecordEntry::Kind::caution && entry.caution == note.caution) {
        row.notes.push_back(fill(note.text, {{"caution", entry.text}}));
      }
    }
  }
}

}  // namespace

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
      add_safety_notes(input, row);
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
