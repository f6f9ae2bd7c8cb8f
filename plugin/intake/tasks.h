#pragma once
// A Task in the EHR for each invitation: that answers are asked for, that they came, or that nobody
// waits for them any more (SDC, profile SDCTaskQuestionnaire, in R4). It says for whom and until
// when, and nothing that opens the form: whoever may read Tasks could read that. Pure. Source:
// hl7.org/fhir/uv/sdc, sdc-task.

#include <string>
#include <string_view>

#include "plugin/intake/invitations.h"

namespace myoflag::intake {

struct TaskWords {
  std::string questionnaire;  // url|version
  std::string system;         // of our identifiers
  std::string clinic;         // who asks
};

// The Task as it is from now on, as a transaction that replaces what it was before.
store::Submission task_of(const Untold& untold, const TaskWords& words, Time now);

}  // namespace myoflag::intake
