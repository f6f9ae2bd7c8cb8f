#include "fhir/response_check/reference_form.h"

#include <algorithm>

#include <fmt/format.h>

#include "fhir/answer_value.h"
#include "fhir/primitives.h"
#include "fhir/r4/definitions.h"
#include "fhir/uuid.h"

namespace myoflag::fhir::response_check {

namespace {

// "Type/id", with a version or not.
bool is_relative_reference(std::string_view text) {
  const auto version = text.find("/_history/");
  const auto slash = text.find('/');
  const bool versioned = version != std::string_view::npos;
  return slash != std::string_view::npos && r4::find_resource(text.substr(0, slash)) != nullptr &&
         is_id(text.substr(slash + 1, versioned ? version - slash - 1 : version)) &&
         (!versioned || is_id(text.substr(version + 10)));
}

bool has_space(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) <= ' '; });
}

// Behind "urn:". Other systems write UUIDs in capitals, too.
bool is_name(std::string_view text) {
  constexpr std::string_view uuid = "uuid:";
  return text.starts_with(uuid)
             ? parse_uuid(loose_form(text.substr(uuid.size()))).has_value()
             : has_primitive_form(r4::Primitive::oid, fmt::format("urn:{}", text));
}

// "Patient" of "Patient/17" and of "https://ehr.example/fhir/Patient/17/_history/2"; empty when it
// names no type of R4.
std::string_view type_in(std::string_view reference) {
  reference = reference.substr(0, reference.find("/_history/"));
  const auto last = reference.rfind('/');
  if (last == std::string_view::npos) {
    return {};
  }
  const auto head = reference.substr(0, last);
  const auto before = head.rfind('/');
  const auto type = before == std::string_view::npos ? head : head.substr(before + 1);
  return r4::find_resource(type) == nullptr ? std::string_view() : type;
}

}  // namespace

Contained contained_in(const Json& response) {
  Contained contained;
  for (const auto& inner : response.array_of("contained")) {
    contained.emplace(inner.string_of("id"), inner.string_of("resourceType"));
  }
  contained.erase("");
  return contained;
}

bool is_reference(std::string_view text, const Contained& contained) {
  if (text.starts_with('#')) {
    return contained.contains(text.substr(1));
  }
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) {
    return is_relative_reference(text);
  }
  const auto scheme = loose_form(text.substr(0, colon));
  const auto rest = text.substr(colon + 1);
  const bool is_web = (scheme == "http" || scheme == "https") && rest.starts_with("//");
  return is_web ? !has_space(text) : scheme == "urn" && is_name(rest);
}

std::string_view type_of_target(const Json& reference, const Contained& contained) {
  const auto text = reference.string_of("reference");
  if (!text.empty() && !is_reference(text, contained)) {
    return {};
  }
  if (text.starts_with('#')) {
    const auto inner = contained.find(text.substr(1));
    return inner == contained.end() ? std::string_view() : inner->second;
  }
  const auto type = type_in(text);
  return type.empty() ? reference.string_of("type") : type;
}

}  // namespace myoflag::fhir::response_check
