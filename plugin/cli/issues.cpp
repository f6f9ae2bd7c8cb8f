#include "plugin/cli/issues.h"

#include <algorithm>

#include <fmt/format.h>

#include "plugin/cli/screen.h"

namespace myoflag::cli {
namespace {

std::string_view name_of(fhir::Severity severity) {
  switch (severity) {
    case fhir::Severity::information:
      return "note";
    case fhir::Severity::warning:
      return "warning";
    case fhir::Severity::error:
    case fhir::Severity::fatal:
      break;
  }
  return "error";
}

}  // namespace

std::string issue_lines(std::string_view input, const fhir::Issues& issues) {
  std::string lines;
  const std::string name = input == "-" ? "standard input" : safe_name(input);
  for (const fhir::Issue& issue : issues) {
    std::string place = issue.place;
    if (!issue.link_id.empty()) {
      place += fmt::format("{}(linkId {})", place.empty() ? "" : " ", issue.link_id);
    }
    lines += fmt::format("{}: {}: {}: {}{}{}\n", name, name_of(issue.severity), issue.code, place,
                         place.empty() ? "" : ": ", issue.text);
  }
  return safe_text(lines);
}

std::string first_issue_lines(std::string_view input, fhir::Issues issues) {
  constexpr std::size_t kShown = 50;
  const std::size_t left = issues.size() - std::min(issues.size(), kShown);
  issues.resize(issues.size() - left);
  std::string lines = issue_lines(input, issues);
  if (left > 0) {
    lines += fmt::format("and {} more; myoflag check shows up to {}\n", left, fhir::max_issues);
  }
  return lines;
}

}  // namespace myoflag::cli
