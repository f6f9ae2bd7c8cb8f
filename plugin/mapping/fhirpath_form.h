#pragma once
// A criterion as FHIRPath over bound variables, with three values as ours: true, false, or empty
// for unknown. What another engine needs to run and check our conditions.
//
// Variables, for a question x (`-` in its linkId becomes `_`):
//   a_x     its option codes; '#missing' beside or instead of them when it was skipped, not asked
//   or unusable,
//           '#not-offered' beside or instead of them when not all options could be chosen,
//           '#not-shown' when it does not apply; '#answered' for numbers and text
//   raw_x   the same before `none` beside a positive option is dropped
//   r_x     option codes that the record asserts; k_x true when the record answers the question
//   n_x     the number answered; low_x, high_x the least and greatest score
//   ages    the ages that patient and record state
//   lab_y_d the current result of y, at most d days old
//   fired_t whether a rule of tier t fired; absent while that is unknown

#include <string>

#include "rules/knowledge.h"

namespace myoflag::mapping {

std::string fhirpath_form(const rules::Knowledge& knowledge, const rules::Rule& rule);

}  // namespace myoflag::mapping
