#pragma once
// What is said between us and an EHR's authorization server in a SMART App Launch: its
// configuration, the address that a browser is sent to, the token request, the answer to it. Pure.
// Everything read here came from outside; errors say what is wrong and quote nothing. Source:
// hl7.org/fhir/smart-app-launch, 2.2: app-launch, conformance; RFC 6749, 7636.

#include <set>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "plugin/trust/key_set.h"

namespace myoflag::launch {

// An EHR whose launches are taken.
struct Server {
  std::string iss;  // base of its FHIR endpoint, without a slash at the end
  std::string client_id;
  std::string key_file;  // private_key_jwt; empty: a public client
  std::string key_id;    // empty: the thumbprint
  std::string scope = "launch openid fhirUser";
  std::set<trust::Algorithm> algorithms{trust::Algorithm::es256, trust::Algorithm::es384,
                                        trust::Algorithm::rs256, trust::Algorithm::rs384};
  bool is_home = false;  // whose patients are meant where a form names one without a server
  // Staff sign in there themselves (OpenID Connect), from no record: `iss` is the issuer.
  bool is_staff = false;
  std::string aud = {};                // is sent along; empty: nothing is
  std::string claim = {}, value = {};  // of the id_token: who is staff
  std::string secret = {};             // instead of a key; empty: none
  bool secret_in_form = false;         // client_secret_post; else client_secret_basic
  // Where staff come back to from signing out there, too; empty: they sign out here only.
  std::string signed_out = {};
};

// .well-known/smart-configuration, as far as it is needed. Addresses may be called.
struct Discovery {
  std::string issuer;  // of its id_tokens
  std::string authorization, token, keys;
  std::string end_session = {};  // as it was given: who uses it looks whether it is an address
};
tl::expected<Discovery, std::string> read_discovery(std::string_view json);

// What one launch hands to the browser and keeps: nobody can guess any of it.
struct Secrets {
  std::string state, nonce;
  std::string verifier;  // of PKCE: only the token endpoint sees it
};

// BASE64URL(SHA256(verifier)).
std::string challenge_of(std::string_view verifier);

struct Asked {
  std::string aud;     // the iss, as the EHR wrote it; empty: left out
  std::string launch;  // the EHR's, opaque; empty: left out
  std::string redirect;
  bool anew = false;  // a session there does not do: who comes is to prove it again
};
std::string authorize_address(const Discovery& discovery, const Server& server,
                              const Secrets& secrets, const Asked& asked);

// The body of the token request; who signs adds to it.
std::string token_form(const Server& server, std::string_view code, std::string_view verifier,
                       std::string_view redirect);
// Its field Authorization; empty: none. RFC 6749, 2.3.1.
std::string token_authorization(const Server& server);

// Where a browser signs out there, without the state. Source: OpenID Connect RP-Initiated
// Logout 1.0.
std::string sign_out_address(const Discovery& discovery, const Server& server,
                             std::string_view id_token);

// Of the token response. The access token is checked and not kept: nothing is read with it.
struct Granted {
  std::string id_token;
  std::string patient;  // id; empty: the launch has none
};
tl::expected<Granted, std::string> read_token_answer(int status, std::string_view json);

// "error" of an authorization server as a word that may stand in a log.
std::string error_word(std::string_view error);

// The id of a FHIR resource.
bool is_id(std::string_view text);

}  // namespace myoflag::launch
