#pragma once
// Refusals and failures as answers: an OperationOutcome where FHIR is spoken, else {"status",
// "code", "message"}. Nothing of the request stands in them.

#include <string_view>

#include "fhir/issue.h"
#include "plugin/http/head.h"
#include "plugin/http/message.h"

namespace myoflag::http {

inline constexpr std::string_view kFhirJson = "application/fhir+json; charset=utf-8";
inline constexpr std::string_view kJson = "application/json; charset=utf-8";

Response outcome(int status, const fhir::Issues& issues);
Response problem(const Refusal& refusal, bool as_outcome);

}  // namespace myoflag::http
