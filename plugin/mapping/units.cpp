#include "plugin/mapping/units.h"

#include <algorithm>
#include <optional>
#include <vector>

namespace myoflag::mapping {

namespace {

using fhir::Json;
using rules::LabBinding;
using rules::Number;

using Value = tl::expected<Number, LabProblem>;

// The UCUM code; a quantity that is not coded is believed when its printed unit is written like a
// code we know.
std::string_view unit_of(const Json& quantity) {
  const auto system = quantity.string_of("system");
  const auto code = quantity.string_of("code");
  if (!code.empty() && (system.empty() || system == "http://unitsofmeasure.org")) {
    return code;
  }
  return quantity.string_of("unit");
}

std::optional<Number> number_of(const Json& quantity) {
  const auto* value = quantity.find("value");
  const auto* number = value == nullptr ? nullptr : value->as_number();
  return number == nullptr ? std::nullopt : rules::read_number(number->text);
}

bool is_normal_range(const Json& range) {
  const auto* type = range.find("type");
  if (type == nullptr) {
    return true;
  }
  const auto& codings = type->array_of("coding");
  return codings.empty() || std::any_of(codings.begin(), codings.end(), [](const Json& coding) {
           return coding.string_of("code") == "normal";
         });
}

// The one upper reference limit that the report gives in the unit of its value.
std::optional<Number> upper_limit(const Json& observation, std::string_view unit) {
  std::optional<Number> limit;
  for (const auto& range : observation.array_of("referenceRange")) {
    const auto* high = range.find("high");
    if (high == nullptr || !is_normal_range(range)) {
      continue;
    }
    const auto value = number_of(*high);
    const auto high_unit = unit_of(*high);
    if (!value || *value <= Number{} || (!high_unit.empty() && high_unit != unit) ||
        high->has("comparator") || (limit && *limit != *value)) {
      return std::nullopt;
    }
    limit = value;
  }
  return limit;
}

Value relative_value(const Json& observation, Number value, std::string_view unit) {
  const auto limit = upper_limit(observation, unit);
  if (!limit) {
    return tl::unexpected(LabProblem::no_upper_limit);
  }
  const auto multiple = rules::quotient(value, *limit);
  if (!multiple) {
    return tl::unexpected(LabProblem::out_of_bounds);
  }
  return *multiple;
}

bool has_other_value(const Json& observation) {
  const auto* object = observation.as_object();
  return object != nullptr &&
         std::any_of(object->begin(), object->end(), [](const Json::Member& member) {
           return member.name.starts_with("value") || member.name.starts_with("_value");
         });
}

}  // namespace

std::string_view reason(LabProblem problem) {
  switch (problem) {
    case LabProblem::no_value:
      return "it has no value";
    case LabProblem::not_a_quantity:
      return "its value is not a quantity";
    case LabProblem::comparator:
      return "it is given as less or more than a number";
    case LabProblem::unknown_unit:
      return "its unit is not known";
    case LabProblem::no_upper_limit:
      return "the report gives no single upper reference limit in the same unit";
    case LabProblem::out_of_bounds:
      return "its number is beyond what can be compared";
  }
  return "it cannot be read";
}

Value in_lab_unit(const LabBinding& lab, Number value, std::string_view unit) {
  if (unit == lab.unit) {
    return value;
  }
  for (const auto& conversion : lab.convert) {
    if (conversion.unit != unit) {
      continue;
    }
    const auto converted = rules::product(value, conversion.factor);
    if (!converted) {
      return tl::unexpected(LabProblem::out_of_bounds);
    }
    return *converted;
  }
  return tl::unexpected(LabProblem::unknown_unit);
}

Value lab_value(const LabBinding& lab, const Json& observation) {
  const auto* quantity = observation.find("valueQuantity");
  if (quantity == nullptr) {
    return tl::unexpected(has_other_value(observation) ? LabProblem::not_a_quantity
                                                       : LabProblem::no_value);
  }
  if (quantity->has("comparator")) {
    return tl::unexpected(LabProblem::comparator);
  }
  if (!quantity->has("value")) {
    return tl::unexpected(LabProblem::no_value);
  }
  const auto value = number_of(*quantity);
  if (!value) {
    return tl::unexpected(LabProblem::out_of_bounds);
  }
  const auto unit = unit_of(*quantity);
  if (!lab.relative_to_upper_limit) {
    return in_lab_unit(lab, *value, unit);
  }
  if (unit.empty()) {
    return tl::unexpected(LabProblem::unknown_unit);
  }
  return relative_value(observation, *value, unit);
}

}  // namespace myoflag::mapping
