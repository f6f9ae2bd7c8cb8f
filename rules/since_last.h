#pragma once
// What is new since the last response: the change policy.

#include <cstdint>

#include "rules/knowledge.h"
#include "rules/tri.h"

namespace myoflag::rules {

// The positive options that are new in `item` and count as a change; 0 if none. `previous` may be
// null: then nothing is new.
std::uint64_t changed_options(const Knowledge& knowledge, const AnswerRecord* previous,
                              const AnswerRecord& answers, int item);

// Nothing new is to be seen, but the question has no clear answer and could yet turn out so.
bool may_have_changed(const Knowledge& knowledge, const AnswerRecord* previous,
                      const AnswerRecord& answers, int item);

// Whether any question of the policy changed.
Tri changed_since_last(const Knowledge& knowledge, const AnswerRecord* previous,
                       const AnswerRecord& answers);

}  // namespace myoflag::rules
