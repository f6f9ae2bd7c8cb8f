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
               std::unique_ptr<ehr::FetchPool> pool)
    : servers_(std::move(servers)),
      pool_(std::move(pool)),
      frames_(frames_of(setup.config().launch.frame_ancestors)),
      most_at_once_(static_cast<int>(2 * setup.config().launch.at_once)),
      sessions_({setup.config().launch.idle, setup.config().launch.whole}),
      launches_(servers_, setup.config().base + "/smart/callback",
                [this](std::vector<ehr::WebRequest> requests) {
                  return pool_->ask(std::move(requests), ehr::FetchPool::Clock::now() + kDeadline);
                }) {}

bool Launch::has_keys() const {
  return std::any_of(servers_.begin(), servers_.end(),
                     [](const launch::Server& one) { return !one.key_file.empty(); });
}

std::string Launch::key_set() const {
  std::map<std::string, fhir::client::SigningKey> keys;  // one key may be for several servers
  for (const auto& server : servers_) {
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
  std::vector<fhir::client::SigningKey> all;
  for (auto& [id, key] : keys) {
    all.push_back(std::move(key));
  }
  return fhir::write_json(fhir::client::public_key_set(all));
}

void Launch::count(std::string_view outcome) {
  const auto* const found = std::find(kOutcomes.begin(), kOutcomes.end(), outcome);
  if (found != kOutcomes.end()) {
    ++counts_[static_cast<std::size_t>(found - kOutcomes.begin())];
  }
}

void Launch::tell(sidecar::Metrics& to, rules::Instant now) {
  for (std::size_t i = 0; i < kOutcomes.size(); ++i) {
    to.set("myoflag_launches", "Launches from EHRs since the start",
           {{"outcome", std::string(kOutcomes[i])}}, static_cast<double>(counts_[i].load()));
  }
  to.set("myoflag_launch_sessions", "Clinicians who are signed in from an EHR", {},
         static_cast<double>(sessions_.size(now)));
}

tl::expected<std::unique_ptr<Launch>, Failure> open_launch(
    const sidecar::Setup& setup, const std::vector<launch::Server>& servers,
    const std::vector<std::string>& arguments) {
  if (servers.empty()) {
    return nullptr;
  }
  return ehr::FetchPool::open(arguments, setup.config().launch.at_once).map([&](auto&& pool) {
    return std::make_unique<Launch>(setup, servers, std::forward<decltype(pool)>(pool));
  });
}

}  // namespace myoflag::cli
