#pragma once
// The assessment in plain sentences, written from its trace, for two readers. Pure text blocks; how they are drawn
// (terminal, page, card) is the caller's business.

#include <string>
#include <vector>

#include "rules/assessment.h"

namespace myoflag::rules {

// One line of an explanation: text, and what it rests on.
struct Line {
  std::string text;
  std::string basis;  // "rule em-stroke-signs; NICE NG127 ..." or empty
  int indent = 0;
};

struct Section {
  enum class Kind { headline, why, not_excluded, patient_words, conflicts, hypotheses, workups, withheld, changes, notices, provenance };
  Kind kind;
  std::string title;
  std::vector<Line> lines;
};

struct Explanation {
  Tier tier;
  std::vector<Section> sections;  // most urgent first; empty sections are left out
};

Explanation explain_for_clinician(const Assessment& assessment);

// What the patient is told: only what the rules allow, nothing calmer.
struct PatientText {
  std::string headline;
  std::vector<std::string> paragraphs;
};
PatientText explain_for_patient(const Assessment& assessment);

}  // namespace myoflag::rules
