#pragma once
// How many requests one address may send, so that one client that runs wild cannot take the pages
// from all others. Each address has a bucket of so many requests, which fills again evenly.

#include <chrono>
#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "plugin/http/message.h"

namespace myoflag::browser {

class AddressLimit {
 public:
  using Clock = std::chrono::steady_clock;

  // A bucket holds a quarter of a minute's worth.
  explicit AddressLimit(double per_minute);

  // False: too many. Safe from many threads. Networks of IPv6 (/64) count as one address.
  bool take(std::string_view address, Clock::time_point now);

 private:
  struct Bucket {
    double left = 0;
    Clock::time_point at{};
  };
  void make_room(Clock::time_point now);
  double filled(const Bucket& bucket, Clock::time_point now) const;

  const double per_second_;
  const double most_;
  std::mutex mutex_;
  std::map<std::string, Bucket, std::less<>> buckets_;  // guarded by mutex_
};

// Who sent it: the other end of the connection, or, where that is a proxy on this machine and
// `proxy_field` names one of its fields ("x-forwarded-for"), the last address in that field.
std::string sender_of(const http::Request& request, std::string_view proxy_field);

// It was sent on this machine, to this machine, and by no proxy: the connection, the host that was
// asked for, and no field that proxies add. A page of another origin cannot make it look so.
bool is_local(const http::Request& request);

}  // namespace myoflag::browser
