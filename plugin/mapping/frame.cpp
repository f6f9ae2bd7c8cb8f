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

// Anywhere in it.
bool has_local_reference(const Json& json) {
  if (const auto* list = json.as_array()) {
    return std::any_of(list->begin(), list->end(), has_local_reference);
  }
  const auto* members = json.as_object();
  return members != nullptr &&
         (is_local(json.string_of("reference")) ||
          std::any_of(members->begin(), members->end(), [](const Json::Member& member) {
            return has_local_reference(member.value);
          }));
}

// Of an identifier: who gave it, and what extensions say, where that leads into the file.
void drop_local_parts(Json& identifier) {
  for (const auto* name : {"assigner", "extension"}) {
    const auto* part = identifier.find(name);
    if (part != nullptr && has_local_reference(*part)) {
      identifier.erase(name);
    }
  }
}

}  // namespace

Json portable_identifier(Json identifier) {
  drop_local_parts(identifier);
  return identifier;
}

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
  drop_local_parts(copy);
  if (auto* identifier = copy.find("identifier")) {
    drop_local_parts(*identifier);
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
