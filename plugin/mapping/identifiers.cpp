#include "plugin/mapping/identifiers.h"

#include <algorithm>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "plugin/mapping/assessment_json.h"
#include "plugin/mapping/digest.h"
#include "plugin/mapping/patient_identity.h"
#include "rules/ascii.h"

namespace myoflag::mapping {

namespace {

using fhir::Json;

std::string percent_encoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (rules::is_letter_or_digit(c) ||
        std::string_view("-._~").find(c) != std::string_view::npos) {
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

template <std::size_t N>
bool is_one_of(std::string_view name, const std::string_view (&names)[N]) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

// Of the response itself; the identifier may be ours, put in when it was sent.
bool changes_at_the_top(std::string_view member) {
  return is_one_of(member, {"id", "meta", "identifier", "text"});
}

// Ids and words that servers and forms put in. An item's text is the form's.
bool changes_inside(const Json& owner, std::string_view member) {
  return is_one_of(member, {"id", "display"}) || (member == "text" && owner.has("linkId"));
}

// The gate bounds the depth of everything that comes from outside.
void append_canonical(const Json& value, bool top, std::string& out) {
  if (const auto* array = value.as_array()) {
    out += '[';
    for (const auto& element : *array) {
      append_canonical(element, false, out);
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
    const bool changes = top ? changes_at_the_top(member.name) : changes_inside(value, member.name);
    if (!changes) {
      members.push_back(&member);
    }
  }
  std::sort(members.begin(), members.end(),
            [](const auto* a, const auto* b) { return a->name < b->name; });
  out += '{';
  for (const auto* member : members) {
    out += member->name + ":";
    const auto* reference = member->name == "reference" ? member->value.as_string() : nullptr;
    append_canonical(reference == nullptr ? member->value : Json(reference_place(*reference)),
                     false, out);
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

std::string patient_identity(const Json& subject) {
  if (const auto reference = subject.string_of("reference"); !reference.empty()) {
    return name_of({"reference", reference_place(reference)});
  }
  const auto* identifier = subject.find("identifier");
  return identifier == nullptr ? name_of({"nobody"})
                               : name_of({"identifier", identifier->string_of("system"),
                                          identifier->string_of("value")});
}

// The name that a response got when we sent it.
std::optional<fhir::Uuid> own_name(const Json& response, std::string_view system) {
  const auto* identifier = response.find("identifier");
  if (identifier == nullptr || identifier->string_of("system") != system) {
    return std::nullopt;
  }
  return fhir::parse_uuid(identifier->string_of("value"));
}

}  // namespace

std::string name_of(std::initializer_list<std::string_view> parts) {
  std::string name;
  for (const auto part : parts) {
    name += fmt::format("{}:{};", part.size(), part);
  }
  return name;
}

std::string content_digest(const Json& response) {
  std::string text;
  append_canonical(response, true, text);
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
                         const Json& sent, const Json& subject, std::string_view tenant,
                         std::string_view system)
    : system_(system),
      tenant_(tenant),
      content_(content_digest(sent)),
      form_(name_of({assessment.knowledge->id, assessment.knowledge->version})),
      outcome_(name_of(
          {assessment.knowledge->digest, sha256_hex(fhir::write_json(outcome_json(assessment)))})),
      name_space_(fhir::uuid_v5(fhir::uuid_namespace_url, assessment.knowledge->canonical)) {
  if (system_.empty()) {
    system_ = assessment.knowledge->canonical + "/identifier";
  }
  const auto patient = patient_identity(subject);
  const auto own = own_name(response, system_);
  is_copy_ = own && named_for(name_space_, *own, tenant_, patient) != *own;
  const auto made = [&] {
    return fhir::uuid_v5(
        name_space_, name_of({tenant_, source_identity(response), patient, content_, "response"}));
  };
  response_ = own && !is_copy_ ? *own : named_for(name_space_, made(), tenant_, patient);
}

fhir::Uuid named_for(const fhir::Uuid& name_space, fhir::Uuid name, std::string_view tenant,
                     std::string_view patient) {
  constexpr std::size_t kMark = 4;
  const auto mark = name.bytes.end() - kMark;
  std::fill(mark, name.bytes.end(), std::uint8_t{0});
  const auto whose =
      fhir::uuid_v5(name_space, name_of({tenant, fhir::to_string(name), patient, "whose"}));
  std::copy_n(whose.bytes.begin(), kMark, mark);
  return name;
}

fhir::Uuid Identifiers::answer(std::string_view link_id, std::string_view option) const {
  return fhir::uuid_v5(name_space_, name_of({tenant_, fhir::to_string(response_), content_, form_,
                                             "answer", link_id, option}));
}

fhir::Uuid Identifiers::result(std::string_view role, std::string_view code) const {
  return fhir::uuid_v5(name_space_, name_of({tenant_, fhir::to_string(response_), content_, form_,
                                             outcome_, role, code}));
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
