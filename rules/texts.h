#pragma once
// Sentences of text.en.yaml with {placeholders}, and the table of those the program says. The
// loader refuses knowledge that lacks one, that has one nobody says, or whose placeholders do not
// fit: no sentence and no answer is lost beside a patient because of a slip.

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace myoflag::rules {

using Fill = std::pair<std::string_view, std::string_view>;

// Replaces each {name}, and each {name:day|days} by the value and the first word where it is "1",
// else the second: "1 day", "2 days". A placeholder that is not given stays as it is.
std::string fill(std::string_view text, std::initializer_list<Fill> values);

// What stands between two braces: "name", or "name:one|other".
struct Placeholder {
  std::string_view name;
  std::string_view one, other;
  bool counted = false;  // says one and other
};
Placeholder read_placeholder(std::string_view braced);

// What a translation must have as the English text has it, sorted: the names of its placeholders,
// "?" for a brace without its other one, and its numbers ("24", "7").
std::vector<std::string> placeholders_in(std::string_view text);
std::vector<std::string> numbers_in(std::string_view text);

struct TextKey {
  std::string_view key;
  std::string_view needs = {};  // placeholders that must stand in it, separated by blanks
  std::string_view may = {};    // placeholders that may
};

// Beside these, each category of workups has a sentence `explain-category-<id>`.
std::span<const TextKey> text_keys();

}  // namespace myoflag::rules
