#pragma once
// myoflag-ehr fetch: fetches what the sidecar orders over standard input, until that ends. See
// fetch_wire.h.

#include <string>

#include "fhir/client/client.h"
#include "fhir/client/transport.h"
#include "plugin/failure.h"

namespace myoflag::ehr {

// Who the process itself is at one endpoint, for orders that bring no token.
struct Own {
  std::string base;                              // empty: nobody, nowhere
  fhir::client::Authority* authority = nullptr;  // null: the endpoint asks for none
};

// Orders are read from `socket` and answered there. One without a token for another endpoint than
// our own ends it.
Exit fetch_orders(fhir::client::Transport& transport, int socket, const Own& own = {});

}  // namespace myoflag::ehr
