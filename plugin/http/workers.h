#pragma once
// A fixed number of threads and a bounded queue before them. A full queue refuses at once, so that
// nobody waits for what cannot be done in time.

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace myoflag::http {

class Workers {
 public:
  using Job = std::function<void()>;  // throws nothing

  Workers(unsigned threads, std::size_t most_waiting);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  [[nodiscard]] bool offer(Job job);  // false: full

  // Waits for what runs; what waits is not done any more.
  void stop();

  // True when nothing runs or waits any more.
  bool wait_until_idle(std::chrono::steady_clock::time_point latest);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_, idle_;
  std::deque<Job> jobs_;     // guarded by mutex_
  std::size_t running_ = 0;  // guarded by mutex_
  bool stopping_ = false;    // guarded by mutex_
  const std::size_t most_waiting_;
  std::vector<std::thread> threads_;
};

}  // namespace myoflag::http
