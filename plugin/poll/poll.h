#pragma once
// Looks for new and changed responses at an EHR and takes each version once, with what the record
// there knows about the patient. What was found is on disk before anything follows from it: after
// the end of this process the next round goes on. docs/delivery.md.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "fhir/client/client.h"
#include "plugin/failure.h"
#include "plugin/store/inbox.h"

namespace myoflag::poll {

struct PollOptions {
  std::vector<std::string> forms;      // canonicals, with a version or without
  std::chrono::seconds overlap{300};   // looked at again: clocks differ
  std::chrono::seconds patience{300};  // with an EHR that gives nothing of a record
  std::size_t most_pages = 100;        // of one round
};

struct Polled {
  int taken = 0;    // versions that are new
  int fetched = 0;  // records
};

using Tell = std::function<void(const std::string&)>;  // without patient data

// One round. A round that failed is noted in the inbox with its reason, and says so (exit 3):
// MF-3170, MF-3171. Before the time noted with it nothing is asked.
tl::expected<Polled, Failure> poll_once(store::Inbox& inbox, fhir::client::Client& client,
                                        const PollOptions& options,
                                        const fhir::client::World& world, const Tell& tell,
                                        const std::atomic<bool>& stop);

}  // namespace myoflag::poll
