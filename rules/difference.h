#pragma once
// What differs between two versions of the knowledge, entry by entry, in the words of the knowledge
// files. Entries are compared by what they mean: order, layout and comments do not count.

#include <cstdint>
#include <string>
#include <vector>

#include "rules/knowledge.h"

namespace myoflag::rules {

struct Difference {
  enum class Kind : std::uint8_t { added, removed, changed };
  Kind kind = Kind::changed;
  std::string section;              // "rule", "policy", "question", ...
  std::string id;                   // in the section; empty where the section is one entry
  std::vector<std::string> fields;  // changed: which, as the files name them

  friend bool operator==(const Difference&, const Difference&) = default;
};

// By section, rules first, and id. Cases and the trace of the source facts judge nobody and are
// left out.
std::vector<Difference> differences(const Knowledge& before, const Knowledge& after);

}  // namespace myoflag::rules
