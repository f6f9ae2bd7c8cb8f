#include "plugin/ehr/open_ehr.h"

#include <cstdlib>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "fhir/client/backend_services.h"
#include "fhir/client/cpprest_transport.h"
#include "plugin/ehr/own_key.h"

namespace myoflag::ehr {

namespace {

using fhir::client::Authority;

tl::unexpected<Failure> wrong(std::string text) {
  return tl::unexpected(Failure{Exit::usage, std::move(text)});
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

tl::expected<std::unique_ptr<Authority>, Failure> authority_of(const EhrOptions& options,
                                                               const std::string& scope, Ehr& ehr) {
  const std::string token = environment("MYOFLAG_EHR_TOKEN");
  const std::string user = environment("MYOFLAG_EHR_USER");
  const int ways =
      (options.client_id.empty() ? 0 : 1) + (token.empty() ? 0 : 1) + (user.empty() ? 0 : 1);
  if (ways > 1) {
    return wrong("MF-4130: one way to sign in: --client-id, MYOFLAG_EHR_TOKEN or MYOFLAG_EHR_USER");
  }
  if (options.client_id.empty() != options.key_file.empty()) {
    return wrong("MF-4130: --client-id and --key belong together");
  }
  if (!token.empty()) {
    return std::make_unique<fhir::client::FixedAuthority>(fhir::client::bearer(token));
  }
  if (!user.empty()) {
    return std::make_unique<fhir::client::FixedAuthority>(
        fhir::client::basic(user, environment("MYOFLAG_EHR_PASSWORD")));
  }
  if (options.client_id.empty()) {
    return nullptr;
  }
  auto key = read_key(options.key_file, options.key_id);
  if (!key) {
    return tl::unexpected(key.error());
  }
  fhir::client::BackendOptions how;
  how.base = options.base;
  how.token_url = options.token_url;
  how.client_id = options.client_id;
  how.scope = options.scope.empty() ? scope : options.scope;
  how.key = std::move(*key);
  return std::make_unique<fhir::client::BackendServices>(*ehr.transport, std::move(how), ehr.world);
}

}  // namespace

tl::expected<Ehr, Failure> open_ehr(const EhrOptions& options, const std::string& scope) {
  if (!fhir::client::may_be_called(options.base)) {
    return wrong("MF-4132: the address of an EHR is https, or http on this machine");
  }
  if (options.base.find('?') != std::string::npos || options.proxy.find('@') != std::string::npos) {
    return wrong("MF-4132: an address here has no query and no password");
  }
  Ehr ehr;
  ehr.world = fhir::client::real_world();
  try {
    ehr.transport = fhir::client::cpprest_transport(
        {options.ca_file, options.certificate_file, options.certificate_key_file, options.proxy});
  } catch (const std::runtime_error& error) {
    return wrong(error.what());
  }
  auto authority = authority_of(options, scope, ehr);
  if (!authority) {
    return tl::unexpected(authority.error());
  }
  ehr.authority = std::move(*authority);
  return ehr;
}

}  // namespace myoflag::ehr
