#pragma once
// Text for a terminal: wrapped to its width, coloured when it may be, and safe: control characters
// of any input show as visible marks, so that no text of a patient or a record can steer the
// terminal or hide other text.

#include <string>
#include <string_view>

#include "plugin/safe_text.h"
#include "rules/explain.h"

namespace myoflag::cli {

enum class Colour { automatic, always, never };

struct Screen {
  bool colour = false;
  int width = 80;  // columns
};

// What standard output bears: the terminal's width and colours, or 80 columns and none when it is
// no terminal. NO_COLOR and TERM=dumb switch `automatic` off.
Screen screen(Colour wish);

std::string draw(const rules::Explanation& explanation, const Screen& screen);
std::string draw(const rules::PatientText& text, rules::Tier tier, const Screen& screen);

}  // namespace myoflag::cli
