#pragma once
// Tokens that were used, until they expire: each lets somebody in once. When an issuer's part is
// full, further ones of that issuer are refused, and of no other: to forget one would be to let it
// be used twice.

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "plugin/store/result.h"

namespace myoflag::trust {

using Instant = std::chrono::sys_seconds;

inline constexpr std::size_t kMostOfAnIssuer = 250'000;

// A token is good for so much longer than it says: clocks differ.
inline constexpr std::chrono::seconds kSkew{60};

class Replays {
 public:
  enum class Use {
    first,
    refused,  // it was used before, or the issuer's part is full
    unknown   // nobody can tell: the store fails
  };

  Replays() = default;
  virtual ~Replays() = default;
  Replays(const Replays&) = delete;
  Replays& operator=(const Replays&) = delete;

  // Safe from many threads.
  virtual Use remember(const std::string& issuer, const std::string& id, Instant expires,
                       Instant now) = 0;
};

// Until the program ends.
class ReplaysInMemory : public Replays {
 public:
  explicit ReplaysInMemory(std::size_t most_of_an_issuer = kMostOfAnIssuer);
  Use remember(const std::string& issuer, const std::string& id, Instant expires,
               Instant now) override;

 private:
  void forget_expired(Instant now);  // mutex_ is held

  const std::size_t most_;
  std::mutex mutex_;
  std::map<std::string, std::size_t> of_issuer_;                           // guarded by mutex_
  std::set<std::pair<std::string, std::string>> seen_;                     // guarded by mutex_
  std::multimap<Instant, std::pair<std::string, std::string>> by_expiry_;  // guarded by mutex_
};

// On disk before a token lets anybody in, so that neither a restart nor another process that has
// the file open takes it a second time. Errors: MF-3100 to MF-3103.
class ReplayFile : public Replays {
 public:
  static store::Result<std::unique_ptr<Replays>> open(
      const std::string& path, std::size_t most_of_an_issuer = kMostOfAnIssuer);
  struct State;
  ReplayFile(std::unique_ptr<State> state, std::size_t most);  // of open only
  ~ReplayFile() override;
  Use remember(const std::string& issuer, const std::string& id, Instant expires,
               Instant now) override;

 private:
  const std::size_t most_;
  std::mutex mutex_;
  std::unique_ptr<State> state_;  // guarded by mutex_
};

}  // namespace myoflag::trust
