#pragma once
// The lines that this program writes into a record for people, and how it knows them again there:
// each as a whole, so that what somebody else began with the same words is told.

#include <string>
#include <string_view>

#include "rules/assessment.h"
#include "rules/knowledge.h"

namespace myoflag::mapping {

// Of the explanation, and of the message that an outcome came.
std::string outcome_title(const rules::Knowledge& knowledge, const rules::TierInfo& tier);
std::string outcome_message(const rules::Knowledge& knowledge, const rules::TierInfo& tier);
// Why a workup is proposed: its rules, the knowledge with its version, the target.
std::string proposal_reason(const rules::Knowledge& knowledge, const rules::WorkupRow& row);

// The title of the form, or one of the first two, of any tier.
bool is_own_line(const rules::Knowledge& knowledge, std::string_view text);
// A note that a proposal of this knowledge can have, in whatever version; what was filled into the
// texts of the knowledge may be anything.
bool is_own_note(const rules::Knowledge& knowledge, std::string_view text);

}  // namespace myoflag::mapping
