#pragma once
// Text of patients and records made safe to look at: what would be invisible, turn the order of
// letters round or steer a terminal shows as a mark, "<U+202E>".

#include <cstddef>
#include <string>
#include <string_view>

namespace myoflag {

struct Rune {
  char32_t value = 0;
  std::size_t length = 0;  // bytes; 0 for an invalid sequence
};

Rune rune_at(std::string_view text, std::size_t at);

// Line feeds and tabs stay, a carriage return before a line feed goes; other control characters,
// direction overrides, invisible characters and invalid UTF-8 become visible.
std::string safe_text(std::string_view text);

// For a name in the midst of a line: line feeds and tabs become visible, too.
std::string safe_name(std::string_view text);

}  // namespace myoflag
