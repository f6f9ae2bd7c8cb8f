#pragma once
// Every worked case and many random forms, assessed once: what laws about texts are held against.

#include <stdexcept>
#include <string_view>
#include <vector>

#include "tests/support/random_forms.h"

namespace myoflag::rules::testing {

#ifdef MYOFLAG_SANITIZED
inline constexpr int kForms = 20;
#else
inline constexpr int kForms = 150;
#endif

// Of a count that 150 forms exceed, the share that so many forms must exceed.
constexpr int share_of(int count) { return count * kForms / 150; }

inline Assessment assessed(EvaluationInput input) { return assess(twitching(), std::move(input)); }

inline EvaluationInput input_of(std::string_view case_name) {
  for (const Case& one : twitching()->cases) {
    if (one.name == case_name) {
      return Names(*twitching()).input(form_of(one));
    }
  }
  throw std::runtime_error("no such case");
}

inline Assessment assessed(std::string_view case_name) { return assessed(input_of(case_name)); }

inline std::vector<Assessment> assess_many() {
  std::vector<Assessment> all;
  const Names names(*twitching());
  for (const Case& one : twitching()->cases) {
    all.push_back(assessed(names.input(form_of(one))));
  }
  RandomForms forms(*twitching(), 20'261'122);
  for (int i = 0; i < kForms; ++i) {
    Form form = forms.next();
    form.free_text = form.free_text || forms.random().chance(10);
    all.push_back(assessed(names.input(form)));
  }
  return all;
}

inline const std::vector<Assessment>& many() {
  static const std::vector<Assessment> all = assess_many();
  return all;
}

}  // namespace myoflag::rules::testing
