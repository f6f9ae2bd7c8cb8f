#include "fhir/structure.h"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "fhir/walk.h"
#include "fhir/xml.h"

namespace myoflag::fhir {

namespace {

using r4::Element;
using r4::Kind;
using r4::Primitive;
using r4::Type;

std::string_view primitive_name(Primitive primitive) {
  for (const auto& type : r4::types()) {
    if (type.kind == Kind::primitive && type.primitive == primitive && r4::codes(type).empty()) {
      return type.name;
    }
  }
  return {};
}

// Walks value and tables side by side; depth is bounded by Limits, so recursion is safe.
class Checker {
 public:
  enum class Extent { all, shape, shape_for_xml };

  explicit Checker(Extent extent) : extent_(extent) {}

  Issues check(const Json& root) {
    path_ = "Resource";
    check_resource(root, true);
    if (full_) {
      issues_.push_back(make_issue("MF-1213", "There are more problems than are listed here."));
    }
    return std::move(issues_);
  }

 private:
  Issue make_issue(std::string_view code, std::string text) const {
    Issue issue;
    issue.type = issue_type(code);
    issue.code = code;
    issue.text = std::move(text);
    issue.place = path_;
    return issue;
  }

  void report(std::string_view code, std::string text) {
    full_ = full_ || issues_.size() + 1 >= max_issues;
    if (!full_) {
      issues_.push_back(make_issue(code, std::move(text)));
    }
  }

  void report_content(std::string_view code, std::string text) {
    if (extent_ == Extent::all) {
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
    for (std::size_t i = 0; i < object.size(); ++i) {
      if (object[i].name != "resourceType" || type.kind != Kind::resource) {
        place_member(object, i, type, values, siblings);
      }
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

  static bool is_sibling(std::string_view name) { return name.starts_with('_'); }

  static const Element* element_of(const Type& type, std::string_view name) {
    return r4::find_element(type, name.substr(is_sibling(name) ? 1 : 0));
  }

  // The name may be anything, even what a patient wrote; its number and the neighbour, whose name
  // is in the tables, lead to it as well.
  static std::string unknown_member(const Json::Object& object, std::size_t index,
                                    const Type& type) {
    const auto* before = index == 0 ? nullptr : element_of(type, object[index - 1].name);
    return fmt::format("{} has a member that FHIR R4 does not define: its member {} of {}{}{}.",
                       type.name, index + 1, object.size(), before == nullptr ? "" : ", after ",
                       before == nullptr ? std::string_view{} : before->name);
  }

  void place_member(const Json::Object& object, std::size_t at, const Type& type,
                    std::vector<const Json*>& values, std::vector<const Json*>& siblings) {
    const auto& member = object[at];
    const bool sibling = is_sibling(member.name);
    const auto* element = element_of(type, member.name);
    if (element == nullptr) {
      report("MF-1202", unknown_member(object, at, type));
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
    if (extent_ == Extent::shape_for_xml && has_leap_second(type.primitive, text)) {
      report("MF-1214",
             "The value has a second 60, which FHIR allows but its XML form cannot hold.");
    }
    if (extent_ != Extent::all) {
      return;
    }
    const auto codes = r4::codes(type);
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
    if (extent_ != Extent::all) {
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

  Extent extent_;
  bool full_ = false;
  int depth_ = 0;
  std::string path_;
  Issues issues_;
};

}  // namespace

Issues check_structure(const Json& resource) {
  return Checker(Checker::Extent::all).check(resource);
}

Issues check_shape(const Json& resource) { return Checker(Checker::Extent::shape).check(resource); }

Issues check_shape_for_xml(const Json& resource) {
  return Checker(Checker::Extent::shape_for_xml).check(resource);
}

}  // namespace myoflag::fhir
