#include "plugin/ehr/fetch_pool.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace myoflag::ehr {

namespace {

using Clock = FetchPool::Clock;
using std::chrono::milliseconds;

// Between the end of a process's own time and of ours: so that what is late ends in good order.
constexpr milliseconds margin{40};

milliseconds left_until(Clock::time_point until) {
  return std::max(std::chrono::duration_cast<milliseconds>(until - Clock::now()), milliseconds(0));
}

bool send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent <= 0) {
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool has_more(int socket, Clock::time_point until, const std::atomic<bool>* stop) {
  constexpr milliseconds step{200};  // so soon is seen that it is over
  pollfd ready{socket, POLLIN, 0};
  while (stop == nullptr || !*stop) {
    const auto left = left_until(until);
    const auto wait = stop == nullptr ? left : std::min(left, step);
    const int state = ::poll(&ready, 1, static_cast<int>(wait.count()));
    if (state != 0 || wait == left) {
      return state > 0;
    }
  }
  return false;
}

// False: it is gone, or the time is over.
bool receive(int socket, FrameReader& frames, Clock::time_point until,
             const std::atomic<bool>* stop) {
  if (!has_more(socket, until, stop)) {
    return false;
  }
  std::array<char, 65'536> bytes{};
  const auto count = ::recv(socket, bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (count <= 0) {
    return false;
  }
  frames.take({bytes.data(), static_cast<std::size_t>(count)});
  return true;
}

// True when all is said, so that the process can take another order.
bool exchange(int socket, const FetchOrder& order, Clock::time_point until,
              const std::atomic<bool>* stop, std::vector<FetchPool::Pages>& answers) {
  FrameReader frames(kMostFetched + 1);
  std::size_t left = answers.size() * (kMostFetched + 1);  // also for one that does not keep to it
  bool goes_on = send_all(socket, order_frame(order));
  while (goes_on) {
    const auto content = frames.next();
    if (!content) {
      goes_on = !frames.is_broken() && receive(socket, frames, until, stop);
    } else if (content->empty()) {
      return true;
    } else if (auto answer = read_answer(*content); answer->query < answers.size()) {
      left -= std::min(left, answer->json.size() + 1);
      answers[answer->query].push_back(std::move(answer->json));
      goes_on = left > 0;
    }
  }
  return false;
}

// Whoever waits for an order says nothing.
bool is_gone(int socket) {
  pollfd state{socket, POLLIN, 0};
  return socket < 0 || ::poll(&state, 1, 0) != 0;
}

}  // namespace

FetchPool::FetchPool(Key /*key*/, std::vector<std::string> arguments, std::size_t most,
                     SignIn sign_in)
    : arguments_(std::move(arguments)), most_(most), sign_in_(sign_in) {}

tl::expected<std::unique_ptr<FetchPool>, Failure> FetchPool::open(
    std::vector<std::string> arguments, std::size_t most, SignIn sign_in) {
  auto pool = std::make_unique<FetchPool>(Key(), std::move(arguments), most, sign_in);
  for (std::size_t i = 0; i < most; ++i) {
    auto helper = pool->start();
    if (!helper) {
      return tl::unexpected(std::move(helper.error()));
    }
    pool->free_.push_back(*helper);
  }
  return pool;
}

FetchPool::~FetchPool() { std::for_each(free_.begin(), free_.end(), end); }

tl::expected<FetchPool::Helper, Failure> FetchPool::start() const {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return tl::unexpected(Failure{Exit::outside, "MF-4134: no socket pair"});
  }
  const auto process = start_ehr(arguments_, ends[1], sign_in_);
  ::close(ends[1]);
  if (!process) {
    ::close(ends[0]);
    return tl::unexpected(process.error());
  }
  return Helper{*process, ends[0]};
}

void FetchPool::end(const Helper& helper) {
  if (helper.socket < 0) {
    return;
  }
  ::close(helper.socket);
  ::kill(helper.process, SIGKILL);  // it holds nothing that could be lost
  ::waitpid(helper.process, nullptr, 0);
}

std::optional<FetchPool::Helper> FetchPool::take(Clock::time_point until) {
  std::unique_lock lock(mutex_);
  if (free_.empty() && waiting_ >= most_) {
    return std::nullopt;
  }
  ++waiting_;
  const bool has_one = is_free_.wait_until(lock, until, [this] { return !free_.empty(); });
  --waiting_;
  if (!has_one) {
    return std::nullopt;
  }
  const auto helper = free_.back();
  free_.pop_back();
  return helper;
}

void FetchPool::replace(Helper& helper) {
  ++replaced_;
  end(helper);
  helper = start().value_or(Helper());
}

void FetchPool::give_back(Helper helper) {
  {
    const std::lock_guard lock(mutex_);
    free_.push_back(helper);
  }
  is_free_.notify_one();
}

std::vector<FetchPool::Pages> FetchPool::fetch(FetchOrder order, Clock::time_point until,
                                               const std::atomic<bool>* stop) {
  std::vector<Pages> answers(order.queries.size() + order.requests.size());
  const auto count = [&] {
    const auto came = static_cast<std::uint64_t>(std::count_if(
        answers.begin(), answers.end(), [](const Pages& pages) { return !pages.empty(); }));
    fetched_ += came;
    not_fetched_ += answers.size() - came;
  };
  auto helper = take(until);
  if (!helper) {
    count();
    return answers;
  }
  if (is_gone(helper->socket)) {  // between two calls, or it could not be started before
    replace(*helper);
  }
  order.time = std::max(left_until(until) - margin, milliseconds(1));
  if (helper->socket >= 0 && !exchange(helper->socket, order, until, stop, answers)) {
    replace(*helper);
  }
  give_back(*helper);
  count();
  return answers;
}

std::vector<WebAnswer> FetchPool::ask(std::vector<WebRequest> requests, Clock::time_point until) {
  FetchOrder order;
  order.requests = std::move(requests);
  std::vector<WebAnswer> answers;
  for (const auto& pages : fetch(std::move(order), until)) {
    answers.push_back(pages.empty() ? WebAnswer() : read_web_answer(pages.front()));
  }
  return answers;
}

}  // namespace myoflag::ehr
