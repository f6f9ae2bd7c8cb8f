#pragma once
// FHIR JSON <-> FHIR XML for any R4 resource, driven by the generated tables. Nothing is lost
// silently: what the other form cannot hold is refused (MF-1200 to MF-1229) or, for comments and
// the like, listed as a notice (MF-1250, MF-1251). Sources: hl7.org/fhir/R4/json.html,
// hl7.org/fhir/R4/xml.html.

#include <string>
#include <string_view>

#include "fhir/error.h"
#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/structure.h"

namespace myoflag::fhir {

struct Converted {
  Json resource;   // members in definition order, resourceType first
  Issues notices;  // information: dropped comments, processing instructions ...; warning: elements
                   // out of order
};

// Errors of the gate carry line and column, those of the structure also a FHIRPath place. The
// result has the right shape (check_shape finds nothing); whether its content is right,
// check_structure tells.
Result<Converted> xml_to_json(std::string_view text, const Limits& limits = {});

// Indented, elements in definition order, narrative byte for byte (but for white space around it).
// Only for a resource in which check_shape_for_xml finds nothing.
std::string write_xml(const Json& resource);
// The members in the order that xml_to_json gives them, arrays that hold only gaps left out. Only
// for a resource in which check_shape finds nothing.
Json in_definition_order(const Json& resource);

// As write_xml; refused with the first finding of check_shape_for_xml.
Result<std::string> json_to_xml(const Json& resource);

}  // namespace myoflag::fhir
