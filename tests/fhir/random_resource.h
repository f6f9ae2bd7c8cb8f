#pragma once
// Valid R4 resources of any type out of the generated tables, for property tests: choice types,
// repeats, primitives with id and extension, null padding, contained resources, narrative, odd but
// legal text and numbers.

#include <cstdint>
#include <string_view>

#include "fhir/json.h"

namespace myoflag::fhir::test {

// The same type and seed give the same resource. `type` is a concrete resource type.
Json random_resource(std::string_view type, std::uint32_t seed);

}  // namespace myoflag::fhir::test
