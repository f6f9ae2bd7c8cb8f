#pragma once
// A workup as an R4 ActivityDefinition: the draft ServiceRequest, intent proposal, that a rule may
// lead to. All of it follows from the knowledge; nothing here fails. Source:
// hl7.org/fhir/R4/activitydefinition.html.

#include <string>
#include <vector>

#include "fhir/json.h"
#include "rules/knowledge.h"

namespace myoflag::mapping {

std::string activity_canonical(const rules::Knowledge& knowledge, const rules::Workup& workup);
fhir::Json activity_definition(const rules::Knowledge& knowledge, const rules::Workup& workup);
std::vector<fhir::Json> activity_definitions(const rules::Knowledge& knowledge);

}  // namespace myoflag::mapping
