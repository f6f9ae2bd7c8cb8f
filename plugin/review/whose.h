#pragma once
// Whose a stored form is, as far as its own words say it, for comparing with the patient of a
// launch. Pure.

#include <string>
#include <string_view>

namespace myoflag::review {

struct Whose {
  std::string server;   // "https://ehr.example/fhir/", as plugin/mapping/patient_identity.h writes
                        // it; empty: the form names none
  std::string patient;  // "Patient/123"; empty: it cannot be told

  friend bool operator==(const Whose&, const Whose&) = default;
};

// `input`: a QuestionnaireResponse or a Bundle, as it came. A Patient beside the response counts as
// it says itself; where two servers or two patients are named, it cannot be told.
Whose whose_of(std::string_view input);

}  // namespace myoflag::review
