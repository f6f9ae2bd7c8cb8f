#pragma once
// The response as we send it on: what a record must not hold is taken out (answers that do not
// apply, references into the file that was read), what FHIR asks of a finished response is put in.
// Doing it twice changes nothing.

#include "fhir/json.h"
#include "rules/assessment.h"

namespace myoflag::mapping {

// Completed or amended: the person said that this is the answer.
bool is_finished(const fhir::Json& response);

// Answers to questions that do not apply were left out of it when it was sent on: a tag says so,
// because nobody may be reassured by what is left.
bool has_answers_left_out(const rules::Knowledge& knowledge, const fhir::Json& response);

// `subject`: Reference to the patient, or null. Without id; the identifier is as given.
fhir::Json sent_response(const rules::Assessment& assessment, const fhir::Json& response,
                         const fhir::Json& subject);

}  // namespace myoflag::mapping
