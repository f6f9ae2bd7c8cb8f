#pragma once
// Sentences of text.en.yaml with {placeholders}, and the table of those the program says. The
// loader refuses knowledge that lacks one, that has one nobody says, or whose placeholders do not
// fit: no sentence and no answer is lost beside a patient because of a slip.

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace myoflag::rules {

using Fill = std::pair<std::string_view, std::string_view>;

// Replaces each {name}; a placeholder that is not given stays as it is.
std::string fill(std::string_view text, std::initializer_list<Fill> values);

struct TextKey {
  std::string_view key;
  std::string_view needs = {};  // placeholders that must stand in it, separated by blanks
  std::string_view may = {};    // placeholders that may
};

// Beside these, each category of workups has a sentence `explain-category-<id>`.
std::span<const TextKey> text_keys();

}  // namespace myoflag::rules
