#pragma once
// The last net under the readers of a record: what none of them reads and the knowledge knows all
// the same, by its codes or its words, wherever a resource says it. It asserts nothing. Unknown
// words are none of it: every record is full of them.

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fhir/json.h"
#include "fhir/r4/definitions.h"
#include "plugin/mapping/intake.h"
#include "plugin/mapping/record_concepts.h"
#include "plugin/mapping/record_reasons.h"

namespace myoflag::mapping {

struct Mention {
  std::string element;  // "dosageInstruction.text"
  std::string words;    // as the record says it; of much, the sentence
  Meaning meaning;
  bool names_urgent_visit = false;
};

// All that is given must outlive it.
class RecordSweep {
 public:
  RecordSweep(const ConceptIndex& index, const ReasonReader& reasons)
      : index_(index), reasons_(reasons) {}

  // Of what is over, others read fewer elements, and of what is not `is_read` none but reasons.
  std::vector<Mention> of(const RecordResource& resource, bool is_current, bool is_read);

 private:
  struct Place;
  void walk(const fhir::Json& node, const fhir::r4::Type& type, Place& place);
  void take(const fhir::Json& node, const fhir::r4::Type& type, Place& place);
  void take_leaf(const fhir::Json& node, const fhir::r4::Type& type, Place& place);
  void take_text(std::string_view text, Place& place);
  void take_concept(const fhir::Json& node, Place& place);
  bool is_known(std::string_view text, bool may_name_a_visit) const;
  Meaning meaning_of(std::string_view text) const;
  void add_text(std::string_view text, Place& place) const;
  std::string excerpt(std::string_view text, bool may_name_a_visit) const;

  const ConceptIndex& index_;
  const ReasonReader& reasons_;
  // Records repeat themselves. By whether a text may name a visit: whether it is known.
  std::unordered_map<std::string_view, bool> visits_, others_;
};

}  // namespace myoflag::mapping
