#pragma once
// Our own codes for questions and answers, and the names under which the artefacts of a knowledge
// module are known. A question's code is its linkId. An answer's code is "<linkId>.<option>"
// ("em-now.seizure"), because option codes such as "none" stand in many questions and a code must
// mean one thing. All of it follows from the knowledge; nothing here fails.

#include <string>
#include <string_view>

#include "fhir/json.h"
#include "rules/knowledge.h"

namespace myoflag::mapping {

std::string questionnaire_url(const rules::Knowledge& knowledge);        // without version
std::string questionnaire_canonical(const rules::Knowledge& knowledge);  // url|version
std::string question_system(const rules::Knowledge& knowledge);
std::string answer_system(const rules::Knowledge& knowledge);
std::string answer_code(const rules::Item& item, const rules::Option& option);

// Index of the option that the code names; -1 when it is none of this item's.
int option_of_answer_code(const rules::Item& item, std::string_view code);

fhir::Json coding(std::string_view system, std::string_view code, std::string_view display);
fhir::Json question_coding(const rules::Knowledge& knowledge, const rules::Item& item);
fhir::Json answer_coding(const rules::Knowledge& knowledge, const rules::Item& item,
                         const rules::Option& option);

// The CodeSystem resources. Verified codes of the same meaning stand with each concept as the
// property "same-as".
fhir::Json question_code_system(const rules::Knowledge& knowledge);
fhir::Json answer_code_system(const rules::Knowledge& knowledge);

// Header that every artefact of the module carries: resourceType, id, url, version, name, title,
// status, date, copyright. `kind` is the end of the id and of the name: "answers" gives
// twitching-answers and TwitchingAnswers.
fhir::Json artefact_header(const rules::Knowledge& knowledge, std::string_view resource_type,
                           std::string_view kind, std::string_view title);

}  // namespace myoflag::mapping
