#pragma once
// Processes that fetch from EHRs for the sidecar, each for one call at a time: an answer that ends
// one costs that call what had not come yet, and nothing else. One that is late is ended and
// replaced. Never waits longer than it is told.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "plugin/ehr/fetch_wire.h"
#include "plugin/ehr/process.h"
#include "plugin/failure.h"

namespace myoflag::ehr {

class FetchPool {
 public:
  using Clock = std::chrono::steady_clock;
  using Pages = std::vector<std::string>;  // JSON

  struct Counts {
    std::uint64_t fetched = 0, not_fetched = 0;  // queries and requests
    std::uint64_t replaced = 0;                  // processes that died or were late
  };

  // `arguments` of the program; `most` processes, which begin now. MF-4134.
  static tl::expected<std::unique_ptr<FetchPool>, Failure> open(std::vector<std::string> arguments,
                                                                std::size_t most,
                                                                SignIn sign_in = SignIn::none);
  class Key {  // only open() makes one
    friend class FetchPool;
    Key() = default;
  };
  FetchPool(Key key, std::vector<std::string> arguments, std::size_t most, SignIn sign_in);
  ~FetchPool();
  FetchPool(const FetchPool&) = delete;
  FetchPool& operator=(const FetchPool&) = delete;

  // The pages that had come by `until`, in the order of the queries; none of one that was not
  // fetched. The order's time is set here. Safe from many threads; where as many as there are
  // processes wait for one already, nothing is fetched. `stop` ends the fetching, though not the
  // wait for a process.
  std::vector<Pages> fetch(FetchOrder order, Clock::time_point until,
                           const std::atomic<bool>* stop = nullptr);

  // The same for requests: an answer for each, without a status where none came.
  std::vector<WebAnswer> ask(std::vector<WebRequest> requests, Clock::time_point until);

  Counts counts() const { return {fetched_, not_fetched_, replaced_}; }

 private:
  struct Helper {
    int process = 0;
    int socket = -1;  // -1: none runs
  };

  tl::expected<Helper, Failure> start() const;
  static void end(const Helper& helper);
  std::optional<Helper> take(Clock::time_point until);
  void replace(Helper& helper);
  void give_back(Helper helper);

  const std::vector<std::string> arguments_;
  const std::size_t most_;
  const SignIn sign_in_;
  std::mutex mutex_;
  std::condition_variable is_free_;
  std::vector<Helper> free_;  // guarded by mutex_
  std::size_t waiting_ = 0;   // guarded by mutex_
  std::atomic<std::uint64_t> fetched_{0}, not_fetched_{0}, replaced_{0};
};

}  // namespace myoflag::ehr
