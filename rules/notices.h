#pragma once
// What the clinician must know about the input itself: who answered, what is old, unreadable,
// contradictory or set aside, and where patient and record differ.

#include <span>
#include <vector>

#include "rules/assessment.h"
#include "rules/evaluate.h"

namespace myoflag::rules {

struct NoticeContext {
  bool stale = false;
  bool check_first = false;
  bool nothing_matched = false;
};

std::vector<Notice> notices(const Knowledge& knowledge, const EvaluationInput& input,
                            const Verdicts& verdicts, const NoticeContext& context);

// "Grip; Falls": the texts of the chosen options, in the order of the form.
std::string option_texts(const Item& item, std::uint64_t options);

// The positive options that are new in `item` since the previous response, by the change policy; 0
// if none.
std::uint64_t changed_options(const Knowledge& knowledge, const EvaluationInput& input, int item);

}  // namespace myoflag::rules
