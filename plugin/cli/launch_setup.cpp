#include "plugin/cli/launch_setup.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "fhir/json.h"
#include "plugin/ehr/own_key.h"

namespace myoflag::cli {
namespace {

// Of one exchange with an EHR.
constexpr std::chrono::seconds kDeadline{8};
constexpr std::array<std::string_view, 3> kOutcomes{"begun", "signed in", "refused"};

std::string frames_of(const std::vector<std::string>& origins) {
  return origins.empty() ? "'none'" : fmt::format("{}", fmt::join(origins, " "));
}

}  // namespace

Launch::Launch(const sidecar::Setup& setup, std::vector<launch::Server> servers,
               std::vector<launch::Server> staff, std::unique_ptr<ehr::FetchPool> pool)
    : servers_(std::move(servers)),
      staff_(std::move(staff)),
      pool_(std::move(pool)),
      frames_(frames_of(setup.config().launch.frame_ancestors)),
      most_at_once_(static_cast<int>(2 * setup.config().launch.at_once)),
      staff_times_{setup.config().staff.idle, setup.config().staff.whole},
      sessions_({setup.config().launch.idle, setup.config().launch.whole}),
      launches_(servers_, setup.config().base + "/smart/callback", exchange()),
      sign_ins_(staff_, setup.config().base + "/staff/callback", exchange()) {}

launch::Exchange Launch::exchange() {
  return [this](std::vector<ehr::WebRequest> requests) {
    return pool_->ask(std::move(requests), ehr::FetchPool::Clock::now() + kDeadline);
  };
}

bool Launch::has_keys() const {
  const auto has_key = [](const launch::Server& one) { return !one.key_file.empty(); };
  return std::any_of(servers_.begin(), servers_.end(), has_key) ||
         std::any_of(staff_.begin(), staff_.end(), has_key);
}

std::string Launch::key_set() const {
  std::map<std::string, fhir::client::SigningKey> keys;  // one key may be for several servers
  for (const auto* servers : {&servers_, &staff_}) {
    for (const auto& server : *servers) {
      if (server.key_file.empty()) {
        continue;
      }
      auto key = ehr::read_key(server.key_file, server.key_id);
      if (!key) {
        return {};
      }
      auto id = key->id;
      keys.insert_or_assign(std::move(id), *std::move(key));
    }
  }
  std::vector<fhir::client::SigningKey> all;
  for (auto& [id, key] : keys) {
    all.push_back(std::move(key));
  }
  return fhir::write_json(fhir::client::public_key_set(all));
}

void Launch::count(Counts& counts, std::string_view outcome) {
  const auto* const found = std::find(kOutcomes.begin(), kOutcomes.end(), outcome);
  if (found != kOutcomes.end()) {
    ++counts[static_cast<std::size_t>(found - kOutcomes.begin())];
  }
}

void Launch::tell(sidecar::Metrics& to, rules::Instant now) {
  for (std::size_t i = 0; i < kOutcomes.size(); ++i) {
    to.set("myoflag_launches", "Launches from EHRs since the start",
           {{"outcome", std::string(kOutcomes[i])}}, static_cast<double>(counts_[i].load()));
  }
  for (std::size_t i = 0; !staff_.empty() && i < kOutcomes.size(); ++i) {
    to.set("myoflag_staff_sign_ins", "Sign-ins of staff since the start",
           {{"outcome", std::string(kOutcomes[i])}}, static_cast<double>(staff_counts_[i].load()));
  }
  to.set("myoflag_launch_sessions", "Clinicians who are signed in, from an EHR or as staff", {},
         static_cast<double>(sessions_.size(now)));
}

tl::expected<std::unique_ptr<Launch>, Failure> open_launch(
    const sidecar::Setup& setup, const std::vector<launch::Server>& servers,
    const std::vector<launch::Server>& staff, const std::vector<std::string>& arguments) {
  if (servers.empty() && staff.empty()) {
    return nullptr;
  }
  return ehr::FetchPool::open(arguments, setup.config().launch.at_once).map([&](auto&& pool) {
    return std::make_unique<Launch>(setup, servers, staff, std::forward<decltype(pool)>(pool));
  });
}

}  // namespace myoflag::cli
