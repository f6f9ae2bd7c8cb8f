#include "plugin/mapping/units.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

#include "plugin/mapping/record_concepts.h"
#include "plugin/mapping/record_status.h"
#include "plugin/mapping/vocabulary.h"

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
  if (!code.empty() && (system.empty() || usual_system(system) == kUcum)) {
    return code;
  }
  return quantity.string_of("unit");
}

// By which a number in the unit is multiplied; empty: it is no unit of this value.
std::optional<Number> factor_of(const LabBinding& lab, std::string_view unit) {
  if (unit == lab.unit) {
    return rules::whole(1);
  }
  const auto found = std::find_if(lab.convert.begin(), lab.convert.end(),
                                  [unit](const auto& one) { return one.unit == unit; });
  return found == lab.convert.end() ? std::nullopt : std::optional(found->factor);
}

// The code is a unit of this value, and the printed unit is another measure: one of this value, or
// one that only other values have.
bool has_two_units(std::span<const LabBinding> labs, std::size_t lab, const Json& quantity) {
  const auto coded = factor_of(labs[lab], quantity.string_of("code"));
  if (!coded) {
    return false;
  }
  const auto unit = quantity.string_of("unit");
  if (const auto printed = factor_of(labs[lab], unit)) {
    return *printed != *coded;
  }
  return std::any_of(labs.begin(), labs.end(),
                     [unit](const auto& other) { return factor_of(other, unit).has_value(); });
}

std::optional<Number> number_of(const Json& quantity) {
  const auto* value = quantity.find("value");
  const auto* number = value == nullptr ? nullptr : value->as_number();
  return number == nullptr ? std::nullopt : rules::read_number(number->text);
}

struct UpperLimit {
  Number number;
  bool is_one_of_several = false;
};

// The upper reference limit that the report gives in the unit of its value. Of several, for women
// and men for example, the lowest: nothing says which is meant.
std::optional<UpperLimit> upper_limit(const Json& observation, std::string_view unit) {
  std::optional<UpperLimit> limit;
  for (const auto& range : observation.array_of("referenceRange")) {
    const auto* high = range.find("high");
    if (high == nullptr || !is_for_normal(range)) {
      continue;
    }
    const auto value = number_of(*high);
    const auto high_unit = unit_of(*high);
    if (!value || *value <= Number{} || (!high_unit.empty() && high_unit != unit) ||
        high->has("comparator")) {
      return std::nullopt;
    }
    const bool differs = limit && limit->number != *value;
    limit = {limit ? std::min(limit->number, *value) : *value,
             differs || (limit && limit->is_one_of_several)};
  }
  return limit;
}

using Found = tl::expected<LabValue, LabProblem>;

Found relative_value(const Json& observation, Number value, std::string_view unit) {
  const auto limit = upper_limit(observation, unit);
  if (!limit) {
    return tl::unexpected(LabProblem::no_upper_limit);
  }
  const auto multiple = rules::quotient(value, limit->number);
  if (!multiple) {
    return tl::unexpected(LabProblem::out_of_bounds);
  }
  return LabValue{*multiple, LabValue::Bound::exact, limit->is_one_of_several};
}

std::optional<LabValue::Bound> bound_of(const Json& quantity) {
  using Bound = LabValue::Bound;
  constexpr std::array<std::pair<std::string_view, Bound>, 4> known{
      {{">", Bound::above}, {">=", Bound::at_least}, {"<", Bound::below}, {"<=", Bound::at_most}}};
  if (!quantity.has("comparator") && !quantity.has("_comparator")) {
    return Bound::exact;
  }
  const auto text = quantity.string_of("comparator");
  const auto* found = std::find_if(known.begin(), known.end(),
                                   [text](const auto& one) { return one.first == text; });
  return found == known.end() ? std::nullopt : std::optional(found->second);
}

Found value_in_lab_unit(std::span<const LabBinding> labs, std::size_t at, const Json& observation,
                        const Json& quantity) {
  const auto& lab = labs[at];
  const auto value = number_of(quantity);
  if (!value) {
    return tl::unexpected(LabProblem::out_of_bounds);
  }
  const auto unit = unit_of(quantity);
  if (has_two_units(labs, at, quantity)) {
    return tl::unexpected(LabProblem::two_units);
  }
  if (!lab.relative_to_upper_limit) {
    return in_lab_unit(lab, *value, unit).map([](Number number) { return LabValue{number}; });
  }
  if (unit.empty()) {
    return tl::unexpected(LabProblem::unknown_unit);
  }
  return relative_value(observation, *value, unit);
}

}  // namespace

std::string_view reason_key(LabProblem problem) {
  switch (problem) {
    case LabProblem::no_value:
      return "record-lab-no-value";
    case LabProblem::not_a_quantity:
      return "record-lab-no-quantity";
    case LabProblem::comparator:
      return "record-lab-comparator";
    case LabProblem::unknown_unit:
      return "record-lab-unit";
    case LabProblem::two_units:
      return "record-lab-two-units";
    case LabProblem::no_upper_limit:
      return "record-lab-no-limit";
    case LabProblem::out_of_bounds:
      break;
  }
  return "record-lab-number";
}

Value in_lab_unit(const LabBinding& lab, Number value, std::string_view unit) {
  const auto factor = factor_of(lab, unit);
  if (!factor) {
    return tl::unexpected(LabProblem::unknown_unit);
  }
  const auto converted = rules::product(value, *factor);
  if (!converted) {
    return tl::unexpected(LabProblem::out_of_bounds);
  }
  return *converted;
}

tl::expected<LabValue, LabProblem> lab_value(std::span<const LabBinding> labs, std::size_t lab,
                                             const Json& observation) {
  const auto* quantity = observation.find("valueQuantity");
  if (quantity == nullptr) {
    return tl::unexpected(has_own_value(observation) ? LabProblem::not_a_quantity
                                                     : LabProblem::no_value);
  }
  if (!quantity->has("value")) {
    return tl::unexpected(LabProblem::no_value);
  }
  const auto bound = bound_of(*quantity);
  if (!bound) {
    return tl::unexpected(LabProblem::comparator);
  }
  return value_in_lab_unit(labs, lab, observation, *quantity).map([&](LabValue value) {
    value.bound = *bound;
    return value;
  });
}

}  // namespace myoflag::mapping
