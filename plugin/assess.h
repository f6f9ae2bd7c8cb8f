#pragma once
// One patient's input to one assessment: bytes -> resources -> checked answers and record facts ->
// rules. Pure: the clock is an argument, nothing else enters.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "fhir/issue.h"
#include "fhir/json.h"
#include "rules/assessment.h"
#include "rules/evaluate.h"
#include "rules/knowledge.h"

namespace myoflag::mapping {
class ConceptIndex;
}

namespace myoflag {

enum class Syntax { detect, json, xml };  // detect: the first character that is no white space

struct AssessOptions {
  rules::Instant now{};
  bool batch = false;
  rules::Outlook outlook = rules::Outlook::whole;  // none: quick
  Syntax syntax = Syntax::detect;
  fhir::Limits limits;
  // What of the record is known to be missing, as phrases for "record-problem" of the knowledge.
  // Told before all that is wrong with what is there, of which the last may only be counted.
  std::vector<std::string> missing_record;
  bool record_doubtful = false;  // what is missing may have mattered: no reassurance
};

// The code of the one error of a form of ours in which no question is answered.
inline constexpr std::string_view nothing_answered = "MF-3009";

struct Assessed {
  rules::Assessment assessment;
  fhir::Json response;             // the QuestionnaireResponse as given
  std::vector<fhir::Json> record;  // the other resources of the Bundle
  fhir::Issues warnings;           // tolerated findings about the response
};

// Holds the knowledge and the form made from it, ready to judge many inputs. Const use is safe from
// many threads.
class Assessor {
 public:
  explicit Assessor(rules::KnowledgePtr knowledge);
  ~Assessor();
  Assessor(Assessor&&) noexcept;

  const rules::KnowledgePtr& knowledge() const;
  const fhir::Json& questionnaire() const;        // the FHIR Questionnaire of the knowledge
  const mapping::ConceptIndex& concepts() const;  // by which it reads a record

  // False: the knowledge's form cannot be used, and every input is refused.
  bool has_form() const;

  // A QuestionnaireResponse, or a Bundle with exactly one response to our form and the patient's
  // record. Refused with issues: unreadable text, another questionnaire or version, wrong answers,
  // entered in error, no question answered. Tolerated, and told as warnings and notices: missing
  // required answers, answers without a value, `none` beside a positive option, answers to
  // questions that do not apply, numbers outside their plausible range. A form that is not
  // finished, or that shows other words than ours, is judged and never calm. Where a newer form was
  // begun, both are judged, and the more urgent one is given.
  tl::expected<Assessed, fhir::Issues> assess(std::string_view bytes,
                                              const AssessOptions& options) const;

  // The same of a resource that came through the gate already.
  tl::expected<Assessed, fhir::Issues> assess_resource(fhir::Json resource,
                                                       const AssessOptions& options) const;

  // Every finding for `myoflag check`: about the response, and after it, as warnings, about what of
  // the record beside it in a Bundle cannot be used as it stands.
  fhir::Issues check(std::string_view bytes, const AssessOptions& options) const;

 private:
  struct Parts;
  std::unique_ptr<const Parts> parts_;
};

}  // namespace myoflag
