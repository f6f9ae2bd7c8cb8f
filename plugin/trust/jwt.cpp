#include "plugin/trust/jwt.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "fhir/json.h"
#include "plugin/trust/jws.h"

namespace myoflag::trust {
namespace {

using fhir::Json;

constexpr std::size_t most_id_bytes = 256;
constexpr std::chrono::hours longest{1};

const Client* client_of(const std::vector<Client>& clients, std::string_view issuer) {
  const auto found = std::find_if(clients.begin(), clients.end(),
                                  [&](const Client& client) { return client.issuer == issuer; });
  return found == clients.end() ? nullptr : &*found;
}

bool is_meant_for(const Json& payload, const std::vector<std::string>& audiences) {
  const auto ours = [&](const Json& value) {
    const auto* text = value.as_string();
    return text != nullptr &&
           std::find(audiences.begin(), audiences.end(), *text) != audiences.end();
  };
  const auto* audience = payload.find("aud");
  if (audience == nullptr) {
    return false;
  }
  const auto* list = audience->as_array();
  return ours(*audience) || (list != nullptr && std::any_of(list->begin(), list->end(), ours));
}

bool is_in_time(const Json& payload, Instant expires, Instant issued, Instant now) {
  const auto not_before = instant_of(payload, "nbf");
  const bool begun = !payload.has("nbf") || (not_before && *not_before <= now + kSkew);
  return begun && expires > now - kSkew && issued <= now + kSkew && expires - issued <= longest;
}

bool has_right_type(const Json& header) {
  return header.string_of("typ") == "JWT" && !header.has("crit");
}

std::optional<Denied> check_key_url(const Json& header, const Client& client) {
  const auto* url = header.find("jku");
  if (url == nullptr) {
    return std::nullopt;
  }
  const auto* text = url->as_string();
  return text != nullptr && !text->empty() && *text == client.key_url
             ? std::nullopt
             : std::optional(Denied::key_url);
}

// What only holds once the signature does.
tl::expected<Claims, Denied> claims_of(const Json& payload,
                                       const std::vector<std::string>& audiences, Instant now) {
  if (!is_meant_for(payload, audiences)) {
    return tl::unexpected(Denied::audience);
  }
  const auto expires = instant_of(payload, "exp");
  const auto issued = instant_of(payload, "iat");
  const auto id = payload.string_of("jti");
  if (!expires || !issued || id.empty() || id.size() > most_id_bytes) {
    return tl::unexpected(Denied::malformed);
  }
  if (!is_in_time(payload, *expires, *issued, now)) {
    return tl::unexpected(Denied::time);
  }
  return Claims{std::string(payload.string_of("iss")), std::string(payload.string_of("tenant")),
                std::string(id), *expires};
}

}  // namespace

std::string_view name_of(Denied denied) {
  constexpr std::array<std::string_view, 12> names{
      "no bearer token", "malformed",   "algorithm", "issuer",   "tenant",
      "key set address", "key",         "signature", "audience", "time",
      "replayed",        "replay store"};
  return names[static_cast<std::size_t>(denied)];
}

tl::expected<Claims, Denied> verify(std::string_view token, const std::vector<Client>& clients,
                                    const std::vector<std::string>& audiences, Instant now) {
  const auto jws = read_jws(token);
  if (!jws || !has_right_type(jws->header)) {
    return tl::unexpected(Denied::malformed);
  }
  const auto *header = &jws->header, *payload = &jws->payload;
  const auto algorithm = algorithm_of(header->string_of("alg"));
  if (!algorithm) {
    return tl::unexpected(Denied::algorithm);
  }
  const auto* client = client_of(clients, payload->string_of("iss"));
  if (client == nullptr || client->issuer.empty()) {
    return tl::unexpected(Denied::issuer);
  }
  if (!client->algorithms.contains(*algorithm)) {
    return tl::unexpected(Denied::algorithm);
  }
  if (!client->tenant.empty() && client->tenant != payload->string_of("tenant")) {
    return tl::unexpected(Denied::tenant);
  }
  if (const auto denied = check_key_url(*header, *client)) {
    return tl::unexpected(*denied);
  }
  const auto key_id = header->string_of("kid");
  if (key_id.empty() || client->keys == nullptr || !client->keys->has(key_id, *algorithm)) {
    return tl::unexpected(Denied::key);
  }
  if (!client->keys->verify(key_id, *algorithm, jws->signed_text, jws->signature)) {
    return tl::unexpected(Denied::signature);
  }
  return claims_of(*payload, audiences, now);
}

tl::expected<Claims, Denied> admit(std::string_view authorization,
                                   const std::vector<Client>& clients,
                                   const std::vector<std::string>& audiences, Instant now,
                                   Replays& replays) {
  constexpr std::string_view scheme = "bearer ";
  const auto given = authorization.substr(0, scheme.size());
  const bool is_bearer =
      std::equal(given.begin(), given.end(), scheme.begin(), scheme.end(),
                 [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a | 0x20 : a) == b; });
  if (!is_bearer) {
    return tl::unexpected(Denied::missing);
  }
  auto claims = verify(authorization.substr(scheme.size()), clients, audiences, now);
  if (!claims) {
    return claims;
  }
  switch (replays.remember(claims->issuer, claims->id, claims->expires, now)) {
    case Replays::Use::first:
      return claims;
    case Replays::Use::refused:
      return tl::unexpected(Denied::replayed);
    case Replays::Use::unknown:
      break;
  }
  return tl::unexpected(Denied::not_kept);
}

}  // namespace myoflag::trust
