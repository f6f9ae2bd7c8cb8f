// The server on real sockets, with clients that are slow, large, broken or gone.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugin/http/server.h"
#include "plugin/random_uuid.h"
#include "tests/http/raw_client.h"

namespace myoflag::http {
namespace {

using namespace std::chrono_literals;
using myoflag::testing::Answer;
using myoflag::testing::RawClient;

constexpr std::string_view canary = "CANARY-31415";

// What a handler waits for, so that a test decides when it ends.
class Gate {
 public:
  void open() {
    {
      const std::lock_guard lock(mutex_);
      open_ = true;
    }
    opened_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    opened_.wait_for(lock, 20s, [this] { return open_; });
  }
  int waiting() {
    const std::lock_guard lock(mutex_);
    return waiting_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool open_ = false;
  int waiting_ = 0;
};

bool eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 1000 && !condition(); ++i) {
    std::this_thread::sleep_for(10ms);
  }
  return condition();
}

class HttpServer : public ::testing::Test {
 protected:
  HttpServer() {
    limits.head_time = limits.body_time = 20s;
    limits.write_time = limits.idle_time = limits.answer_time = limits.drain_time = 5s;
  }
  ~HttpServer() override {
    gate.open();
    server.reset();
  }

  void start() {
    Router router;
    router.add({"GET", "/hello", "", [](const Request&) {
                  return Response{200, "text/plain", "hello", {}};
                }});
    router.add({"GET", "/large", "", [](const Request&) {
                  return Response{200, "text/plain", std::string(64u << 20, 'x'), {}};
                }});
    router.add({"GET", "/varies", "", [](const Request&) {
                  return Response{200, "text/plain", "x", {{"Vary", "Accept-Encoding"}}};
                }});
    for (const auto* method : {"GET", "POST"}) {
      router.add({method, "/nothing", "", [](const Request&) {
                    return Response{204, "", "", {}};
                  }});
    }
    router.add({"GET", "/wait", "", [this](const Request&) {
                  gate.wait();
                  return Response{200, "text/plain", "waited", {}};
                }});
    router.add({"GET", "/throw", "",
                [](const Request&) -> Response { throw std::runtime_error(std::string(canary)); }});
    router.add({"GET", "/split", "", [](const Request&) {
                  return Response{200, "", "", {{"X-A", "b\r\nX-C: d"}}};
                }});
    router.add({"POST",
                "/echo/{name}",
                "",
                [this](const Request& request) {
                  ++echoes;
                  return Response{200, "text/plain", request.body, {}};
                },
                {"text/plain"},
                100'000});
    router.add({"POST",
                "/sink",
                "",
                [](const Request&) { return Response{}; },
                {"text/plain"},
                std::size_t{4} << 30U});
    router.add({"POST",
                "/closed",
                "",
                [this](const Request& request) {
                  ++echoes;
                  return Response{200, "text/plain", request.body, {}};
                },
                {"text/plain"},
                100'000,
                {},
                [](const Request& request) -> std::optional<Response> {
                  const auto word = field_of(request.fields, "authorization");
                  if (word == "throw") {
                    throw std::runtime_error(std::string(canary));
                  }
                  return word == "open" ? std::nullopt : std::optional(Response{401, "", "", {}});
                }});
    router.add({"GET", "/fhir/hello", "", [](const Request&) { return Response{}; }});
    router.add_outcomes_under("/fhir");
    ServerOptions options;
    options.limits = limits;
    options.cors_origins = origins;
    options.log = [this](const Access& access) {
      const std::lock_guard lock(mutex);
      log.push_back(access);
    };
    auto started = Server::start([&](std::uint16_t) { return router; }, std::move(options));
    ASSERT_TRUE(started) << started.error().text;
    server = *std::move(started);
  }

  std::unique_ptr<RawClient> client() { return std::make_unique<RawClient>(server->port()); }

  // One exchange on a connection of its own.
  Answer ask(std::string_view bytes) {
    auto one = client();
    one->send(bytes);
    return one->answer();
  }
  int status(std::string_view bytes) { return ask(bytes).status; }
  bool is_well() { return status("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n") == 200; }

  static std::string post(std::string_view fields, std::string_view body) {
    return "POST /echo/n HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n" +
           std::string(fields) + "\r\n" + std::string(body);
  }

  std::vector<Access> lines() {
    const std::lock_guard lock(mutex);
    return log;
  }

  Limits limits;
  std::vector<std::string> origins;
  Gate gate;
  std::atomic<int> echoes{0};
  std::mutex mutex;
  std::vector<Access> log;  // guarded by mutex
  std::unique_ptr<Server> server;
};

constexpr std::string_view hello = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";

TEST_F(HttpServer, AnswersAndKeepsTheConnection) {
  start();
  auto one = client();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(one->send(hello));
    const auto answer = one->answer();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "hello");
    EXPECT_TRUE(answer.has("Content-Type: text/plain"));
    EXPECT_TRUE(answer.has("Cache-Control: no-store"));
    EXPECT_TRUE(answer.has("X-Content-Type-Options: nosniff"));
    EXPECT_FALSE(answer.has("Connection: close"));
  }
  one->send("GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(one->answer().has("Connection: close"));
  EXPECT_TRUE(one->is_closed());
}

TEST_F(HttpServer, OldClientsAreClosedUnlessTheyAskOtherwise) {
  start();
  auto one = client();
  one->send("GET /hello HTTP/1.0\r\n\r\n");
  EXPECT_EQ(one->answer().status, 200);
  EXPECT_TRUE(one->is_closed());
}

TEST_F(HttpServer, PipelinedRequestsAreAnsweredInTheirOrder) {
  start();
  auto one = client();
  std::string all;
  for (int i = 0; i < 50; ++i) {
    const auto body = "body " + std::to_string(i);
    all += post("Content-Length: " + std::to_string(body.size()) + "\r\n", body);
    all += "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";
  }
  one->send(all);
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(one->answer().body, "body " + std::to_string(i));
    ASSERT_EQ(one->answer().body, "hello");
  }
}

TEST_F(HttpServer, MethodsPathsAndTypesHaveTheirStatus) {
  start();
  auto one = client();
  one->send("HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto head = one->answer(true);
  EXPECT_TRUE(head.has("Content-Length: 5"));
  one->send("OPTIONS /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto options = one->answer();
  EXPECT_EQ(options.status, 204);
  EXPECT_TRUE(options.has("Allow: GET, HEAD, OPTIONS"));
  one->send("DELETE /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto wrong = one->answer();
  EXPECT_EQ(wrong.status, 405);
  EXPECT_TRUE(wrong.has("Allow: GET, HEAD, OPTIONS"));
  one->send("GET /nowhere?a=b HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto nowhere = one->answer();
  EXPECT_EQ(nowhere.status, 404);
  EXPECT_EQ(nowhere.body,
            R"({"status":404,"code":"MF-4209","message":"There is nothing at this path."})");
  one->send("GET /fhir/nowhere HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto outcome = one->answer();
  EXPECT_TRUE(outcome.has("Content-Type: application/fhir+json; charset=utf-8"));
  EXPECT_NE(outcome.body.find("OperationOutcome"), std::string::npos);
  one->send(hello);
  EXPECT_EQ(one->answer().status, 200) << "none of these ends the connection";

  EXPECT_EQ(status("POST /echo/n HTTP/1.1\r\nHost: x\r\nContent-Type: text/html\r\n"
                   "Content-Length: 2\r\n\r\nab"),
            415);
  EXPECT_EQ(status("POST /echo/n HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab"), 415);
  EXPECT_EQ(status("GET /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab"), 413);
  EXPECT_EQ(status("TRACE /hello HTTP/1.1\r\nHost: x\r\n\r\n"), 405);
  EXPECT_EQ(status("CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
  EXPECT_EQ(status("GET /hello HTTP/3.0\r\nHost: x\r\n\r\n"), 505);
  EXPECT_EQ(status("GET /" + std::string(5000, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n"), 414);
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(20000, 'a') + "\r\n\r\n"), 431);
  EXPECT_EQ(status(post("Content-Length: 2\r\nExpect: more\r\n", "ab")), 417);
}

TEST_F(HttpServer, NothingIsSmuggledBehindARefusedRequest) {
  start();
  const auto inner = post("Content-Length: 2\r\n", "ab");
  const std::string_view fields[] = {
      "Content-Length: 0\r\nContent-Length: 0\r\n",
      "Content-Length: 0\r\nContent-Length: 5\r\n",
      "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
      "Transfer-Encoding: gzip\r\nContent-Length: 0\r\n",
      "Transfer-Encoding: gzip, chunked\r\n",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
      "Transfer-Encoding:\tchunked, identity\r\n",
      "Transfer-Encoding : chunked\r\n",
      "Transfer-Encoding: x\r\n chunked\r\n",
      "Content-Length: -1\r\n",
      "Content-Length: 0x0\r\n",
      "Content-Length: 99999999999999999999\r\n",
      "A: b\nContent-Length: 0\r\n",
      "A: b\rContent-Length: 0\r\n",
      "A: \x80\r\nContent-Length: 0\r\n",
      "Host: y\r\nContent-Length: 0\r\n",
  };
  for (const auto line : fields) {
    auto one = client();
    one->send(post(line, "0\r\n\r\n" + inner));
    const auto answer = one->answer();
    EXPECT_TRUE(answer.status == 400 || answer.status == 501) << line << answer.status;
    EXPECT_TRUE(answer.has("Connection: close")) << line;
    EXPECT_TRUE(one->is_closed()) << line;
  }
  EXPECT_EQ(echoes, 0);
}

TEST_F(HttpServer, ChunksAreReadOrRefusedButNeverMisread) {
  start();
  const auto chunked = [](std::string_view body) {
    return post("Transfer-Encoding: chunked\r\n", body);
  };
  EXPECT_EQ(ask(chunked("2\r\nab\r\n3;a=\"b\"\r\ncde\r\n0\r\n\r\n")).body, "abcde");
  EXPECT_EQ(ask(chunked("1\r\na\r\n0\r\nHost: evil\r\nContent-Type: text/html\r\n\r\n")).body, "a");
  echoes = 0;
  for (const auto* body : {"-1\r\na\r\n0\r\n\r\n", "-2\r\na\r\n0\r\n\r\n", "zz\r\na\r\n0\r\n\r\n",
                           "\r\na\r\n0\r\n\r\n", "2\r\nabc\r\n0\r\n\r\n", "1\r\nabc\r\n0\r\n\r\n",
                           "1 \r\r\na\r\n0\r\n\r\n", "0x1\r\na\r\n0\r\n\r\n"}) {
    EXPECT_EQ(status(chunked(body)), 400) << body;
  }
  for (const auto* body : {"ffffffff\r\na", "fffffffffffffffff\r\na", "7fffffffffffffff\r\na"}) {
    const auto found = status(chunked(body));
    EXPECT_TRUE(found == 413 || found == 400) << body << found;
  }
  EXPECT_EQ(echoes, 0);
  EXPECT_TRUE(is_well());
}

TEST_F(HttpServer, LargeBodiesAreRefusedBeforeTheyAreSent) {
  start();
  auto one = client();
  one->send(post("Content-Length: 400000000\r\n", ""));
  const auto answer = one->answer();  // not a byte of the body was sent
  EXPECT_EQ(answer.status, 413);

  auto other = client();
  other->send(post("Transfer-Encoding: chunked\r\n", ""));
  const std::string chunk = "2000\r\n" + std::string(0x2000, 'a') + "\r\n";
  std::size_t sent = 0;
  for (; sent < 64'000'000 && other->send(chunk); sent += chunk.size()) {
  }
  EXPECT_LT(sent, 64'000'000u) << "the server goes on reading";
  EXPECT_EQ(echoes, 0);
  EXPECT_EQ(status(post("Content-Length: 100000\r\n", std::string(100'000, 'a'))), 200);
  EXPECT_EQ(status(post("Content-Length: 100001\r\n", "")), 413);
}

TEST_F(HttpServer, WhoIsNotAdmittedSendsNoBody) {
  start();
  const auto post_as = [](std::string_view word, std::string_view fields) {
    return "POST /closed HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nAuthorization: " +
           std::string(word) + "\r\n" + std::string(fields) + "\r\n";
  };
  auto one = client();
  one->send(post_as("shut", "Content-Length: 5\r\n"));
  const auto answer = one->answer();  // not a byte of the body was sent
  EXPECT_EQ(answer.status, 401);
  EXPECT_TRUE(answer.has("Connection: close"));
  EXPECT_TRUE(one->is_closed());
  auto waits = client();
  waits->send(post_as("shut", "Content-Length: 5\r\nExpect: 100-continue\r\n"));
  EXPECT_EQ(waits->answer().status, 401) << "and is not asked for it";
  EXPECT_EQ(status(post_as("shut", "")), 401) << "nor where there is none";
  EXPECT_EQ(status(post_as("shut", "Transfer-Encoding: chunked\r\n")), 401);
  const auto thrown = ask(post_as("throw", "Content-Length: 5\r\n"));
  EXPECT_EQ(thrown.status, 500);
  EXPECT_EQ(thrown.body.find(canary), std::string::npos);
  EXPECT_EQ(echoes, 0);
  auto open = client();
  for (int i = 0; i < 3; ++i) {
    open->send(post_as("open", "Content-Length: 5\r\n") + "hello");
    EXPECT_EQ(open->answer().body, "hello");
  }
  open->send(post_as("open", "Content-Length: 5\r\nExpect: 100-continue\r\n"));
  EXPECT_EQ(open->answer().status, 100);
  open->send("hello");
  EXPECT_EQ(open->answer().body, "hello");
}

TEST_F(HttpServer, PagesOfListedOriginsMayCallAndNoOthers) {
  origins = {"https://sandbox.example"};
  start();
  const auto from = [](std::string_view method, std::string_view origin) {
    return std::string(method) + " /closed HTTP/1.1\r\nHost: x\r\nOrigin: " + std::string(origin) +
           "\r\nAccess-Control-Request-Method: POST\r\n\r\n";
  };
  const auto preflight = ask(from("OPTIONS", "https://sandbox.example"));
  EXPECT_EQ(preflight.status, 204);
  EXPECT_TRUE(preflight.has("Access-Control-Allow-Origin: https://sandbox.example"));
  EXPECT_TRUE(preflight.has("Access-Control-Allow-Methods: GET, POST, OPTIONS"));
  EXPECT_TRUE(preflight.has("Access-Control-Allow-Headers: authorization, content-type"));
  EXPECT_TRUE(preflight.has("Vary: Origin"));
  const auto refused = ask(from("POST", "https://sandbox.example"));
  EXPECT_EQ(refused.status, 401);
  EXPECT_TRUE(refused.has("Access-Control-Allow-Origin: https://sandbox.example"));
  for (const auto* other : {"https://sandbox.example.evil", "https://sandbox.example:443", "null",
                            "HTTPS://SANDBOX.EXAMPLE", "*", ""}) {
    for (const auto* method : {"OPTIONS", "POST"}) {
      const auto answer = ask(from(method, other));
      EXPECT_TRUE(answer.has("Vary: Origin")) << other;
      EXPECT_EQ(answer.head.find("Access-Control"), std::string::npos) << other;
    }
  }
  EXPECT_EQ(ask(hello).head.find("Access-Control"), std::string::npos);
}

TEST_F(HttpServer, WhatAnAnswerDependsOnIsSaidWhole) {
  origins = {"https://sandbox.example"};
  start();
  const auto answer = ask("GET /varies HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(answer.has("Vary: Accept-Encoding"));
  EXPECT_TRUE(answer.has("Vary: Origin"));
}

TEST_F(HttpServer, WhatIsReadIsKeptByNobodyUnlessToldSo) {
  start();
  EXPECT_TRUE(ask("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n").has("Cache-Control: no-store"));
  EXPECT_EQ(ask("POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
                .head.find("Cache-Control"),
            std::string::npos)
      << "nobody keeps the answer to a form";
}

TEST_F(HttpServer, WithoutOriginsNothingIsSaidOfThem) {
  start();
  const auto answer = ask("GET /hello HTTP/1.1\r\nHost: x\r\nOrigin: https://a.example\r\n\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.head.find("Access-Control"), std::string::npos);
  EXPECT_EQ(answer.head.find("Vary"), std::string::npos);
}

TEST_F(HttpServer, AHeadWithoutEndIsRefused) {
  start();
  auto one = client();
  one->send("GET /hello HTTP/1.1\r\nHost: x\r\n");
  const std::string field = "A: " + std::string(1000, 'b') + "\r\n";
  std::size_t sent = 0;
  for (; sent < 64'000'000 && one->send(field); sent += field.size()) {
  }
  EXPECT_LT(sent, 64'000'000u);
  EXPECT_EQ(status("GET /" + std::string(100'000, 'a')), 414);
}

TEST_F(HttpServer, TricklesAndSilencesEndInTime) {
  limits.head_time = limits.body_time = 1s;
  start();
  auto loris = client();
  auto half_head = client();
  auto half_body = client();
  half_head->send("GET /hello HTTP/1.1\r\nHo");
  half_body->send(post("Content-Length: 10\r\n", "abc"));
  const auto begin = Clock::now();
  loris->send("GET /hello HTTP/1.1\r\n");
  while (Clock::now() - begin < 700ms && loris->send("A: b\r\n")) {
    std::this_thread::sleep_for(20ms);
  }
  EXPECT_TRUE(is_well());
  // Who sends into a closed connection may lose the answer: 0.
  EXPECT_THAT(loris->answer().status, ::testing::AnyOf(408, 0));
  EXPECT_EQ(half_head->answer().status, 408);
  EXPECT_EQ(half_body->answer().status, 408);
  EXPECT_TRUE(half_body->is_closed());
  EXPECT_LT(Clock::now() - begin, 15s);
  EXPECT_EQ(echoes, 0);
}

// A burst always has its next bytes there already; the time counts all the same.
TEST_F(HttpServer, ABurstDoesNotOutliveTheTimeOfABody) {
  limits.body_time = 200ms;
  start();
  auto one = client();
  one->send(
      "POST /sink HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
      "Transfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "100\r\n" + std::string(0x100, 'a') + "\r\n";
  std::string burst;
  for (int i = 0; i < 64; ++i) {
    burst += chunk;
  }
  const auto begin = Clock::now();
  while (Clock::now() - begin < 5s && one->send(burst)) {
  }
  EXPECT_LT(Clock::now() - begin, 4s);
  EXPECT_TRUE(is_well());
}

TEST_F(HttpServer, IdleConnectionsAreClosed) {
  limits.idle_time = 200ms;
  start();
  auto fresh = client();
  auto used = client();
  used->send(hello);
  EXPECT_EQ(used->answer().status, 200);
  EXPECT_TRUE(used->is_closed());
  EXPECT_TRUE(fresh->is_closed());
}

TEST_F(HttpServer, ClientsThatGoEarlyLeaveNothingBehind) {
  start();
  for (int i = 0; i < 60; ++i) {
    auto one = client();
    const std::string_view starts[] = {"", "GET", "POST /echo/n HTTP/1.1\r\nHost: x\r\n",
                                       "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"};
    one->send(starts[i % 4]);
    i % 3 == 0 ? one->half_close() : one->reset();
  }
  EXPECT_TRUE(is_well());
  EXPECT_TRUE(eventually([this] { return server->connections() == 0; }));
}

TEST_F(HttpServer, AClientThatHasSaidAllIsStillAnswered) {
  start();
  auto one = client();
  one->send(post("Content-Length: 3\r\n", "abc"));
  one->half_close();
  EXPECT_EQ(one->answer().body, "abc");
}

TEST_F(HttpServer, TwoHundredConnectionsAtOnce) {
  start();
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(client());
    clients.back()->send(std::string_view(hello).substr(0, 20));
  }
  for (auto& one : clients) {
    one->send(std::string_view(hello).substr(20));
  }
  for (auto& one : clients) {
    const auto answer = one->answer();
    EXPECT_EQ(answer.body, "hello");
  }
  EXPECT_EQ(server->connections(), 200u);
}

TEST_F(HttpServer, AtTheCapConnectionsWaitForAPlace) {
  limits.connections = 3;
  limits.head_time = 20s;
  start();
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(client());
    clients.back()->send("GET /hello");
  }
  ASSERT_TRUE(eventually([this] { return server->connections() == 3; }));
  std::this_thread::sleep_for(100ms);  // all of them have begun
  auto waits = client();
  waits->send(hello);
  std::this_thread::sleep_for(100ms);
  EXPECT_EQ(server->connections(), 3u);
  clients.pop_back();
  EXPECT_EQ(waits->answer().status, 200);
}

TEST_F(HttpServer, AtTheCapIdleConnectionsGiveWay) {
  limits.connections = 20;
  limits.idle_time = 30s;
  start();
  std::vector<std::unique_ptr<RawClient>> idle;
  for (int i = 0; i < 20; ++i) {
    idle.push_back(client());
    if (i % 2 == 0) {
      idle.back()->send(hello);
      EXPECT_EQ(idle.back()->answer().status, 200);
    }
  }
  const auto begin = Clock::now();
  for (int i = 0; i < 40; ++i) {
    EXPECT_TRUE(is_well());
  }
  EXPECT_LT(Clock::now() - begin, 5s);
}

TEST_F(HttpServer, OneAddressCannotTakeAllConnections) {
  limits.connections_per_address = 2;
  start();
  auto a = client(), b = client();
  a->send(hello);
  b->send(hello);
  EXPECT_EQ(a->answer().status, 200);
  EXPECT_EQ(b->answer().status, 200);
  auto c = client();
  EXPECT_TRUE(c->is_closed());
}

TEST_F(HttpServer, ASlowHandlerBlocksNobody) {
  limits.workers = 2;
  start();
  auto slow = client();
  slow->send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(eventually([this] { return gate.waiting() == 1; }));
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(is_well());
  }
  gate.open();
  EXPECT_EQ(slow->answer().body, "waited");
}

TEST_F(HttpServer, AnAnswerThatIsNotReadyInTimeIsGivenUp) {
  limits.answer_time = 200ms;
  limits.workers = 1;
  start();
  auto slow = client();
  slow->send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto answer = slow->answer();
  EXPECT_EQ(answer.status, 503);
  EXPECT_TRUE(answer.has("Retry-After: 1"));
  EXPECT_NE(answer.body.find("MF-4213"), std::string::npos);
  EXPECT_TRUE(slow->is_closed());
  gate.open();
  EXPECT_TRUE(eventually([this] { return is_well(); }));
}

TEST_F(HttpServer, AFullQueueRefusesAtOnce) {
  limits.workers = 1;
  limits.waiting_requests = 1;
  start();
  const std::string wait = "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n";
  auto runs = client(), waits = client();
  runs->send(wait);
  ASSERT_TRUE(eventually([this] { return gate.waiting() == 1; }));
  waits->send(hello);
  ASSERT_TRUE(eventually([this] { return server->connections() == 2; }));
  std::this_thread::sleep_for(50ms);
  const auto answer = ask(hello);
  EXPECT_EQ(answer.status, 503);
  EXPECT_NE(answer.body.find("MF-4212"), std::string::npos);
  gate.open();
  EXPECT_EQ(runs->answer().body, "waited");
  EXPECT_EQ(waits->answer().body, "hello");
}

TEST_F(HttpServer, AFaultOfAHandlerSaysNothingAboutTheRequest) {
  start();
  const auto answer = ask("GET /throw HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(answer.body.find(canary), std::string::npos);
  EXPECT_EQ(status("GET /split HTTP/1.1\r\nHost: x\r\n\r\n"), 500) << "no field within a field";
}

TEST_F(HttpServer, AClientThatDoesNotReadIsLetGo) {
  limits.write_time = 300ms;
  start();
  auto one = client();
  one->send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(eventually([this] { return server->connections() == 1; }));
  EXPECT_TRUE(eventually([this] { return server->connections() == 0; }));
}

TEST_F(HttpServer, AsksForTheBodyWhenTheClientWaits) {
  start();
  auto one = client();
  one->send(post("Content-Length: 3\r\nExpect: 100-continue\r\n", ""));
  EXPECT_EQ(one->answer().status, 100);
  one->send("abc");
  EXPECT_EQ(one->answer().body, "abc");
  one->send(post("Content-Length: 300000\r\nExpect: 100-continue\r\n", ""));
  EXPECT_EQ(one->answer().status, 413);
}

TEST_F(HttpServer, TheLogNamesRoutesAndNeverTheRequest) {
  start();
  const auto id = random_uuid();
  const std::string name(canary);
  auto one = client();
  one->send("POST /echo/" + name + "?p=" + name + " HTTP/1.1\r\nHost: " + name +
            "\r\nContent-Type: text/plain\r\nX-Request-Id: " + id +
            "\r\nContent-Length: 12\r\n\r\n" + name);
  EXPECT_TRUE(one->answer().has("X-Request-Id: " + id));
  one->send("GET /" + name + " HTTP/1.1\r\nHost: x\r\nX-Request-Id: " + name + "\r\n\r\n");
  EXPECT_EQ(one->answer().head.find(name), std::string::npos);
  ASSERT_TRUE(eventually([this] { return lines().size() == 2; }));
  const auto seen = lines();
  EXPECT_EQ(seen[0].request, id);
  EXPECT_EQ(seen[0].method, "POST");
  EXPECT_EQ(seen[0].route, "/echo/{name}");
  EXPECT_EQ(seen[0].status, 200);
  EXPECT_EQ(seen[0].bytes_in, 12u);
  EXPECT_EQ(seen[0].bytes_out, 12u);
  EXPECT_GT(seen[0].time.count(), 0);
  EXPECT_EQ(seen[1].route, "-");
  EXPECT_EQ(seen[1].status, 404);
}

TEST_F(HttpServer, AStopLetsWhatRunsEnd) {
  start();
  auto idle = client(), busy = client();
  idle->send(hello);
  EXPECT_EQ(idle->answer().status, 200);
  busy->send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(eventually([this] { return gate.waiting() == 1; }));
  std::atomic<bool> ended{false};
  bool orderly = false;
  std::thread stopper([&] {
    orderly = server->stop();
    ended = true;
  });
  EXPECT_TRUE(idle->is_closed());
  std::this_thread::sleep_for(100ms);
  EXPECT_FALSE(ended);
  EXPECT_THROW(client(), std::runtime_error);
  gate.open();
  const auto answer = busy->answer();
  EXPECT_EQ(answer.body, "waited");
  EXPECT_TRUE(answer.has("Connection: close"));
  busy.reset();
  stopper.join();
  EXPECT_TRUE(orderly);
}

TEST_F(HttpServer, AStopWaitsForNothingForEver) {
  limits.drain_time = 300ms;
  start();
  auto stuck = client();
  stuck->send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(eventually([this] { return gate.waiting() == 1; }));
  const auto begin = Clock::now();
  EXPECT_FALSE(server->stop());
  EXPECT_LT(Clock::now() - begin, 5s);
}

TEST(HttpServerStart, SaysWhyItCannotListen) {
  const auto nothing = [](std::uint16_t) { return Router(); };
  auto first = Server::start(nothing, {});
  ASSERT_TRUE(first);
  ServerOptions options;
  options.port = (*first)->port();
  const auto second = Server::start(nothing, options);
  ASSERT_FALSE(second);
  EXPECT_TRUE(second.error().text.starts_with("MF-4218")) << second.error().text;
  options.host = "not an address";
  EXPECT_FALSE(Server::start(nothing, options));
}

}  // namespace
}  // namespace myoflag::http
