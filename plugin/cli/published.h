#pragma once
// Knowledge whose form FHIR can say exactly: what may be published.

#include "plugin/cli/options.h"

namespace myoflag::cli {

// As load; MF-4007 also where the form has conditions that enableWhen cannot say.
tl::expected<rules::KnowledgePtr, Failure> load_publishable(const KnowledgeOptions& options,
                                                            Exit when_wrong = Exit::usage);

}  // namespace myoflag::cli
