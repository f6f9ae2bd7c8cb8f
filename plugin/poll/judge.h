#pragma once
// Responses that were found in an EHR, judged with what was fetched for them: receipt, assessment
// and what is to be written in one transaction each. What cannot be judged is parked with its
// reason, and the others go on.

#include <atomic>
#include <vector>

#include <tl/expected.hpp>

#include "plugin/assess.h"
#include "plugin/delivery/submission.h"
#include "plugin/failure.h"
#include "plugin/store/inbox.h"

namespace myoflag::poll {

struct JudgedAll {
  int judged = 0, urgent = 0, parked = 0;
};

// Fails where the store does.
tl::expected<JudgedAll, Failure> judge_found(store::Inbox& inbox, const Assessor& assessor,
                                             const delivery::SubmissionOptions& options,
                                             rules::Instant now, const std::atomic<bool>& stop);

// Canonicals of the form and of others that are bound, each with its version and without.
std::vector<std::string> forms_of(const rules::Knowledge& knowledge);

}  // namespace myoflag::poll
