#pragma once
// Fetches for calls what did not come with them, in time, and only from the servers that a site
// names: a token goes nowhere else.

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "plugin/cds/fetching.h"
#include "plugin/ehr/fetch_pool.h"

namespace myoflag::sidecar {

class CallFetcher {
 public:
  // `servers`: without a slash at the end. `deadline`: of a whole call.
  CallFetcher(std::vector<std::string> servers, std::unique_ptr<ehr::FetchPool> pool,
              std::chrono::milliseconds deadline);

  // For a call that is answered from now on.
  std::vector<cds::Pages> fetch(const cds::Wanted& wanted);

  ehr::FetchPool::Counts counts() const { return pool_->counts(); }

 private:
  const std::vector<std::string> servers_;
  const std::chrono::milliseconds time_;
  const std::unique_ptr<ehr::FetchPool> pool_;
};

}  // namespace myoflag::sidecar
