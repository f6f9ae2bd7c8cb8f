#pragma once
// The rules of a knowledge module as one R4 PlanDefinition, so that any engine can run and check
// them: an action for each rule and information gap, its conditions as FHIRPath (fhirpath_form.h),
// its proposals as ActivityDefinitions. An action holds where all its conditions are true; an empty
// one is unknown, which is not false. Published for reading: our own engine runs our own form.
//
// The conditions read variables. A Library lists them with their types and which codes of a record
// stand behind them. Beside those of fhirpath_form.h there are two that only the program knows:
//   may_reassure  false where answers are old, the record is in doubt, or an earlier flag is gone
//   changed       true where something is worse than in the response before
// Source: hl7.org/fhir/R4/plandefinition.html, library.html.

#include "fhir/json.h"
#include "rules/knowledge.h"

namespace myoflag::mapping {

fhir::Json plan_definition(const rules::Knowledge& knowledge);
fhir::Json variables_library(const rules::Knowledge& knowledge);

}  // namespace myoflag::mapping
