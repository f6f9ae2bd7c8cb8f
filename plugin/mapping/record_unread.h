#pragma once
// Observations that no rule reads and that a person must see.

#include <functional>
#include <string>
#include <vector>

#include "plugin/mapping/intake.h"
#include "plugin/mapping/record_concepts.h"
#include "rules/assessment.h"

namespace myoflag::mapping {

struct UnreadResult {
  const RecordResource* resource = nullptr;
  std::string text;  // name and value, as the record words them
};

// A name and what belongs to it: "K+: 2.2 mmol/L (LL)".
std::string result_text(std::string_view name, const fhir::Json& part);

// Of every Observation and each of its components what is no laboratory value of the knowledge, a
// later one first. Left out: what its laboratory calls normal; signs (blood pressure) and habits
// that are not marked abnormal; surveys; what was withdrawn; a quantity of a laboratory beside a
// later final one, not of the future, of the same concept_key. `is_told`: something else reads the
// Observation's own value; its components are listed all the same.
std::vector<UnreadResult> unread_results(const ConceptIndex& index,
                                         const std::vector<const RecordResource*>& observations,
                                         rules::Instant now,
                                         const std::function<bool(const RecordResource&)>& is_told);

}  // namespace myoflag::mapping
