#pragma once
// The last rung: files for an interface engine. Each is there whole, or not at all, and writing it
// again changes nothing.

#include <string>

#include <tl/expected.hpp>

#include "fhir/json.h"
#include "plugin/failure.h"

namespace myoflag::delivery {

// `<name>.bundle.json`, the transaction, and before it `<name>.ndjson`, its resources, which there
// have the last part of their fullUrl as id and refer to each other by it. MF-3159.
tl::expected<void, Failure> write_files(const std::string& folder, const std::string& name,
                                        const fhir::Json& bundle);

}  // namespace myoflag::delivery
