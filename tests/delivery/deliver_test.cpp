// Deliveries against a server that fails in every way, and processes that end everywhere: each
// resource arrives exactly once, or the item is parked with its reason.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <unistd.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fhir/client/backend_services.h"
#include "plugin/delivery/deliver.h"
#include "plugin/delivery/plan.h"
#include "plugin/delivery/submission.h"
#include "plugin/knowledge/knowledge.h"
#include "plugin/store/sqlite.h"
#include "tests/delivery/fake_ehr.h"
#include "tests/delivery/small_bundle.h"
#include "tests/fhir_client/played.h"
#include "tests/support/postgres.h"

namespace myoflag::delivery {
namespace {

using fhir::Json;
using fhir::client::Client;
using fhir::client::Passing;
using fhir::client::Response;
using std::chrono::hours;
using std::chrono::seconds;
using store::ItemState;
using store::Store;
using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::string base = "https://ehr.example/fhir";

struct Killed {};

// Under the sanitizers not every place is tried.
#ifdef MYOFLAG_SANITIZED
constexpr int kStride = 5;
#else
constexpr int kStride = 1;
#endif

struct Case {
  std::string site;
  Json statement;
  std::size_t resources;  // of eight
};

std::vector<Case> cases() {
  const std::string all = ":create,update,search-type,conditionalCreate,conditionalUpdate";
  std::vector<std::string> conditional;
  for (const char* type : {"Device", "QuestionnaireResponse", "Observation", "ServiceRequest",
                           "DocumentReference", "Provenance"}) {
    conditional.push_back(type + all);
  }
  return {{"hapi", generous_statement(), 8},
          {"generic", statement_of(false, true, conditional), 8},
          {"generic", statement_of(false, false, conditional), 8},
          {"epic-like", epic_statement(), 6},
          {"millennium-like", millennium_statement(), 5}};
}

// Where there is one, a folder in memory: thousands of commits are made here.
std::filesystem::path scratch() {
  const std::filesystem::path memory = "/dev/shm";
  std::error_code error;
  const bool has_memory = std::filesystem::is_directory(memory, error);
  return (has_memory ? memory : std::filesystem::path(::testing::TempDir())) /
         fmt::format("myoflag_deliver_{}", ::getpid());
}

class DeliverTest : public ::testing::Test {
 protected:
  explicit DeliverTest(bool is_shared = false) : is_shared_(is_shared) { renew(); }
  ~DeliverTest() override { std::filesystem::remove_all(folder_); }

  void renew() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    told_.clear();
    if (!is_shared_) {
      place_ = (folder_ / "outbox.sqlite").string();
    } else if (place_.empty()) {
      place_ = new_database();
      open();
    } else {
      run_in(place_, "TRUNCATE receipt, bookmark RESTART IDENTITY CASCADE");
    }
  }

  Store open(std::function<void()> at_write = {}) {
    auto store = Store::open(place_, std::move(at_write));
    if (!store) {
      throw std::runtime_error(store.error().text);
    }
    return std::move(*store);
  }

  static store::Submission submission(const std::string& name) {
    store::Submission out;
    out.response = "response-" + name;
    out.thread = "thread-" + name;
    out.outcome = urn_of(name, 99).substr(9);
    out.input = kCanary;
    out.tier = "urgent";
    out.target_hours = 336;
    out.assessment = kCanary;
    out.bundle = fhir::write_json(small_bundle(name));
    return out;
  }

  void submit(const std::string& name) {
    Store store = open();
    ASSERT_TRUE(store.submit(submission(name), passing_.now));
  }

  tl::expected<Delivered, Failure> run(FakeEhr& ehr, const std::string& site, Store& store,
                                       bool once = false, Client* tasks = nullptr) {
    fhir::client::Endpoint endpoint;
    endpoint.base = base;
    Client client(ehr, endpoint, nullptr, passing_.world());
    DeliverOptions options;
    options.target = base;
    options.site = *site_of(*load_sites(""), site);
    options.once = once;
    options.give_up = give_up_;
    options.tasks = tasks;
    return deliver(
        store, client, options, passing_.world(),
        [&](const std::string& line) { told_.push_back(line); }, stop_);
  }

  void damage_bundle(std::int64_t item) {
    const auto set = [&](std::string_view bytes) {
      return fmt::format("UPDATE item SET bundle={} WHERE id={}", bytes, item);
    };
    if (is_shared_) {
      run_in(place_, set("'\\x2847'"));
    } else {
      store::Database db;
      ASSERT_TRUE(db.open(place_) && db.run(set("x'2847'").c_str()));
    }
  }

  // Whatever another process was about, it is over.
  tl::expected<Delivered, Failure> run(FakeEhr& ehr, const std::string& site) {
    if (is_shared_) {
      run_in(place_, "UPDATE item SET held_until=0");
    }
    Store store = open();
    return run(ehr, site, store);
  }

  // Each of the first `resources` of a bundle of that name once, and nothing of it twice.
  void expect_once(const FakeEhr& ehr, const std::string& name, std::size_t resources,
                   const std::string& when) {
    std::size_t found = 0;
    const Json bundle = small_bundle(name);
    for (const Json& entry : bundle.array_of("entry")) {
      const auto count = std::count_if(ehr.stored.begin(), ehr.stored.end(), [&](const Json& one) {
        return one.string_of("resourceType") == entry.find("resource")->string_of("resourceType") &&
               answers_to(one, entry.find("request")->string_of("ifNoneExist"));
      });
      EXPECT_LE(count, 1) << when;
      found += static_cast<std::size_t>(count);
    }
    EXPECT_EQ(found, resources) << when;
    EXPECT_THAT(ehr.wrong, IsEmpty()) << when;
    Store store = open();
    const auto counts = store.counts();
    EXPECT_EQ(counts->waiting + counts->parked, 0u) << when;
    for (const std::string& line : told_) {
      EXPECT_THAT(line, Not(HasSubstr(kCanary))) << when;
    }
  }

  const bool is_shared_;
  std::filesystem::path folder_ = scratch();
  std::string place_;
  Passing passing_;
  std::vector<std::string> told_;
  std::atomic<bool> stop_{false};
  seconds give_up_ = DeliverOptions().give_up;
};

// From a file, and from a database.
class EveryStore : public DeliverTest, public ::testing::WithParamInterface<bool> {
 protected:
  EveryStore() : DeliverTest(GetParam()) {}
  // Not every place is tried of a database, which is slower.
  int stride() const { return is_shared_ ? 5 : kStride; }
};

INSTANTIATE_TEST_SUITE_P(Of, EveryStore, ::testing::Bool(),
                         [](const auto& made) { return made.param ? "postgres" : "sqlite"; });

TEST_P(EveryStore, EveryKindOfServerGetsEachResourceOnce) {
  for (const Case& one : cases()) {
    renew();
    FakeEhr ehr(one.statement);
    submit("a");
    const auto delivered = run(ehr, one.site);
    ASSERT_TRUE(delivered) << one.site << delivered.error().text;
    EXPECT_EQ(delivered->done, 1u) << one.site;
    EXPECT_EQ(ehr.stored.size(), one.resources) << one.site;
    expect_once(ehr, "a", one.resources, one.site);
  }
}

TEST_P(EveryStore, WhatIsNotTakenIsReferredToByItsIdentifierAndTold) {
  FakeEhr ehr(epic_statement());
  submit("a");
  run(ehr, "epic-like");
  const auto request = std::find_if(ehr.stored.begin(), ehr.stored.end(), [](const Json& one) {
    return one.string_of("resourceType") == "ServiceRequest";
  });
  ASSERT_NE(request, ehr.stored.end());
  const Json& requester = *request->find("requester");
  EXPECT_FALSE(requester.has("reference"));
  EXPECT_EQ(requester.string_of("type"), "Device");
  EXPECT_EQ(requester.find("identifier")->string_of("value"), urn_of("a", 0).substr(9));
  EXPECT_THAT(told_, Contains(HasSubstr("Device 1, Provenance 1")));
  EXPECT_EQ(open().items(true)->front().folded, "Device 1, Provenance 1");
}

TEST_P(EveryStore, AFaultAtEveryExchangeLosesAndDoublesNothing) {
  for (const Case& one : cases()) {
    renew();
    FakeEhr calm(one.statement);
    submit("a");
    run(calm, one.site);
    for (int kind = 1; kind < kFaults; ++kind) {
      for (int at = 1; at <= calm.exchanges; at += stride()) {
        renew();
        FakeEhr ehr(one.statement);
        ehr.fault = [&](int number) {
          return number == at ? static_cast<Fault>(kind) : Fault::none;
        };
        submit("a");
        const std::string when = fmt::format("{}, fault {} at {}", one.site, kind, at);
        ASSERT_TRUE(run(ehr, one.site)) << when;
        expect_once(ehr, "a", one.resources, when);
      }
    }
  }
}

TEST_P(EveryStore, AProcessThatEndsAnywhereGoesOn) {
  for (const Case& one : cases()) {
    for (int die_at = 1;; die_at += stride()) {
      renew();
      submit("a");
      FakeEhr ehr(one.statement);
      int points = 0;
      const auto point = [&] {
        if (++points == die_at) {
          throw Killed();
        }
      };
      ehr.at_exchange = point;
      bool died = false;
      try {
        Store store = open(point);
        ASSERT_TRUE(run(ehr, one.site, store));
      } catch (const Killed&) {
        died = true;
      }
      if (!died) {
        EXPECT_GT(die_at, 8);
        break;
      }
      ehr.at_exchange = [] {};
      const std::string when = fmt::format("{}, ended at {}", one.site, die_at);
      ASSERT_TRUE(run(ehr, one.site)) << when;
      expect_once(ehr, "a", one.resources, when);
    }
  }
}

TEST_P(EveryStore, RandomFaultsAndEndsOverManyDeliveriesLoseAndDoubleNothing) {
#ifdef MYOFLAG_SANITIZED
  constexpr int usual = 30;
#else
  constexpr int usual = 200;
#endif
  // By hand: MYOFLAG_DELIVERIES=1000 delivery_test --gtest_filter=*RandomFaults*
  const char* wanted = std::getenv("MYOFLAG_DELIVERIES");
  const int deliveries = wanted != nullptr ? std::atoi(wanted) : usual / stride();
  std::mt19937 random(20261122);
  int done = 0;
  int killed = 0;
  for (std::size_t turn = 0; done < deliveries; ++turn) {
    const Case one = cases()[turn % cases().size()];
    renew();
    constexpr int together = 10;
    for (int i = 0; i < together; ++i) {
      submit(std::to_string(i));
    }
    FakeEhr ehr(one.statement);
    ehr.tells_place = turn % 3 != 0;
    ehr.fault = [&](int) {
      return random() % 4 == 0 ? static_cast<Fault>(1 + random() % (kFaults - 1)) : Fault::none;
    };
    ehr.at_exchange = [&] {
      if (random() % 60 == 0) {
        ++killed;
        throw Killed();
      }
    };
    for (bool ended = false; !ended;) {
      try {
        ended = run(ehr, one.site).has_value();
      } catch (const Killed&) {
      }
    }
    for (int i = 0; i < together; ++i) {
      expect_once(ehr, std::to_string(i), one.resources, fmt::format("turn {}", turn));
    }
    done += together;
  }
  EXPECT_GT(killed, 0);
}

TEST_P(EveryStore, AnAmendedResponseReplacesWhatItAmends) {
  for (const bool conditional : {true, false}) {
    renew();
    FakeEhr ehr(
        conditional
            ? generous_statement()
            : statement_of(
                  false, false,
                  {"Device:create,search-type", "QuestionnaireResponse:create,update,search-type",
                   "Observation:create,search-type", "ServiceRequest:create,search-type",
                   "DocumentReference:create,search-type", "Provenance:create,search-type"}));
    submit("a");
    ASSERT_TRUE(run(ehr, "generic"));
    const std::size_t before = ehr.stored.size();
    Json bundle = small_bundle("b");
    Json& entry = (*bundle.find("entry")->as_array())[1];
    Json earlier = small_bundle("a").array_of("entry")[1];
    entry.find("resource")->set("identifier", *earlier.find("resource")->find("identifier"));
    entry.find("resource")->set("status", "amended");
    entry.set("request",
              Json::object(
                  {{"method", "PUT"},
                   {"url", "QuestionnaireResponse?" +
                               std::string(earlier.find("request")->string_of("ifNoneExist"))}}));
    store::Submission amended = submission("b");
    amended.bundle = fhir::write_json(bundle);
    ASSERT_TRUE(open().submit(amended, passing_.now));
    const auto delivered = run(ehr, "generic");
    ASSERT_TRUE(delivered);
    EXPECT_EQ(delivered->done, 1u);
    EXPECT_EQ(ehr.stored.size(), before + 7) << "seven new, one replaced";
    const auto statuses = std::count_if(ehr.stored.begin(), ehr.stored.end(), [](const Json& one) {
      return one.string_of("status") == "amended";
    });
    EXPECT_EQ(statuses, 1);
    EXPECT_THAT(ehr.wrong, IsEmpty());
  }
}

TEST_P(EveryStore, ARefusalParksWithItsReasonAndRetryGoesOnFromThere) {
  FakeEhr ehr(epic_statement());
  submit("a");
  submit("b");
  bool refuses = true;
  ehr.instead = [&](const fhir::client::Request& request) -> std::optional<Response> {
    const bool hit = refuses && request.method == fhir::client::Method::post &&
                     request.url.ends_with("/ServiceRequest");
    return hit ? std::optional(
                     Response{422,
                              {},
                              fmt::format(R"({{"resourceType":"OperationOutcome","issue":[{{
            "severity":"error","code":"business-rule","diagnostics":"{}"}}]}})",
                                          kCanary)})
               : std::nullopt;
  };
  const auto delivered = run(ehr, "epic-like");
  ASSERT_TRUE(delivered);
  EXPECT_EQ(delivered->parked, 2u);
  {
    Store store = open();
    const auto item = store.item(1);
    EXPECT_EQ(item->state, ItemState::parked);
    EXPECT_EQ(item->code, "MF-3155");
    EXPECT_THAT(item->reason, HasSubstr("ServiceRequest: The server answered 422"));
    EXPECT_THAT(item->reason, Not(HasSubstr(kCanary)));
    EXPECT_GT(item->steps_done, 0);
    store.retry(1, passing_.now);
    store.retry(2, passing_.now);
  }
  refuses = false;
  ASSERT_TRUE(run(ehr, "epic-like"));
  expect_once(ehr, "a", 6, "after the retry");
  expect_once(ehr, "b", 6, "after the retry");
}

TEST_P(EveryStore, ARetryUnderAnotherProfileLeavesWhatIsRefusedToTheDocument) {
  FakeEhr ehr(
      statement_of(false, false,
                   {"QuestionnaireResponse:create,search-type", "Observation:create,search-type",
                    "ServiceRequest:create,search-type", "DocumentReference:create,search-type",
                    "Provenance:create,search-type", "Device:create,search-type"}));
  submit("a");
  ehr.instead = [&](const fhir::client::Request& request) -> std::optional<Response> {
    return request.method == fhir::client::Method::post && request.url.ends_with("/Device")
               ? std::optional(Response{403, {}, ""})
               : std::nullopt;
  };
  ASSERT_TRUE(run(ehr, "generic"));
  ASSERT_EQ(open().item(1)->state, ItemState::parked);
  open().retry(1, passing_.now);
  ASSERT_TRUE(run(ehr, "epic-like"));
  expect_once(ehr, "a", 6, "Device and Provenance in the document");
}

TEST_P(EveryStore, WhatIsFoldedBehindAWrittenDocumentIsAppendedToIt) {
  const std::vector<std::string> types{"QuestionnaireResponse:create,search-type",
                                       "Observation:create,search-type",
                                       "ServiceRequest:create,search-type",
                                       "DocumentReference:create,search-type",
                                       "Provenance:create,search-type",
                                       "Device:create,search-type"};
  FakeEhr ehr(statement_of(false, false, types));
  submit("a");
  ehr.instead = [&](const fhir::client::Request& request) -> std::optional<Response> {
    return request.method == fhir::client::Method::post && request.url.ends_with("/Provenance")
               ? std::optional(Response{422, {}, ""})
               : std::nullopt;
  };
  ASSERT_TRUE(run(ehr, "generic"));
  ASSERT_EQ(open().item(1)->state, ItemState::parked);
  const std::size_t before = ehr.stored.size();
  for (int again = 0; again < 2; ++again) {
    open().retry(1, passing_.now);
    ASSERT_TRUE(run(ehr, "epic-like"));
  }
  ASSERT_EQ(open().item(1)->state, ItemState::done);
  ASSERT_EQ(ehr.stored.size(), before + 1);
  const Json& added = ehr.stored.back();
  EXPECT_EQ(added.string_of("resourceType"), "DocumentReference");
  const std::string_view target =
      added.array_of("relatesTo")[0].find("target")->string_of("reference");
  EXPECT_TRUE(target.starts_with("DocumentReference/")) << target;
  EXPECT_THAT(unbase64_for_test(added.array_of("content")[0].find("attachment")->string_of("data")),
              HasSubstr("\"Provenance\""));
  EXPECT_THAT(ehr.wrong, IsEmpty());
}

TEST_P(EveryStore, RetryAfterIsHonouredByEverything) {
  FakeEhr ehr(generous_statement());
  submit("a");
  submit("b");
  const auto begin = passing_.now;
  ehr.fault = [&](int number) { return number == 2 ? Fault::throttled : Fault::none; };
  {
    Store store = open();
    ASSERT_TRUE(run(ehr, "hapi", store, true));
  }
  EXPECT_EQ(ehr.exchanges, 2) << "the other item waits, too";
  passing_.now = begin + seconds(6);
  {
    Store store = open();
    ASSERT_TRUE(run(ehr, "hapi", store, true));
  }
  EXPECT_EQ(ehr.exchanges, 2) << "a new process knows it";
  ASSERT_TRUE(run(ehr, "hapi"));
  EXPECT_GE(passing_.now, begin + seconds(7));
  expect_once(ehr, "a", 8, "throttled");
  expect_once(ehr, "b", 8, "throttled");
}

TEST_P(EveryStore, AnItemThatTheServerCannotTakeHoldsUpNoOther) {
  FakeEhr ehr(generous_statement());
  submit("a");
  submit("b");
  ehr.instead = [&](const fhir::client::Request& request) -> std::optional<Response> {
    return request.body.find(urn_of("a", 1)) != std::string::npos
               ? std::optional(Response{500, {}, ""})
               : std::nullopt;
  };
  const auto begin = passing_.now;
  EXPECT_EQ(give_up_, hours(72));
  give_up_ = hours(6);
  ASSERT_TRUE(run(ehr, "hapi"));
  Store store = open();
  EXPECT_EQ(store.item(2)->state, ItemState::done);
  EXPECT_EQ(store.item(1)->state, ItemState::parked);
  EXPECT_EQ(store.item(1)->code, "MF-3157");
  EXPECT_GT(passing_.now, begin + hours(5));
  EXPECT_LT(passing_.now, begin + hours(7));
}

TEST_P(EveryStore, WhoIsNotLetInLosesAndParksNothing) {
  FakeEhr ehr(generous_statement());
  submit("a");
  ehr.instead = [&](const fhir::client::Request& request) -> std::optional<Response> {
    return request.method == fhir::client::Method::post ? std::optional(Response{401, {}, ""})
                                                        : std::nullopt;
  };
  const auto refused = run(ehr, "hapi");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().text, HasSubstr("MF-3162"));
  EXPECT_EQ(open().counts()->waiting, 1u);
  ehr.instead = nullptr;
  ASSERT_TRUE(run(ehr, "hapi"));
  expect_once(ehr, "a", 8, "let in again");
}

// A sign-in of their own is refused: results go on, and the Task says why it waits.
TEST_P(EveryStore, WhereNoTasksAreLetInResultsAreDeliveredAllTheSame) {
  FakeEhr ehr(generous_statement());
  struct NoTasks : fhir::client::Authority {
    tl::expected<std::string, fhir::client::TransportFailure> header(bool) override {
      return tl::unexpected(fhir::client::TransportFailure{
          "MF-1522", "The server gives no access token: 400 (invalid_scope).",
          fhir::client::Arrival::not_sent});
    }
  } no_tasks;
  give_up_ = hours(1);
  fhir::client::Endpoint endpoint;
  endpoint.base = base;
  Client tasks(ehr, endpoint, &no_tasks, passing_.world());
  auto task = submission("task");
  task.kind = store::Kind::task;
  task.target_hours = 0;  // it comes first
  {
    Store store = open();
    ASSERT_TRUE(store.submit(task, passing_.now));
    ASSERT_TRUE(store.submit(submission("a"), passing_.now));
    const auto delivered = run(ehr, "hapi", store, true, &tasks);
    ASSERT_TRUE(delivered) << delivered.error().text;
    EXPECT_EQ(delivered->done, 1u);
  }
  EXPECT_EQ(open().item(2)->state, ItemState::done);
  const auto waits = open().item(1);
  EXPECT_EQ(waits->kind, store::Kind::task);
  EXPECT_EQ(waits->state, ItemState::waiting);
  EXPECT_EQ(waits->tries, 1) << "the worklist shows it";
  EXPECT_EQ(waits->code, "MF-1522");
  Store store = open();
  ASSERT_TRUE(run(ehr, "hapi", store, false, &tasks));
  EXPECT_EQ(open().item(1)->code, "MF-3157") << "and not for ever";
  ASSERT_TRUE(store.retry(1, passing_.now));
  ASSERT_TRUE(run(ehr, "hapi", store)) << "let in by now";
  EXPECT_EQ(open().item(1)->state, ItemState::done);
}

TEST_P(EveryStore, ADamagedItemIsParkedAndHoldsUpNoOther) {
  for (const bool is_packed : {false, true}) {
    renew();
    FakeEhr ehr(generous_statement());
    auto damaged = submission("damaged");
    damaged.bundle = "{\"entry\":";
    damaged.target_hours = 0;
    Store store = open();
    ASSERT_TRUE(store.submit(damaged, passing_.now));
    ASSERT_TRUE(store.submit(submission("a"), passing_.now));
    if (is_packed) {
      damage_bundle(1);
    }
    const auto delivered = run(ehr, "hapi", store);
    ASSERT_TRUE(delivered) << delivered.error().text;
    EXPECT_EQ(store.item(2)->state, ItemState::done);
    EXPECT_EQ(store.item(1)->state, ItemState::parked);
    EXPECT_EQ(store.item(1)->code, "MF-3107");
    ASSERT_TRUE(store.retry(1, passing_.now));
    ASSERT_TRUE(run(ehr, "hapi", store));
    EXPECT_EQ(store.item(1)->code, "MF-3107") << "it is still damaged";
  }
}

TEST_P(EveryStore, AServerThatIgnoresTheSearchIsNotBelieved) {
  FakeEhr ehr(epic_statement());
  ehr.ignores_search = true;
  ehr.tells_place = false;
  submit("a");
  submit("b");
  ehr.fault = [](int number) { return number % 5 == 0 ? Fault::lost_answer : Fault::none; };
  ASSERT_TRUE(run(ehr, "epic-like"));
  expect_once(ehr, "a", 6, "ignored searches");
  expect_once(ehr, "b", 6, "ignored searches");
}

TEST_P(EveryStore, APageOfAProxyIsNoWrittenResource) {
  for (const Case& one : cases()) {
    renew();
    FakeEhr ehr(one.statement);
    submit("a");
    int pages = 0;
    ehr.instead = [&](const fhir::client::Request& request) -> std::optional<Response> {
      return request.method == fhir::client::Method::post && pages++ < 3
                 ? std::optional(Response{200, {}, "<html>Please sign in</html>"})
                 : std::nullopt;
    };
    ASSERT_TRUE(run(ehr, one.site));
    expect_once(ehr, "a", one.resources, "after the pages, " + one.site);
  }
}

TEST_P(EveryStore, WhereNobodyCanTellWhetherItArrivedAPersonLooks) {
  FakeEhr ehr(epic_statement());
  submit("a");
  ehr.instead = [&](const fhir::client::Request& request) -> std::optional<Response> {
    return request.method == fhir::client::Method::get && !request.url.ends_with("/metadata")
               ? std::optional(Response{403, {}, ""})
               : std::nullopt;
  };
  ehr.fault = [](int number) { return number == 3 ? Fault::lost_answer : Fault::none; };
  ASSERT_TRUE(run(ehr, "epic-like"));
  EXPECT_EQ(open().item(1)->code, "MF-3158");
  EXPECT_EQ(ehr.stored.size(), 1u) << "not written again";
}

TEST_P(EveryStore, SeveralUnderOurIdentifierAreForAPerson) {
  FakeEhr ehr(epic_statement());
  submit("a");
  Json one = *small_bundle("a").array_of("entry")[1].find("resource");
  for (const char* id : {"9001", "9002"}) {
    one.set("id", id);
    ehr.stored.push_back(one);
  }
  ASSERT_TRUE(run(ehr, "epic-like"));
  EXPECT_EQ(open().item(1)->code, "MF-3156");
}

TEST_P(EveryStore, AServerThatDoesNotSayWhatItTakesGetsNothing) {
  FakeEhr ehr(generous_statement());
  submit("a");
  ehr.instead = [](const fhir::client::Request&) { return Response{404, {}, ""}; };
  EXPECT_THAT(run(ehr, "generic").error().text, HasSubstr("MF-3160"));
  EXPECT_EQ(open().counts()->waiting, 1u);
  FakeEhr mute(Json::object({{"resourceType", "CapabilityStatement"}}));
  ASSERT_TRUE(run(mute, "generic"));
  EXPECT_EQ(open().item(1)->code, "MF-3154");
}

TEST_P(EveryStore, AStoreBelongsToOnePlace) {
  FakeEhr ehr(generous_statement());
  submit("a");
  ASSERT_TRUE(run(ehr, "generic"));
  Store store = open();
  DeliverOptions options;
  options.target = "https://other.example/fhir";
  fhir::client::Endpoint endpoint;
  endpoint.base = options.target;
  Client client(ehr, endpoint, nullptr, passing_.world());
  const auto refused = deliver(
      store, client, options, passing_.world(), [](const std::string&) {}, stop_);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().text, HasSubstr("MF-3150"));
}

TEST_P(EveryStore, AMistypedPlaceCanBeCorrectedUntilSomethingWasSent) {
  submit("a");
  Store store = open();
  EXPECT_TRUE(*store.claim("https://typo.example"));
  store.plan(1, "F", "", {});
  EXPECT_TRUE(*store.claim(base));
  EXPECT_EQ(store.item(1)->rung, "") << "planned for the other one";
  FakeEhr ehr(generous_statement());
  ASSERT_TRUE(run(ehr, "hapi", store));
  EXPECT_FALSE(*store.claim("https://typo.example"));
  expect_once(ehr, "a", 8, "corrected");
}

TEST_F(DeliverTest, OneProcessDeliversFromAStore) {
  const std::string path = (folder_ / "outbox.sqlite").string();
  {
    const auto held = Lock::take(path);
    ASSERT_TRUE(held);
    EXPECT_THAT(Lock::take(path).error().text, HasSubstr("MF-3151"));
  }
  EXPECT_TRUE(Lock::take(path));
}

class FilesTest : public DeliverTest {
 protected:
  tl::expected<Delivered, Failure> write(Store& store) {
    DeliverOptions options;
    options.target = (folder_ / "out").string();
    options.site = *site_of(*load_sites(""), "file");
    return deliver_files(
        store, options, passing_.world(), [&](const std::string& line) { told_.push_back(line); },
        stop_);
  }

  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / "out")) {
      out.push_back(entry.path().filename().string());
    }
    std::sort(out.begin(), out.end());
    return out;
  }
};

TEST_F(FilesTest, EachItemIsTwoWholeFilesWhateverEndsMeanwhile) {
  const std::string name = urn_of("a", 99).substr(9);
  for (int die_at = 1; die_at <= 8; ++die_at) {
    renew();
    submit("a");
    int points = 0;
    try {
      Store store = open([&] {
        if (++points == die_at) {
          throw Killed();
        }
      });
      ASSERT_TRUE(write(store));
    } catch (const Killed&) {
    }
    Store store = open();
    ASSERT_TRUE(write(store));
    EXPECT_EQ(store.counts()->done, 1u);
    EXPECT_EQ(names(), (std::vector<std::string>{name + ".bundle.json", name + ".ndjson"}));
  }
  std::ifstream in(folder_ / "out" / (name + ".ndjson"));
  int lines = 0;
  for (std::string line; std::getline(in, line); ++lines) {
    EXPECT_TRUE(fhir::read_json(line));
    EXPECT_THAT(line, Not(HasSubstr("urn:uuid:")));
  }
  EXPECT_EQ(lines, 8);
}

TEST_F(FilesTest, AFolderThatCannotBeWrittenIsTold) {
  std::ofstream(folder_ / "out") << "a file";
  submit("a");
  Store store = open();
  const auto failed = write(store);
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().text, HasSubstr("MF-3159"));
  EXPECT_EQ(store.counts()->waiting, 1u);
}

// A real intake, all the way.
class SampleTest : public DeliverTest {
 protected:
  static std::string sample(const std::string& name) {
    std::ifstream in(std::string(MYOFLAG_SOURCE_DIR) + "/samples/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  tl::expected<store::Submission, Failure> judged(const std::string& name, bool communication) {
    return judged_text(sample(name), communication);
  }

  tl::expected<store::Submission, Failure> judged_text(const std::string& bytes,
                                                       bool communication) {
    const Assessor assessor(embedded_knowledge());
    AssessOptions how;
    how.now = passing_.now + hours(9);  // when the samples were written
    const auto assessed = assessor.assess(bytes, how);
    if (!assessed) {
      return tl::unexpected(Failure{Exit::rejected, assessed.error().front().text});
    }
    SubmissionOptions options;
    options.urgency = load_sites("")->urgency;
    options.communication = communication;
    return submission_of(*assessed, bytes, options);
  }
};

// A server may write the references of a response back with its address or a version.
TEST_F(SampleTest, AResponseStaysInItsThreadHoweverItsPatientIsWritten) {
  const std::string given = sample("eyelid-coffee/response.json");
  const auto thread = [&](const std::string& patient) {
    const std::string written = R"("reference": "Patient/example")";
    std::string text = given;
    const auto at = text.find(written);
    EXPECT_NE(at, std::string::npos);
    text.replace(at, written.size(), fmt::format(R"("reference": "{}")", patient));
    const auto made = judged_text(text, false);
    EXPECT_TRUE(made) << patient;
    return made ? made->thread : patient;
  };
  for (const auto* patient :
       {"https://ehr.example/fhir/Patient/example", "Patient/example/_history/1"}) {
    EXPECT_EQ(thread(patient), thread("Patient/example"));
  }
  EXPECT_NE(thread("Patient/another"), thread("Patient/example"));
}

TEST_F(SampleTest, ARealIntakeReachesEveryKindOfServer) {
  const auto made = judged("critical-calcium/bundle.json", true);
  ASSERT_TRUE(made) << made.error().text;
  EXPECT_TRUE(made->is_urgent);
  for (const Case& one : cases()) {
    if (one.site == "generic") {
      continue;
    }
    renew();
    FakeEhr ehr(one.statement);
    ASSERT_TRUE(open().submit(*made, passing_.now));
    ASSERT_TRUE(run(ehr, one.site)) << one.site;
    EXPECT_THAT(ehr.wrong, IsEmpty()) << one.site;
    Store store = open();
    EXPECT_EQ(store.item(1)->state, ItemState::done) << one.site << store.item(1)->reason;
    EXPECT_EQ(store.escalations()->size(), 1u) << "delivered is not yet seen";
    const auto communications = std::count_if(
        ehr.stored.begin(), ehr.stored.end(),
        [](const Json& resource) { return resource.string_of("resourceType") == "Communication"; });
    EXPECT_EQ(communications, 1) << one.site;
  }
}

TEST_F(SampleTest, TheSameResponseIsOneAndACalmOneIsNotEscalated) {
  const auto calm = judged("eyelid-coffee/response.json", true);
  ASSERT_TRUE(calm) << calm.error().text;
  EXPECT_FALSE(calm->is_urgent);
  EXPECT_THAT(calm->bundle, Not(HasSubstr("\"Communication\"")));
  Store store = open();
  EXPECT_TRUE(store.submit(*calm, passing_.now)->is_new);
  EXPECT_FALSE(store.submit(*judged("eyelid-coffee/response.json", true), passing_.now)->is_new);
}

}  // namespace
}  // namespace myoflag::delivery
