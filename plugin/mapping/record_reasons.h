#pragma once
// What an entry of a record says beside what is read of it: the reason for a visit or an order, a
// diagnosis named there, a note. One table tells for each type of resource which elements say such
// things and in which status they count; codes and words come from the bindings of the knowledge.

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fhir/json.h"
#include "plugin/mapping/intake.h"
#include "plugin/mapping/record_concepts.h"
#include "plugin/mapping/record_index.h"
#include "rules/knowledge.h"

namespace myoflag::mapping {

// The table has a row for it.
bool has_reasons(std::string_view type);
// A medicine is asked for, handed over, given or taken; not what only describes one.
bool is_medicine_use(std::string_view type);
// Of a type in the table that is read for its reasons alone, such as an Encounter.
bool is_only_reasons(std::string_view type);
// None of the elements that would say something is there, it is not marked urgent, and it does not
// name what kind of visit or document it is.
bool says_no_reason(const rules::Knowledge& knowledge, const fhir::Json& resource);

// Whether a reason is read there ("dosageInstruction.asNeededCodeableConcept"); of what is current,
// whatever the table names.
bool is_read_element(std::string_view type, std::string_view path, bool is_current);

// What the status makes of it: withdrawn or only drafted; over; neither.
enum class Standing : std::uint8_t { withdrawn, over, current };
Standing standing_of(const fhir::Json& resource);
// When it was, as written; empty where it does not say, where it goes on, and of what lasts until
// its status says otherwise. What is over without such a time: when it was last modified.
std::string_view reason_time(const fhir::Json& resource);

// What a concept that the knowledge knows says beside that: by another code of the same system, in
// words of another coding that the knowledge does not have (its own text counts as a coding that it
// has), or joined to what is known ("diabetes
// with a goitre"). Empty: nothing.
std::string another_said(const ConceptIndex& index, const fhir::Json* one);

struct Reasons {
  std::vector<Named> known;  // conditions, pregnancies and cautions of the knowledge
  bool is_unread = false;    // something else is said
  std::string name, words;   // what it is, and what is said, for people; may be empty
};

// The knowledge, the index and the record must outlive it.
class ReasonReader {
 public:
  ReasonReader(const rules::Knowledge& knowledge, const ConceptIndex& index)
      : knowledge_(knowledge), index_(index) {}

  // All of the record, also what was set aside: what a reference names is read there, or was told.
  // A visit or a document whose name says nothing is passed over.
  void add(const RecordResource& resource);
  Reasons of(const RecordResource& resource) const;
  // What a reference of `from` names is read where it stands, or was told.
  bool is_there(const fhir::Json& reference, const RecordResource& from) const;

 private:
  class Words;
  void read_reason(const fhir::Json& leaf, const RecordResource& from, bool is_our_order,
                   Reasons& out, Words& words) const;
  void read_words(const fhir::Json& leaf, bool is_our_order, Reasons& out, Words& words) const;
  bool is_rule(std::string_view words) const;
  bool is_our_order(const fhir::Json& resource) const;
  bool is_our_message(const fhir::Json& resource) const;  // that an outcome came

  const rules::Knowledge& knowledge_;
  const ConceptIndex& index_;
  RecordIndex record_;
  std::set<std::pair<std::string_view, std::string>> contained_;  // place, "#id"
};

}  // namespace myoflag::mapping
