#pragma once
// Where the program's knowledge comes from: the copy inside the executable, or a folder somebody is
// working on.

#include <filesystem>

#include <tl/expected.hpp>

#include "rules/knowledge.h"
#include "rules/loader.h"
#include "rules/problem.h"

namespace myoflag {

// The knowledge the program was built with.
rules::KnowledgePtr embedded_knowledge();

// The YAML files of a folder and its folders `rules` and `languages`, at most 64 of at most 4 MiB
// each.
tl::expected<rules::KnowledgeFiles, rules::Problems> read_knowledge_folder(
    const std::filesystem::path& folder);

// Read, checked and compiled; otherwise everything that is wrong with it.
tl::expected<rules::KnowledgePtr, rules::Problems> knowledge_from_folder(
    const std::filesystem::path& folder);

}  // namespace myoflag
