#include "plugin/mapping/lab_risk.h"

#include <algorithm>

namespace myoflag::mapping {

using rules::Criterion;
using rules::Number;

LabRisk::LabRisk(const rules::Knowledge& knowledge) : limits_(knowledge.labs.size()) {
  constexpr auto most_urgent = static_cast<std::size_t>(rules::Tier::emergency);
  for (const auto& rule : knowledge.rules) {
    add(knowledge, rule.criterion, most_urgent - static_cast<std::size_t>(rule.tier), !rule.benign);
  }
  for (const auto& gap : knowledge.gaps) {
    add(knowledge, gap.criterion, most_urgent + 1, !gap.benign);
  }
}

void LabRisk::add(const rules::Knowledge& knowledge, const Criterion& criterion, std::size_t place,
                  bool speaks_for) {
  const bool negates = criterion.kind == Criterion::Kind::is_false;
  for (const auto& child : criterion.children) {
    add(knowledge, child, place, negates ? !speaks_for : speaks_for);
  }
  if (criterion.kind == Criterion::Kind::lab) {
    const auto lab = static_cast<std::size_t>(knowledge.lab(criterion.names.front()));
    limits_[lab].push_back({criterion.compare, criterion.limit, place, speaks_for});
  }
}

bool LabRisk::same_side(std::size_t lab, Number a, Number b) const {
  return std::all_of(limits_[lab].begin(), limits_[lab].end(), [&](const Limit& limit) {
    return holds(a, limit.compare, limit.number) == holds(b, limit.compare, limit.number);
  });
}

LabRisk::Risk LabRisk::risk(std::size_t lab, Number value) const {
  Risk risk{};
  for (const auto& limit : limits_[lab]) {
    if (holds(value, limit.compare, limit.number) == limit.speaks_for) {
      ++risk[limit.place];
    }
  }
  return risk;
}

bool LabRisk::concerns_a_rule(std::size_t lab, Number value) const {
  return std::any_of(limits_[lab].begin(), limits_[lab].end(), [&](const Limit& limit) {
    return limit.speaks_for && limit.place + 1 < Risk{}.size() &&
           holds(value, limit.compare, limit.number);
  });
}

}  // namespace myoflag::mapping
