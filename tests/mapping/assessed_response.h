#pragma once
// For tests of what is written: responses built from linkIds and option codes, and their assessment
// by the program's own knowledge.

#include <map>
#include <string>
#include <vector>

#include "fhir/json.h"
#include "rules/assessment.h"

namespace myoflag::mapping {

// linkId -> option codes, one number text ("30"), or free text.
using Given = std::map<std::string, std::vector<std::string>>;

// A young man with a flicker that moves around, every checklist answered none.
Given calm_answers();

// Nested in groups, in the order of the form, with subject, author and source Patient/p1.
fhir::Json response_of(const Given& given);

struct Judged {
  fhir::Json response;
  rules::Assessment assessment;
};
Judged judged(const Given& given);
// For a response that was changed by hand.
Judged judged(fhir::Json response);
Judged judged(fhir::Json response, std::vector<rules::RecordEntry> record,
              rules::RecordFacts facts);

}  // namespace myoflag::mapping
