#pragma once
// A finding about data, not a failure of ours: severity, FHIR issue code, our code, a sentence, the
// place. Source: hl7.org/fhir/R4/operationoutcome.html.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/error.h"
#include "fhir/json.h"

namespace myoflag::fhir {

enum class Severity { information, warning, error, fatal };

struct Issue {
  Severity severity = Severity::error;
  std::string type;   // value set issue-type: structure, required, value, invariant, code-invalid,
                      // business-rule ...
  std::string code;   // our stable code, "MF-1402"
  std::string text;   // one readable sentence, without patient data
  std::string place;  // FHIRPath, "QuestionnaireResponse.item[2].answer[0].value"
  std::string link_id;  // of the item concerned, if any

  friend bool operator==(const Issue&, const Issue&) = default;
};

using Issues = std::vector<Issue>;

// No check of a resource lists more findings than this; the last one then says that there are more.
inline constexpr std::size_t max_issues = 1000;

bool has_errors(const Issues& issues);
// The type that belongs to one of our codes.
std::string_view issue_type(std::string_view code);
Issue to_issue(const Error& error);  // severity fatal
Json operation_outcome(
    const Issues& issues);  // "All OK" informational issue when the list is empty

}  // namespace myoflag::fhir
