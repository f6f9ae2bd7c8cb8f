#pragma once
// Everything that waits in an outbox, to the EHR: the work of `myoflag deliver run`, and of the end
// of a batch.

#include <atomic>
#include <string>

#include "plugin/ehr/ehr_options.h"
#include "plugin/failure.h"
#include "plugin/store/store.h"

namespace myoflag::cli {

struct DeliveryRun {
  std::string store;  // its file
  ehr::DeliveryChoice how;
  ehr::EhrOptions ehr;
};

// MF-3150 when the site does not fit.
tl::expected<void, Failure> check_delivery(const DeliveryRun& run);

// Says itself what went wrong. rejected: something is parked, where people look after it.
Exit deliver_all(store::Store& store, const DeliveryRun& run, const std::atomic<bool>& stop);

}  // namespace myoflag::cli
