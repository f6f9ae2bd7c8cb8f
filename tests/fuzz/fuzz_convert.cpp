// Conversion: what one form accepts, the other gives back, but for what fhir/convert.h says: the
// order of members, arrays of nothing but gaps, white space around narrative. Text that starts with
// < is taken as XML, other text as JSON.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fhir/convert.h"
#include "tests/fuzz/require.h"

namespace {

using myoflag::fhir::Json;
using myoflag::fuzz::require;

std::string_view bare(std::string_view div) {
  constexpr std::string_view space = " \t\r\n";
  const auto first = div.find_first_not_of(space);
  return first == std::string_view::npos
             ? std::string_view()
             : div.substr(first, div.find_last_not_of(space) + 1 - first);
}

void bare_narrative(Json& value) {
  if (auto* list = value.as_array()) {
    std::for_each(list->begin(), list->end(), bare_narrative);
  } else if (auto* object = value.as_object()) {
    for (auto& member : *object) {
      const auto* text = member.name == "div" ? member.value.as_string() : nullptr;
      if (text != nullptr) {
        member.value = Json(std::string(bare(*text)));
      } else {
        bare_narrative(member.value);
      }
    }
  }
}

bool same_but_for_narrative(Json a, Json b) {
  bare_narrative(a);
  bare_narrative(b);
  return a == b;
}

void from_xml(std::string_view text) {
  const auto converted = myoflag::fhir::xml_to_json(text);
  if (!converted) {
    require(converted.error().code.starts_with("MF-1"), "an error has a code of ours");
    require(converted.error().line > 0, "an error has a place");
    return;
  }
  require(myoflag::fhir::check_shape(converted->resource).empty(),
          "the result has the right shape");
  const auto reread = myoflag::fhir::read_json(write_json(converted->resource));
  require(reread && *reread == converted->resource, "the result passes the JSON gate");
  const auto xml = json_to_xml(converted->resource);
  if (!xml && xml.error().code == "MF-1214") {
    return;  // a leap second, which the schema of the XML form forbids
  }
  require(xml.has_value(), "the result converts back");
  const auto again = myoflag::fhir::xml_to_json(*xml);
  require(again && again->resource == converted->resource, "XML -> JSON -> XML -> JSON is stable");
}

void from_json(std::string_view text) {
  const auto value = myoflag::fhir::read_json(text);
  if (!value) {
    return;
  }
  (void)check_structure(*value);
  const auto xml = json_to_xml(*value);
  if (!xml) {
    require(xml.error().code.starts_with("MF-12"), "an error has a code of ours");
    return;
  }
  const auto back = myoflag::fhir::xml_to_json(*xml);
  require(back.has_value(), "the XML that we write is accepted");
  require(back->notices.empty(), "the XML that we write holds nothing that JSON cannot");
  const auto ordered = in_definition_order(*value);
  require(same_but_for_narrative(back->resource, ordered), "JSON -> XML -> JSON loses nothing");
  const auto again = json_to_xml(back->resource);
  require(again && *again == *xml, "JSON -> XML -> JSON -> XML gives the same bytes");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = myoflag::fuzz::as_text(data, size);
  if (text.starts_with('<')) {
    from_xml(text);
  } else {
    from_json(text);
  }
  return 0;
}
