#pragma once
// A CDS Hooks 2.0 call, read and checked: hook, context, prefetch. Every problem is told with its
// place ("context.patientId"), nothing of the data is quoted. Source: cds-hooks.hl7.org/2.0 and the
// pages of the five hooks. Errors: MF-4220 to MF-4224, and those of the JSON gate.

#include <array>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "fhir/issue.h"
#include "fhir/json.h"

namespace myoflag::cds {

inline constexpr std::string_view kServiceId = "myoflag-intake-review";

inline constexpr std::array<std::string_view, 5> kHooks{
    "patient-view", "encounter-start", "order-select", "order-sign", "appointment-book"};

struct HookRequest {
  std::string hook;
  std::string fhir_server;         // empty: not said
  std::string access_token;        // for fhir_server, of this call alone; empty: none
  std::string patient_id;          // a bare FHIR id
  std::string encounter_id;        // empty: none
  bool reader_is_patient = false;  // or a person related to the patient
  fhir::Json prefetch;             // object, perhaps empty
  fhir::Json draft_orders;         // Bundle, or null
};

// The access token lives as long as the request: it is never logged, shown or written anywhere.
tl::expected<HookRequest, fhir::Issues> read_hook_request(std::string_view body);

}  // namespace myoflag::cds
