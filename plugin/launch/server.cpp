#include "plugin/launch/server.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include <fmt/format.h>

#include "fhir/base64.h"
#include "fhir/client/key_set.h"
#include "fhir/client/transport.h"
#include "fhir/json.h"
#include "rules/digest.h"

namespace myoflag::launch {

namespace {

using fhir::Json;

constexpr fhir::Limits gate{
    .bytes = 256u << 10, .depth = 12, .string_bytes = 64u << 10, .nodes = 20'000};
constexpr std::size_t most_error_letters = 40;
// Of staff: that it is named at all makes the provider say when it was (auth_time). A day.
constexpr std::string_view most_proved_seconds = "86400";
constexpr std::size_t most_hint = 4u << 10;  // of an address: servers refuse longer ones

tl::unexpected<std::string> wrong(std::string text) { return tl::unexpected(std::move(text)); }

bool has(const Json& list, std::string_view wanted) {
  const auto* values = list.as_array();
  return values != nullptr && std::any_of(values->begin(), values->end(), [&](const Json& one) {
           return one.is_string() && *one.as_string() == wanted;
         });
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

// Without those that are empty.
std::string joined(
    std::initializer_list<std::pair<std::string_view, std::string_view>> parameters) {
  std::string out;
  for (const auto& [name, value] : parameters) {
    if (value.empty()) {
      continue;
    }
    out += fmt::format("{}{}={}", out.empty() ? "" : "&", name, escaped(value));
  }
  return out;
}

// With its parameters behind those that it has.
std::string asked_with(const std::string& address, const std::string& parameters) {
  return address + (address.find('?') != std::string::npos ? "&" : "?") + parameters;
}

bool is_bearer(std::string_view type) {
  constexpr std::string_view bearer = "bearer";
  return std::equal(type.begin(), type.end(), bearer.begin(), bearer.end(),
                    [](char a, char b) { return (a | 0x20) == b; });
}

}  // namespace

tl::expected<Discovery, std::string> read_discovery(std::string_view json) {
  const auto given = fhir::read_json(json, gate);
  if (!given || !given->is_object()) {
    return wrong("it is no JSON object");
  }
  const auto* methods = given->find("code_challenge_methods_supported");
  if (methods == nullptr || !has(*methods, "S256")) {
    return wrong("it does not offer PKCE with S256");
  }
  const auto text = [&](std::string_view name) { return std::string(given->string_of(name)); };
  Discovery out{text("issuer"), text("authorization_endpoint"), text("token_endpoint"),
                text("jwks_uri"), text("end_session_endpoint")};
  if (out.issuer.empty()) {
    return wrong("it names no issuer");
  }
  const std::pair<const char*, const std::string*> addresses[] = {
      {"authorization_endpoint", &out.authorization},
      {"token_endpoint", &out.token},
      {"jwks_uri", &out.keys}};
  for (const auto& [name, address] : addresses) {
    if (!fhir::client::may_be_called(*address)) {
      return wrong(fmt::format("its {} is no https address", name));
    }
  }
  return out;
}

std::string challenge_of(std::string_view verifier) {
  const auto digest = rules::sha256(verifier);
  return fhir::client::base64url(std::string(digest.begin(), digest.end()));
}

std::string authorize_address(const Discovery& discovery, const Server& server,
                              const Secrets& secrets, const Asked& asked) {
  return asked_with(discovery.authorization,
                    joined({{"response_type", "code"},
                            {"client_id", server.client_id},
                            {"redirect_uri", asked.redirect},
                            {"launch", asked.launch},
                            {"scope", server.scope},
                            {"state", secrets.state},
                            {"aud", asked.aud},
                            {"nonce", secrets.nonce},
                            {"code_challenge", challenge_of(secrets.verifier)},
                            {"code_challenge_method", "S256"},
                            {"prompt", asked.anew ? "login" : ""},
                            {"max_age", asked.anew        ? "0"
                                        : server.is_staff ? most_proved_seconds
                                                          : ""}}));
}

std::string token_form(const Server& server, std::string_view code, std::string_view verifier,
                       std::string_view redirect) {
  auto form = joined({{"grant_type", "authorization_code"},
                      {"code", code},
                      {"redirect_uri", redirect},
                      {"code_verifier", verifier}});
  const bool is_public = server.key_file.empty() && server.secret.empty();
  if (is_public || server.secret_in_form) {
    form += "&" + joined({{"client_id", server.client_id}, {"client_secret", server.secret}});
  }
  return form;
}

std::string token_authorization(const Server& server) {
  return server.secret.empty() || server.secret_in_form
             ? ""
             : "Basic " + fhir::base64(escaped(server.client_id) + ":" + escaped(server.secret));
}

// A token that is too long for an address gives way to our name: then the provider may ask.
std::string sign_out_address(const Discovery& discovery, const Server& server,
                             std::string_view id_token) {
  const bool fits = id_token.size() <= most_hint;
  return asked_with(discovery.end_session,
                    joined({{"id_token_hint", fits ? id_token : ""},
                            {"client_id", fits ? "" : server.client_id},
                            {"post_logout_redirect_uri", server.signed_out}}));
}

tl::expected<Granted, std::string> read_token_answer(int status, std::string_view json) {
  constexpr int ok = 200;
  const auto given = fhir::read_json(json, gate);
  const bool is_object = given && given->is_object();
  if (status != ok) {
    const auto error = is_object ? given->string_of("error") : std::string_view();
    return wrong(error.empty() ? fmt::format("status {}", status)
                               : fmt::format("status {}, {}", status, error_word(error)));
  }
  if (!is_object) {
    return wrong("it is no JSON object");
  }
  if (given->string_of("access_token").empty() || !is_bearer(given->string_of("token_type"))) {
    return wrong("it holds no bearer token");
  }
  Granted out{std::string(given->string_of("id_token")), std::string(given->string_of("patient"))};
  if (out.id_token.empty()) {
    return wrong("it holds no id_token");
  }
  if (given->has("patient") && !is_id(out.patient)) {
    return wrong("its patient is no id");
  }
  return out;
}

std::string error_word(std::string_view error) {
  const bool is_word = !error.empty() && error.size() <= most_error_letters &&
                       std::all_of(error.begin(), error.end(),
                                   [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
  return is_word ? std::string(error) : "an error that is no word";
}

bool is_id(std::string_view text) {
  constexpr std::size_t most = 64;
  return !text.empty() && text.size() <= most && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.';
  });
}

}  // namespace myoflag::launch
