#pragma once
// Findings about an input as a list that people read: one line each, "error MF-1402
// QuestionnaireResponse.item[2]: ...".

#include <string>
#include <string_view>

#include "fhir/issue.h"

namespace myoflag::cli {

// Lines, each with its end. `input` is the name of the file as the user wrote it.
std::string issue_lines(std::string_view input, const fhir::Issues& issues);

// The same, cut to what a person reads at once; the last line says how many more there are.
std::string first_issue_lines(std::string_view input, fhir::Issues issues);

}  // namespace myoflag::cli
