#pragma once
// What records suggest to patients who fill in a form: fetched in the background once there is an
// invitation, and again when its form is opened and what is there is too old. An EHR that is away
// hinders nobody.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "plugin/assess.h"
#include "plugin/ehr/fetch_pool.h"
#include "plugin/intake/invitations.h"
#include "plugin/intake/prefill.h"
#include "plugin/sidecar/key_refresher.h"
#include "plugin/sidecar/metrics.h"

namespace myoflag::cli {

class Prefilling {
 public:
  struct Parts {
    intake::Invitations& invitations;
    std::function<std::shared_ptr<const Assessor>()> assessor;  // of now
    std::function<rules::Instant()> now;
    // Why the record of an invitation is not used. Without patient data.
    std::function<void(std::int64_t invitation, std::string_view why)> tell;
    std::string base;  // of the EHR
    std::chrono::seconds age{0};
    std::chrono::milliseconds wait{0};  // of whoever opens a form
  };

  // So many that open a form are about it at most.
  static constexpr std::size_t kAtOnce = 2;

  // `arguments` of the program that fetches. Until it is destroyed; what is given outlives it.
  static tl::expected<std::unique_ptr<Prefilling>, Failure> start(
      Parts parts, std::vector<std::string> arguments);
  Prefilling(Parts parts, std::unique_ptr<ehr::FetchPool> pool);

  // The form is opened by whom it is for. Waits no longer than `wait`.
  void open(const intake::Invitation& invitation);

  void count(sidecar::Metrics& metrics) const;

 private:
  using Clock = ehr::FetchPool::Clock;
  enum class Outcome { kept, unused, away };

  void round(const std::atomic<bool>& stop);
  // Null: nothing ends it before `until`.
  Outcome fetch(const intake::Invitation& invitation, Clock::time_point until, bool is_opened,
                const std::atomic<bool>* stop);
  fhir::Json record_of(const intake::Invitation& invitation, Clock::time_point until,
                       const std::atomic<bool>* stop);
  tl::expected<intake::Prefill, std::string> prefill_of(const intake::Invitation& invitation,
                                                        const fhir::Json& record,
                                                        rules::Instant now) const;

  const Parts parts_;
  const std::unique_ptr<ehr::FetchPool> pool_;
  std::atomic<Clock::time_point> pause_until_{};  // the EHR is slow: nobody waits for it
  Clock::time_point quiet_until_{};               // of the round alone
  std::atomic<std::uint64_t> kept_{0}, unused_{0}, away_{0};
  std::unique_ptr<sidecar::KeyRefresher> thread_;  // the last: it uses the others
};

}  // namespace myoflag::cli
