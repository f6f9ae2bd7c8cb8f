#pragma once
// Reads knowledge files into checked, compiled Knowledge. Every problem is reported, each with
// file, line and column; with any problem there is no knowledge. A criterion that no answers make
// true, or false, is a problem too: takes a tenth of a second for knowledge of the usual size.

#include <map>
#include <string>

#include <tl/expected.hpp>

#include "rules/knowledge.h"
#include "rules/problem.h"

namespace myoflag::rules {

// Name relative to the knowledge folder ("rules/urgent.yaml") -> bytes.
using KnowledgeFiles = std::map<std::string, std::string>;

tl::expected<KnowledgePtr, Problems> load_knowledge(const KnowledgeFiles& files);

}  // namespace myoflag::rules
