#include "plugin/mapping/standing_alone.h"

#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace myoflag::mapping {
namespace {

using fhir::Json;

constexpr std::string_view kUrn = "urn:uuid:";

using Names = std::map<std::string, std::string, std::less<>>;  // urn -> "Observation/<id>"

// The depth is that of what was read and of what we make: bounded.
void resolve(Json& value, const Names& names) {
  if (auto* list = value.as_array()) {
    for (auto& element : *list) {
      resolve(element, names);
    }
  } else if (auto* object = value.as_object()) {
    for (auto& member : *object) {
      const auto* text = member.name == "reference" ? member.value.as_string() : nullptr;
      const auto known = text == nullptr ? names.end() : names.find(*text);
      if (known != names.end()) {
        member.value = Json(known->second);
      } else {
        resolve(member.value, names);
      }
    }
  }
}

Json with_id(const Json& resource, std::string_view id) {
  Json out = Json::object({{"resourceType", resource.string_of("resourceType")}, {"id", id}});
  for (const auto& member : *resource.as_object()) {
    if (member.name != "resourceType" && member.name != "id") {
      out.set(member.name, member.value);
    }
  }
  return out;
}

}  // namespace

std::vector<Json> standing_alone(Json bundle) {
  Names names;
  for (const auto& entry : bundle.array_of("entry")) {
    const auto urn = entry.string_of("fullUrl");
    const auto* resource = entry.find("resource");
    names.emplace(urn, std::string(resource->string_of("resourceType")) + "/" +
                           std::string(urn.substr(kUrn.size())));
  }
  std::vector<Json> out;
  for (const auto& entry : bundle.array_of("entry")) {
    Json resource =
        with_id(*entry.find("resource"), entry.string_of("fullUrl").substr(kUrn.size()));
    resolve(resource, names);
    out.push_back(std::move(resource));
  }
  return out;
}

}  // namespace myoflag::mapping
