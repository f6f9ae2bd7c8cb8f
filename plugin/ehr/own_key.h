#pragma once
// Our private key, as a file.

#include <string>

#include <tl/expected.hpp>

#include "fhir/client/key_set.h"
#include "plugin/failure.h"

namespace myoflag::ehr {

// From a file that nobody else may read. MF-4131 and those of the key, exit 2.
tl::expected<fhir::client::SigningKey, Failure> read_key(const std::string& file,
                                                         const std::string& id);

}  // namespace myoflag::ehr
