#include "fhir/structure.h"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "fhir/datetime.h"
#include "fhir/decimal.h"
#include "fhir/uuid.h"
#include "fhir/xml.h"

namespace myoflag::fhir {

namespace {

using r4::Element;
using r4::Kind;
using r4::Primitive;
using r4::Type;

constexpr std::size_t most_issues = 1000;
constexpr std::size_t most_characters = 1'048'576;  // of a FHIR string

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool has_space(std::string_view text) { return std::any_of(text.begin(), text.end(), is_space); }

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter(c) || is_digit(c) || c == '-' || c == '.';
  });
}

// No white space at the ends, single white space within.
bool is_code(std::string_view text) {
  bool after_space = true;
  for (const char c : text) {
    if (is_space(c) && after_space) {
      return false;
    }
    after_space = is_space(c);
  }
  return !after_space;
}

bool is_oid(std::string_view text) {
  constexpr std::string_view prefix = "urn:oid:";
  if (!text.starts_with(prefix)) {
    return false;
  }
  text.remove_prefix(prefix.size());
  if (text.size() < 3 || text[0] < '0' || text[0] > '2' || text[1] != '.') {
    return false;
  }
  char before = '.';
  for (std::size_t at = 2; at < text.size(); ++at) {
    const bool part_ends = at + 1 == text.size() || text[at + 1] == '.';
    if (text[at] == '.' ? before == '.' : !is_digit(text[at])) {
      return false;
    }
    if (text[at] == '0' && before == '.' && !part_ends) {
      return false;
    }
    before = text[at];
  }
  return before != '.';
}

bool is_base64(std::string_view text) {
  std::size_t count = 0;
  std::size_t padding = 0;
  for (const char c : text) {
    if (is_space(c)) {
      continue;
    }
    const bool pad = c == '=';
    if ((!pad && padding > 0) || !(pad || is_letter(c) || is_digit(c) || c == '+' || c == '/')) {
      return false;
    }
    padding += pad ? 1 : 0;
    ++count;
  }
  return count > 0 && count % 4 == 0 && padding <= 2;
}

// -?\d*\.?\d+ or one of E, U, L; separated by single spaces.
bool is_sample(std::string_view text) {
  if (text == "E" || text == "U" || text == "L") {
    return true;
  }
  if (text.starts_with('-')) {
    text.remove_prefix(1);
  }
  return !text.empty() && is_digit(text.back()) && std::count(text.begin(), text.end(), '.') <= 1 &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c) || c == '.'; });
}

bool is_sampled_data(std::string_view text) {
  for (;;) {
    const auto space = text.find(' ');
    if (!is_sample(text.substr(0, space))) {
      return false;
    }
    if (space == std::string_view::npos) {
      return true;
    }
    text.remove_prefix(space + 1);
  }
}

bool is_string(std::string_view text) {
  const auto characters = std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;  // not the tail of a UTF-8 sequence
  });
  return !text.empty() && static_cast<std::size_t>(characters) <= most_characters;
}

std::string_view primitive_name(Primitive primitive) {
  for (const auto& type : r4::types()) {
    if (type.kind == Kind::primitive && type.primitive == primitive && r4::codes(type).empty()) {
      return type.name;
    }
  }
  return {};
}

std::string_view issue_type(std::string_view code) {
  if (code == "MF-1231") {
    return "required";
  }
  if (code == "MF-1230") {
    return "value";
  }
  if (code == "MF-1232") {
    return "code-invalid";
  }
  return code >= "MF-1230" ? "invariant" : "structure";
}

// Walks value and tables side by side; depth is bounded by Limits, so recursion is safe.
class Checker {
 public:
  explicit Checker(bool shape_only) : shape_only_(shape_only) {}

  Issues check(const Json& root) {
    path_ = "Resource";
    check_resource(root, true);
    if (full_) {
      issues_.push_back(make_issue("MF-1213", "There are more problems than are listed here."));
    }
    return std::move(issues_);
  }

 private:
  // Adds to the path for as long as it lives.
  class Step {
   public:
    Step(std::string& path, std::string_view name) : path_(path), size_(path.size()) {
      path_.push_back('.');
      path_.append(name);
    }
    Step(std::string& path, std::size_t index) : path_(path), size_(path.size()) {
      fmt::format_to(std::back_inserter(path_), "[{}]", index);
    }
    ~Step() { path_.resize(size_); }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

   private:
    std::string& path_;
    std::size_t size_;
  };

  class Level {
   public:
    explicit Level(int& depth) : depth_(depth) { ++depth_; }
    ~Level() { --depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    int& depth_;
  };

  Issue make_issue(std::string_view code, std::string text) const {
    Issue issue;
    issue.type = issue_type(code);
    issue.code = code;
    issue.text = std::move(text);
    issue.place = path_;
    return issue;
  }

  void report(std::string_view code, std::string text) {
    full_ = full_ || issues_.size() >= most_issues;
    if (!full_) {
      issues_.push_back(make_issue(code, std::move(text)));
    }
  }

  void report_content(std::string_view code, std::string text) {
    if (!shape_only_) {
      report(code, std::move(text));
    }
  }

  bool too_deep() {
    if (depth_ <= Limits{}.depth) {
      return false;
    }
    report("MF-1209", fmt::format("The resource is nested deeper than {} levels.", Limits{}.depth));
    return true;
  }

  void check_resource(const Json& value, bool root) {
    if (!value.is_object()) {
      report("MF-1200", "A resource must be a JSON object.");
      return;
    }
    const auto* name = value.find("resourceType");
    if (name == nullptr || !name->is_string()) {
      report("MF-1200", "A resource needs a resourceType.");
      return;
    }
    const auto* type = r4::find_resource(*name->as_string());
    if (type == nullptr) {
      report("MF-1201", "resourceType names no resource type of FHIR R4.");
      return;
    }
    if (root) {
      path_ = type->name;
    }
    check_members(value, *type);
  }

  void check_members(const Json& value, const Type& type) {
    const Level level(depth_);
    if (too_deep()) {
      return;
    }
    const auto& object = *value.as_object();
    if (object.empty()) {
      report("MF-1205", "An element is empty: it has neither value nor content.");
      return;
    }
    const auto defined = r4::elements(type);
    std::vector<const Json*> values(defined.size());
    std::vector<const Json*> siblings(defined.size());
    for (const auto& member : object) {
      if (member.name == "resourceType" && type.kind == Kind::resource) {
        continue;
      }
      place_member(member, type, values, siblings);
    }
    for (std::size_t i = 0; i < defined.size(); ++i) {
      if (values[i] != nullptr || siblings[i] != nullptr) {
        check_element(defined[i], values[i], siblings[i]);
      }
    }
    check_occurrence(defined, values, siblings);
    if (type.name == "Extension") {
      check_extension(value);
    }
  }

  void place_member(const Json::Member& member, const Type& type, std::vector<const Json*>& values,
                    std::vector<const Json*>& siblings) {
    std::string_view name = member.name;
    const bool sibling = name.starts_with('_');
    name.remove_prefix(sibling ? 1 : 0);
    const auto* element = r4::find_element(type, name);
    if (element == nullptr) {
      report("MF-1202", fmt::format("{} has a member that FHIR R4 does not define.", type.name));
      return;
    }
    if (sibling && (element->attribute || r4::type_of(*element).kind != Kind::primitive)) {
      report("MF-1208",
             fmt::format("_{0} is not possible: {0} cannot have id and extensions there.",
                         element->name));
      return;
    }
    const auto index = static_cast<std::size_t>(element - r4::elements(type).data());
    (sibling ? siblings : values)[index] = &member.value;
  }

  void check_occurrence(std::span<const Element> defined, const std::vector<const Json*>& values,
                        const std::vector<const Json*>& siblings) {
    for (std::size_t i = 0; i < defined.size();) {
      std::size_t end = i + 1;
      while (!defined[i].choice.empty() && end < defined.size() &&
             defined[end].choice == defined[i].choice) {
        ++end;
      }
      std::size_t present = 0;
      for (std::size_t k = i; k < end; ++k) {
        present += values[k] != nullptr || siblings[k] != nullptr ? 1U : 0U;
      }
      const auto name = defined[i].choice.empty() ? defined[i].name : defined[i].choice;
      if (present > 1) {
        const Step step(path_, name);
        report("MF-1207", fmt::format("{}[x] is given in more than one type.", name));
      }
      if (present == 0 && defined[i].min > 0) {
        report_content("MF-1231", fmt::format("The required element {} is missing.", name));
      }
      i = end;
    }
  }

  void check_element(const Element& element, const Json* value, const Json* sibling) {
    const Step step(path_, element.choice.empty() ? element.name : element.choice);
    const auto& type = r4::type_of(element);
    if (!element.repeats) {
      check_one(element, type, value, sibling);
      return;
    }
    if ((value != nullptr && !is_list(*value)) || (sibling != nullptr && !is_list(*sibling))) {
      return;
    }
    if (type.kind == Kind::primitive) {
      check_primitive_list(type, value, sibling);
      return;
    }
    const Level level(depth_);
    const auto& list = *value->as_array();
    for (std::size_t i = 0; i < list.size(); ++i) {
      const Step index(path_, i);
      check_one(element, type, &list[i], nullptr);
    }
  }

  bool is_list(const Json& value) {
    if (!value.is_array()) {
      report("MF-1204", "This element may repeat, so JSON must hold it in an array.");
      return false;
    }
    if (value.as_array()->empty()) {
      report("MF-1205", "An array is empty; FHIR leaves the member out instead.");
      return false;
    }
    return true;
  }

  void check_one(const Element& element, const Type& type, const Json* value, const Json* sibling) {
    for (const auto* part : {value, sibling}) {
      if (part != nullptr && part->is_array() && !element.repeats) {
        report("MF-1204", "This element does not repeat, so JSON must not hold it in an array.");
        return;
      }
      if (part != nullptr && part->is_null()) {
        report("MF-1206",
               "null is not a value in FHIR; it only fills gaps in arrays of primitives.");
        return;
      }
    }
    switch (type.kind) {
      case Kind::primitive:
        check_primitive(type, value, sibling);
        return;
      case Kind::container:
        check_resource(*value, false);
        return;
      case Kind::xhtml:
        check_narrative(*value);
        return;
      case Kind::complex:
      case Kind::resource:
        if (value->is_object()) {
          check_members(*value, type);
        } else {
          report("MF-1203", fmt::format("{} must be a JSON object.", type.name));
        }
        return;
    }
  }

  void check_primitive_list(const Type& type, const Json* value, const Json* sibling) {
    const Level level(depth_);
    const auto values = value == nullptr ? 0 : value->as_array()->size();
    const auto siblings = sibling == nullptr ? 0 : sibling->as_array()->size();
    if (value != nullptr && sibling != nullptr && values != siblings) {
      report("MF-1208",
             "The arrays of the values and of their ids and extensions differ in length.");
      return;
    }
    for (std::size_t i = 0; i < std::max(values, siblings); ++i) {
      const Step index(path_, i);
      const auto* one = i < values ? &(*value->as_array())[i] : nullptr;
      const auto* more = i < siblings ? &(*sibling->as_array())[i] : nullptr;
      one = one != nullptr && one->is_null() ? nullptr : one;
      more = more != nullptr && more->is_null() ? nullptr : more;
      if (one == nullptr && more == nullptr) {
        report("MF-1206", "A place in the array has neither value nor id nor extension.");
      } else {
        check_primitive(type, one, more);
      }
    }
  }

  void check_primitive(const Type& type, const Json* value, const Json* sibling) {
    if (value != nullptr) {
      check_primitive_value(type, *value);
    }
    if (sibling == nullptr) {
      return;
    }
    if (sibling->is_object()) {
      check_members(*sibling, *r4::find_type("Element"));
    } else {
      report("MF-1203", "id and extensions of a primitive must be a JSON object.");
    }
  }

  void check_primitive_value(const Type& type, const Json& value) {
    std::string_view text;
    if (type.primitive == Primitive::boolean) {
      if (!value.is_bool()) {
        report("MF-1203", "A boolean must be true or false, without quotes.");
      }
      return;
    }
    if (r4::is_number(type.primitive)) {
      if (!value.is_number()) {
        report("MF-1203", fmt::format("{} must be a JSON number.", primitive_name(type.primitive)));
        return;
      }
      text = value.as_number()->text;
    } else {
      if (!value.is_string()) {
        report("MF-1203", fmt::format("{} must be a JSON string.", primitive_name(type.primitive)));
        return;
      }
      text = *value.as_string();
      if (text.empty()) {
        report("MF-1205", "A string is empty; FHIR leaves the element out instead.");
        return;
      }
      if (!has_xml_characters_only(text)) {
        report("MF-1210", "A string holds a character that FHIR forbids.");
        return;
      }
    }
    check_form(type, text);
  }

  void check_form(const Type& type, std::string_view text) {
    const auto codes = r4::codes(type);
    if (shape_only_) {
      return;
    }
    if (!codes.empty()) {
      if (std::find(codes.begin(), codes.end(), text) == codes.end()) {
        report("MF-1232", "The code is not in the closed list of FHIR R4 for this element.");
      }
    } else if (!has_primitive_form(type.primitive, text)) {
      report("MF-1230", fmt::format("The value does not have the form of {}.",
                                    primitive_name(type.primitive)));
    }
  }

  void check_narrative(const Json& value) {
    if (!value.is_string()) {
      report("MF-1203", "Narrative must be a JSON string with one XHTML div.");
      return;
    }
    if (const auto error = check_narrative_form(*value.as_string())) {
      report("MF-1211", fmt::format("{} (narrative, line {}, column {})", error->text, error->line,
                                    error->column));
      return;
    }
    if (shape_only_) {
      return;
    }
    if (const auto error = check_narrative_content(*value.as_string())) {
      report("MF-1235", fmt::format("{} (narrative, line {}, column {})", error->text, error->line,
                                    error->column));
    }
  }

  // R4's rule ext-1: an extension has either a value or extensions.
  void check_extension(const Json& value) {
    const auto& object = *value.as_object();
    const bool has_value =
        std::any_of(object.begin(), object.end(), [](const Json::Member& member) {
          return member.name.starts_with("value") || member.name.starts_with("_value");
        });
    if (has_value == value.has("extension")) {
      report_content("MF-1234", "An extension needs either a value or extensions of its own.");
    }
  }

  bool shape_only_;
  bool full_ = false;
  int depth_ = 0;
  std::string path_;
  Issues issues_;
};

}  // namespace

bool has_primitive_form(Primitive primitive, std::string_view text) {
  switch (primitive) {
    case Primitive::none:
      return false;
    case Primitive::base64_binary:
      return is_base64(text);
    case Primitive::boolean:
      return text == "true" || text == "false";
    case Primitive::canonical:
    case Primitive::uri:
    case Primitive::url:
      return !text.empty() && !has_space(text);
    case Primitive::code:
      return is_code(text);
    case Primitive::date:
      return parse_date(text).has_value();
    case Primitive::date_time:
      return parse_date_time(text).has_value();
    case Primitive::decimal:
      return is_decimal(text);
    case Primitive::id:
      return is_id(text);
    case Primitive::instant:
      return parse_instant(text).has_value();
    case Primitive::integer:
      return to_integer(text).has_value();
    case Primitive::positive_int:
      return to_integer(text).value_or(0) >= 1;
    case Primitive::unsigned_int:
      return to_integer(text).value_or(-1) >= 0;
    case Primitive::markdown:
    case Primitive::string:
      return is_string(text);
    case Primitive::oid:
      return is_oid(text);
    case Primitive::time:
      return parse_time(text).has_value();
    case Primitive::uuid:
      return is_uuid_urn(text);
    case Primitive::sampled_data_data_type:
      return is_sampled_data(text);
  }
  return false;
}

Issues check_structure(const Json& resource) { return Checker(false).check(resource); }

Issues check_shape(const Json& resource) { return Checker(true).check(resource); }

}  // namespace myoflag::fhir
