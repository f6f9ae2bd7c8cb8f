#pragma once
// A test that a person chose, as a draft request for the record. Pure.

#include <optional>
#include <string>
#include <string_view>

#include "plugin/review/desk.h"
#include "rules/knowledge.h"

namespace myoflag::review {

// Made of the proposal in the form's own transaction, so that it says what the record already says,
// and rests on it (basedOn). Names and thread follow from the form and the test: writing it twice
// changes nothing. Nothing: the form proposes no such test.
std::optional<store::Submission> request_for(const Kept& form, const rules::Knowledge& knowledge,
                                             std::string_view workup, std::string_view note);

}  // namespace myoflag::review
