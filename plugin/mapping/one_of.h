#pragma once
// Whether a text is one of a short list.

#include <algorithm>
#include <string_view>

namespace myoflag::mapping {

template <typename List>
bool is_one_of(std::string_view text, const List& list) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

}  // namespace myoflag::mapping
