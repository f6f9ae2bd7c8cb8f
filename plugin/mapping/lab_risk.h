#pragma once
// How the rules look at laboratory values: on which side of their limits a value lies, and how
// urgent that is. Decides where a record leaves it open which value, or how large it is.

#include <array>
#include <vector>

#include "rules/knowledge.h"

namespace myoflag::mapping {

class LabRisk {
 public:
  // Comparisons that hold: in rules of each tier, most urgent first; last, in the gap policies.
  // Greater is riskier.
  using Risk = std::array<int, 6>;

  explicit LabRisk(const rules::Knowledge& knowledge);

  bool same_side(std::size_t lab, rules::Number a, rules::Number b) const;
  Risk risk(std::size_t lab, rules::Number value) const;
  bool concerns_a_rule(std::size_t lab, rules::Number value) const;

 private:
  struct Limit {
    rules::Compare compare;
    rules::Number number;
    std::size_t place = 0;   // in Risk
    bool speaks_for = true;  // false below an odd number of negations, and in reassurance
  };
  void add(const rules::Knowledge& knowledge, const rules::Criterion& criterion, std::size_t place,
           bool speaks_for);

  std::vector<std::vector<Limit>> limits_;  // by lab
};

}  // namespace myoflag::mapping
