#pragma once
// Turns answers as they came into answers as the rules read them: which questions were shown, which
// were skipped, which answers belong to questions that do not apply, and `none` beside a positive
// option.

#include <vector>

#include "rules/assessment.h"
#include "rules/knowledge.h"

namespace myoflag::rules {

// In: state `answered` or `invalid` where there is an answer, anything else elsewhere; chosen and
// number filled. Out: every state decided in the order of the form; answers to questions that do
// not apply removed and returned; Facts::raw and Facts::answers filled. A question whose leading
// question has no clear answer is not_asked; an answer that was nevertheless given to it stays,
// because a real answer must not be lost to a doubt.
struct Settled {
  Facts facts;  // without the record
  std::vector<SetAside> set_aside;
};
Settled settle(const Knowledge& knowledge, const AnswerRecord& given);

// Whether the item is shown, given the settled answers before it.
Tri shown(const Knowledge& knowledge, const Item& item, const AnswerRecord& answers);

// As settle, in place and without reporting: for searches over many records.
void settle_in_place(const Knowledge& knowledge, AnswerRecord& answers);

}  // namespace myoflag::rules
