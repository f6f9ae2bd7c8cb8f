#pragma once
// Draft ServiceRequests with intent "proposal", one for each workup that the assessment proposes: a
// person decides. Never an order, and none without a subject, because a request for nobody has no
// place in an order list. Source: hl7.org/fhir/R4/servicerequest.html, docs/fhir-mapping-out.md.

#include <vector>

#include "fhir/json.h"
#include "plugin/mapping/frame.h"

namespace myoflag::mapping {

std::vector<fhir::Json> service_request_entries(const Frame& frame);

}  // namespace myoflag::mapping
