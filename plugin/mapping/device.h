#pragma once
// This program as an R4 Device: who assembled what we write. One resource for each site and program
// version.

#include <string>
#include <string_view>

#include "fhir/json.h"

namespace myoflag::mapping {

// Version of the program, as the build names it: "0.1.0".
std::string_view software_version();

fhir::Json device_resource(fhir::Json identifier, std::string_view version);

}  // namespace myoflag::mapping
