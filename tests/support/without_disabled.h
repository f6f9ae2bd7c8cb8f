#pragma once
// What fhir/response_check.h calls disabled, taken out of the response: for the laws that what is
// left has nothing disabled and no error of its own.

#include <vector>

#include "fhir/response_check.h"

namespace myoflag::fhir::testing {

// Arrays that become empty go too.
Json without_disabled(Json response, const std::vector<DisabledAnswer>& disabled);

}  // namespace myoflag::fhir::testing
