#pragma once
// How a form is shown that does not follow from the form itself: presentation.yaml, inside the
// program. Errors: MF-4260, MF-4261.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "plugin/failure.h"
#include "rules/knowledge.h"

namespace myoflag::intake {

// A display of the knowledge that is a page of its own when it applies, and instead of which other
// results it is shown.
struct Interruption {
  std::string display;  // linkId
  bool is_emergency = false;
  rules::Tier tier = rules::Tier::emergency;  // results at least as urgent ...
  std::optional<int> within_hours;            // ... and with a target at most so far away
};

// Who gives the answers, and who enters them.
struct Informant {
  std::string name;        // in our store
  std::string answer;      // code of the question that the form asks about it
  std::string source;      // type of who gives the answers: "Patient", "RelatedPerson"
  bool is_helped = false;  // who opened the form enters them
  std::string text;        // as staff choose it, in English
};

struct Presentation {
  std::vector<Interruption> interruptions;  // the strongest first
  std::string informant_question;           // linkId
  std::vector<Informant> informants;
};

// Whose answers they are. `chosen`: the name that staff chose, which counts while the form's
// question has no answer or one that fits it; else what that answer says alone. Null: it says
// nothing.
const Informant* informant_of(const Presentation& presentation, std::string_view chosen,
                              std::string_view answer);

tl::expected<Presentation, Failure> read_presentation(const std::string& yaml,
                                                      const std::string& file_name);
tl::expected<Presentation, Failure> embedded_presentation();

// What of it the knowledge does not have; nothing when all is there.
std::optional<Failure> misfit(const Presentation& presentation, const rules::Knowledge& knowledge);

}  // namespace myoflag::intake
