#include "plugin/batch/table.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "plugin/mapping/assessment_json.h"

namespace myoflag::batch {
namespace {

using rules::Assessment;
using rules::Finding;
using rules::FindingStatus;

// A field that a spreadsheet would take for a formula gets an apostrophe, as OWASP advises
// ("CSV injection"): a response's id or patient comes from outside.
std::string field(std::string_view text) {
  constexpr std::string_view formula = "=+-@\t\r";
  std::string out;
  if (!text.empty() && formula.find(text.front()) != std::string_view::npos) {
    out += '\'';
  }
  out += text;
  if (out.find_first_of("\",\r\n") == std::string::npos) {
    return out;
  }
  std::string quoted = "\"";
  for (const char c : out) {
    quoted += c == '"' ? "\"\"" : std::string(1, c);
  }
  return quoted + "\"";
}

std::string row(const std::vector<std::string>& fields) {
  std::vector<std::string> safe;
  std::transform(fields.begin(), fields.end(), std::back_inserter(safe), field);
  return fmt::format("{}\n", fmt::join(safe, ","));
}

std::string joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, " "));
}

std::string rules_with(const Assessment& assessment, FindingStatus status) {
  std::vector<std::string> ids;
  for (const Finding& finding : assessment.findings) {
    if (finding.status == status) {
      ids.push_back(finding.rule->id);
    }
  }
  return joined(ids);
}

std::string proposed(const Assessment& assessment) {
  std::vector<std::string> codes;
  for (const auto& workup : assessment.workups) {
    if (workup.status == rules::WorkupStatus::proposed) {
      codes.push_back(workup.workup->code);
    }
  }
  return joined(codes);
}

std::string gaps(const Assessment& assessment) {
  std::vector<std::string> ids;
  for (const auto& gap : assessment.gaps) {
    ids.push_back(gap.item->link_id);
  }
  return joined(ids);
}

// Each kind once: what stands behind it is said in the assessment.
std::string notices(const Assessment& assessment) {
  std::vector<std::string> kinds;
  for (const auto& notice : assessment.notices) {
    std::string kind(mapping::notice_word(notice.kind));
    if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) {
      kinds.push_back(std::move(kind));
    }
  }
  return joined(kinds);
}

std::string yes_no(bool value) { return value ? "yes" : "no"; }

}  // namespace

std::string table_head() {
  return row({"file", "line", "response", "patient", "authored", "tier", "target_hours",
              "check_first", "fired", "not_excluded", "proposed", "gaps", "notices", "free_text",
              "warnings"});
}

std::string table_row(const Assessed& assessed, std::string_view file, const Place& place) {
  const Assessment& assessment = assessed.assessment;
  const auto& response = assessment.input->response;
  return row({std::string(file), place.line > 0 ? fmt::to_string(place.line) : std::string(),
              response.id, response.subject, response.authored_text,
              std::string(rules::code_of(assessment.tier)),
              assessment.target.hours ? fmt::to_string(*assessment.target.hours) : std::string(),
              yes_no(assessment.check_first), rules_with(assessment, FindingStatus::fired),
              rules_with(assessment, FindingStatus::not_excluded), proposed(assessment),
              gaps(assessment), notices(assessment), yes_no(!assessment.input->free_text.empty()),
              fmt::to_string(assessed.warnings.size())});
}

}  // namespace myoflag::batch
