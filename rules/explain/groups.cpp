#include "rules/explain/groups.h"

#include <algorithm>
#include <utility>

namespace myoflag::rules::explaining {
namespace {

// Every option a criterion names: the more, the less it says about this patient.
std::size_t breadth(const Criterion& criterion) {
  std::size_t sum = criterion.options.size();
  for (const Criterion& child : criterion.children) {
    sum += breadth(child);
  }
  return sum;
}

// Which answers a finding rests on; age, sex and answers of "none" set it apart from nothing.
using Ground = std::map<std::pair<const void*, Origin>, std::uint64_t>;

Ground ground_of(const Knowledge& knowledge, const Finding& finding) {
  Ground ground;
  for (const Evidence& one : finding.because) {
    if (one.lab != nullptr) {
      ground[{one.lab, one.origin}] = 1;
      continue;
    }
    if (one.item == nullptr) {
      continue;
    }
    const auto index = static_cast<int>(one.item - knowledge.items.data());
    const bool about_person = index == knowledge.bindings.age || index == knowledge.bindings.sex;
    const std::uint64_t said = one.options & ~one.item->none;
    const bool only_none = one.options != 0 && said == 0;
    if (!about_person && !only_none) {
      // A question without an answer and a number count as one more option.
      ground[{one.item, one.origin}] |= said != 0 ? said : std::uint64_t{1} << 63U;
    }
  }
  return ground;
}

bool within(const Ground& inner, const Ground& outer) {
  return std::all_of(inner.begin(), inner.end(), [&](const auto& entry) {
    const auto found = outer.find(entry.first);
    return found != outer.end() && (entry.second & ~found->second) == 0;
  });
}

struct Weighed {
  const Finding* finding = nullptr;
  Ground ground;
  std::size_t breadth = 0;
};

bool more_telling(const Weighed& a, const Weighed& b) {
  if (a.finding->tier != b.finding->tier) {
    return a.finding->tier > b.finding->tier;
  }
  const bool a_stricter = stricter(a.finding->target, b.finding->target);
  if (a_stricter != stricter(b.finding->target, a.finding->target)) {
    return a_stricter;
  }
  const bool a_rule = a.finding->rule->kind == Rule::Kind::rule;
  const bool b_rule = b.finding->rule->kind == Rule::Kind::rule;
  if (a_rule != b_rule) {
    return a_rule;
  }
  if (a.ground.size() != b.ground.size()) {
    return a.ground.size() > b.ground.size();
  }
  return a.breadth != b.breadth ? a.breadth < b.breadth : a.finding->rule->id < b.finding->rule->id;
}

bool belongs_to(const Weighed& one, const Weighed& lead) {
  if (lead.finding->rule->benign || one.finding->rule->benign) {
    return lead.finding->rule->benign && one.finding->rule->benign;
  }
  return !one.ground.empty() && !lead.ground.empty() &&
         (within(one.ground, lead.ground) || within(lead.ground, one.ground));
}

std::vector<Weighed> weigh_fired(const Assessment& assessment) {
  std::vector<Weighed> fired;
  for (const Finding& finding : assessment.findings) {
    if (finding.status == FindingStatus::fired) {
      fired.push_back(
          {&finding, ground_of(*assessment.knowledge, finding), breadth(finding.rule->criterion)});
    }
  }
  std::stable_sort(fired.begin(), fired.end(), more_telling);
  return fired;
}

void number(Groups& groups) {
  for (const Group& group : groups.list) {
    groups.numbers.emplace(group.lead->rule, groups.numbers.size() + 1);
    for (const Finding* finding : group.also) {
      groups.numbers.emplace(finding->rule, groups.numbers.size() + 1);
    }
  }
}

}  // namespace

Groups group_fired(const Assessment& assessment) {
  Groups groups;
  std::vector<Weighed> leads;
  for (Weighed& one : weigh_fired(assessment)) {
    const auto lead = std::find_if(leads.begin(), leads.end(),
                                   [&](const Weighed& each) { return belongs_to(one, each); });
    if (lead != leads.end()) {
      groups.list[static_cast<std::size_t>(lead - leads.begin())].also.push_back(one.finding);
      continue;
    }
    groups.list.push_back({one.finding, {}});
    leads.push_back(std::move(one));
  }
  number(groups);
  return groups;
}

}  // namespace myoflag::rules::explaining
