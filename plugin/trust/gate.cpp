#include "plugin/trust/gate.h"

#include <utility>

namespace myoflag::trust {

Gate::Gate(std::string base, std::vector<Client> clients, std::unique_ptr<Replays> replays)
    : base_(std::move(base)), replays_(std::move(replays)) {
  use(std::move(clients));
}

void Gate::use(std::vector<Client> clients) {
  auto list = std::make_shared<const std::vector<Client>>(std::move(clients));
  const std::lock_guard lock(mutex_);
  clients_.swap(list);
}

std::shared_ptr<const std::vector<Client>> Gate::clients() const {
  const std::lock_guard lock(mutex_);
  return clients_;
}

tl::expected<Claims, Denied> Gate::admit(std::string_view authorization,
                                         const std::vector<std::string>& paths, Instant now) {
  const auto known = clients();
  std::vector<std::string> audiences;
  for (const auto& path : paths) {
    audiences.push_back(base_ + path);
  }
  return trust::admit(authorization, *known, audiences, now, *replays_);
}

tl::expected<std::shared_ptr<const KeySet>, std::string> read_keys(
    std::string_view json, const std::set<Algorithm>& algorithms) {
  auto keys = KeySet::read(json);
  if (!keys) {
    return tl::unexpected(std::move(keys.error()));
  }
  if (!keys->has_any(algorithms)) {
    std::string names;
    for (const auto one : algorithms) {
      names += (names.empty() ? "" : " or ") + std::string(name_of(one));
    }
    return tl::unexpected("it holds no key for " + names);
  }
  return std::make_shared<const KeySet>(*std::move(keys));
}

}  // namespace myoflag::trust
