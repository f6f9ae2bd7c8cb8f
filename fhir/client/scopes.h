#pragma once
// SMART scopes of version 1 ("system/Patient.read") and 2 ("system/Patient.rs"). Source: SMART App
// Launch 2.2, scopes and launch context (hl7.org/fhir/smart-app-launch).

#include <string>
#include <string_view>
#include <vector>

namespace myoflag::fhir::client {

// Those of `asked` that no scope of `granted` covers; both are lists with blanks between. A granted
// scope with a query ("system/Observation.rs?category=x") gives a part only and covers nothing.
std::vector<std::string> not_granted(std::string_view asked, std::string_view granted);

}  // namespace myoflag::fhir::client
