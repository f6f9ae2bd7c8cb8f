#pragma once
// The public keys of a client (JWK Set, RFC 7517) and signatures made with them. RSA from 2048 bits
// and the curve P-384 only, where "use", "key_ops" and "alg" do not say that they are for something
// else; whatever else stands in a set is passed over, because sets hold keys for other uses too.
// OpenSSL stays in the .cpp.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace myoflag::trust {

enum class Algorithm { es384, rs384 };

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

  // Exactly one key has that id and fits the algorithm.
  bool has(std::string_view key_id, Algorithm algorithm) const;

  // True when the signature over `text` is that key's. ES384: r and s, 48 bytes each, not DER.
  bool verify(std::string_view key_id, Algorithm algorithm, std::string_view text,
              std::string_view signature) const;

 private:
  struct Key;
  const Key* find(std::string_view key_id, Algorithm algorithm) const;
  std::vector<Key> keys_;
};

}  // namespace myoflag::trust
