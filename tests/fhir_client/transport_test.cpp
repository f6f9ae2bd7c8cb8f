// The transport against a server that answers rightly, wrongly, slowly, or not at all.

#include <atomic>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fhir/client/cpprest_transport.h"
#include "fhir/client/transport.h"
#include "tests/support/scripted_server.h"

namespace myoflag::fhir::client {
namespace {

using std::chrono::milliseconds;
using testing::answer;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Scripted;
using testing::ScriptedServer;

Request get(std::string url) {
  return {Method::get, std::move(url), {}, {}, milliseconds(5000), 1000};
}

class TransportTest : public ::testing::Test {
 protected:
  std::unique_ptr<Transport> transport = cpprest_transport({});

  TransportFailure failure(const Request& request) {
    const auto response = transport->send(request);
    return response ? TransportFailure{"an answer", "", Arrival::unknown} : response.error();
  }
};

TEST_F(TransportTest, SendsMethodPathHeadersAndBody) {
  ScriptedServer server(
      [](const std::string&) { return answer(201, "ETag: W/\"1\"\r\n", "made"); });
  const auto response = transport->send(
      {Method::post,
       server.url("fhir/Observation?a=b%7Cc"),
       {{"Content-Type", "application/fhir+json"}, {"If-None-Exist", "identifier=x%7Cy"}},
       "{\"a\":1}",
       milliseconds(5000),
       1000});
  ASSERT_TRUE(response) << response.error().code;
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(response->body, "made");
  EXPECT_EQ(value_of(response->headers, "etag"), "W/\"1\"");
  ASSERT_EQ(server.requests().size(), 1u);
  const std::string request = server.requests().front();
  EXPECT_THAT(request, HasSubstr("POST /fhir/Observation?a=b%7Cc HTTP/1.1\r\n"));
  EXPECT_THAT(request, HasSubstr("Content-Type:application/fhir+json\r\n"));
  EXPECT_THAT(request, HasSubstr("If-None-Exist:identifier=x%7Cy\r\n"));
  EXPECT_THAT(request, ::testing::EndsWith("\r\n\r\n{\"a\":1}"));
}

TEST_F(TransportTest, AWriteWhoseAnswerIsLostIsNotSentAgain) {
  ScriptedServer server([](const std::string& request) {
    return request.starts_with("GET") || request.find("/first") != std::string::npos
               ? answer(200, "", "")
               : Scripted{"", milliseconds(0), true};
  });
  for (const Method method : {Method::post, Method::put, Method::remove}) {
    Request request = get(server.url("first"));
    ASSERT_TRUE(transport->send(request));
    request.method = method;
    ASSERT_TRUE(transport->send(request)) << "now there are connections that could be used again";
    const auto before = server.requests().size();
    request.url = server.url("second");
    EXPECT_EQ(failure(request).arrival, Arrival::unknown);
    EXPECT_EQ(server.requests().size(), before + 1) << "it may have been done";
  }
}

TEST_F(TransportTest, EveryMethodHasItsName) {
  ScriptedServer server([](const std::string&) { return answer(200, "", ""); });
  for (const Method method : {Method::get, Method::post, Method::put, Method::remove}) {
    Request request = get(server.url("x"));
    request.method = method;
    ASSERT_TRUE(transport->send(request));
  }
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 4u);
  EXPECT_THAT(requests[0], HasSubstr("GET /x "));
  EXPECT_THAT(requests[1], HasSubstr("POST /x "));
  EXPECT_THAT(requests[2], HasSubstr("PUT /x "));
  EXPECT_THAT(requests[3], HasSubstr("DELETE /x "));
}

TEST_F(TransportTest, AnAnswerMayBeAsLongAsAllowedAndNoLonger) {
  ScriptedServer server([](const std::string& request) {
    return answer(200, "",
                  std::string(request.find("/long") == std::string::npos ? 1000 : 1001, 'x'));
  });
  const auto fits = transport->send(get(server.url("fits")));
  ASSERT_TRUE(fits) << fits.error().code;
  EXPECT_EQ(fits->body.size(), 1000u);
  EXPECT_EQ(failure(get(server.url("long"))).code, "MF-1504");
}

TEST_F(TransportTest, ADownloadGoesIntoAFile) {
  const std::string body(300'000, 'x');
  ScriptedServer server([&](const std::string&) { return answer(200, "", body); });
  const std::string file = ::testing::TempDir() + "fhir_client_download";
  Request request = get(server.url("file"));
  request.most_bytes = body.size();
  const auto response = transport->download(request, file);
  ASSERT_TRUE(response) << response.error().code;
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, "");
  std::ifstream in(file, std::ios::binary);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), body);

  request.most_bytes = body.size() - 1;
  const auto longer = transport->download(request, file);
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().code, "MF-1504");
  const auto nowhere = transport->download(request, "/no/such/folder/file");
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code, "MF-1508");
  std::remove(file.c_str());
}

TEST_F(TransportTest, ASilentServerIsLeftAtTheDeadline) {
  ScriptedServer server([](const std::string&) {
    return Scripted{"HTTP/1.1 200 OK\r\n\r\n", std::chrono::seconds(20), true};
  });
  Request request = get(server.url());
  request.deadline = milliseconds(300);
  const auto begin = std::chrono::steady_clock::now();
  const TransportFailure seen = failure(request);
  EXPECT_EQ(seen.code, "MF-1503");
  EXPECT_EQ(seen.arrival, Arrival::unknown);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(15));
}

TEST_F(TransportTest, WhatBreaksOffMayHaveArrived) {
  for (const char* bytes : {"", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "HTTP/1.1 2",
                            "no http at all\r\n\r\n"}) {
    ScriptedServer server([&](const std::string&) {
      return Scripted{bytes, milliseconds(0), true};
    });
    Request request = get(server.url());
    request.method = Method::post;
    const TransportFailure seen = failure(request);
    EXPECT_EQ(seen.code, "MF-1505") << bytes;
    EXPECT_EQ(seen.arrival, Arrival::unknown) << bytes;
  }
}

TEST_F(TransportTest, NobodyThere) {
  std::string url;
  {
    url = ScriptedServer([](const std::string&) { return answer(200, "", ""); }).url();
  }
  const TransportFailure seen = failure(get(url));
  EXPECT_EQ(seen.code, "MF-1502");
  EXPECT_EQ(seen.arrival, Arrival::not_sent);
}

TEST_F(TransportTest, ARedirectIsAnAnswer) {
  ScriptedServer other([](const std::string&) { return answer(200, "", "elsewhere"); });
  ScriptedServer server(
      [&](const std::string&) { return answer(307, "Location: " + other.url() + "\r\n", ""); });
  const auto response = transport->send(get(server.url()));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 307);
  EXPECT_TRUE(other.requests().empty());
}

TEST_F(TransportTest, NoHeaderMakesASecondOne) {
  ScriptedServer server([](const std::string&) { return answer(200, "", ""); });
  for (const Header& header : Headers{{"X-Id", "1\r\nX-Evil: 1"},
                                      {"X Id", "1"},
                                      {"", "1"},
                                      {"X-Id", "caf\xc3\xa9"},
                                      {"X-Id", std::string("\0", 1)}}) {
    Request request = get(server.url());
    request.headers = {header};
    EXPECT_EQ(failure(request).code, "MF-1501");
  }
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(TransportTest, NothingLeavesThisMachineUnencrypted) {
  EXPECT_EQ(failure(get("http://ehr.example/fhir")).code, "MF-1500");
  EXPECT_EQ(failure(get("ftp://127.0.0.1/")).code, "MF-1500");
}

TEST_F(TransportTest, ConnectionsAreUsedAgain) {
  ScriptedServer server([](const std::string&) { return answer(200, "", "x"); });
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(transport->send(get(server.url())));
  }
  EXPECT_EQ(server.requests().size(), 20u);
  // The next exchange may begin before the last one has given its connection back.
  EXPECT_LE(server.connections(), 10);
}

TEST_F(TransportTest, NoMoreAtOnceThanAllowed) {
  TransportOptions options;
  options.most_at_once = 2;
  transport = cpprest_transport(options);
  std::atomic<int> at_once{0}, most{0}, refused{0};
  ScriptedServer server([&](const std::string&) {
    const int now = ++at_once;
    for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
    }
    std::this_thread::sleep_for(milliseconds(100));
    --at_once;
    return answer(200, "", "");
  });
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] { refused += transport->send(get(server.url())) ? 0 : 1; });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(refused, 0);
  EXPECT_EQ(most, 2);
}

TEST_F(TransportTest, FilesThatCannotBeUsedAreToldAtOnce) {
  EXPECT_THROW(cpprest_transport({"/no/such/file", "", "", ""}), std::runtime_error);
  EXPECT_THROW(cpprest_transport({"", "/no/such/file", "", ""}), std::runtime_error);
}

TEST(OriginOf, Addresses) {
  EXPECT_EQ(origin_of("https://EHR.example/fhir"), "https://ehr.example");
  EXPECT_EQ(origin_of("https://ehr.example:443?x"), "https://ehr.example");
  EXPECT_EQ(origin_of("http://ehr.example:8080"), "http://ehr.example:8080");
  EXPECT_EQ(origin_of("https://[::1]:8443/x"), "https://[::1]:8443");
  EXPECT_NE(origin_of("http://a.example"), origin_of("https://a.example"));
  for (const char* wrong :
       {"", "/fhir", "ehr.example", "https://", "https:///x", "https://user@ehr.example/",
        "https://a:b@c/", "https://ehr.example/a#b", "https://ehr.example/a b",
        "https://ehr.example:/", "https://ehr.example:99x/", "https://ehr.example\\@evil.example/",
        "javascript:alert(1)", "https://e\xc3\xa9.example/", "https://a:b:c/"}) {
    EXPECT_EQ(origin_of(wrong), "") << wrong;
    EXPECT_FALSE(may_be_called(wrong)) << wrong;
  }
}

TEST(MayBeCalled, HttpOnLoopbackOnly) {
  for (const char* right : {"https://ehr.example/fhir", "http://127.0.0.1:8080/fhir",
                            "http://localhost/", "http://[::1]:9/"}) {
    EXPECT_TRUE(may_be_called(right)) << right;
  }
  for (const char* wrong :
       {"http://ehr.example/", "http://127.evil.example/", "http://127.0.0.1.evil.example/",
        "http://localhost.example/", "http://10.0.0.1/"}) {
    EXPECT_FALSE(may_be_called(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace myoflag::fhir::client
