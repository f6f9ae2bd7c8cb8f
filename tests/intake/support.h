#pragma once
// What the tests of the intake share: the knowledge inside the program, and drafts in words.

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "plugin/intake/flow.h"
#include "plugin/intake/presentation.h"
#include "rules/knowledge.h"

namespace myoflag::testing {

const rules::Knowledge& knowledge();
rules::KnowledgePtr shared_knowledge();
const intake::Presentation& presentation();

int item(std::string_view link_id);  // throws when the form has none

using Said = std::pair<std::string_view, std::string_view>;
// "none" or "seizure,blackout" for choices, else the text; "" passes over.
intake::Answer answer(const Said& said);
intake::Draft draft(std::initializer_list<Said> all);

// Everything that an untroubled patient is asked, answered.
intake::Draft benign();

}  // namespace myoflag::testing
