#include "plugin/http/problem.h"

#include <string>

#include "fhir/json.h"

namespace myoflag::http {
namespace {

// Value set issue-type of R4.
std::string_view issue_type(int status) {
  switch (status) {
    case 404:
      return "not-found";
    case 405:
    case 415:
    case 417:
    case 501:
    case 505:
      return "not-supported";
    case 413:
    case 414:
    case 431:
      return "too-long";
    case 408:
      return "timeout";
    case 500:
      return "exception";
    case 503:
      return "transient";
    default:
      return "structure";
  }
}

}  // namespace

Response outcome(int status, const fhir::Issues& issues) {
  return {status, std::string(kFhirJson), fhir::write_json(fhir::operation_outcome(issues)), {}};
}

Response problem(const Refusal& refusal, bool as_outcome) {
  if (as_outcome) {
    return outcome(refusal.status, {{fhir::Severity::error,
                                     std::string(issue_type(refusal.status)),
                                     std::string(refusal.code),
                                     std::string(refusal.text),
                                     {},
                                     {}}});
  }
  const auto body = fhir::Json::object(
      {{"status", refusal.status}, {"code", refusal.code}, {"message", refusal.text}});
  return {refusal.status, std::string(kJson), fhir::write_json(body), {}};
}

}  // namespace myoflag::http
