#include "plugin/sidecar/feedback_keeper.h"

#include <iterator>
#include <utility>

namespace myoflag::sidecar {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t most_waiting = 10'000;
constexpr std::size_t most_seen = 200'000;
constexpr std::chrono::milliseconds retry{1'000};
constexpr std::chrono::minutes metric_age{1};
constexpr std::chrono::hours day{24};
// A year and a month: a yearly review still finds all of it.
constexpr std::chrono::days kept_for{400};

}  // namespace

FeedbackKeeper::FeedbackKeeper(feedback::Store store, Now now)
    : now_(std::move(now)), store_(std::move(store)), thread_([this] { run(); }) {}

FeedbackKeeper::~FeedbackKeeper() {
  {
    const std::lock_guard lock(queue_mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

feedback::Day FeedbackKeeper::today() const {
  return std::chrono::floor<std::chrono::days>(now_());
}

void FeedbackKeeper::show(std::vector<cds::ShownCard> cards) {
  const std::lock_guard lock(queue_mutex_);
  for (auto& card : cards) {
    if (queue_.size() < most_waiting && !seen_.contains(card.uuid)) {
      queue_.push_back(std::move(card));
      wake_.notify_one();
    }
  }
}

void FeedbackKeeper::write_down(std::unique_lock<std::mutex>& queue) {
  auto cards = std::exchange(queue_, {});
  queue.unlock();
  bool is_written = false;
  {
    const std::lock_guard lock(store_mutex_);
    is_written = store_.show(cards, today()).has_value();
  }
  queue.lock();
  if (!is_written) {
    cards.insert(cards.end(), std::make_move_iterator(queue_.begin()),
                 std::make_move_iterator(queue_.end()));
    queue_ = std::move(cards);
    wake_.wait_for(queue, retry, [this] { return stop_; });
    return;
  }
  if (seen_.size() + cards.size() > most_seen) {
    seen_.clear();
  }
  for (auto& card : cards) {
    seen_.insert(std::move(card.uuid));
  }
}

void FeedbackKeeper::run() {
  steady_clock::time_point forget_at{};
  std::unique_lock queue(queue_mutex_);
  while (!stop_) {
    if (steady_clock::now() >= forget_at) {
      queue.unlock();
      {
        const std::lock_guard lock(store_mutex_);
        (void)store_.forget_before(today() - kept_for);  // else tomorrow
      }
      queue.lock();
      forget_at = steady_clock::now() + day;
    }
    if (!queue_.empty()) {
      write_down(queue);
    } else {
      wake_.wait_until(queue, forget_at, [this] { return stop_ || !queue_.empty(); });
    }
  }
  if (!queue_.empty()) {
    write_down(queue);
  }
}

store::Result<feedback::Kept> FeedbackKeeper::keep(
    const std::vector<feedback::Feedback>& feedback) {
  const std::lock_guard lock(store_mutex_);
  auto kept = store_.keep(feedback, today());
  is_stale_ = true;
  strangers_ += kept ? kept->strangers : 0;
  return kept;
}

store::Result<std::vector<feedback::Answered>> FeedbackKeeper::answered() {
  const std::lock_guard lock(store_mutex_);
  const auto moment = steady_clock::now();
  if (is_stale_ || moment - answered_at_ > metric_age) {
    auto counted = store_.answered();
    if (!counted) {
      return counted;
    }
    answered_ = *std::move(counted);
    answered_at_ = moment;
    is_stale_ = false;
  }
  return answered_;
}

std::uint64_t FeedbackKeeper::strangers() const {
  const std::lock_guard lock(store_mutex_);
  return strangers_;
}

}  // namespace myoflag::sidecar
