#pragma once
// The variables of plugin/mapping/fhirpath_form.h for one patient, as another engine gets them to
// run and check our conditions; absent ones are null.

#include <string>

#include "fhir/json.h"
#include "rules/evaluate.h"
#include "rules/knowledge.h"

namespace myoflag::mapping::testing {

// Without the percent sign: what the patient chose, a list of codes.
std::string answer_variable(const rules::Item& item);

fhir::Json fhirpath_variables(const rules::Knowledge& knowledge, const rules::Facts& facts,
                              const rules::FiredTiers& fired);

}  // namespace myoflag::mapping::testing
