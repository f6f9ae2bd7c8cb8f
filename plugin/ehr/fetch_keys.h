#pragma once
// The public keys of a client that calls us (JWK Set), from its address into a file that the
// serving program reads. A set that cannot be used never takes the place of one that can.

#include <string>

#include <tl/expected.hpp>

#include "fhir/client/transport.h"
#include "plugin/failure.h"

namespace myoflag::ehr {

// MF-4132 for an address that is not called; MF-4247 and the transport's codes where it gives no
// usable set or the file cannot be written: then the file is as it was.
tl::expected<void, Failure> fetch_keys(fhir::client::Transport& transport, const std::string& url,
                                       const std::string& file);

}  // namespace myoflag::ehr
