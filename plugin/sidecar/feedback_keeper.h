#pragma once
// Keeps which cards were shown and what became of them, beside the answering of calls: a card is
// answered without waiting for the disk, feedback is acknowledged when it is on it. When cards
// cannot be written down they wait here, some of them; a card that was not is written down when it
// is shown again.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "plugin/feedback/store.h"

namespace myoflag::sidecar {

class FeedbackKeeper {
 public:
  using Now = std::function<std::chrono::sys_seconds()>;

  FeedbackKeeper(feedback::Store store, Now now);
  ~FeedbackKeeper();  // writes down what waits
  FeedbackKeeper(const FeedbackKeeper&) = delete;
  FeedbackKeeper& operator=(const FeedbackKeeper&) = delete;

  void show(std::vector<cds::ShownCard> cards);

  store::Result<feedback::Kept> keep(const std::vector<feedback::Feedback>& feedback);

  // For a metric: as of a minute ago at most.
  store::Result<std::vector<feedback::Answered>> answered();
  std::uint64_t strangers() const;  // feedback since the start of cards that were not known

 private:
  void run();
  void write_down(std::unique_lock<std::mutex>& queue);
  feedback::Day today() const;

  const Now now_;

  mutable std::mutex queue_mutex_;
  std::condition_variable wake_;
  std::vector<cds::ShownCard> queue_;     // guarded by queue_mutex_
  std::unordered_set<std::string> seen_;  // guarded by queue_mutex_; were written down
  bool stop_ = false;                     // guarded by queue_mutex_

  mutable std::mutex store_mutex_;
  feedback::Store store_;                                // guarded by store_mutex_
  std::vector<feedback::Answered> answered_;             // guarded by store_mutex_
  std::chrono::steady_clock::time_point answered_at_{};  // guarded by store_mutex_
  bool is_stale_ = true;                                 // guarded by store_mutex_
  std::uint64_t strangers_ = 0;                          // guarded by store_mutex_

  std::thread thread_;
};

}  // namespace myoflag::sidecar
