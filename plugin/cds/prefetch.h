#pragma once
// What is asked of the record beforehand, and in which state each answer came: "there is none",
// "there is more" and "we do not know" must never look alike. Source: CDS Hooks 2.0, "Prefetch
// Template"; all templates keep to its portable subset of search.

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/json.h"

namespace myoflag::cds {

struct Template {
  std::string_view key;
  std::string_view query;
  std::string_view type;  // of the resources it brings
  std::string_view name;  // key of the words for it in the knowledge
};

inline constexpr std::array<Template, 7> kTemplates{{
    {"patient", "Patient/{{context.patientId}}", "Patient", "card-data-patient"},
    {"intake", "QuestionnaireResponse?patient={{context.patientId}}&_sort=-authored&_count=5",
     "QuestionnaireResponse", "card-data-intake"},
    {"flags", "Observation?patient={{context.patientId}}&category=survey&_sort=-date&_count=50",
     "Observation", "card-data-flags"},
    {"labs", "Observation?patient={{context.patientId}}&category=laboratory&_sort=-date&_count=100",
     "Observation", "card-data-labs"},
    {"conditions", "Condition?patient={{context.patientId}}&category=problem-list-item",
     "Condition", "card-data-conditions"},
    {"meds", "MedicationRequest?patient={{context.patientId}}&status=active", "MedicationRequest",
     "card-data-meds"},
    {"orders", "ServiceRequest?patient={{context.patientId}}&status=active", "ServiceRequest",
     "card-data-orders"},
}};

enum class State {
  given,         // a resource, or a Bundle with all there is
  no_data,       // asked, and there is none
  not_provided,  // not asked, so not known
  failed,        // asked without success, so not known
  paged,         // a first part only
  partial,       // all there is, but a part failed or could not be used
  unusable,      // something else than was asked for, so not known
};

// How a part of the record came.
struct Source {
  const Template* asked = nullptr;
  State state = State::not_provided;
  fhir::Json value;                   // what of it can be used; null: nothing
  std::vector<std::string> left_out;  // the rest, as places inside it: "entry[2]", "total"
  std::string place;  // where the assessment's input has it: "Bundle.entry[2].resource"
};

// One key. A single resource has to be of the template's type, a Bundle the answer to a search; the
// published examples' bare strings count as not provided. Of a Bundle the entries of the template's
// type are kept at their places, with what a search includes; whatever else stands in it is left
// out, so that one faulty entry hides none of the others.
Source read_source(const fhir::Json& prefetch, const Template& asked);

// Nothing of the key can be used.
inline bool is_missing(State state) {
  return state == State::not_provided || state == State::failed || state == State::unusable;
}

// It was asked for, and what did not come may have mattered.
inline bool is_doubtful(State state) {
  return state == State::failed || state == State::unusable || state == State::paged ||
         state == State::partial;
}

}  // namespace myoflag::cds
