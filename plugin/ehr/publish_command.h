#pragma once
// myoflag-ehr publish: definitions from a file to the EHR.

#include <atomic>
#include <string>

#include "plugin/ehr/ehr_options.h"
#include "plugin/failure.h"

namespace myoflag::ehr {

struct PublishChoice {
  std::string from;  // NDJSON: one definition a line
  bool dry_run = false;
};

// The plan or what was done goes to standard output, line by line. MF-4135 to MF-4142.
Exit publish_definitions(const EhrOptions& options, const PublishChoice& choice,
                         const std::atomic<bool>& stop);

}  // namespace myoflag::ehr
