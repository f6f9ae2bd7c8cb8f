#pragma once
// The certificate that a server shows and its private key. TLS 1.2 and 1.3 only, no renegotiation,
// no compression.

#include <memory>
#include <string>

#include <tl/expected.hpp>

#include "plugin/failure.h"

struct ssl_ctx_st;  // of OpenSSL

namespace myoflag::http {

// PEM files. The certificate comes first in its file, then the chain that leads to the root. A key
// with a passphrase is refused: nobody is there to be asked.
struct TlsFiles {
  std::string certificate, key;
};

class Tls {
 public:
  // MF-4219, with the file at fault, when one cannot be read or the two do not belong together.
  static tl::expected<std::shared_ptr<const Tls>, Failure> load(const TlsFiles& files);

  ssl_ctx_st* context() const { return context_.get(); }

 private:
  std::shared_ptr<ssl_ctx_st> context_;
};

}  // namespace myoflag::http
