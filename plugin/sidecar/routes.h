#pragma once
// Everything that the sidecar answers, as one table. Handlers are functions of the request, the
// knowledge and the clock. Errors: MF-4227, MF-4243, MF-4248, MF-4249, and those of the CDS Hooks
// service and of feedback.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/json.h"
#include "plugin/http/router.h"
#include "plugin/sidecar/feedback_keeper.h"
#include "plugin/sidecar/metrics.h"
#include "plugin/sidecar/serving.h"
#include "plugin/trust/gate.h"

namespace myoflag::sidecar {

// A part that may be out of order while the program runs.
struct Readiness {
  std::string part;
  bool is_ready = true;
  fhir::Json about;  // further members; null: none
};

struct Parts {
  const Current& serving;
  trust::Gate* gate;  // null: nobody who calls is checked
  std::function<void(const std::string& request, std::string_view why)> denied;  // for the log
  std::function<rules::Instant()> now;
  std::string version;
  std::string base;  // as clients know it, without a slash at the end: "https://cds.example"
  FeedbackKeeper* feedback = nullptr;           // null: none is kept
  Metrics* metrics = nullptr;                   // null: nothing is counted
  std::function<void()> unknown_key = nullptr;  // a listed issuer's token names one; may be null
  cds::Fetch fetch = nullptr;                   // null: nothing is fetched for calls
  std::function<std::vector<Readiness>()> readiness = nullptr;  // null: all of it is always ready
  std::chrono::milliseconds card_time{2'000};                   // to answer a call: 503
};

// Judges who calls by the head of the request; why somebody is refused goes to the log. Null:
// nobody is checked.
http::Admission admission(const Parts& parts);

// The same for what one of the clients alone may do, at paths under `path`, for which its tokens
// may be made as well: another one gets 403 (MF-4294), and without a gate everybody 401.
http::Admission admission_of(const Parts& parts, std::string issuer, std::string path);

// `parts` is copied; what it refers to outlives the router.
http::Router routes(const Parts& parts);

}  // namespace myoflag::sidecar
