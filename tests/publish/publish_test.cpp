// Publishing against an endpoint in memory that can fail at every exchange.
#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugin/publish/publish.h"
#include "tests/fhir_client/played.h"

namespace myoflag::publish {
namespace {

using fhir::Json;
using fhir::client::Headers;
using fhir::client::Method;
using fhir::client::Request;
using fhir::client::Response;
using fhir::client::TransportFailure;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string base = "http://127.0.0.1/fhir";

// What an endpoint says that it can do.
struct Ability {
  std::vector<std::string> interactions{"read", "search-type", "create", "update"};
  std::vector<std::string> parameters{"url", "version"};
  bool update_creates = false;
  bool conditional_create = false;
};

std::string decoded(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::map<std::string, std::string> query_of(const std::string& text) {
  std::map<std::string, std::string> values;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const auto end = std::min(text.find('&', begin), text.size());
    const auto equals = text.find('=', begin);
    values[text.substr(begin, equals - begin)] = decoded(text.substr(equals + 1, end - equals - 1));
    begin = end + 1;
  }
  return values;
}

enum class Fault { none, refuse, lose, busy, broken, not_json };

class Endpoint final : public fhir::client::Transport {
 public:
  using Answer = tl::expected<Response, TransportFailure>;

  Answer send(const Request& request) override {
    fails_now = !fails.empty() && request.method != Method::get &&
                request.body.find(fails) != std::string::npos;
    const Fault fault = fault_at(++exchanges);
    if (fault == Fault::busy) {
      return Response{503, {{"Retry-After", patience}}, "Canary-27182"};
    }
    if (fault == Fault::broken) {
      return Response{500, {}, "Canary-27182"};
    }
    if (fault == Fault::refuse) {
      return tl::unexpected(
          TransportFailure{"MF-1502", "nobody there", fhir::client::Arrival::not_sent});
    }
    Response answer = act(request);
    if (fault == Fault::lose) {
      return tl::unexpected(
          TransportFailure{"MF-1503", "no answer", fhir::client::Arrival::unknown});
    }
    if (fault == Fault::not_json) {
      return Response{200, {}, "<html>Canary-27182</html>"};
    }
    return answer;
  }
  Answer download(const Request& request, const std::string&) override { return send(request); }

  std::vector<Json> of(const std::string& url, const std::string& version) const {
    std::vector<Json> found;
    for (const auto& [name, resource] : store) {
      if (resource.string_of("url") == url && resource.string_of("version") == version) {
        found.push_back(resource);
      }
    }
    return found;
  }

  void keep(Json resource, const std::string& id) {
    const std::string name = std::string(resource.string_of("resourceType")) + "/" + id;
    resource.set("id", id);
    resource.set("meta", Json::object({{"versionId", std::to_string(++versions)}}));
    resource.set("text", Json::object({{"status", "generated"}}));
    store[name] = std::move(resource);
  }

  Ability ability;
  std::map<std::string, Json> store;
  int exchanges = 0, writes = 0, versions = 0;
  std::function<Fault(int)> fault_at = [](int) { return Fault::none; };
  std::function<void()> before_write;
  std::string fails;  // a write with this text in it: 500
  bool fails_now = false;
  std::string patience = "2";

 private:
  Json statement() const {
    Json interactions = Json::array();
    for (const auto& code : ability.interactions) {
      interactions.push(Json::object({{"code", code}}));
    }
    Json parameters = Json::array();
    for (const auto& name : ability.parameters) {
      parameters.push(Json::object({{"name", name}, {"type", "token"}}));
    }
    Json resources = Json::array();
    for (const auto* type : {"ValueSet", "Library"}) {
      resources.push(Json::object({{"type", type},
                                   {"interaction", interactions},
                                   {"updateCreate", ability.update_creates},
                                   {"conditionalCreate", ability.conditional_create},
                                   {"searchParam", parameters}}));
    }
    return Json::object(
        {{"resourceType", "CapabilityStatement"},
         {"fhirVersion", "4.0.1"},
         {"rest", Json::array({Json::object({{"mode", "server"}, {"resource", resources}})})}});
  }

  // Parameters that are not offered are ignored, as servers do.
  Json search(const std::string& type, const std::string& query) const {
    const auto asked = query_of(query);
    Json entries = Json::array();
    for (const auto& [name, resource] : store) {
      bool matches = name.starts_with(type + "/");
      for (const auto& parameter : ability.parameters) {
        const auto wanted = asked.find(parameter);
        matches =
            matches && (wanted == asked.end() || resource.string_of(parameter) == wanted->second);
      }
      if (matches) {
        entries.push(Json::object({{"resource", resource}}));
      }
    }
    return Json::object({{"resourceType", "Bundle"}, {"type", "searchset"}, {"entry", entries}});
  }

  Response act(const Request& request) {
    const std::string path = request.url.substr(base.size() + 1);
    const auto mark = path.find('?');
    if (request.method == Method::get && path == "metadata") {
      return fhir::client::said(200, statement());
    }
    if (request.method == Method::get && mark != std::string::npos) {
      return fhir::client::said(200, search(path.substr(0, mark), path.substr(mark + 1)));
    }
    if (request.method == Method::get) {
      const auto found = store.find(path);
      return found == store.end() ? fhir::client::said(404)
                                  : fhir::client::said(200, found->second);
    }
    if (before_write) {
      std::exchange(before_write, nullptr)();
    }
    const Json resource = *fhir::read_json(request.body);
    if (request.method == Method::put) {
      return put(path, resource, request.headers);
    }
    const auto condition = value_of(request.headers, "If-None-Exist");
    if (!condition.empty() && !search(path, std::string(condition)).array_of("entry").empty()) {
      return fhir::client::said(200);
    }
    ++writes;
    keep(resource, "given-" + std::to_string(writes));
    return fhir::client::said(201);
  }

  Response put(const std::string& path, const Json& resource, const Headers& headers) {
    const auto found = store.find(path);
    const auto match = value_of(headers, "If-Match");
    if (found == store.end() && !ability.update_creates) {
      return fhir::client::said(405);
    }
    if (!match.empty() &&
        (found == store.end() ||
         match !=
             "W/\"" + std::string(found->second.find("meta")->string_of("versionId")) + "\"")) {
      return fhir::client::said(412);
    }
    ++writes;
    keep(resource, std::string(resource.string_of("id")));
    return fhir::client::said(200);
  }
};

Json definition(const std::string& type, const std::string& name, const std::string& version,
                const std::string& title = "t") {
  return Json::object({{"resourceType", type},
                       {"id", name},
                       {"url", "https://here/" + name},
                       {"version", version},
                       {"title", title},
                       {"count", Json::Number{"1.0"}}});
}

std::vector<Json> three() {
  return {definition("ValueSet", "a", "1"), definition("ValueSet", "b", "1"),
          definition("Library", "c", "1")};
}

struct Run {
  tl::expected<Published, Failure> published;
  std::vector<Outcome> outcomes;
};

Run run(Endpoint& endpoint, const std::vector<Json>& definitions, PublishOptions options = {}) {
  fhir::client::Passing time;
  fhir::client::Endpoint there;
  there.base = base;
  fhir::client::Client client(endpoint, there, nullptr, time.world());
  const std::atomic<bool> stop{false};
  Run result{publish(
                 client, definitions, options, time.world(), [](const Line&) {}, stop),
             {}};
  if (result.published) {
    for (const auto& line : result.published->lines) {
      result.outcomes.push_back(line.outcome);
      EXPECT_THAT(line.why, ::testing::Not(HasSubstr("Canary")));
    }
  }
  return result;
}

// Every way in which a server may take definitions.
std::vector<Ability> abilities() {
  Ability plain, by_id, conditional, url_only, nothing_listed;
  by_id.update_creates = true;
  conditional.conditional_create = true;
  url_only.conditional_create = true;
  url_only.parameters = {"url"};
  nothing_listed.parameters = {};
  return {plain, by_id, conditional, url_only, nothing_listed};
}

TEST(Publish, TwiceChangesNothing) {
  for (const auto& ability : abilities()) {
    Endpoint endpoint;
    endpoint.ability = ability;
    EXPECT_THAT(run(endpoint, three()).outcomes,
                ElementsAre(Outcome::created, Outcome::created, Outcome::created));
    EXPECT_EQ(endpoint.writes, 3);
    const auto before = endpoint.store;
    const auto again = run(endpoint, three());
    EXPECT_THAT(again.outcomes,
                ElementsAre(Outcome::unchanged, Outcome::unchanged, Outcome::unchanged));
    EXPECT_EQ(endpoint.writes, 3);
    EXPECT_EQ(endpoint.store, before);
    EXPECT_EQ(exit_of(*again.published), Exit::done);
  }
}

TEST(Publish, AnotherVersionStandsBesideTheOlderOne) {
  for (const auto& ability : abilities()) {
    Endpoint endpoint;
    endpoint.ability = ability;
    run(endpoint, {definition("ValueSet", "a", "1")});
    EXPECT_THAT(run(endpoint, {definition("ValueSet", "a", "2", "new")}).outcomes,
                ElementsAre(Outcome::created));
    EXPECT_EQ(endpoint.of("https://here/a", "1").size(), 1u);
    EXPECT_EQ(endpoint.of("https://here/a", "2").size(), 1u);
  }
}

TEST(Publish, OtherContentOfTheSameVersionIsReplacedInItsPlace) {
  for (const auto& ability : abilities()) {
    Endpoint endpoint;
    endpoint.ability = ability;
    endpoint.keep(definition("ValueSet", "a", "1", "old"), "theirs");
    EXPECT_THAT(run(endpoint, {definition("ValueSet", "a", "1", "new")}).outcomes,
                ElementsAre(Outcome::updated));
    const auto held = endpoint.of("https://here/a", "1");
    ASSERT_EQ(held.size(), 1u);
    EXPECT_EQ(held.front().string_of("title"), "new");
    EXPECT_EQ(held.front().string_of("id"), "theirs");
  }
}

// Each fault at each exchange: once over, the same command leaves one of each, and at no moment
// were there two.
TEST(Publish, AFaultAtAnyExchangeDoublesAndLosesNothing) {
  for (const auto& ability : abilities()) {
    for (const auto fault : {Fault::refuse, Fault::lose, Fault::busy, Fault::not_json}) {
      for (int at = 1; at <= 12; ++at) {
        SCOPED_TRACE(::testing::Message() << "fault " << static_cast<int>(fault) << " at " << at);
        Endpoint endpoint;
        endpoint.ability = ability;
        endpoint.fault_at = [&](int exchange) { return exchange == at ? fault : Fault::none; };
        const auto first = run(endpoint, three());
        if (first.published) {
          EXPECT_EQ(first.published->lines.size(), 3u);
        } else {
          EXPECT_EQ(first.published.error().exit, Exit::outside);
          EXPECT_THAT(first.published.error().text, ::testing::Not(HasSubstr("Canary")));
        }
        endpoint.fault_at = [](int) { return Fault::none; };
        const auto second = run(endpoint, three());
        EXPECT_EQ(exit_of(*second.published), Exit::done);
        EXPECT_EQ(endpoint.store.size(), 3u);
        EXPECT_LE(endpoint.writes, 3 + (ability.update_creates ? 1 : 0));
      }
    }
  }
}

TEST(Publish, AWriteWhoseAnswerIsLostIsLookedUpAndCounted) {
  Endpoint endpoint;
  endpoint.fault_at = [](int exchange) { return exchange == 3 ? Fault::lose : Fault::none; };
  EXPECT_THAT(run(endpoint, {definition("ValueSet", "a", "1")}).outcomes,
              ElementsAre(Outcome::created));
  EXPECT_EQ(endpoint.writes, 1);
}

TEST(Publish, AnEndpointThatIsGoneEndsItAndTheRestIsNamed) {
  Endpoint endpoint;
  endpoint.fault_at = [](int exchange) { return exchange > 4 ? Fault::refuse : Fault::none; };
  const auto gone = run(endpoint, three());
  EXPECT_THAT(gone.outcomes, ElementsAre(Outcome::created, Outcome::refused, Outcome::not_tried));
  EXPECT_EQ(exit_of(*gone.published), Exit::outside);
  EXPECT_THAT(gone.published->broken_off, HasSubstr("MF-1502"));
}

TEST(Publish, TypesThatAreNotTakenAreNamedAndTheOthersDone) {
  Endpoint endpoint;
  auto definitions = three();
  definitions.push_back(definition("PlanDefinition", "d", "1"));
  const auto done = run(endpoint, definitions);
  EXPECT_EQ(done.outcomes.back(), Outcome::not_taken);
  EXPECT_EQ(exit_of(*done.published), Exit::done);
  const auto none = run(endpoint, {definitions.back()});
  EXPECT_EQ(exit_of(*none.published), Exit::outside);
}

TEST(Publish, WhatCannotBeLookedUpIsNotWritten) {
  Endpoint endpoint;
  endpoint.ability.interactions = {"create", "update"};
  EXPECT_THAT(run(endpoint, {definition("ValueSet", "a", "1")}).outcomes,
              ElementsAre(Outcome::not_taken));
  endpoint.ability.interactions = {"read", "search-type"};
  EXPECT_THAT(run(endpoint, {definition("ValueSet", "a", "1")}).outcomes,
              ElementsAre(Outcome::not_taken));
  EXPECT_EQ(endpoint.writes, 0);
  // Loaded by other means, it is there all the same.
  endpoint.keep(definition("ValueSet", "a", "1"), "theirs");
  EXPECT_THAT(run(endpoint, {definition("ValueSet", "a", "1")}).outcomes,
              ElementsAre(Outcome::unchanged));
}

TEST(Publish, OneThatTheServerFailsAtDoesNotKeepTheOthersOut) {
  Endpoint endpoint;
  endpoint.ability.update_creates = true;
  endpoint.fault_at = [&](int) { return endpoint.fails_now ? Fault::broken : Fault::none; };
  endpoint.fails = "https://here/b";
  const auto done = run(endpoint, three());
  EXPECT_THAT(done.outcomes, ElementsAre(Outcome::created, Outcome::refused, Outcome::created));
  EXPECT_EQ(exit_of(*done.published), Exit::rejected);
}

TEST(Publish, AServerThatAsksForTooLongAWaitIsAskedAnotherDay) {
  Endpoint endpoint;
  endpoint.patience = "86400";
  endpoint.fault_at = [](int exchange) { return exchange == 3 ? Fault::busy : Fault::none; };
  const auto done = run(endpoint, three());
  EXPECT_THAT(done.outcomes, ElementsAre(Outcome::refused, Outcome::not_tried, Outcome::not_tried));
  EXPECT_EQ(exit_of(*done.published), Exit::outside);
}

TEST(Publish, ByReadingAloneItIsFoundUnderOurId) {
  Endpoint endpoint;
  endpoint.ability.interactions = {"read", "update"};
  endpoint.ability.update_creates = true;
  run(endpoint, three());
  EXPECT_THAT(run(endpoint, three()).outcomes,
              ElementsAre(Outcome::unchanged, Outcome::unchanged, Outcome::unchanged));
  EXPECT_EQ(endpoint.writes, 3);
}

TEST(Publish, SeveralUnderOneVersionAreForAPerson) {
  Endpoint endpoint;
  endpoint.keep(definition("ValueSet", "a", "1"), "one");
  endpoint.keep(definition("ValueSet", "a", "1"), "two");
  const auto done =
      run(endpoint, {definition("ValueSet", "a", "1"), definition("Library", "c", "1")});
  EXPECT_THAT(done.outcomes, ElementsAre(Outcome::refused, Outcome::created));
  EXPECT_THAT(done.published->lines.front().why, HasSubstr("MF-4137"));
  EXPECT_EQ(exit_of(*done.published), Exit::rejected);
}

TEST(Publish, ChangesThatTheServerDoesNotTakeAreForAPerson) {
  Endpoint endpoint;
  endpoint.ability.interactions = {"read", "search-type", "create"};
  endpoint.keep(definition("ValueSet", "a", "1", "old"), "one");
  const auto done = run(endpoint, {definition("ValueSet", "a", "1", "new")});
  EXPECT_THAT(done.outcomes, ElementsAre(Outcome::refused));
  EXPECT_THAT(done.published->lines.front().why, HasSubstr("MF-4138"));
}

TEST(Publish, AnIdThatLeadsElsewhereIsNotFollowed) {
  for (const auto* id : {"../Patient/1", "x?y", ""}) {
    Endpoint endpoint;
    endpoint.keep(definition("ValueSet", "a", "1", "old"), id);
    const auto done = run(endpoint, {definition("ValueSet", "a", "1", "new")});
    EXPECT_THAT(done.outcomes, ElementsAre(Outcome::refused));
    EXPECT_EQ(endpoint.writes, 0);
  }
}

TEST(Publish, TwoAtOnceAreToldOrOne) {
  for (const auto& ability : abilities()) {
    Endpoint endpoint;
    endpoint.ability = ability;
    // Between our look and our write somebody else writes the same.
    endpoint.before_write = [&] { endpoint.keep(definition("ValueSet", "a", "1"), "other"); };
    const auto done = run(endpoint, {definition("ValueSet", "a", "1")});
    const auto held = endpoint.of("https://here/a", "1").size();
    const bool is_safe = ability.conditional_create && ability.parameters.size() == 2;
    if (is_safe) {
      EXPECT_EQ(held, 1u);
    } else if (!ability.update_creates) {
      EXPECT_THAT(done.outcomes, ElementsAre(Outcome::refused));
    }
  }
}

TEST(Publish, AChangeInBetweenIsNotOverwrittenUnseen) {
  Endpoint endpoint;
  endpoint.keep(definition("ValueSet", "a", "1", "old"), "one");
  endpoint.before_write = [&] { endpoint.keep(definition("ValueSet", "a", "1", "new"), "one"); };
  EXPECT_THAT(run(endpoint, {definition("ValueSet", "a", "1", "new")}).outcomes,
              ElementsAre(Outcome::updated));
  EXPECT_EQ(endpoint.writes, 0);  // the other one has done it
}

TEST(Publish, ADryRunOnlyLooks) {
  Endpoint endpoint;
  endpoint.keep(definition("ValueSet", "a", "1", "old"), "one");
  endpoint.keep(definition("ValueSet", "b", "1"), "two");
  PublishOptions options;
  options.dry_run = true;
  EXPECT_THAT(run(endpoint, three(), options).outcomes,
              ElementsAre(Outcome::updated, Outcome::unchanged, Outcome::created));
  EXPECT_EQ(endpoint.writes, 0);
}

TEST(Publish, AnEndpointOfAnotherKindIsRefused) {
  fhir::client::Played server;
  fhir::client::Passing time;
  fhir::client::Endpoint there;
  there.base = base;
  fhir::client::Client client(server, there, nullptr, time.world());
  const std::atomic<bool> stop{false};
  const auto text = [&](fhir::client::Response answer) {
    server.otherwise = std::move(answer);
    const auto done = publish(
        client, three(), {}, time.world(), [](const Line&) {}, stop);
    return done ? std::string("done") : done.error().text;
  };
  EXPECT_THAT(text({404, {}, ""}), HasSubstr("MF-4142"));
  EXPECT_THAT(text(fhir::client::said(200, Json::object({{"resourceType", "Patient"}}))),
              HasSubstr("MF-4135"));
  EXPECT_THAT(text(fhir::client::said(200, Json::object({{"resourceType", "CapabilityStatement"},
                                                         {"fhirVersion", "5.0.0"}}))),
              HasSubstr("MF-4135"));
}

TEST(SameContent, WhatServersAddDoesNotCount) {
  const Json ours = definition("ValueSet", "a", "1");
  Json theirs = ours;
  theirs.set("id", "7");
  theirs.set("meta", Json::object({{"versionId", "3"}}));
  theirs.set("text", Json::object({{"status", "generated"}}));
  theirs.set("count", Json::Number{"1"});
  EXPECT_TRUE(is_same_content(ours, theirs));
  theirs.set("count", Json::Number{"2"});
  EXPECT_FALSE(is_same_content(ours, theirs));
  theirs.erase("count");
  EXPECT_FALSE(is_same_content(ours, theirs));
  theirs.set("count", "1.0");
  EXPECT_FALSE(is_same_content(ours, theirs));
}

}  // namespace
}  // namespace myoflag::publish
