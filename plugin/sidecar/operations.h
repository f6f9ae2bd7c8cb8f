#pragma once
// FHIR operations of our own, under /fhir: QuestionnaireResponse/$validate, QuestionnaireResponse/
// $extract (SDC, observation-based) and $assess, with their definition. Each takes its resource as
// the body or inside Parameters, JSON or XML, and keeps nothing. Statuses: 400 what cannot be read
// or is not what the operation takes, 422 what cannot be judged, each with an OperationOutcome that
// says where. Errors: MF-4151 to MF-4155 and those of the input. Sources:
// hl7.org/fhir/R4/operations.html, hl7.org/fhir/uv/sdc.

#include <string_view>

#include "fhir/json.h"
#include "plugin/http/router.h"
#include "plugin/sidecar/routes.h"
#include "rules/knowledge.h"

namespace myoflag::sidecar {

fhir::Json assess_definition(const rules::Knowledge& knowledge, std::string_view version);

// For the CapabilityStatement: what rest.operation and rest.resource say of them.
fhir::Json system_operations(const rules::Knowledge& knowledge);
fhir::Json response_operations();

void add_operations(http::Router& router, const Parts& parts);

}  // namespace myoflag::sidecar
