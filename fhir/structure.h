#pragma once
// Does a JSON value have the shape of an R4 resource? Any resource, from the generated tables; no
// profiles, no terminology but the closed code lists, no clinical meaning.

#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/primitives.h"

namespace myoflag::fhir {

// Every problem with its FHIRPath place, in document order; at most max_issues, the last then says
// that there are more (MF-1213). MF-1200 to MF-1229: the shape is wrong (unknown element, wrong
// JSON type, array or not, empty, misplaced null, two variants of a choice, broken narrative).
// MF-1230 to MF-1249: shape right, content wrong (format of a primitive, missing required element,
// code outside a closed list, narrative outside the allowed XHTML).
Issues check_structure(const Json& resource);

// Only MF-1200 to MF-1229: what FHIR's JSON form cannot be, whatever it says.
Issues check_shape(const Json& resource);

// As check_shape, and MF-1214: what FHIR's XML form cannot hold though its JSON form can.
Issues check_shape_for_xml(const Json& resource);

}  // namespace myoflag::fhir
