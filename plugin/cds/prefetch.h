#pragma once
// What is asked of the record beforehand, and in which state each answer came. Five states, because
// "there is none" and "we do not know" must never look alike. Source: CDS Hooks 2.0, "Prefetch
// Template"; all templates keep to its portable subset of search.

#include <array>
#include <string_view>

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
  unusable,      // something else than was asked for, so not known
};

// The state of one key. A single resource has to be of the template's type, a Bundle the answer to
// a search; the published examples' bare strings count as not provided.
State state_of(const fhir::Json& prefetch, const Template& asked);

// Nothing of the key can be used.
inline bool is_missing(State state) {
  return state == State::not_provided || state == State::failed || state == State::unusable;
}

}  // namespace myoflag::cds
