#pragma once
// A fuzz target's assertion: says what does not hold and stops, in every build type.

#include <cstdlib>
#include <iostream>
#include <string_view>

namespace myoflag::fuzz {

inline void require(bool holds, std::string_view what) {
  if (!holds) {
    std::cerr << "does not hold: " << what << '\n';
    std::abort();
  }
}

inline std::string_view as_text(const void* data, std::size_t size) {
  return {static_cast<const char*>(data), size};
}

}  // namespace myoflag::fuzz
