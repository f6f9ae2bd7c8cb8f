#pragma once
// The concepts by which a record resource says what it is about, and what of the knowledge they
// mean. Time grows with the size of the record, not with its product with the knowledge.

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fhir/json.h"
#include "plugin/mapping/intake.h"
#include "plugin/mapping/record_index.h"
#include "rules/knowledge.h"

namespace myoflag::mapping {

// A code system's usual address, also for those that are sent by their OID ("urn:oid:..."), and in
// spite of https, "www." and a slash at the end.
std::string_view usual_system(std::string_view system);
// The same but for https, "www." and a slash at the end.
bool is_same_address(std::string_view one, std::string_view other);

// What tells a CodeableConcept (or null) from others: system and code of its first coding, else its
// words. Empty: nothing does.
std::string concept_key(const fhir::Json* one);

// Options of questions, and indices of the knowledge's lists.
struct Meaning {
  std::uint64_t medicines = 0, conditions = 0, sexes = 0, pregnancies = 0;
  std::set<int> cautions, workups, labs;
  std::set<int> other_labs;  // of the same substance, but not known to be comparable

  // A condition, a pregnancy or a caution.
  bool is_of_health() const { return conditions != 0 || pregnancies != 0 || !cautions.empty(); }
};

// What concepts mean, and the words of the record for them: the first text, else display, else
// code.
struct Named {
  Meaning meaning;
  std::string name;
  bool found = false;  // a concept was there
  bool told = false;   // in words, or by a code of the knowledge

  void add(const Named& other);
  std::string name_or(std::string_view fallback) const;
};

enum class PregnancyAnswer : std::uint8_t { no, yes, unread };

// The bindings of the knowledge by code, by beginning of a code, and by the first word of a name.
class ConceptIndex {
 public:
  // The knowledge must outlive it.
  explicit ConceptIndex(const rules::Knowledge& knowledge);

  const rules::Knowledge& knowledge() const { return knowledge_; }

  // A CodeableConcept, or null. By system and code (of ATC and ICD-10 in any case), and by whole
  // words of text and display, as record_words.h makes them plain.
  void read(const fhir::Json* one, Named& named) const;
  void read_text(std::string_view text, Named& named) const;
  void read_words(std::string_view text, Meaning& meaning) const;
  Named read_coding(const fhir::Json& coding) const;
  void read_code(const fhir::Json& coding, Named& named) const;
  // A text that joins something else to what the knowledge knows: "diabetes with a goitre",
  // "diabetes, goitre"; not "diabetes, unspecified", and no official name of one code.
  bool names_more(std::string_view text) const;
  // A text with a word for an emergency or a stay.
  bool names_urgent_visit(std::string_view text) const;
  // A text with a word for a measure, such as a score, which may name a disease that it looks for.
  bool names_instrument(std::string_view text) const;
  Named read_member(const fhir::Json& resource, std::string_view name) const;
  // An answer or a finding that this program writes, or that was made of our form: a survey by our
  // own codes, and no laboratory result as well.
  bool is_own(const fhir::Json& observation) const;

  // Of an Observation: whether it says if somebody is pregnant, and what its value says.
  bool asks_for_pregnancy(const fhir::Json& observation) const;
  PregnancyAnswer pregnancy_answer(const fhir::Json& observation) const;
  // A CodeableConcept, or null, that says in so many words that somebody is not pregnant.
  bool denies_pregnancy(const fhir::Json* one) const;

  const rules::Calm& calm() const { return knowledge_.bindings.calm; }
  // A CodeableConcept, or null, that is one of the calm conditions by all its words.
  bool is_calm_condition(const fhir::Json* one) const;
  // An Observation or a component of one whose value is one of the calm results by all its words,
  // in a test that the knowledge does not name.
  bool is_negative(const fhir::Json& part) const;
  // None of its interpretations says more.
  bool has_calm_marks(const fhir::Json& part) const;
  // Its value says in words that something was found.
  bool says_found(const fhir::Json& part) const;
  // Its value says it in no word that is not known to say so; a number says nothing.
  bool says_nothing_found(const fhir::Json& part) const;

 private:
  enum class List : std::uint8_t {
    medicine,
    condition,
    sex,
    pregnancy,
    caution,
    workup,
    lab,
    other_lab
  };
  struct Target {
    List list = List::medicine;
    int index = 0;  // option or place in the list
  };
  struct Prefix {
    std::string code;
    const std::vector<rules::Coding>* except = nullptr;
    Target target;
  };
  struct Phrase {
    std::string words;  // plain
    Target target;
  };

  void add(List list, const std::vector<rules::CodeBinding>& bindings);
  void add_codes(const std::vector<rules::Coding>& codes, Target target);
  void add_words(const std::vector<std::string>& phrases, Target target);
  static void take(Target target, Meaning& meaning);

  bool only_qualifies(std::string_view words) const;
  std::vector<std::string> parts_of(std::string_view text) const;
  bool is_calm_clause(std::string_view words) const;

  const rules::Knowledge& knowledge_;
  const rules::PregnancyStatus& pregnancy_status_;
  std::vector<std::string> joins_, qualifiers_, urgent_visits_, instruments_;     // plain words
  std::vector<std::string> calm_conditions_, calm_results_, findings_, denials_;  // the same
  std::set<std::string> official_;        // plain words of the names of verified codes
  std::vector<std::string> own_systems_;  // of the codes of our Observations

  std::unordered_map<std::string, std::vector<Target>> codes_;     // "system|code"
  std::unordered_map<std::string, std::vector<Prefix>> prefixes_;  // by system
  std::unordered_map<std::string, std::vector<Phrase>> names_;     // by first word
};

// The medicines that requests and the like name, in themselves or by a Medication resource that is
// contained or in the record. The index and the record must outlive it.
class Medicines {
 public:
  explicit Medicines(const ConceptIndex& index) : index_(index) {}

  void add(const RecordResource& medication);
  // Medication, ingredients, and the Medications that are its ingredients. `found` is false when no
  // code or name of it is there but the one beside a reference.
  Named of(const RecordResource& use);

 private:
  using Contained = std::unordered_map<std::string_view, const fhir::Json*>;
  // Where references are resolved: in a resource, then in the record.
  struct Place {
    std::string_view full_url;
    Contained contained;
  };
  struct Medication {
    const fhir::Json* json = nullptr;
    const RecordResource* entry = nullptr;  // null: contained
  };

  Medication find(const fhir::Json* reference, const Place& place) const;
  static Place place_of(const RecordResource& resource);
  const Named& alone(const fhir::Json& medication);
  const Named& whole(const Medication& medication, const Place& user);

  const ConceptIndex& index_;
  RecordIndex medications_;
  std::unordered_map<const fhir::Json*, Named> alone_, whole_;
};

}  // namespace myoflag::mapping
