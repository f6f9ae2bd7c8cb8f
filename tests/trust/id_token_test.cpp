// Who signed in at an EHR: good tokens of every algorithm, and every way to be a bad one.
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "plugin/trust/id_token.h"
#include "tests/trust/signer.h"

namespace myoflag::trust {
namespace {

using myoflag::testing::base64url;
using myoflag::testing::Signer;

const Instant now{std::chrono::seconds(1'800'000'000)};

const SignIn& expected() {
  static const SignIn sign_in{"https://ehr.example/fhir", "myoflag", "nonce-1"};
  return sign_in;
}

struct Claims {
  std::string iss = "\"https://ehr.example/fhir\"", aud = "\"myoflag\"", sub = "\"user-1\"";
  std::string nonce = "\"nonce-1\"", exp = "1800000300", iat = "1800000000";
  std::string more;

  std::string text() const {
    return R"({"iss":)" + iss + R"(,"aud":)" + aud + R"(,"sub":)" + sub + R"(,"nonce":)" + nonce +
           R"(,"exp":)" + exp + R"(,"iat":)" + iat + more + "}";
  }
};

KeySet set_of(const std::vector<const Signer*>& signers) {
  std::string json;
  for (const auto* one : signers) {
    json += (json.empty() ? "" : ",") + one->jwk();
  }
  return KeySet::read(R"({"keys":[)" + json + "]}").value();
}

std::string head(const std::string& algorithm, const std::string& more = R"(,"kid":"k")") {
  return R"({"alg":")" + algorithm + "\"" + more + "}";
}

std::string result(const std::string& token, const KeySet& keys, const SignIn& asked = expected()) {
  const auto identity = verify_id_token(token, asked, keys, now);
  return identity ? "" : std::string(name_of(identity.error()));
}

const Signer& rsa() {
  static const Signer signer = Signer::of("RS256", "k");
  return signer;
}

std::string with(const std::function<void(Claims&)>& change) {
  Claims claims;
  change(claims);
  return result(rsa().token(head("RS256"), claims.text()), set_of({&rsa()}));
}

TEST(IdToken, EveryAlgorithmThatServersUsePassesAndSaysWho) {
  for (const auto* algorithm : {"RS256", "RS384", "ES256", "ES384"}) {
    const auto signer = Signer::of(algorithm, "k");
    Claims claims;
    claims.more = R"(,"fhirUser":"https://ehr.example/fhir/Practitioner/1","x":{"y":[1]})";
    const auto token = signer.token(head(algorithm), claims.text());
    const auto identity = verify_id_token(token, expected(), set_of({&signer}), now);
    ASSERT_TRUE(identity) << algorithm << " " << name_of(identity.error());
    EXPECT_EQ(identity->subject, "user-1");
    EXPECT_EQ(identity->fhir_user, "https://ehr.example/fhir/Practitioner/1");
    auto others = expected();
    others.algorithms.erase(*algorithm_of(algorithm));
    EXPECT_EQ(result(token, set_of({&signer}), others), "algorithm") << "the site's list decides";
    EXPECT_EQ(
        result(Signer::of(algorithm, "k").token(head(algorithm), claims.text()), set_of({&signer})),
        "signature");
  }
}

TEST(IdToken, EveryClaimThatIsNotExactlyRightIsRefused) {
  EXPECT_EQ(with([](Claims&) {}), "");
  EXPECT_EQ(with([](Claims& c) { c.aud = R"(["myoflag"])"; }), "");
  EXPECT_EQ(with([](Claims& c) { c.aud = R"(["a","myoflag"])", c.more = R"(,"azp":"myoflag")"; }),
            "");
  EXPECT_EQ(with([](Claims& c) { c.exp = "1799999950"; }), "") << "clocks differ";
  EXPECT_EQ(with([](Claims& c) { c.iat = "1800000050"; }), "") << "clocks differ";
  for (const auto* iss : {"\"https://ehr.example/fhir/\"", "\"http://ehr.example/fhir\"", "\"\"",
                          "null", "[\"https://ehr.example/fhir\"]"}) {
    EXPECT_EQ(with([&](Claims& c) { c.iss = iss; }), "issuer") << iss;
  }
  for (const auto* aud : {"\"Myoflag\"", "\"\"", "null", "[]", "[\"a\"]", "[\"a\",\"myoflag\"]",
                          "{\"myoflag\":1}", "5"}) {
    EXPECT_EQ(with([&](Claims& c) { c.aud = aud; }), "audience") << aud;
  }
  EXPECT_EQ(with([](Claims& c) { c.more = R"(,"azp":"another")"; }), "audience");
  for (const auto* nonce : {"\"nonce-2\"", "\"\"", "null", "[\"nonce-1\"]"}) {
    EXPECT_EQ(with([&](Claims& c) { c.nonce = nonce; }), "nonce") << nonce;
  }
  EXPECT_EQ(with([](Claims& c) { c.exp = "1799999940"; }), "time");
  EXPECT_EQ(with([](Claims& c) { c.iat = "1800000061"; }), "time");
  EXPECT_EQ(with([](Claims& c) { c.more = R"(,"nbf":1800000061)"; }), "time");
  EXPECT_EQ(with([](Claims& c) { c.more = R"(,"nbf":"soon")"; }), "time");
  for (const auto* exp : {"\"1800000300\"", "null", "1e12", "-1", "9999999999999"}) {
    EXPECT_EQ(with([&](Claims& c) { c.exp = exp; }), "malformed") << exp;
  }
  EXPECT_EQ(with([](Claims& c) { c.iat = "null"; }), "malformed");
  EXPECT_EQ(with([](Claims& c) { c.sub = "\"\""; }), "malformed");
  EXPECT_EQ(with([](Claims& c) { c.sub = '"' + std::string(256, 'u') + '"'; }), "malformed");
  EXPECT_EQ(with([](Claims& c) { c.more = R"(,"aud":"myoflag")"; }), "malformed") << "twice";
}

TEST(IdToken, AClaimThatIsAskedForHasToBeThereAsItIs) {
  auto asked = expected();
  asked.claim = "groups";
  asked.value = "staff";
  const auto keys = set_of({&rsa()});
  const auto given = [&](const std::string& more) {
    Claims claims;
    claims.more = more;
    return result(rsa().token(head("RS256"), claims.text()), keys, asked);
  };
  EXPECT_EQ(given(R"(,"groups":"staff")"), "");
  EXPECT_EQ(given(R"(,"groups":["a","staff"])"), "");
  for (const auto* groups : {R"("")", R"("Staff")", R"("staff ")", R"("a staff")", "[]", R"(["a"])",
                             R"([["staff"]])", R"({"staff":true})", "null", "true", "1"}) {
    EXPECT_EQ(given(std::string(R"(,"groups":)") + groups), "claim") << groups;
  }
  EXPECT_EQ(given(""), "claim");
  EXPECT_EQ(given(R"(,"group":"staff")"), "claim");
  asked.claim = "realm.roles";
  EXPECT_EQ(given(R"(,"realm":{"roles":["staff"]})"), "");
  EXPECT_EQ(given(R"(,"realm.roles":"staff")"), "");
  EXPECT_EQ(given(R"(,"realm.roles":"other","realm":{"roles":["staff"]})"), "claim");
  EXPECT_EQ(given(R"(,"realm":["roles"])"), "claim");
  EXPECT_EQ(given(R"(,"realm":{"roles":{"x":"staff"}})"), "claim");
  asked.value.clear();
  EXPECT_EQ(given(R"(,"realm":{"roles":""})"), "claim") << "nothing is no value";
}

// Both times are the issuer's: a minute for the clocks would be a minute for the next person.
TEST(IdToken, WhoIsToProveItAnewDoesNotComeOnAnEarlierSignIn) {
  using std::chrono::seconds;
  const auto keys = set_of({&rsa()});
  const auto within = [&](const std::string& more, std::optional<seconds> proved_within) {
    Claims claims;
    claims.more = more;
    auto asked = expected();
    asked.proved_within = proved_within;
    return result(rsa().token(head("RS256"), claims.text()), keys, asked);
  };
  const auto at = [](seconds before_issued) {
    return R"(,"auth_time":)" + std::to_string(std::stoll(Claims().iat) - before_issued.count());
  };
  EXPECT_EQ(within(at(seconds(36'000)), std::nullopt), "") << "nobody asked";
  EXPECT_EQ(within("", std::nullopt), "");
  EXPECT_EQ(within(at(seconds(0)), seconds(0)), "");
  EXPECT_EQ(within(at(seconds(20)), seconds(20)), "");
  EXPECT_EQ(within(at(seconds(21)), seconds(20)), "proof");
  EXPECT_EQ(within("", seconds(20)), "auth_time") << "it does not say";
  EXPECT_EQ(within(R"(,"auth_time":"now")", seconds(20)), "auth_time");
}

TEST(IdToken, NamesAreTakenWhereTheyFit) {
  const auto keys = set_of({&rsa()});
  Claims claims;
  claims.more = R"(,"name":"Ana Ruiz","preferred_username":")" + std::string(101, 'a') + "\"";
  const auto identity =
      verify_id_token(rsa().token(head("RS256"), claims.text()), expected(), keys, now);
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->name, "Ana Ruiz");
  EXPECT_EQ(identity->login, "");
}

TEST(IdToken, NeitherKeyNorAlgorithmIsTheTokensChoice) {
  const auto text = Claims().text();
  const auto small = Signer::of("ES256", "e");
  const auto keys = set_of({&rsa(), &small});
  const auto headed = [&](const std::string& header) {
    return result(rsa().token(header, text), keys);
  };
  EXPECT_EQ(headed(head("RS256")), "");
  for (const auto* name :
       {"none", "None", "", "HS256", "HS384", "PS256", "RS512", "ES512", "rs256"}) {
    EXPECT_EQ(headed(head(name)), "algorithm") << name;
  }
  EXPECT_EQ(headed(R"({"kid":"k"})"), "algorithm");
  EXPECT_EQ(headed(R"({"alg":["RS256"],"kid":"k"})"), "algorithm");
  EXPECT_EQ(headed(R"({"alg":"RS256","alg":"none","kid":"k"})"), "malformed");
  EXPECT_EQ(headed(head("RS384")), "signature") << "the key fits, the digest does not";
  EXPECT_EQ(headed(head("ES256")), "key") << "of another kind";
  EXPECT_EQ(headed(R"({"alg":"ES256","kid":"e"})"), "signature");
  EXPECT_EQ(headed(head("RS256", R"(,"kid":"x")")), "key");
  EXPECT_EQ(headed(head("RS256", R"(,"kid":"")")), "key");
  EXPECT_EQ(headed(head("RS256", R"(,"kid":7)")), "key");
  EXPECT_EQ(headed(head("RS256", "")), "") << "the only one that fits";
  EXPECT_EQ(headed(head("RS256", R"(,"kid":"k","crit":["b64"],"b64":false)")), "malformed");
  EXPECT_EQ(headed(head("RS256", R"(,"kid":"k","jku":"https://evil.example","x5u":"y")")), "")
      << "where keys are is not its choice either";
  const auto second = Signer::of("RS256", "other");
  EXPECT_EQ(result(rsa().token(head("RS256", ""), text), set_of({&rsa(), &second})), "key")
      << "nobody knows which";
  EXPECT_EQ(result(rsa().token(head("RS256"), text), KeySet()), "key");
}

TEST(IdToken, ChangedOrMisshapenTokensAreRefused) {
  const auto keys = set_of({&rsa()});
  const auto good = rsa().token(head("RS256"), Claims().text());
  const auto last = good.rfind('.');
  EXPECT_EQ(result(good.substr(0, last + 1), keys), "signature");
  EXPECT_EQ(result(good.substr(0, good.find('.') + 1) + base64url(Claims().text() + " ") +
                       good.substr(last),
                   keys),
            "signature");
  for (const auto& bad : {std::string(), std::string(".."), good + ".", good + "=",
                          good.substr(0, last), std::string(9'000, 'a')}) {
    EXPECT_EQ(result(bad, keys), "malformed");
  }
  for (std::size_t i = 0; i < good.size(); i += 5) {
    auto changed = good;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_NE(result(changed, keys), "") << i;
  }
}

TEST(IdToken, NothingIsExpectedOfNobody) {
  auto asked = expected();
  asked.nonce.clear();
  Claims claims;
  claims.nonce = "\"\"";
  const auto keys = set_of({&rsa()});
  EXPECT_EQ(result(rsa().token(head("RS256"), claims.text()), keys, asked), "nonce");
  asked = expected();
  asked.issuer.clear();
  claims = {};
  claims.iss = "\"\"";
  EXPECT_EQ(result(rsa().token(head("RS256"), claims.text()), keys, asked), "issuer");
}

}  // namespace
}  // namespace myoflag::trust
