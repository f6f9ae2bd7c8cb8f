#include "plugin/mapping/identifiers.h"

#include <algorithm>
#include <cctype>
#include <initializer_list>
#include <vector>

#include <fmt/format.h>

#include "plugin/mapping/assessment_json.h"
#include "plugin/mapping/digest.h"

namespace myoflag::mapping {

namespace {

using fhir::Json;

// Lengths before the parts: no two lists of parts give the same name.
std::string name_of(std::initializer_list<std::string_view> parts) {
  std::string name;
  for (const auto part : parts) {
    name += fmt::format("{}:{};", part.size(), part);
  }
  return name;
}

std::string percent_encoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || std::string_view("-._~").find(c) != std::string_view::npos) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", byte);
    }
  }
  return encoded;
}

// In a search value these separate; written with a backslash they stand for themselves.
std::string search_escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (std::string_view("\\,$|").find(c) != std::string_view::npos) {
      escaped += '\\';
    }
    escaped += c;
  }
  return escaped;
}

bool changes_on_the_way(std::string_view member) {
  constexpr std::string_view names[] = {"id", "meta", "identifier", "text", "display"};
  return std::find(std::begin(names), std::end(names), member) != std::end(names);
}

// The gate bounds the depth of everything that comes from outside.
void append_canonical(const Json& value, std::string& out) {
  if (const auto* array = value.as_array()) {
    out += '[';
    for (const auto& element : *array) {
      append_canonical(element, out);
      out += ',';
    }
    out += ']';
    return;
  }
  const auto* object = value.as_object();
  if (object == nullptr) {
    out += fhir::write_json(value);
    return;
  }
  std::vector<const Json::Member*> members;
  for (const auto& member : *object) {
    if (!changes_on_the_way(member.name)) {
      members.push_back(&member);
    }
  }
  std::sort(members.begin(), members.end(),
            [](const auto* a, const auto* b) { return a->name < b->name; });
  out += '{';
  for (const auto* member : members) {
    out += member->name + ":";
    append_canonical(member->value, out);
    out += ',';
  }
  out += '}';
}

std::string source_identity(const Json& response) {
  if (const auto* identifier = response.find("identifier")) {
    const auto value = identifier->string_of("value");
    if (!value.empty()) {
      return name_of({"identifier", identifier->string_of("system"), value});
    }
  }
  const auto id = response.string_of("id");
  return id.empty() ? name_of({"content"}) : name_of({"id", id});
}

}  // namespace

std::string content_digest(const Json& response) {
  std::string text;
  append_canonical(response, text);
  return sha256_hex(text);
}

std::string token_search(std::string_view parameter, std::string_view system,
                         std::string_view value) {
  return fmt::format("{}={}", parameter,
                     percent_encoded(search_escaped(system) + "|" + search_escaped(value)));
}

std::string identifier_search(std::string_view parameter, const Json& identifier) {
  const auto value = identifier.string_of("value");
  return value.empty() ? "" : token_search(parameter, identifier.string_of("system"), value);
}

Identifiers::Identifiers(const rules::Assessment& assessment, const Json& response,
                         std::string_view tenant, std::string_view system)
    : system_(system),
      tenant_(tenant),
      source_(source_identity(response)),
      content_(content_digest(response)),
      form_(name_of({assessment.knowledge->id, assessment.knowledge->version})),
      outcome_(name_of(
          {assessment.knowledge->digest, sha256_hex(fhir::write_json(outcome_json(assessment)))})),
      name_space_(fhir::uuid_v5(fhir::uuid_namespace_url, assessment.knowledge->canonical)) {
  if (system_.empty()) {
    system_ = assessment.knowledge->canonical + "/identifier";
  }
}

fhir::Uuid Identifiers::response() const {
  return fhir::uuid_v5(name_space_, name_of({tenant_, source_, content_, "response"}));
}

fhir::Uuid Identifiers::answer(std::string_view link_id, std::string_view option) const {
  return fhir::uuid_v5(name_space_,
                       name_of({tenant_, source_, content_, form_, "answer", link_id, option}));
}

fhir::Uuid Identifiers::result(std::string_view role, std::string_view code) const {
  return fhir::uuid_v5(name_space_,
                       name_of({tenant_, source_, content_, form_, outcome_, role, code}));
}

fhir::Uuid Identifiers::device(std::string_view software_version) const {
  return fhir::uuid_v5(name_space_, name_of({tenant_, "device", software_version}));
}

Json Identifiers::identifier(const fhir::Uuid& uuid) const {
  return Json::object({{"system", system_}, {"value", fhir::to_string(uuid)}});
}

std::string Identifiers::if_none_exist(const fhir::Uuid& uuid) const {
  return token_search("identifier", system_, fhir::to_string(uuid));
}

}  // namespace myoflag::mapping
