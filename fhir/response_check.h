#pragma once
// Whether a QuestionnaireResponse keeps the rules of its form: a list of small validators, each one
// rule of the standard, all of them run, every finding with FHIRPath, linkId and a code MF-1400 to
// MF-1499 (docs/errors/response.md). Issues never quote the response, only the form: what a patient
// wrote, even an unknown linkId, stays out of them.
//
// completed and amended: everything is checked. in-progress and stopped: nothing is demanded that
// is not there yet. entered-in-error: accepted without looking at the items. An unknown element
// inside an item is not looked for here. Sources: hl7.org/fhir/R4/questionnaireresponse.html,
// SDC 4.0.0 validation, the extensions of fhir/questionnaire.h.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/questionnaire.h"

namespace myoflag::fhir {

struct CheckOptions {
  std::optional<std::chrono::sys_seconds>
      now;  // absent: authored and the form's period are not held against it
};

// An item that the form does not ask for with these answers, and what is below it.
struct DisabledAnswer {
  std::string link_id;
  std::string place;        // FHIRPath of the item
  std::size_t answers = 0;  // how many answers are to be dropped; zero for a group

  friend bool operator==(const DisabledAnswer&, const DisabledAnswer&) = default;
};

struct CheckResult {
  Issues issues;  // at most max_issues, the last one then says that there are more
  std::vector<DisabledAnswer> disabled;  // in document order, an item before those below it
};

// Codes that callers act upon.
inline constexpr std::string_view other_questionnaire = "MF-1403";
inline constexpr std::string_view other_version = "MF-1404";
inline constexpr std::string_view disabled_item = "MF-1432";

CheckResult check_response(const Json& response, const Questionnaire& form,
                           const CheckOptions& options = {});

// check_structure and check_response together. Where both found the same defect of an element, that
// of the structure is listed.
Issues check_all(const Json& response, const Questionnaire& form, const CheckOptions& options = {});

}  // namespace myoflag::fhir
