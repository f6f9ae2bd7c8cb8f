#pragma once
// Fired findings as a clinician reads them: those that rest on the same answers together, the most
// telling one first, numbered in the order they are listed so that hypotheses and tests can point
// at them.

#include <cstddef>
#include <map>
#include <vector>

#include "rules/assessment.h"

namespace myoflag::rules::explaining {

struct Group {
  const Finding* lead = nullptr;
  std::vector<const Finding*> also;
};

struct Groups {
  std::vector<Group> list;  // most urgent first
  std::map<const Rule*, std::size_t> numbers;
};

Groups group_fired(const Assessment& assessment);

}  // namespace myoflag::rules::explaining
