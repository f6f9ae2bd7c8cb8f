#pragma once
// Every Reference of a resource, wherever R4 has one: in elements, extensions, identifiers, answers
// and contained resources. Found by the definitions, so no text that merely looks like one.

#include <functional>
#include <string>

#include "fhir/json.h"

namespace myoflag::fhir {

// place: FHIRPath of the Reference, "QuestionnaireResponse.contained[0].subject".
using OnReference = std::function<void(const Json& reference, const std::string& place)>;

// Members that R4 does not know, and values of another shape, are passed over.
void for_each_reference(const Json& resource, const OnReference& visit);

}  // namespace myoflag::fhir
