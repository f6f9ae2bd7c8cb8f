// The client against a transport that plays the server: what it asks, how often, and what it makes
// of the answers.

#include <deque>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fhir/client/backend_services.h"
#include "fhir/client/client.h"
#include "tests/fhir_client/played.h"

namespace myoflag::fhir::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string base = "https://ehr.example/fhir/R4";

Json bundle(std::initializer_list<const char*> ids, const std::string& next = {}) {
  Json entries = Json::array();
  for (const char* id : ids) {
    entries.push(
        Json::object({{"resource", Json::object({{"resourceType", "Observation"}, {"id", id}})}}));
  }
  Json out = Json::object({{"resourceType", "Bundle"}, {"type", "searchset"}, {"entry", entries}});
  if (!next.empty()) {
    out.set("link", Json::array({Json::object({{"relation", "next"}, {"url", next}})}));
  }
  return out;
}

class ClientTest : public ::testing::Test {
 protected:
  Played server;
  Passing passing;

  Client client(Authority* authority = nullptr) {
    return {server, {base + "/"}, authority, passing.world()};
  }
};

TEST_F(ClientTest, AReadIsRepeatedWhileThatMayHelp) {
  server.answers = {said(503), said(500), said(200, Json::object({{"resourceType", "Patient"}}))};
  const Reply reply = client().read("Patient/1");
  EXPECT_EQ(reply.next, Next::done);
  EXPECT_EQ(reply.resource.string_of("resourceType"), "Patient");
  EXPECT_THAT(server.urls(),
              ElementsAre(base + "/Patient/1", base + "/Patient/1", base + "/Patient/1"));
  EXPECT_EQ(passing.waits.size(), 2u);
}

TEST_F(ClientTest, AndNotForEver) {
  server.otherwise = said(503);
  EXPECT_EQ(client().read("metadata").next, Next::retry);
  EXPECT_EQ(server.asked.size(), 4u);
}

TEST_F(ClientTest, WaitsAtLeastAsLongAsAsked) {
  server.answers = {said(429, {}, {{"Retry-After", "7"}}), said(200, bundle({}))};
  client().read("Observation");
  ASSERT_EQ(passing.waits.size(), 1u);
  EXPECT_GE(passing.waits[0], std::chrono::seconds(7));
}

TEST_F(ClientTest, APageOfAProxyIsNoResource) {
  server.otherwise = Response{200, {}, "<html>sign in</html>"};
  const Reply reply = client().read("Patient/1");
  EXPECT_EQ(reply.next, Next::final);
  EXPECT_EQ(reply.code, "MF-1514");
}

TEST_F(ClientTest, FollowsPagesAndTakesEachResourceOnce) {
  server.answers = {said(200, bundle({"1", "2"}, base + "?page=2")), said(200, bundle({"2", "3"}))};
  const Found found = client().search("Observation", {{"patient", "Patient/1"}, {"code", "a|b"}});
  EXPECT_TRUE(found.is_whole);
  EXPECT_EQ(found.resources.size(), 3u);
  EXPECT_THAT(server.urls(),
              ElementsAre(base + "/Observation?patient=Patient%2F1&code=a%7Cb", base + "?page=2"));
}

TEST_F(ClientTest, TheTokenStaysAtItsOrigin) {
  FixedAuthority token(bearer("secret"));
  server.answers = {said(200, bundle({"1"}, "https://evil.example/fhir/R4?page=2"))};
  const Found found = client(&token).search("Observation", {});
  EXPECT_FALSE(found.is_whole);
  EXPECT_EQ(found.last.code, "MF-1511");
  EXPECT_EQ(found.last.next, Next::final);
  EXPECT_EQ(server.asked.size(), 1u);
}

TEST_F(ClientTest, PagesInACircleEnd) {
  server.otherwise = said(200, bundle({"1"}, base + "?page=2"));
  const Found found = client().search("Observation", {});
  EXPECT_EQ(found.last.code, "MF-1512");
  EXPECT_FALSE(found.is_whole);
  EXPECT_EQ(server.asked.size(), 2u);
}

TEST_F(ClientTest, ASearchThatBreaksOffIsNotWhole) {
  server.answers = {said(200, bundle({"1"}, base + "?page=2")), said(404)};
  const Found found = client().search("Observation", {});
  EXPECT_FALSE(found.is_whole);
  EXPECT_EQ(found.resources.size(), 1u);
}

TEST_F(ClientTest, AConditionalCreateSaysSoAndMayBeRepeated) {
  server.answers = {
      said(201, {}, {{"Location", base + "/Observation/9/_history/1"}, {"ETag", "W/\"1\""}}),
      said(503)};
  const Json resource = Json::object({{"resourceType", "Observation"}});
  const Reply made = client().create(resource, {{"identifier", "urn:x|1"}});
  EXPECT_EQ(made.next, Next::done);
  EXPECT_EQ(made.id, "Observation/9");
  EXPECT_EQ(made.version, "1");
  EXPECT_EQ(value_of(server.asked[0].headers, "If-None-Exist"), "identifier=urn%3Ax%7C1");
  EXPECT_EQ(client().create(resource, {{"identifier", "urn:x|1"}}).next, Next::retry);
}

TEST_F(ClientTest, APlainCreateThatMayHaveArrivedIsLookedUp) {
  server.otherwise = said(504);
  EXPECT_EQ(client().create(Json::object({{"resourceType", "Observation"}}), {}).next, Next::look);
  server.otherwise = tl::unexpected(TransportFailure{"MF-1503", "late", Arrival::unknown});
  EXPECT_EQ(client().create(Json::object({{"resourceType", "Observation"}}), {}).next, Next::look);
  EXPECT_EQ(server.asked.size(), 2u);
}

TEST_F(ClientTest, AnUpdateNamesTheVersionItReplaces) {
  server.otherwise = said(200);
  client().update(Json::object({{"resourceType", "Observation"}, {"id", "7"}}), "3");
  EXPECT_EQ(server.asked[0].url, base + "/Observation/7");
  EXPECT_EQ(server.asked[0].method, Method::put);
  EXPECT_EQ(value_of(server.asked[0].headers, "If-Match"), "W/\"3\"");
}

TEST_F(ClientTest, WhatTheServerSaysIsNotRepeated) {
  server.otherwise = said(
      422, Json::object({{"resourceType", "OperationOutcome"},
                         {"issue", Json::array({Json::object({{"severity", "error"},
                                                              {"code", "business-rule"},
                                                              {"diagnostics", "CANARY"}})})}}));
  const Reply reply = client().transaction(Json::object({{"resourceType", "Bundle"}}));
  EXPECT_EQ(reply.next, Next::final);
  EXPECT_THAT(reply.text, HasSubstr("422"));
  EXPECT_THAT(reply.text, HasSubstr("business-rule"));
  EXPECT_THAT(reply.text, Not(HasSubstr("CANARY")));
}

TEST_F(ClientTest, ARefusedTokenIsRenewedOnceAndThenItIsFinal) {
  Counting authority;
  server.otherwise = said(401);
  EXPECT_EQ(client(&authority).read("Patient/1").next, Next::final);
  EXPECT_THAT(authority.asked, ElementsAre(false, true));
  server.asked.clear();
  server.answers = {said(401), said(200, Json::object({{"resourceType", "Patient"}}))};
  EXPECT_EQ(client(&authority).read("Patient/1").next, Next::done);
}

TEST_F(ClientTest, ABaseThatMayNotBeCalledIsRefused) {
  for (const char* wrong :
       {"http://ehr.example/fhir", "ehr.example", "https://ehr.example/fhir?x=1", ""}) {
    EXPECT_THROW(Client(server, {wrong}), std::invalid_argument) << wrong;
  }
}

TEST(RealWorld, UuidsAreOfVersionFourAndDiffer) {
  const World world = real_world();
  const std::string first = world.uuid();
  EXPECT_EQ(first.size(), 36u);
  EXPECT_EQ(first[14], '4');
  EXPECT_NE(first, world.uuid());
}

}  // namespace
}  // namespace myoflag::fhir::client
