#pragma once
// Who calls: the token of a CDS client (JWT), verified in a fixed order, cheap checks first. Never
// is an address fetched that a token names. What is refused is refused with 401 and an empty body;
// the reason is for our log only. Source: CDS Hooks 2.0, "Trusting CDS Clients"; RFC 7515, 7519.

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "plugin/trust/key_set.h"
#include "plugin/trust/replays.h"

namespace myoflag::trust {

// A client that a site knows.
struct Client {
  std::string issuer;   // as in the claim "iss", letter by letter
  std::string tenant;   // where not empty, the claim has to be the same
  std::string key_url;  // where a token names its key set, it has to be this one
  std::set<Algorithm> algorithms{Algorithm::es384, Algorithm::rs384};
  std::shared_ptr<const KeySet> keys;
};

enum class Denied {
  missing,    // no bearer token
  malformed,  // too long, not three parts, no strict base64url, no JSON, a required member missing
  algorithm,
  issuer,
  tenant,
  key_url,
  key,
  signature,
  audience,
  time,  // expired, not yet valid, from the future, or valid for too long
  replayed,
  not_kept,  // nobody can tell whether it was used before
};
std::string_view name_of(Denied denied);

struct Claims {
  std::string issuer, tenant, id;
  Instant expires{};
};

// All but the replay, so without any state. `audiences`: the addresses that the request may have
// been meant for, as clients know them.
tl::expected<Claims, Denied> verify(std::string_view token, const std::vector<Client>& clients,
                                    const std::vector<std::string>& audiences, Instant now);

// The whole of it, from the field Authorization.
tl::expected<Claims, Denied> admit(std::string_view authorization,
                                   const std::vector<Client>& clients,
                                   const std::vector<std::string>& audiences, Instant now,
                                   Replays& replays);

}  // namespace myoflag::trust
