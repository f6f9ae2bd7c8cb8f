#pragma once
// Why a criterion has the value it has: the answers that speak for it, and the questions that would
// settle it. Walks the same program as the evaluation, only when asked to explain.

#include <vector>

#include "rules/assessment.h"
#include "rules/evaluate.h"

namespace myoflag::rules {

struct Trace {
  std::vector<Evidence> because;     // by order of the form, then laboratory values
  std::vector<const Item*> missing;  // questions a person can ask, by order of the form
};

// Answers of the true parts; missing questions of the undecided parts. Reading::given for what
// fired, Reading::unresolved for what is not excluded.
Trace trace(const Knowledge& knowledge, const Rule& rule, const EvaluationInput& input,
            const FiredTiers& fired, Reading reading);

// Questions whose answer would settle this item: itself, or, when it was not asked, those that lead
// to it.
std::vector<int> questions_to_ask(const Knowledge& knowledge, const AnswerRecord& answers,
                                  int item);

}  // namespace myoflag::rules
