#pragma once
// A signed token (JWS, compact) taken apart; nothing of it is believed yet. Source: RFC 7515,
// section 3.1.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "fhir/json.h"
#include "plugin/trust/replays.h"

namespace myoflag::trust {

struct Jws {
  fhir::Json header, payload;  // objects
  std::string signature;
  std::string_view signed_text;  // of the token
};

// Nothing: too long (8 KiB), not three parts, no strict base64url, no JSON object, a name twice.
std::optional<Jws> read_jws(std::string_view token);

// Seconds since 1970; a fraction, which the standard allows, is cut off. Nothing: absent, or no
// such number.
std::optional<Instant> instant_of(const fhir::Json& payload, std::string_view name);

}  // namespace myoflag::trust
