#pragma once
// The assessment in plain sentences, written from its trace, for two readers. Pure text blocks; how
// they are drawn (terminal, page, card) is the caller's business. The sentences are those of the
// knowledge (text.en.yaml, keys "explain-..."); text that comes from the patient or the record is
// given as it is, so whoever draws it must make it safe for the medium.

#include <string>
#include <vector>

#include "rules/assessment.h"

namespace myoflag::rules {

// One line of an explanation: text, and what it rests on.
struct Line {
  enum class Style {
    plain,
    strong,  // a heading inside the section
    quote,   // the patient's own words; may hold line breaks
    quiet,   // provenance
  };
  std::string text;
  std::string basis;  // "em-stroke-signs: ng127-weak, stroke" or empty
  int indent = 0;
  Style style = Style::plain;
  std::string workup = {};  // code of the test that the line proposes; else empty
};

struct Section {
  enum class Kind {
    headline,
    why,
    not_excluded,
    patient_words,
    conflicts,
    answers,  // that no finding above names
    notices,
    hypotheses,
    workups,
    withheld,
    changes,
    advice,
    excluded,
    sources,
    provenance,
  };
  Kind kind = Kind::headline;
  std::string title;
  std::vector<Line> lines;
};

struct Explanation {
  Tier tier = Tier::routine;
  std::vector<Section> sections;  // most urgent first; empty sections are left out
  bool shortened = false;         // lists were cut; ExplainOptions::all shows them whole
};

struct ExplainOptions {
  // Nothing shortened, and what is otherwise left out: whole rationales, sources in full, findings
  // that are excluded.
  bool all = false;
};

Explanation explain_for_clinician(const Assessment& assessment, const ExplainOptions& options = {});

// What the patient is told: only what the rules allow, nothing calmer. No sentence is said twice.
// In another language (null: English) it is the same sentences, one by one.
struct PatientText {
  std::string headline;  // names no time longer than the target
  std::vector<std::string> paragraphs;
};
PatientText explain_for_patient(const Assessment& assessment, const Language* language = nullptr);

}  // namespace myoflag::rules
