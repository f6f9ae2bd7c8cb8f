#include "plugin/trust/key_set.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "fhir/json.h"
#include "plugin/trust/base64url.h"

namespace myoflag::trust {
namespace {

using fhir::Json;

constexpr fhir::Limits gate{
    .bytes = 1u << 20, .depth = 8, .string_bytes = 64u << 10, .nodes = 10'000};
constexpr int least_rsa_bits = 2048;
constexpr int most_rsa_bits = 8192;  // more costs seconds to verify

struct Named {
  Algorithm algorithm;
  std::string_view name;
  std::string_view curve;  // empty: RSA
  std::size_t coordinate_bytes;
  const EVP_MD* (*digest)();
};
constexpr std::array<Named, 4> all_algorithms{{{Algorithm::es256, "ES256", "P-256", 32, EVP_sha256},
                                               {Algorithm::es384, "ES384", "P-384", 48, EVP_sha384},
                                               {Algorithm::rs256, "RS256", "", 0, EVP_sha256},
                                               {Algorithm::rs384, "RS384", "", 0, EVP_sha384}}};

const Named& about(Algorithm algorithm) {
  return all_algorithms[static_cast<std::size_t>(algorithm)];
}

template <typename T, void (*Free)(T*)>
struct Freed {
  void operator()(T* pointer) const { Free(pointer); }
};
using Pkey = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY, EVP_PKEY_free>>;
using PkeyContext = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX, EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX, EVP_MD_CTX_free>>;
using Number = std::unique_ptr<BIGNUM, Freed<BIGNUM, BN_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM, OSSL_PARAM_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, Freed<ECDSA_SIG, ECDSA_SIG_free>>;

const unsigned char* bytes_of(std::string_view text) {
  return static_cast<const unsigned char*>(static_cast<const void*>(text.data()));
}

Number number(std::string_view bytes) {
  return Number(BN_bin2bn(bytes_of(bytes), static_cast<int>(bytes.size()), nullptr));
}

Pkey key_from(const char* type, Builder builder) {
  const Params params(OSSL_PARAM_BLD_to_param(builder.get()));
  const PkeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (params == nullptr || context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return nullptr;
  }
  Pkey owned(key);
  const PkeyContext check(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  return check != nullptr && EVP_PKEY_public_check(check.get()) == 1 ? std::move(owned) : nullptr;
}

Pkey curve_key(const Json& jwk, const Named& how) {
  const auto x = base64url_decoded(jwk.string_of("x"));
  const auto y = base64url_decoded(jwk.string_of("y"));
  if (!x || !y || x->size() != how.coordinate_bytes || y->size() != how.coordinate_bytes) {
    return nullptr;
  }
  const std::string point = "\x04" + *x + *y;  // uncompressed
  Builder builder(OSSL_PARAM_BLD_new());
  if (OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, how.curve.data(),
                                      how.curve.size()) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                       point.size()) != 1) {
    return nullptr;
  }
  return key_from("EC", std::move(builder));
}

Pkey rsa_key(const Json& jwk) {
  const auto n = base64url_decoded(jwk.string_of("n"));
  const auto e = base64url_decoded(jwk.string_of("e"));
  if (!n || !e || n->empty() || e->empty() || e->size() > 8) {
    return nullptr;
  }
  const Number modulus = number(*n);
  const Number exponent = number(*e);
  const int bits = modulus == nullptr ? 0 : BN_num_bits(modulus.get());
  if (exponent == nullptr || bits < least_rsa_bits || bits > most_rsa_bits) {
    return nullptr;
  }
  Builder builder(OSSL_PARAM_BLD_new());
  if (OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) != 1) {
    return nullptr;
  }
  return key_from("RSA", std::move(builder));
}

// The two numbers as OpenSSL wants them.
std::optional<std::string> der_of(std::string_view signature, std::size_t coordinate_bytes) {
  if (signature.size() != 2 * coordinate_bytes) {
    return std::nullopt;
  }
  Number r = number(signature.substr(0, coordinate_bytes));
  Number s = number(signature.substr(coordinate_bytes));
  const Signature pair(ECDSA_SIG_new());
  if (r == nullptr || s == nullptr || pair == nullptr ||
      ECDSA_SIG_set0(pair.get(), r.get(), s.get()) != 1) {
    return std::nullopt;
  }
  static_cast<void>(r.release());  // the pair owns them now
  static_cast<void>(s.release());
  const int length = i2d_ECDSA_SIG(pair.get(), nullptr);
  if (length <= 0) {
    return std::nullopt;
  }
  std::string der(static_cast<std::size_t>(length), '\0');
  auto* out = static_cast<unsigned char*>(static_cast<void*>(der.data()));
  i2d_ECDSA_SIG(pair.get(), &out);
  return der;
}

bool is_private(const Json& jwk) {
  for (const auto* member : {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}) {
    if (jwk.has(member)) {
      return true;
    }
  }
  return false;
}

bool is_text_or_absent(const Json& jwk, std::string_view name, std::string_view expected) {
  return !jwk.has(name) || jwk.string_of(name) == expected;
}

// What a key says it is for, wherever it says so: RFC 7517, sections 4.2 to 4.4.
bool is_for(const Json& jwk, std::string_view algorithm) {
  const auto& operations = jwk.array_of("key_ops");
  const bool verifies = std::any_of(operations.begin(), operations.end(), [](const Json& one) {
    return one.is_string() && *one.as_string() == "verify";
  });
  return is_text_or_absent(jwk, "use", "sig") && is_text_or_absent(jwk, "alg", algorithm) &&
         (verifies || !jwk.has("key_ops"));
}

// What signatures of this key may be; none: it is for something else, or of a kind that is not
// taken.
std::set<Algorithm> algorithms_of(const Json& jwk) {
  const auto type = jwk.string_of("kty");
  std::set<Algorithm> algorithms;
  for (const auto& one : all_algorithms) {
    const bool fits =
        one.curve.empty() ? type == "RSA" : type == "EC" && jwk.string_of("crv") == one.curve;
    if (fits && is_for(jwk, one.name)) {
      algorithms.insert(one.algorithm);
    }
  }
  return algorithms;
}

}  // namespace

struct KeySet::Key {
  std::string id;
  std::set<Algorithm> algorithms;
  Pkey key;
};

std::string_view name_of(Algorithm algorithm) { return about(algorithm).name; }

std::optional<Algorithm> algorithm_of(std::string_view name) {
  const auto* const found = std::find_if(all_algorithms.begin(), all_algorithms.end(),
                                         [&](const Named& one) { return one.name == name; });
  return found == all_algorithms.end() ? std::nullopt : std::optional(found->algorithm);
}

KeySet::KeySet() = default;
KeySet::~KeySet() = default;
KeySet::KeySet(KeySet&&) noexcept = default;
KeySet& KeySet::operator=(KeySet&&) noexcept = default;

tl::expected<KeySet, std::string> KeySet::read(std::string_view json) {
  const auto set = fhir::read_json(json, gate);
  if (!set) {
    return tl::unexpected(set.error().text);
  }
  const auto* keys = set->find("keys");
  if (keys == nullptr || !keys->is_array()) {
    return tl::unexpected(std::string("it has no list \"keys\""));
  }
  KeySet result;
  for (const auto& jwk : *keys->as_array()) {
    if (is_private(jwk)) {
      return tl::unexpected(std::string("it holds a private key"));
    }
    Key key{std::string(jwk.string_of("kid")), algorithms_of(jwk), nullptr};
    if (!key.algorithms.empty()) {
      const auto& how = about(*key.algorithms.begin());
      key.key = how.curve.empty() ? rsa_key(jwk) : curve_key(jwk, how);
    }
    if (key.key != nullptr && !key.id.empty()) {
      result.keys_.push_back(std::move(key));
    }
  }
  return result;
}

std::size_t KeySet::size() const { return keys_.size(); }

bool KeySet::has_any(const std::set<Algorithm>& algorithms) const {
  return std::any_of(keys_.begin(), keys_.end(), [&](const Key& key) {
    return std::any_of(key.algorithms.begin(), key.algorithms.end(),
                       [&](Algorithm one) { return algorithms.contains(one); });
  });
}

const KeySet::Key* KeySet::find(std::string_view key_id, Algorithm algorithm) const {
  const Key* found = nullptr;
  for (const auto& key : keys_) {
    if ((key_id.empty() || key.id == key_id) && key.algorithms.contains(algorithm)) {
      if (found != nullptr) {
        return nullptr;  // two of them: nobody knows which is meant
      }
      found = &key;
    }
  }
  return found;
}

bool KeySet::has(std::string_view key_id, Algorithm algorithm) const {
  return find(key_id, algorithm) != nullptr;
}

bool KeySet::verify(std::string_view key_id, Algorithm algorithm, std::string_view text,
                    std::string_view signature) const {
  const auto* key = find(key_id, algorithm);
  const auto& how = about(algorithm);
  const auto der = how.curve.empty() ? std::optional(std::string(signature))
                                     : der_of(signature, how.coordinate_bytes);
  const DigestContext context(EVP_MD_CTX_new());
  return key != nullptr && der && context != nullptr &&
         EVP_DigestVerifyInit(context.get(), nullptr, how.digest(), nullptr, key->key.get()) == 1 &&
         EVP_DigestVerify(context.get(), bytes_of(*der), der->size(), bytes_of(text),
                          text.size()) == 1;
}

}  // namespace myoflag::trust
