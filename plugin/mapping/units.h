#pragma once
// Laboratory values in the unit the knowledge names, by the conversions it lists (UCUM). A value
// whose unit is neither that nor convertible, or that is no number, is unusable, never guessed.

#include <cstdint>
#include <span>
#include <string_view>

#include <tl/expected.hpp>

#include "fhir/json.h"
#include "rules/knowledge.h"

namespace myoflag::mapping {

enum class LabProblem : std::uint8_t {
  no_value,        // the result carries none
  not_a_quantity,  // text, a code, a range
  comparator,      // one that we do not know
  unknown_unit,
  two_units,       // the printed unit is another one than the code
  no_upper_limit,  // a multiple of the upper limit is asked, and the report has none
  out_of_bounds,   // no number we can hold
};

// Key of the sentence's end: "its unit is not known".
std::string_view reason_key(LabProblem problem);

// "> 7.5": only that it lies above is known.
struct LabValue {
  enum class Bound : std::uint8_t { exact, above, at_least, below, at_most };
  rules::Number number;
  Bound bound = Bound::exact;
  // The report gives several upper limits: the multiple is that of the lowest, the greatest one.
  bool several_limits = false;
};

// Of `labs[lab]`. `observation` is an Observation or one of its components.
tl::expected<LabValue, LabProblem> lab_value(std::span<const rules::LabBinding> labs,
                                             std::size_t lab, const fhir::Json& observation);

// The number in the binding's unit; unknown_unit when there is no conversion.
tl::expected<rules::Number, LabProblem> in_lab_unit(const rules::LabBinding& lab,
                                                    rules::Number value, std::string_view unit);

}  // namespace myoflag::mapping
