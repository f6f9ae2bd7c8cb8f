#pragma once
// Whether a text is one of a short list.

#include <algorithm>
#include <array>
#include <string_view>

namespace myoflag::mapping {

template <std::size_t N>
bool is_one_of(std::string_view text, const std::array<std::string_view, N>& list) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

}  // namespace myoflag::mapping
