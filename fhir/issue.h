#pragma once
// A finding about data, not a failure of ours: severity, FHIR issue code, our code, a sentence, the
// place. Source: hl7.org/fhir/R4/operationoutcome.html.

#include <string>
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

bool has_errors(const Issues& issues);
Issue to_issue(const Error& error);  // severity fatal, type from the code's range
Json operation_outcome(
    const Issues& issues);  // "All OK" informational issue when the list is empty

}  // namespace myoflag::fhir
