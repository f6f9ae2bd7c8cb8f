#include "plugin/cli/delivery_run.h"

#include <chrono>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "plugin/cli/options.h"
#include "plugin/delivery/site.h"
#include "plugin/ehr/process.h"

namespace myoflag::cli {
namespace {

using store::Store;

// An answer that kills the client is the server's fault and costs nothing: the outbox goes on. Not
// for ever.
tl::expected<void, Failure> run_bounded(const std::vector<std::string>& arguments, Store& store,
                                        const std::atomic<bool>& stop) {
  constexpr int kMostDeaths = 5;
  constexpr std::chrono::milliseconds kStep{200};
  std::uint64_t done = 0;
  for (int deaths = 0;;) {
    auto ended = ehr::run_ehr(arguments, stop);
    if (ended || stop || !ended.error().text.starts_with("MF-4133")) {
      return ended;
    }
    const auto counts = store.counts();
    deaths = counts && counts->done > done ? 1 : deaths + 1;
    done = counts ? counts->done : done;
    if (deaths >= kMostDeaths) {
      return tl::unexpected(
          Failure{Exit::outside,
                  fmt::format("MF-3163: what speaks to the server died {} times in a row; what "
                              "waits stays",
                              deaths)});
    }
    say(ended.error().text);
    for (auto left = std::chrono::milliseconds(500) * (1 << deaths); left.count() > 0 && !stop;
         left -= kStep) {
      std::this_thread::sleep_for(kStep);
    }
  }
}

}  // namespace

tl::expected<void, Failure> check_delivery(const DeliveryRun& run) {
  const auto site = delivery::load_sites(run.how.sites).and_then([&](const auto& sites) {
    return delivery::site_of(sites, run.how.site);
  });
  if (!site) {
    return tl::unexpected(site.error());
  }
  if ((site->highest == delivery::Rung::file) != !run.how.folder.empty()) {
    return tl::unexpected(Failure{
        Exit::usage, "MF-3150: --folder goes with a site for files, and --to with any other"});
  }
  return {};
}

Exit deliver_all(Store& store, const DeliveryRun& run, const std::atomic<bool>& stop) {
  if (auto usable = check_delivery(run); !usable) {
    return fail(usable.error());
  }
  std::vector<std::string> arguments{"deliver", "--store", run.store};
  for (const auto& more : {ehr::arguments_of(run.how), ehr::arguments_of(run.ehr)}) {
    arguments.insert(arguments.end(), more.begin(), more.end());
  }
  if (auto ran = run_bounded(arguments, store, stop); !ran) {
    return ran.error().text.empty() ? ran.error().exit : fail(ran.error());
  }
  const auto counts = store.counts();
  if (!counts) {
    return fail(counts.error());
  }
  if (stop && counts->waiting > 0) {
    return fail({Exit::outside, "stopped; the same command goes on"});
  }
  return counts->parked > 0 ? Exit::rejected : Exit::done;
}

}  // namespace myoflag::cli
