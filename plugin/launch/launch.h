#pragma once
// A SMART App Launch from an EHR, from its first request to a session: which EHR may launch, what
// is asked of its authorization server, and what of the answers is believed. Tokens are in memory
// for one exchange and stand nowhere else, but for the id_token of staff, by which they sign out
// where they signed in: it ends with the session. Safe from many threads. Errors: MF-4270 to
// MF-4278, each free of anything of a patient, a person or a token. Source:
// hl7.org/fhir/smart-app-launch, 2.2.

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "plugin/ehr/fetch_wire.h"
#include "plugin/launch/server.h"
#include "plugin/launch/sessions.h"
#include "plugin/trust/id_token.h"

namespace myoflag::launch {

// Why somebody does not come in.
struct Refused {
  int status = 403;
  std::string page;        // of the texts: "launch-state"
  std::string why;         // for the log: "MF-4271: ..."
  bool is_shared = false;  // others use this browser too: it has to sign in anew
};

// The answers to requests, in their order.
using Exchange = std::function<std::vector<ehr::WebAnswer>(std::vector<ehr::WebRequest>)>;

// The parameters of a request, decoded; nothing where one is absent.
struct Beginning {
  std::optional<std::string> iss, launch;
  std::string browser;  // the cookie that it has from now on
  bool is_framed = false;
  bool anew = false;  // as in Asked
};
struct Return {
  std::optional<std::string> state, code, error, iss;
  std::string browser;  // "": without our cookie
};

class Launches {
 public:
  // `redirect`: our address that every server has on its list.
  Launches(std::vector<Server> servers, std::string redirect, Exchange exchange);

  // The address at the authorization server to which the browser goes.
  tl::expected<std::string, Refused> begin(const Beginning& given, Instant now);

  // The same of staff, who come from no record. `browser`: the cookie that it has from now on.
  // `anew`: on a device that others use, where a session at the provider lets nobody in.
  tl::expected<std::string, Refused> begin_staff(const std::string& browser, bool anew,
                                                 Instant now);

  // Who signed in, for the patient of the launch; staff for all of them.
  tl::expected<Session, Refused> finish(const Return& given, Instant now);

  // Somebody gave that browser to somebody else: what was begun in it ends nowhere, and by what
  // proved who it was, nobody comes in any more.
  void give_away(const Session& session, const std::string& browser);

  // Where that browser signs out at the provider; empty: the session has no such address. The
  // session itself is ended by whoever has it.
  std::string sign_out(const Session& session, const std::string& browser, Instant now);
  // Whether it was sent there and now comes back, for the first time.
  bool is_back(const std::optional<std::string>& state, const std::string& browser, Instant now);

 private:
  struct Known {
    std::mutex mutex;
    std::optional<Discovery> discovery;         // guarded by mutex
    Instant discovered{};                       // guarded by mutex
    std::optional<Refused> trouble;             // guarded by mutex; of the last try
    Instant troubled{};                         // guarded by mutex
    std::shared_ptr<const trust::KeySet> keys;  // guarded by mutex
    std::string keys_from;                      // guarded by mutex; their address
    Instant keys_fetched{}, keys_asked{};       // guarded by mutex
    std::string keys_trouble;                   // guarded by mutex; of the last try
  };

  tl::expected<std::string, Refused> send_off(std::size_t server, const Beginning& given,
                                              Instant now);
  std::string label(std::size_t server) const;  // of the configuration
  tl::expected<Discovery, Refused> discovery_of(std::size_t server, Instant now);
  tl::expected<std::shared_ptr<const trust::KeySet>, Refused> keys_of(std::size_t server,
                                                                      const std::string& address,
                                                                      bool anew, Instant now);
  tl::expected<std::shared_ptr<const trust::KeySet>, std::string> fetch_keys(
      std::size_t server, const std::string& address) const;
  tl::expected<Granted, Refused> redeem(const Begun& begun, const std::string& code);
  tl::expected<trust::Identity, Refused> identify(
      const Begun& begun, const std::string& token,
      const std::optional<std::chrono::seconds>& proved_within, Instant now);
  std::uint64_t devices();  // that were given away so far
  bool is_given_away(const Begun& begun);
  bool is_given_away(const trust::Identity& identity);
  // By what proved that somebody is that user, nobody comes in any more.
  void spend(const std::string& user, const std::optional<Instant>& proved);
  void spend_locked(const std::string& user, const std::optional<Instant>& proved);

  const std::vector<Server> servers_;
  const std::string redirect_;
  const Exchange exchange_;
  BegunLaunches begun_, leaving_;
  std::mutex mutex_;
  std::uint64_t devices_ = 0;                                     // guarded by mutex_
  std::map<std::string, std::uint64_t, std::less<>> given_away_;  // guarded by mutex_; by browser
  std::deque<std::pair<std::string, Instant>> spent_;             // guarded by mutex_; proofs
  std::vector<std::unique_ptr<Known>> known_;                     // of each server
};

}  // namespace myoflag::launch
