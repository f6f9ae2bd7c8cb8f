#pragma once
// What a record resource says, in its own words, for people to read.

#include <string>
#include <string_view>

#include "fhir/json.h"
#include "rules/assessment.h"

namespace myoflag::mapping {

// Shortened to what one line bears.
std::string shown(std::string_view text);

// A CodeableConcept, or null: its text, else a display; empty where it has no words.
std::string_view words_of(const fhir::Json* one);
// The same, else a code.
std::string_view words_or_code_of(const fhir::Json* one);
// Words that somebody typed: what was chosen from a list has a code.
bool is_typed(const fhir::Json* one);

// The value of an Observation or of a component: "2.2 mmol/L". Empty where it has none, or of a
// kind that has no short form.
std::string value_text(const fhir::Json& part);

// What people read of a resource, in full: words of codes and references, titles, notes. Not those
// of what it contains, of whom it names, and of what sorts it (category, status).
void add_said_words(const fhir::Json& resource, rules::Words& words);

}  // namespace myoflag::mapping
