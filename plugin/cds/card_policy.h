#pragma once
// What is decided about cards and is no clinical knowledge: cards.yaml, which is inside the
// program.

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "rules/knowledge.h"

namespace myoflag::cds {

struct CardPolicy {
  std::chrono::hours same_day{};              // a target within it is as pressing as an emergency
  std::vector<std::string> override_reasons;  // codes, in the order in which they are shown
};

// The error says what is wrong, with the line.
tl::expected<CardPolicy, std::string> read_card_policy(const std::string& yaml);

// The one inside the program.
const CardPolicy& card_policy();

// The code system of the reasons, and the words for one of them.
std::string override_system(const rules::Knowledge& knowledge);
const std::string& override_text(const rules::Knowledge& knowledge, std::string_view code);

}  // namespace myoflag::cds
