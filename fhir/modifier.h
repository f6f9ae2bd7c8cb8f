#pragma once
// Marks of R4 that an element means something else than it says. Whoever does not understand them
// must not process the element, and nothing here understands any. Source:
// hl7.org/fhir/R4/extensibility.html#modifierExtension, hl7.org/fhir/R4/resource.html#Resource.

#include <algorithm>

#include "fhir/json.h"

namespace myoflag::fhir {

inline bool has_modifier(const Json& element) { return element.has("modifierExtension"); }

// Anywhere in it.
inline bool has_modifier_inside(const Json& json) {
  if (const auto* list = json.as_array()) {
    return std::any_of(list->begin(), list->end(), has_modifier_inside);
  }
  const auto* object = json.as_object();
  return object != nullptr &&
         (has_modifier(json) ||
          std::any_of(object->begin(), object->end(), [](const Json::Member& member) {
            return has_modifier_inside(member.value);
          }));
}

inline bool has_implicit_rules(const Json& resource) {
  return resource.has("implicitRules") || resource.has("_implicitRules");
}

}  // namespace myoflag::fhir
