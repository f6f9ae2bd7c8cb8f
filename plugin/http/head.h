#pragma once
// What is asked of the head of a request before anything else is done with it: two programs must
// never read two different requests out of the same bytes. Stricter than RFC 9112 allows where that
// costs no real client anything: no folding, no lone line feeds, no bytes from 0x80, one length.
// Errors: MF-4200 to MF-4206.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "plugin/http/limits.h"
#include "plugin/http/message.h"

namespace myoflag::http {

// A request that is not served, and why, in words without anything of the request.
struct Refusal {
  int status = 400;
  std::string_view code;
  std::string_view text;
};

// The bytes up to and with the empty line.
std::optional<Refusal> screen(std::string_view head, const Limits& limits);

// What too many bytes without an empty line are.
Refusal too_long(std::string_view start, const Limits& limits);

struct Head {
  std::string method, target;
  unsigned version = 11;  // 10, 11
  Fields fields;          // names in lower case, each as often as it came
};

struct Framing {
  std::uint64_t length = 0;
  bool chunked = false;
  bool expects_continue = false;
  bool has_body() const { return chunked || length > 0; }
};

tl::expected<Framing, Refusal> framing(const Head& head);

}  // namespace myoflag::http
