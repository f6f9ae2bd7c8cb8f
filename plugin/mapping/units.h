#pragma once
// Laboratory values in the unit the knowledge names, by the conversions it lists (UCUM). A value
// whose unit is neither that nor convertible, that has a comparator, or that is no number is
// unusable, never guessed.

#include <string_view>

#include <tl/expected.hpp>

#include "fhir/json.h"
#include "rules/knowledge.h"

namespace myoflag::mapping {

enum class LabProblem {
  no_value,        // the result carries none
  not_a_quantity,  // text, a code, a range
  comparator,      // "< 0.1": not a value
  unknown_unit,
  no_upper_limit,  // a multiple of the upper limit is asked, and the report has none, or several
  out_of_bounds,   // no number we can hold
};

std::string_view reason(LabProblem problem);  // ends a sentence: "its unit is not known"

// `observation` is an Observation or one of its components.
tl::expected<rules::Number, LabProblem> lab_value(const rules::LabBinding& lab,
                                                  const fhir::Json& observation);

// The number in the binding's unit; empty when the unit is not known.
tl::expected<rules::Number, LabProblem> in_lab_unit(const rules::LabBinding& lab,
                                                    rules::Number value, std::string_view unit);

}  // namespace myoflag::mapping
