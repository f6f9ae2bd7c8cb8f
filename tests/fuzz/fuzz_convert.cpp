// Conversion: what one form accepts, the other gives back. Text that starts with < is taken as XML,
// other text as JSON.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "fhir/convert.h"
#include "tests/fuzz/require.h"

namespace {

using myoflag::fhir::Json;
using myoflag::fuzz::require;

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
