#pragma once
// What the patient is told beside the headline: the wording of the rules that fired, then advice.
// Nothing that is calmer than the result: of less urgent findings only what may stand beside it,
// no comfort while the patient's own words are unread or the answers are in doubt, no general
// advice in an emergency.

#include <string>
#include <vector>

#include "rules/assessment.h"
#include "rules/evaluate.h"

namespace myoflag::rules {

struct PatientAdvice {
  std::vector<std::string> texts;  // most important first
  std::vector<std::string> ids;    // rule, policy or advice of each
};

// Reads tier, target, findings and input of the assessment.
PatientAdvice advise_patient(const Assessment& assessment, const Verdicts& verdicts);

}  // namespace myoflag::rules
