// The head of a request and the table of routes, without sockets.
#include <gtest/gtest.h>

#include "plugin/http/head.h"
#include "plugin/http/problem.h"
#include "plugin/http/router.h"

namespace myoflag::http {
namespace {

int status_of(std::string_view head) {
  const auto refusal = screen(head, {});
  return refusal ? refusal->status : 0;
}

TEST(HttpHead, AnOrdinaryOnePasses) {
  EXPECT_EQ(status_of("POST /a?b=c HTTP/1.1\r\nHost: x\r\nX-Odd!#$: a\tb  c\r\nEmpty:\r\n\r\n"), 0);
  EXPECT_EQ(status_of("GET / HTTP/1.0\r\n\r\n"), 0);
}

TEST(HttpHead, WhatCouldBeReadInTwoWaysIsRefused) {
  const std::string_view heads[] = {
      "\r\n\r\n",
      "GET /\r\n\r\n",
      "GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET / a HTTP/1.1\r\nHost: x\r\n\r\n",
      " GET / HTTP/1.1\r\nHost: x\r\n\r\n",
      "G(T / HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET x HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET /\x80 HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET /\x7f HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET / HTTP/1.1\nHost: x\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: x\rA: b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n",
      "GET / HTTP/1.1\r\n Host: x\r\n\r\n",
      "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
      "GET / HTTP/1.1\r\nHost\r\n\r\n",
      "GET / HTTP/1.1\r\n: x\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: \x80\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: \x01\r\n\r\n",
      std::string_view("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", 29),
      "GET / HTTP/1.1\r\nHost: x",
  };
  for (const auto head : heads) {
    EXPECT_EQ(status_of(head), 400) << head;
  }
}

TEST(HttpHead, OtherVersionsAndSizesHaveTheirOwnStatus) {
  const std::string long_target = "GET /" + std::string(3000, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n";
  std::string many = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 101; ++i) {
    many += "A: b\r\n";
  }
  EXPECT_EQ(status_of("GET / HTTP/2.0\r\nHost: x\r\n\r\n"), 505);
  EXPECT_EQ(status_of("GET / http/1.1\r\nHost: x\r\n\r\n"), 505);
  EXPECT_EQ(status_of(long_target), 414);
  EXPECT_EQ(status_of(many + "\r\n"), 431);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nA: " + std::string(17000, 'b') + "\r\n\r\n"), 431);
}

struct LengthCase {
  Fields fields;
  int status;  // 0: fine
  unsigned version = 11;
};

TEST(HttpHead, TheLengthOfTheBodyIsSaidOnceAndInOneWay) {
  const Field host{"host", "x"};
  const LengthCase cases[] = {
      {{host}, 0},
      {{host, {"content-length", "5"}}, 0},
      {{host, {"transfer-encoding", "Chunked"}}, 0},
      {{host, {"content-length", "5"}, {"content-length", "5"}}, 400},
      {{host, {"content-length", "5"}, {"content-length", "6"}}, 400},
      {{host, {"content-length", "5"}, {"transfer-encoding", "chunked"}}, 400},
      {{host, {"transfer-encoding", "chunked"}, {"content-length", "5"}}, 400},
      {{host, {"transfer-encoding", "chunked"}, {"transfer-encoding", "chunked"}}, 400},
      {{host, {"transfer-encoding", "gzip"}}, 501},
      {{host, {"transfer-encoding", "chunked, chunked"}}, 501},
      {{host, {"transfer-encoding", "gzip, chunked"}}, 501},
      {{host, {"transfer-encoding", "xchunked"}}, 501},
      {{host, {"transfer-encoding", ""}}, 501},
      {{host, {"transfer-encoding", "chunked"}}, 400, 10},
      {{host, {"content-length", "-1"}}, 400},
      {{host, {"content-length", "+1"}}, 400},
      {{host, {"content-length", "abc"}}, 400},
      {{host, {"content-length", "2abc"}}, 400},
      {{host, {"content-length", ""}}, 400},
      {{host, {"content-length", "5, 5"}}, 400},
      {{host, {"content-length", "18446744073709551616"}}, 400},
      {{host, {"expect", "100-Continue"}}, 0},
      {{host, {"expect", "200-ok"}}, 417},
      {{}, 400},
      {{}, 0, 10},
      {{host, host}, 400},
  };
  for (const auto& row : cases) {
    const auto result = framing({"POST", "/", row.version, row.fields});
    EXPECT_EQ(result ? 0 : result.error().status, row.status)
        << ::testing::PrintToString(&row - cases);
  }
}

Route route(std::string method, std::string pattern) {
  return {std::move(method), std::move(pattern), "", [](const Request&) { return Response{}; }};
}

TEST(HttpRouter, MatchesSegmentBySegment) {
  Router router;
  router.add(route("GET", "/health"));
  router.add(route("GET", "/things/{id}"));
  router.add(route("POST", "/things/{id}"));
  router.add(route("POST", "/things/{id}/feedback"));
  EXPECT_NE(router.match("GET", "/health").route, nullptr);
  EXPECT_NE(router.match("HEAD", "/health").route, nullptr);
  const auto one = router.match("POST", "/things/a%20b");
  ASSERT_NE(one.route, nullptr);
  EXPECT_EQ(one.parameters.at("id"), "a b");
  EXPECT_EQ(one.allow, "GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(router.match("POST", "/things/1/feedback").route->pattern, "/things/{id}/feedback");
  EXPECT_EQ(router.match("DELETE", "/things/1").route, nullptr);
  EXPECT_EQ(router.match("DELETE", "/things/1").allow, one.allow);
}

TEST(HttpRouter, NoPathLeadsElsewhere) {
  Router router;
  router.add(route("GET", "/health"));
  router.add(route("GET", "/things/{id}"));
  for (const auto* path :
       {"/", "//", "//health", "/health/", "/Health", "/./health", "/x/../health", "/%2e/health",
        "/health%00", "/health%0", "/health%zz", "/things", "/things/", "/things//", "/things/%",
        "/things/a/b", "/things/%0a", "/%2fhealth", "/things/..%00"}) {
    EXPECT_EQ(router.match("GET", path).allow, "") << path;
  }
  const auto slash = router.match("GET", "/things/..%2f..");
  EXPECT_EQ(slash.parameters.at("id"), "../..");  // text for a handler, no path
}

TEST(HttpRouter, OutcomesOnlyWhereFhirIsSpoken) {
  Router router;
  router.add_outcomes_under("/fhir");
  EXPECT_TRUE(router.wants_outcome("/fhir"));
  EXPECT_TRUE(router.wants_outcome("/fhir/metadata"));
  EXPECT_FALSE(router.wants_outcome("/fhirs"));
  EXPECT_FALSE(router.wants_outcome("/"));
  router.add_plain_problems_under("/fhir/plain");
  EXPECT_FALSE(router.wants_outcome("/fhir/plain"));
  EXPECT_FALSE(router.wants_outcome("/fhir/plain/more"));
  EXPECT_TRUE(router.wants_outcome("/fhir/plainer"));
  const auto small = problem({404, "MF-4209", "Nothing."}, false);
  EXPECT_EQ(small.body, R"({"status":404,"code":"MF-4209","message":"Nothing."})");
  const auto outcome = problem({404, "MF-4209", "Nothing."}, true);
  EXPECT_NE(outcome.body.find(R"("code":"not-found")"), std::string::npos) << outcome.body;
}

TEST(HttpMessage, QueriesAndMediaTypes) {
  EXPECT_EQ(query_value("a=1&_format=xml&b", "_format"), "xml");
  EXPECT_EQ(query_value("a=1&%5fformat=a%20b", "_format"), "a b");
  EXPECT_EQ(query_value("a=1&b", "b"), "");
  EXPECT_EQ(query_value("a=%0", "a"), std::nullopt);
  EXPECT_EQ(query_value("", "a"), std::nullopt);
  EXPECT_EQ(media_type("Application/FHIR+JSON ; charset=utf-8"), "application/fhir+json");
}

}  // namespace
}  // namespace myoflag::http
