#pragma once
// Which questions can still make a difference: for forms that leave out the others. Decided from
// the criteria alone, and only ever in favour of asking.
//
// A question is left out when it is proved that no answer to it changes which rules and policies
// fire, are excluded or stay open, whatever is answered to every other open question. Tier, target,
// proposals, cautions, advice and what withholds reassurance follow from these, so they are the
// same as if it had been asked and answered in any way, passed over, or answered "not sure".
//
// The proof: for each part of each criterion, the set of values it can take over all answers to the
// open questions, taken one by one as if they were independent, so that the set is never too small.
// A part that can only be yes, or only be no, is decided, and what stands below it is not read any
// more. A question that no undecided part reads, and that leads to no question which one reads,
// makes no difference. More may be asked than need be, never less. The record counts as unknown:
// whatever it turns out to say, and however old the answers are when they are judged, the proof
// holds.
//
// Always asked, without looking at the criteria any further:
// - what the form requires, which is where emergencies and warning signs are asked for;
// - what a policy counts as a gap when it is not answered, or an emergency display depends on;
// - what is compared with earlier forms or the record, or stays true once it was said;
// - what no rule reads, and free text: a person reads it.
// That `none` stands beside another answer, which a policy reports, is taken to be impossible for a
// question that is not asked.

#include <bitset>
#include <vector>

#include "rules/answers.h"
#include "rules/knowledge.h"

namespace myoflag::rules {

using QuestionSet = std::bitset<kMaxItems>;  // index: of the item

QuestionSet always_asked(const Knowledge& knowledge);

// Of the questions in `open`, those that were neither answered nor passed over yet, the ones that
// apply and that nobody needs to ask. `answers` are settled and hold nothing for those in `open`. A
// question that was left out stays so, whatever is answered to others that are open now.
QuestionSet without_effect(const Knowledge& knowledge, const AnswerRecord& answers,
                           const QuestionSet& open);

}  // namespace myoflag::rules
