#pragma once
// What patients read, in other languages than the English of the knowledge files: one catalogue
// each (languages/<tag>.yaml). A catalogue goes by the English words, so that a text that changes
// has no translation until somebody has looked at it; the loader refuses one that is not complete.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/knowledge.h"

namespace myoflag::rules {

// One text that a patient reads, where it stands.
struct PatientWords {
  const std::string* english = nullptr;
  std::string_view item;  // linkId of the question whose text, option or help it is; else empty
  std::string place;      // for people: "question em-now, option seizure"
  bool is_told = false;   // part of what the patient is told at the end: sentence by sentence
  bool is_instrument = false;  // of a published instrument
  std::optional<int> latest;   // hours: it names no later time; empty: any
};

// The latest time that `patient` of the rule may name, in hours; empty: any.
std::optional<int> latest_named_by(const Rule& rule);

// All of them, in the order of the files. They point into the knowledge.
std::vector<PatientWords> patient_words(const Knowledge& knowledge);

// The catalogue of this language; null: there is none. "es-MX" is served by "es".
const Language* language_of(const Knowledge& knowledge, std::string_view tag);

// The text in this language; null is English. `item`: where it stands, for texts that are said in
// other words there. A text without translation is our error and throws std::logic_error.
const std::string& in_language(const Language* language, const std::string& english,
                               std::string_view item = {});

// The sentences of a text in any of our scripts, each with its end. (How the English ones are told
// apart is for `sentences` of wording.h to say.)
std::vector<std::string> sentences_of_any(std::string_view text);

// Sentences as they stand behind one another: a blank between them, unless the script has none.
std::string in_a_row(const std::vector<std::string>& sentences);

}  // namespace myoflag::rules
