#include "plugin/sidecar/negotiate.h"

#include <optional>
#include <string>
#include <string_view>

#include "fhir/convert.h"
#include "plugin/http/problem.h"

namespace myoflag::sidecar {
namespace {

enum class Format { json, xml };

constexpr std::string_view fhir_xml = "application/fhir+xml; charset=utf-8";

std::optional<Format> format_of(std::string_view type) {
  if (type == "application/fhir+json" || type == "application/json" || type == "text/json" ||
      type == "json" || type == "*/*" || type == "application/*") {
    return Format::json;
  }
  if (type == "application/fhir+xml" || type == "application/xml" || type == "text/xml" ||
      type == "xml" || type == "text/*") {
    return Format::xml;
  }
  return std::nullopt;
}

// The first that we have: clients list what they like best first.
std::optional<Format> accepted(std::string_view accept) {
  while (!accept.empty()) {
    const auto end = accept.find(',');
    auto range = accept.substr(0, end);
    while (!range.empty() && range.front() == ' ') {
      range.remove_prefix(1);
    }
    if (const auto format = format_of(http::media_type(range))) {
      return format;
    }
    accept = end == std::string_view::npos ? std::string_view() : accept.substr(end + 1);
  }
  return std::nullopt;
}

std::optional<Format> wanted(const http::Request& request) {
  if (const auto asked = http::query_value(request.query, "_format")) {
    // A plus that was not escaped arrives as it is.
    return format_of(http::media_type(*asked));
  }
  const auto accept = http::field_of(request.fields, "accept");
  return accept.empty() ? Format::json : accepted(accept);
}

}  // namespace

http::Response fhir_response(const http::Request& request, int status, const fhir::Json& resource) {
  const auto format = wanted(request);
  if (!format) {
    return http::problem({406, "MF-4243", "Resources are served as FHIR JSON and FHIR XML."}, true);
  }
  if (*format == Format::json) {
    return {status, std::string(http::kFhirJson), fhir::write_json(resource), {}};
  }
  auto xml = fhir::json_to_xml(resource);
  if (!xml) {
    const auto issue = fhir::to_issue(xml.error());
    return issue.code == "MF-1214" ? fhir_response(request, 406, fhir::operation_outcome({issue}))
                                   : http::outcome(500, {issue});
  }
  return {status, std::string(fhir_xml), *std::move(xml), {}};
}

}  // namespace myoflag::sidecar
