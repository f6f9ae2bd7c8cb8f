#pragma once
// Reading in one thread, work in several, results in the order of the input. Bounded in number and
// in bytes: nothing more is read while as much is under way as is given leave, and of long records
// one is worked on at a time.

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <queue>
#include <thread>
#include <vector>

#include "plugin/batch/output.h"
#include "plugin/batch/records.h"

namespace myoflag::batch {

struct Chunk {
  std::uint64_t number = 0;
  std::vector<Record> records;
  std::vector<Written> written;
  Place next;               // where the input goes on behind it
  std::uint64_t taken = 0;  // bytes of the input on disk
  std::size_t bytes = 0;    // of records or written
};

class Pipeline {
 public:
  Pipeline(RecordReader& reader, const OutputWriter& writer, int threads,
           const std::atomic<bool>& stop);
  ~Pipeline();  // waits for its threads

  // The next chunk in the order of the input; nothing at its end, or some time after `stop`. Throws
  // what a thread could not handle, for example want of memory.
  std::optional<Chunk> next();

  // After next() gave nothing: whether that was the end of the input.
  bool ended();

 private:
  void start(int threads);
  void close();
  void run(void (Pipeline::*body)());
  void read_all();
  void work();
  std::optional<Chunk> read_chunk(bool& ended);
  bool may_read() const;
  Written write(const Record& record, OutputWriter::Desk& desk);

  RecordReader& reader_;
  const OutputWriter& writer_;
  const std::atomic<bool>& stop_;
  const std::uint64_t most_;      // chunks under way
  const std::size_t most_bytes_;  // after which nothing more is read

  std::mutex mutex_;
  std::condition_variable changed_;
  std::queue<Chunk> to_do_;
  std::map<std::uint64_t, Chunk> done_;
  std::uint64_t read_ = 0;   // chunks
  std::uint64_t given_ = 0;  // chunks
  std::size_t bytes_ = 0;    // of the chunks under way
  bool all_read_ = false;
  bool ended_ = false;  // all_read_, and not because of stop
  std::atomic<bool> closing_{false};
  std::exception_ptr failure_;
  std::mutex long_records_;  // held while one is worked on
  std::vector<std::thread> threads_;
};

}  // namespace myoflag::batch
