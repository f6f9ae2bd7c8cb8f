#pragma once
// Observations out of an assessment: what was answered (after the US Core screening assessment),
// which rules hold, do not hold or could not be decided, and the urgency tier as the panel over
// them. Sources: hl7.org/fhir/R4/observation.html, docs/fhir-mapping-out.md.

#include <set>
#include <vector>

#include "fhir/json.h"
#include "plugin/mapping/frame.h"

namespace myoflag::mapping {

// One entry for each chosen option and each number; fills frame.answers. Free text has none: nobody
// has coded it.
std::vector<fhir::Json> answer_entries(Frame& frame);

// Red flags: every rule of the tiers soon and above, and every other rule or policy that fired.
bool is_written(const rules::Finding& finding);
fhir::Uuid flag_uuid(const Frame& frame, const rules::Rule& rule);
std::vector<fhir::Json> flag_entries(const Frame& frame);

fhir::Json tier_entry(const Frame& frame);

// Items that a rule's criterion reads, also through age, sex, medicines and conditions: what a
// verdict rests on that is not fired.
std::set<int> items_read(const rules::Knowledge& knowledge, const rules::Rule& rule);

}  // namespace myoflag::mapping
