#pragma once
// Runs a worked case of the knowledge: the author's check that a rule does what the vignette says.

#include <string>
#include <vector>

#include "rules/assessment.h"

namespace myoflag::rules {

// The case as an evaluation reads it: answers given at `now`; its record, where it has one, of the
// same day. Names and numbers were checked when the knowledge was loaded.
EvaluationInput input_of(const Knowledge& knowledge, const Case& one, Instant now);

struct CaseResult {
  Tier tier = Tier::routine;
  std::vector<std::string> missing;  // rules that should have fired and did not
  bool passed = false;
};
CaseResult run_case(const KnowledgePtr& knowledge, const Case& one, Instant now);

}  // namespace myoflag::rules
