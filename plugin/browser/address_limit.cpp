#include "plugin/browser/address_limit.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstring>

namespace myoflag::browser {

namespace {

constexpr std::size_t kMostAddresses = 20'000;
constexpr double kBucket = 15;  // seconds

// The first eight bytes of an IPv6 address; IPv4 within IPv6 as IPv4.
std::string network_of(std::string_view text) {
  const std::string address(text);
  in6_addr six{};
  if (inet_pton(AF_INET6, address.c_str(), &six) != 1) {
    return address;
  }
  if (IN6_IS_ADDR_V4MAPPED(&six)) {
    std::array<char, INET_ADDRSTRLEN> four{};
    inet_ntop(AF_INET, &six.s6_addr[12], four.data(), four.size());
    return four.data();
  }
  std::memset(&six.s6_addr[8], 0, 8);
  std::array<char, INET6_ADDRSTRLEN> out{};
  inet_ntop(AF_INET6, &six, out.data(), out.size());
  return out.data();
}

bool is_address(const std::string& text) {
  in6_addr six{};
  in_addr four{};
  return inet_pton(AF_INET, text.c_str(), &four) == 1 ||
         inet_pton(AF_INET6, text.c_str(), &six) == 1;
}

bool is_loopback(std::string_view text) {
  const auto address = text == "::1" ? std::string("127.0.0.1") : network_of(text);
  in_addr four{};
  return inet_pton(AF_INET, address.c_str(), &four) == 1 && ntohl(four.s_addr) >> 24U == 127;
}

std::string_view trimmed(std::string_view text) {
  const auto begin = std::min(text.find_first_not_of(" \t"), text.size());
  text.remove_prefix(begin);
  return text.substr(0, text.find_last_not_of(" \t") + 1);
}

// "127.0.0.1" of "127.0.0.1:8080", "::1" of "[::1]:8080".
std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) {
    return host.substr(1, std::min(host.find(']'), host.size()) - 1);
  }
  return host.substr(0, host.find(':'));
}

}  // namespace

AddressLimit::AddressLimit(double per_minute)
    : per_second_(per_minute / 60), most_(std::max(1.0, per_second_ * kBucket)) {}

double AddressLimit::filled(const Bucket& bucket, Clock::time_point now) const {
  const std::chrono::duration<double> since = std::max(now - bucket.at, Clock::duration::zero());
  return std::min(most_, bucket.left + since.count() * per_second_);
}

// Those that are full again say nothing; where all are in use, the fullest half goes.
void AddressLimit::make_room(Clock::time_point now) {
  std::erase_if(buckets_, [&](const auto& one) { return filled(one.second, now) >= most_; });
  while (buckets_.size() >= kMostAddresses) {
    double sum = 0;
    for (const auto& [address, bucket] : buckets_) {
      sum += filled(bucket, now);
    }
    const double mean = sum / static_cast<double>(buckets_.size());
    std::erase_if(buckets_, [&](const auto& one) { return filled(one.second, now) >= mean; });
  }
}

bool AddressLimit::take(std::string_view address, Clock::time_point now) {
  const auto network = network_of(address);
  const std::lock_guard lock(mutex_);
  auto found = buckets_.find(network);
  if (found == buckets_.end()) {
    if (buckets_.size() >= kMostAddresses) {
      make_room(now);
    }
    found = buckets_.emplace(network, Bucket{most_, now}).first;
  }
  Bucket& bucket = found->second;
  bucket.left = filled(bucket, now);
  bucket.at = now;
  if (bucket.left < 1) {
    return false;
  }
  bucket.left -= 1;
  return true;
}

std::string sender_of(const http::Request& request, std::string_view proxy_field) {
  if (proxy_field.empty() || !is_loopback(request.address)) {
    return request.address;
  }
  // The last field, and in it the last address, is what the nearest proxy wrote.
  std::string named;
  for (const auto& field : request.fields) {
    if (field.name == proxy_field) {
      const std::string_view value = field.value;
      const auto comma = value.rfind(',');
      named = trimmed(comma == std::string_view::npos ? value : value.substr(comma + 1));
    }
  }
  return is_address(named) ? named : request.address;
}

bool is_local(const http::Request& request) {
  constexpr std::array<std::string_view, 6> of_proxies{
      "forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"};
  const bool is_direct =
      std::none_of(request.fields.begin(), request.fields.end(), [&](const http::Field& field) {
        return std::find(of_proxies.begin(), of_proxies.end(), field.name) != of_proxies.end();
      });
  const auto host = without_port(http::field_of(request.fields, "host"));
  return is_direct && is_loopback(request.address) && (host == "localhost" || is_loopback(host));
}

}  // namespace myoflag::browser
