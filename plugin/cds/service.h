#pragma once
// The CDS Hooks service: a call in, cards out. Pure but for what the Assessor holds: the clock is
// an argument, there is no database, and who fetches is an argument. What is not there in time is
// unknown and named; without the intake answers there is nothing to say: the call is refused (412).
// Errors: MF-4220 to MF-4227.

#include <string>
#include <string_view>
#include <vector>

#include "fhir/issue.h"
#include "fhir/json.h"
#include "plugin/assess.h"
#include "plugin/cds/assessment_card.h"
#include "plugin/cds/fetching.h"
#include "plugin/mapping/context.h"

namespace myoflag::cds {

// {"services": [...]}: one service on five hooks.
fhir::Json discovery(const rules::Knowledge& knowledge);

// What a card rests on, for who wants to know later what became of it. Nothing of a patient.
struct ShownCard {
  enum class Kind { assessment, unreadable, offer };
  std::string uuid;
  Kind kind = Kind::assessment;
  std::string tier;                // of an assessment: "urgent"
  std::vector<std::string> rules;  // that fired, as the card lists them: the strongest reason first
  std::string knowledge;           // version
};

// The same of an assessment that is shown otherwise. Without its uuid.
ShownCard shown_of(const rules::Assessment& assessment);

struct Answer {
  int status = 200;
  fhir::Json cards;                // {"cards": [...]} with 200
  fhir::Issues issues;             // with any other status
  std::vector<ShownCard> shown{};  // the same cards
};

// The same card without a call, of an input that is there as a whole: {"cards": [...]}.
fhir::Json cards_of(const Assessor& assessor, const Assessed& assessed, rules::Instant now);

// A response and the record that was fetched for it, under the keys of a prefetch: judged as for a
// card, with what could not be fetched unknown and named. `input`: what Assessor takes to judge it
// again.
struct FetchedJudged {
  Assessed assessed;
  fhir::Json input;
};
tl::expected<FetchedJudged, fhir::Issues> judge_fetched(const Assessor& assessor,
                                                        const std::string& patient_id,
                                                        const fhir::Json& prefetch,
                                                        rules::Instant now);

// What the record that was fetched says, read as beside such a response, which need not be there
// yet. The same is refused: above all what is about somebody else.
tl::expected<mapping::RecordContext, fhir::Issues> read_fetched(const Assessor& assessor,
                                                                const std::string& patient_id,
                                                                fhir::Json prefetch,
                                                                rules::Instant now);

class Service {
 public:
  // The assessor outlives the service. Const use is safe from many threads.
  Service(const Assessor& assessor, CardSettings settings);

  // `fetch`: for what did not come with the call; null: nothing is fetched.
  Answer answer(std::string_view body, rules::Instant now, const Fetch& fetch = nullptr) const;

 private:
  const Assessor& assessor_;
  CardSettings settings_;
};

}  // namespace myoflag::cds
