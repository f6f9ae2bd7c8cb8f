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
  std::string text;        // name and value, as the record words them
  bool is_current = true;  // nobody is reassured beside it
};

struct UnreadResults {
  std::vector<UnreadResult> told;  // a later one first
  // Vital signs, habits and answers of a survey that nobody judged: everybody has them, so that
  // they alarm nobody. A later one first.
  std::vector<UnreadResult> unjudged;
};

// A name and what belongs to it: "K+: 2.2 mmol/L (LL)".
std::string result_text(std::string_view name, const fhir::Json& part);

// Of every Observation and each of its components what is no laboratory value of the knowledge.
// Left out: what its laboratory calls normal; what this program wrote; what was withdrawn; a
// quantity of a laboratory beside a later final one, not of the future, of the same concept_key.
// Not judged: vital signs, habits and surveys (is_usual) that nobody marked and that have a value
// other than words, of which the knowledge knows nothing; a vital sign has a number. So are plain
// negatives of a laboratory, of any age. `is_told`: something else reads the Observation's own
// value; its components are listed all the same. `is_too_old`: older than any rule reads, where
// only words of the usual are listed, for people alone.
UnreadResults unread_results(const ConceptIndex& index,
                             const std::vector<const RecordResource*>& observations,
                             rules::Instant now,
                             const std::function<bool(const RecordResource&)>& is_told,
                             const std::function<bool(const RecordResource&)>& is_too_old);

}  // namespace myoflag::mapping
