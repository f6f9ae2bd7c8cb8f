#pragma once
// The case tables of tests/data/response-check and the small forms and responses that the tests are
// about.

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/questionnaire.h"
#include "fhir/response_check.h"

namespace myoflag::fhir::testing {

Json parse(std::string_view text);             // ends the test binary on bad JSON
Json read_case_file(const std::string& name);  // of tests/data/response-check

// `parts` plus what every form and response needs; a null member takes the default away.
Json form_with(const Json& parts);
Json response_with(const Json& parts);
Questionnaire load(const Json& form);  // fails the test when the form has errors

// "MF-1430 QuestionnaireResponse.item[0] a", with "warning " before it for what is no error.
std::vector<std::string> lines(const Issues& issues);
std::vector<std::string> strings(const Json& array);

// {"item": [{..., "item": [{..., ...}]}]}, that deep; built by moving, as copying each level would
// take minutes.
Json nested_items(std::initializer_list<Json::Field>&& members, int depth);

}  // namespace myoflag::fhir::testing
