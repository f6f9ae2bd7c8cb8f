#include "plugin/cli/prefilling.h"

#include <algorithm>
#include <exception>
#include <typeinfo>
#include <utility>

#include "plugin/cds/fetching.h"
#include "plugin/intake/prefill.h"

namespace myoflag::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kEvery{2'000};
constexpr seconds kPatience{20};  // of nobody: in the background
constexpr seconds kPause{30};     // after the EHR was away
constexpr int kMostOfARound = 20;
constexpr int kMostAway = 3;  // one after the other
// Of the wait of whoever opens a form, for reading what came.
constexpr milliseconds kForReading{150};

bool is_there(const fhir::Json& record) {
  const auto* patient = record.find("patient");
  return patient != nullptr && patient->string_of("resourceType") == "Patient";
}

}  // namespace

tl::expected<std::unique_ptr<Prefilling>, Failure> Prefilling::start(
    Parts parts, std::vector<std::string> arguments) {
  while (parts.base.ends_with('/')) {
    parts.base.pop_back();
  }
  return ehr::FetchPool::open(std::move(arguments), kAtOnce, ehr::SignIn::ours)
      .map([&](auto&& pool) {
        auto prefilling = std::make_unique<Prefilling>(std::move(parts), std::move(pool));
        auto* it = prefilling.get();
        it->thread_ = std::make_unique<sidecar::KeyRefresher>(
            [it](const std::atomic<bool>& stop) { it->round(stop); }, kEvery, kEvery);
        return prefilling;
      });
}

Prefilling::Prefilling(Parts parts, std::unique_ptr<ehr::FetchPool> pool)
    : parts_(std::move(parts)), pool_(std::move(pool)) {}

void Prefilling::open(const intake::Invitation& invitation) {
  const auto now = parts_.now();
  const auto may = parts_.invitations.may_fetch(invitation.id, {true, now - parts_.age}, now);
  if (!may) {
    parts_.tell(invitation.id, may.error().text);
  } else if (*may && Clock::now() >= pause_until_.load()) {
    fetch(invitation, Clock::now() + parts_.wait - kForReading, true, nullptr);
  }  // else with what is there; what was too old is fetched in the background
}

void Prefilling::round(const std::atomic<bool>& stop) {
  if (Clock::now() < quiet_until_) {
    return;
  }
  const auto due = parts_.invitations.without_record(parts_.now(), kMostOfARound);
  if (!due) {
    parts_.tell(0, due.error().text);
    return;
  }
  int away = 0;
  for (const auto& invitation : *due) {
    const auto may = parts_.invitations.may_fetch(invitation.id, {}, parts_.now());
    if (!may) {
      parts_.tell(invitation.id, may.error().text);
      return;
    }
    if (stop) {
      return;
    }
    if (*may) {
      const auto outcome = fetch(invitation, Clock::now() + kPatience, false, &stop);
      away = outcome == Outcome::away ? away + 1 : 0;
    }
    if (away == kMostAway) {
      quiet_until_ = Clock::now() + kPause;
      return;
    }
  }
}

// What somebody else's server sends ends neither the sidecar nor a visit.
tl::expected<intake::Prefill, std::string> Prefilling::prefill_of(
    const intake::Invitation& invitation, const fhir::Json& record, rules::Instant now) const {
  try {
    return intake::prefill_of(*parts_.assessor(), invitation, record, now);
  } catch (const std::exception& error) {
    // Not what it says: that may quote the record.
    return tl::unexpected(std::string("MF-4268: ") + typeid(error).name());
  }
}

// Of what is too long the first pages: each says that there are more.
fhir::Json Prefilling::record_of(const intake::Invitation& invitation, Clock::time_point until,
                                 const std::atomic<bool>* stop) {
  const auto id = intake::patient_id(invitation.patient);
  std::vector<cds::Pages> pages;
  auto record = cds::fetch_record(parts_.base, id, [&](const cds::Wanted& wanted) {
    pages = pool_->fetch({wanted.server, {}, wanted.queries, {}}, until, stop);
    return pages;
  });
  if (fhir::write_json(record).size() <= intake::kMostRecord) {
    return record;
  }
  return cds::fetch_record(parts_.base, id, [&](const cds::Wanted&) {
    for (auto& one : pages) {
      one.resize(std::min(one.size(), std::size_t{1}));
    }
    return pages;
  });
}

Prefilling::Outcome Prefilling::fetch(const intake::Invitation& invitation, Clock::time_point until,
                                      bool is_opened, const std::atomic<bool>* stop) {
  const auto record = record_of(invitation, until, stop);
  if (is_opened && Clock::now() + kForReading >= until) {
    pause_until_ = Clock::now() + kPause;
  }
  if (stop != nullptr && *stop) {
    return Outcome::away;  // what did not come was not waited for
  }
  if (!is_there(record) && !intake::is_refused(record)) {
    ++away_;
    parts_.tell(invitation.id, "MF-4269: the record could not be fetched");
    return Outcome::away;
  }
  const auto now = parts_.now();
  const auto made = prefill_of(invitation, record, now);
  if (!made) {
    parts_.tell(invitation.id, made.error());
  }
  const auto prefill = made.value_or(intake::Prefill());
  // What may not be used takes the place of what was used before.
  const auto kept = parts_.invitations.keep_record(
      invitation.id,
      {prefill.record, prefill.suggested, !made || intake::is_whole(record), is_opened}, now);
  if (!kept) {
    parts_.tell(invitation.id, kept.error().text);
  }
  ++(made && kept ? kept_ : unused_);
  return made && kept ? Outcome::kept : Outcome::unused;
}

void Prefilling::count(sidecar::Metrics& metrics) const {
  metrics.add_source([this](sidecar::Metrics& to) {
    constexpr const char* name = "myoflag_prefills";
    constexpr const char* help = "Records since the start that were to suggest answers";
    to.set(name, help, {{"result", "kept"}}, static_cast<double>(kept_));
    to.set(name, help, {{"result", "not used"}}, static_cast<double>(unused_));
    to.set(name, help, {{"result", "not fetched"}}, static_cast<double>(away_));
  });
}

}  // namespace myoflag::cli
