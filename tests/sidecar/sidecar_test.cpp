// The table of routes without sockets, and the log.
#include <algorithm>
#include <array>
#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fhir/convert.h"
#include "fhir/structure.h"
#include "plugin/cds/hook_request.h"
#include "plugin/knowledge/knowledge.h"
#include "plugin/sidecar/capability.h"
#include "plugin/sidecar/line_log.h"
#include "plugin/sidecar/routes.h"
#include "plugin/store/sqlite.h"

namespace myoflag::sidecar {
namespace {

using fhir::Json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Current& serving() {
  static const Current one(std::make_shared<Serving>(embedded_knowledge(), cds::CardSettings{}));
  return one;
}

const Assessor& assessor() {
  static const auto one = serving().get();
  return one->assessor;
}

const http::Router& router() {
  static const http::Router one = routes(
      {serving(), nullptr, nullptr, [] { return rules::Instant{}; }, "1.2.3", "http://here"});
  return one;
}

http::Response ask(std::string_view method, const std::string& path, const std::string& query = "",
                   const std::string& accept = "", const std::string& body = "") {
  const auto match = router().match(method, path);
  if (match.route == nullptr) {
    return {404, "", "", {}};
  }
  http::Request request;
  request.method = method;
  request.path = path;
  request.query = query;
  request.parameters = match.parameters;
  if (!accept.empty()) {
    request.fields.push_back({"accept", accept});
  }
  request.body = body;
  return match.route->handler(request);
}

TEST(Sidecar, TheCapabilityStatementIsOneAndNamesWhatIsThere) {
  const auto answer = ask("GET", "/fhir/metadata");
  EXPECT_EQ(answer.status, 200);
  const auto statement = fhir::read_json(answer.body);
  ASSERT_TRUE(statement);
  EXPECT_THAT(fhir::check_structure(*statement), IsEmpty());
  // What it says can be done, and nothing else under /fhir.
  std::vector<std::string> patterns;
  for (const auto& route : router().routes()) {
    if (route.pattern.starts_with("/fhir/") && route.pattern != "/fhir/metadata") {
      patterns.push_back(route.method + " " + route.pattern);
    }
  }
  EXPECT_THAT(patterns, ::testing::UnorderedElementsAre(
                            "GET /fhir/Questionnaire", "GET /fhir/Questionnaire/{id}",
                            "POST /fhir/QuestionnaireResponse/$validate",
                            "POST /fhir/QuestionnaireResponse/$extract", "POST /fhir/$assess",
                            "GET /fhir/OperationDefinition/{id}"));
  EXPECT_THAT(answer.body, HasSubstr(R"({"code":"read"},{"code":"search-type"})"));
  EXPECT_THAT(answer.body, HasSubstr(R"("url":"http://here/fhir")"));
}

TEST(Sidecar, TheFormIsReadAndFound) {
  const auto id = std::string(assessor().questionnaire().string_of("id"));
  const auto url = std::string(assessor().questionnaire().string_of("url"));
  const auto form = ask("GET", "/fhir/Questionnaire/" + id);
  EXPECT_EQ(*fhir::read_json(form.body), assessor().questionnaire());
  EXPECT_EQ(ask("GET", "/fhir/Questionnaire/other").status, 404);
  const auto found = ask("GET", "/fhir/Questionnaire", "url=" + url);
  EXPECT_THAT(found.body, HasSubstr(R"("total":1)"));
  EXPECT_THAT(fhir::check_structure(*fhir::read_json(found.body)), IsEmpty());
  const auto none = ask("GET", "/fhir/Questionnaire", "url=https://x");
  EXPECT_THAT(none.body, HasSubstr(R"("total":0)"));
  EXPECT_THAT(fhir::check_structure(*fhir::read_json(none.body)), IsEmpty());
}

TEST(Sidecar, ClientsChooseJsonOrXml) {
  const auto status = [](const std::string& query, const std::string& accept) {
    return ask("GET", "/fhir/metadata", query, accept).status;
  };
  const auto is_xml = [](const std::string& query, const std::string& accept) {
    const auto answer = ask("GET", "/fhir/metadata", query, accept);
    return answer.content_type.starts_with("application/fhir+xml") &&
           fhir::xml_to_json(answer.body).has_value();
  };
  EXPECT_TRUE(is_xml("", "application/fhir+xml"));
  EXPECT_TRUE(is_xml("", "text/html;q=0.1, application/xml;q=0.9, */*"));
  EXPECT_TRUE(is_xml("_format=xml", "application/json"));
  EXPECT_TRUE(is_xml("_format=application/fhir%2Bxml", ""));
  EXPECT_FALSE(is_xml("", "*/*"));
  EXPECT_FALSE(is_xml("", "application/fhir+json, application/fhir+xml"));
  EXPECT_FALSE(is_xml("_format=json", "application/xml"));
  EXPECT_EQ(status("", "text/html"), 406);
  EXPECT_EQ(status("_format=turtle", ""), 406);
}

TEST(Sidecar, CallsGoToTheOneService) {
  EXPECT_EQ(ask("POST", "/cds-services/other", "", "", "{}").status, 404);
  const auto answer = ask("POST", "/cds-services/" + std::string(cds::kServiceId), "", "", "{}");
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("OperationOutcome"));
  EXPECT_THAT(answer.body, HasSubstr("MF-4221"));
  EXPECT_THAT(ask("GET", "/cds-services").body, HasSubstr("prefetch"));
  EXPECT_THAT(ask("GET", "/health").body, HasSubstr(R"("version":"1.2.3")"));
}

TEST(Sidecar, FeedbackThatCannotBeKeptIsNotAcknowledged) {
  const auto folder =
      std::filesystem::path(::testing::TempDir()) / fmt::format("kept_{}", getpid());
  std::filesystem::create_directories(folder);
  const auto file = (folder / "feedback.sqlite").string();
  auto store = feedback::Store::open(file);
  ASSERT_TRUE(store);
  FeedbackKeeper keeper(std::move(*store), [] { return rules::Instant{}; });
  Metrics metrics;
  const auto table = routes(
      {serving(), nullptr, nullptr, [] { return rules::Instant{}; }, "1", "", &keeper, &metrics});
  const auto path = fmt::format("/cds-services/{}/feedback", cds::kServiceId);
  const auto match = table.match("POST", path);
  ASSERT_NE(match.route, nullptr);
  http::Request request;
  request.parameters = match.parameters;
  request.body =
      R"({"feedback":[{"card":"12345678-1234-5678-9234-567812345678","outcome":"overridden",)"
      R"("outcomeTimestamp":"2026-11-22T09:00:00Z"}]})";
  EXPECT_EQ(match.route->handler(request).status, 200);
  store::Database damage;
  ASSERT_TRUE(damage.open(file));
  ASSERT_TRUE(damage.run("PRAGMA busy_timeout=5000; DROP TABLE suggestion; DROP TABLE feedback"));
  const auto answer = match.route->handler(request);
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(http::field_of(answer.fields, "Retry-After"), "60");
  EXPECT_THAT(answer.body, HasSubstr("MF-4249"));
  keeper.show({{"12345678-1234-5678-9234-567812345678", {}, "urgent", {"a"}, "1"}});
  std::filesystem::remove_all(folder);
}

TEST(LineLog, ManyThreadsWriteWholeLines) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  {
    LineLog log(ends[1]);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&log] {
        for (int j = 0; j < 50; ++j) {
          log.write("a whole line");
        }
      });
    }
    for (auto& thread : threads) {
      thread.join();
    }
  }
  close(ends[1]);
  std::string text(200 * 13 + 100, '\0');
  std::size_t size = 0;
  for (ssize_t got = 1; got > 0; size += static_cast<std::size_t>(got)) {
    got = read(ends[0], text.data() + size, text.size() - size);
  }
  close(ends[0]);
  text.resize(size);
  std::string expected;
  for (int i = 0; i < 200; ++i) {
    expected += "a whole line\n";
  }
  EXPECT_EQ(text, expected);
}

TEST(LineLog, AFlushWaitsForWhatWasWritten) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  LineLog log(ends[1]);
  for (int i = 0; i < 100; ++i) {
    log.write("a line");
    log.flush();
    std::array<char, 7> bytes{};
    ASSERT_EQ(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    ASSERT_EQ(read(ends[0], bytes.data(), bytes.size()), 7) << "it is there already";
  }
  close(ends[0]);
  close(ends[1]);
}

TEST(LineLog, AReaderThatStopsBlocksNobodyAndWhatIsLostIsTold) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  std::string tail;
  {
    LineLog log(ends[1], 10);
    for (int i = 0; i < 1000; ++i) {
      log.write(std::string(1000, 'x'));  // far more than a pipe holds
    }
    std::thread reader([&] {
      std::array<char, 4096> bytes{};
      for (ssize_t got = 1; got > 0;) {
        got = read(ends[0], bytes.data(), bytes.size());
        tail.append(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        if (tail.find("\"count\":") != std::string::npos) {
          return;
        }
      }
    });
    reader.join();
  }
  close(ends[0]);
  close(ends[1]);
  EXPECT_THAT(tail, HasSubstr(R"({"log":"lines dropped","count":)"));
}

TEST(LineLog, AnEndWaitsForNoReader) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  const auto begin = std::chrono::steady_clock::now();
  {
    LineLog log(ends[1]);
    for (int i = 0; i < 1000; ++i) {
      log.write(std::string(1000, 'x'));
    }
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  close(ends[0]);
  close(ends[1]);
}

}  // namespace
}  // namespace myoflag::sidecar
