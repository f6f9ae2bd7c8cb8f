#pragma once
// Marks of R4 that an element means something else than it says. Whoever does not understand them
// must not process the element, and nothing here understands any. Source:
// hl7.org/fhir/R4/extensibility.html#modifierExtension, hl7.org/fhir/R4/resource.html#Resource.

#include "fhir/json.h"

namespace myoflag::fhir {

inline bool has_modifier(const Json& element) { return element.has("modifierExtension"); }

inline bool has_implicit_rules(const Json& resource) {
  return resource.has("implicitRules") || resource.has("_implicitRules");
}

}  // namespace myoflag::fhir
