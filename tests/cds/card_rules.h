#pragma once
// The rules of CDS Hooks 2.0 for a response, written down a second time, for tests.

#include <string>
#include <vector>

#include "fhir/json.h"

namespace myoflag::testing {

// Everything that is wrong with {"cards": [...]}; empty: nothing.
std::vector<std::string> faults_of_cards(const fhir::Json& response);

}  // namespace myoflag::testing
