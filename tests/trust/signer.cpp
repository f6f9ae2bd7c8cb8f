#include "tests/trust/signer.h"

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

namespace myoflag::testing {
namespace {

void need(bool holds) {
  if (!holds) {
    throw std::runtime_error("OpenSSL refused");
  }
}

std::string number(EVP_PKEY* key, const char* name, std::size_t width = 0) {
  BIGNUM* value = nullptr;
  need(EVP_PKEY_get_bn_param(key, name, &value) == 1);
  const auto size = std::max(static_cast<std::size_t>(BN_num_bytes(value)), width);
  std::vector<unsigned char> bytes(size);
  need(BN_bn2binpad(value, bytes.data(), static_cast<int>(size)) >= 0);
  BN_free(value);
  return base64url(std::string(bytes.begin(), bytes.end()));
}

std::string raw_of(std::string_view der, int width) {
  const auto* in = static_cast<const unsigned char*>(static_cast<const void*>(der.data()));
  ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &in, static_cast<long>(der.size()));
  need(pair != nullptr);
  std::vector<unsigned char> bytes(2 * static_cast<std::size_t>(width));
  need(BN_bn2binpad(ECDSA_SIG_get0_r(pair), bytes.data(), width) == width);
  need(BN_bn2binpad(ECDSA_SIG_get0_s(pair), bytes.data() + width, width) == width);
  ECDSA_SIG_free(pair);
  return std::string(bytes.begin(), bytes.end());
}

}  // namespace

std::string base64url(std::string_view bytes) {
  constexpr std::string_view letters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  unsigned bits = 0, count = 0;
  for (const char c : bytes) {
    bits = (bits << 8U) | static_cast<unsigned char>(c);
    for (count += 8; count >= 6; count -= 6) {
      text += letters[(bits >> (count - 6)) & 63U];
    }
  }
  if (count > 0) {
    text += letters[(bits << (6 - count)) & 63U];
  }
  return text;
}

struct Signer::Key {
  EVP_PKEY* key = nullptr;
  ~Key() { EVP_PKEY_free(key); }
};

Signer::Signer(std::unique_ptr<Key> key, std::string id, bool is_curve)
    : key_(std::move(key)),
      id_(std::move(id)),
      is_curve_(is_curve),
      algorithm_(is_curve ? "ES384" : "RS384") {
  need(key_->key != nullptr);
}
Signer::~Signer() = default;
Signer::Signer(Signer&&) noexcept = default;

Signer Signer::curve(const std::string& key_id, const char* group) {
  auto key = std::make_unique<Key>();
  key->key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", group);
  return {std::move(key), key_id, true};
}

Signer Signer::rsa(const std::string& key_id, unsigned bits) {
  auto key = std::make_unique<Key>();
  key->key = EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", static_cast<std::size_t>(bits));
  return {std::move(key), key_id, false};
}

Signer Signer::of(const std::string& algorithm, const std::string& key_id) {
  auto signer = algorithm == "ES256"   ? curve(key_id, "P-256")
                : algorithm == "ES384" ? curve(key_id)
                                       : rsa(key_id);
  signer.algorithm_ = algorithm;
  return signer;
}

std::string Signer::jwk(bool with_private) const {
  std::string json = R"({"kid":")" + id_ + R"(","use":"sig",)";
  if (is_curve_) {
    const bool is_small = algorithm_ == "ES256";
    const std::size_t width = is_small ? 32 : 48;
    json += std::string(R"("kty":"EC","crv":")") + (is_small ? "P-256" : "P-384") + R"(","x":")" +
            number(key_->key, OSSL_PKEY_PARAM_EC_PUB_X, width) + R"(","y":")" +
            number(key_->key, OSSL_PKEY_PARAM_EC_PUB_Y, width) + '"';
  } else {
    json += R"("kty":"RSA","n":")" + number(key_->key, OSSL_PKEY_PARAM_RSA_N) + R"(","e":")" +
            number(key_->key, OSSL_PKEY_PARAM_RSA_E) + '"';
  }
  return json + (with_private ? R"(,"d":"AA"})" : "}");
}

std::string Signer::token(std::string_view header, std::string_view payload, bool as_der) const {
  const auto text = base64url(header) + "." + base64url(payload);
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  const auto* digest = algorithm_.ends_with("256") ? EVP_sha256() : EVP_sha384();
  need(EVP_DigestSignInit(context, nullptr, digest, nullptr, key_->key) == 1);
  std::size_t size = 0;
  const auto* bytes = static_cast<const unsigned char*>(static_cast<const void*>(text.data()));
  need(EVP_DigestSign(context, nullptr, &size, bytes, text.size()) == 1);
  std::string signature(size, '\0');
  need(EVP_DigestSign(context, static_cast<unsigned char*>(static_cast<void*>(signature.data())),
                      &size, bytes, text.size()) == 1);
  EVP_MD_CTX_free(context);
  signature.resize(size);
  return text + "." +
         base64url(is_curve_ && !as_der ? raw_of(signature, algorithm_ == "ES256" ? 32 : 48)
                                        : signature);
}

}  // namespace myoflag::testing
