#include "plugin/launch/sessions.h"

#include <algorithm>
#include <utility>

#include "plugin/random_uuid.h"
#include "rules/digest.h"

namespace myoflag::launch {

std::string digest_of(std::string_view secret) { return rules::hex(rules::sha256(secret)); }

// ---- sessions

// A clock that goes back ends nothing early and lets nothing live longer than the whole.
bool Sessions::is_over(const Session& session, Instant now) const {
  const auto times = session.times.value_or(times_);
  return now >= session.seen + times.idle || now >= session.made + times.whole;
}

void Sessions::forget(Instant now) {
  std::erase_if(all_, [&](const auto& one) { return is_over(one.second, now); });
  while (all_.size() >= most_) {
    all_.erase(std::min_element(all_.begin(), all_.end(), [](const auto& a, const auto& b) {
      return a.second.seen < b.second.seen;
    }));
  }
}

std::string Sessions::open(Session session, Instant now) {
  session.made = now;
  session.seen = now;
  auto secret = random_token();
  const std::lock_guard lock(mutex_);
  forget(now);
  all_.insert_or_assign(digest_of(secret), std::move(session));
  return secret;
}

std::optional<Session> Sessions::find(std::string_view secret, Instant now) {
  const std::lock_guard lock(mutex_);
  const auto found = all_.find(digest_of(secret));
  if (found == all_.end()) {
    return std::nullopt;
  }
  if (is_over(found->second, now)) {
    all_.erase(found);
    return std::nullopt;
  }
  found->second.seen = std::max(found->second.seen, now);
  return found->second;
}

void Sessions::end(std::string_view secret) {
  const std::lock_guard lock(mutex_);
  all_.erase(digest_of(secret));
}

std::size_t Sessions::size(Instant now) {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(std::count_if(
      all_.begin(), all_.end(), [&](const auto& one) { return !is_over(one.second, now); }));
}

// ---- sign-ins that were begun

void BegunLaunches::put(const std::string& state, Begun begun) {
  const auto key = digest_of(state);
  const auto made = begun.made;
  const std::lock_guard lock(mutex_);
  while (!by_age_.empty() && (by_age_.begin()->first + life_ <= made || by_age_.size() >= most_)) {
    all_.erase(by_age_.begin()->second);
    by_age_.erase(by_age_.begin());
  }
  by_age_.emplace(made, key);
  all_.insert_or_assign(key, std::move(begun));
}

// What was taken stays in by_age_ until it is old: it takes the place of one that is begun.
std::optional<Begun> BegunLaunches::take(std::string_view state, Instant now) {
  const std::lock_guard lock(mutex_);
  const auto found = all_.find(digest_of(state));
  if (found == all_.end()) {
    return std::nullopt;
  }
  auto begun = std::move(found->second);
  all_.erase(found);
  return now < begun.made + life_ ? std::optional(std::move(begun)) : std::nullopt;
}

}  // namespace myoflag::launch
