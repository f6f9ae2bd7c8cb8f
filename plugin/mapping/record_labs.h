#pragma once
// The last usable value of each laboratory test the rules read, and why a later one could not be
// used.

#include <string>
#include <string_view>
#include <vector>

#include "plugin/mapping/intake.h"
#include "rules/assessment.h"
#include "rules/knowledge.h"

namespace myoflag::mapping {

struct LabResults {
  std::array<rules::Lab, rules::kMaxLabs> labs{};
  std::vector<rules::RecordEntry> entries;
  std::vector<std::string> problems;  // phrases without patient data
};

// `observations`: Observation resources of this patient. Only final, amended and corrected results
// count. The latest is by the time of the sample, then of the report. A date in the future, or not
// known to the day, makes a result unusable.
LabResults read_labs(const rules::Knowledge& knowledge,
                     const std::vector<const RecordResource*>& observations, bool complete,
                     rules::Instant now);

}  // namespace myoflag::mapping
