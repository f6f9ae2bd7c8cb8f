// The XML gate: any bytes give a document or a located error; the parser behind the gate sees as
// many elements as the gate let pass, and narrative that was accepted has the form that JSON
// demands.

#include <cstddef>
#include <cstdint>

#include "fhir/xml.h"
#include "tests/fuzz/require.h"

namespace {

using myoflag::fuzz::require;

void check_error(const myoflag::fhir::Error& error) {
  require(error.code.starts_with("MF-11"), "errors of the gate have its codes");
  require(!error.text.empty(), "an error has a sentence");
  require(error.code == "MF-1101" || (error.line > 0 && error.column > 0), "an error has a place");
}

// How many elements it met.
std::size_t walk(const myoflag::fhir::XmlElement& element) {
  require(!element.name().empty(), "an element has a name");
  for (const auto& attribute : element.attributes()) {
    require(myoflag::fhir::has_xml_characters_only(attribute.value),
            "values hold XML characters only");
  }
  if (element.is_narrative()) {
    require(element.children().empty(), "narrative is opaque");
    const auto error = myoflag::fhir::check_narrative_form(element.narrative());
    require(!error, "narrative has the form that JSON demands");
  }
  std::size_t met = 1;
  for (const auto& child : element.children()) {
    met += walk(child);
  }
  return met;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = myoflag::fuzz::as_text(data, size);
  const auto document = myoflag::fhir::read_xml(text);
  if (document) {
    require(walk(document->root()) == document->elements(),
            "the parser sees as many elements as the gate let pass");
  } else {
    check_error(document.error());
  }
  if (!myoflag::fhir::check_narrative_form(text)) {
    (void)myoflag::fhir::check_narrative_content(text);
  }
  return 0;
}
