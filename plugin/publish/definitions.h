#pragma once
// Everything of a knowledge module that others may read: CodeSystems, ValueSets, the Questionnaire,
// the Library of variables, ActivityDefinitions, the PlanDefinition. Each refers only to what
// stands before it. Same knowledge, same bytes.

#include <vector>

#include "fhir/json.h"
#include "rules/knowledge.h"

namespace myoflag::publish {

// Members in definition order; the pair of url and version is unique. The Questionnaire is right
// only where mapping::form_issues finds nothing.
std::vector<fhir::Json> definitions(const rules::Knowledge& knowledge);

}  // namespace myoflag::publish
