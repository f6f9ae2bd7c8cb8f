#pragma once
// Draft ServiceRequests with intent "proposal", one for each workup that the assessment proposes: a
// person decides. Never an order, and none without a subject, because a request for nobody has no
// place in an order list. Source: hl7.org/fhir/R4/servicerequest.html, docs/fhir-mapping-out.md.

#include <string_view>
#include <vector>

#include "fhir/json.h"
#include "plugin/mapping/frame.h"

namespace myoflag::mapping {

std::vector<fhir::Json> service_request_entries(const Frame& frame);

// The same for a person to add from a CDS Hooks card. It refers to nothing that the record may not
// hold: reasons are words. `encounter`: Reference or null; `evaluated`: instant.
fhir::Json suggested_request(const rules::Assessment& assessment, const rules::WorkupRow& row,
                             const fhir::Json& response, fhir::Json subject, fhir::Json encounter,
                             std::string_view evaluated);

}  // namespace myoflag::mapping
