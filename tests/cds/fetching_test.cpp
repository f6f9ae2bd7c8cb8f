// What is asked for when a call does not bring it, and what is made of the answers.
#include <gmock/gmock.h>

#include "plugin/cds/fetching.h"
#include "plugin/cds/prefetch.h"

namespace myoflag::cds {
namespace {

using fhir::Json;
using ::testing::ElementsAre;
using ::testing::SizeIs;

HookRequest request() {
  HookRequest request;
  request.fhir_server = "https://ehr.example/r4/";
  request.access_token = "t";
  request.patient_id = "p1";
  request.prefetch = Json::object();
  for (const auto& asked : kTemplates) {
    request.prefetch.set(asked.key, Json());
  }
  return request;
}

Json page(const std::string& id, const std::string& next = {}) {
  Json page = *fhir::read_json(R"({"resourceType":"Bundle","type":"searchset","entry":[{"resource":
      {"resourceType":"Observation","id":")" +
                               id + R"("}}]})");
  if (!next.empty()) {
    page.set("link", Json::array({Json::object({{"relation", "next"}, {"url", next}})}));
  }
  return page;
}

// What was asked for, in a row.
std::vector<std::string> asked_for(HookRequest request) {
  std::vector<std::string> queries;
  fetch_missing(request, [&](const Wanted& wanted) {
    EXPECT_EQ(wanted.server, "https://ehr.example/r4");
    EXPECT_EQ(wanted.token, "t");
    queries = wanted.queries;
    return std::vector<Pages>();
  });
  return queries;
}

TEST(Fetching, AsksForWhatIsMissingAndForNothingElse) {
  EXPECT_THAT(asked_for(request()), SizeIs(0));
  auto call = request();
  call.prefetch.erase("patient");
  call.prefetch.set("orders", "123");  // as in the published examples
  EXPECT_THAT(asked_for(call),
              ElementsAre("/Patient/p1", "/ServiceRequest?patient=p1&status=active"));
  call.access_token.clear();
  EXPECT_THAT(asked_for(call), SizeIs(0));
  call = request();
  call.prefetch.erase("patient");
  call.fhir_server.clear();
  EXPECT_THAT(asked_for(call), SizeIs(0));
}

TEST(Fetching, FollowsOnlyPagesBelowTheServer) {
  for (const auto& [next, query] :
       {std::pair{"https://ehr.example/r4?page=2", "?page=2"},
        std::pair{"https://ehr.example/r4/Observation?page=2", "/Observation?page=2"}}) {
    auto call = request();
    call.prefetch.set("labs", page("a", next));
    EXPECT_THAT(asked_for(call), ElementsAre(query));
  }
  for (const auto* next : {"https://ehr.example/r44?page=2", "https://evil.example/r4?page=2",
                           "https://ehr.example/r4", "?page=2", "https://ehr.example/"}) {
    auto call = request();
    call.prefetch.set("labs", page("a", next));
    EXPECT_THAT(asked_for(call), SizeIs(0)) << next;
  }
}

TEST(Fetching, WhatWasAskedForAndDidNotComeHasFailed) {
  for (const Pages& pages : {Pages(), Pages{"{"}, Pages{"[]"}, Pages{""}, Pages{"null"}}) {
    auto call = request();
    call.prefetch.erase("labs");
    fetch_missing(call, [&](const Wanted&) { return std::vector<Pages>{pages}; });
    EXPECT_EQ(read_source(call.prefetch, kTemplates[3]).state, State::failed);
  }
  auto call = request();
  call.prefetch.erase("labs");
  fetch_missing(call, [](const Wanted&) { return std::vector<Pages>(); });
  EXPECT_EQ(read_source(call.prefetch, kTemplates[3]).state, State::not_provided);
}

TEST(Fetching, PagesBecomeOneAndTheFirstCountsWhenTheNextDoesNotCome) {
  const std::string next = "https://ehr.example/r4?page=2";
  const auto first = fhir::write_json(page("a", next));
  for (const bool brings_first : {true, false}) {
    for (const auto& [second, state, count] :
         {std::tuple{fhir::write_json(page("b")), State::given, 2U},
          std::tuple{fhir::write_json(page("a")), State::given, 1U},
          std::tuple{std::string("{"), State::paged, 1U},
          std::tuple{std::string(R"({"resourceType":"Patient"})"), State::paged, 1U}}) {
      auto call = request();
      call.prefetch.erase("labs");
      Pages pages{first, second};
      if (brings_first) {
        call.prefetch.set("labs", page("a", next));
        pages = {second};
      }
      fetch_missing(call, [&](const Wanted&) { return std::vector<Pages>{pages}; });
      const auto source = read_source(call.prefetch, kTemplates[3]);
      EXPECT_EQ(source.state, state) << second;
      EXPECT_EQ(source.value.array_of("entry").size(), count) << second;
    }
  }
}

}  // namespace
}  // namespace myoflag::cds
