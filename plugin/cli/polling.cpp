#include "plugin/cli/polling.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include "plugin/ehr/process.h"

namespace myoflag::cli {
namespace {

// So many rounds, and so long, may fail before somebody should know.
constexpr int kRounds = 3;
constexpr std::chrono::seconds kLeast{900};

rules::Instant now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

}  // namespace

tl::expected<poll::JudgedAll, Failure> poll_and_judge(store::Inbox& inbox,
                                                      const std::vector<std::string>& arguments,
                                                      const Assessor& assessor,
                                                      const delivery::SubmissionOptions& options,
                                                      const std::atomic<bool>& stop) {
  const auto looked = ehr::run_ehr(arguments, stop, 0, std::chrono::seconds(10));
  auto judged = poll::judge_found(inbox, assessor, options, now(), stop);
  return judged && !looked && !stop ? tl::unexpected(looked.error()) : std::move(judged);
}

tl::expected<std::unique_ptr<Poller>, Failure> Poller::start(Parts parts) {
  auto inbox = store::Inbox::open(parts.store);
  auto watched = store::Inbox::open(parts.store);
  if (!inbox || !watched) {
    return tl::unexpected(inbox ? watched.error() : inbox.error());
  }
  auto poller = std::make_unique<Poller>(std::move(parts), *std::move(inbox), *std::move(watched));
  auto* it = poller.get();
  const auto every = std::chrono::milliseconds(it->parts_.every);
  poller->thread_ = std::make_unique<sidecar::KeyRefresher>(
      [it](const std::atomic<bool>& stop) { it->round(stop); }, every, every);
  return poller;
}

Poller::Poller(Parts parts, store::Inbox inbox, store::Inbox watched)
    : parts_(std::move(parts)),
      started_(now()),
      inbox_(std::move(inbox)),
      watched_(std::move(watched)) {}

void Poller::round(const std::atomic<bool>& stop) {
  const auto assessor = parts_.assessor();
  const auto done = poll_and_judge(inbox_, parts_.arguments, *assessor, parts_.options, stop);
  failures_ = done ? 0 : failures_ + 1;
  if (!done && !stop) {
    parts_.tell(done.error());
  }
}

// Since the last round that saw all; since the first one, or our start, where none did.
std::int64_t Poller::age_of(const store::Polling& polling) const {
  const auto since = polling.done ? *polling.done : polling.begun.value_or(started_);
  return std::max(std::chrono::seconds(0), now() - since).count();
}

// The store knows nothing of a round that died at once.
int Poller::failures_of(const store::Polling& polling) const {
  return std::max(polling.failures, failures_.load());
}

void Poller::count(sidecar::Metrics& metrics) {
  metrics.add_source([this](sidecar::Metrics& to) {
    const std::lock_guard lock(mutex_);
    const auto counts = watched_.counts();
    const auto polling = watched_.polling();
    if (!counts || !polling) {
      return;  // myoflag_outbox_up says so
    }
    const auto set = [&to](const char* state, std::uint64_t value) {
      to.set("myoflag_found", "Responses found in the EHR by what became of them",
             {{"state", state}}, static_cast<double>(value));
    };
    set("waiting", counts->waiting);
    set("judged", counts->judged);
    set("ours", counts->ours);
    set("parked", counts->parked);
    to.set("myoflag_poll_age_seconds", "Since the EHR was last asked to the end", {},
           static_cast<double>(age_of(*polling)));
    to.set("myoflag_poll_failures", "Rounds since then that were not", {}, failures_of(*polling));
  });
}

sidecar::Readiness Poller::readiness() {
  const std::lock_guard lock(mutex_);
  const auto counts = watched_.counts();
  const auto polling = watched_.polling();
  if (!counts || !polling) {
    return {"poll", false, {}};
  }
  const bool is_stale = age_of(*polling) > std::max(kRounds * parts_.every, kLeast).count();
  // Cards and pages do not need it: an EHR that is down does not take them away.
  return {"poll", true,
          fhir::Json::object({{"stale", is_stale},
                              {"ageSeconds", fhir::Json(age_of(*polling))},
                              {"failures", failures_of(*polling)},
                              {"waiting", fhir::Json(static_cast<std::int64_t>(counts->waiting))},
                              {"parked", fhir::Json(static_cast<std::int64_t>(counts->parked))}})};
}

}  // namespace myoflag::cli
