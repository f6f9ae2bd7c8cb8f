#pragma once
// SMART Backend Services: who we are to a server, proven by a signed assertion instead of a shared
// secret. Tokens stay in memory. Source: hl7.org/fhir/smart-app-launch/backend-services.html and
// client-confidential-asymmetric.html.

#include <chrono>
#include <mutex>
#include <string>
#include <string_view>

#include "fhir/client/client.h"
#include "fhir/client/key_set.h"

namespace myoflag::fhir::client {

// "Bearer <token>", or "Basic <base64>", as configured.
class FixedAuthority final : public Authority {
 public:
  explicit FixedAuthority(std::string header) : header_(std::move(header)) {}
  tl::expected<std::string, TransportFailure> header(bool anew) override;

 private:
  std::string header_;
};

std::string bearer(std::string_view token);
std::string basic(std::string_view user, std::string_view password);

struct BackendOptions {
  std::string base;       // of the FHIR endpoint
  std::string token_url;  // empty: from <base>/.well-known/smart-configuration
  std::string client_id;
  std::string scope;  // "system/Observation.crus ..."
  SigningKey key;
  std::chrono::milliseconds deadline{10'000};
};

// The JWT with which we ask for a token: valid for 240 s.
std::string client_assertion(const BackendOptions& options, std::string_view token_url,
                             std::string_view jti, std::chrono::sys_seconds now);

// Asks for a token when there is none, when 80 % of its life are over, or when it was refused; one
// thread asks, the others wait for it. A token for less than was asked is none (MF-1524): what is
// read with it would look whole. Where the server does not say, it has granted all (RFC 6749, 5.1).
class BackendServices final : public Authority {
 public:
  BackendServices(Transport& transport, BackendOptions options, World world = real_world());

  tl::expected<std::string, TransportFailure> header(bool anew) override;

 private:
  tl::expected<std::string, TransportFailure> find_token_url();
  tl::expected<void, TransportFailure> ask();

  Transport& transport_;
  const BackendOptions options_;
  const World world_;
  std::mutex mutex_;
  std::string token_, token_url_;
  std::chrono::sys_seconds renew_{};
  std::chrono::sys_seconds asked_{};
};

}  // namespace myoflag::fhir::client
