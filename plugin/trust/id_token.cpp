#include "plugin/trust/id_token.h"

#include <algorithm>
#include <array>
#include <optional>

#include "plugin/trust/jws.h"

namespace myoflag::trust {
namespace {

using fhir::Json;

constexpr std::size_t most_subject_bytes = 255;
constexpr std::size_t most_user_bytes = 2'000;
constexpr std::size_t most_name_bytes = 100;

// For us, and where for others too, asked for by us.
bool is_meant_for(const Json& payload, std::string_view client_id) {
  const auto* audience = payload.find("aud");
  if (audience == nullptr || (payload.has("azp") && payload.string_of("azp") != client_id)) {
    return false;
  }
  if (const auto* one = audience->as_string()) {
    return *one == client_id;
  }
  const auto* list = audience->as_array();
  return list != nullptr && (list->size() == 1 || payload.has("azp")) &&
         std::any_of(list->begin(), list->end(), [&](const Json& one) {
           return one.is_string() && *one.as_string() == client_id;
         });
}

bool is_in_time(const Json& payload, Instant expires, Instant issued, Instant now) {
  const auto not_before = instant_of(payload, "nbf");
  const bool begun = !payload.has("nbf") || (not_before && *not_before <= now + kSkew);
  return begun && expires > now - kSkew && issued <= now + kSkew;
}

std::optional<IdRefused> flaw_of_proof(const std::optional<Instant>& proved, const SignIn& expected,
                                       Instant issued) {
  if (!expected.proved_within) {
    return std::nullopt;
  }
  return !proved                                      ? std::optional(IdRefused::auth_time)
         : issued - *proved > *expected.proved_within ? std::optional(IdRefused::proof)
                                                      : std::nullopt;
}

// The claim of that name, or the one inside another that its parts name.
const Json* claim_of(const Json& payload, std::string_view name) {
  if (const Json* whole = payload.find(name)) {
    return whole;
  }
  const auto dot = name.find('.');
  const Json* outer = dot == std::string_view::npos ? nullptr : payload.find(name.substr(0, dot));
  return outer == nullptr ? nullptr : claim_of(*outer, name.substr(dot + 1));
}

bool says(const Json& claim, std::string_view value) {
  if (const auto* text = claim.as_string()) {
    return *text == value;
  }
  const auto* list = claim.as_array();
  return list != nullptr && std::any_of(list->begin(), list->end(), [&](const Json& one) {
           return one.is_string() && *one.as_string() == value;
         });
}

bool may_come_in(const Json& payload, const SignIn& expected) {
  if (expected.claim.empty()) {
    return true;
  }
  const Json* claim = claim_of(payload, expected.claim);
  return claim != nullptr && !expected.value.empty() && says(*claim, expected.value);
}

// A name that is too long is none.
std::string name_in(const Json& payload, std::string_view claim) {
  const auto name = payload.string_of(claim);
  return name.size() > most_name_bytes ? std::string() : std::string(name);
}

// What only counts once the signature holds.
tl::expected<Identity, IdRefused> identity_of(const Json& payload, const SignIn& expected,
                                              Instant now) {
  if (payload.string_of("iss") != expected.issuer || expected.issuer.empty()) {
    return tl::unexpected(IdRefused::issuer);
  }
  if (!is_meant_for(payload, expected.client_id) || expected.client_id.empty()) {
    return tl::unexpected(IdRefused::audience);
  }
  if (payload.string_of("nonce") != expected.nonce || expected.nonce.empty()) {
    return tl::unexpected(IdRefused::nonce);
  }
  const auto expires = instant_of(payload, "exp");
  const auto issued = instant_of(payload, "iat");
  const auto subject = payload.string_of("sub");
  const auto user = payload.string_of("fhirUser");
  if (!expires || !issued || subject.empty() || subject.size() > most_subject_bytes ||
      user.size() > most_user_bytes) {
    return tl::unexpected(IdRefused::malformed);
  }
  if (!is_in_time(payload, *expires, *issued, now)) {
    return tl::unexpected(IdRefused::time);
  }
  const auto proved = instant_of(payload, "auth_time");
  if (const auto flaw = flaw_of_proof(proved, expected, *issued)) {
    return tl::unexpected(*flaw);
  }
  if (!may_come_in(payload, expected)) {
    return tl::unexpected(IdRefused::claim);
  }
  return Identity{std::string(subject), std::string(user), name_in(payload, "name"),
                  name_in(payload, "preferred_username"), proved};
}

}  // namespace

std::string_view name_of(IdRefused refused) {
  constexpr std::array<std::string_view, 11> names{"malformed", "algorithm", "key",   "signature",
                                                   "issuer",    "audience",  "nonce", "time",
                                                   "proof",     "auth_time", "claim"};
  return names[static_cast<std::size_t>(refused)];
}

tl::expected<Identity, IdRefused> verify_id_token(std::string_view token, const SignIn& expected,
                                                  const KeySet& keys, Instant now) {
  const auto jws = read_jws(token);
  if (!jws || jws->header.has("crit")) {
    return tl::unexpected(IdRefused::malformed);
  }
  const auto algorithm = algorithm_of(jws->header.string_of("alg"));
  if (!algorithm || !expected.algorithms.contains(*algorithm)) {
    return tl::unexpected(IdRefused::algorithm);
  }
  // A name that is no text, or an empty one, is not the absence of one.
  const auto key_id = jws->header.string_of("kid");
  if ((jws->header.has("kid") && key_id.empty()) || !keys.has(key_id, *algorithm)) {
    return tl::unexpected(IdRefused::key);
  }
  if (!keys.verify(key_id, *algorithm, jws->signed_text, jws->signature)) {
    return tl::unexpected(IdRefused::signature);
  }
  return identity_of(jws->payload, expected, now);
}

}  // namespace myoflag::trust
