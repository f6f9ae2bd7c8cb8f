#include "fhir/client/key_set.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <stdexcept>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

namespace myoflag::fhir::client {

namespace {

constexpr int least_rsa_bits = 2048;
constexpr std::size_t p384_bytes = 48;
constexpr std::size_t longest_id = 100;

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Bignum = std::unique_ptr<BIGNUM, decltype(&BN_free)>;

// A password would be asked for on the terminal: there is none.
int no_password(char*, int, int, void*) { return -1; }

Key read(std::string_view pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bytes(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  return {PEM_read_bio_PrivateKey(bytes.get(), nullptr, no_password, nullptr), EVP_PKEY_free};
}

bool is_p384(const EVP_PKEY* key) {
  std::array<char, 40> group{};
  std::size_t length = 0;
  return EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size(),
                                        &length) == 1 &&
         std::string_view(group.data(), length) == "secp384r1";
}

std::string algorithm_of(const EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "RSA") == 1 && EVP_PKEY_get_bits(key) >= least_rsa_bits) {
    return "RS384";
  }
  return EVP_PKEY_is_a(key, "EC") == 1 && is_p384(key) ? "ES384" : "";
}

// Big-endian; `width` bytes, or as many as it has.
std::string number_of(const EVP_PKEY* key, const char* name, std::size_t width = 0) {
  BIGNUM* raw = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &raw) != 1) {
    throw std::logic_error("a key that was accepted has all its parts");
  }
  const Bignum number(raw, BN_free);
  std::string bytes(std::max(width, static_cast<std::size_t>(BN_num_bytes(number.get()))), '\0');
  BN_bn2binpad(number.get(), reinterpret_cast<unsigned char*>(bytes.data()),
               static_cast<int>(bytes.size()));
  return bytes;
}

// The members that make the key, in the order of RFC 7638.
Json public_part(const EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "RSA") == 1) {
    return Json::object({{"e", base64url(number_of(key, OSSL_PKEY_PARAM_RSA_E))},
                         {"kty", "RSA"},
                         {"n", base64url(number_of(key, OSSL_PKEY_PARAM_RSA_N))}});
  }
  return Json::object({{"crv", "P-384"},
                       {"kty", "EC"},
                       {"x", base64url(number_of(key, OSSL_PKEY_PARAM_EC_PUB_X, p384_bytes))},
                       {"y", base64url(number_of(key, OSSL_PKEY_PARAM_EC_PUB_Y, p384_bytes))}});
}

std::string thumbprint(const EVP_PKEY* key) {
  const std::string text = write_json(public_part(key));
  std::string digest(32, '\0');
  if (EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr,
                 EVP_sha256(), nullptr) != 1) {
    throw std::logic_error("the cryptographic library has no SHA-256");
  }
  return base64url(digest);
}

bool is_id(std::string_view id) {
  return id.size() <= longest_id && std::all_of(id.begin(), id.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == '.';
         });
}

Error refused(std::string text) { return {"MF-1520", std::move(text), {}, 0, 0}; }

}  // namespace

std::string base64url(std::string_view bytes) {
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out;
  unsigned bits = 0;
  int count = 0;
  for (const char byte : bytes) {
    bits = (bits << 8 | static_cast<unsigned char>(byte)) & 0xffff;
    for (count += 8; count >= 6; count -= 6) {
      out += alphabet[bits >> (count - 6) & 63];
    }
  }
  if (count > 0) {
    out += alphabet[bits << (6 - count) & 63];
  }
  return out;
}

Result<SigningKey> signing_key(std::string_view pem, std::string_view id) {
  const Key key = read(pem);
  if (!key) {
    return tl::unexpected(refused("This is no unencrypted private key in PEM."));
  }
  std::string algorithm = algorithm_of(key.get());
  if (algorithm.empty()) {
    return tl::unexpected(refused("A signing key is RSA with 2048 bits or more, or EC on P-384."));
  }
  if (!is_id(id)) {
    return tl::unexpected(refused("The id of a key has letters, digits, '-', '_' and '.' only."));
  }
  return SigningKey{id.empty() ? thumbprint(key.get()) : std::string(id), std::move(algorithm),
                    std::string(pem)};
}

Json public_key_set(const std::vector<SigningKey>& keys) {
  Json published = Json::array();
  for (const SigningKey& signing : keys) {
    const Key key = read(signing.pem);
    if (!key) {
      throw std::logic_error("a signing key was read before");
    }
    Json entry = public_part(key.get());
    entry.set("kid", signing.id);
    entry.set("use", "sig");
    entry.set("alg", signing.algorithm);
    published.push(std::move(entry));
  }
  return Json::object({{"keys", std::move(published)}});
}

}  // namespace myoflag::fhir::client
