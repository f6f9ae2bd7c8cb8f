#pragma once
// The public keys of somebody who signs (JWK Set, RFC 7517) and signatures made with them. RSA from
// 2048 bits and the curves P-256 and P-384 only, where "use", "key_ops" and "alg" do not say that
// they are for something else; whatever else stands in a set is passed over, because sets hold keys
// for other uses too. OpenSSL stays in the .cpp.

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace myoflag::trust {

// Each is one curve or one padding (PKCS #1) with one digest. RFC 7518, section 3.
enum class Algorithm { es256, es384, rs256, rs384 };

std::string_view name_of(Algorithm algorithm);                 // "ES384"
std::optional<Algorithm> algorithm_of(std::string_view name);  // letter by letter

class KeySet {
 public:
  KeySet();
  ~KeySet();
  KeySet(KeySet&&) noexcept;
  KeySet& operator=(KeySet&&) noexcept;

  // The error says what is wrong with the set, quoting nothing of it. A key that holds private
  // members makes the whole set an error: somebody published a secret.
  static tl::expected<KeySet, std::string> read(std::string_view json);

  std::size_t size() const;
  // A key that fits one of them.
  bool has_any(const std::set<Algorithm>& algorithms) const;

  // Exactly one key has that id and fits the algorithm. An empty id: exactly one fits at all.
  bool has(std::string_view key_id, Algorithm algorithm) const;

  // True when the signature over `text` is that key's. Of a curve: r and s, each as long as the
  // curve has bytes, not DER.
  bool verify(std::string_view key_id, Algorithm algorithm, std::string_view text,
              std::string_view signature) const;

 private:
  struct Key;
  const Key* find(std::string_view key_id, Algorithm algorithm) const;
  std::vector<Key> keys_;
};

}  // namespace myoflag::trust
