// How we get access tokens, and the key set with which a server checks who asks.

#include <jwt.h>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "fhir/client/backend_services.h"
#include "tests/fhir_client/played.h"

namespace myoflag::fhir::client {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const std::string base = "https://ehr.example/fhir";
const std::string token_url = "https://auth.example/token";

using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

KeyPtr made(const char* kind, const char* curve_or_bits) {
  EVP_PKEY* key = kind == std::string_view("RSA")
                      ? EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA",
                                          static_cast<size_t>(std::stoul(curve_or_bits)))
                      : EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve_or_bits);
  return {key, EVP_PKEY_free};
}

template <typename Write>
std::string pem(Write&& write) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
  write(out.get());
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(out.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

std::string private_pem(EVP_PKEY* key) {
  return pem(
      [&](BIO* out) { PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr); });
}

std::string public_pem(EVP_PKEY* key) {
  return pem([&](BIO* out) { PEM_write_bio_PUBKEY(out, key); });
}

const KeyPtr& p384() {
  static const KeyPtr key = made("EC", "P-384");
  return key;
}

class Signing : public ::testing::TestWithParam<const char*> {};

TEST_P(Signing, TheServerCanCheckTheAssertion) {
  const KeyPtr key =
      GetParam() == std::string_view("RS384") ? made("RSA", "2048") : made("EC", "P-384");
  const auto signing = signing_key(private_pem(key.get()), "k1");
  ASSERT_TRUE(signing) << signing.error().text;
  EXPECT_EQ(signing->algorithm, GetParam());
  const BackendOptions options{base, "", "myoflag", "system/Patient.rs", *signing};
  const std::string assertion =
      client_assertion(options, token_url, "j1", std::chrono::sys_seconds(seconds(1'000'000)));

  const std::string with = public_pem(key.get());
  jwt_t* raw = nullptr;
  ASSERT_EQ(jwt_decode(&raw, assertion.c_str(), reinterpret_cast<const unsigned char*>(with.data()),
                       static_cast<int>(with.size())),
            0);
  const std::unique_ptr<jwt_t, decltype(&jwt_free)> jwt(raw, jwt_free);
  EXPECT_STREQ(jwt_get_header(raw, "kid"), "k1");
  EXPECT_STREQ(jwt_get_header(raw, "alg"), GetParam());
  EXPECT_STREQ(jwt_get_header(raw, "typ"), "JWT");
  EXPECT_STREQ(jwt_get_grant(raw, "iss"), "myoflag");
  EXPECT_STREQ(jwt_get_grant(raw, "sub"), "myoflag");
  EXPECT_STREQ(jwt_get_grant(raw, "aud"), token_url.c_str());
  EXPECT_STREQ(jwt_get_grant(raw, "jti"), "j1");
  EXPECT_EQ(jwt_get_grant_int(raw, "exp"), 1'000'240);
  EXPECT_EQ(jwt_get_grant_int(raw, "iat"), 1'000'000);
}

INSTANTIATE_TEST_SUITE_P(All, Signing, ::testing::Values("RS384", "ES384"));

TEST(SigningKeys, OthersAreRefused) {
  EXPECT_FALSE(signing_key("no key"));
  EXPECT_FALSE(signing_key(""));
  EXPECT_FALSE(signing_key(public_pem(p384().get())));
  EXPECT_FALSE(signing_key(private_pem(made("RSA", "1024").get())));
  EXPECT_FALSE(signing_key(private_pem(made("EC", "P-256").get())));
  EXPECT_FALSE(signing_key(private_pem(p384().get()), "a b"));
}

TEST(SigningKeys, WhatIsPublishedHasNoPrivateMember) {
  const auto ec = signing_key(private_pem(p384().get()));
  const auto rsa = signing_key(private_pem(made("RSA", "2048").get()), "two");
  ASSERT_TRUE(ec && rsa);
  const Json set = public_key_set({*ec, *rsa});
  ASSERT_EQ(set.array_of("keys").size(), 2u);
  const Json& first = set.array_of("keys")[0];
  EXPECT_EQ(first.string_of("kty"), "EC");
  EXPECT_EQ(first.string_of("crv"), "P-384");
  EXPECT_EQ(first.string_of("x").size(), 64u);  // 48 bytes
  EXPECT_EQ(first.string_of("y").size(), 64u);
  EXPECT_EQ(first.string_of("kid").size(), 43u);  // SHA-256
  EXPECT_EQ(set.array_of("keys")[1].string_of("kid"), "two");
  EXPECT_EQ(set.array_of("keys")[1].string_of("e"), "AQAB");
  for (const Json& key : set.array_of("keys")) {
    EXPECT_EQ(key.string_of("use"), "sig");
    for (const char* secret : {"d", "p", "q", "dp", "dq", "qi", "k"}) {
      EXPECT_FALSE(key.has(secret)) << secret;
    }
  }
}

TEST(Base64Url, VectorsOfTheRfc) {
  EXPECT_EQ(base64url(""), "");
  EXPECT_EQ(base64url("f"), "Zg");
  EXPECT_EQ(base64url("fo"), "Zm8");
  EXPECT_EQ(base64url("foo"), "Zm9v");
  EXPECT_EQ(base64url("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64url("\xfb\xff"), "-_8");
}

class BackendServicesTest : public ::testing::Test {
 protected:
  Played server;
  Passing passing;
  BackendOptions options{base, token_url, "myoflag", "system/Patient.rs",
                         *signing_key(private_pem(p384().get()), "k1")};

  static Response token(const std::string& value, const std::string& life) {
    return said(200, Json::object({{"access_token", value},
                                   {"token_type", "Bearer"},
                                   {"expires_in", Json::Number{life}},
                                   {"scope", "system/Patient.rs"}}));
  }
};

TEST_F(BackendServicesTest, AsksOnceAndRenewsBeforeTheEnd) {
  server.answers = {token("one", "300"), token("two", "300")};
  BackendServices services(server, options, passing.world());
  EXPECT_EQ(services.header(false), "Bearer one");
  passing.now += seconds(239);
  EXPECT_EQ(services.header(false), "Bearer one");
  passing.now += seconds(1);
  EXPECT_EQ(services.header(false), "Bearer two");
  ASSERT_EQ(server.asked.size(), 2u);
  EXPECT_EQ(server.asked[0].url, token_url);
  EXPECT_THAT(
      server.asked[0].body,
      StartsWith(
          "scope=system%2FPatient.rs&grant_type=client_credentials&client_assertion_type=urn%"
          "3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion="));
  EXPECT_NE(server.asked[0].body, server.asked[1].body) << "an assertion is never used twice";
}

TEST_F(BackendServicesTest, ATokenForLessThanWasAskedIsNone) {
  options.scope = "system/Patient.rs system/Observation.rs";
  server.answers = {token("one", "300"), token("two", "300")};
  BackendServices services(server, options, passing.world());
  for (int i = 0; i < 2; ++i) {
    const auto header = services.header(false);
    ASSERT_FALSE(header);
    EXPECT_EQ(header.error().code, "MF-1524");
    EXPECT_THAT(header.error().text, HasSubstr("grant system/Observation.rs."));
  }
}

TEST_F(BackendServicesTest, ARefusedTokenIsReplaced) {
  server.answers = {token("one", "300"), token("two", "300")};
  BackendServices services(server, options, passing.world());
  services.header(false);
  passing.now += seconds(1);
  EXPECT_EQ(services.header(true), "Bearer two");
  EXPECT_EQ(services.header(true), "Bearer two")
      << "another thread that was refused with the old one";
}

TEST_F(BackendServicesTest, FindsTheTokenEndpoint) {
  options.token_url.clear();
  server.answers = {said(200, Json::object({{"token_endpoint", token_url}})), token("one", "300"),
                    token("two", "300")};
  BackendServices services(server, options, passing.world());
  EXPECT_EQ(services.header(false), "Bearer one");
  passing.now += seconds(1);
  EXPECT_EQ(services.header(true), "Bearer two");
  EXPECT_THAT(server.urls(), ::testing::ElementsAre(base + "/.well-known/smart-configuration",
                                                    token_url, token_url));
}

TEST_F(BackendServicesTest, AnEndpointThatMayNotBeCalledIsNone) {
  options.token_url.clear();
  for (const Json& wrong : {Json::object({{"token_endpoint", "http://auth.example/token"}}),
                            Json::object({{"token", "x"}}), Json()}) {
    server.answers = {said(200, wrong)};
    BackendServices services(server, options, passing.world());
    const auto header = services.header(false);
    ASSERT_FALSE(header);
    EXPECT_EQ(header.error().code, "MF-1521");
  }
}

TEST_F(BackendServicesTest, RefusalsAreToldWithoutWhatTheServerWrote) {
  const Json refused = Json::object({{"error", "invalid_client"}, {"error_description", "CANARY"}});
  for (const Response& wrong :
       {said(401, refused), said(400, Json::object({{"error", "CANARY!"}})),
        Response{200, {}, "<html>CANARY"},
        said(200, Json::object({{"access_token", "CANARY"}, {"token_type", "mac"}})),
        said(200, Json::object({{"token_type", "bearer"}}))}) {
    server.answers = {wrong};
    BackendServices services(server, options, passing.world());
    const auto header = services.header(false);
    ASSERT_FALSE(header);
    EXPECT_EQ(header.error().code, "MF-1522");
    EXPECT_EQ(header.error().arrival, Arrival::not_sent);
    EXPECT_THAT(header.error().text, Not(HasSubstr("CANARY")));
  }
}

TEST(FixedAuthorities, Headers) {
  EXPECT_EQ(bearer("abc"), "Bearer abc");
  EXPECT_EQ(basic("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  EXPECT_EQ(basic("", ""), "Basic Og==");
}

}  // namespace
}  // namespace myoflag::fhir::client
