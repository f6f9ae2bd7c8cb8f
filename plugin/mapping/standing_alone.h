#pragma once
// The resources of a transaction as they stand in files: each with the id that its fullUrl names,
// and references between them as "Observation/<id>".

#include <vector>

#include "fhir/json.h"

namespace myoflag::mapping {

std::vector<fhir::Json> standing_alone(fhir::Json bundle);

}  // namespace myoflag::mapping
