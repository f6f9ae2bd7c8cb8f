#pragma once
// Many questionnaires at once: records in, output out, in the order of the input and with the same
// bytes whatever the number of threads. One bad record never stops it. In a folder it can be broken
// off at any moment, also by kill -9, and goes on exactly where it was.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "plugin/assess.h"
#include "plugin/batch/output.h"
#include "plugin/batch/records.h"
#include "plugin/batch/summary.h"
#include "plugin/failure.h"

namespace myoflag::batch {

struct BatchOptions {
  std::vector<std::string> inputs;  // files, folders, "-"
  std::string out;                  // a folder; "-": one stream, without state and manifest
  bool resume = false;
  int threads = 1;
  OutputOptions output;
  bool now_given = false;  // else a resumed batch keeps the time of its start
  std::string outbox;      // with output.submit: the store that keeps what is for the EHR
  RecordLimits limits;
  std::uint64_t checkpoint_bytes = 64u << 20;  // of output between two checkpoints, about
};

struct Progress {
  std::uint64_t taken = 0;  // bytes of the input on disk
  std::uint64_t total = 0;  // 0 when unknown
  std::uint64_t records = 0;
  std::uint64_t rejected = 0;
};

struct BatchResult {
  Summary summary;
  bool stopped = false;  // by `stop`, in good order: --resume goes on
};

// `stop` may be set at any time, from a signal handler too. MF-4108: the folder cannot be used so.
tl::expected<BatchResult, Failure> run_batch(const Assessor& assessor, const BatchOptions& options,
                                             const std::function<void(const Progress&)>& tell,
                                             const std::atomic<bool>& stop);

}  // namespace myoflag::batch
