#include "plugin/http/tls.h"

#include <cstring>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "plugin/safe_text.h"

namespace myoflag::http {
namespace {

int no_passphrase(char* /*buffer*/, int /*size*/, int /*writes*/, void* /*ours*/) { return 0; }

bool harden(SSL_CTX* context) {
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);  // thousands of idle connections
  SSL_CTX_set_default_passwd_cb(context, no_passphrase);
  return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1;
}

// What the library, or the system below it, says of the first error.
tl::unexpected<Failure> refused(const std::string& file) {
  const auto error = ERR_peek_error();
  const char* reason = ERR_SYSTEM_ERROR(error) ? std::strerror(ERR_GET_REASON(error))
                                               : ERR_reason_error_string(error);
  ERR_clear_error();
  return tl::unexpected(
      Failure{Exit::usage, fmt::format("MF-4219: {}: no use for TLS: {}", safe_name(file),
                                       reason != nullptr ? reason : "not readable")});
}

}  // namespace

tl::expected<std::shared_ptr<const Tls>, Failure> Tls::load(const TlsFiles& files) {
  ERR_clear_error();
  auto tls = std::make_shared<Tls>();
  tls->context_.reset(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  auto* context = tls->context();
  if (context == nullptr || !harden(context) ||
      SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1) {
    return refused(files.certificate);
  }
  if (SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    return refused(files.key);
  }
  return tls;
}

}  // namespace myoflag::http
