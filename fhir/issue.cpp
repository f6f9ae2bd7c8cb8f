#include "fhir/issue.h"

#include <algorithm>
#include <array>
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

constexpr std::string_view error_codes = "https://myoflag.org/fhir/CodeSystem/errors";

struct CodeType {
  std::string_view code;
  std::string_view type;
};

// Codes that are not of the type of their range.
constexpr std::array single_types{
    CodeType{"MF-1001", "too-long"},      CodeType{"MF-1007", "too-long"},
    CodeType{"MF-1009", "too-long"},      CodeType{"MF-1010", "too-long"},
    CodeType{"MF-1101", "too-long"},      CodeType{"MF-1107", "too-long"},
    CodeType{"MF-1114", "too-long"},      CodeType{"MF-1116", "too-long"},
    CodeType{"MF-1209", "too-long"},      CodeType{"MF-1213", "too-costly"},
    CodeType{"MF-1214", "value"},         CodeType{"MF-1230", "value"},
    CodeType{"MF-1231", "required"},      CodeType{"MF-1232", "code-invalid"},
    CodeType{"MF-1250", "informational"}, CodeType{"MF-1251", "structure"},
    CodeType{"MF-1400", "structure"},
};

struct RangeType {
  int last;
  std::string_view type;
};

// The first range that reaches the number. They are those of docs/errors/.
constexpr std::array range_types{RangeType{999, "processing"},     RangeType{1229, "structure"},
                                 RangeType{1499, "invariant"},     RangeType{2999, "processing"},
                                 RangeType{3099, "business-rule"}, RangeType{9999, "processing"}};

int number_of(std::string_view code) {
  int number = 0;
  if (code.starts_with("MF-")) {
    std::from_chars(code.data() + 3, code.data() + code.size(), number);
  }
  return number;
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
    details.set("coding",
                Json::array({Json::object({{"system", error_codes}, {"code", issue.code}})}));
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

std::string_view issue_type(std::string_view code) {
  const auto single = std::find_if(single_types.begin(), single_types.end(),
                                   [code](const CodeType& row) { return row.code == code; });
  if (single != single_types.end()) {
    return single->type;
  }
  const auto range =
      std::find_if(range_types.begin(), range_types.end(),
                   [number = number_of(code)](const RangeType& row) { return number <= row.last; });
  return range == range_types.end() ? "processing" : range->type;
}

Issue to_issue(const Error& error) {
  Issue issue;
  issue.severity = Severity::fatal;
  issue.type = issue_type(error.code);
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
