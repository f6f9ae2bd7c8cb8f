#pragma once
// What the tests of the mapping share: the knowledge of the program, and responses built from
// names.

#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/json.h"
#include "plugin/mapping/intake.h"
#include "plugin/mapping/record_concepts.h"
#include "rules/assessment.h"
#include "rules/knowledge.h"

namespace myoflag::testing {

const rules::KnowledgePtr& knowledge();
const mapping::ConceptIndex& concepts();

// Answers by linkId: option codes, or one number or text as written.
using Given = std::map<std::string, std::vector<std::string>>;

// Every required question answered harmlessly.
Given harmless();

// A completed response of Patient/p1 with these answers, nested and ordered as the form.
fhir::Json response_of(const Given& given);
std::string json_of(const Given& given);
// Every text of the response, or of an item of it, as the catalogue has it.
void translate(fhir::Json& owner, const rules::Language& language);

// Answers that keep the form's rules: what is enabled and required is answered, what is not enabled
// is not.
Given random_given(std::mt19937_64& random);

// 22 November 2026, noon UTC; the responses are two hours old.
rules::Instant now();

fhir::Json parse(std::string_view json);

// A collection of the resources, with fullUrls "https://ehr.example/fhir/<type>/<id>" where they
// have an id.
fhir::Json bundle_of(const std::vector<fhir::Json>& resources);

// What the intake makes of the resource; the codes of its issues where it is refused.
tl::expected<mapping::Intake, fhir::Issues> take(fhir::Json resource);
std::vector<std::string> codes(const tl::expected<mapping::Intake, fhir::Issues>& intake);

}  // namespace myoflag::testing
