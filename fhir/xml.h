#pragma once
// The gate through which outside XML comes, and a view of what passed. The gate is stricter than
// the parser behind it: UTF-8 only, no DOCTYPE and so no entities but the five, exactly one root,
// FHIR namespace (any prefix), narrative in the XHTML namespace, no text outside narrative, bounded
// size, depth and number of nodes. Errors: MF-1101 to MF-1117, with line and column (but for
// MF-1101, the size), never quoting the text.

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/error.h"
#include "fhir/json.h"

namespace pugi {
struct xml_node_struct;
}

namespace myoflag::fhir {

struct XmlAttribute {
  std::string_view name;
  std::string_view value;
};

// What a conversion to JSON cannot keep.
enum class XmlExtra { comment, processing_instruction, cdata, schema_location };
struct XmlDropped {
  XmlExtra kind;
  std::size_t line;
};

class XmlDocument;

// One element outside narrative. Valid as long as its document.
class XmlElement {
 public:
  std::string_view name() const;  // without prefix
  std::vector<XmlAttribute> attributes()
      const;                                 // without namespace declarations and schema location
  std::vector<XmlElement> children() const;  // none for narrative
  bool is_narrative() const;                 // an XHTML div
  std::string narrative() const;             // its source, prefix-free, with its own xmlns
  Error error(std::string_view code,
              std::string text) const;  // with line and column of this element

 private:
  friend class XmlDocument;
  XmlElement(const XmlDocument& document, pugi::xml_node_struct* node)
      : document_(&document), node_(node) {}
  std::size_t offset() const;

  const XmlDocument* document_;
  pugi::xml_node_struct* node_;
};

class XmlDocument {
 public:
  XmlDocument(XmlDocument&&) noexcept;
  XmlDocument& operator=(XmlDocument&&) noexcept;
  ~XmlDocument();

  XmlElement root() const;
  const std::vector<XmlDropped>& dropped() const;
  // How many elements the gate let pass: a walk from the root meets as many.
  std::size_t elements() const;

 private:
  friend class XmlElement;
  friend Result<XmlDocument> read_xml(std::string_view text, const Limits& limits);
  struct Content;
  explicit XmlDocument(std::unique_ptr<Content> content);

  std::unique_ptr<Content> content_;
};

// `limits.depth` bounds the JSON form; elements may be nested one level deeper, narrative as deep
// again.
Result<XmlDocument> read_xml(std::string_view text, const Limits& limits = {});

// Narrative as JSON holds it: one well-formed <div xmlns="http://www.w3.org/1999/xhtml"> without
// prefixes, white space around it allowed. Line and column count within the text.
std::optional<Error> check_narrative_form(std::string_view div);
// The stricter rules txt-1 and txt-2 of R4: only the allowed elements and attributes, and something
// to read. Only for text that has the right form.
std::optional<Error> check_narrative_content(std::string_view div);

// Whether a reader should take the bytes for XML rather than JSON: the first character is '<',
// behind white space and whatever marks an encoding, also one that the gate refuses.
bool looks_like_xml(std::string_view bytes);

// False for text with characters that neither XML nor a FHIR string can hold (controls but tab, LF,
// CR; U+FFFE, U+FFFF).
bool has_xml_characters_only(std::string_view utf8);

}  // namespace myoflag::fhir
