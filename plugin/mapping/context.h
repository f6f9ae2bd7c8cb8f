#pragma once
// What a patient's record says, in the terms of the questions: medicines, conditions, laboratory
// values, age, sex, pregnancy, cautions, tests done, the booked appointment. Which codes and words
// mean what is the knowledge's business (bindings.yaml, workups.yaml). The record only ever adds:
// silence of a record is never "no", and what cannot be read is said and stays unknown. No clock,
// no time zone of the machine.

#include <bitset>
#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "plugin/mapping/intake.h"
#include "plugin/mapping/record_concepts.h"
#include "plugin/mapping/record_dates.h"
#include "rules/assessment.h"
#include "rules/knowledge.h"

namespace myoflag::mapping {

struct RecordContext {
  rules::RecordFacts facts;
  std::vector<rules::RecordEntry> entries;  // in the order of the record, each fact once
  // Of everything that no rule reads, in full, also of what is not listed because there is so much.
  rules::Words unread_words;
  std::vector<RecordProblem> problems;
  // How much of it no rule judges or reads: more of that makes no other result.
  std::vector<RecordProblem> counts;
  // Of what no rule judges and everybody has: name, value and date; and how many more there are.
  std::vector<std::string> unjudged;
  std::size_t unjudged_more = 0;
  // By one date of birth, which may leave a range that is not one age to every rule; then the facts
  // have none.
  std::optional<AgeRange> age;
  // By the latest of several dates of birth; the facts have the age by the earliest. Which of them
  // is right nobody knows.
  std::optional<rules::Number> youngest_age;
  // What was set aside, or does not say what it is about, may have mattered.
  bool doubtful = false;
  // These results are all that is doubtful: abnormal, or judged by no laboratory.
  std::bitset<rules::kMaxLabs> doubtful_labs;
  std::optional<rules::Instant> appointment;
};

// `complete`: nothing of the record is known to be missing, so that a laboratory value that is not
// there was not measured. `set_aside`: resources that cannot be used. Of them only this is read:
// whether they may have mattered, by their status, their code, and for results their date.
RecordContext read_record(const ConceptIndex& concepts, std::span<const RecordResource> record,
                          bool complete, rules::Instant now,
                          std::span<const RecordResource> set_aside = {});

}  // namespace myoflag::mapping
