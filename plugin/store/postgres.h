#pragma once
// PostgreSQL, for a store that several machines share. Its address names neither a password (the
// environment does: PGPASSWORD, or the file of PGPASSFILE) nor anything that weakens it: to another
// machine only under TLS, with its certificate checked. Every question ends: connecting after 5 s,
// a statement after 15 s, a wait for others after 10 s, a server that says nothing after 20 s.

#include <memory>
#include <string>

#include "plugin/store/result.h"
#include "plugin/store/sql.h"

namespace myoflag::store {

// MF-3109: the address cannot be used.
Done check_address(const std::string& address);

// MF-3109, or MF-3100: nobody answers there, or does not let us in.
Result<std::unique_ptr<Connection>> connect(const std::string& address);

}  // namespace myoflag::store
