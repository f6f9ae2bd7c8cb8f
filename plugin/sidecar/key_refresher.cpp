#include "plugin/sidecar/key_refresher.h"

#include <utility>

namespace myoflag::sidecar {

KeyRefresher::KeyRefresher(Round round, std::chrono::milliseconds every)
    : round_(std::move(round)), every_(every), thread_([this] { run(); }) {}

KeyRefresher::~KeyRefresher() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void KeyRefresher::run() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    lock.unlock();
    round_(stop_);
    lock.lock();
    wake_.wait_for(lock, every_, [this] { return stop_.load(); });
  }
}

}  // namespace myoflag::sidecar
