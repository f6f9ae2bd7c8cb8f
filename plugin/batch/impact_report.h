#pragma once
// What a change of the knowledge does, for people and for programs: what differs between the two
// versions, and, where responses were judged by both, whose result moved.

#include <string>
#include <string_view>
#include <vector>

#include "plugin/batch/impact.h"
#include "rules/difference.h"
#include "rules/knowledge.h"

namespace myoflag::batch {

struct ImpactReport {
  const rules::Knowledge& before;
  const rules::Knowledge& after;
  std::vector<rules::Difference> differences;
  const ImpactCounts* counts = nullptr;  // null: no responses were given
};

// One response, ready to be put behind the one before it. `file`: its name.
std::string impact_text(const Impact& impact, std::string_view file);
std::string impact_json(const Impact& impact, std::string_view file);  // one line, without its end

// The text up to the list of responses; the list is what impact_text gives.
std::string report_text(const ImpactReport& report);
// The JSON up to its list; behind the list, comma between its lines, comes kReportJsonEnd.
std::string report_json(const ImpactReport& report);
inline constexpr std::string_view kReportJsonEnd = "]}\n";

}  // namespace myoflag::batch
