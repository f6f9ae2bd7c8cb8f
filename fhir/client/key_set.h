#pragma once
// Our signing keys: read from PEM, published as a JSON Web Key Set (RFC 7517, RFC 7518 section 6).
// Never a private member in what is published.

#include <string>
#include <string_view>
#include <vector>

#include "fhir/error.h"
#include "fhir/json.h"

namespace myoflag::fhir::client {

struct SigningKey {
  std::string id;         // "kid"
  std::string algorithm;  // "RS384" for RSA, "ES384" for P-384
  std::string pem;        // the private key; secret
};

// Takes RSA of at least 2048 bits and EC on P-384, unencrypted; the algorithm follows from the key.
// `id`: letters, digits, "-", "_", "."; empty: the thumbprint of RFC 7638.
Result<SigningKey> signing_key(std::string_view pem, std::string_view id = {});

// {"keys": [...]}, in the order given.
Json public_key_set(const std::vector<SigningKey>& keys);

// Without padding (RFC 4648 section 5).
std::string base64url(std::string_view bytes);

}  // namespace myoflag::fhir::client
