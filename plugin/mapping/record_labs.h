#pragma once
// The last usable value of each laboratory test the rules read, and why a later one could not be
// used.

#include <array>
#include <bitset>
#include <string>
#include <vector>

#include "plugin/mapping/intake.h"
#include "plugin/mapping/record_concepts.h"
#include "plugin/mapping/record_results.h"
#include "plugin/mapping/record_unread.h"
#include "rules/assessment.h"
#include "rules/knowledge.h"

namespace myoflag::mapping {

struct LabResults {
  std::array<rules::Lab, rules::kMaxLabs> labs{};
  std::bitset<rules::kMaxLabs> doubtful;  // a recent value is abnormal, or nobody judged it
  bool has_unread_note = false;           // beside a recent value
  // Measured in another way beside a value that was used, and not normal by their laboratory.
  std::vector<UnreadResult> beside;
  std::vector<rules::RecordEntry> entries;
  std::vector<RecordProblem> problems;
};

// `observations`: Observation resources of this patient; each of their components is a result of
// its own. A date in the future, or not known to the day, makes a result unusable; one that is not
// final, or is dated only by its report, counts where a rule looks for such a value. The latest is
// by the time of the sample, then of the report; where that does not tell, the riskier counts.
// "> 7.5" counts as a value just above 7.5 where all limits of the rules lie below it, or where a
// rule already holds there. A value at which no rule holds is not used where a later one is
// unusable. `set_aside`: Observations that may be somebody else's, or mean something else; of them
// only tests and dates are read, as of results that cannot be used.
LabResults read_labs(const rules::Knowledge& knowledge, const ConceptIndex& index,
                     const std::vector<const RecordResource*>& observations,
                     const std::vector<const RecordResource*>& set_aside, const Results& reports,
                     bool complete, rules::Instant now);

}  // namespace myoflag::mapping
