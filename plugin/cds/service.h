#pragma once
// The CDS Hooks service: a call in, cards out. Pure but for what the Assessor holds: the clock is
// an argument, there is no database, nothing is fetched. What did not come with the call is unknown
// and named; without the intake answers there is nothing to say, and the call is refused with 412.
// Errors: MF-4220 to MF-4227.

#include <string>
#include <string_view>

#include "fhir/issue.h"
#include "fhir/json.h"
#include "plugin/assess.h"
#include "plugin/cds/assessment_card.h"

namespace myoflag::cds {

// {"services": [...]}: one service on five hooks.
fhir::Json discovery(const rules::Knowledge& knowledge);

struct Answer {
  int status = 200;
  fhir::Json cards;     // {"cards": [...]} with 200
  fhir::Issues issues;  // with any other status
};

class Service {
 public:
  // The assessor outlives the service. Const use is safe from many threads.
  Service(const Assessor& assessor, CardSettings settings);

  Answer answer(std::string_view body, rules::Instant now) const;

 private:
  const Assessor& assessor_;
  CardSettings settings_;
};

}  // namespace myoflag::cds
