#pragma once
// One run over all files; what the loader and the lint share. The documents live as long as the
// run, so that places can still be named afterwards.

#include <memory>

#include "rules/loader.h"
#include "rules/loader/context.h"

namespace myoflag::rules::loading {

struct Run {
  std::map<std::string, Document, std::less<>> documents;
  Problems problems;
  Context context{problems};
  bool whole = false;  // nothing is missing or unknown: it can be run, and what is unused be told

  Run() = default;
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
};

std::unique_ptr<Run> run(const KnowledgeFiles& files);

// The problems in order; says so when there were too many to list.
Problems listing_of(Run& run);

}  // namespace myoflag::rules::loading
