#pragma once
// Answers to another form, read as answers to ours by a binding of the knowledge. What the binding
// does not know is never guessed: a value of a question that it reads refuses the response, an
// answer to a question that it does not name is handed on word for word. What that form does not
// ask, or offer, stays unknown. Every place is that in the response as it was given.

#include <vector>

#include <tl/expected.hpp>

#include "fhir/issue.h"
#include "fhir/response.h"
#include "plugin/mapping/answers.h"
#include "rules/assessment.h"
#include "rules/knowledge.h"

namespace myoflag::mapping {

struct OtherFormAnswers {
  Answers answers;
  std::vector<rules::UnreadAnswer> unread;  // in the order of the response
  fhir::Issues warnings;                    // MF-3035: the same, by place
};

// The binding for the form that the response names; null: it names ours, or one that is not bound.
const rules::OtherForm* other_form_of(const rules::Knowledge& knowledge,
                                      const fhir::Json& response);

// All answers, or every reason why not (MF-3023, MF-3024, MF-3028, MF-3029).
tl::expected<OtherFormAnswers, fhir::Issues> read_other_form(const rules::Knowledge& knowledge,
                                                             const rules::OtherForm& form,
                                                             const fhir::Response& response);

}  // namespace myoflag::mapping
