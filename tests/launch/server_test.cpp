// What an authorization server says, and what is said to it.
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "fhir/json.h"
#include "plugin/launch/server.h"

namespace myoflag::launch {
namespace {

using fhir::Json;

Json settings() {
  return Json::object({{"issuer", "https://ehr.example/oauth"},
                       {"authorization_endpoint", "https://ehr.example/oauth/authorize"},
                       {"token_endpoint", "https://ehr.example/oauth/token"},
                       {"jwks_uri", "https://keys.example/set"},
                       {"code_challenge_methods_supported", Json::array({"S256", "plain"})},
                       {"capabilities", Json::array({"launch-ehr", "sso-openid-connect"})}});
}

std::string problem(const Json& json) {
  const auto read = read_discovery(fhir::write_json(json));
  return read ? "" : read.error();
}

TEST(Discovery, TakesWhatItNeedsAndNothingThatMayNotBeCalled) {
  const auto read = read_discovery(fhir::write_json(settings())).value();
  EXPECT_EQ(read.issuer, "https://ehr.example/oauth");
  EXPECT_EQ(read.authorization, "https://ehr.example/oauth/authorize");
  EXPECT_EQ(read.token, "https://ehr.example/oauth/token");
  EXPECT_EQ(read.keys, "https://keys.example/set");
  EXPECT_EQ(problem(settings().set("code_challenge_methods_supported", Json::array({"plain"}))),
            "it does not offer PKCE with S256");
  EXPECT_EQ(problem(settings().set("code_challenge_methods_supported", "S256")),
            "it does not offer PKCE with S256");
  EXPECT_EQ(problem(settings().set("issuer", "")), "it names no issuer");
  for (const auto* name : {"authorization_endpoint", "token_endpoint", "jwks_uri"}) {
    for (const auto* bad :
         {"", "http://ehr.example/x", "javascript:alert(1)", "//ehr.example", "/token",
          "https://user@ehr.example/", "https://ehr.example/\r\nX: y", "https://ehr.example/#x"}) {
      EXPECT_EQ(problem(settings().set(name, bad)),
                std::string("its ") + name + " is no https address")
          << bad;
    }
  }
  for (const auto* text : {"", "[]", "{", "null", "\"x\""}) {
    EXPECT_EQ(read_discovery(text).error(), "it is no JSON object") << text;
  }
  EXPECT_FALSE(read_discovery(std::string(300'000, ' ') + "{}")) << "longer than anybody needs";
}

TEST(Pkce, TheChallengeOfTheStandard) {
  // RFC 7636, appendix B.
  EXPECT_EQ(challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

TEST(AuthorizeAddress, HoldsEachParameterOnceAndNoneOfItsTextIsMore) {
  Server server;
  server.client_id = "my flag&x=1";
  const Secrets secrets{"state-1", "nonce-1", std::string(64, 'v')};
  const Asked asked{"https://ehr.example/fhir", "a+b/c=&d#e\u00e9", "https://cds.example/cb"};
  Discovery discovery{"i", "https://ehr.example/authorize", "t", "k"};
  const auto address = authorize_address(discovery, server, secrets, asked);
  EXPECT_EQ(address,
            "https://ehr.example/authorize?response_type=code&client_id=my%20flag%26x%3D1"
            "&redirect_uri=https%3A%2F%2Fcds.example%2Fcb&launch=a%2Bb%2Fc%3D%26d%23e%C3%A9"
            "&scope=launch%20openid%20fhirUser&state=state-1"
            "&aud=https%3A%2F%2Fehr.example%2Ffhir&nonce=nonce-1&code_challenge=" +
                challenge_of(secrets.verifier) + "&code_challenge_method=S256");
  EXPECT_EQ(address.find(secrets.verifier), std::string::npos);
  discovery.authorization += "?tenant=7";
  EXPECT_NE(authorize_address(discovery, server, secrets, asked).find("?tenant=7&response_type="),
            std::string::npos);
}

TEST(TokenForm, APublicClientNamesItselfAndOneThatSignsDoesNot) {
  Server server;
  server.client_id = "myoflag";
  const std::string rest =
      "grant_type=authorization_code&code=c%26d&redirect_uri=https%3A%2F%2Fcds.example%2Fcb"
      "&code_verifier=v";
  EXPECT_EQ(token_form(server, "c&d", "v", "https://cds.example/cb"), rest + "&client_id=myoflag");
  EXPECT_EQ(token_authorization(server), "");
  server.key_file = "key.pem";
  EXPECT_EQ(token_form(server, "c&d", "v", "https://cds.example/cb"), rest);
}

TEST(TokenForm, ASecretIsInTheFormOrInTheFieldAndNotInBoth) {
  Server server;
  server.client_id = "my:flag";
  server.secret = "a b:c%";
  const auto form = [&] { return token_form(server, "c", "v", "r"); };
  EXPECT_EQ(form(), "grant_type=authorization_code&code=c&redirect_uri=r&code_verifier=v");
  EXPECT_EQ(token_authorization(server), "Basic bXklM0FmbGFnOmElMjBiJTNBYyUyNQ==")
      << "my%3Aflag:a%20b%3Ac%25, as RFC 6749 wants it";
  server.secret_in_form = true;
  EXPECT_EQ(form(),
            "grant_type=authorization_code&code=c&redirect_uri=r&code_verifier=v"
            "&client_id=my%3Aflag&client_secret=a%20b%3Ac%25");
  EXPECT_EQ(token_authorization(server), "");
}

TEST(SignOutAddress, TheTokenOrOurNameWhereItIsTooLong) {
  Server server;
  server.client_id = "my&flag";
  server.signed_out = "https://cds.example/out";
  Discovery discovery{"i", "a", "t", "k", "https://login.example/end?tenant=7"};
  EXPECT_EQ(sign_out_address(discovery, server, "x.y.z"),
            "https://login.example/end?tenant=7&id_token_hint=x.y.z"
            "&post_logout_redirect_uri=https%3A%2F%2Fcds.example%2Fout");
  discovery.end_session = "https://login.example/end";
  EXPECT_EQ(sign_out_address(discovery, server, std::string(4'097, 'x')),
            "https://login.example/end?client_id=my%26flag"
            "&post_logout_redirect_uri=https%3A%2F%2Fcds.example%2Fout");
}

TEST(TokenAnswer, OnlyAWholeOneIsTaken) {
  const auto with = [](std::vector<std::pair<std::string, Json>> changes, int status = 200) {
    Json json = Json::object({{"access_token", "a"},
                              {"token_type", "Bearer"},
                              {"id_token", "x.y.z"},
                              {"patient", "p-1.A"}});
    for (auto& [name, value] : changes) {
      json.set(name, std::move(value));
    }
    return read_token_answer(status, fhir::write_json(json));
  };
  EXPECT_EQ(with({})->patient, "p-1.A");
  EXPECT_EQ(with({})->id_token, "x.y.z");
  EXPECT_TRUE(with({{"token_type", "bearer"}}));
  EXPECT_EQ(read_token_answer(200, R"({"access_token":"a","token_type":"Bearer","id_token":"x"})")
                ->patient,
            "")
      << "no patient is not an error of the answer";
  EXPECT_EQ(with({{"token_type", "mac"}}).error(), "it holds no bearer token");
  EXPECT_EQ(with({{"access_token", ""}}).error(), "it holds no bearer token");
  EXPECT_EQ(with({{"id_token", 5}}).error(), "it holds no id_token");
  for (const auto* patient : {"", "a/b", "a b", "Patient/1", "<b>", "\u00e9", "../1"}) {
    EXPECT_EQ(with({{"patient", patient}}).error(), "its patient is no id") << patient;
  }
  EXPECT_EQ(with({{"patient", std::string(65, 'a')}}).error(), "its patient is no id");
  EXPECT_EQ(with({{"patient", Json::array({"p"})}}).error(), "its patient is no id");
  EXPECT_EQ(with({}, 201).error(), "status 201");
  EXPECT_EQ(read_token_answer(400, R"({"error":"invalid_grant","x":"Patient/1"})").error(),
            "status 400, invalid_grant");
  EXPECT_EQ(read_token_answer(400, R"({"error":"<b>Patient/1"})").error(),
            "status 400, an error that is no word");
  EXPECT_EQ(read_token_answer(500, "<html>").error(), "status 500");
  EXPECT_EQ(read_token_answer(200, "[]").error(), "it is no JSON object");
  EXPECT_EQ(read_token_answer(200, "{\"a\":1,\"a\":2}").error(), "it is no JSON object");
}

}  // namespace
}  // namespace myoflag::launch
