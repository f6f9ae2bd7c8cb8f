#include "plugin/sidecar/line_log.h"

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

namespace myoflag::sidecar {
namespace {

// A pipe that says it has room has room for so much.
constexpr std::size_t piece_bytes = 4096;
constexpr int wait_milliseconds = 100;
constexpr std::chrono::seconds time_to_end{1};

}  // namespace

LineLog::LineLog(int file, std::size_t most_waiting)
    : file_(file), most_waiting_(most_waiting), writer_([this] { run(); }) {}

LineLog::~LineLog() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    latest_ = std::chrono::steady_clock::now() + time_to_end;
  }
  wake_.notify_one();
  writer_.join();
}

void LineLog::write(std::string line) {
  {
    const std::lock_guard lock(mutex_);
    if (lines_.size() >= most_waiting_) {
      ++dropped_;
      return;
    }
    lines_.push_back(std::move(line));
  }
  wake_.notify_one();
}

void LineLog::flush() {
  std::unique_lock lock(mutex_);
  written_.wait_for(lock, time_to_end, [this] { return lines_.empty() && !writing_; });
}

void LineLog::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return ending_ || !lines_.empty(); });
    if (lines_.empty()) {
      return;
    }
    const auto lines = std::exchange(lines_, {});
    const auto dropped = std::exchange(dropped_, 0);
    writing_ = true;
    lock.unlock();
    std::string text;
    for (const auto& line : lines) {
      text += line + "\n";
    }
    if (dropped > 0) {
      text += fmt::format("{{\"log\":\"lines dropped\",\"count\":{}}}\n", dropped);
    }
    const bool written = write_all(text);
    lock.lock();
    writing_ = false;
    written_.notify_all();
    if (!written && ending_) {
      return;
    }
  }
}

bool LineLog::is_late() {
  const std::lock_guard lock(mutex_);
  return ending_ && std::chrono::steady_clock::now() > latest_;
}

bool LineLog::write_all(std::string_view text) {
  while (!text.empty()) {
    pollfd ready{file_, POLLOUT, 0};
    if (poll(&ready, 1, wait_milliseconds) <= 0) {
      if (is_late()) {
        return false;
      }
      continue;
    }
    const auto piece = text.substr(0, piece_bytes);
    const auto written = ::write(file_, piece.data(), piece.size());
    if (written < 0 && errno != EINTR && errno != EAGAIN) {
      return false;  // closed; there is nowhere to say so
    }
    text.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
  }
  return true;
}

}  // namespace myoflag::sidecar
