#pragma once
// The form of a knowledge module as an R4 Questionnaire, conformant with SDC 4.0.0: what
// docs/fhir-mapping.md describes. Sources: hl7.org/fhir/R4/questionnaire.html, hl7.org/fhir/uv/sdc,
// extension alternate-codes of the extension pack.

#include "fhir/issue.h"
#include "fhir/json.h"
#include "rules/knowledge.h"

namespace myoflag::mapping {

// What of the form FHIR's enableWhen cannot say exactly (MF-3001 to MF-3003); empty for a sound
// form. Where it is not empty, questionnaire_resource would show other questions than the rules
// expect, so nobody may use its result.
fhir::Issues form_issues(const rules::Knowledge& knowledge);

// Groups are nested; every question carries our own code and the verified ones, every option our
// own coding with the verified codes of the same meaning beside it (alternate-codes on the code).
// Every text carries what it is in the other languages (extension translation). `language`: the one
// of the texts themselves; null is English.
fhir::Json questionnaire_resource(const rules::Knowledge& knowledge,
                                  const rules::Language* language = nullptr);

// The same in English alone, a quarter of the size: enough to judge answers that show English
// words.
fhir::Json english_questionnaire(const rules::Knowledge& knowledge);

}  // namespace myoflag::mapping
