#include "fhir/xml_scan.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "fhir/text.h"

namespace myoflag::fhir {

namespace {

constexpr std::string_view fhir_uri = "http://hl7.org/fhir";
constexpr std::string_view xhtml_uri = "http://www.w3.org/1999/xhtml";
constexpr std::string_view xsi_uri = "http://www.w3.org/2001/XMLSchema-instance";
constexpr std::size_t most_attributes = 64;  // of one element
constexpr int deepest = 512;                 // whatever the caller allows: conversion recurses

// Elements and attributes that R4's rule txt-1 allows in narrative. Sorted.
constexpr std::string_view narrative_elements[] = {
    "a",   "abbr",     "acronym", "b",     "big",  "blockquote", "br",  "caption", "cite",  "code",
    "col", "colgroup", "dd",      "dfn",   "div",  "dl",         "dt",  "em",      "h1",    "h2",
    "h3",  "h4",       "h5",      "h6",    "hr",   "i",          "img", "li",      "ol",    "p",
    "pre", "q",        "samp",    "small", "span", "strong",     "sub", "sup",     "table", "tbody",
    "td",  "tfoot",    "th",      "thead", "tr",   "tt",         "ul",  "var"};
constexpr std::string_view narrative_attributes[] = {
    "abbr",       "accesskey",   "align",       "alt",        "axis",   "bgcolor", "border",
    "cellhalign", "cellpadding", "cellspacing", "cellvalign", "char",   "charoff", "charset",
    "cite",       "class",       "colspan",     "compact",    "coords", "dir",     "frame",
    "headers",    "height",      "href",        "hreflang",   "hspace", "id",      "lang",
    "longdesc",   "name",        "nowrap",      "rel",        "rev",    "rowspan", "rules",
    "scope",      "shape",       "span",        "src",        "start",  "style",   "summary",
    "tabindex",   "title",       "type",        "valign",     "value",  "vspace",  "width",
    "xml:lang",   "xml:space"};

bool contains(std::span<const std::string_view> sorted, std::string_view name) {
  return std::binary_search(sorted.begin(), sorted.end(), name);
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

bool is_blank(std::string_view text) { return std::all_of(text.begin(), text.end(), is_space); }

bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool is_name_char(char c) {
  return is_name_start(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

bool is_xml_character(unsigned code_point) {
  return code_point == '\t' || code_point == '\n' || code_point == '\r' ||
         (code_point >= 0x20 && code_point <= 0xD7FF) ||
         (code_point >= 0xE000 && code_point <= 0xFFFD) ||
         (code_point >= 0x10000 && code_point <= 0x10FFFF);
}

// Offset of the first character that XML forbids in valid UTF-8; size if there is none.
std::size_t first_forbidden(std::string_view text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte < 0x20 && !is_space(text[at])) {
      return at;
    }
    if (byte == 0xEF &&
        (text.substr(at, 3) == "\xEF\xBF\xBE" || text.substr(at, 3) == "\xEF\xBF\xBF")) {
      return at;
    }
  }
  return text.size();
}

struct SplitName {
  std::string_view prefix;
  std::string_view local;
};

SplitName split(std::string_view name) {
  const auto colon = name.find(':');
  if (colon == std::string_view::npos) {
    return {{}, name};
  }
  return {name.substr(0, colon), name.substr(colon + 1)};
}

enum class Space { none, fhir, xhtml, xsi, xml, other };

Space space_of(std::string_view uri) {
  if (uri == fhir_uri) {
    return Space::fhir;
  }
  if (uri == xhtml_uri) {
    return Space::xhtml;
  }
  if (uri == xsi_uri) {
    return Space::xsi;
  }
  return uri.empty() ? Space::none : Space::other;
}

// Decides whether a text is well-formed XML as FHIR allows it, in one pass with an explicit stack.
class Scanner {
 public:
  Scanner(std::string_view text, const Limits& limits, XmlRoot root)
      : text_(text), limits_(limits), root_(root) {
    limits_.depth = std::min(limits_.depth, deepest);
    declare("xml", Space::xml);
  }

  Result<ScannedXml> scan() {
    if (!document()) {
      return tl::unexpected(std::move(failure_));
    }
    return std::move(result_);
  }

 private:
  struct Open {
    std::string_view name;
    std::size_t declared;  // prefixes before it
    bool starts_narrative;
  };
  struct Attribute {
    std::size_t offset;
    std::string_view name;
    std::string_view value;  // raw
  };

  bool fail(std::size_t offset, std::string_view code, std::string what) {
    failure_ = error_at(text_, offset, code, std::move(what));
    return false;
  }
  bool malformed(std::string_view what) {
    if (at_ >= text_.size()) {
      return fail_end();
    }
    return fail(at_, "MF-1105", fmt::format("The XML is not well-formed: {}.", what));
  }
  bool fail_end() { return fail(text_.size(), "MF-1106", "The XML text ends too early."); }
  // The text ends within this mark.
  bool is_cut(std::string_view mark) const { return mark.starts_with(text_.substr(at_)); }

  bool looking_at(std::string_view expected) const {
    return text_.substr(at_, expected.size()) == expected;
  }
  bool take(std::string_view expected) {
    if (!looking_at(expected)) {
      return false;
    }
    at_ += expected.size();
    return true;
  }
  bool skip_space() {
    const auto start = at_;
    while (at_ < text_.size() && is_space(text_[at_])) {
      ++at_;
    }
    return at_ > start;
  }
  bool in_narrative() const { return narrative_depth_ > 0; }

  bool document() {
    if (looking_at("<?xml") && at_ + 5 < text_.size() && is_space(text_[at_ + 5]) &&
        root_ == XmlRoot::resource && !declaration()) {
      return false;
    }
    for (;;) {
      if (stack_.empty()) {
        skip_space();
        if (at_ >= text_.size()) {
          return seen_root_ ||
                 fail(at_, "MF-1112", "The text is empty where an XML document was expected.");
        }
      }
      if (at_ >= text_.size()) {
        return fail_end();
      }
      if (!(text_[at_] == '<' ? markup() : characters())) {
        return false;
      }
    }
  }

  bool declaration() {
    at_ += 5;
    std::vector<Attribute> found;
    if (!attributes(found)) {
      return false;
    }
    if (!take("?>")) {
      return is_cut("?>") ? fail_end() : malformed("the XML declaration must end in ?>");
    }
    constexpr std::array<std::string_view, 3> order{"version", "encoding", "standalone"};
    std::size_t next = 0;
    for (const auto& attribute : found) {
      const auto* const place = std::find(order.begin() + next, order.end(), attribute.name);
      if (place == order.end()) {
        return fail(attribute.offset, "MF-1105", "The XML declaration is not well-formed.");
      }
      next = static_cast<std::size_t>(place - order.begin()) + 1;
      if (!declaration_value(attribute)) {
        return false;
      }
    }
    return (!found.empty() && found.front().name == "version") ||
           fail(0, "MF-1105", "The XML declaration has no version.");
  }

  bool declaration_value(const Attribute& attribute) {
    if (attribute.name == "version" && attribute.value != "1.0") {
      return fail(attribute.offset, "MF-1103", "Only XML 1.0 is accepted.");
    }
    if (attribute.name == "encoding" && !is_utf8_name(attribute.value)) {
      return fail(attribute.offset, "MF-1103",
                  "The XML declaration names another encoding than UTF-8; FHIR XML is UTF-8.");
    }
    return true;
  }

  static bool is_utf8_name(std::string_view name) {
    constexpr std::string_view wanted = "utf-8";
    return std::equal(name.begin(), name.end(), wanted.begin(), wanted.end(), [](char a, char b) {
      return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + ('a' - 'A')) : a) == b;
    });
  }

  bool markup() {
    if (looking_at("<!--")) {
      return comment();
    }
    if (looking_at("<![CDATA[")) {
      return cdata();
    }
    if (is_cut("<!--") || is_cut("<![CDATA[")) {
      return fail_end();
    }
    if (looking_at("<!")) {
      return fail(at_, "MF-1108", "The XML has a document type declaration, which FHIR forbids.");
    }
    if (looking_at("<?")) {
      return instruction();
    }
    return looking_at("</") ? end_tag() : start_tag();
  }

  // Everything up to `end` belongs to one comment, instruction or CDATA section.
  bool find_end(std::size_t from, std::string_view end, std::string_view& body) {
    const auto stop = text_.find(end, from);
    if (stop == std::string_view::npos) {
      return fail_end();
    }
    body = text_.substr(from, stop - from);
    at_ = stop + end.size();
    return true;
  }

  void drop(XmlExtra kind, std::size_t offset) {
    if (in_narrative()) {
      return;  // the source of narrative is kept byte for byte
    }
    line_ += static_cast<std::size_t>(
        std::count(text_.begin() + static_cast<std::ptrdiff_t>(line_at_),
                   text_.begin() + static_cast<std::ptrdiff_t>(offset), '\n'));
    line_at_ = offset;
    result_.dropped.push_back({kind, line_});
  }

  bool count_node() {
    return ++nodes_ <= limits_.nodes ||
           fail(at_, "MF-1114", fmt::format("The XML holds more than {} nodes.", limits_.nodes));
  }

  bool only_root_here(std::size_t offset) {
    return root_ == XmlRoot::resource || in_narrative() ||
           fail(offset, "MF-1111", "There is something outside the narrative's div.");
  }

  bool comment() {
    const auto start = at_;
    std::string_view body;
    if (!count_node() || !find_end(at_ + 4, "--", body)) {
      return false;
    }
    if (!take(">")) {
      return malformed("two hyphens inside a comment");
    }
    drop(XmlExtra::comment, start);
    return only_root_here(start);
  }

  bool instruction() {
    const auto start = at_;
    at_ += 2;
    std::string_view target;
    std::string_view body;
    if (!count_node() || !name(target)) {
      return false;
    }
    if (target.size() == 3 && (target[0] | 0x20) == 'x' && (target[1] | 0x20) == 'm' &&
        (target[2] | 0x20) == 'l') {
      return fail(start, "MF-1105", "The XML declaration is not at the very start.");
    }
    if (is_cut("?>")) {
      return fail_end();
    }
    if (!looking_at("?>") && !skip_space()) {
      return malformed("a processing instruction needs a space after its name");
    }
    if (!find_end(at_, "?>", body)) {
      return false;
    }
    drop(XmlExtra::processing_instruction, start);
    if (in_narrative()) {
      content_problem(start, "Narrative holds a processing instruction.");
    }
    return only_root_here(start);
  }

  bool cdata() {
    const auto start = at_;
    std::string_view body;
    if (!count_node() || !find_end(at_ + 9, "]]>", body)) {
      return false;
    }
    if (stack_.empty() || (!in_narrative() && !is_blank(body))) {
      return fail(start, "MF-1111",
                  "There is text outside narrative; FHIR XML holds values in attributes.");
    }
    note_text(body);
    drop(XmlExtra::cdata, start);
    return true;
  }

  void note_text(std::string_view body) {
    result_.narrative_has_content =
        result_.narrative_has_content || (in_narrative() && !is_blank(body));
  }

  bool characters() {
    const auto start = at_;
    at_ = std::min(text_.find('<', at_), text_.size());
    const auto body = text_.substr(start, at_ - start);
    if (in_narrative() && at_ == text_.size()) {
      return fail_end();
    }
    if (!in_narrative()) {
      const auto blank = std::find_if_not(body.begin(), body.end(), is_space) - body.begin();
      return is_blank(body) ||
             fail(start + static_cast<std::size_t>(blank), "MF-1111",
                  "There is text outside narrative; FHIR XML holds values in attributes.");
    }
    if (const auto bad = body.find("]]>"); bad != std::string_view::npos) {
      return fail(start + bad, "MF-1105", "The XML is not well-formed: ]]> in text.");
    }
    note_text(body);
    return references(start, body);
  }

  bool name(std::string_view& out) {
    const auto start = at_;
    if (at_ >= text_.size() || !is_name_start(text_[at_])) {
      return malformed("a name was expected");
    }
    while (at_ < text_.size() && is_name_char(text_[at_])) {
      ++at_;
    }
    if (at_ >= text_.size()) {
      return fail_end();  // of half a name nothing can be said
    }
    out = text_.substr(start, at_ - start);
    const auto parts = split(out);
    if (parts.local.empty() || !is_name_start(parts.local.front()) ||
        parts.local.find(':') != std::string_view::npos ||
        (parts.prefix.empty() && parts.local.size() != out.size())) {
      return fail(start, "MF-1105", "The XML is not well-formed: a name with misplaced colons.");
    }
    return true;
  }

  bool references(std::size_t start, std::string_view body) {
    for (auto at = body.find('&'); at != std::string_view::npos; at = body.find('&', at + 1)) {
      const auto end = body.find(';', at);
      const auto reference =
          body.substr(at + 1, end == std::string_view::npos ? end : end - at - 1);
      if (end == std::string_view::npos || !reference_ok(start + at, reference)) {
        return end != std::string_view::npos
                   ? false
                   : fail(start + at, "MF-1105", "The XML is not well-formed: a lone ampersand.");
      }
    }
    return true;
  }

  bool reference_ok(std::size_t offset, std::string_view reference) {
    if (reference.starts_with('#')) {
      return character_reference(offset, reference.substr(1));
    }
    return reference == "lt" || reference == "gt" || reference == "amp" || reference == "quot" ||
           reference == "apos" ||
           fail(offset, "MF-1109",
                "An entity that XML does not define itself; FHIR allows no others.");
  }

  bool character_reference(std::size_t offset, std::string_view digits) {
    const bool hex = digits.starts_with('x');
    digits.remove_prefix(hex ? 1 : 0);
    unsigned value = 0;
    for (const char c : digits) {
      const char lower = static_cast<char>(c | 0x20);
      unsigned digit = 16;
      if (c >= '0' && c <= '9') {
        digit = static_cast<unsigned>(c - '0');
      } else if (hex && lower >= 'a' && lower <= 'f') {
        digit = static_cast<unsigned>(lower - 'a') + 10;
      }
      if (digit == 16) {
        value = 0;
        break;
      }
      value = std::min(value * (hex ? 16 : 10) + digit, 0x110000U);
    }
    return is_xml_character(value) ||
           fail(offset, "MF-1104", "A character reference to something that is no XML character.");
  }

  bool attributes(std::vector<Attribute>& out) {
    for (;;) {
      const bool spaced = skip_space();
      if (at_ >= text_.size()) {
        return fail_end();
      }
      if (!is_name_start(text_[at_])) {
        return true;
      }
      if (!spaced) {
        return malformed("attributes need a space between them");
      }
      Attribute attribute{at_, {}, {}};
      if (!one_attribute(attribute)) {
        return false;
      }
      if (std::any_of(out.begin(), out.end(), [&attribute](const Attribute& other) {
            return other.name == attribute.name;
          })) {
        return fail(attribute.offset, "MF-1110", "An attribute occurs twice in the same element.");
      }
      if (out.size() == most_attributes) {
        return fail(attribute.offset, "MF-1114",
                    fmt::format("An element has more than {} attributes.", most_attributes));
      }
      out.push_back(attribute);
    }
  }

  bool one_attribute(Attribute& attribute) {
    if (!count_node() || !name(attribute.name)) {
      return false;
    }
    skip_space();
    if (!take("=")) {
      return malformed("an attribute needs an equals sign");
    }
    skip_space();
    if (at_ >= text_.size()) {
      return fail_end();
    }
    const char quote = text_[at_];
    if (quote != '"' && quote != '\'') {
      return malformed("an attribute value needs quotes");
    }
    const auto start = ++at_;
    const auto end = text_.find(quote, start);
    if (end == std::string_view::npos) {
      return fail_end();
    }
    attribute.value = text_.substr(start, end - start);
    if (attribute.value.size() > limits_.string_bytes) {
      return fail(start, "MF-1116",
                  fmt::format("A value is longer than {} bytes.", limits_.string_bytes));
    }
    if (const auto less = attribute.value.find('<'); less != std::string_view::npos) {
      return fail(start + less, "MF-1105", "The XML is not well-formed: < in an attribute value.");
    }
    at_ = end + 1;
    return references(start, attribute.value);
  }

  void declare(std::string_view prefix, Space space) {
    declared_.push_back(prefix);
    spaces_[prefix].push_back(space);
  }

  void forget(std::size_t down_to) {
    for (; declared_.size() > down_to; declared_.pop_back()) {
      const auto known = spaces_.find(declared_.back());
      known->second.pop_back();
      if (known->second.empty()) {
        spaces_.erase(known);
      }
    }
  }

  std::optional<Space> lookup(std::string_view prefix) const {
    const auto found = spaces_.find(prefix);
    if (found != spaces_.end()) {
      return found->second.back();
    }
    return prefix.empty() ? std::optional(Space::none) : std::nullopt;
  }

  bool bind(const std::vector<Attribute>& attributes) {
    for (const auto& attribute : attributes) {
      const auto [prefix, local] = split(attribute.name);
      if (attribute.name != "xmlns" && prefix != "xmlns") {
        continue;
      }
      const auto bound = prefix.empty() ? std::string_view{} : local;
      if (bound == "xml" || bound == "xmlns" || (!bound.empty() && attribute.value.empty())) {
        return fail(attribute.offset, "MF-1113",
                    "A namespace prefix is declared against the rules.");
      }
      declare(bound, space_of(attribute.value));
    }
    return true;
  }

  bool start_tag() {
    const auto start = at_++;
    if (stack_.empty() && seen_root_) {
      return fail(start, "MF-1112", "There is a second root element.");
    }
    Open open{{}, declared_.size(), false};
    std::vector<Attribute> found;
    if (!count_node() || !name(open.name) || !attributes(found) || !bind(found)) {
      return false;
    }
    if (!element_space(start, open, found)) {
      return false;
    }
    const bool empty = take("/");
    if (!take(">")) {
      return malformed("a tag must end in >");
    }
    seen_root_ = true;
    if (!enter(start, open, found)) {
      return false;
    }
    return !empty || leave();
  }

  bool element_space(std::size_t start, Open& open, const std::vector<Attribute>& found) {
    const auto [prefix, local] = split(open.name);
    const auto space = lookup(prefix);
    if (!space) {
      return fail(start, "MF-1117", "A namespace prefix is used but not declared.");
    }
    if (in_narrative()) {
      return (*space == Space::xhtml ||
              fail(start, "MF-1113", "An element in narrative is not in the XHTML namespace.")) &&
             narrative_attributes_ok(found);
    }
    if (*space == Space::xhtml && local == "div" &&
        (!stack_.empty() || root_ == XmlRoot::narrative)) {
      open.starts_narrative = true;
      return narrative_attributes_ok(found);
    }
    if (root_ == XmlRoot::narrative) {
      return fail(start, "MF-1113", "Narrative must be one div in the XHTML namespace.");
    }
    if (*space != Space::fhir) {
      return fail(start, "MF-1113",
                  "An element is not in the FHIR namespace (http://hl7.org/fhir).");
    }
    if (local == "div") {
      return fail(start, "MF-1113",
                  "A div is not in the XHTML namespace (http://www.w3.org/1999/xhtml).");
    }
    return resource_attributes_ok(found);
  }

  bool resource_attributes_ok(const std::vector<Attribute>& found) {
    for (const auto& attribute : found) {
      const auto [prefix, local] = split(attribute.name);
      if (prefix.empty() || prefix == "xmlns") {
        continue;
      }
      const auto space = lookup(prefix);
      if (!space) {
        return fail(attribute.offset, "MF-1117", "A namespace prefix is used but not declared.");
      }
      if (*space != Space::xsi || local != "schemaLocation") {
        return fail(attribute.offset, "MF-1115", "An attribute is not in FHIR's XML form.");
      }
      drop(XmlExtra::schema_location, attribute.offset);
    }
    return true;
  }

  bool narrative_attributes_ok(const std::vector<Attribute>& found) {
    for (const auto& attribute : found) {
      const auto [prefix, local] = split(attribute.name);
      if (prefix.empty() || prefix == "xmlns" || prefix == "xml") {
        if (attribute.name == "xmlns" || prefix == "xmlns") {
          continue;
        }
        if (!contains(narrative_attributes, attribute.name)) {
          content_problem(attribute.offset, "Narrative holds an attribute that R4 does not allow.");
        }
        continue;
      }
      const auto code = lookup(prefix) ? "MF-1115" : "MF-1117";
      return fail(attribute.offset, code, "A prefixed attribute in narrative.");
    }
    return true;
  }

  void content_problem(std::size_t offset, std::string what) {
    if (!result_.content) {
      result_.content = error_at(text_, offset, "MF-1235", std::move(what));
    }
  }

  bool enter(std::size_t start, const Open& open, const std::vector<Attribute>& found) {
    const int limit = limits_.depth + (in_narrative() || open.starts_narrative ? 0 : 1);
    int depth = narrative_depth_;
    if (!in_narrative() && !open.starts_narrative) {
      depth = static_cast<int>(stack_.size());
    }
    if (depth >= limit) {
      return fail(start, "MF-1107",
                  fmt::format("The XML is nested deeper than {} levels.", limits_.depth));
    }
    if (open.starts_narrative) {
      result_.narratives.push_back({start, 0, {}});
    }
    result_.elements += in_narrative() ? 0U : 1U;
    if (in_narrative() || open.starts_narrative) {
      ++narrative_depth_;
      note_narrative_element(start, open, found);
    }
    stack_.push_back(open);
    return true;
  }

  void note_narrative_element(std::size_t start, const Open& open,
                              const std::vector<Attribute>& found) {
    const auto [prefix, local] = split(open.name);
    if (!contains(narrative_elements, local)) {
      content_problem(start, "Narrative holds an element that R4 does not allow.");
    }
    result_.narrative_has_content = result_.narrative_has_content || local == "img";
    auto& edits = result_.narratives.back().edits;
    if (!prefix.empty()) {
      edits.push_back({start + 1, prefix.size() + 1, ""});
    }
    const auto own = std::find_if(found.begin(), found.end(), [](const Attribute& attribute) {
      return attribute.name == "xmlns";
    });
    if (own != found.end() && own->value != xhtml_uri) {
      // Only possible next to a prefix: without the prefix the element would fall into the wrong
      // namespace.
      const auto value_at = static_cast<std::size_t>(own->value.data() - text_.data());
      edits.push_back({value_at, own->value.size(), std::string(xhtml_uri)});
    } else if (own == found.end() && open.starts_narrative) {
      edits.push_back({start + 1 + open.name.size(), 0, fmt::format(" xmlns=\"{}\"", xhtml_uri)});
    }
  }

  bool end_tag() {
    const auto start = at_;
    at_ += 2;
    std::string_view closed;
    if (!name(closed)) {
      return false;
    }
    if (stack_.empty() || stack_.back().name != closed) {
      return fail(start, "MF-1105",
                  "The XML is not well-formed: an end tag without its start tag.");
    }
    if (in_narrative()) {
      if (const auto prefix = split(closed).prefix; !prefix.empty()) {
        result_.narratives.back().edits.push_back({start + 2, prefix.size() + 1, ""});
      }
    }
    skip_space();
    if (!take(">")) {
      return malformed("a tag must end in >");
    }
    return leave();
  }

  bool leave() {
    if (in_narrative()) {
      --narrative_depth_;
      if (stack_.back().starts_narrative && !end_narrative(result_.narratives.back())) {
        return false;
      }
    }
    forget(stack_.back().declared);
    stack_.pop_back();
    return true;
  }

  // JSON holds narrative in one string.
  bool end_narrative(ScannedNarrative& narrative) {
    narrative.end = at_;
    auto size = narrative.end - narrative.begin;
    for (const auto& edit : narrative.edits) {
      size = size - edit.length + edit.replacement.size();
    }
    return size <= limits_.string_bytes ||
           fail(narrative.begin, "MF-1116",
                fmt::format("Narrative is longer than {} bytes.", limits_.string_bytes));
  }

  std::string_view text_;
  Limits limits_;
  XmlRoot root_;
  std::size_t at_ = 0;
  std::size_t nodes_ = 0;
  std::size_t line_ = 1;
  std::size_t line_at_ = 0;
  int narrative_depth_ = 0;
  bool seen_root_ = false;
  std::vector<Open> stack_;
  std::vector<std::string_view> declared_;  // prefixes of the open elements, outermost first
  std::map<std::string_view, std::vector<Space>> spaces_;  // of a prefix, the innermost last
  ScannedXml result_;
  Error failure_;
};

}  // namespace

std::optional<Error> refuse_xml_bytes(std::string_view text, const Limits& limits) {
  if (text.size() > limits.bytes) {
    Error error;
    error.code = "MF-1101";
    error.text = fmt::format("The text is larger than {} bytes.", limits.bytes);
    return error;
  }
  constexpr std::string_view utf16_little("<\0", 2);
  constexpr std::string_view utf16_big("\0<", 2);
  constexpr std::string_view utf32_big("\0\0", 2);
  if (text.starts_with("\xFE\xFF") || text.starts_with("\xFF\xFE") ||
      text.starts_with(utf16_little) || text.starts_with(utf16_big) ||
      text.starts_with(utf32_big)) {
    return error_at(text, 0, "MF-1103", "The text is UTF-16 or UTF-32; FHIR XML is UTF-8.");
  }
  if (const auto bad = first_bad_utf8(text); bad < text.size()) {
    return error_at(text, bad, "MF-1102", "The text is not valid UTF-8.");
  }
  if (const auto bad = first_forbidden(text); bad < text.size()) {
    return error_at(text, bad, "MF-1104", "The text holds a character that XML forbids.");
  }
  return std::nullopt;
}

Result<ScannedXml> scan_xml(std::string_view text, const Limits& limits, XmlRoot root) {
  return Scanner(text, limits, root).scan();
}

bool has_xml_characters_only(std::string_view utf8) { return first_forbidden(utf8) == utf8.size(); }

}  // namespace myoflag::fhir
