#pragma once
// A client's side for tests: a key pair made on the spot, its public JWK, tokens signed with it.

#include <memory>
#include <string>
#include <string_view>

namespace myoflag::testing {

std::string base64url(std::string_view bytes);

class Signer {
 public:
  static Signer curve(const std::string& key_id, const char* group = "P-384");
  static Signer rsa(const std::string& key_id, unsigned bits = 2048);
  static Signer of(const std::string& algorithm, const std::string& key_id);  // "RS256"
  ~Signer();
  Signer(Signer&&) noexcept;

  std::string jwk(bool with_private = false) const;  // one key as JSON
  // header.payload.signature; ES384 or RS384 by the kind of key, unless it was made for another.
  std::string token(std::string_view header, std::string_view payload, bool as_der = false) const;
  std::string algorithm() const { return algorithm_; }

 private:
  struct Key;
  Signer(std::unique_ptr<Key> key, std::string id, bool is_curve);
  std::unique_ptr<Key> key_;
  std::string id_;
  bool is_curve_;
  std::string algorithm_;
};

}  // namespace myoflag::testing
