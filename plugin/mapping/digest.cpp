#include "plugin/mapping/digest.h"

#include <array>
#include <stdexcept>

#include <openssl/evp.h>

#include "fhir/base64.h"

namespace myoflag::mapping {

namespace {

std::string digest(const EVP_MD* algorithm, std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned int length = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), out.data(), &length, algorithm, nullptr) != 1) {
    throw std::logic_error("the cryptographic library lacks a digest");
  }
  return {out.begin(), out.begin() + length};
}

}  // namespace

std::string sha256_hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(64);
  for (const char c : digest(EVP_sha256(), bytes)) {
    const auto byte = static_cast<unsigned char>(c);
    text += digits[byte >> 4U];
    text += digits[byte & 15U];
  }
  return text;
}

std::string sha1_base64(std::string_view bytes) { return fhir::base64(digest(EVP_sha1(), bytes)); }

}  // namespace myoflag::mapping
