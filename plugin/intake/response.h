#pragma once
// From answers to the QuestionnaireResponse that the rules judge and the EHR gets. Pure.

#include <string>

#include "fhir/json.h"
#include "plugin/intake/flow.h"
#include "rules/assessment.h"

namespace myoflag::intake {

struct About {
  std::string id;       // the same for every state of one form
  std::string patient;  // "Patient/123"
  std::string language;
  rules::Instant authored{};
  bool is_finished = false;  // else "in-progress"
  // Who gives the answers, and who entered them for somebody; empty: it is not known, nobody did.
  std::string source = {};       // type of resource
  std::string source_text = {};  // what the form calls it
  std::string author = {};       // name of a person of the clinic
};

// Every question that applies and was answered, with its text, and every one that was passed over,
// without an answer. Answers to questions that do not apply are left out.
fhir::Json response_of(const rules::Knowledge& knowledge, const Draft& draft, const Form& form,
                       const About& about);

}  // namespace myoflag::intake
