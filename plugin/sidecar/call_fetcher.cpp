#include "plugin/sidecar/call_fetcher.h"

#include <algorithm>
#include <utility>

namespace myoflag::sidecar {
namespace {

// Of the call's time, for judging what was fetched.
constexpr std::chrono::milliseconds for_judging{60};

}  // namespace

CallFetcher::CallFetcher(std::vector<std::string> servers, std::unique_ptr<ehr::FetchPool> pool,
                         std::chrono::milliseconds deadline)
    : servers_(std::move(servers)), time_(deadline - for_judging), pool_(std::move(pool)) {}

std::vector<cds::Pages> CallFetcher::fetch(const cds::Wanted& wanted) {
  const auto until = ehr::FetchPool::Clock::now() + time_;
  if (std::find(servers_.begin(), servers_.end(), wanted.server) == servers_.end()) {
    return {};
  }
  return pool_->fetch({wanted.server, wanted.token, wanted.queries, {}}, until);
}

}  // namespace myoflag::sidecar
