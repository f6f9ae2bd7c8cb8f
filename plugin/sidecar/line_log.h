#pragma once
// Lines to a file descriptor from many threads, none of which ever waits for it: a reader of the
// log that stops reading must not stop the service. What does not fit is dropped, counted, and
// told.

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace myoflag::sidecar {

class LineLog {
 public:
  explicit LineLog(int file, std::size_t most_waiting = 10'000);
  ~LineLog();  // writes what waits, for at most a second
  LineLog(const LineLog&) = delete;
  LineLog& operator=(const LineLog&) = delete;

  void write(std::string line);  // without its end

  // Waits until what was written so far is out, for at most a second.
  void flush();

 private:
  void run();
  bool write_all(std::string_view text);  // false: nobody reads
  bool is_late();

  const int file_;
  const std::size_t most_waiting_;
  std::mutex mutex_;
  std::condition_variable wake_, written_;
  std::deque<std::string> lines_;                 // guarded by mutex_
  std::size_t dropped_ = 0;                       // guarded by mutex_
  bool writing_ = false;                          // guarded by mutex_
  bool ending_ = false;                           // guarded by mutex_
  std::chrono::steady_clock::time_point latest_;  // guarded by mutex_; once ending_
  std::thread writer_;
};

}  // namespace myoflag::sidecar
