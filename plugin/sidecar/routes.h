#pragma once
// Everything that the sidecar answers, as one table. Handlers are functions of the request, the
// knowledge and the clock. Errors: MF-4227, MF-4243, and those of the CDS Hooks service.

#include <functional>
#include <string>
#include <string_view>

#include "plugin/http/router.h"
#include "plugin/sidecar/serving.h"
#include "plugin/trust/gate.h"

namespace myoflag::sidecar {

struct Parts {
  const Current& serving;
  trust::Gate* gate;  // null: nobody who calls is checked
  std::function<void(const std::string& request, std::string_view why)> denied;  // for the log
  std::function<rules::Instant()> now;
  std::string version;
  std::string base;  // as clients know it, without a slash at the end: "https://cds.example"
};

// Judges who calls by the head of the request; why somebody is refused goes to the log. Null:
// nobody is checked.
http::Admission admission(const Parts& parts);

// `parts` is copied; what it refers to outlives the router.
http::Router routes(const Parts& parts);

}  // namespace myoflag::sidecar
