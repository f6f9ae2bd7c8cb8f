// The export against a server that plays the whole job, with a fault at every exchange in turn.

#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <unistd.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fhir/client/backend_services.h"
#include "plugin/bulk/export.h"
#include "plugin/ehr/ehr_options.h"
#include "tests/fhir_client/played.h"

namespace myoflag::bulk {
namespace {

using fhir::Json;
using fhir::client::Arrival;
using fhir::client::FixedAuthority;
using fhir::client::Headers;
using fhir::client::Method;
using fhir::client::Passing;
using fhir::client::Request;
using fhir::client::Response;
using fhir::client::said;
using fhir::client::Transport;
using fhir::client::TransportFailure;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::string base = "https://ehr.example/fhir";
const std::string elsewhere = "https://files.example";

// Two polls, then two files of its own and one at another origin.
class JobServer final : public Transport {
 public:
  using Answer = tl::expected<Response, TransportFailure>;

  Answer send(const Request& request) override {
    asked.push_back(request);
    const int number = static_cast<int>(asked.size());
    if (number == fail_at) {
      return fault;
    }
    return answer_to(request);
  }

  Answer download(const Request& request, const std::string& file) override {
    Answer answer = send(request);
    if (answer) {
      std::ofstream(file, std::ios::binary) << answer->body;
    } else {
      std::ofstream(file, std::ios::binary) << "half";
    }
    return answer;
  }

  Json manifest() const {
    const auto file = [](const char* type, const std::string& url) {
      return Json::object({{"type", type}, {"url", url}});
    };
    return Json::object({{"transactionTime", "2026-11-22T09:00:00Z"},
                         {"request", "x"},
                         {"requiresAccessToken", needs_token},
                         {"output", Json::array({file("QuestionnaireResponse", base + "/files/1"),
                                                 file("Patient", elsewhere + "/files/2")})},
                         {"error", Json::array({file("OperationOutcome", base + "/files/3")})}});
  }

  std::vector<Request> asked;
  int fail_at = 0;
  Answer fault = tl::unexpected(TransportFailure{"MF-1505", "broke", Arrival::unknown});
  bool needs_token = true;
  std::function<std::optional<Response>(const Request&)> instead;

 private:
  Response answer_to(const Request& request) {
    if (auto other = instead ? instead(request) : std::optional<Response>()) {
      return *other;
    }
    const std::string& url = request.url;
    if (url.starts_with(base + "/$export?")) {
      return said(202, {}, {{"Content-Location", base + "/jobs/1"}});
    }
    if (url == base + "/jobs/1" && request.method == Method::remove) {
      return said(202);
    }
    if (url == base + "/jobs/1") {
      if (++polls_ < 3) {
        return said(202, {}, {{"X-Progress", "half\x1b[2J way"}, {"Retry-After", "10"}});
      }
      return said(200, manifest());
    }
    if (url.find("/files/") != std::string::npos) {
      Response file = said(200);
      file.body = "content of " + url + "\n";
      return file;
    }
    return said(404);
  }

  int polls_ = 0;
};

class ExportTest : public ::testing::Test {
 protected:
  ExportTest()
      : folder_(std::filesystem::path(::testing::TempDir()) /
                fmt::format("export_{}", ::getpid())) {
    std::filesystem::remove_all(folder_);
  }
  ~ExportTest() override { std::filesystem::remove_all(folder_); }

  ExportOptions options() const {
    ExportOptions options;
    options.base = base;
    options.types = {"QuestionnaireResponse", "Patient"};
    options.folder = folder_;
    return options;
  }

  tl::expected<Exported, Failure> run(Transport& server) { return run(server, options()); }

  tl::expected<Exported, Failure> run(Transport& server, const ExportOptions& with) {
    return fetch_export(
        server, &authority_, with, passing_.world(),
        [&](const std::string& line) { told_.push_back(line); }, stop_);
  }

  static std::string content(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  void expect_whole(const tl::expected<Exported, Failure>& exported,
                    const std::string& when) const {
    ASSERT_TRUE(exported) << when << ": " << exported.error().text;
    EXPECT_EQ(exported->transaction_time, "2026-11-22T09:00:00Z") << when;
    ASSERT_EQ(exported->output.size(), 2u) << when;
    EXPECT_EQ(exported->output[0].type, "QuestionnaireResponse") << when;
    EXPECT_EQ(content(exported->output[0].path), "content of " + base + "/files/1\n") << when;
    EXPECT_EQ(content(exported->output[1].path), "content of " + elsewhere + "/files/2\n") << when;
    ASSERT_EQ(exported->error.size(), 1u) << when;
    EXPECT_EQ(content(exported->error[0].path), "content of " + base + "/files/3\n") << when;
    EXPECT_EQ(exported->error[0].path.parent_path().filename(), ehr::kExportedFiles) << when;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
      EXPECT_NE(entry.path().extension(), ".part") << when;
    }
  }

  std::filesystem::path folder_;
  FixedAuthority authority_{"Bearer secret"};
  Passing passing_;
  std::vector<std::string> told_;
  std::atomic<bool> stop_{false};
};

TEST_F(ExportTest, FetchesEveryFileAndEndsTheJob) {
  JobServer server;
  const auto exported = run(server);
  expect_whole(exported, "undisturbed");
  EXPECT_THAT(exported->remarks, IsEmpty());
  const Request& first = server.asked.front();
  EXPECT_EQ(first.url, base +
                           "/$export?_outputFormat=application%2Ffhir%2Bndjson&_type="
                           "QuestionnaireResponse%2CPatient");
  EXPECT_EQ(fhir::client::value_of(first.headers, "Prefer"), "respond-async");
  EXPECT_EQ(server.asked.back().method, Method::remove);
  EXPECT_GE(passing_.now,
            std::chrono::sys_days(std::chrono::year(2026) / 11 / 22) + std::chrono::seconds(20))
      << "twice ten seconds were asked for";
  for (const std::string& line : told_) {
    EXPECT_THAT(line, Not(HasSubstr("\x1b")));
  }
}

TEST_F(ExportTest, TheTokenGoesToTheEndpointOnly) {
  JobServer server;
  run(server);
  for (const Request& request : server.asked) {
    const bool has_token = !fhir::client::value_of(request.headers, "Authorization").empty();
    EXPECT_EQ(has_token, request.url.starts_with(base)) << request.url;
  }
}

TEST_F(ExportTest, AndNotToFilesThatWantNone) {
  JobServer server;
  server.needs_token = false;
  run(server);
  for (const Request& request : server.asked) {
    if (request.url.find("/files/") != std::string::npos) {
      EXPECT_EQ(fhir::client::value_of(request.headers, "Authorization"), "");
    }
  }
}

TEST_F(ExportTest, AFaultAtAnyExchangeChangesNothing) {
  const std::vector<std::pair<const char*, JobServer::Answer>> faults{
      {"connection", tl::unexpected(TransportFailure{"MF-1502", "", Arrival::not_sent})},
      {"too many", said(429, {}, {{"Retry-After", "3"}})},
      {"unavailable", said(503)}};
  JobServer undisturbed;
  run(undisturbed);
  for (int at = 1; at <= static_cast<int>(undisturbed.asked.size()); ++at) {
    for (const auto& [name, fault] : faults) {
      std::filesystem::remove_all(folder_);
      JobServer server;
      server.fail_at = at;
      server.fault = fault;
      const std::string when = fmt::format("{} at {}", name, at);
      auto exported = run(server);
      // Whether a kick-off that broke has begun a job is not known: it is for a person to say.
      if (!exported && at == 1) {
        exported = run(server);
      }
      expect_whole(exported, when);
    }
  }
}

TEST_F(ExportTest, BrokenOffAnywhereTheNextCallGoesOn) {
  JobServer undisturbed;
  run(undisturbed);
  const int steps = static_cast<int>(undisturbed.asked.size());
  for (int at = 1; at <= steps; ++at) {
    std::filesystem::remove_all(folder_);
    JobServer server;
    int seen = 0;
    server.instead = [&](const Request&) -> std::optional<Response> {
      stop_ = ++seen == at;
      return std::nullopt;
    };
    auto exported = run(server);
    stop_ = false;
    if (!exported) {
      EXPECT_EQ(exported.error().exit, Exit::outside);
      EXPECT_THAT(exported.error().text, HasSubstr("MF-4120"));
      exported = run(server);
    }
    expect_whole(exported, fmt::format("stopped at {}", at));
    EXPECT_EQ(static_cast<int>(server.asked.size()), steps) << "nothing is asked twice";
  }
}

TEST_F(ExportTest, AnEndedExportIsNotAskedForAgainAndHoldsNoAddress) {
  JobServer server;
  run(server);
  const std::size_t asked = server.asked.size();
  const auto unasked = run(server);
  ASSERT_FALSE(unasked) << "yesterday's export is not today's";
  EXPECT_THAT(unasked.error().text, HasSubstr("MF-4122"));
  auto again = options();
  again.reuse = true;
  expect_whole(run(server, again), "again");
  EXPECT_EQ(server.asked.size(), asked);
  EXPECT_THAT(content(folder_ / "export.json"), Not(HasSubstr("/files/")));
  std::filesystem::remove(folder_ / ehr::kExportedFiles / "00001.QuestionnaireResponse.ndjson");
  EXPECT_FALSE(run(server, again)) << "a file that is gone is not an empty one";
}

TEST_F(ExportTest, AnotherExportDoesNotMixWithIt) {
  JobServer server;
  run(server);
  auto other = options();
  other.group = "Patient";
  const auto exported = run(server, other);
  ASSERT_FALSE(exported);
  EXPECT_EQ(exported.error().exit, Exit::usage);
  EXPECT_THAT(exported.error().text, HasSubstr("MF-4122"));
}

TEST_F(ExportTest, ARefusedDeletionIsARemark) {
  JobServer server;
  server.instead = [](const Request& request) -> std::optional<Response> {
    return request.method == Method::remove ? std::optional<Response>(said(405)) : std::nullopt;
  };
  const auto exported = run(server);
  expect_whole(exported, "deletion refused");
  EXPECT_EQ(exported->remarks.size(), 1u);
}

struct Wrong {
  const char* name;
  const char* code;
  std::function<std::optional<Response>(const Request&)> instead;
};

std::optional<Response> at(const Request& request, std::string_view end, const Response& answer) {
  return request.url.find(end) != std::string::npos && request.method == Method::get
             ? std::optional(answer)
             : std::nullopt;
}

Json listing(const Json& output) {
  return Json::object({{"transactionTime", "x"}, {"output", output}});
}

Json one(const char* type, const char* url) {
  return listing(Json::array({Json::object({{"type", type}, {"url", url}})}));
}

TEST_F(ExportTest, WhatAServerMayGetWrong) {
  const std::vector<Wrong> table{
      {"no export here", "MF-4123", [](const Request& r) { return at(r, "$export", said(404)); }},
      {"no place to ask", "MF-4123", [](const Request& r) { return at(r, "$export", said(202)); }},
      {"a place in the clear", "MF-4123",
       [](const Request& r) {
         return at(r, "$export",
                   said(202, {}, {{"Content-Location", "http://ehr.example/jobs/1"}}));
       }},
      {"job gone", "MF-4124", [](const Request& r) { return at(r, "/jobs/1", said(404)); }},
      {"job failed", "MF-4124", [](const Request& r) { return at(r, "/jobs/1", said(500)); }},
      {"no end", "MF-4124",
       [](const Request& r) {
         return at(r, "/jobs/1", said(202, {}, {{"Retry-After", "3600"}}));
       }},
      {"no JSON", "MF-4125",
       [](const Request& r) {
         return at(r, "/jobs/1", Response{200, {}, "<html>"});
       }},
      {"no output", "MF-4125",
       [](const Request& r) {
         return at(r, "/jobs/1", said(200, Json::object({{"transactionTime", "x"}})));
       }},
      {"output is no list", "MF-4125",
       [](const Request& r) { return at(r, "/jobs/1", said(200, listing("x"))); }},
      {"a type that is a path", "MF-4125",
       [](const Request& r) {
         return at(r, "/jobs/1", said(200, one("../../Patient", "https://ehr.example/f")));
       }},
      {"a file on this machine", "MF-4125",
       [](const Request& r) {
         return at(r, "/jobs/1", said(200, one("Patient", "file:///etc/passwd")));
       }},
      {"a file of another server on this machine", "MF-4125",
       [](const Request& r) {
         return at(r, "/jobs/1", said(200, one("Patient", "http://127.0.0.1:9/f")));
       }},
      {"errors that are no list", "MF-4125",
       [](const Request& r) {
         Json wrong = one("Patient", "https://ehr.example/fhir/files/1");
         wrong.set("error", Json::object({{"type", "OperationOutcome"}}));
         return at(r, "/jobs/1", said(200, wrong));
       }},
      {"fewer lines than counted", "MF-4126",
       [](const Request& r) {
         Json counted = Json::object({{"type", "Patient"},
                                      {"url", "https://ehr.example/fhir/files/1"},
                                      {"count", Json::Number{"500"}}});
         return at(r, "/jobs/1", said(200, listing(Json::array({std::move(counted)}))));
       }},
      {"a file in the clear", "MF-4125",
       [](const Request& r) {
         return at(r, "/jobs/1", said(200, one("Patient", "http://ehr.example/f")));
       }},
      {"file gone", "MF-4126", [](const Request& r) { return at(r, "/files/2", said(410)); }},
      {"token refused", "MF-4126", [](const Request& r) { return at(r, "/files/1", said(401)); }},
      {"redirected", "MF-4126",
       [](const Request& r) {
         return at(r, "/files/1", said(302, {}, {{"Location", "https://evil.example/"}}));
       }},
  };
  for (const Wrong& wrong : table) {
    std::filesystem::remove_all(folder_);
    JobServer server;
    server.instead = wrong.instead;
    const auto exported = run(server);
    ASSERT_FALSE(exported) << wrong.name;
    EXPECT_EQ(exported.error().exit, Exit::outside) << wrong.name;
    EXPECT_THAT(exported.error().text, HasSubstr(wrong.code)) << wrong.name;
    EXPECT_THAT(exported.error().text, Not(HasSubstr("/files/"))) << wrong.name;
  }
}

TEST_F(ExportTest, PagesOfTheManifestAreFollowedAndEnd) {
  JobServer server;
  const Json page = [&] {
    Json out = server.manifest();
    out.set("link",
            Json::array({Json::object({{"relation", "next"}, {"url", base + "/manifest/2"}})}));
    return out;
  }();
  server.instead = [&](const Request& request) -> std::optional<Response> {
    if (request.url == base + "/jobs/1" && request.method == Method::get) {
      return said(200, page);
    }
    return at(request, "/manifest/2",
              said(200, one("Patient", "https://ehr.example/fhir/files/9")));
  };
  const auto exported = run(server);
  ASSERT_TRUE(exported) << exported.error().text;
  EXPECT_EQ(exported->output.size(), 3u);

  std::filesystem::remove_all(folder_);
  server.instead = [&](const Request& request) -> std::optional<Response> {
    return request.method == Method::get &&
                   (request.url == base + "/jobs/1" || request.url == base + "/manifest/2")
               ? std::optional<Response>(said(200, page))
               : std::nullopt;
  };
  auto few = options();
  few.most_files = 100;
  const auto endless = run(server, few);
  ASSERT_FALSE(endless);
  EXPECT_THAT(endless.error().text, HasSubstr("MF-4125"));
}

TEST_F(ExportTest, AFolderThatCannotBeMade) {
  JobServer server;
  auto nowhere = options();
  nowhere.folder = "/proc/no/such/folder";
  const auto exported = run(server, nowhere);
  ASSERT_FALSE(exported);
  EXPECT_THAT(exported.error().text, HasSubstr("MF-4121"));
  EXPECT_THAT(server.asked, IsEmpty());
}

}  // namespace
}  // namespace myoflag::bulk
