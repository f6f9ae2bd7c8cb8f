#include "fhir/convert.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "fhir/decimal.h"
#include "fhir/markup.h"
#include "fhir/r4/definitions.h"
#include "fhir/walk.h"
#include "fhir/xml.h"

namespace myoflag::fhir {

namespace {

using r4::Element;
using r4::Kind;
using r4::Primitive;
using r4::Type;

// The member "_name" beside "name".
const Json* sibling_of(const Json& parent, const Element& element) {
  for (const auto& member : *parent.as_object()) {
    if (member.name.size() == element.name.size() + 1 && member.name.front() == '_' &&
        member.name.ends_with(element.name)) {
      return &member.value;
    }
  }
  return nullptr;
}

// Only for values that check_shape has passed, so that every cast holds.
class XmlWriter {
 public:
  std::string write(const Json& resource) {
    out_ = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    write_resource(resource, true);
    return std::move(out_);
  }

 private:
  void indent() { out_.append(depth_ * 2, ' '); }

  void attribute(std::string_view name, std::string_view value) {
    out_.push_back(' ');
    out_.append(name);
    out_ += "=\"";
    append_xml_attribute(out_, value);
    out_.push_back('"');
  }

  void write_resource(const Json& resource, bool root) {
    const auto& type = *r4::find_resource(resource.string_of("resourceType"));
    indent();
    out_.push_back('<');
    out_.append(type.name);
    if (root) {
      attribute("xmlns", "http://hl7.org/fhir");
    }
    write_content(resource, type, type.name);
  }

  void write_complex(const Json& value, const Type& type, std::string_view name) {
    indent();
    out_.push_back('<');
    out_.append(name);
    for (const auto& element : r4::elements(type)) {
      const auto* text = element.attribute ? value.find(element.name) : nullptr;
      if (text != nullptr) {
        attribute(element.name, *text->as_string());
      }
    }
    write_content(value, type, name);
  }

  // Closes the start tag and writes the child elements and the end tag.
  void write_content(const Json& value, const Type& type, std::string_view name) {
    const auto tag_end = out_.size();
    out_ += ">\n";
    const auto empty = out_.size();
    ++depth_;
    for (const auto& element : r4::elements(type)) {
      if (!element.attribute) {
        write_element(element, value);
      }
    }
    --depth_;
    if (out_.size() == empty) {
      out_.resize(tag_end);
      out_ += "/>\n";
      return;
    }
    indent();
    fmt::format_to(std::back_inserter(out_), "</{}>\n", name);
  }

  void write_element(const Element& element, const Json& parent) {
    const auto& type = r4::type_of(element);
    const auto* value = parent.find(element.name);
    if (type.kind == Kind::primitive) {
      write_primitives(element, value, sibling_of(parent, element));
      return;
    }
    if (value == nullptr) {
      return;
    }
    if (!element.repeats) {
      write_one(element, type, *value);
      return;
    }
    for (const auto& one : *value->as_array()) {
      write_one(element, type, one);
    }
  }

  void write_one(const Element& element, const Type& type, const Json& value) {
    if (type.kind == Kind::xhtml) {
      write_narrative(*value.as_string());
    } else if (type.kind == Kind::container) {
      indent();
      fmt::format_to(std::back_inserter(out_), "<{}>\n", element.name);
      ++depth_;
      write_resource(value, false);
      --depth_;
      indent();
      fmt::format_to(std::back_inserter(out_), "</{}>\n", element.name);
    } else {
      write_complex(value, type, element.name);
    }
  }

  // White space around the div means nothing and stays behind.
  void write_narrative(std::string_view div) {
    constexpr std::string_view space = " \t\r\n";
    const auto first = div.find_first_not_of(space);
    indent();
    out_.append(div.substr(first, div.find_last_not_of(space) + 1 - first));
    out_.push_back('\n');
  }

  void write_primitives(const Element& element, const Json* value, const Json* sibling) {
    if (value == nullptr && sibling == nullptr) {
      return;
    }
    if (!element.repeats) {
      write_primitive(element, value, sibling);
      return;
    }
    const auto size = (value != nullptr ? value : sibling)->as_array()->size();
    for (std::size_t i = 0; i < size; ++i) {
      write_primitive(element, at(value, i), at(sibling, i));
    }
  }

  static const Json* at(const Json* list, std::size_t index) {
    if (list == nullptr || (*list->as_array())[index].is_null()) {
      return nullptr;
    }
    return &(*list->as_array())[index];
  }

  static std::string_view text_of(const Json& value) {
    if (const auto* flag = value.as_bool()) {
      return *flag ? "true" : "false";
    }
    const auto* number = value.as_number();
    return number != nullptr ? std::string_view(number->text)
                             : std::string_view(*value.as_string());
  }

  void write_primitive(const Element& element, const Json* value, const Json* sibling) {
    indent();
    out_.push_back('<');
    out_.append(element.name);
    const auto* id = sibling == nullptr ? nullptr : sibling->find("id");
    if (id != nullptr) {
      attribute("id", *id->as_string());
    }
    if (value != nullptr) {
      attribute("value", text_of(*value));
    }
    const auto* extensions = sibling == nullptr ? nullptr : sibling->find("extension");
    if (extensions == nullptr) {
      out_ += "/>\n";
      return;
    }
    out_ += ">\n";
    ++depth_;
    for (const auto& extension : *extensions->as_array()) {
      write_complex(extension, *r4::find_type("Extension"), "extension");
    }
    --depth_;
    indent();
    fmt::format_to(std::back_inserter(out_), "</{}>\n", element.name);
  }

  std::string out_;
  std::size_t depth_ = 0;
};

// The same resource as xml_to_json would write it. Only for values that check_shape has passed.
class Sorter {
 public:
  static Json resource(const Json& value) {
    const auto& type = *r4::find_resource(value.string_of("resourceType"));
    auto out = Json::object({{"resourceType", type.name}});
    add_members(value, type, out);
    return out;
  }

 private:
  static void add_members(const Json& value, const Type& type, Json& out) {
    for (const bool attributes : {true, false}) {
      for (const auto& element : r4::elements(type)) {
        if (element.attribute == attributes) {
          add_element(value, element, out);
        }
      }
    }
  }

  static void add_element(const Json& parent, const Element& element, Json& out) {
    const auto& type = r4::type_of(element);
    if (const auto* value = parent.find(element.name)) {
      add(out, element.name, each(*value, type));
    }
    if (const auto* sibling = sibling_of(parent, element)) {
      add(out, fmt::format("_{}", element.name), each(*sibling, *r4::find_type("Element")));
    }
  }

  // An array of nothing but gaps says nothing.
  static void add(Json& out, std::string_view name, Json value) {
    const auto* list = value.as_array();
    if (list == nullptr || !std::all_of(list->begin(), list->end(),
                                        [](const Json& element) { return element.is_null(); })) {
      out.as_object()->push_back({std::string(name), std::move(value)});
    }
  }

  static Json each(const Json& value, const Type& type) {
    const auto* list = value.as_array();
    if (list == nullptr) {
      return one(value, type);
    }
    Json::Array out;
    out.reserve(list->size());
    for (const auto& element : *list) {
      out.push_back(one(element, type));
    }
    return out;
  }

  static Json one(const Json& value, const Type& type) {
    if (type.kind == Kind::container) {
      return resource(value);
    }
    if (!value.is_object()) {
      return value;
    }
    auto out = Json::object();
    add_members(value, type, out);
    return out;
  }
};

std::string_view trim(std::string_view text) {
  constexpr std::string_view space = " \t\r\n";
  const auto first = text.find_first_not_of(space);
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(space) + 1 - first);
}

// The depth of the gate bounds the recursion. After a failure `failure_` is set and every step
// returns at once.
class XmlReader {
 public:
  Result<Converted> read(const XmlDocument& document, const Limits& limits) {
    depth_limit_ = std::min(limits.depth, Limits{}.depth);
    Converted result;
    if (!read_resource(document.root(), true, result.resource)) {
      return tl::unexpected(std::move(failure_));
    }
    result.notices = notices(document);
    return result;
  }

 private:
  struct Child {
    std::size_t element;  // index in the type
    XmlElement node;
  };

  bool fail(const XmlElement& node, std::string_view code, std::string text) {
    failure_ = node.error(code, std::move(text));
    failure_.place = path_;
    return false;
  }

  // Called with the level of the object or array entered; JSON nests deeper than XML.
  bool shallow(const XmlElement& node) {
    return depth_ <= depth_limit_ ||
           fail(node, "MF-1209",
                fmt::format("The resource is nested deeper than {} levels.", depth_limit_));
  }

  bool read_resource(const XmlElement& node, bool root, Json& out) {
    const auto* type = node.is_narrative() ? nullptr : r4::find_resource(node.name());
    if (type == nullptr) {
      path_ = root ? "Resource" : path_;
      return fail(node, "MF-1201", "The element names no resource type of FHIR R4.");
    }
    if (root) {
      path_ = type->name;
    }
    out.set("resourceType", type->name);
    return read_content(node, *type, out);
  }

  bool read_complex(const XmlElement& node, const Type& type, Json& out) {
    if (!read_content(node, type, out)) {
      return false;
    }
    return !out.is_empty() ||
           fail(node, "MF-1205", "An element is empty: it has neither value nor content.");
  }

  bool read_content(const XmlElement& node, const Type& type, Json& out) {
    const Level level(depth_);
    std::vector<Child> children;
    if (!shallow(node) || !read_attributes(node, type, out) || !collect(node, type, children)) {
      return false;
    }
    const auto defined = r4::elements(type);
    for (auto from = children.begin(); from != children.end();) {
      const auto element = from->element;
      const auto to = std::find_if(
          from, children.end(), [element](const Child& child) { return child.element != element; });
      if (!read_element(defined[element], std::span(from, to), out)) {
        return false;
      }
      from = to;
    }
    return one_variant_each(defined, children);
  }

  bool read_attributes(const XmlElement& node, const Type& type, Json& out) {
    const auto attributes = node.attributes();
    for (const auto& attribute : attributes) {
      const auto* element = r4::find_element(type, attribute.name);
      if (element == nullptr || !element->attribute) {
        return fail(node, "MF-1202",
                    fmt::format("{} has an attribute that FHIR R4 does not define.", type.name));
      }
      if (attribute.value.empty()) {
        return fail(node, "MF-1205", "An attribute is empty.");
      }
    }
    for (const auto* name : {"id", "url"}) {  // the only two, in definition order
      const auto found = std::find_if(attributes.begin(), attributes.end(),
                                      [name](const XmlAttribute& one) { return one.name == name; });
      if (found != attributes.end()) {
        out.set(name, found->value);
      }
    }
    return true;
  }

  bool collect(const XmlElement& node, const Type& type, std::vector<Child>& children) {
    const auto defined = r4::elements(type);
    for (const auto& child : node.children()) {
      const auto* element = r4::find_element(type, child.name());
      const bool is_div = element != nullptr && r4::type_of(*element).kind == Kind::xhtml;
      if (element == nullptr || element->attribute || is_div != child.is_narrative()) {
        return fail(child, "MF-1202",
                    fmt::format("{} has an element that FHIR R4 does not define.", type.name));
      }
      children.push_back({static_cast<std::size_t>(element - defined.data()), child});
    }
    const auto by_element = [](const Child& a, const Child& b) { return a.element < b.element; };
    if (!std::is_sorted(children.begin(), children.end(), by_element)) {
      note_disorder(node);
      std::stable_sort(children.begin(), children.end(), by_element);
    }
    return true;
  }

  void note_disorder(const XmlElement& node) {
    if (!disorder_) {
      disorder_ = node.error("MF-1251", {});
      disorder_->place = path_;
    }
  }

  bool one_variant_each(std::span<const Element> defined, const std::vector<Child>& children) {
    const auto twice = std::adjacent_find(
        children.begin(), children.end(), [defined](const Child& a, const Child& b) {
          return a.element != b.element && !defined[a.element].choice.empty() &&
                 defined[a.element].choice == defined[b.element].choice;
        });
    if (twice == children.end()) {
      return true;
    }
    const auto name = defined[twice->element].choice;
    const Step step(path_, name);
    return fail(std::next(twice)->node, "MF-1207",
                fmt::format("{}[x] is given in more than one type.", name));
  }

  bool read_element(const Element& element, std::span<const Child> nodes, Json& out) {
    const Step step(path_, element.choice.empty() ? element.name : element.choice);
    if (!element.repeats && nodes.size() > 1) {
      return fail(nodes[1].node, "MF-1204", "An element occurs twice that may occur only once.");
    }
    const auto& type = r4::type_of(element);
    if (type.kind == Kind::primitive) {
      return read_primitives(element, type, nodes, out);
    }
    if (!element.repeats) {
      Json value;
      if (!read_one(nodes.front().node, type, value)) {
        return false;
      }
      out.set(element.name, std::move(value));
      return true;
    }
    const Level level(depth_);
    Json::Array list;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const Step index(path_, i);
      if (!read_one(nodes[i].node, type, list.emplace_back())) {
        return false;
      }
    }
    out.set(element.name, std::move(list));
    return true;
  }

  bool read_one(const XmlElement& node, const Type& type, Json& out) {
    if (type.kind == Kind::xhtml) {
      out = node.narrative();
      return true;
    }
    return type.kind == Kind::container ? read_contained(node, out) : read_complex(node, type, out);
  }

  bool read_contained(const XmlElement& node, Json& out) {
    const auto children = node.children();
    if (children.size() != 1 || !node.attributes().empty()) {
      return fail(node, "MF-1212", "An element must hold exactly one resource and nothing else.");
    }
    return read_resource(children.front(), false, out);
  }

  struct PrimitiveParts {
    Json value;
    Json more;  // id and extension
  };

  bool read_primitives(const Element& element, const Type& type, std::span<const Child> nodes,
                       Json& out) {
    const auto sibling_name = fmt::format("_{}", element.name);
    if (!element.repeats) {
      PrimitiveParts parts;
      if (!read_primitive(type, nodes.front().node, parts)) {
        return false;
      }
      out.set_if(element.name, std::move(parts.value));
      out.set_if(sibling_name, std::move(parts.more));
      return true;
    }
    const Level level(depth_);
    Json::Array values;
    Json::Array siblings;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const Step index(path_, i);
      PrimitiveParts parts;
      if (!read_primitive(type, nodes[i].node, parts)) {
        return false;
      }
      values.push_back(std::move(parts.value));
      siblings.push_back(std::move(parts.more));
    }
    set_unless_all_null(out, element.name, std::move(values));
    set_unless_all_null(out, sibling_name, std::move(siblings));
    return true;
  }

  static void set_unless_all_null(Json& out, std::string_view name, Json::Array list) {
    if (!std::all_of(list.begin(), list.end(), [](const Json& one) { return one.is_null(); })) {
      out.set(name, std::move(list));
    }
  }

  bool read_primitive(const Type& type, const XmlElement& node, PrimitiveParts& parts) {
    for (const auto& attribute : node.attributes()) {
      if (attribute.value.empty()) {
        return fail(node, "MF-1205", "An attribute is empty.");
      }
      if (attribute.name == "id") {
        parts.more.set("id", attribute.value);
      } else if (attribute.name != "value") {
        return fail(node, "MF-1202", "A primitive has an attribute that FHIR R4 does not define.");
      } else if (!read_value(type, attribute.value, parts.value)) {
        return fail(node, "MF-1203", "The value is no boolean or number, as this element demands.");
      }
    }
    if (!read_extensions(node, parts.more)) {
      return false;
    }
    return !parts.value.is_null() || !parts.more.is_null() ||
           fail(node, "MF-1205", "An element is empty: it has neither value nor content.");
  }

  static bool read_value(const Type& type, std::string_view text, Json& out) {
    if (type.primitive == Primitive::boolean) {
      const auto word = trim(text);
      out = Json(word == "true");
      return word == "true" || word == "false";
    }
    if (r4::is_number(type.primitive)) {
      const auto number = trim(text);
      out = Json(Json::Number{std::string(number)});
      return is_decimal(number);
    }
    out = Json(text);
    return true;
  }

  bool read_extensions(const XmlElement& node, Json& out) {
    const Level level(depth_);
    const Level list_level(depth_);
    Json::Array list;
    for (const auto& child : node.children()) {
      if (child.name() != "extension") {
        return fail(child, "MF-1202", "A primitive has an element that FHIR R4 does not define.");
      }
      const Step step(path_, "extension");
      const Step index(path_, list.size());
      if (!read_complex(child, *r4::find_type("Extension"), list.emplace_back())) {
        return false;
      }
    }
    if (!list.empty()) {
      out.set("extension", std::move(list));
    }
    return true;
  }

  Issues notices(const XmlDocument& document) const {
    Issues result;
    constexpr std::array kinds{
        std::pair{XmlExtra::comment, "comment"},
        std::pair{XmlExtra::processing_instruction, "processing instruction"},
        std::pair{XmlExtra::cdata, "empty CDATA section"},
        std::pair{XmlExtra::schema_location, "schema location"},
    };
    for (const auto& [kind, name] : kinds) {
      if (auto issue = dropped_notice(document, kind, name)) {
        result.push_back(*std::move(issue));
      }
    }
    if (disorder_) {
      result.push_back(
          notice(Severity::warning, "MF-1251",
                 fmt::format("Elements are not in the order of the definition (line {}).",
                             disorder_->line)));
      result.back().place = disorder_->place;
    }
    return result;
  }

  static Issue notice(Severity severity, std::string_view code, std::string text) {
    Issue issue;
    issue.severity = severity;
    issue.type = issue_type(code);
    issue.code = code;
    issue.text = std::move(text);
    return issue;
  }

  static std::optional<Issue> dropped_notice(const XmlDocument& document, XmlExtra kind,
                                             std::string_view name) {
    constexpr std::size_t most_lines = 10;
    std::string lines;
    std::size_t count = 0;
    for (const auto& dropped : document.dropped()) {
      if (dropped.kind != kind) {
        continue;
      }
      if (++count <= most_lines) {
        fmt::format_to(std::back_inserter(lines), "{}{}", count == 1 ? "" : ", ", dropped.line);
      }
    }
    if (count == 0) {
      return std::nullopt;
    }
    return notice(
        Severity::information, "MF-1250",
        fmt::format("Dropped, because JSON has no place for it: {} {}{} (line {}{}).", count, name,
                    count == 1 ? "" : "s", lines, count > most_lines ? ", ..." : ""));
  }

  int depth_limit_ = 0;
  int depth_ = 0;
  std::string path_;
  std::optional<Error> disorder_;
  Error failure_;
};

}  // namespace

Result<Converted> xml_to_json(std::string_view text, const Limits& limits) {
  const auto document = read_xml(text, limits);
  if (!document) {
    return tl::unexpected(document.error());
  }
  return XmlReader().read(*document, limits);
}

std::string write_xml(const Json& resource) { return XmlWriter().write(resource); }

Json in_definition_order(const Json& resource) { return Sorter::resource(resource); }

Result<std::string> json_to_xml(const Json& resource) {
  const auto issues = check_shape_for_xml(resource);
  if (issues.empty()) {
    return write_xml(resource);
  }
  const auto& first = issues.front();
  return tl::unexpected(Error{first.code, first.text, first.place});
}

}  // namespace myoflag::fhir
