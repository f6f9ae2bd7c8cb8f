#include "plugin/batch/pipeline.h"

#include <malloc.h>
#include <utility>

namespace myoflag::batch {
namespace {

// What is written of a record may be thirty times as long as the record.
constexpr std::size_t kChunkRecords = 16;
constexpr std::size_t kChunkBytes = 512u << 10;
constexpr std::size_t kLongRecord = 256u << 10;
constexpr std::size_t kBytes = 4u << 20;
constexpr std::size_t kBytesOfThread = 4u << 20;

std::size_t size_of(const std::vector<Written>& all) {
  std::size_t size = 0;
  for (const auto& written : all) {
    for (const auto& [file, text] : written.to) {
      size += text.size();
    }
    if (const auto& one = written.submission) {
      size += one->input.size() + one->assessment.size() + one->bundle.size();
    }
  }
  return size;
}

}  // namespace

Pipeline::Pipeline(RecordReader& reader, const OutputWriter& writer, int threads,
                   const std::atomic<bool>& stop)
    : reader_(reader),
      writer_(writer),
      stop_(stop),
      most_(static_cast<std::uint64_t>(threads) * 2 + 1),
      most_bytes_(kBytes + static_cast<std::size_t>(threads) * kBytesOfThread) {
  reader_.stop_when([this] { return stop_ || closing_; });
  try {
    start(threads);
  } catch (...) {
    close();
    throw;
  }
}

Pipeline::~Pipeline() { close(); }

void Pipeline::start(int threads) {
  threads_.emplace_back([this] { run(&Pipeline::read_all); });
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { run(&Pipeline::work); });
  }
}

void Pipeline::close() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) {
    thread.join();
  }
}

// No exception leaves a thread: next() tells it.
void Pipeline::run(void (Pipeline::*body)()) {
  try {
    (this->*body)();
  } catch (...) {
    const std::lock_guard lock(mutex_);
    failure_ = failure_ ? failure_ : std::current_exception();
    closing_ = true;
    changed_.notify_all();
  }
}

std::optional<Chunk> Pipeline::read_chunk(bool& ended) {
  Chunk chunk;
  while (!stop_ && chunk.records.size() < kChunkRecords && chunk.bytes < kChunkBytes) {
    auto record = reader_.read();
    if (!record) {
      ended = !reader_.stopped();
      break;
    }
    chunk.bytes += record->bytes.size();
    chunk.records.push_back(std::move(*record));
  }
  chunk.next = reader_.next();
  chunk.taken = reader_.taken();
  return chunk.records.empty() ? std::nullopt : std::optional(std::move(chunk));
}

bool Pipeline::may_read() const {
  return read_ == given_ || (read_ - given_ < most_ && bytes_ < most_bytes_);
}

void Pipeline::read_all() {
  bool ended = false;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return closing_ || may_read(); });
      if (closing_) {
        break;
      }
    }
    auto chunk = read_chunk(ended);
    if (!chunk) {
      break;
    }
    const std::lock_guard lock(mutex_);
    chunk->number = read_++;
    bytes_ += chunk->bytes;
    to_do_.push(std::move(*chunk));
    changed_.notify_all();
  }
  const std::lock_guard lock(mutex_);
  all_read_ = true;
  ended_ = ended;
  changed_.notify_all();
}

// What a long one needs is given back to the system, or each thread would come to keep as much.
Written Pipeline::write(const Record& record, OutputWriter::Desk& desk) {
  if (record.bytes.size() < kLongRecord) {
    return writer_.write(record, desk);
  }
  const std::lock_guard lock(long_records_);
  Written written = writer_.write(record, desk);
  ::malloc_trim(0);
  return written;
}

void Pipeline::work() {
  const auto desk = writer_.desk();
  for (;;) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return closing_ || all_read_ || !to_do_.empty(); });
    if (closing_ || to_do_.empty()) {
      return;
    }
    Chunk chunk = std::move(to_do_.front());
    to_do_.pop();
    lock.unlock();
    for (const auto& record : chunk.records) {
      chunk.written.push_back(write(record, *desk));
    }
    chunk.records = {};
    lock.lock();
    bytes_ -= std::exchange(chunk.bytes, size_of(chunk.written));
    bytes_ += chunk.bytes;
    done_.emplace(chunk.number, std::move(chunk));
    changed_.notify_all();
  }
}

std::optional<Chunk> Pipeline::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] {
    return failure_ || done_.contains(given_) || (all_read_ && given_ == read_);
  });
  if (failure_) {
    std::rethrow_exception(failure_);
  }
  const auto found = done_.find(given_);
  if (found == done_.end()) {
    return std::nullopt;
  }
  Chunk chunk = std::move(found->second);
  done_.erase(found);
  ++given_;
  bytes_ -= chunk.bytes;
  changed_.notify_all();
  return chunk;
}

bool Pipeline::ended() {
  const std::lock_guard lock(mutex_);
  return ended_;
}

}  // namespace myoflag::batch
