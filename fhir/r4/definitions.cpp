#include "fhir/r4/definitions.h"

#include <algorithm>

namespace myoflag::fhir::r4 {

namespace {

#include "fhir/r4/tables.inc"

}  // namespace

const Type* find_type(std::string_view name) {
  const auto* const end = std::end(type_table);
  const auto* const found = std::lower_bound(
      std::begin(type_table), end, name,
      [](const Type& type, std::string_view wanted) { return type.name < wanted; });
  return found != end && found->name == name ? found : nullptr;
}

const Type* find_resource(std::string_view name) {
  const auto* type = find_type(name);
  return type != nullptr && type->kind == Kind::resource && !type->abstract ? type : nullptr;
}

std::span<const Element> elements(const Type& type) {
  if (type.kind == Kind::primitive) {
    return {};
  }
  return std::span(element_table).subspan(type.first, type.count);
}

const Element* find_element(const Type& type, std::string_view name) {
  const auto all = elements(type);
  const auto found = std::find_if(all.begin(), all.end(),
                                  [name](const Element& element) { return element.name == name; });
  return found == all.end() ? nullptr : &*found;
}

std::span<const std::string_view> codes(const Type& type) {
  if (type.kind != Kind::primitive) {
    return {};
  }
  return std::span(code_table).subspan(type.first, type.count);
}

const Type& type_of(const Element& element) { return type_table[element.type]; }

std::span<const Type> types() { return type_table; }

bool is_number(Primitive primitive) {
  return primitive == Primitive::decimal || primitive == Primitive::integer ||
         primitive == Primitive::positive_int || primitive == Primitive::unsigned_int;
}

}  // namespace myoflag::fhir::r4
