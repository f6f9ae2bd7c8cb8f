#pragma once
// The concepts by which a record resource says what it is about, and whether a binding of the
// knowledge means one of them.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/json.h"
#include "plugin/mapping/intake.h"
#include "rules/knowledge.h"

namespace myoflag::mapping {

using Concepts = std::vector<fhir::Json>;  // CodeableConcepts

bool has_code(const Concepts& concepts, const rules::Coding& code);
bool matches(const rules::CodeBinding& binding, const Concepts& concepts);
// Whole words, any case of A to Z. `words` is in lower case.
bool has_words(std::string_view text, std::string_view words);

// As the record words it: the first text, else display, else code; `fallback` when there is none.
std::string wording(const Concepts& concepts, std::string_view fallback);

// The Medication resources of a record, found by reference. The record must outlive it.
class Medications {
 public:
  void add(const RecordResource& medication);
  const fhir::Json* find(std::string_view reference, std::string_view full_url) const;

 private:
  std::multimap<std::string, const RecordResource*, std::less<>> by_tail_;
};

// Of a MedicationRequest or MedicationStatement: the medicine and, where the Medication is
// contained or in the record, its code and ingredients. `resolved` is false when no code of it is
// there.
struct Medicine {
  Concepts concepts;
  bool resolved = true;
};
Medicine medicine_of(const RecordResource& resource, const Medications& medications);

}  // namespace myoflag::mapping
