#pragma once
// The variables of plugin/mapping/fhirpath_form.h for one patient, as another engine gets them to
// run and check our conditions; absent ones are null.

#include "fhir/json.h"
#include "rules/evaluate.h"
#include "rules/knowledge.h"

namespace myoflag::mapping::testing {

fhir::Json fhirpath_variables(const rules::Knowledge& knowledge, const rules::Facts& facts,
                              const rules::FiredTiers& fired);

}  // namespace myoflag::mapping::testing
