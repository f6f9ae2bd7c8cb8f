// Tokens of clients: good ones of both algorithms, and every way to be a bad one.
#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "plugin/store/sqlite.h"
#include "plugin/trust/base64url.h"
#include "plugin/trust/gate.h"
#include "plugin/trust/jwt.h"
#include "plugin/trust/key_set.h"
#include "tests/trust/signer.h"

namespace myoflag::trust {
namespace {

using myoflag::testing::base64url;
using myoflag::testing::Signer;

constexpr std::string_view issuer = "https://ehr.example/client";
constexpr std::string_view audience = "https://cds.example/cds-services/myoflag-intake-review";
const Instant now{std::chrono::seconds(1'800'000'000)};

const Signer& curve_key() {
  static const Signer key = Signer::curve("c");
  return key;
}

const Signer& rsa_key() {
  static const Signer key = Signer::rsa("r");
  return key;
}

std::string set_of(const std::vector<std::string>& keys) {
  std::string json = R"({"keys":[)";
  for (const auto& key : keys) {
    json += (json.back() == '[' ? "" : ",") + key;
  }
  return json + "]}";
}

Client client_with(const std::vector<std::string>& keys) {
  auto set = KeySet::read(set_of(keys));
  EXPECT_TRUE(set);
  Client client;
  client.issuer = issuer;
  client.key_url = "https://ehr.example/keys";
  client.keys = std::make_shared<const KeySet>(*std::move(set));
  return client;
}

std::vector<Client> clients() {
  static const Client client = client_with({curve_key().jwk(), rsa_key().jwk()});
  return {client};
}

std::string header(const Signer& key, const std::string& more = "") {
  return R"({"alg":")" + key.algorithm() + R"(","typ":"JWT","kid":")" +
         (key.algorithm() == "ES384" ? "c" : "r") + "\"" + more + "}";
}

struct Payload {
  std::string iss = "\"https://ehr.example/client\"";
  std::string aud = '"' + std::string(audience) + '"';
  std::string exp = "1800000300", iat = "1800000000", jti = "\"id-1\"";
  std::string more;

  std::string text() const {
    return R"({"iss":)" + iss + R"(,"aud":)" + aud + R"(,"exp":)" + exp + R"(,"iat":)" + iat +
           R"(,"jti":)" + jti + more + "}";
  }
};

std::string result(const std::string& token, const std::vector<Client>& known = clients()) {
  const auto claims = verify(token, known, {std::string(audience)}, now);
  return claims ? "" : std::string(name_of(claims.error()));
}

TEST(Token, BothAlgorithmsPassAndFurtherClaimsAreTolerated) {
  for (const auto* key : {&curve_key(), &rsa_key()}) {
    Payload payload;
    payload.more = R"(,"sub":"client","nbf":1799999700,"tenant":"t","x":{"y":[1]})";
    const auto claims = verify(key->token(header(*key), payload.text()), clients(),
                               {"https://cds.example/other", std::string(audience)}, now);
    ASSERT_TRUE(claims) << name_of(claims.error());
    EXPECT_EQ(claims->issuer, issuer);
    EXPECT_EQ(claims->tenant, "t");
    EXPECT_EQ(claims->id, "id-1");
    EXPECT_EQ(claims->expires, now + std::chrono::seconds(300));
  }
}

TEST(Token, EveryPayloadThatIsNotMeantForUsNowIsRefused) {
  const auto with = [](auto change) {
    Payload payload;
    change(payload);
    return result(curve_key().token(header(curve_key()), payload.text()));
  };
  const std::string ours = '"' + std::string(audience) + '"';
  EXPECT_EQ(with([](Payload&) {}), "");
  EXPECT_EQ(with([&](Payload& p) { p.aud = "[\"https://x\"," + ours + "]"; }), "");
  EXPECT_EQ(with([](Payload& p) { p.exp = "1800000300.5"; }), "");
  EXPECT_EQ(with([](Payload& p) { p.exp = "1799999950", p.iat = "1799999900"; }), "") << "skew";
  EXPECT_EQ(with([](Payload& p) { p.iat = "1800000050"; }), "") << "skew";
  EXPECT_EQ(with([](Payload& p) { p.iss = "\"https://ehr.example/client/\""; }), "issuer");
  EXPECT_EQ(with([](Payload& p) { p.iss = "\"\""; }), "issuer");
  EXPECT_EQ(with([](Payload& p) { p.iss = "null"; }), "issuer");
  EXPECT_EQ(with([&](Payload& p) { p.aud = '"' + std::string(audience) + "/\""; }), "audience");
  EXPECT_EQ(with([](Payload& p) { p.aud = "[]"; }), "audience");
  EXPECT_EQ(with([](Payload& p) { p.aud = "null"; }), "audience");
  EXPECT_EQ(with([](Payload& p) { p.exp = "1799999900", p.iat = "1799999800"; }), "time");
  EXPECT_EQ(with([](Payload& p) { p.iat = "1800000061"; }), "time");
  EXPECT_EQ(with([](Payload& p) { p.exp = "1800003601"; }), "time") << "over an hour";
  EXPECT_EQ(with([](Payload& p) { p.more = R"(,"nbf":1800000061)"; }), "time");
  EXPECT_EQ(with([](Payload& p) { p.more = R"(,"nbf":"soon")"; }), "time");
  EXPECT_EQ(with([](Payload& p) { p.exp = "\"1800000300\""; }), "malformed");
  EXPECT_EQ(with([](Payload& p) { p.exp = "1e10"; }), "malformed");
  EXPECT_EQ(with([](Payload& p) { p.exp = "99999999999999999999"; }), "malformed");
  EXPECT_EQ(with([](Payload& p) { p.exp = "-5"; }), "malformed");
  EXPECT_EQ(with([](Payload& p) { p.jti = "\"\""; }), "malformed");
  EXPECT_EQ(with([](Payload& p) { p.jti = "7"; }), "malformed");
  EXPECT_EQ(with([](Payload& p) { p.more = R"(,"exp":1800000300)"; }), "malformed") << "twice";
}

TEST(Token, EveryHeaderThatWouldLetTheTokenChooseIsRefused) {
  const auto with = [](const std::string& head) {
    return result(curve_key().token(head, Payload().text()));
  };
  EXPECT_EQ(with(R"({"alg":"none","typ":"JWT","kid":"c"})"), "algorithm");
  EXPECT_EQ(with(R"({"alg":"HS384","typ":"JWT","kid":"c"})"), "algorithm");
  EXPECT_EQ(with(R"({"alg":"ES256","typ":"JWT","kid":"c"})"), "algorithm");
  EXPECT_EQ(with(R"({"alg":"es384","typ":"JWT","kid":"c"})"), "algorithm");
  EXPECT_EQ(with(R"({"alg":"ES384","alg":"none","typ":"JWT","kid":"c"})"), "malformed");
  EXPECT_EQ(with(R"({"alg":"RS384","typ":"JWT","kid":"c"})"), "key") << "of another kind";
  EXPECT_EQ(with(R"({"alg":"RS384","typ":"JWT","kid":"r"})"), "signature");
  EXPECT_EQ(with(R"({"alg":"ES384","typ":"JWT","kid":"x"})"), "key");
  EXPECT_EQ(with(R"({"alg":"ES384","typ":"JWT"})"), "key");
  EXPECT_EQ(with(R"({"alg":"ES384","typ":"JWE","kid":"c"})"), "malformed");
  EXPECT_EQ(with(R"({"alg":"ES384","typ":"JWT","kid":"c","crit":["x"]})"), "malformed");
  EXPECT_EQ(with(header(curve_key(), R"(,"jku":"https://ehr.example/keys")")), "");
  EXPECT_EQ(with(header(curve_key(), R"(,"jku":"https://evil.example/keys")")), "key set address");
  EXPECT_EQ(with(header(curve_key(), R"(,"jku":"")")), "key set address");
  EXPECT_EQ(with(header(curve_key(), R"(,"jku":5)")), "key set address");
}

TEST(Token, ChangedOrMisshapenTokensAreRefused) {
  const auto good = curve_key().token(header(curve_key()), Payload().text());
  ASSERT_EQ(result(good), "");
  const auto last = good.rfind('.');
  Payload other;
  other.jti = "\"id-2\"";
  const auto swapped = good.substr(0, good.find('.') + 1) + base64url(other.text());
  EXPECT_EQ(result(swapped + good.substr(last)), "signature");
  EXPECT_EQ(result(curve_key().token(header(curve_key()), Payload().text(), true)), "signature")
      << "DER";
  EXPECT_EQ(result(good.substr(0, last + 1)), "signature") << "empty";
  EXPECT_EQ(result(good.substr(0, last + 1) + std::string(128, 'A')), "signature") << "zeros";
  EXPECT_EQ(result(Signer::curve("c").token(header(curve_key()), Payload().text())), "signature");
  for (const auto& bad : {std::string(), std::string("."), std::string(".."), good + ".",
                          good + "=", good.substr(0, last), "." + good, good + " ", " " + good,
                          std::string(9000, 'a'), good.substr(0, 10) + "+" + good.substr(11)}) {
    EXPECT_EQ(result(bad), "malformed") << bad.size();
  }
  for (std::size_t i = 0; i < good.size(); i += 7) {
    auto changed = good;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_NE(result(changed), "") << i;
  }
}

TEST(Token, ClientsHaveTheirOwnAlgorithmsAndTenants) {
  auto known = clients();
  known[0].algorithms = {Algorithm::rs384};
  EXPECT_EQ(result(curve_key().token(header(curve_key()), Payload().text()), known), "algorithm");
  known[0].algorithms = {Algorithm::es384};
  known[0].tenant = "north";
  EXPECT_EQ(result(curve_key().token(header(curve_key()), Payload().text()), known), "tenant");
  Payload payload;
  payload.more = R"(,"tenant":"north")";
  EXPECT_EQ(result(curve_key().token(header(curve_key()), payload.text()), known), "");
  known[0].keys = nullptr;
  EXPECT_EQ(result(curve_key().token(header(curve_key()), payload.text()), known), "key");
  EXPECT_EQ(result(curve_key().token(header(curve_key()), payload.text()), {}), "issuer");
}

TEST(Token, IsUsedOnce) {
  ReplaysInMemory replays;
  const auto token = "Bearer " + curve_key().token(header(curve_key()), Payload().text());
  const auto ask = [&](const std::string& text, Instant when) {
    const auto claims = admit(text, clients(), {std::string(audience)}, when, replays);
    return claims ? std::string() : std::string(name_of(claims.error()));
  };
  EXPECT_EQ(ask("", now), "no bearer token");
  EXPECT_EQ(ask("Basic abc", now), "no bearer token");
  EXPECT_EQ(ask("Bearer", now), "no bearer token");
  EXPECT_EQ(ask(token, now), "");
  EXPECT_EQ(ask(token, now), "replayed");
  EXPECT_EQ(ask("bearer " + token.substr(7), now + std::chrono::seconds(310)), "replayed");
}

// ---- tokens that were used, in memory and on disk

class ReplayTest : public ::testing::TestWithParam<bool> {
 protected:
  ReplayTest()
      : folder_(std::filesystem::path(::testing::TempDir()) /
                ("replays_" + std::to_string(::getpid()))),
        path_((folder_ / "tokens.sqlite").string()) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~ReplayTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Replays> open(std::size_t most = kMostOfAnIssuer) const {
    if (!GetParam()) {
      return std::make_unique<ReplaysInMemory>(most);
    }
    auto file = ReplayFile::open(path_, most);
    return file ? *std::move(file) : nullptr;
  }

  std::filesystem::path folder_;
  std::string path_;
};

TEST_P(ReplayTest, ForgetsOnlyWhatHasExpiredAndNeverMore) {
  using enum Replays::Use;
  const auto at = [](int seconds) { return now + std::chrono::seconds(seconds); };
  const auto replays = open(2);
  EXPECT_EQ(replays->remember("a", "1", at(10), now), first);
  EXPECT_EQ(replays->remember("b", "1", at(100), now), first) << "ids belong to their issuer";
  EXPECT_EQ(replays->remember("a", "2", at(100), now), first);
  EXPECT_EQ(replays->remember("a", "3", at(10), now), refused) << "full";
  EXPECT_EQ(replays->remember("b", "2", at(10), now), first) << "for that issuer alone";
  EXPECT_EQ(replays->remember("a", "1", at(200), at(70)), refused);
  EXPECT_EQ(replays->remember("a", "3", at(200), at(71)), first);
  EXPECT_EQ(replays->remember("a", "4", at(200), at(71)), refused);
  EXPECT_EQ(replays->remember("b", "1", at(200), at(71)), refused);
}

TEST_P(ReplayTest, OfManyAtOnceOneIsFirst) {
  const auto one = open();
  const auto other = GetParam() ? open() : nullptr;  // another process has the file open, too
  std::atomic<int> first{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      auto& replays = i % 2 == 1 && other ? *other : *one;
      for (int id = 0; id < 10; ++id) {
        const auto use = replays.remember("a", std::to_string(id), now, now);
        EXPECT_NE(use, Replays::Use::unknown);
        first += use == Replays::Use::first ? 1 : 0;
      }
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(first, 10);
}

INSTANTIATE_TEST_SUITE_P(Replays, ReplayTest, ::testing::Bool());

class ReplayFileTest : public ReplayTest {};
INSTANTIATE_TEST_SUITE_P(Replays, ReplayFileTest, ::testing::Values(true));

TEST_P(ReplayFileTest, OutlivesTheProgram) {
  EXPECT_EQ(open()->remember("a", "1", now, now), Replays::Use::first);
  EXPECT_EQ(open()->remember("a", "1", now, now), Replays::Use::refused);
  EXPECT_EQ(open(1)->remember("a", "2", now, now), Replays::Use::refused) << "counted on disk";
  const auto later = now + kSkew + std::chrono::seconds(1);
  EXPECT_EQ(open(1)->remember("a", "2", later, later), Replays::Use::first);
}

TEST_P(ReplayFileTest, LetsNobodyInWhenItFails) {
  Gate gate("https://cds.example", clients(), open());
  const std::string path = "/cds-services/myoflag-intake-review";
  const auto token = [] {
    return "Bearer " + curve_key().token(header(curve_key()), Payload().text());
  };
  const auto good = token();
  EXPECT_TRUE(gate.admit(good, {path}, now));
  store::Database damage;
  ASSERT_TRUE(damage.open(path_) && damage.run("DROP TABLE token"));
  EXPECT_EQ(gate.admit(good, {path}, now).error(), Denied::not_kept);
}

TEST(KeySet, AKeyIsForTheAlgorithmsOfItsKindUnlessItSaysForWhich) {
  using enum Algorithm;
  const auto fits = [](const std::string& jwk) {
    const auto set = KeySet::read(set_of({jwk})).value();
    std::string names;
    for (const auto one : {es256, es384, rs256, rs384}) {
      names += set.has("k", one) ? std::string(name_of(one)) + " " : "";
      EXPECT_EQ(algorithm_of(name_of(one)), one);
    }
    return names;
  };
  const auto said = [](std::string jwk, const std::string& algorithm) {
    return jwk.insert(1, R"("alg":")" + algorithm + "\",");
  };
  const auto rsa = Signer::rsa("k").jwk(), small = Signer::of("ES256", "k").jwk();
  EXPECT_EQ(fits(rsa), "RS256 RS384 ");
  EXPECT_EQ(fits(said(rsa, "RS256")), "RS256 ");
  EXPECT_EQ(fits(said(rsa, "PS256")), "");
  EXPECT_EQ(fits(small), "ES256 ");
  EXPECT_EQ(fits(said(small, "ES384")), "");
  EXPECT_EQ(fits(Signer::curve("k").jwk()), "ES384 ");
  for (const auto* name : {"none", "HS256", "HS384", "PS384", "rs256", "RS256 ", "RS512", ""}) {
    EXPECT_FALSE(algorithm_of(name)) << name;
  }
  // Of a client of ours only what it may sign with.
  EXPECT_EQ(read_keys(set_of({small})).error(), "it holds no key for ES384 or RS384");
  EXPECT_TRUE(read_keys(set_of({small}), {es256}));
}

TEST(KeySet, ReadsWhatItKnowsAndRefusesSecrets) {
  const auto size = [](const std::string& json) {
    const auto set = KeySet::read(json);
    return set ? static_cast<int>(set->size()) : -1;
  };
  EXPECT_EQ(size(set_of({curve_key().jwk(), rsa_key().jwk()})), 2);
  EXPECT_EQ(size(set_of({})), 0);
  EXPECT_EQ(size(set_of({R"({"kty":"OKP","kid":"o","crv":"Ed25519","x":"AA"})"})), 0);
  EXPECT_EQ(size(set_of({Signer::rsa("small", 1024).jwk()})), 0);
  EXPECT_EQ(size(set_of({Signer::of("ES256", "other").jwk()})), 1);
  EXPECT_EQ(size(set_of({Signer::curve("other", "P-256").jwk()})), 0) << "not on the curve named";
  EXPECT_EQ(size(set_of({R"({"kty":"EC","kid":"b","crv":"P-521","x":"AA","y":"AA"})"})), 0);
  EXPECT_EQ(size(set_of({Signer::curve("").jwk()})), 0);
  const auto with = [&](const std::string& members) {
    const auto jwk = curve_key().jwk();
    const auto at = jwk.find("\"use\":\"sig\",");
    return size(set_of({jwk.substr(0, at) + members + jwk.substr(at + 12)}));
  };
  EXPECT_EQ(with(""), 1);
  EXPECT_EQ(with(R"("alg":"ES384","use":"sig","key_ops":["verify"],)"), 1);
  EXPECT_EQ(with(R"("alg":"ES256",)"), 0) << "it says what it is for";
  EXPECT_EQ(with(R"("alg":"RS384",)"), 0);
  EXPECT_EQ(with(R"("alg":5,)"), 0);
  EXPECT_EQ(with(R"("use":"enc",)"), 0);
  EXPECT_EQ(with(R"("use":["sig"],)"), 0);
  EXPECT_EQ(with(R"("key_ops":["encrypt"],)"), 0);
  EXPECT_EQ(with(R"("key_ops":[],)"), 0);
  EXPECT_EQ(with(R"("key_ops":"verify",)"), 0);
  EXPECT_EQ(size(set_of({R"({"kty":"EC","kid":"c","crv":"P-384","x":")" + std::string(64, 'A') +
                         R"(","y":")" + std::string(64, 'A') + "\"}"})),
            0)
      << "not on the curve";
  EXPECT_EQ(size(set_of({curve_key().jwk(true)})), -1);
  EXPECT_EQ(size(R"({"keys":{}})"), -1);
  EXPECT_EQ(size("[]"), -1);
  EXPECT_EQ(size(""), -1);
  const auto twice = KeySet::read(set_of({curve_key().jwk(), Signer::curve("c").jwk()}));
  EXPECT_FALSE(twice->has("c", Algorithm::es384)) << "nobody knows which";
}

TEST(Gate, ChecksTheWholeAddressAndRemembersAcrossNewClients) {
  Gate gate("https://cds.example", clients());
  const auto token = "Bearer " + curve_key().token(header(curve_key()), Payload().text());
  const std::string path = "/cds-services/myoflag-intake-review";
  EXPECT_EQ(gate.admit(token, {"/cds-services/other"}, now).error(), Denied::audience);
  EXPECT_TRUE(gate.admit(token, {path}, now));
  gate.use(clients());
  EXPECT_EQ(gate.admit(token, {path}, now).error(), Denied::replayed);
  gate.use({});
  EXPECT_EQ(gate.admit(token, {path}, now).error(), Denied::issuer);
}

TEST(KeySet, OneOfUseHasAKey) {
  EXPECT_TRUE(read_keys(set_of({curve_key().jwk()})));
  EXPECT_FALSE(read_keys(set_of({})));
  EXPECT_FALSE(read_keys(set_of({curve_key().jwk(true)})));
  EXPECT_FALSE(read_keys("{"));
}

TEST(Base64Url, HasOneTextForEachSequence) {
  EXPECT_EQ(base64url_decoded(""), "");
  EXPECT_EQ(base64url_decoded("AA"), std::string("\0", 1));
  EXPECT_EQ(base64url_decoded("-_8"), "\xfb\xff");
  for (const auto* text : {"A", "AB", "AAB", "AA==", "A A", "+/8", "AAAAA", "A\n"}) {
    EXPECT_EQ(base64url_decoded(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace myoflag::trust
