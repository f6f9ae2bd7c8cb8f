#pragma once
// Has the key sets of clients fetched again and again, beside whatever else is done. Fetching
// happens in another process: a hostile answer can end that one.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace myoflag::sidecar {

class KeyRefresher {
 public:
  // One after the other, until `stop` is set.
  using Round = std::function<void(const std::atomic<bool>& stop)>;

  // The first round at once, then one after each `every`. Ends in the destructor, which sets `stop`
  // and waits.
  KeyRefresher(Round round, std::chrono::milliseconds every, std::chrono::milliseconds least);
  ~KeyRefresher();
  KeyRefresher(const KeyRefresher&) = delete;
  KeyRefresher& operator=(const KeyRefresher&) = delete;

  // A round before its time, because a key is not known; `least` after the last one at the
  // earliest, however often it is asked for.
  void ask();

 private:
  void run();

  const Round round_;
  const std::chrono::milliseconds every_, least_;
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  bool is_asked_ = false;  // guarded by mutex_
  std::condition_variable wake_;
  std::thread thread_;
};

}  // namespace myoflag::sidecar
