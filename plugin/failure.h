#pragma once
// How a command ends when it cannot do what was asked.

#include <string>
#include <string_view>

namespace myoflag {

enum class Exit : int { done = 0, rejected = 1, usage = 2, outside = 3 };

struct Failure {
  Exit exit = Exit::rejected;
  std::string text;  // with its code, free of patient data

  // The two parts of "MF-4003: words".
  std::string_view code() const { return std::string_view(text).substr(0, text.find(": ")); }
  std::string_view words() const {
    const auto colon = text.find(": ");
    return std::string_view(text).substr(colon == std::string::npos ? 0 : colon + 2);
  }
};

}  // namespace myoflag
