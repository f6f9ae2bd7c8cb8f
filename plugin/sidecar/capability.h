#pragma once
// What /fhir/metadata says: a CapabilityStatement of what the routes really do, and no more.
// Source: hl7.org/fhir/R4/capabilitystatement.html.

#include <string_view>

#include "fhir/json.h"
#include "rules/knowledge.h"

namespace myoflag::sidecar {

// `base`: address of the FHIR endpoint as clients know it.
fhir::Json capability_statement(const rules::Knowledge& knowledge, std::string_view version,
                                std::string_view base);

}  // namespace myoflag::sidecar
