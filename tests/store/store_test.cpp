// The store: what is acknowledged is there after any end of the process, once.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugin/store/inbox.h"
#include "plugin/store/outbox_file.h"
#include "plugin/store/place.h"
#include "plugin/store/postgres.h"
#include "plugin/store/sqlite.h"
#include "plugin/store/store.h"
#include "tests/support/postgres.h"

namespace myoflag::store {
namespace {

using std::chrono::hours;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const Time kNow = std::chrono::sys_days(std::chrono::year(2026) / 11 / 22);

Submission submission(const std::string& name, std::optional<std::int64_t> target = 336) {
  Submission out;
  out.response = "response-" + name;
  out.thread = "thread-" + name;
  out.outcome = "outcome-" + name;
  out.input = "{}";
  out.tier = "urgent";
  out.target_hours = target;
  out.assessment = "assessment of " + name;
  out.bundle = R"({"of":")" + name + R"("})";
  return out;
}

Step step(const std::string& urn, int wave = 0) {
  return {urn, wave, "Observation", "conditional", "identifier=x", "{}", StepState::intent, {}};
}

struct Killed {};

class FileTest : public ::testing::Test {
 protected:
  FileTest()
      : folder_(std::filesystem::path(::testing::TempDir()) / fmt::format("store_{}", ::getpid())),
        path_((folder_ / "outbox.sqlite").string()) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~FileTest() override { std::filesystem::remove_all(folder_); }

  Store open(std::function<void()> at_write = {}) const {
    auto store = Store::open(path_, std::move(at_write));
    if (!store) {
      throw std::runtime_error(store.error().text);
    }
    return std::move(*store);
  }

  std::filesystem::path folder_;
  std::string path_;
};

// What holds of a file and of a database.
class StoreTest : public FileTest, public ::testing::WithParamInterface<bool> {
 protected:
  StoreTest() { renew(); }

  void renew() {
    std::filesystem::remove(path_);
    path_ = GetParam() ? new_database() : (folder_ / fmt::format("{}.sqlite", ++files_)).string();
  }

  int files_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Of, StoreTest, ::testing::Bool(),
                         [](const auto& made) { return made.param ? "postgres" : "sqlite"; });

class DatabaseTest : public FileTest {
 protected:
  DatabaseTest() { path_ = new_database(); }
};

TEST_P(StoreTest, KeepsASubmissionAcrossProcesses) {
  const auto receipt = open().submit(submission("a"), kNow);
  ASSERT_TRUE(receipt);
  EXPECT_TRUE(receipt->is_new);
  Store again = open();
  EXPECT_EQ(again.bundle(receipt->item)->string_of("of"), "a");
  EXPECT_EQ(*again.assessment(receipt->item), "assessment of a");
  EXPECT_EQ(*again.next(kNow), receipt->item);
}

TEST_P(StoreTest, TheSameTwiceGivesTheReceiptThatStands) {
  Store store = open();
  const auto first = store.submit(submission("a"), kNow);
  const auto second = store.submit(submission("a"), kNow + hours(1));
  EXPECT_FALSE(second->is_new);
  EXPECT_EQ(first->item, second->item);
  EXPECT_EQ(store.counts()->waiting, 1u);
}

TEST_P(StoreTest, KnowsSinceWhenTheOldestWaits) {
  Store store = open();
  EXPECT_EQ(store.counts()->oldest, std::nullopt);
  const auto first = store.submit(submission("a"), kNow);
  store.submit(submission("b"), kNow + hours(1));
  EXPECT_EQ(store.counts()->oldest, kNow);
  store.park(first->item, "MF-3164", "by hand");
  EXPECT_EQ(store.counts()->oldest, kNow + hours(1));
}

TEST_P(StoreTest, ANewOutcomeOfTheSameResponseIsDeliveredToo) {
  Store store = open();
  store.submit(submission("a"), kNow);
  Submission worse = submission("a", 0);
  worse.outcome = "outcome-worse";
  worse.is_urgent = true;
  const auto second = store.submit(worse, kNow);
  EXPECT_TRUE(second->is_new) << "a new fact may make it an emergency";
  EXPECT_EQ(store.escalations()->size(), 1u);
}

TEST_P(StoreTest, EveryEndWithinASubmissionLeavesAllOrNothing) {
  for (int die_at = 1; die_at <= 2; ++die_at) {
    renew();
    int writes = 0;
    Submission urgent = submission("a");
    urgent.is_urgent = true;
    {
      Store store = open([&] {
        if (++writes == die_at) {
          throw Killed();
        }
      });
      EXPECT_THROW(store.submit(urgent, kNow), Killed);
    }
    Store again = open();
    const auto receipt = again.submit(urgent, kNow);
    EXPECT_EQ(receipt->is_new, die_at == 1);
    EXPECT_EQ(again.counts()->waiting, 1u);
    EXPECT_EQ(again.escalations()->size(), 1u);
  }
}

TEST_P(StoreTest, ManyAreKeptInOneTransaction) {
  const std::vector<Submission> all{submission("a"), submission("b"), submission("a")};
  for (int die_at = 1; die_at <= 3; ++die_at) {
    renew();
    int writes = 0;
    bool died = false;
    {
      Store store = open([&] {
        if (++writes == die_at) {
          throw Killed();
        }
      });
      try {
        store.submit(all, kNow);
      } catch (const Killed&) {
        died = true;
      }
    }
    EXPECT_EQ(died, die_at <= 2) << "one transaction: before it, and behind it";
    Store again = open();
    EXPECT_EQ(again.counts()->waiting, die_at == 1 ? 0u : 2u) << die_at;
    const auto receipts = again.submit(all, kNow);
    ASSERT_TRUE(receipts);
    ASSERT_EQ(receipts->size(), 3u);
    EXPECT_EQ((*receipts)[0].item, (*receipts)[2].item);
    EXPECT_FALSE((*receipts)[2].is_new);
    EXPECT_EQ(again.counts()->waiting, 2u);
  }
}

// As the program that serves does: invitations, pages for the clinic and outbox in one file.
TEST_P(StoreTest, SeveralConnectionsOfOneProcessKeepTheirLocks) {
  std::array<int, 2> go{};
  ASSERT_EQ(::pipe(go.data()), 0);
  const pid_t other = ::fork();
  ASSERT_GE(other, 0);
  if (other == 0) {  // another process, that comes and goes meanwhile
    char word = 0;
    bool good = ::read(go[0], &word, 1) == 1;
    good = good && open().submit(submission("b"), kNow).has_value();
    ::_exit(good ? 0 : 1);
  }
  Store first = open();
  ASSERT_TRUE(first.submit(submission("a"), kNow));
  Store second = open();
  ASSERT_EQ(::write(go[1], "x", 1), 1);
  int status = -1;
  ASSERT_EQ(::waitpid(other, &status, 0), other);
  EXPECT_EQ(status, 0);
  for (Store* store : {&first, &second}) {
    const auto counts = store->counts();
    ASSERT_TRUE(counts) << counts.error().text;
    EXPECT_EQ(counts->waiting, 2u);
  }
  EXPECT_TRUE(first.submit(submission("c"), kNow));
  EXPECT_EQ(open().counts()->waiting, 3u);
  ::close(go[0]);
  ::close(go[1]);
}

TEST_F(FileTest, TheFileIsForItsOwnerOnly) {
  open().submit(submission("a"), kNow);
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    struct stat about {};
    ::stat(entry.path().c_str(), &about);
    EXPECT_EQ(about.st_mode & 077U, 0u) << entry.path();
  }
}

TEST_F(FileTest, AFileThatOthersMayReadIsRefused) {
  open();
  ::chmod(path_.c_str(), 0644);
  const auto refused = Store::open(path_);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().text, HasSubstr("MF-3103"));
}

TEST_F(FileTest, ANewerSchemaIsRefusedAndLeftAlone) {
  open().submit(submission("a"), kNow);
  {
    Database db;
    ASSERT_TRUE(db.open(path_) && db.run("PRAGMA user_version=99"));
  }
  const auto refused = Store::open(path_);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().text, HasSubstr("MF-3102"));
  Database db;
  ASSERT_TRUE(db.open(path_));
  Statement version(db, "PRAGMA user_version");
  ASSERT_EQ(version.step(), Row::here);
  EXPECT_EQ(version.number(0), 99u);
}

TEST_F(FileTest, AStoreThatCannotBeOpenedIsNamed) {
  const auto none = Store::open(path_ + "/no-such-folder/store.sqlite");
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().text.find("no-such-folder/store.sqlite: the store cannot be kept"),
            std::string::npos)
      << none.error().text;
}

TEST_F(FileTest, WhatIsDamagedInTheInboxIsParkedAndHoldsUpNothing) {
  auto inbox = Inbox::open(path_).value();
  for (const char* name : {"QuestionnaireResponse/1", "QuestionnaireResponse/2"}) {
    NewFound one;
    one.source = name;
    one.version = "1";
    one.response = "{}";
    ASSERT_TRUE(inbox.take({one}, kNow));
  }
  Database db;
  ASSERT_TRUE(db.open(path_) && db.run("UPDATE inbox SET response=x'0102' WHERE id=1"));
  const auto next = inbox.next(FoundState::found).value();
  ASSERT_TRUE(next);
  EXPECT_EQ(next->source, "QuestionnaireResponse/2");
  const auto all = inbox.list(true).value();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(std::count_if(all.begin(), all.end(),
                          [](const Found& one) {
                            return one.state == FoundState::parked && one.code == "MF-3107" &&
                                   one.source == "QuestionnaireResponse/1";
                          }),
            1);
}

TEST_F(FileTest, AFileFromBeforeTheIntakeKeepsWhatItHolds) {
  const auto receipt = open().submit(submission("a"), kNow);
  {
    Database db;
    ASSERT_TRUE(db.open(path_) &&
                db.run("DROP TABLE prefill; DROP TABLE task; DROP TABLE interruption; DROP TABLE "
                       "visit; DROP TABLE link;"
                       "DROP TABLE invitation_key; DROP TABLE invitation;"
                       "DROP TABLE proposal; DROP INDEX thread_order; DROP TABLE whose;"
                       "ALTER TABLE escalation DROP COLUMN acknowledged_by;"
                       "ALTER TABLE escalation DROP COLUMN told;"
                       "ALTER TABLE escalation DROP COLUMN told_parked;"
                       "ALTER TABLE escalation DROP COLUMN told_due;"
                       "ALTER TABLE escalation DROP COLUMN told_since;"
                       "ALTER TABLE escalation DROP COLUMN told_tries;"
                       "ALTER TABLE escalation DROP COLUMN told_why;"
                       "DROP TABLE inbox; DROP INDEX written_responses;"
                       "ALTER TABLE item DROP COLUMN holder;"
                       "ALTER TABLE item DROP COLUMN held_until;"
                       "ALTER TABLE item DROP COLUMN kind;"
                       "ALTER TABLE escalation DROP COLUMN holder;"
                       "ALTER TABLE escalation DROP COLUMN held_until;"
                       "PRAGMA user_version=1"));
  }
  EXPECT_EQ(open().bundle(receipt->item)->string_of("of"), "a");
  Database db;
  ASSERT_TRUE(db.open(path_));
  Statement tables(db,
                   "SELECT COUNT(*) FROM sqlite_schema WHERE type='table' AND name IN"
                   " ('invitation','visit','interruption','proposal','whose','link',"
                   "'invitation_key','prefill')");
  ASSERT_EQ(tables.step(), Row::here);
  EXPECT_EQ(tables.number(0), 8u);
  Statement version(db, "PRAGMA user_version");
  ASSERT_EQ(version.step(), Row::here);
  EXPECT_EQ(version.number(0), 12u);
}

TEST_F(FileTest, AFileOfAnotherProgramIsLeftAlone) {
  {
    Database db;
    ASSERT_TRUE(db.open(path_) && db.run("CREATE TABLE theirs(x)"));
  }
  const auto refused = Store::open(path_);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().text, HasSubstr("MF-3101"));
}

TEST_F(FileTest, AFileThatIsNoDatabaseIsRefused) {
  std::ofstream(path_) << std::string(5000, 'x');
  ::chmod(path_.c_str(), 0600);
  const auto refused = Store::open(path_);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().text, HasSubstr("MF-3100"));
}

TEST_P(StoreTest, TheMostUrgentGoesFirstAndVersionsOfAResponseInTheirOrder) {
  Store store = open();
  store.submit(submission("routine", std::nullopt), kNow);
  Submission first = submission("first", 336);
  Submission amended = submission("amended", 0);
  amended.thread = first.thread;
  store.submit(first, kNow);
  store.submit(amended, kNow);
  EXPECT_EQ(*store.next(kNow), 2) << "the amendment waits for what it amends";
  store.park(2, "MF-3155", "x");
  EXPECT_EQ(*store.next(kNow), 3) << "and not for ever";
}

TEST_P(StoreTest, StepsKeepWhatTheyReachedWhenPlannedAnew) {
  Store store = open();
  store.submit(submission("a"), kNow);
  ASSERT_EQ(*store.next(kNow), 1);
  store.plan(1, "L", "", {step("u1"), step("u2"), step("u3", 1)});
  store.sent(1, {"u1", "u2"});
  store.arrived(1, {{"u1", "Observation/7"}});
  store.park(1, "MF-3155", "x");
  store.retry(1, kNow);
  store.plan(1, "L", "ServiceRequest 1", {step("u1"), step("u2")});
  const auto steps = store.steps(1);
  ASSERT_EQ(steps->size(), 2u);
  EXPECT_EQ((*steps)[0].id, "Observation/7");
  EXPECT_EQ((*steps)[0].state, StepState::done);
  EXPECT_EQ((*steps)[1].state, StepState::sent);
  store.arrived(1, {{"u2", ""}});
  EXPECT_EQ(store.item(1)->state, ItemState::done);
  EXPECT_EQ(store.item(1)->folded, "ServiceRequest 1");
}

TEST_P(StoreTest, OnlyWhatWaitsIsParkedAndOnlyWhatIsParkedIsRetried) {
  Store store = open();
  store.submit(submission("a"), kNow);
  EXPECT_THAT(store.retry(1, kNow).error().text, HasSubstr("MF-3105"));
  EXPECT_THAT(store.park(2, "MF-3155", "x").error().text, HasSubstr("MF-3104"));
  EXPECT_TRUE(store.park(1, "MF-3155", "x"));
  EXPECT_THAT(store.park(1, "MF-3155", "x").error().text, HasSubstr("MF-3105"));
  EXPECT_TRUE(store.retry(1, kNow));
}

TEST_P(StoreTest, AnEscalationIsShownUntilAcknowledged) {
  Store store = open();
  Submission urgent = submission("a", 24);
  urgent.is_urgent = true;
  store.submit(urgent, kNow);
  const auto shown = store.escalations();
  ASSERT_EQ(shown->size(), 1u);
  EXPECT_EQ(shown->front().target_hours, 24);
  EXPECT_THAT(store.acknowledge(99, "ward 3", kNow).error().text, HasSubstr("MF-3104"));
  EXPECT_TRUE(store.acknowledge(shown->front().id, "Dr A", kNow + std::chrono::hours(1)));
  EXPECT_TRUE(store.acknowledge(shown->front().id, "Dr B", kNow + std::chrono::hours(2)));
  EXPECT_TRUE(store.escalations()->empty());
  const auto known = store.escalations(true);
  ASSERT_EQ(known->size(), 1u);
  EXPECT_EQ(known->front().acknowledged_by, "Dr A");
  EXPECT_EQ(known->front().acknowledged, kNow + std::chrono::hours(1));
  EXPECT_EQ(store.counts()->urgent, 0u);
}

TEST_P(StoreTest, TwoProcessesWriteSideBySide) {
  Store one = open();
  Store other = open();
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE((i % 2 == 0 ? one : other).submit(submission(std::to_string(i)), kNow));
  }
  EXPECT_EQ(one.counts()->waiting, 20u);
}

TEST_P(StoreTest, BookmarksAreKept) {
  EXPECT_EQ(*open().bookmark("x"), std::nullopt);
  open().set_bookmark("x", "1");
  open().set_bookmark("x", "2");
  EXPECT_EQ(*open().bookmark("x"), "2");
}

// ---- of a database alone

TEST(Address, OnlyOneThatSaysEnoughAndNothingWeakIsTaken) {
  struct Case {
    const char* address;
    const char* why;  // empty: it is taken
  };
  const Case cases[] = {
      {"postgresql://me@db.example/outbox", ""},
      {"postgresql://me@a.example:5433,b.example/outbox?sslmode=verify-full", ""},
      {"postgresql://me@db.example/outbox?sslmode=verify-full&sslrootcert=/etc/ca.pem", ""},
      {"postgres://me@localhost/outbox", ""},
      {"postgresql://me@localhost/outbox?sslmode=disable", ""},
      {"postgresql://me@%2Frun%2Fpostgresql/outbox", ""},
      {"postgresql://me@/outbox", ""},
      {"postgresql://me:secret-4711@db.example/outbox", "no password belongs into it"},
      {"postgresql://me@db.example/outbox?password=secret-4711", "no password belongs into it"},
      {"postgresql://me@db.example/outbox?sslmode=require", "sslmode=verify-full"},
      {"postgresql://me@localhost,db.example/outbox?sslmode=prefer", "sslmode=verify-full"},
      {"postgresql://me@db.example/outbox?options=-csynchronous_commit%3Doff",
       "may not say options"},
      {"postgresql://me@db.example/outbox?hostaddr=127.0.0.1", "may not say hostaddr"},
      {"postgresql://me@db.example/outbox?passfile=secret-4711", "may not say passfile"},
      {"postgresql://me@db.example", "a user and a database"},
      {"postgresql://db.example/outbox", "a user and a database"},
      {"postgresql://me@db.example/outbox?nonsense=secret-4711", "to look like"},
      {"postgresql://me@[::1/outbox", "to look like"}};
  for (const auto& [address, why] : cases) {
    const auto checked = check_address(address);
    EXPECT_EQ(checked.has_value(), *why == '\0') << address;
    if (!checked) {
      EXPECT_EQ(checked.error().code(), "MF-3109") << address;
      EXPECT_THAT(checked.error().text, HasSubstr(why)) << address;
      EXPECT_THAT(checked.error().text, Not(HasSubstr("4711"))) << address;
    }
  }
}

TEST_F(DatabaseTest, WhoIsNotLetInIsTold) {
  ::setenv("PGPASSWORD", "wrong-4712", 1);
  const auto refused = Store::open(path_);
  ::setenv("PGPASSWORD", "secret-4711", 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().exit, Exit::outside);
  EXPECT_THAT(refused.error().text, AllOf(HasSubstr("MF-3100"), HasSubstr("authentication failed"),
                                          Not(HasSubstr("4712")), Not(HasSubstr("\n"))));
  const auto missing = Store::open(path_ + "_not_there");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().text, HasSubstr("does not exist"));
}

TEST_F(DatabaseTest, TablesOfOthersAndOfANewerVersionAreLeftAlone) {
  run_in(path_, "CREATE TABLE theirs(x INTEGER)");
  EXPECT_THAT(Store::open(path_).error().text, HasSubstr("MF-3101"));
  run_in(path_, "DROP TABLE theirs");
  open().submit(submission("a"), kNow);
  run_in(path_, "UPDATE myoflag_schema SET version=99");
  EXPECT_THAT(Store::open(path_).error().text, HasSubstr("MF-3102"));
  run_in(path_, "UPDATE myoflag_schema SET version=8, application=application+1");
  EXPECT_THAT(Store::open(path_).error().text, HasSubstr("MF-3101"));
}

// Sidecars that are started together on a new database.
TEST_F(DatabaseTest, ManyMayComeAtOnceToANewOne) {
  std::atomic<int> good{0};
  std::vector<std::thread> all;
  for (int i = 0; i < 6; ++i) {
    all.emplace_back([&, i] {
      auto store = Store::open(path_);
      good += store && store->submit(submission(std::to_string(i)), kNow) ? 1 : 0;
    });
  }
  for (auto& one : all) {
    one.join();
  }
  EXPECT_EQ(good, 6);
  EXPECT_EQ(open().counts()->waiting, 6u);
}

TEST_F(DatabaseTest, TheSameFromManyAtOnceIsKeptOnce) {
  open();
  std::atomic<int> fresh{0};
  std::vector<std::thread> all;
  for (int i = 0; i < 6; ++i) {
    all.emplace_back([&] {
      Store store = open();
      for (int j = 0; j < 20; ++j) {
        fresh += store.submit(submission(std::to_string(j)), kNow)->is_new ? 1 : 0;
      }
    });
  }
  for (auto& one : all) {
    one.join();
  }
  EXPECT_EQ(fresh, 20);
  EXPECT_EQ(open().counts()->waiting, 20u);
}

TEST_F(DatabaseTest, WhatOneIsAboutNobodyElseGets) {
  Store one = open();
  Store other = open();
  Submission amended = submission("amended");
  amended.thread = submission("a").thread;
  one.submit({submission("a"), amended, submission("b")}, kNow);
  EXPECT_EQ(*one.next(kNow), 1);
  EXPECT_EQ(*other.next(kNow), 3) << "the amendment waits for what it amends";
  EXPECT_EQ(*open().next(kNow), std::nullopt);
  EXPECT_EQ(*one.next(kNow), 1) << "its own";
  EXPECT_TRUE(one.plan(1, "S", "", {step("u1")}));
  EXPECT_TRUE(one.sent(1, {"u1"}));
  EXPECT_TRUE(one.arrived(1, {{"u1", "Observation/1"}}));
  EXPECT_EQ(*open().next(kNow), 2);
  EXPECT_TRUE(other.give_back(3));
  EXPECT_EQ(*open().next(kNow), 3);
}

TEST_F(DatabaseTest, WhoWasOvertakenWritesNothingMore) {
  Store slow = open();
  slow.submit(submission("a"), kNow);
  slow.next(kNow);
  slow.plan(1, "S", "", {step("u1")});
  EXPECT_EQ(*open().next(kNow), std::nullopt);
  run_in(path_, "UPDATE item SET held_until=EXTRACT(EPOCH FROM now())-1");
  EXPECT_TRUE(slow.sent(1, {})) << "late, and nobody else has come";
  EXPECT_EQ(*open().next(kNow), std::nullopt) << "it has time again";
  run_in(path_, "UPDATE item SET held_until=EXTRACT(EPOCH FROM now())-1");
  Store quick = open();
  EXPECT_EQ(*quick.next(kNow), 1);
  for (const Done& done :
       {slow.sent(1, {"u1"}), slow.arrived(1, {{"u1", "Observation/1"}}), slow.plan(1, "L", "", {}),
        slow.postpone(1, kNow, kNow + hours(1), "MF-3161", "x")}) {
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code(), "MF-3111");
  }
  EXPECT_TRUE(slow.give_back(1)) << "what is not his, he does not give";
  EXPECT_EQ(*open().next(kNow), std::nullopt);
  EXPECT_EQ(quick.steps(1)->front().state, StepState::intent);
  EXPECT_EQ(quick.item(1)->rung, "S");
  EXPECT_TRUE(quick.sent(1, {"u1"}));
}

TEST_F(DatabaseTest, ManyAtOnceEachGetTheirOwn) {
  constexpr int kItems = 120;
  {
    Store store = open();
    for (int i = 0; i < kItems; ++i) {
      store.submit(submission(std::to_string(i)), kNow);
    }
  }
  std::mutex mutex;
  std::vector<std::int64_t> taken;
  std::vector<std::thread> all;
  for (int i = 0; i < 4; ++i) {
    all.emplace_back([&] {
      Store store = open();
      for (auto id = store.next(kNow); id && *id; id = store.next(kNow)) {
        {
          const std::lock_guard lock(mutex);
          taken.push_back(**id);
        }
        store.plan(**id, "F", "", {step("u1")});
        store.arrived(**id, {{"u1", ""}});
      }
    });
  }
  for (auto& one : all) {
    one.join();
  }
  std::sort(taken.begin(), taken.end());
  EXPECT_EQ(taken.size(), static_cast<std::size_t>(kItems));
  EXPECT_EQ(std::adjacent_find(taken.begin(), taken.end()), taken.end());
  EXPECT_EQ(open().counts()->done, static_cast<std::uint64_t>(kItems));
}

TEST_F(DatabaseTest, AnUrgentResultIsToldByOneAtATime) {
  Store one = open();
  Submission urgent = submission("a", 0);
  urgent.is_urgent = true;
  one.submit(urgent, kNow);
  Store other = open();
  ASSERT_TRUE(one.next_alert(kNow)->has_value());
  EXPECT_FALSE(other.next_alert(kNow)->has_value());
  EXPECT_TRUE(one.postpone_alert(1, kNow, kNow, "no answer"));
  EXPECT_EQ((*other.next_alert(kNow))->tries, 1);
  EXPECT_TRUE(other.alert_told(1, kNow));
  EXPECT_FALSE(one.next_alert(kNow)->has_value());
}

constexpr const char* kEndOthers =
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname=current_database() AND"
    " pid<>pg_backend_pid()";

TEST_F(DatabaseTest, AConnectionThatWasLostMeanwhileIsMadeAnew) {
  Store store = open();
  ASSERT_TRUE(store.submit(submission("a"), kNow));
  run_in(path_, kEndOthers);
  EXPECT_TRUE(store.counts());
  run_in(path_, kEndOthers);
  EXPECT_TRUE(store.submit(submission("b"), kNow));
  EXPECT_EQ(store.counts()->waiting, 2u);
}

// Before the commit: nothing of it is there. The caller is told, and the next call goes well.
TEST_F(DatabaseTest, AConnectionThatIsLostWithinATransactionUndoesIt) {
  File file;
  ASSERT_TRUE(open_outbox(file, path_, {}));
  for (const bool at_commit : {true, false}) {
    Write write(file);
    ASSERT_TRUE(keep(write, submission("a"), kNow));
    run_in(path_, kEndOthers);
    if (!at_commit) {
      EXPECT_FALSE(keep(write, submission("b"), kNow));
    }
    const auto done = write.commit();
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code(), "MF-3100");
  }
  EXPECT_EQ(open().counts()->waiting, 0u);
  Write write(file);
  EXPECT_TRUE(keep(write, submission("a"), kNow));
  EXPECT_TRUE(write.commit());
  EXPECT_EQ(open().counts()->waiting, 1u);
}

// What a server says of a row may quote it.
TEST_F(DatabaseTest, ItsErrorsQuoteNoRow) {
  Store store = open();
  Submission one = submission("a");
  one.tier = std::string("canary\0canary", 13);
  const auto refused = store.submit(one, kNow);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().text, AllOf(HasSubstr("22021"), Not(HasSubstr("canary"))));
  run_in(path_, "ALTER TABLE item ADD CHECK(thread<>'thread-b')");
  const auto broken = store.submit(submission("b"), kNow);
  ASSERT_FALSE(broken);
  EXPECT_THAT(broken.error().text, AllOf(HasSubstr("23514"), Not(HasSubstr("thread-b"))));
  EXPECT_EQ(store.counts()->waiting, 0u);
}

}  // namespace
}  // namespace myoflag::store
