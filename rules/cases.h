#pragma once
// Worked cases: a knowledge author's tests. A case names answers; here it becomes input, and its
// outcome is compared.

#include <string>
#include <vector>

#include "rules/assessment.h"
#include "rules/knowledge.h"

namespace myoflag::rules {

// Answers, record and a fresh `authored` one hour before `now`.
EvaluationInput case_input(const Knowledge& knowledge, const Case& example, Instant now);

struct CaseOutcome {
  Tier tier = Tier::routine;
  std::vector<std::string> fired;        // ids of rules and gaps, most urgent first
  std::vector<std::string> differences;  // sentences; empty when the case holds
};
CaseOutcome run_case(const KnowledgePtr& knowledge, const Case& example, Instant now);

}  // namespace myoflag::rules
