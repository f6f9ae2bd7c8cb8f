#pragma once
// Where an EHR launches the clinic's pages (SMART App Launch): the launch, the return from the
// authorization server, and the public keys by which it knows us. What is refused is refused with a
// page for the clinician and a line for the log, neither with anything of a patient or a token. No
// address of ours holds a token; the state of a launch is bound to the browser by a cookie.

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "plugin/http/router.h"
#include "plugin/launch/launch.h"
#include "plugin/review/service.h"

namespace myoflag::review {

struct LaunchParts {
  Door door;
  launch::Launches& launches;
  browser::Texts texts;
  std::function<rules::Instant()> now;
  std::function<void(const std::string& request, std::string_view why)> log;
  // How it ended: "begun", "signed in", "refused"; for figures.
  std::function<void(std::string_view outcome)> count;
  std::function<std::string()> key_set;               // our public keys, JSON; null: there are none
  double requests_per_minute = 1'200;                 // from one address
  std::string proxy_field;                            // as browser::sender_of takes it
  int most_at_once = 8;                               // that wait for an EHR
  std::optional<launch::Times> times = std::nullopt;  // of its sessions; nothing: those of all
};

// `parts` is copied; what it refers to outlives the router.
void add_launch_routes(http::Router& router, const LaunchParts& parts);

// The same for staff, who begin here (kSignIn) and come from no record.
void add_staff_routes(http::Router& router, const LaunchParts& parts);

}  // namespace myoflag::review
