#pragma once
// The scan behind the XML gate: is a text well-formed XML as FHIR allows it? For fhir/xml.cpp only.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/error.h"
#include "fhir/json.h"
#include "fhir/xml.h"

namespace myoflag::fhir {

struct ScannedEdit {
  std::size_t offset;
  std::size_t length;
  std::string replacement;
};

struct ScannedNarrative {
  std::size_t begin = 0;           // of "<div"
  std::size_t end = 0;             // after "</div>"
  std::vector<ScannedEdit> edits;  // that make it prefix-free and self-contained
};

struct ScannedXml {
  std::vector<ScannedNarrative> narratives;
  std::vector<XmlDropped> dropped;
  std::optional<Error> content;  // first thing in narrative that txt-1 or txt-2 forbids
  bool narrative_has_content = false;
  std::size_t elements = 0;  // outside narrative, its divs included
};

enum class XmlRoot { resource, narrative };

// Size, encoding and characters; the scan takes only text that passed.
std::optional<Error> refuse_xml_bytes(std::string_view text, const Limits& limits);

Result<ScannedXml> scan_xml(std::string_view text, const Limits& limits, XmlRoot root);

}  // namespace myoflag::fhir
