#include "plugin/mapping/response_extras.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "plugin/mapping/one_of.h"
#include "plugin/mapping/record_values.h"
#include "plugin/mapping/vocabulary.h"

namespace myoflag::mapping {

namespace {

using fhir::Json;

// Those of the form, which programs copy into its answers, and the reason why a value is missing.
bool is_read(std::string_view url) {
  constexpr std::array<std::string_view, 5> known{
      kDataAbsentReasonExtension, "http://hl7.org/fhir/StructureDefinition/alternate-codes",
      "http://hl7.org/fhir/StructureDefinition/itemWeight",
      "http://hl7.org/fhir/StructureDefinition/ordinalValue",
      "http://hl7.org/fhir/StructureDefinition/translation"};
  return is_one_of(url, known);
}

void add_urls(const Json& extensions, std::vector<std::string>& urls) {
  const auto* list = extensions.as_array();
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    auto url = shown((*list)[i].string_of("url"));
    const bool is_new = std::find(urls.begin(), urls.end(), url) == urls.end();
    if (is_new && !is_read(url) && urls.size() <= most_extensions) {
      urls.push_back(std::move(url));
    }
  }
}

// As deep as the gate lets the input be.
void collect(const Json& json, std::vector<std::string>& urls) {
  if (const auto* list = json.as_array()) {
    for (const auto& one : *list) {
      collect(one, urls);
    }
  } else if (const auto* members = json.as_object()) {
    for (const auto& member : *members) {
      if (member.name == "extension") {
        add_urls(member.value, urls);
      } else if (member.name != "contained") {
        collect(member.value, urls);
      }
    }
  }
}

}  // namespace

std::vector<std::string> unread_extensions(const Json& response) {
  std::vector<std::string> urls;
  collect(response, urls);
  return urls;
}

bool has_additional_narrative(const Json& response) {
  const auto* text = response.find("text");
  return text != nullptr && text->string_of("status") == "additional";
}

}  // namespace myoflag::mapping
