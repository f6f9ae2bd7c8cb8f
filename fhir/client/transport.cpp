#include "fhir/client/transport.h"

#include <algorithm>

namespace myoflag::fhir::client {

namespace {

constexpr std::size_t longest_url = 4096;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return lower(c); });
  return out;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_url_character(char c) { return c > ' ' && c < 0x7f && c != '#' && c != '"' && c != '\\'; }

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || is_digit(c) || c == '.' || c == '-' || c == '_';
}

bool is_ipv6_character(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || c == ':' || c == '.';
}

bool is_host(std::string_view host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    return std::all_of(host.begin(), host.end(), is_ipv6_character);
  }
  return !host.empty() && std::all_of(host.begin(), host.end(), is_host_character);
}

bool is_port(std::string_view port) {
  return !port.empty() && port.size() <= 5 && std::all_of(port.begin(), port.end(), is_digit);
}

struct Origin {
  std::string scheme, host, port;  // port: empty for the usual one
};

// All empty when refused.
Origin parsed(std::string_view url) {
  const std::size_t colon = url.find("://");
  if (url.size() > longest_url || colon == std::string_view::npos ||
      !std::all_of(url.begin(), url.end(), is_url_character)) {
    return {};
  }
  Origin origin{lower(url.substr(0, colon)), {}, {}};
  const std::string_view rest = url.substr(colon + 3);
  const std::string authority = lower(rest.substr(0, rest.find_first_of("/?")));
  // A colon behind the bracket of an IPv6 address.
  const std::size_t port = authority.find(':', authority.find(']') + 1 ? authority.find(']') : 0);
  origin.host = authority.substr(0, port);
  if (port != std::string::npos) {
    origin.port = authority.substr(port + 1);
    if (!is_port(origin.port)) {
      return {};
    }
  }
  const bool is_https = origin.scheme == "https";
  if ((!is_https && origin.scheme != "http") || !is_host(origin.host)) {
    return {};
  }
  if (origin.port == (is_https ? "443" : "80")) {
    origin.port.clear();
  }
  return origin;
}

bool is_loopback(std::string_view host) {
  if (host == "localhost" || host == "[::1]") {
    return true;
  }
  return host.starts_with("127.") && std::count(host.begin(), host.end(), '.') == 3 &&
         std::all_of(host.begin(), host.end(), [](char c) { return is_digit(c) || c == '.'; });
}

}  // namespace

std::string_view value_of(const Headers& headers, std::string_view name) {
  const std::string wanted = lower(name);
  for (const Header& header : headers) {
    if (lower(header.name) == wanted) {
      return header.value;
    }
  }
  return {};
}

std::string origin_of(std::string_view url) {
  const Origin origin = parsed(url);
  if (origin.host.empty()) {
    return {};
  }
  return origin.scheme + "://" + origin.host + (origin.port.empty() ? "" : ":" + origin.port);
}

bool may_be_called(std::string_view url) {
  const Origin origin = parsed(url);
  return origin.scheme == "https" || (origin.scheme == "http" && is_loopback(origin.host));
}

}  // namespace myoflag::fhir::client
