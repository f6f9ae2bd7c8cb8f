#pragma once
// Works the outbox off: brings what waits in the store to one FHIR endpoint, each resource once,
// whatever the server, the network or the end of this process do meanwhile. Every step is on disk
// before it is taken: a second run goes on where the first one ended. docs/delivery.md.

#include <atomic>
#include <chrono>
#include <functional>
#include <string>

#include <tl/expected.hpp>

#include "fhir/client/client.h"
#include "plugin/delivery/site.h"
#include "plugin/failure.h"
#include "plugin/store/store.h"

namespace myoflag::delivery {

struct DeliverOptions {
  std::string target;  // base of the endpoint, or the folder of rung F
  Site site;
  bool once = false;  // end when nothing is due, instead of when nothing waits
  std::chrono::seconds give_up = std::chrono::hours(72);  // after the first try of an item
  // Signs in for Tasks alone: who refuses them refuses no results. Null: as for everything else.
  fhir::client::Client* tasks = nullptr;
};

struct Delivered {
  std::uint64_t done = 0, parked = 0;  // in this run
  store::Counts left;
};

// A line for a person, without patient data.
using Tell = std::function<void(const std::string&)>;

// Exit 3 where the endpoint lets nobody in or does not say what it takes; what waits stays.
// MF-3150: the store delivers to another target. After `stop` it ends in good order.
tl::expected<Delivered, Failure> deliver(store::Store& store, fhir::client::Client& client,
                                         const DeliverOptions& options,
                                         const fhir::client::World& world, const Tell& tell,
                                         const std::atomic<bool>& stop);
// Rung F: one file with the transaction and one with its resources (NDJSON) for each item, under
// its outcome's name. MF-3159: the folder cannot be written.
tl::expected<Delivered, Failure> deliver_files(store::Store& store, const DeliverOptions& options,
                                               const fhir::client::World& world, const Tell& tell,
                                               const std::atomic<bool>& stop);

// Nobody else delivers from that file while this lives. MF-3151: somebody does. From a database
// several may: each has claimed what it delivers.
class Lock {
 public:
  static tl::expected<Lock, Failure> take(const std::string& store_file);
  ~Lock();
  Lock(Lock&& other) noexcept;

 private:
  explicit Lock(int file) : file_(file) {}
  int file_ = -1;
};

}  // namespace myoflag::delivery
