#pragma once
// From the configuration to launches of the clinic's pages from EHRs and the sign-in of staff.
// Errors: MF-4134 and those of the setup.

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
         std::vector<launch::Server> staff, std::unique_ptr<ehr::FetchPool> pool);

  launch::Sessions& sessions() { return sessions_; }
  launch::Launches* launches() { return servers_.empty() ? nullptr : &launches_; }
  launch::Launches* staff() { return staff_.empty() ? nullptr : &sign_ins_; }
  launch::Times staff_times() const { return staff_times_; }
  const std::string& frames() const { return frames_; }
  int most_at_once() const { return most_at_once_; }
  // Our public keys, read now, as JSON; empty: one of them cannot be read.
  std::string key_set() const;
  bool has_keys() const;

  void count(std::string_view outcome) { count(counts_, outcome); }
  void count_staff(std::string_view outcome) { count(staff_counts_, outcome); }
  void tell(sidecar::Metrics& to, rules::Instant now);

 private:
  using Counts = std::array<std::atomic<std::uint64_t>, 3>;
  static void count(Counts& counts, std::string_view outcome);
  launch::Exchange exchange();

  const std::vector<launch::Server> servers_, staff_;  // one of staff, or none
  const std::unique_ptr<ehr::FetchPool> pool_;
  const std::string frames_;
  const int most_at_once_;
  const launch::Times staff_times_;
  launch::Sessions sessions_;
  launch::Launches launches_, sign_ins_;
  Counts counts_{}, staff_counts_{};
};

// Null: nothing is launched, and staff do not sign in.
tl::expected<std::unique_ptr<Launch>, Failure> open_launch(
    const sidecar::Setup& setup, const std::vector<launch::Server>& servers,
    const std::vector<launch::Server>& staff, const std::vector<std::string>& arguments);

}  // namespace myoflag::cli
