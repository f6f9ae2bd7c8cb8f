#include "fhir/xml.h"

#include <algorithm>
#include <utility>

#include <pugixml.hpp>

#include "fhir/text.h"
#include "fhir/xml_scan.h"

namespace myoflag::fhir {

namespace {

std::string prefix_free(std::string_view source, const ScannedNarrative& narrative) {
  std::string out;
  std::size_t from = narrative.begin;
  for (const auto& edit : narrative.edits) {
    out.append(source.substr(from, edit.offset - from));
    out.append(edit.replacement);
    from = edit.offset + edit.length;
  }
  return out.append(source.substr(from, narrative.end - from));
}

std::string_view without_prefix(std::string_view name) {
  const auto colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

}  // namespace

struct XmlDocument::Content {
  std::string text;
  pugi::xml_document tree;
  ScannedXml scanned;
};

XmlDocument::XmlDocument(std::unique_ptr<Content> content) : content_(std::move(content)) {}
XmlDocument::XmlDocument(XmlDocument&&) noexcept = default;
XmlDocument& XmlDocument::operator=(XmlDocument&&) noexcept = default;
XmlDocument::~XmlDocument() = default;

XmlElement XmlDocument::root() const {
  return {*this, content_->tree.document_element().internal_object()};
}

const std::vector<XmlDropped>& XmlDocument::dropped() const { return content_->scanned.dropped; }

std::size_t XmlDocument::elements() const { return content_->scanned.elements; }

std::size_t XmlElement::offset() const {
  const auto name_at = pugi::xml_node(node_).offset_debug();  // of the name, behind the bracket
  return name_at > 0 ? static_cast<std::size_t>(name_at) - 1 : 0;
}

namespace {

// Sorted by where they begin, as they were found.
const ScannedNarrative* narrative_at(const std::vector<ScannedNarrative>& narratives,
                                     std::size_t offset) {
  const auto found = std::lower_bound(narratives.begin(), narratives.end(), offset,
                                      [](const ScannedNarrative& narrative, std::size_t wanted) {
                                        return narrative.begin < wanted;
                                      });
  return found != narratives.end() && found->begin == offset ? &*found : nullptr;
}

bool is_namespace_business(std::string_view attribute) {
  return attribute == "xmlns" || attribute.find(':') != std::string_view::npos;
}

}  // namespace

std::string_view XmlElement::name() const { return without_prefix(pugi::xml_node(node_).name()); }

std::vector<XmlAttribute> XmlElement::attributes() const {
  std::vector<XmlAttribute> result;
  for (const auto& attribute : pugi::xml_node(node_).attributes()) {
    if (!is_namespace_business(attribute.name())) {
      result.push_back({attribute.name(), attribute.value()});
    }
  }
  return result;
}

std::vector<XmlElement> XmlElement::children() const {
  std::vector<XmlElement> result;
  if (is_narrative()) {
    return result;
  }
  for (const auto& child : pugi::xml_node(node_).children()) {
    if (child.type() == pugi::node_element) {
      result.push_back({*document_, child.internal_object()});
    }
  }
  return result;
}

bool XmlElement::is_narrative() const {
  return name() == "div" &&
         narrative_at(document_->content_->scanned.narratives, offset()) != nullptr;
}

std::string XmlElement::narrative() const {
  const auto& content = *document_->content_;
  const auto* found = narrative_at(content.scanned.narratives, offset());
  if (found == nullptr) {
    return {};
  }
  return prefix_free(content.text, *found);
}

Error XmlElement::error(std::string_view code, std::string text) const {
  return error_at(document_->content_->text, offset(), code, std::move(text));
}

bool looks_like_xml(std::string_view bytes) {
  // White space, byte order marks of UTF-8, UTF-16 and UTF-32, the zero bytes of the latter two.
  constexpr std::string_view before(" \t\r\n\xEF\xBB\xBF\xFE\xFF\0", 10);
  const auto first = bytes.find_first_not_of(before);
  return first != std::string_view::npos && bytes[first] == '<';
}

Result<XmlDocument> read_xml(std::string_view text, const Limits& limits) {
  if (auto error = refuse_xml_bytes(text, limits)) {
    return tl::unexpected(*std::move(error));
  }
  if (text.starts_with("\xEF\xBB\xBF")) {
    text.remove_prefix(3);  // XML allows it
  }
  auto scanned = scan_xml(text, limits, XmlRoot::resource);
  if (!scanned) {
    return tl::unexpected(std::move(scanned.error()));
  }
  auto content = std::make_unique<XmlDocument::Content>();
  content->text = text;
  content->scanned = *std::move(scanned);
  // Without parse_wconv_attribute: line breaks inside values are data.
  constexpr unsigned flags = pugi::parse_minimal | pugi::parse_escapes | pugi::parse_eol;
  const auto parsed =
      content->tree.load_buffer(text.data(), text.size(), flags, pugi::encoding_utf8);
  if (!parsed || !content->tree.document_element()) {
    const auto offset = std::clamp<std::ptrdiff_t>(parsed.offset, 0, std::ssize(text));
    return tl::unexpected(
        error_at(text, static_cast<std::size_t>(offset), "MF-1105", "The XML is not well-formed."));
  }
  return XmlDocument(std::move(content));
}

std::optional<Error> check_narrative_form(std::string_view div) {
  if (auto error = refuse_xml_bytes(div, Limits{})) {
    return error;
  }
  auto scanned = scan_xml(div, Limits{}, XmlRoot::narrative);
  if (!scanned) {
    return std::move(scanned.error());
  }
  if (!scanned->narratives.front().edits.empty()) {
    return error_at(div, scanned->narratives.front().begin, "MF-1113",
                    "Narrative must declare the XHTML namespace itself and use no prefixes.");
  }
  return std::nullopt;
}

std::optional<Error> check_narrative_content(std::string_view div) {
  auto scanned = scan_xml(div, Limits{}, XmlRoot::narrative);
  if (!scanned) {
    return std::move(scanned.error());
  }
  if (scanned->content) {
    return scanned->content;
  }
  if (!scanned->narrative_has_content) {
    return error_at(div, 0, "MF-1235", "Narrative holds neither text nor an image.");
  }
  return std::nullopt;
}

}  // namespace myoflag::fhir
