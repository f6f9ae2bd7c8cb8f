#include "plugin/delivery/alert.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "fhir/client/verdict.h"
#include "fhir/datetime.h"
#include "fhir/json.h"

namespace myoflag::delivery {

namespace {

using fhir::Json;
using fhir::client::Method;
using fhir::client::Request;
using fhir::client::Response;
using fhir::client::World;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::sys_seconds;
using store::Alert;
using store::Done;
using store::Result;

constexpr std::size_t kMostAnswer = 64u << 10U;  // bytes; nobody reads them
constexpr milliseconds kDeadline{10'000};

// How one try ended that the hook has not taken.
struct Setback {
  std::string why;               // free of the address, which may hold a secret
  bool is_refusal = false;       // it says that it will not, not that it cannot now
  bool is_receiver = false;      // others would fare alike
  std::optional<seconds> waits;  // asked for
};

bool may_pass(int status) {
  return status == 408 || status == 425 || status == 429 || status >= 500;
}

Setback setback_of(const Response& response, sys_seconds now) {
  const int status = response.status;
  const bool is_redirect = status >= 300 && status < 400;
  Setback setback;
  setback.is_refusal = !may_pass(status);
  setback.is_receiver = status == 429 || status >= 500;
  setback.why = is_redirect ? fmt::format(
                                  "MF-3166: the web hook answered {}: a redirect is never "
                                  "followed",
                                  status)
                            : fmt::format("MF-3166: the web hook answered {}", status);
  if (!setback.is_refusal) {
    setback.waits = fhir::client::retry_after(value_of(response.headers, "Retry-After"), now);
  }
  return setback;
}

class Telling {
 public:
  Telling(store::Store& store, fhir::client::Transport& transport, const AlertOptions& options,
          const World& world, const Tell& tell, const std::atomic<bool>& stop)
      : store_(store),
        transport_(transport),
        options_(options),
        world_(world),
        tell_(tell),
        stop_(stop) {}

  Result<Told> run() {
    while (!stop_) {
      const auto more = turn();
      if (!more) {
        return tl::unexpected(more.error());
      }
      if (!*more) {
        break;
      }
    }
    return store_.counts().map([this](const store::Counts& counts) {
      told_.left = counts.alerts_waiting;
      return told_;
    });
  }

 private:
  // Does the next thing that there is to do; false when there is none.
  Result<bool> turn() {
    const auto due = store_.next_alert_due();
    if (!due || !*due) {
      return due.map([](const auto&) { return false; });
    }
    const sys_seconds from = std::max(**due, not_before_);
    if (world_.now() < from) {
      if (!options_.once) {
        pause(from);
      }
      return !options_.once;
    }
    const auto alert = store_.next_alert(world_.now());
    if (!alert) {
      return tl::unexpected(alert.error());
    }
    if (!*alert) {  // somebody acknowledged it just then, or another process tells of it
      if (!options_.once) {
        pause(world_.now() + seconds(1));
      }
      return !options_.once;
    }
    return tell_of(**alert).map([] { return true; });
  }

  // In short waits: a more urgent one may come, or somebody may ask to stop.
  void pause(sys_seconds until) const {
    constexpr milliseconds kStep{200};
    constexpr seconds kMost{2};
    const milliseconds all = std::min<milliseconds>(until - world_.now(), kMost);
    for (milliseconds left = all; left.count() > 0 && !stop_; left -= kStep) {
      world_.wait(std::min(left, kStep));
    }
  }

  Request request_for(const Alert& alert) const {
    Request request;
    request.method = Method::post;
    request.url = options_.url;
    request.body = alert_body(alert);
    request.headers = {
        {"Content-Type", "application/json"},
        {"Idempotency-Key", fmt::format("\"{}\"", alert.outcome)},
        {"Myoflag-Signature", alert_signature(options_.secret, world_.now(), request.body)}};
    request.deadline = kDeadline;
    request.most_bytes = kMostAnswer;
    return request;
  }

  Done tell_of(const Alert& alert) {
    const auto response = transport_.send(request_for(alert));
    const bool is_taken = response && response->status >= 200 && response->status < 300;
    if (is_taken) {
      ++told_.told;
      tell_(fmt::format("urgent {}: the web hook was told", alert.escalation));
      return store_.alert_told(alert.escalation, world_.now());
    }
    const Setback setback =
        response ? setback_of(*response, world_.now())
                 : Setback{fmt::format("{}: {}", response.error().code, response.error().text),
                           false, true, std::nullopt};
    return take(alert, setback);
  }

  Done take(const Alert& alert, const Setback& setback) {
    const int tries = alert.tries + 1;
    const auto own = std::chrono::ceil<seconds>(fhir::client::back_off(tries, world_.chance()));
    const sys_seconds now = world_.now();
    const sys_seconds due = now + std::max(setback.waits.value_or(seconds(0)), own);
    const bool is_over = setback.is_refusal ? tries >= options_.most_refusals
                                            : due - alert.since.value_or(now) > options_.give_up;
    if (is_over) {
      ++told_.parked;
      tell_(fmt::format("urgent {}: the web hook is told no more: {}", alert.escalation,
                        setback.why));
      return store_.park_alert(alert.escalation, setback.why);
    }
    if (setback.is_receiver) {
      not_before_ = due;
    }
    tell_(fmt::format("urgent {}: the web hook was not told, again {}: {}", alert.escalation,
                      fhir::instant_text(due), setback.why));
    return store_.postpone_alert(alert.escalation, now, due, setback.why);
  }

  store::Store& store_;
  fhir::client::Transport& transport_;
  const AlertOptions& options_;
  const World& world_;
  const Tell& tell_;
  const std::atomic<bool>& stop_;
  sys_seconds not_before_;
  Told told_;
};

}  // namespace

std::string alert_body(const Alert& alert) {
  Json body = Json::object({{"type", "urgent-result"},
                            {"id", alert.outcome},
                            {"item", Json(alert.item)},
                            {"urgent", Json(alert.escalation)},
                            {"tier", alert.tier}});
  if (alert.target_hours) {
    body.set("targetHours", Json(*alert.target_hours));
  }
  body.set("received", fhir::instant_text(alert.received));
  return fhir::write_json(body);
}

std::string alert_signature(std::string_view secret, sys_seconds now, std::string_view body) {
  const auto at = now.time_since_epoch().count();
  const std::string signed_text = fmt::format("{}.{}", at, body);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  ::HMAC(::EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
         reinterpret_cast<const unsigned char*>(signed_text.data()), signed_text.size(),
         digest.data(), &size);
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) {
    hex += fmt::format("{:02x}", digest[i]);
  }
  return fmt::format("t={},v1={}", at, hex);
}

tl::expected<Told, Failure> tell_urgent(store::Store& store, fhir::client::Transport& transport,
                                        const AlertOptions& options, const World& world,
                                        const Tell& tell, const std::atomic<bool>& stop) {
  return Telling(store, transport, options, world, tell, stop).run();
}

}  // namespace myoflag::delivery
