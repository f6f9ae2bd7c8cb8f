#pragma once
// Who has signed in, and sign-ins that were begun: in memory only, so that the end of the program
// ends all of them. Both are found by secrets of 128 bits, of which SHA-256 is kept. Safe from many
// threads.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "plugin/trust/replays.h"

namespace myoflag::launch {

using trust::Instant;

// A patient of a server. `server` as plugin/mapping/patient_identity.h writes it: http and https
// are the same.
struct Whom {
  std::string server;
  std::string patient;   // "Patient/123"
  bool is_home = false;  // also where a form names the patient without a server

  friend bool operator==(const Whom&, const Whom&) = default;
};

struct Times {
  std::chrono::seconds idle{1'800};
  std::chrono::seconds whole{28'800};
};

struct Session {
  // The only patient it may see. Nothing: all of them, as for staff who signed in themselves.
  std::optional<Whom> only;
  std::string user;        // of the issuer; never shown, never logged
  bool is_framed = false;  // began in a frame of another page
  Instant made{}, seen{};
  std::string name = {};               // of staff, as people know them
  std::optional<Times> times = {};     // nothing: those of all
  std::optional<Instant> proved = {};  // of staff: when, by the provider's clock
  // Of staff: where they sign out at the provider, too; holds the id_token. Empty: nowhere.
  std::string sign_out = {};
};

class Sessions {
 public:
  explicit Sessions(Times times, std::size_t most = 20'000) : times_(times), most_(most) {}

  // The secret of a new one; where there are too many, the one that is idle longest ends.
  std::string open(Session session, Instant now);
  // Each time it is asked for it lives on. Nothing: unknown, over, or ended.
  std::optional<Session> find(std::string_view secret, Instant now);
  void end(std::string_view secret);
  std::size_t size(Instant now);

 private:
  bool is_over(const Session& session, Instant now) const;
  void forget(Instant now);  // mutex_ is held

  const Times times_;
  const std::size_t most_;
  std::mutex mutex_;
  std::map<std::string, Session, std::less<>> all_;  // guarded by mutex_; by digest
};

// A sign-in between our first page and the return from the authorization server.
struct Begun {
  std::size_t server = 0;  // of the list
  std::string browser;     // digest of the cookie of the browser that began it
  std::string issuer, token, keys, end_session;
  std::string nonce, verifier;
  bool is_framed = false;
  Instant made{};
  bool anew = false;             // who comes back has to have signed in after it began
  std::uint64_t given_away = 0;  // devices, before it began
};

class BegunLaunches {
 public:
  explicit BegunLaunches(std::chrono::seconds life = std::chrono::minutes(10),
                         std::size_t most = 10'000)
      : life_(life), most_(most) {}

  // Where there are too many, the oldest is forgotten.
  void put(const std::string& state, Begun begun);
  // Once for each state, whoever asks.
  std::optional<Begun> take(std::string_view state, Instant now);

 private:
  const std::chrono::seconds life_;
  const std::size_t most_;
  std::mutex mutex_;
  std::map<std::string, Begun, std::less<>> all_;  // guarded by mutex_
  std::multimap<Instant, std::string> by_age_;     // guarded by mutex_
};

std::string digest_of(std::string_view secret);

}  // namespace myoflag::launch
