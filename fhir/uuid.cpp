#include "fhir/uuid.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

// The state of a hash as a value that can be copied: the newer interface keeps it on the heap, and
// copying it there takes longer than the hash itself.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/evp.h>
#include <openssl/sha.h>

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

constexpr const char* no_sha1 = "SHA-1 is not available";

Uuid uuid_of(const unsigned char* digest) {
  Uuid result;
  std::copy_n(digest, result.bytes.size(), result.bytes.begin());
  result.bytes[6] = static_cast<std::uint8_t>((result.bytes[6] & 0x0F) | 0x50);
  result.bytes[8] = static_cast<std::uint8_t>((result.bytes[8] & 0x3F) | 0x80);
  return result;
}

}  // namespace

Uuid uuid_v5(const Uuid& name_space, std::string_view name) {
  std::string input(name_space.bytes.begin(), name_space.bytes.end());
  input.append(name);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (EVP_Digest(input.data(), input.size(), digest.data(), &length, EVP_sha1(), nullptr) != 1 ||
      length < 16) {
    throw std::logic_error(no_sha1);
  }
  return uuid_of(digest.data());
}

static_assert(sizeof(SHA_CTX) <= sizeof(UuidNames));

UuidNames::UuidNames(const Uuid& name_space) {
  SHA_CTX state;
  if (SHA1_Init(&state) != 1) {
    throw std::logic_error(no_sha1);
  }
  SHA1_Update(&state, name_space.bytes.data(), name_space.bytes.size());
  std::memcpy(state_.data(), &state, sizeof state);
}

void UuidNames::add(std::string_view part) {
  SHA_CTX state;
  std::memcpy(&state, state_.data(), sizeof state);
  SHA1_Update(&state, part.data(), part.size());
  std::memcpy(state_.data(), &state, sizeof state);
}

Uuid UuidNames::name(std::string_view rest) const {
  SHA_CTX state;
  std::memcpy(&state, state_.data(), sizeof state);
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest;
  SHA1_Update(&state, rest.data(), rest.size());
  if (SHA1_Final(digest.data(), &state) != 1) {
    throw std::logic_error(no_sha1);
  }
  return uuid_of(digest.data());
}

void write_text(const Uuid& uuid, char* to) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (std::size_t i = 0; i < uuid.bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) {
      *to++ = '-';
    }
    *to++ = digits[uuid.bytes[i] >> 4U];
    *to++ = digits[uuid.bytes[i] & 15U];
  }
}

std::string to_string(const Uuid& uuid) {
  std::string text(36, '-');
  write_text(uuid, text.data());
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
