#pragma once
// Trying out other answers: what is still open in a form, what could be answered, and what the
// rules then say. The workshop of rules/outlook.h.

#include <map>
#include <optional>
#include <span>
#include <vector>

#include "rules/outlook.h"

namespace myoflag::rules {

// One answer to one question.
struct Candidate {
  std::uint64_t chosen = 0;
  std::optional<Number> number;
};

void put(AnswerRecord& answers, int item, const Candidate& candidate);

class Tryout {
 public:
  Tryout(const Situation& situation, Effort& effort) : situation_(situation), effort_(effort) {}

  // The answers worth trying: each option of a single choice; `none`, each positive option alone
  // and all of them of a multiple choice; numbers that stand for all others (telling_numbers).
  const std::vector<Candidate>& candidates(int item);

  // Shown or not asked yet, and without a clear answer. `answers` settled.
  bool is_open(const AnswerRecord& answers, int item) const;

  // What the rules say of these answers, settled or not; `none` that stood beside a positive option
  // stands there still, unless the question is among those answered `anew`.
  Verdicts verdicts_of(const AnswerRecord& answers, std::span<const int> anew = {});

  // Answers an open question; what was ticked there beside "not sure" stays ticked.
  void complete(AnswerRecord& answers, int item, const Candidate& candidate) const;

  // Answers every open question with `none`, or with the first candidate where there is no `none`.
  AnswerRecord filled(AnswerRecord answers);

  // The same, with the answers changed one by one as long as that calms the result.
  AnswerRecord calmed(const AnswerRecord& answers);

 private:
  // How far a form is from calm: its tier, then how many rules say so.
  using Alarm = std::pair<Tier, int>;

  Alarm alarm_of(const AnswerRecord& answers);
  // Returns the questions answered for which there was a choice.
  std::vector<int> fill(AnswerRecord& answers);

  const Situation& situation_;
  Effort& effort_;
  std::map<int, std::vector<Candidate>> candidates_;
};

}  // namespace myoflag::rules
