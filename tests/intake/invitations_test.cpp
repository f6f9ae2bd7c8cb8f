// Invitations and drafts: what is kept, what is counted, and what an end of the process leaves.

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugin/intake/invitations.h"
#include "plugin/store/sqlite.h"
#include "tests/support/postgres.h"

namespace myoflag::intake {
namespace {

using std::chrono::hours;
using ::testing::HasSubstr;
using ::testing::Not;

const Time kNow = std::chrono::sys_days(std::chrono::year(2026) / 11 / 22);
const NewInvitation kNew{"Patient/1", "1980-02-27", "en", kNow + hours(24)};

struct Killed {};

store::Submission submission(const std::string& name) {
  store::Submission out;
  out.response = "response-" + name;
  out.thread = "thread";
  out.outcome = "outcome-" + name;
  out.input = "{}";
  out.tier = "emergency";
  out.target_hours = 0;
  out.assessment = "{}";
  out.bundle = "{}";
  out.is_urgent = true;
  return out;
}

class InvitationsFile : public ::testing::Test {
 protected:
  InvitationsFile()
      : folder_(std::filesystem::path(::testing::TempDir()) / fmt::format("intake_{}", ::getpid())),
        path_((folder_ / "store.sqlite").string()) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~InvitationsFile() override { std::filesystem::remove_all(folder_); }

  Invitations open(std::function<void()> at_write = {}) const {
    return Invitations::open(path_, std::move(at_write)).value();
  }

  std::string bytes() const {
    std::string all;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      std::ifstream in(entry.path(), std::ios::binary);
      std::ostringstream text;
      text << in.rdbuf();
      all += text.str();
    }
    return all;
  }

  std::filesystem::path folder_;
  std::string path_;
};

// What holds of a file and of a database.
class InvitationsTest : public InvitationsFile, public ::testing::WithParamInterface<bool> {
 protected:
  InvitationsTest() { renew(); }

  void renew() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    path_ = GetParam() ? new_database() : path_;
  }

  void run(const std::string& sql) const {
    if (GetParam()) {
      run_in(path_, sql);
    } else {
      store::Database db;
      ASSERT_TRUE(db.open(path_) && db.run(sql.c_str()));
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Of, InvitationsTest, ::testing::Bool(),
                         [](const auto& made) { return made.param ? "postgres" : "sqlite"; });

TEST_P(InvitationsTest, AnInvitationIsFoundByItsTokenAlone) {
  auto store = open();
  const auto one = store.invite(kNew, kNow).value();
  const auto other = store.invite(kNew, kNow).value();
  EXPECT_NE(one.token, other.token);
  EXPECT_EQ(one.token.size(), 32u);
  const auto found = store.by_token(one.token).value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id, one.id);
  EXPECT_EQ(found->patient, "Patient/1");
  EXPECT_FALSE(store.by_token("").value());
  EXPECT_FALSE(store.by_token(one.token + "0").value());
  EXPECT_FALSE(store.by_token("' OR 1=1 --").value());
}

TEST_F(InvitationsFile, TheFileHoldsNoTokenAndNoSession) {
  std::string token, session, known;
  {
    auto store = open();
    const auto created = store.invite(kNew, kNow).value();
    token = created.token;
    session = store.begin_visit(created.id, kNow).value();
    known = store.identify(session, kNew.born, kNow, {}).value().session;
  }
  const auto kept = bytes();
  EXPECT_THAT(kept, HasSubstr("Patient/1"));
  for (const auto& secret : {token, session, known}) {
    ASSERT_EQ(secret.size(), 32u);
    EXPECT_EQ(kept.find(secret), std::string::npos);
  }
}

NewInvitation to_appointment(hours starts = hours(48)) {
  NewInvitation out = kNew;
  out.appointment = "Appointment/7";
  out.meets = kNow + starts;
  out.expires = kNow + starts;
  return out;
}

TEST_P(InvitationsTest, AnAppointmentHasOneThatMovesWithIt) {
  auto store = open();
  const auto first = store.invite(to_appointment(), kNow).value();
  EXPECT_EQ(first.became, Became::made);
  const auto again = store.invite(to_appointment(), kNow).value();
  EXPECT_EQ(again.became, Became::kept);
  EXPECT_EQ(again.id, first.id);
  EXPECT_EQ(again.token, "");
  const auto moved = store.invite(to_appointment(hours(72)), kNow).value();
  EXPECT_EQ(moved.became, Became::moved);
  EXPECT_EQ(store.by_id(first.id).value()->expires, kNow + hours(72));
  EXPECT_EQ(store.by_id(first.id).value()->meets, kNow + hours(72));
  auto still = to_appointment(hours(24));
  still.moves = false;
  EXPECT_EQ(store.invite(still, kNow).value().became, Became::kept);
  still.born = "1981-01-01";  // corrected in the record
  EXPECT_EQ(store.invite(still, kNow).value().became, Became::moved);
  EXPECT_EQ(store.by_id(first.id).value()->born, "1981-01-01");
  EXPECT_EQ(store.by_id(first.id).value()->expires, kNow + hours(72));
  // Over, and moved to later: the link is good again.
  const auto late = kNow + hours(100);
  EXPECT_EQ(state_of(*store.by_token(first.token).value(), late), "expired");
  EXPECT_EQ(store.invite(to_appointment(hours(200)), late).value().became, Became::moved);
  EXPECT_EQ(state_of(*store.by_token(first.token).value(), late), "open");
  auto other = to_appointment();
  other.patient = "Patient/2";
  EXPECT_THAT(store.invite(other, kNow).error().text, HasSubstr("MF-4291"));
}

TEST_P(InvitationsTest, WhatAPersonWithdrewIsNotMadeAgainByItself) {
  auto store = open();
  auto wanted = to_appointment();
  wanted.stays_withdrawn = true;
  const auto first = store.invite(wanted, kNow).value();
  EXPECT_TRUE(store.cancel(first.id, kNow).value());
  EXPECT_FALSE(store.cancel(first.id, kNow).value());
  EXPECT_EQ(state_of(*store.by_token(first.token).value(), kNow), "withdrawn");
  // Booked again after all.
  const auto second = store.invite(wanted, kNow).value();
  EXPECT_EQ(second.became, Became::made);
  ASSERT_TRUE(store.withdraw(second.id, kNow));
  const auto third = store.invite(wanted, kNow).value();
  EXPECT_EQ(third.became, Became::withdrawn);
  EXPECT_EQ(third.id, second.id);
  // Said by a person.
  wanted.stays_withdrawn = false;
  EXPECT_EQ(store.invite(wanted, kNow).value().became, Became::made);
}

TEST_P(InvitationsTest, WhatWasAnsweredIsNeitherMovedNorCancelled) {
  auto store = open();
  const auto one = store.invite(to_appointment(), kNow).value();
  ASSERT_TRUE(store.submit(one.id, 0, submission("a"), "", kNow).value());
  EXPECT_EQ(store.invite(to_appointment(hours(72)), kNow).value().became, Became::kept);
  EXPECT_FALSE(store.cancel(one.id, kNow).value());
  EXPECT_EQ(state_of(*store.by_token(one.token).value(), kNow), "submitted");
}

TEST_F(InvitationsFile, FurtherLinksLeadToTheSameAndEndWithIt) {
  auto store = open();
  const auto one = store.invite(kNew, kNow).value();
  const auto link = store.another_link(one.id, kNow).value();
  EXPECT_NE(link, one.token);
  EXPECT_EQ(store.by_token(link).value()->id, one.id);
  EXPECT_EQ(store.by_token(one.token).value()->id, one.id);
  EXPECT_EQ(bytes().find(link), std::string::npos);
  EXPECT_THAT(store.another_link(99, kNow).error().text, HasSubstr("MF-4263"));
  EXPECT_THAT(store.another_link(one.id, kNew.expires).error().text, HasSubstr("MF-4265"));
  ASSERT_TRUE(store.withdraw(one.id, kNow));
  EXPECT_EQ(state_of(*store.by_token(link).value(), kNow), "withdrawn");
  EXPECT_THAT(store.another_link(one.id, kNow).error().text, HasSubstr("MF-4265"));
}

TEST_P(InvitationsTest, AKeyIsAnsweredOnceWheneverTheProcessEnds) {
  auto wanted = kNew;
  wanted.key = "k";
  wanted.asked = "what";
  for (int survives = 0; survives < 2; ++survives) {
    int writes = 0;
    auto store = open([&] {
      if (++writes > survives) {
        throw Killed();
      }
    });
    EXPECT_THROW(store.invite(wanted, kNow), Killed);
  }
  auto store = open();
  EXPECT_EQ(store.list().value().size(), 1u);
  EXPECT_EQ(store.invite(wanted, kNow).value().became, Became::kept);
  EXPECT_EQ(store.list().value().size(), 1u);
  wanted.asked = "something else";
  EXPECT_THAT(store.invite(wanted, kNow).error().text, HasSubstr("MF-4290"));
}

// Of twenty visits the oldest ends, never the one that begins, on whatever device.
TEST_P(InvitationsTest, WhoComesLastIsNotShownOut) {
  auto store = open();
  const auto id = store.invite(kNew, kNow).value().id;
  const auto known = [&](Time at) {
    const auto begun = store.begin_visit(id, at).value();
    return store.identify(begun, kNew.born, at, {}).value().session;
  };
  const auto first = known(kNow);
  std::string last = first;
  for (int i = 1; i <= 40; ++i) {
    last = known(kNow + std::chrono::seconds(i / 2));
    EXPECT_TRUE(store.visit(last).value()) << i;
  }
  EXPECT_FALSE(store.visit(first).value()) << "twenty are enough";
  const auto another = store.begin_visit(id, kNow + hours(1)).value();
  EXPECT_TRUE(store.visit(another).value()) << "who has yet to say who it is";
  const auto device = store.hand_over({id, 0, "", "patient", "Ana"}, kNow + hours(1)).value();
  ASSERT_TRUE(device);
  EXPECT_TRUE(store.visit(*device).value());
}

// ---- what the record is told

// Each state of each Task once, as "number says".
struct Told {
  std::vector<std::string> says;

  Invitations::MakeTask make() {
    return [this](const Untold& one) {
      says.push_back(fmt::format("{} {}", one.number, one.says));
      auto out = submission(fmt::format("task {} {}", one.invitation.id, one.number));
      out.thread = fmt::format("task {}", one.invitation.id);
      out.is_urgent = false;
      out.kind = store::Kind::task;
      out.target_hours.reset();
      return out;
    };
  }
};

store::Step step_of(const std::string& type) {
  store::Step step;
  step.urn = "urn:1";
  step.type = type;
  step.body = "{}";
  return step;
}

std::string until(Time end) { return fmt::format("requested {}", end.time_since_epoch().count()); }

TEST_P(InvitationsTest, TheRecordIsToldOfEachChangeOnce) {
  auto store = open();
  Told told;
  const auto tell = [&](Time now) {
    told.says.clear();
    const auto kept = store.tell(told.make(), now).value();
    EXPECT_EQ(static_cast<std::size_t>(kept), told.says.size());
    EXPECT_EQ(store.tell(told.make(), now).value(), 0) << "again is nothing";
    return told.says;
  };
  using Says = std::vector<std::string>;
  const auto over = store.invite(kNew, kNow).value().id;
  ASSERT_TRUE(store.withdraw(over, kNow));
  EXPECT_EQ(tell(kNow), Says()) << "of what is over and was never told of, nothing is said";
  const auto one = store.invite(to_appointment(), kNow).value().id;
  EXPECT_EQ(tell(kNow), Says{"1 " + until(kNow + hours(48))});
  ASSERT_TRUE(store.invite(to_appointment(hours(72)), kNow));
  EXPECT_EQ(tell(kNow), Says{"2 " + until(kNow + hours(72))});
  ASSERT_TRUE(store.invite(to_appointment(), kNow));
  EXPECT_EQ(tell(kNow), Says{"3 " + until(kNow + hours(48))}) << "as it was before, and told anew";
  const auto expired = std::to_string((kNow + hours(48)).time_since_epoch().count());
  EXPECT_EQ(tell(kNow + hours(48)), Says{"4 expired " + expired});
  EXPECT_EQ(tell(kNow + hours(47)), Says()) << "a clock that is behind";
  ASSERT_TRUE(store.invite(to_appointment(hours(100)), kNow + hours(49)));
  EXPECT_EQ(tell(kNow + hours(49)), Says{"5 " + until(kNow + hours(100))}) << "moved to later";
  EXPECT_TRUE(store.cancel(one, kNow + hours(50)).value());
  EXPECT_EQ(tell(kNow + hours(50)), Says{"6 withdrawn"});
}

TEST_P(InvitationsTest, AnswersAreToldOfOnceTheRecordHasThem) {
  auto store = open();
  auto outbox = store::Store::open(path_).value();
  Told told;
  const auto id = store.invite(kNew, kNow).value().id;
  ASSERT_EQ(store.tell(told.make(), kNow).value(), 1);
  auto answers = submission("a");
  answers.bundle = R"({"entry":[]})";
  ASSERT_TRUE(store.submit(id, 0, answers, "", kNow).value());
  EXPECT_EQ(store.tell(told.make(), kNow).value(), 0) << "they are on their way";
  const auto item = outbox.next(kNow).value().value();
  ASSERT_TRUE(outbox.plan(item, "S", "", {step_of("QuestionnaireResponse")}));
  ASSERT_TRUE(outbox.arrived(item, {{"urn:1", "QuestionnaireResponse/9"}}));
  Untold last;
  EXPECT_EQ(store
                .tell(
                    [&](const Untold& one) {
                      last = one;
                      return submission("done");
                    },
                    kNow)
                .value(),
            1);
  EXPECT_EQ(last.says, kTaskDone);
  EXPECT_EQ(last.response_id, "QuestionnaireResponse/9");
  EXPECT_TRUE(last.answers.has("entry"));
}

TEST_P(InvitationsTest, WhatIsToldIsKeptOnceWheneverTheProcessEnds) {
  for (int at = 1; at <= 2; ++at) {
    renew();
    {
      int writes = -2;  // opening and inviting are not meant
      auto before = open();
      ASSERT_TRUE(before.invite(kNew, kNow));
      Told told;
      auto store = open([&] {
        if (++writes == at - 2) {
          throw Killed();
        }
      });
      EXPECT_THROW(static_cast<void>(store.tell(told.make(), kNow)), Killed);
    }
    Told told;
    auto store = open();
    EXPECT_EQ(store.tell(told.make(), kNow).value(), at == 1 ? 1 : 0);
    EXPECT_EQ(store::Store::open(path_).value().items(true).value().size(), 1u);
  }
}

// Its Task is set aside where people see it, and the others are told of.
TEST_P(InvitationsTest, DamagedAnswersHoldUpNoOtherTask) {
  auto store = open();
  auto outbox = store::Store::open(path_).value();
  Told told;
  for (const char* name : {"a", "b"}) {
    const auto id = store.invite(kNew, kNow).value().id;
    ASSERT_EQ(store.tell(told.make(), kNow).value(), 1);
    auto answers = submission(name);
    answers.thread = name;
    ASSERT_TRUE(store.submit(id, 0, answers, "", kNow).value());
  }
  run("UPDATE item SET state='done', bundle='damaged' WHERE id=2");
  run("UPDATE item SET state='done' WHERE id=4");
  told.says.clear();
  EXPECT_EQ(store.tell(told.make(), kNow).value(), 2);
  EXPECT_EQ(told.says, (std::vector<std::string>{"2 completed", "2 completed"}));
  const auto items = outbox.items(true).value();
  ASSERT_EQ(items.size(), 6u);
  EXPECT_EQ(items[4].state, store::ItemState::parked);
  EXPECT_EQ(items[4].code, "MF-3107");
  EXPECT_EQ(items[4].kind, store::Kind::task);
  EXPECT_EQ(items[5].state, store::ItemState::waiting);
  ASSERT_TRUE(outbox.retry(5, kNow));
  EXPECT_EQ(outbox.item(5)->state, store::ItemState::waiting) << "goes without the answers";
}

// It was parked; meanwhile a later state arrived, which says more.
TEST_P(InvitationsTest, AStateThatWasOvertakenIsNotWrittenAfterwards) {
  auto store = open();
  auto outbox = store::Store::open(path_).value();
  Told told;
  const auto id = store.invite(kNew, kNow).value().id;
  ASSERT_EQ(store.tell(told.make(), kNow).value(), 1);
  const auto first = outbox.next(kNow).value().value();
  ASSERT_TRUE(outbox.park(first, "MF-3155", "refused"));
  ASSERT_TRUE(store.withdraw(id, kNow));
  ASSERT_EQ(store.tell(told.make(), kNow).value(), 1);
  const auto second = outbox.next(kNow).value().value();
  ASSERT_NE(second, first);
  ASSERT_TRUE(outbox.retry(first, kNow)) << "and waits again while the later one is sent";
  ASSERT_TRUE(outbox.plan(second, "S", "", {step_of("Task")}));
  ASSERT_TRUE(outbox.arrived(second, {{"urn:1", "Task/1"}}));
  EXPECT_EQ(outbox.item(first).value().state, store::ItemState::done);
  EXPECT_THAT(outbox.retry(first, kNow).error().text, HasSubstr("MF-3105"));
}

TEST_F(InvitationsFile, AFileFromBeforeAppointmentsKeepsItsInvitations) {
  const auto before = open().invite(kNew, kNow).value();
  {
    store::Database db;
    ASSERT_TRUE(
        db.open(path_) &&
        db.run("ALTER TABLE visit DROP COLUMN clinic;"
               "ALTER TABLE invitation DROP COLUMN informant;"
               "ALTER TABLE invitation DROP COLUMN opened_by;"
               "DROP TABLE prefill; DROP TABLE task; ALTER TABLE invitation DROP COLUMN item;"
               "ALTER TABLE invitation DROP COLUMN task_says;"
               "ALTER TABLE invitation DROP COLUMN task_number;"
               "DROP TABLE link; DROP TABLE invitation_key; DROP INDEX of_appointment;"
               "DROP INDEX was_of_appointment;"
               "ALTER TABLE invitation DROP COLUMN appointment;"
               "ALTER TABLE invitation DROP COLUMN meets;"
               "ALTER TABLE invitation DROP COLUMN withdrawn_by;"
               "ALTER TABLE item DROP COLUMN holder;"
               "ALTER TABLE item DROP COLUMN held_until;"
               "ALTER TABLE item DROP COLUMN kind;"
               "ALTER TABLE escalation DROP COLUMN holder;"
               "ALTER TABLE escalation DROP COLUMN held_until; PRAGMA user_version=6"));
  }
  auto store = open();
  const auto found = store.by_token(before.token).value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->appointment, "");
  EXPECT_FALSE(found->meets);
  EXPECT_EQ(store.by_token(store.another_link(before.id, kNow).value()).value()->id, before.id);
  EXPECT_EQ(store.invite(to_appointment(), kNow).value().became, Became::made);
}

TEST_P(InvitationsTest, WhatIsNoInvitationIsRefused) {
  auto store = open();
  for (const auto& bad :
       {NewInvitation{"Practitioner/1", kNew.born, "en", kNew.expires},
        NewInvitation{"Patient/", kNew.born, "en", kNew.expires},
        NewInvitation{"Patient/a b", kNew.born, "en", kNew.expires},
        NewInvitation{"Patient/" + std::string(65, 'a'), kNew.born, "en", kNew.expires},
        NewInvitation{"Patient/1", "1980-02", "en", kNew.expires},
        NewInvitation{"Patient/1", "1980-02-31", "en", kNew.expires},
        NewInvitation{"Patient/1", "2026-12-01", "en", kNew.expires},
        NewInvitation{"Patient/1", kNew.born, "en", kNow}}) {
    const auto refused = store.invite(bad, kNow);
    ASSERT_FALSE(refused) << bad.patient << " " << bad.born;
    EXPECT_THAT(refused.error().text, HasSubstr("MF-4264"));
    EXPECT_THAT(refused.error().text, Not(HasSubstr("a b")));
  }
}

TEST_P(InvitationsTest, FiveWrongDatesLockForAnHourAndTwentyForGood) {
  auto store = open();
  const auto id = store.invite(kNew, kNow).value().id;
  const auto session = store.begin_visit(id, kNow).value();
  Time now = kNow;
  for (int lock = 1; lock <= 4; ++lock) {
    for (int i = 1; i <= 5; ++i) {
      const auto tried = store.identify(session, "1980-02-28", now, {}).value();
      EXPECT_EQ(tried.outcome, i == 5 ? Identity::locked : Identity::wrong) << lock << " " << i;
    }
    EXPECT_EQ(store.identify(session, kNew.born, now, {}).value().outcome, Identity::locked)
        << "the right date opens nothing then";
    now += hours(1);
  }
  EXPECT_TRUE(store.by_id(id).value()->locked_for_good);
  now += hours(24 * 365);
  EXPECT_EQ(store.identify(session, kNew.born, now, {}).value().outcome, Identity::locked);
}

// Fifty guesses at once are not one more than five after each other.
TEST_P(InvitationsTest, GuessesFromManyVisitsAndProcessesAreCountedTogether) {
  auto store = open();
  auto other = open();  // as another process has it
  const auto id = store.invite(kNew, kNow).value().id;
  std::atomic<int> wrong{0}, locked{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 5; ++thread) {
    threads.emplace_back([&, thread] {
      auto& mine = thread % 2 == 0 ? store : other;
      const auto session = mine.begin_visit(id, kNow).value();
      for (int i = 0; i < 10; ++i) {
        const auto tried = mine.identify(session, "1980-02-28", kNow, {}).value();
        ++(tried.outcome == Identity::wrong ? wrong : locked);
      }
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(wrong, 4);
  EXPECT_EQ(locked, 46);
}

TEST_P(InvitationsTest, TheRightDateGivesAnotherSession) {
  auto store = open();
  const auto session = store.begin_visit(store.invite(kNew, kNow).value().id, kNow).value();
  EXPECT_FALSE(store.visit(session).value()->is_known);
  const auto right = store.identify(session, kNew.born, kNow, {}).value();
  ASSERT_EQ(right.outcome, Identity::right);
  EXPECT_FALSE(store.visit(session).value()->is_known) << "who had it before has nothing";
  EXPECT_EQ(store.identify(session, kNew.born, kNow, {}).value().outcome, Identity::right)
      << "sent twice";
  ASSERT_TRUE(store.visit(right.session).value());
  EXPECT_TRUE(store.visit(right.session).value()->is_known);
  EXPECT_EQ(store.identify("", kNew.born, kNow, {}).value().outcome, Identity::wrong);
}

TEST_P(InvitationsTest, VisitsAreBoundedAndThoseWithIdentityStay) {
  auto store = open();
  const auto id = store.invite(kNew, kNow).value().id;
  const auto known =
      store.identify(store.begin_visit(id, kNow).value(), kNew.born, kNow, {}).value().session;
  std::vector<std::string> sessions;
  for (int i = 0; i < 30; ++i) {
    sessions.push_back(store.begin_visit(id, kNow + std::chrono::seconds(i)).value());
  }
  EXPECT_TRUE(store.visit(known).value());
  EXPECT_FALSE(store.visit(sessions.front()).value());
  EXPECT_TRUE(store.visit(sessions.back()).value());
}

TEST_P(InvitationsTest, OneRevisionIsSavedOnce) {
  auto store = open();
  const auto id = store.invite(kNew, kNow).value().id;
  EXPECT_TRUE(store.save({id, 0, "a", {}, {}}, kNow).value());
  EXPECT_FALSE(store.save({id, 0, "b", {}, {}}, kNow).value());
  EXPECT_EQ(store.by_id(id).value()->draft, "a");
  EXPECT_EQ(store.by_id(id).value()->revision, 1);
  EXPECT_FALSE(store.save({id, 1, "c", {}, {}}, kNew.expires).value()) << "too late";
}

TEST_P(InvitationsTest, AnInterruptionIsUrgentAtOnceAndKeptOnce) {
  auto store = open();
  auto outbox = store::Store::open(path_).value();
  const auto id = store.invite(kNew, kNow).value().id;
  const std::vector<Interrupted> reason{{"em-stop em-now.seizure", "em-stop", false}};
  ASSERT_TRUE(store.save({id, 0, "a", reason, submission("1")}, kNow).value());
  EXPECT_EQ(outbox.escalations().value().size(), 1u);
  EXPECT_EQ(store.by_id(id).value()->unread_interruptions, 1);
  ASSERT_TRUE(store.save({id, 1, "b", reason, submission("1")}, kNow).value());
  EXPECT_EQ(outbox.escalations().value().size(), 1u);
  EXPECT_EQ(store.interruptions(id).value().size(), 1u);
  ASSERT_TRUE(store.read_interruptions(id, 1, kNow));
  EXPECT_FALSE(store.interruptions(id).value().front().is_read) << "an older page was read";
  ASSERT_TRUE(store.read_interruptions(id, 2, kNow));
  EXPECT_TRUE(store.interruptions(id).value().front().is_read);
}

TEST_P(InvitationsTest, ASubmissionIsKeptOnceWithEverythingOfIt) {
  auto store = open();
  auto outbox = store::Store::open(path_).value();
  const auto id = store.invite(kNew, kNow).value().id;
  EXPECT_FALSE(store.submit(id, 3, submission("1"), "told", kNow).value());
  EXPECT_EQ(outbox.counts().value().waiting, 0u);
  EXPECT_TRUE(store.submit(id, 0, submission("1"), "told", kNow).value());
  EXPECT_FALSE(store.submit(id, 0, submission("2"), "other", kNow).value());
  EXPECT_FALSE(store.save({id, 0, "late", {}, {}}, kNow).value());
  EXPECT_EQ(outbox.counts().value().waiting, 1u);
  EXPECT_EQ(store.by_id(id).value()->told, "told");
}

// The process ends before or after each transaction: both halves are there, or none.
TEST_P(InvitationsTest, AnEndOfTheProcessLeavesAllOrNothing) {
  for (const bool finishes : {false, true}) {
    for (int at = 1; at <= 2; ++at) {
      renew();
      const auto id = open().invite(kNew, kNow).value().id;
      {
        int left = at;
        auto store = open([&left] {
          if (--left == 0) {
            throw Killed();
          }
        });
        const Change change{id, 0, "a", {{"r", "em-stop", false}}, submission("1")};
        EXPECT_THROW(finishes ? store.submit(id, 0, submission("1"), "told", kNow)
                              : store.save(change, kNow),
                     Killed);
      }
      const auto found = open().by_id(id).value();
      const auto counts = store::Store::open(path_).value().counts().value();
      const bool is_kept = finishes ? found->submitted.has_value() : found->draft == "a";
      EXPECT_EQ(is_kept, at == 2);
      EXPECT_EQ(counts.waiting, is_kept ? 1u : 0u);
      EXPECT_EQ(counts.urgent, is_kept ? 1u : 0u);
    }
  }
}

TEST_P(InvitationsTest, WithdrawingEndsVisitsAndDraft) {
  auto store = open();
  const auto id = store.invite(kNew, kNow).value().id;
  const auto session = store.begin_visit(id, kNow).value();
  ASSERT_TRUE(store.save({id, 0, "answers", {}, {}}, kNow).value());
  ASSERT_TRUE(store.withdraw(id, kNow));
  EXPECT_TRUE(store.by_id(id).value()->withdrawn);
  EXPECT_EQ(store.by_id(id).value()->draft, "");
  EXPECT_FALSE(store.visit(session).value());
  EXPECT_TRUE(store.withdraw(id, kNow)) << "twice is once";
  EXPECT_THAT(store.withdraw(99, kNow).error().text, HasSubstr("MF-4263"));
  const auto sent = store.invite(kNew, kNow).value().id;
  ASSERT_TRUE(store.submit(sent, 0, submission("1"), "told", kNow).value());
  EXPECT_THAT(store.withdraw(sent, kNow).error().text, HasSubstr("MF-4265"));
}

TEST_P(InvitationsTest, AFormIsHandedOverOnceAndItsVisitEndsWithAllThatCameOfIt) {
  auto store = open();
  const auto id = store.invite(kNew, kNow).value().id;
  const auto at_home = store.begin_visit(id, kNow).value();
  ASSERT_TRUE(store.save({id, 0, "answers", {}, {}}, kNow).value());
  EXPECT_FALSE(store.hand_over({id, 0, "old", "patient", "Ana"}, kNow).value()) << "answered since";
  EXPECT_EQ(store.by_id(id).value()->draft, "answers");
  const auto first = store.hand_over({id, 1, "fewer", "patient", "Ana"}, kNow).value();
  ASSERT_TRUE(first);
  const auto known = store.identify(*first, kNew.born, kNow, {}).value();
  ASSERT_EQ(known.outcome, Identity::right);
  EXPECT_TRUE(store.visit(known.session).value()->at_clinic) << "it stays one of the clinic's";
  EXPECT_FALSE(store.visit(at_home).value()->at_clinic);
  const auto invitation = store.by_id(id).value().value();
  EXPECT_EQ(invitation.draft, "fewer");
  EXPECT_EQ(invitation.informant, "patient");
  EXPECT_EQ(invitation.opened_by, "Ana");
  ASSERT_TRUE(store.end_visit(at_home));
  EXPECT_TRUE(store.visit(at_home).value()) << "another device is none of its business";
  ASSERT_TRUE(store.end_visit(known.session));
  EXPECT_FALSE(store.visit(known.session).value());
  EXPECT_FALSE(store.visit(*first).value()) << "and not the session before it";
  EXPECT_TRUE(store.visit(at_home).value());
  // On another device: the first one shows it no more.
  const auto second = store.hand_over({id, 2, "fewer", "patient", "Ana"}, kNow).value();
  const auto third = store.hand_over({id, 3, "fewer", "companion", "Bob"}, kNow).value();
  EXPECT_FALSE(store.visit(*second).value());
  EXPECT_TRUE(store.visit(*third).value());
  ASSERT_TRUE(store.submit(id, 4, submission("1"), "told", kNow).value());
  EXPECT_FALSE(store.hand_over({id, 4, "", "patient", "Ana"}, kNow).value());
}

TEST_P(InvitationsTest, ARecordIsFetchedByOneAndEndsWithItsInvitation) {
  auto store = open();
  const auto id = store.invite(kNew, kNow).value().id;
  const auto due = [&](Time now) { return store.without_record(now, 5).value().size(); };
  EXPECT_EQ(due(kNow), 1u);
  EXPECT_TRUE(store.may_fetch(id, {}, kNow).value());
  EXPECT_FALSE(store.may_fetch(id, {}, kNow).value()) << "one at a time";
  EXPECT_FALSE(store.may_fetch(id, {true, kNow}, kNow).value()) << "nor because it is opened";
  EXPECT_EQ(due(kNow), 0u);
  // Tries that are followed by nothing come after 1, 2, 4 ... minutes; opening waits for none of
  // it.
  auto now = kNow + std::chrono::seconds(60);
  EXPECT_EQ(due(now), 1u);
  EXPECT_TRUE(store.may_fetch(id, {}, now).value());
  EXPECT_FALSE(store.may_fetch(id, {}, now + std::chrono::seconds(119)).value());
  EXPECT_TRUE(store.may_fetch(id, {true, now}, now + kFetchPause).value());
  // A part is kept where there is nothing, and what is missing is looked for a few times more.
  ASSERT_TRUE(store.keep_record(id, {"{part}", "{of it}", false}, now));
  now += hours(1);
  EXPECT_EQ(due(now), 1u);
  EXPECT_TRUE(store.may_fetch(id, {}, now).value());
  ASSERT_TRUE(store.keep_record(id, {"{less}", "{of it}", false}, now));
  EXPECT_EQ(store.record(id).value().json, "{part}");
  ASSERT_TRUE(store.keep_record(id, {"{part}", "{newer}", false, true}, now));
  EXPECT_EQ(store.suggested(id).value(), "{newer}") << "because the form was opened";
  now += hours(1);
  EXPECT_EQ(due(now), 0u) << "four tries";
  EXPECT_TRUE(store.may_fetch(id, {true, now}, now).value());
  EXPECT_EQ(due(now + kFetchPause), 1u) << "more, where it is opened";
  ASSERT_TRUE(store.keep_record(id, {"{record}", "{suggested}"}, now));
  EXPECT_EQ(store.record(id).value().json, "{record}");
  EXPECT_EQ(store.suggested(id).value(), "{suggested}");
  ASSERT_TRUE(store.keep_record(id, {"{part}", "{of it}", false, true}, now));
  EXPECT_EQ(store.record(id).value().json, "{record}") << "a part never replaces the whole";
  EXPECT_EQ(due(kNow + hours(23)), 0u) << "it is there";
  EXPECT_FALSE(store.may_fetch(id, {true, now - hours(1)}, now + hours(1)).value());
  EXPECT_TRUE(store.may_fetch(id, {true, now}, now + hours(1)).value()) << "too old";
  EXPECT_EQ(store.record(id).value().fetched, now);
  EXPECT_TRUE(store.record(id).value().is_outdated);
  EXPECT_EQ(due(now + hours(1)), 0u);
  EXPECT_EQ(due(now + hours(1) + kFetchPause), 1u) << "in the background, where that failed";
  ASSERT_TRUE(store.keep_record(id, {"{part}", "{of it}", false, true}, now));
  EXPECT_EQ(store.record(id).value().json, "{record}") << "nor the whole that is too old";
  ASSERT_TRUE(store.keep_record(id, {"{record}", "{suggested}"}, now + hours(1)));
  EXPECT_EQ(due(now + hours(5)), 0u) << "it is there again";
  EXPECT_FALSE(store.record(id).value().is_outdated);
  ASSERT_TRUE(store.keep_record(id, {}, now));
  EXPECT_EQ(store.record(id).value().json + store.suggested(id).value(), "")
      << "it may not be used";

  const auto there = [&](const auto& end) {
    const auto one = store.invite(kNew, kNow).value().id;
    EXPECT_TRUE(store.may_fetch(one, {}, kNow).value());
    EXPECT_TRUE(store.keep_record(one, {"{record}", "{suggested}"}, kNow));
    end(one);
    EXPECT_TRUE(store.keep_record(one, {"{record}", "{suggested}"}, kNow + hours(24)));
    return store.record(one).value().json + store.suggested(one).value();
  };
  EXPECT_EQ(there([&](auto one) { ASSERT_TRUE(store.withdraw(one, kNow)); }), "");
  EXPECT_EQ(there([&](auto one) { ASSERT_TRUE(store.cancel(one, kNow)); }), "");
  EXPECT_EQ(there([&](auto one) {
              ASSERT_TRUE(store.submit(one, 0, submission("r"), "told", kNow).value());
            }),
            "");
  EXPECT_EQ(there([&](auto) { ASSERT_TRUE(store.tidy(kNow + hours(24))); }), "");
}

TEST_P(InvitationsTest, WhatIsOverIsTidiedAndNothingElse) {
  auto store = open();
  const auto id = store.invite(kNew, kNow).value().id;
  const auto session = store.begin_visit(id, kNow).value();
  ASSERT_TRUE(store.save({id, 0, "answers", {}, {}}, kNow).value());
  ASSERT_TRUE(store.tidy(kNow + hours(1)));
  EXPECT_EQ(store.by_id(id).value()->draft, "answers");
  EXPECT_TRUE(store.visit(session).value());
  ASSERT_TRUE(store.tidy(kNew.expires));
  EXPECT_EQ(store.by_id(id).value()->draft, "");
  EXPECT_FALSE(store.visit(session).value());
}

}  // namespace
}  // namespace myoflag::intake
