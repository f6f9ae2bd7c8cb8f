#pragma once
// The gate that calls pass: which clients are trusted may change while calls come in; what was seen
// stays seen.

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "plugin/trust/jwt.h"

namespace myoflag::trust {

class Gate {
 public:
  // `base`: address of this program as clients know it, without a slash at the end.
  Gate(std::string base, std::vector<Client> clients,
       std::unique_ptr<Replays> replays = std::make_unique<ReplaysInMemory>());

  const std::string& base() const { return base_; }

  // From the next call on.
  void use(std::vector<Client> clients);

  // `paths`: "/cds-services/...", without query; the token may be made for any of them. Safe from
  // many threads.
  tl::expected<Claims, Denied> admit(std::string_view authorization,
                                     const std::vector<std::string>& paths, Instant now);

 private:
  std::shared_ptr<const std::vector<Client>> clients() const;

  const std::string base_;
  mutable std::mutex mutex_;
  std::shared_ptr<const std::vector<Client>> clients_;  // guarded by mutex_
  const std::unique_ptr<Replays> replays_;
};

// A set with at least one key for one of the algorithms, or why there is none, quoting nothing of
// it.
tl::expected<std::shared_ptr<const KeySet>, std::string> read_keys(
    std::string_view json,
    const std::set<Algorithm>& algorithms = {Algorithm::es384, Algorithm::rs384});

}  // namespace myoflag::trust
