// Who is in, for how long, and sign-ins on their way.
#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "plugin/launch/sessions.h"

namespace myoflag::launch {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

const Instant now{seconds(1'800'000'000)};

Session session_for(const std::string& patient) {
  Session session;
  session.only = Whom{"https://ehr.example/fhir/", "Patient/" + patient, false};
  return session;
}

TEST(Sessions, LiveOnWithEachUseButNotForEver) {
  Sessions sessions({minutes(30), minutes(60)});
  const auto secret = sessions.open(session_for("1"), now);
  EXPECT_EQ(secret.size(), 32u);
  EXPECT_EQ(sessions.find(secret, now + minutes(29))->only->patient, "Patient/1");
  EXPECT_TRUE(sessions.find(secret, now + minutes(58)));
  EXPECT_EQ(sessions.size(now + minutes(59)), 1u);
  EXPECT_FALSE(sessions.find(secret, now + minutes(60))) << "whatever is done";
  EXPECT_FALSE(sessions.find(secret, now)) << "over is over";
  const auto idle = sessions.open(session_for("1"), now);
  EXPECT_FALSE(sessions.find(idle, now + minutes(30)));
  const auto back = sessions.open(session_for("1"), now);
  EXPECT_TRUE(sessions.find(back, now - minutes(5))) << "a clock that goes back ends nothing";
  EXPECT_TRUE(sessions.find(back, now + minutes(29)));
}

TEST(Sessions, AreFoundByTheirSecretOnlyAndEnd) {
  Sessions sessions({});
  const auto one = sessions.open(session_for("1"), now),
             other = sessions.open(session_for("2"), now);
  EXPECT_NE(one, other);
  for (const auto& wrong : {std::string(), one.substr(0, 31), one + "0", digest_of(one)}) {
    EXPECT_FALSE(sessions.find(wrong, now));
  }
  sessions.end(one);
  EXPECT_FALSE(sessions.find(one, now));
  EXPECT_EQ(sessions.find(other, now)->only->patient, "Patient/2");
}

TEST(Sessions, TooManyEndTheOneThatIsIdleLongest) {
  Sessions sessions({}, 3);
  std::vector<std::string> secrets;
  for (int i = 0; i < 3; ++i) {
    secrets.push_back(sessions.open(session_for("1"), now + seconds(i)));
  }
  EXPECT_TRUE(sessions.find(secrets[0], now + seconds(10)));
  sessions.open(session_for("1"), now + seconds(11));
  EXPECT_TRUE(sessions.find(secrets[0], now + seconds(12)));
  EXPECT_FALSE(sessions.find(secrets[1], now + seconds(12)));
}

Begun begun_at(Instant made) {
  Begun begun;
  begun.made = made;
  begun.nonce = "n";
  return begun;
}

TEST(BegunLaunches, AreTakenOnceAndNotForLong) {
  BegunLaunches begun(minutes(10));
  begun.put("a", begun_at(now));
  begun.put("b", begun_at(now));
  EXPECT_FALSE(begun.take("c", now));
  EXPECT_EQ(begun.take("a", now + minutes(9))->nonce, "n");
  EXPECT_FALSE(begun.take("a", now + minutes(9)));
  EXPECT_FALSE(begun.take("b", now + minutes(10)));
}

TEST(BegunLaunches, AFloodForgetsTheOldest) {
  BegunLaunches begun(minutes(10), 100);
  for (int i = 0; i < 1'000; ++i) {
    begun.put(std::to_string(i), begun_at(now + seconds(i / 10)));
  }
  EXPECT_FALSE(begun.take("899", now + seconds(100)));
  EXPECT_TRUE(begun.take("900", now + seconds(100)));
}

TEST(BegunLaunches, OfManyAtOnceOneTakesIt) {
  BegunLaunches begun;
  for (int i = 0; i < 200; ++i) {
    begun.put(std::to_string(i), begun_at(now));
  }
  std::atomic<int> taken{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int state = 0; state < 200; ++state) {
        taken += begun.take(std::to_string(state), now) ? 1 : 0;
      }
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(taken, 200);
}

}  // namespace
}  // namespace myoflag::launch
