#pragma once
// JSON that this program writes for itself and for the manifest: counts are whole numbers of any
// size.

#include <cstdint>
#include <optional>
#include <string_view>

#include "fhir/json.h"

namespace myoflag::batch {

fhir::Json number(std::uint64_t value);
// The member as a count; nothing when it is absent or something else.
std::optional<std::uint64_t> number_of(const fhir::Json& json, std::string_view name);

// Text that we wrote: without the limits for what comes from outside.
fhir::Result<fhir::Json> read_own(std::string_view text);

}  // namespace myoflag::batch
