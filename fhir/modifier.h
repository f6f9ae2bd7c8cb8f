#pragma once
// Marks of R4 that an element means something else than it says, or that some of it was left out.
// Whoever does not understand them must not process the element, and nothing here understands any.
// Sources: hl7.org/fhir/R4/extensibility.html#modifierExtension,
// hl7.org/fhir/R4/resource.html#Resource, hl7.org/fhir/R4/search.html#summary.

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

// By its server, for a search with _summary or _elements.
inline bool is_subsetted(const Json& resource) {
  const auto* meta = resource.find("meta");
  if (meta == nullptr) {
    return false;
  }
  const auto& tags = meta->array_of("tag");
  return std::any_of(tags.begin(), tags.end(),
                     [](const Json& tag) { return tag.string_of("code") == "SUBSETTED"; });
}

}  // namespace myoflag::fhir
