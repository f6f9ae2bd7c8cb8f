#include "plugin/sidecar/deliverer.h"

#include <algorithm>
#include <random>
#include <utility>

namespace myoflag::sidecar {

using std::chrono::milliseconds;

Deliverer::Deliverer(store::Store outbox, Work work, Tell tell, Times times, Waits waits)
    : work_(std::move(work)),
      tell_(std::move(tell)),
      times_(times),
      waits_(waits),
      outbox_(std::move(outbox)),
      thread_([this] { run(); }) {}

Deliverer::~Deliverer() {
  {
    const std::lock_guard lock(wake_mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

// Whoever asks often makes nobody count often.
store::Result<Deliverer::Status> Deliverer::status() {
  const std::lock_guard lock(store_mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (now >= counted_until_) {
    const auto counts = outbox_.counts();
    if (!counts) {
      return tl::unexpected(counts.error());
    }
    counts_ = *counts;
    counted_until_ = now + times_.look;
  }
  return Status{counts_, failures_};
}

// A store that cannot be read: the work says what is wrong with it.
bool Deliverer::is_waiting() {
  const auto now = status();
  return !now || waits_(now->counts);
}

void Deliverer::run() {
  if (!work_) {
    return;
  }
  const auto pause = [this](milliseconds time) {
    std::unique_lock lock(wake_mutex_);
    wake_.wait_for(lock, time, [this] { return stop_.load(); });
  };
  std::minstd_rand random(std::random_device{}());
  milliseconds longest = times_.first_wait;
  while (!stop_) {
    if (!is_waiting()) {
      failures_ = 0;
      pause(times_.look);
      continue;
    }
    const auto ended = work_(stop_);
    if (stop_) {
      return;
    }
    failures_ = ended ? 0 : failures_ + 1;
    // Half of it by chance, so that many of us do not come back to a server at once.
    longest = ended ? times_.first_wait : std::min(longest * 2, times_.longest_wait);
    const auto wait =
        ended ? times_.look
              : longest / 2 + milliseconds(std::uniform_int_distribution<milliseconds::rep>(
                                  0, longest.count() / 2)(random));
    if (!ended) {
      tell_(ended.error(), wait);
    }
    pause(wait);
  }
}

}  // namespace myoflag::sidecar
