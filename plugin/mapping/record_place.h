#pragma once
// A place of the input as people read it: the sentences for the clinician name an entry by its
// number, not by a path.

#include <string>
#include <string_view>

#include "rules/knowledge.h"

namespace myoflag::mapping {

// "3.1" for the first entry of the Bundle that is the third entry; empty where there is none.
std::string entry_number(std::string_view place);

// "entry 3 of what was sent" for "Bundle.entry[2].resource"; an entry of a Bundle in it is 3.1.
std::string place_in_words(const rules::Knowledge& knowledge, std::string_view place);

}  // namespace myoflag::mapping
