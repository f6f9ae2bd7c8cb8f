#include "rules/unjudged.h"

#include <algorithm>

#include "rules/tri.h"

namespace myoflag::rules {
namespace {

using Kind = Criterion::Kind;

bool is_joint(Kind kind) {
  return kind == Kind::all || kind == Kind::any || kind == Kind::is_false;
}

Tri lab_value(const Op& op, const RecordFacts& record) {
  const Lab& lab = record.labs[op.item];
  const bool current = lab.state == LabState::known && lab.age_days <= op.max_age;
  return current ? tri(holds(lab.value, op.compare, op.limit)) : Tri::unknown;
}

// Of a criterion of laboratory values alone, with what is not known left unknown.
Tri value(const std::vector<Op>& ops, std::size_t at, const RecordFacts& record) {
  const Op& op = ops[at];
  if (op.kind == Kind::lab) {
    return lab_value(op, record);
  }
  Tri all = op.kind == Kind::any ? Tri::no : Tri::yes;
  for (std::size_t child = at + 1; child < op.end; child = ops[child].end) {
    const Tri one = value(ops, child, record);
    all = op.kind == Kind::any ? (all || one) : (all && one);
  }
  return op.kind == Kind::is_false ? negated(all) : all;
}

}  // namespace

bool reads_only_labs(const Knowledge& knowledge, const Rule& rule) {
  if (rule.root < 0) {
    return false;
  }
  const auto& program = knowledge.program;
  const std::size_t root = program.roots[static_cast<std::size_t>(rule.root)];
  return std::all_of(program.ops.begin() + static_cast<std::ptrdiff_t>(root),
                     program.ops.begin() + program.ops[root].end,
                     [](const Op& op) { return op.kind == Kind::lab || is_joint(op.kind); });
}

bool is_unjudged(const Assessment& assessment, const Finding& finding) {
  if (finding.status != FindingStatus::excluded ||
      !reads_only_labs(*assessment.knowledge, *finding.rule)) {
    return false;
  }
  const auto& program = assessment.knowledge->program;
  const std::size_t root = program.roots[static_cast<std::size_t>(finding.rule->root)];
  return value(program.ops, root, assessment.input->facts.record) != Tri::no;
}

}  // namespace myoflag::rules
