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

  Run() = default;
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
};

std::unique_ptr<Run> run(const KnowledgeFiles& files);

}  // namespace myoflag::rules::loading
