#pragma once
// The assessment as JSON for programs: `myoflag evaluate --format assessment`, batch results, the
// machine trace beside the summary. docs/assessment.schema.json describes every member. Same
// assessment, same bytes.

#include <string_view>
#include <vector>

#include "fhir/json.h"
#include "rules/assessment.h"

namespace myoflag::mapping {

// Without `all_findings`, rules that are excluded or do not apply are left out.
fhir::Json assessment_json(const rules::Assessment& assessment, bool all_findings);

// What stands for a kind of notice, here and in tables: "vanished", "lab-unusable" ...
std::string_view notice_word(rules::Notice::Kind kind);
// "proposed", "withheld", "already-done".
std::string_view workup_word(rules::WorkupStatus status);

std::string_view status_word(rules::FindingStatus status);
std::string_view state_word(rules::GapState state);

// All that the answers and the record led to, without times, without the outlook, and without what
// the knowledge adds in words: with the same knowledge equal exactly when a second evaluation says
// the same. Rules that are excluded are those not named. Part of the identity of everything that is
// written.
fhir::Json outcome_json(const rules::Assessment& assessment);

// How open that is: bounds and changes. Part of the identity of what tells them.
fhir::Json outlook_json(const rules::Assessment& assessment);

}  // namespace myoflag::mapping
