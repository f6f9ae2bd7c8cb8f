#include "plugin/sidecar/key_refresher.h"

#include <utility>

namespace myoflag::sidecar {

KeyRefresher::KeyRefresher(Round round, std::chrono::milliseconds every,
                           std::chrono::milliseconds least)
    : round_(std::move(round)), every_(every), least_(least), thread_([this] { run(); }) {}

KeyRefresher::~KeyRefresher() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void KeyRefresher::ask() {
  {
    const std::lock_guard lock(mutex_);
    is_asked_ = true;
  }
  wake_.notify_one();
}

void KeyRefresher::run() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    is_asked_ = false;  // what is asked for from now on, this round may be too early for
    lock.unlock();
    round_(stop_);
    lock.lock();
    const auto ended = std::chrono::steady_clock::now();
    wake_.wait_until(lock, ended + least_, [this] { return stop_.load(); });
    wake_.wait_until(lock, ended + every_, [this] { return stop_ || is_asked_; });
  }
}

}  // namespace myoflag::sidecar
