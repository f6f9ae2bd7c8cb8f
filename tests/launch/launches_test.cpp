// The way in, with an EHR that is a function: what is asked of it, how often, and what is believed.
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "plugin/launch/launch.h"
#include "tests/trust/signer.h"

namespace myoflag::launch {
namespace {

using myoflag::testing::Signer;
using std::chrono::minutes;
using std::chrono::seconds;

const Instant start{seconds(1'800'000'000)};
constexpr const char* kIss = "https://ehr.example/fhir";

std::string parameter(const std::string& address, const std::string& name) {
  const auto at = address.find(name + "=") + name.size() + 1;
  return address.substr(at, address.find('&', at) - at);
}

// An EHR whose answers can be changed; counts what is asked.
struct Ehr {
  Signer key = Signer::of("RS256", "k");
  std::map<std::string, int> asked;
  std::vector<ehr::WebRequest> requests;
  std::string key_id = "k", nonce, issuer = kIss;
  std::map<std::string, ehr::WebAnswer> instead;  // by address

  ehr::WebAnswer answer(const ehr::WebRequest& request) {
    ++asked[request.url];
    requests.push_back(request);
    if (const auto found = instead.find(request.url); found != instead.end()) {
      return found->second;
    }
    if (request.url == "https://ehr.example/token") {
      const auto token =
          key.token(R"({"alg":"RS256","kid":")" + key_id + "\"}",
                    R"({"sub":"u","aud":"myoflag","exp":1800010000,"iat":1800000000,"iss":")" +
                        issuer + R"(","nonce":")" + nonce + "\"}");
      return {
          200,
          R"({"access_token":"a","token_type":"Bearer","patient":"1","id_token":")" + token + "\"}",
          {}};
    }
    if (request.url == "https://ehr.example/keys") {
      return {200, R"({"keys":[)" + key.jwk() + "]}", {}};
    }
    return {200,
            R"({"issuer":")" + issuer +
                R"(","authorization_endpoint":"https://ehr.example/authorize",
            "token_endpoint":"https://ehr.example/token","jwks_uri":"https://ehr.example/keys",
            "code_challenge_methods_supported":["S256"]})",
            {}};
  }
};

class LaunchesTest : public ::testing::Test {
 protected:
  static std::vector<Server> servers() {
    Server server;
    server.iss = kIss;
    server.client_id = "myoflag";
    server.is_home = true;
    return {server};
  }

  std::string begin(const std::string& browser = "b", Instant now = start) {
    const auto address = launches.begin({kIss, "x", browser, false}, now);
    EXPECT_TRUE(address);
    ehr.nonce = parameter(*address, "nonce");
    return parameter(*address, "state");
  }

  std::string finish(const std::string& state, const std::string& browser = "b",
                     Instant now = start) {
    const auto session = launches.finish({state, "code", {}, {}, browser}, now);
    return session ? "" : session.error().why.substr(0, 7);
  }

  Ehr ehr;
  Launches launches{servers(), "https://cds.example/smart/callback",
                    [this](const std::vector<ehr::WebRequest>& requests) {
                      std::vector<ehr::WebAnswer> answers;
                      for (const auto& one : requests) {
                        answers.push_back(ehr.answer(one));
                      }
                      return answers;
                    }};
};

TEST_F(LaunchesTest, ASessionIsForThePatientOfTheLaunch) {
  const auto state = begin();
  const auto session = launches.finish({state, "code", {}, kIss, "b"}, start).value();
  EXPECT_EQ(*session.only, (Whom{"https://ehr.example/fhir/", "Patient/1", true}));
  EXPECT_EQ(session.user, "u");
  const auto& token = ehr.requests[1];
  EXPECT_EQ(token.url, "https://ehr.example/token");
  EXPECT_TRUE(token.sign.client_id.empty());
  EXPECT_NE(token.form.find("client_id=myoflag"), std::string::npos);
}

TEST_F(LaunchesTest, EachStateIsGoodOnceForWhoeverBeganIt) {
  EXPECT_EQ(finish("nothing"), "MF-4271");
  const auto state = begin("one");
  EXPECT_EQ(finish(state, "another"), "MF-4271");
  EXPECT_EQ(finish(state, "one"), "MF-4271") << "somebody else had it: it is good for nobody";
  EXPECT_EQ(finish(begin("one"), ""), "MF-4271");
  EXPECT_EQ(finish(begin(), "b", start + minutes(10)), "MF-4271");
  EXPECT_EQ(ehr.asked["https://ehr.example/token"], 0) << "no code is tried for them";
  EXPECT_EQ(finish(begin()), "");
}

TEST_F(LaunchesTest, TheConfigurationAndTheKeysAreAskedForOnceInAWhile) {
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(finish(begin("b", start + seconds(i)), "b", start + seconds(i)), "");
  }
  const auto configuration = std::string(kIss) + "/.well-known/smart-configuration";
  EXPECT_EQ(ehr.asked[configuration], 1);
  EXPECT_EQ(ehr.asked["https://ehr.example/keys"], 1);
  const auto later = start + minutes(11);
  EXPECT_EQ(finish(begin("b", later), "b", later), "");
  EXPECT_EQ(ehr.asked[configuration], 2);
  EXPECT_EQ(ehr.asked["https://ehr.example/keys"], 2);
}

TEST_F(LaunchesTest, KeysThatCannotBeFetchedAnewStayInUseForAnHour) {
  EXPECT_EQ(finish(begin()), "");
  ehr.instead["https://ehr.example/keys"] = {503, {}, {}};
  const auto soon = start + minutes(30), late = start + minutes(61);
  EXPECT_EQ(finish(begin("b", soon), "b", soon), "");
  EXPECT_EQ(finish(begin("b", late), "b", late), "MF-4277");
}

TEST_F(LaunchesTest, KeysThatFailedAreNotTriedAgainByWhoWaited) {
  ehr.instead["https://ehr.example/keys"] = {200, "{}", {}};
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(finish(begin()), "MF-4277");
  }
  EXPECT_EQ(ehr.asked["https://ehr.example/keys"], 1);
  ehr.instead.clear();
  EXPECT_EQ(finish(begin("b", start + seconds(2)), "b", start + seconds(2)), "");
}

TEST_F(LaunchesTest, ANewKeyIsLookedForButNotByEveryTokenThatNamesOne) {
  EXPECT_EQ(finish(begin()), "");
  ehr.instead["https://ehr.example/keys"] = {200, R"({"keys":[)" + ehr.key.jwk() + "]}", {}};
  ehr.key_id = "other";
  for (int i = 0; i < 20; ++i) {
    const auto now = start + seconds(30 + i % 3);
    EXPECT_EQ(finish(begin("b", now), "b", now), "MF-4275");
  }
  EXPECT_EQ(ehr.asked["https://ehr.example/keys"], 2);
}

TEST_F(LaunchesTest, WhoWaitedForAFailureDoesNotTryItAgain) {
  const auto configuration = std::string(kIss) + "/.well-known/smart-configuration";
  ehr.instead[configuration] = {0, {}, "MF-1503"};
  for (int i = 0; i < 10; ++i) {
    const auto refused = launches.begin({kIss, "x", "b", false}, start).error();
    EXPECT_EQ(refused.status, 502);
    EXPECT_EQ(refused.why, "MF-4273: the configuration of launch.servers[0]: MF-1503");
  }
  EXPECT_EQ(ehr.asked[configuration], 1);
  ehr.instead.clear();
  EXPECT_TRUE(launches.begin({kIss, "x", "b", false}, start + seconds(2)));
}

TEST_F(LaunchesTest, AChangedIssuerIsNotTheOneThatWasAsked) {
  const auto state = begin();
  ehr.issuer = "https://evil.example";
  EXPECT_EQ(finish(state), "MF-4275");
}

TEST_F(LaunchesTest, WhatIsRefusedQuotesNothing) {
  const auto said = [&](const Return& given) { return launches.finish(given, start).error().why; };
  EXPECT_EQ(said({begin(), {}, "<b>Patient/1", {}, "b"}),
            "MF-4272: the authorization server says an error that is no word");
  EXPECT_EQ(said({begin(), "a b", {}, {}, "b"}), "MF-4271: there is no code");
  EXPECT_EQ(said({begin(), std::string(7'000, 'c'), {}, {}, "b"}), "MF-4271: there is no code");
  EXPECT_EQ(said({begin(), "c", {}, "https://evil.example", "b"}),
            "MF-4271: another issuer answers");
  for (const auto& iss : {std::string(), std::string("https://evil.example/fhir"),
                          std::string(kIss) + "x", std::string(kIss) + "/../fhir"}) {
    EXPECT_EQ(launches.begin({iss, "x", "b", false}, start).error().why,
              "MF-4270: the iss is none of launch.servers");
  }
  EXPECT_EQ(launches.begin({kIss, {}, "b", false}, start).error().page, "launch-unknown");
}

}  // namespace
}  // namespace myoflag::launch
