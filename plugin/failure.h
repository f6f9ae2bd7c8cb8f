#pragma once
// How a command ends when it cannot do what was asked.

#include <string>

namespace myoflag {

enum class Exit : int { done = 0, rejected = 1, usage = 2, outside = 3 };

struct Failure {
  Exit exit = Exit::rejected;
  std::string text;  // with its code, free of patient data
};

}  // namespace myoflag
