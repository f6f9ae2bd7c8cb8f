#pragma once
// From a QuestionnaireResponse to the answers the rules read: the careful way, which takes any
// response and says where something cannot be used. fast_answers.h is the quick way for plain
// responses.

#include <optional>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "fhir/issue.h"
#include "fhir/response.h"
#include "rules/assessment.h"
#include "rules/knowledge.h"

namespace myoflag::mapping {

struct Answers {
  rules::AnswerRecord given;               // states only `answered`, `invalid` and untouched
  std::vector<rules::FreeText> free_text;  // in the order of the form
  std::vector<rules::SetAside>
      out_of_range;  // numbers outside the question's limits; their state is `invalid`
  // An answer without a value that does not say that nobody knows or wanted to say it, or one that
  // says so beside its value.
  bool lacks_value = false;
};

// All answers, or every reason why not (MF-3020 to MF-3025). An answer without a value is no
// answer. Whether answers belong together (branching, required) is
// not looked at here.
tl::expected<Answers, fhir::Issues> read_answers(const rules::Knowledge& knowledge,
                                                 const fhir::Response& response);

// What both readers of answers need.

// The answer says that nobody knows the value, or wanted to say it.
bool was_left_open(const fhir::Json& answer);
// A decimal as written, against the question's limits; exactly, though our numbers have nine
// places.
bool is_within(const rules::Item& item, std::string_view number);
// Beyond the question's limits, or empty because it is too large: set aside, as `written`.
void put_number(const rules::Item& item, int index, std::optional<rules::Number> number,
                std::string_view written, Answers& answers);

}  // namespace myoflag::mapping
