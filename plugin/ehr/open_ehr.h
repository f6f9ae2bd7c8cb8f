#pragma once
// From options to an EHR that can be asked.

#include <memory>
#include <string>

#include <tl/expected.hpp>

#include "fhir/client/client.h"
#include "fhir/client/transport.h"
#include "plugin/ehr/ehr_options.h"
#include "plugin/failure.h"

namespace myoflag::ehr {

struct Ehr {
  std::unique_ptr<fhir::client::Transport> transport;
  std::unique_ptr<fhir::client::Authority> authority;  // null: nobody
  fhir::client::World world;
};

// `scope`: what is asked for where the options name none. MF-4130 to MF-4132, exit 2.
tl::expected<Ehr, Failure> open_ehr(const EhrOptions& options, const std::string& scope);

}  // namespace myoflag::ehr
