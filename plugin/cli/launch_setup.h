#pragma once
// From the configuration to launches of the clinic's pages from EHRs. Errors: MF-4134 and those of
// the setup.

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "plugin/ehr/fetch_pool.h"
#include "plugin/launch/launch.h"
#include "plugin/sidecar/metrics.h"
#include "plugin/sidecar/setup.h"

namespace myoflag::cli {

class Launch {
 public:
  Launch(const sidecar::Setup& setup, std::vector<launch::Server> servers,
         std::unique_ptr<ehr::FetchPool> pool);

  launch::Sessions& sessions() { return sessions_; }
  launch::Launches& launches() { return launches_; }
  const std::string& frames() const { return frames_; }
  int most_at_once() const { return most_at_once_; }
  // Our public keys, read now, as JSON; empty: one of them cannot be read.
  std::string key_set() const;
  bool has_keys() const;

  void count(std::string_view outcome);
  void tell(sidecar::Metrics& to, rules::Instant now);

 private:
  const std::vector<launch::Server> servers_;
  const std::unique_ptr<ehr::FetchPool> pool_;
  const std::string frames_;
  const int most_at_once_;
  launch::Sessions sessions_;
  launch::Launches launches_;
  std::array<std::atomic<std::uint64_t>, 3> counts_{};
};

// Null: nothing is launched.
tl::expected<std::unique_ptr<Launch>, Failure> open_launch(
    const sidecar::Setup& setup, const std::vector<launch::Server>& servers,
    const std::vector<std::string>& arguments);

}  // namespace myoflag::cli
