#include "fhir/issue.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include <fmt/format.h>

namespace myoflag::fhir {

namespace {

std::string_view severity_code(Severity severity) {
  switch (severity) {
    case Severity::information:
      return "information";
    case Severity::warning:
      return "warning";
    case Severity::error:
      return "error";
    case Severity::fatal:
      return "fatal";
  }
  return "fatal";
}

int code_number(std::string_view code) {
  int number = 0;
  if (code.starts_with("MF-")) {
    std::from_chars(code.data() + 3, code.data() + code.size(), number);
  }
  return number;
}

// The ranges are those of docs/errors.md.
std::string_view type_of_code(std::string_view code) {
  const int number = code_number(code);
  if (code == "MF-1001" || code == "MF-1007" || code == "MF-1009" || code == "MF-1010" ||
      code == "MF-1101") {
    return "too-long";
  }
  if (number >= 1000 && number < 1300) {
    return "structure";
  }
  if (number >= 1300 && number < 1500) {
    return "invariant";
  }
  if (number >= 3000 && number < 3100) {
    return "business-rule";
  }
  return "processing";
}

std::string place_text(const Error& error) {
  if (error.line == 0) {
    return error.text;
  }
  return fmt::format("{} (line {}, column {})", error.text, error.line, error.column);
}

Json to_json(const Issue& issue) {
  Json details;
  if (!issue.code.empty()) {
    details.set("coding", Json::array({Json::object({{"code", issue.code}})}));
  }
  details.set_if("text", issue.text);
  Json result;
  result.set("severity", severity_code(issue.severity));
  result.set("code", issue.type.empty() ? std::string("invalid") : issue.type);
  result.set_if("details", std::move(details));
  if (!issue.link_id.empty()) {
    result.set("diagnostics", fmt::format("linkId {}", issue.link_id));
  }
  if (!issue.place.empty()) {
    result.set("expression", Json::array({issue.place}));
  }
  return result;
}

Issue all_ok() {
  Issue issue;
  issue.severity = Severity::information;
  issue.type = "informational";
  issue.text = "All OK";
  return issue;
}

}  // namespace

bool has_errors(const Issues& issues) {
  return std::any_of(issues.begin(), issues.end(), [](const Issue& issue) {
    return issue.severity == Severity::error || issue.severity == Severity::fatal;
  });
}

Issue to_issue(const Error& error) {
  Issue issue;
  issue.severity = Severity::fatal;
  issue.type = type_of_code(error.code);
  issue.code = error.code;
  issue.text = place_text(error);
  issue.place = error.place;
  return issue;
}

Json operation_outcome(const Issues& issues) {
  Json list;
  for (const auto& issue : issues) {
    list.push(to_json(issue));
  }
  if (issues.empty()) {
    list.push(to_json(all_ok()));
  }
  return Json::object({{"resourceType", "OperationOutcome"}, {"issue", std::move(list)}});
}

}  // namespace myoflag::fhir
