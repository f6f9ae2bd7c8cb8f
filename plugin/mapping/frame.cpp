#include "plugin/mapping/frame.h"

#include <algorithm>
#include <cctype>

#include "fhir/r4/definitions.h"
#include "plugin/mapping/code_system.h"

namespace myoflag::mapping {

namespace {

using fhir::Json;

bool is_local(std::string_view reference) {
  return reference.starts_with('#') || reference.starts_with("urn:");
}

}  // namespace

Json reference_to(std::string_view target) { return Json::object({{"reference", target}}); }

Json codeable(Json codings, std::string_view text) {
  Json result = Json::object();
  result.set_if("coding", std::move(codings));
  result.set_if("text", text);
  return result;
}

Json codings_of(const std::vector<rules::Coding>& codes) {
  Json codings = Json::array();
  for (const auto& code : codes) {
    codings.push(coding(code.system, code.code, code.display));
  }
  return codings;
}

Json portable_reference(const Json& reference) {
  if (!reference.is_object()) {
    return {};
  }
  Json copy = reference;
  copy.erase("id");
  if (is_local(copy.string_of("reference"))) {
    copy.erase("reference");
    copy.erase("_reference");
  }
  const bool names_something =
      copy.has("reference") || copy.has("identifier") || copy.has("display");
  return names_something ? copy : Json();
}

std::string_view target_type(const Json& reference) {
  std::string_view rest = reference.string_of("reference");
  std::string_view type;
  while (!rest.empty()) {
    const auto slash = std::min(rest.find('/'), rest.size());
    const auto part = rest.substr(0, slash);
    if (fhir::r4::find_resource(part) != nullptr) {
      type = part;
    }
    rest.remove_prefix(std::min(slash + 1, rest.size()));
  }
  return type.empty() ? reference.string_of("type") : type;
}

Json bundle_entry(const fhir::Uuid& uuid, Json resource, std::string if_none_exist) {
  const std::string type(resource.string_of("resourceType"));
  return Json::object({{"fullUrl", fhir::to_urn(uuid)},
                       {"resource", std::move(resource)},
                       {"request", Json::object({{"method", "POST"},
                                                 {"url", type},
                                                 {"ifNoneExist", std::move(if_none_exist)}})}});
}

}  // namespace myoflag::mapping
