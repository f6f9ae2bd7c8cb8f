#include "fhir/uuid.h"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>
#include <openssl/evp.h>

namespace myoflag::fhir {

namespace {

constexpr std::string_view urn_prefix = "urn:uuid:";

bool is_dash_position(std::size_t at) { return at == 8 || at == 13 || at == 18 || at == 23; }

int hex_value(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

}  // namespace

Uuid uuid_v5(const Uuid& name_space, std::string_view name) {
  std::string input(name_space.bytes.begin(), name_space.bytes.end());
  input.append(name);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (EVP_Digest(input.data(), input.size(), digest.data(), &length, EVP_sha1(), nullptr) != 1 ||
      length < 16) {
    throw std::logic_error("SHA-1 is not available");
  }
  Uuid result;
  std::copy_n(digest.begin(), result.bytes.size(), result.bytes.begin());
  result.bytes[6] = static_cast<std::uint8_t>((result.bytes[6] & 0x0F) | 0x50);
  result.bytes[8] = static_cast<std::uint8_t>((result.bytes[8] & 0x3F) | 0x80);
  return result;
}

std::string to_string(const Uuid& uuid) {
  std::string text;
  text.reserve(36);
  for (const auto byte : uuid.bytes) {
    if (is_dash_position(text.size())) {
      text.push_back('-');
    }
    fmt::format_to(std::back_inserter(text), "{:02x}", byte);
  }
  return text;
}

std::string to_urn(const Uuid& uuid) { return std::string(urn_prefix) + to_string(uuid); }

std::optional<Uuid> parse_uuid(std::string_view text) {
  if (text.size() != 36) {
    return std::nullopt;
  }
  Uuid result;
  std::size_t digits = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (is_dash_position(at)) {
      if (text[at] != '-') {
        return std::nullopt;
      }
      continue;
    }
    const int value = hex_value(text[at]);
    if (value < 0) {
      return std::nullopt;
    }
    auto& byte = result.bytes[digits / 2];
    byte = static_cast<std::uint8_t>(byte * 16 + value);
    ++digits;
  }
  return result;
}

bool is_uuid_urn(std::string_view text) {
  return text.starts_with(urn_prefix) && parse_uuid(text.substr(urn_prefix.size())).has_value();
}

}  // namespace myoflag::fhir
