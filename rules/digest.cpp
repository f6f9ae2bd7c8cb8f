#include "rules/digest.h"

#include <stdexcept>

#include <fmt/format.h>
#include <openssl/evp.h>

namespace myoflag::rules {

Sha256 sha256(std::string_view bytes) {
  Sha256 digest{};
  unsigned length = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1) {
    throw std::logic_error("the cryptographic library has no SHA-256");
  }
  return digest;
}

std::string hex(const Sha256& digest) {
  std::string text;
  for (const unsigned char byte : digest) {
    text += fmt::format("{:02x}", byte);
  }
  return text;
}

}  // namespace myoflag::rules
