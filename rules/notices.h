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
  std::span<const VanishedFlag> vanished;
  std::span<const Finding> findings;
};

std::vector<Notice> notices(const Knowledge& knowledge, const EvaluationInput& input,
                            const Verdicts& verdicts, const NoticeContext& context);

// What of the record's entries is about this laboratory value; null when none is.
const RecordEntry* lab_entry(const EvaluationInput& input, int lab);

// "Grip; Falls": the texts of the chosen options, in the order of the form.
std::string option_texts(const Item& item, std::uint64_t options);

}  // namespace myoflag::rules
