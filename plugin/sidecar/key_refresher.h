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

  // The first round at once. Ends in the destructor, which sets `stop` and waits.
  KeyRefresher(Round round, std::chrono::milliseconds every);
  ~KeyRefresher();
  KeyRefresher(const KeyRefresher&) = delete;
  KeyRefresher& operator=(const KeyRefresher&) = delete;

 private:
  void run();

  const Round round_;
  const std::chrono::milliseconds every_;
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::thread thread_;
};

}  // namespace myoflag::sidecar
