#pragma once
// Whether the patient is told that it is harmless: the words of a benign rule are among the advice.

#include <algorithm>

#include "rules/assessment.h"

namespace myoflag::rules::testing {

inline bool is_reassured(const Assessment& assessment) {
  const auto& texts = assessment.patient_advice;
  return std::any_of(texts.begin(), texts.end(), [&](const std::string& text) {
    const auto& rules = assessment.knowledge->rules;
    return std::any_of(rules.begin(), rules.end(),
                       [&](const Rule& rule) { return rule.benign && rule.patient == text; });
  });
}

}  // namespace myoflag::rules::testing
