#pragma once
// Who signed in at an EHR, as its id_token says, verified against what was asked for. The token
// chooses neither key nor algorithm: both have to be among those expected. Sources: OpenID Connect
// Core 1.0, 3.1.3.7; SMART App Launch 2.2, "scopes for requesting identity data".

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "plugin/trust/key_set.h"
#include "plugin/trust/replays.h"

namespace myoflag::trust {

struct SignIn {
  std::string issuer;     // of the tokens, letter by letter
  std::string client_id;  // ours
  std::string nonce;      // that was sent
  std::set<Algorithm> algorithms{Algorithm::es256, Algorithm::es384, Algorithm::rs256,
                                 Algorithm::rs384};
  // A claim that has to be that value, or a list with it; "realm_access.roles" is the one inside
  // the other. Empty: none is asked for.
  std::string claim = {}, value = {};
  // Who it is has to have proved it (auth_time) at most so long before the token was made (iat):
  // both are of the issuer's clock, so that ours does not matter. Nothing: whenever.
  std::optional<std::chrono::seconds> proved_within = std::nullopt;
};

enum class IdRefused {
  malformed,  // no token of the form, or a required claim is missing
  algorithm,  // not among the expected
  key,        // no key of that name fits
  signature,
  issuer,
  audience,  // not for us, or for others too without naming us as who asked
  nonce,
  time,       // expired, not yet valid, or from the future
  proof,      // it rests on an earlier sign-in
  auth_time,  // it does not say when somebody signed in
  claim,      // it is somebody, but nobody who may come in
};
std::string_view name_of(IdRefused refused);

struct Identity {
  std::string subject;                 // of that issuer
  std::string fhir_user;               // address of the user's resource; may be empty
  std::string name = {}, login = {};   // as people know the user; may be empty
  std::optional<Instant> proved = {};  // by the issuer's clock; nothing: it does not say
};

// Errors say which check, nothing of the token.
tl::expected<Identity, IdRefused> verify_id_token(std::string_view token, const SignIn& expected,
                                                  const KeySet& keys, Instant now);

}  // namespace myoflag::trust
