#include "fhir/client/backend_services.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <jwt.h>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "fhir/base64.h"
#include "fhir/client/scopes.h"

namespace myoflag::fhir::client {

namespace {

using std::chrono::seconds;

constexpr seconds assertion_life{240};
constexpr seconds usual_life{300};  // where the server does not say
constexpr seconds longest_life{3600};
constexpr std::size_t most_bytes = 64u << 10;

TransportFailure failure(std::string code, std::string text) {
  return {std::move(code), std::move(text), Arrival::not_sent};
}

std::optional<Json> json_of(const Response& response) {
  auto json = read_json(response.body);
  if (!json || !json->is_object()) {
    return std::nullopt;
  }
  return std::move(*json);
}

// A word of RFC 6749 section 5.2; nothing else of the answer is repeated.
std::string error_of(const std::optional<Json>& json) {
  const std::string_view error = json ? json->string_of("error") : "";
  const bool is_word = !error.empty() && error.size() <= 40 &&
                       std::all_of(error.begin(), error.end(),
                                   [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
  return is_word ? fmt::format(" ({})", error) : "";
}

seconds life_of(const Json& json) {
  const Json* given = json.find("expires_in");
  const auto* number = given != nullptr ? given->as_number() : nullptr;
  long life = usual_life.count();
  if (number != nullptr) {
    const std::string& text = number->text;
    std::from_chars(text.data(), text.data() + text.size(), life);
  }
  return std::clamp(seconds(life), seconds(0), longest_life);
}

bool is_bearer(std::string_view type) {
  constexpr std::string_view bearer_type = "bearer";
  return std::equal(type.begin(), type.end(), bearer_type.begin(), bearer_type.end(),
                    [](char a, char b) { return (a | 0x20) == b; });
}

void must(int result) {
  if (result != 0) {
    throw std::logic_error("an assertion cannot be signed with a key that was accepted");
  }
}

}  // namespace

tl::expected<std::string, TransportFailure> FixedAuthority::header(bool) { return header_; }

std::string bearer(std::string_view token) { return fmt::format("Bearer {}", token); }

std::string basic(std::string_view user, std::string_view password) {
  return "Basic " + base64(fmt::format("{}:{}", user, password));
}

std::string client_assertion(const BackendOptions& options, std::string_view token_url,
                             std::string_view jti, std::chrono::sys_seconds now) {
  jwt_t* raw = nullptr;
  must(jwt_new(&raw));
  const std::unique_ptr<jwt_t, decltype(&jwt_free)> jwt(raw, jwt_free);
  const auto issued = static_cast<long>(now.time_since_epoch().count());
  must(jwt_add_header(raw, "kid", options.key.id.c_str()));
  must(jwt_add_grant(raw, "iss", options.client_id.c_str()));
  must(jwt_add_grant(raw, "sub", options.client_id.c_str()));
  must(jwt_add_grant(raw, "aud", std::string(token_url).c_str()));
  must(jwt_add_grant(raw, "jti", std::string(jti).c_str()));
  must(jwt_add_grant_int(raw, "iat", issued));
  must(jwt_add_grant_int(raw, "exp", issued + static_cast<long>(assertion_life.count())));
  const std::string& pem = options.key.pem;
  must(jwt_set_alg(raw, options.key.algorithm == "ES384" ? JWT_ALG_ES384 : JWT_ALG_RS384,
                   reinterpret_cast<const unsigned char*>(pem.data()),
                   static_cast<int>(pem.size())));
  const std::unique_ptr<char, decltype(&std::free)> text(jwt_encode_str(raw), std::free);
  must(text ? 0 : 1);
  return text.get();
}

BackendServices::BackendServices(Transport& transport, BackendOptions options, World world)
    : transport_(transport), options_(std::move(options)), world_(std::move(world)) {}

tl::expected<std::string, TransportFailure> BackendServices::header(bool anew) {
  const std::lock_guard lock(mutex_);
  const auto now = world_.now();
  // Whoever was refused with a token that another thread has replaced this second gets the new one.
  const bool is_fresh = asked_ == now && !token_.empty();
  if (token_.empty() || now >= renew_ || (anew && !is_fresh)) {
    if (const auto asked = ask(); !asked) {
      return tl::unexpected(asked.error());
    }
  }
  return bearer(token_);
}

tl::expected<std::string, TransportFailure> BackendServices::find_token_url() {
  if (!options_.token_url.empty()) {
    return options_.token_url;
  }
  std::string base = options_.base;
  while (base.ends_with('/')) {
    base.pop_back();
  }
  const auto response = transport_.send({Method::get,
                                         base + "/.well-known/smart-configuration",
                                         {{"Accept", "application/json"}},
                                         {},
                                         options_.deadline,
                                         most_bytes});
  if (!response) {
    return tl::unexpected(response.error());
  }
  if (next_of(response->status, Json(), true) == Next::retry) {
    return tl::unexpected(failure(
        "MF-1523",
        fmt::format("The server does not give its configuration now: {}.", response->status)));
  }
  const auto json = json_of(*response);
  std::string url(json ? json->string_of("token_endpoint") : "");
  if (response->status != 200 || !may_be_called(url)) {
    return tl::unexpected(
        failure("MF-1521", "The server does not say where it gives access tokens."));
  }
  return url;
}

tl::expected<void, TransportFailure> BackendServices::ask() {
  token_.clear();
  if (token_url_.empty()) {
    auto url = find_token_url();
    if (!url) {
      return tl::unexpected(url.error());
    }
    token_url_ = std::move(*url);
  }
  const auto now = world_.now();
  const Parameters form{
      {"scope", options_.scope},
      {"grant_type", "client_credentials"},
      {"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
      {"client_assertion", client_assertion(options_, token_url_, world_.uuid(), now)}};
  const auto response = transport_.send(
      {Method::post,
       token_url_,
       {{"Accept", "application/json"}, {"Content-Type", "application/x-www-form-urlencoded"}},
       query_of(form),
       options_.deadline,
       most_bytes});
  if (!response) {
    return tl::unexpected(response.error());
  }
  const auto json = json_of(*response);
  const std::string token(json ? json->string_of("access_token") : "");
  if (next_of(response->status, Json(), true) == Next::retry) {
    return tl::unexpected(failure(
        "MF-1523", fmt::format("The server gives no access token now: {}.", response->status)));
  }
  if (response->status != 200 || token.empty() || !is_bearer(json->string_of("token_type"))) {
    return tl::unexpected(failure("MF-1522", fmt::format("The server gives no access token: {}{}.",
                                                         response->status, error_of(json))));
  }
  const auto granted = json->string_of("scope");
  const auto missing =
      granted.empty() ? std::vector<std::string>() : not_granted(options_.scope, granted);
  if (!missing.empty()) {
    return tl::unexpected(
        failure("MF-1524", fmt::format("The server does not grant {}.", fmt::join(missing, ", "))));
  }
  token_ = token;
  asked_ = now;
  renew_ = now + life_of(*json) * 4 / 5;
  return {};
}

}  // namespace myoflag::fhir::client
