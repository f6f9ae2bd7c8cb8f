#pragma once
// Whether a text is one of a short list.

#include <algorithm>
#include <string_view>

namespace myoflag::mapping {

template <typename List>
bool is_one_of(std::string_view text, const List& list) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

// The same of a list whose words are divided by spaces.
inline bool is_listed(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const auto end = std::min(list.find(' '), list.size());
    if (list.substr(0, end) == word) {
      return true;
    }
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

}  // namespace myoflag::mapping
