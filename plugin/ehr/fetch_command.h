#pragma once
// myoflag-ehr fetch: fetches what the sidecar orders over standard input, until that ends. See
// fetch_wire.h.

#include "fhir/client/transport.h"
#include "plugin/failure.h"

namespace myoflag::ehr {

// Orders are read from `socket` and answered there.
Exit fetch_orders(fhir::client::Transport& transport, int socket);

}  // namespace myoflag::ehr
