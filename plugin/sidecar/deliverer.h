#pragma once
// Has what waits in the outbox delivered, or a web hook told of it, beside whatever else is done.
// Both happen in another
// process, which a hostile answer can end; it is started as long as something waits, and again
// after it failed, ever more slowly.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include <tl/expected.hpp>

#include "plugin/failure.h"
#include "plugin/store/store.h"

namespace myoflag::sidecar {

class Deliverer {
 public:
  // Until nothing waits, something fails, or `stop` is set.
  using Work = std::function<tl::expected<void, Failure>(const std::atomic<bool>& stop)>;
  // Whether there is anything to do.
  using Waits = bool (*)(const store::Counts&);
  // How a run ended that failed, and how long until the next one.
  using Tell = std::function<void(const Failure&, std::chrono::milliseconds wait)>;

  struct Times {
    std::chrono::milliseconds look{500};  // between two looks whether something waits
    std::chrono::milliseconds first_wait{1'000};
    std::chrono::milliseconds longest_wait{300'000};
  };

  struct Status {
    store::Counts counts;
    int failures = 0;  // of runs, since the last one that did not fail
  };

  // `outbox` is this object's alone; the work opens its own. Null: nothing is delivered, and how
  // the outbox stands is told all the same.
  Deliverer(
      store::Store outbox, Work work, Tell tell, Times times,
      Waits waits = [](const store::Counts& counts) { return counts.waiting > 0; });
  ~Deliverer();  // sets `stop` and waits for the work
  Deliverer(const Deliverer&) = delete;
  Deliverer& operator=(const Deliverer&) = delete;

  store::Result<Status> status();  // as of a look ago

 private:
  void run();
  bool is_waiting();

  const Work work_;
  const Tell tell_;
  const Times times_;
  const Waits waits_;
  std::atomic<bool> stop_{false};
  std::atomic<int> failures_{0};
  std::mutex store_mutex_;
  store::Store outbox_;                                    // guarded by store_mutex_
  store::Counts counts_;                                   // guarded by store_mutex_
  std::chrono::steady_clock::time_point counted_until_{};  // guarded by store_mutex_
  std::mutex wake_mutex_;
  std::condition_variable wake_;
  std::thread thread_;
};

}  // namespace myoflag::sidecar
