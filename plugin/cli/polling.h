#pragma once
// Responses found in the EHR: looked for, judged, and how that goes; for the sidecar, which does it
// again and again, and for `myoflag deliver poll`, which does it once.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "plugin/assess.h"
#include "plugin/delivery/submission.h"
#include "plugin/poll/judge.h"
#include "plugin/sidecar/key_refresher.h"
#include "plugin/sidecar/metrics.h"
#include "plugin/sidecar/operations.h"
#include "plugin/sidecar/routes.h"
#include "plugin/store/inbox.h"

namespace myoflag::cli {

// One round in the program that speaks to the EHR, and what was found judged. What an earlier round
// found is judged even where this one fails, and then the failure is told.
tl::expected<poll::JudgedAll, Failure> poll_and_judge(store::Inbox& inbox,
                                                      const std::vector<std::string>& arguments,
                                                      const Assessor& assessor,
                                                      const delivery::SubmissionOptions& options,
                                                      const std::atomic<bool>& stop);

class Poller {
 public:
  struct Parts {
    std::string store;
    std::vector<std::string> arguments;
    std::function<std::shared_ptr<const Assessor>()> assessor;  // of now
    delivery::SubmissionOptions options;
    std::chrono::seconds every{0};
    std::function<void(const Failure&)> tell;  // of a round that failed
  };

  // Until it is destroyed.
  static tl::expected<std::unique_ptr<Poller>, Failure> start(Parts parts);
  // Two handles of the store; nothing runs yet.
  Poller(Parts parts, store::Inbox inbox, store::Inbox watched);

  void count(sidecar::Metrics& metrics);
  sidecar::Readiness readiness();

 private:
  void round(const std::atomic<bool>& stop);
  std::int64_t age_of(const store::Polling& polling) const;  // seconds
  int failures_of(const store::Polling& polling) const;

  const Parts parts_;
  const rules::Instant started_;
  std::atomic<int> failures_{0};  // of rounds, one after the other
  store::Inbox inbox_;            // of the thread that polls
  std::mutex mutex_;
  store::Inbox watched_;  // guarded by mutex_
  std::unique_ptr<sidecar::KeyRefresher> thread_;
};

}  // namespace myoflag::cli
