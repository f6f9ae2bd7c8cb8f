#include "plugin/cli/issues.h"

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
  for (const fhir::Issue& issue : issues) {
    std::string place = issue.place;
    if (!issue.link_id.empty()) {
      place += fmt::format("{}(linkId {})", place.empty() ? "" : " ", issue.link_id);
    }
    lines += fmt::format("{}: {}: {}: {}{}{}\n", input, name_of(issue.severity), issue.code, place,
                         place.empty() ? "" : ": ", issue.text);
  }
  return safe_text(lines);
}

}  // namespace myoflag::cli
