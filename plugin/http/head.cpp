#include "plugin/http/head.h"

#include <algorithm>
#include <charconv>

namespace myoflag::http {
namespace {

constexpr std::string_view end_of_line = "\r\n";

Refusal malformed(std::string_view text) { return {400, "MF-4200", text}; }
Refusal large(std::string_view text) { return {431, "MF-4201", text}; }
Refusal ambiguous(std::string_view text) { return {400, "MF-4203", text}; }

bool is_visible(char c) { return c > 0x20 && c < 0x7f; }
bool is_field_character(char c) { return is_visible(c) || c == ' ' || c == '\t'; }

// RFC 9110, section 5.6.2.
bool is_token_character(char c) {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         others.find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_character);
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return result;
}

std::optional<Refusal> screen_request_line(std::string_view line, const Limits& limits) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last || !is_token(line.substr(0, first))) {
    return malformed("The request line is not a method, a target and a version.");
  }
  const auto target = line.substr(first + 1, last - first - 1);
  if (target.size() > limits.target_bytes) {
    return too_long(line, limits);
  }
  if (!target.starts_with('/') || !std::all_of(target.begin(), target.end(), is_visible)) {
    return malformed("The target is no path of visible characters.");
  }
  const auto version = line.substr(last + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    return Refusal{505, "MF-4205", "Only HTTP/1.1 and HTTP/1.0 are spoken here."};
  }
  return std::nullopt;
}

std::optional<Refusal> screen_field(std::string_view line) {
  if (!is_token(line.substr(0, line.find(':'))) || line.find(':') == std::string_view::npos) {
    return malformed("A line of the head is no field, or goes on in the next line.");
  }
  if (!std::all_of(line.begin(), line.end(), is_field_character)) {
    return malformed("A field of the head holds other characters than visible ASCII.");
  }
  return std::nullopt;
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  const bool digits = !text.empty() && text.front() >= '0' && text.front() <= '9';
  return digits && at == end && error == std::errc() ? std::optional(value) : std::nullopt;
}

std::size_t count(const Fields& fields, std::string_view name) {
  return static_cast<std::size_t>(std::count_if(
      fields.begin(), fields.end(), [&](const Field& field) { return field.name == name; }));
}

std::optional<Refusal> check_host(const Head& head) {
  const auto hosts = count(head.fields, "host");
  if (hosts > 1 || (hosts == 0 && head.version == 11)) {
    return malformed("HTTP/1.1 wants exactly one Host.");
  }
  return std::nullopt;
}

// How the body ends, said once and in one way.
std::optional<Refusal> check_length(const Head& head, Framing& framing) {
  const auto lengths = count(head.fields, "content-length");
  const auto codings = count(head.fields, "transfer-encoding");
  if (lengths + codings > 1) {
    return ambiguous("The length of the body is given more than once.");
  }
  if (codings == 1) {
    if (lower(field_of(head.fields, "transfer-encoding")) != "chunked") {
      return Refusal{501, "MF-4204", "Of the transfer codings only chunked is read."};
    }
    if (head.version == 10) {
      return ambiguous("HTTP/1.0 has no transfer codings.");
    }
    framing.chunked = true;
  }
  if (lengths == 1) {
    const auto length = number(field_of(head.fields, "content-length"));
    if (!length) {
      return ambiguous("Content-Length is no number.");
    }
    framing.length = *length;
  }
  return std::nullopt;
}

}  // namespace

Refusal too_long(std::string_view start, const Limits& limits) {
  const auto line = start.substr(0, start.find(end_of_line));
  if (line.size() > limits.target_bytes) {
    return {414, "MF-4202", "The target is too long."};
  }
  return large("The head is too large.");
}

std::optional<Refusal> screen(std::string_view head, const Limits& limits) {
  std::size_t lines = 0;
  if (head.size() > limits.head_bytes) {
    return too_long(head, limits);
  }
  while (true) {
    const auto end = head.find(end_of_line);
    if (end == std::string_view::npos) {
      return malformed("The head does not end.");
    }
    const auto line = head.substr(0, end);
    head.remove_prefix(end + end_of_line.size());
    if (line.empty() && lines > 0) {
      return std::nullopt;
    }
    auto refusal = lines == 0 ? screen_request_line(line, limits) : screen_field(line);
    if (refusal) {
      return refusal;
    }
    if (lines++ > limits.fields) {
      return large("The head has too many fields.");
    }
  }
}

tl::expected<Framing, Refusal> framing(const Head& head) {
  Framing result;
  if (auto refusal = check_host(head)) {
    return tl::unexpected(*refusal);
  }
  if (auto refusal = check_length(head, result)) {
    return tl::unexpected(*refusal);
  }
  if (const auto expect = lower(field_of(head.fields, "expect")); !expect.empty()) {
    if (expect != "100-continue") {
      return tl::unexpected(
          Refusal{417, "MF-4206", "Of the expectations only 100-continue is known."});
    }
    result.expects_continue = head.version == 11;
  }
  return result;
}

}  // namespace myoflag::http
