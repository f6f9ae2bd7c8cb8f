#pragma once
// Tells a web hook of urgent results, each at least once and always under the same key, whatever
// the receiver, the network or the end of this process do meanwhile: an alert counts as told only
// when an answer said so and that is on disk. It says which result, never whose. docs/delivery.md.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "fhir/client/client.h"
#include "fhir/client/transport.h"
#include "plugin/delivery/deliver.h"
#include "plugin/failure.h"
#include "plugin/store/store.h"

namespace myoflag::delivery {

struct AlertOptions {
  std::string url;
  std::string secret;
  bool once = false;  // end when nothing is due, instead of when nothing waits
  int most_refusals = 5;
  std::chrono::seconds give_up = std::chrono::hours(72);  // after the first try
};

struct Told {
  std::uint64_t told = 0, parked = 0;  // in this run
  std::uint64_t left = 0;
};

tl::expected<Told, Failure> tell_urgent(store::Store& store, fhir::client::Transport& transport,
                                        const AlertOptions& options,
                                        const fhir::client::World& world, const Tell& tell,
                                        const std::atomic<bool>& stop);

// JSON, the same at every try.
std::string alert_body(const store::Alert& alert);

// "t=<seconds since 1970>,v1=<HMAC-SHA256 over "<seconds>.<body>", lower-case hex>".
std::string alert_signature(std::string_view secret, std::chrono::sys_seconds now,
                            std::string_view body);

}  // namespace myoflag::delivery
