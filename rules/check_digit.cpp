#include "rules/check_digit.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace myoflag::rules {
namespace {

bool all_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

unsigned digit(char c) { return static_cast<unsigned>(c - '0'); }

// Multiplication in the dihedral group of order ten, as Verhoeff's scheme has it.
constexpr std::array<std::array<std::uint8_t, 10>, 10> kTimes{{{0, 1, 2, 3, 4, 5, 6, 7, 8, 9},
                                                               {1, 2, 3, 4, 0, 6, 7, 8, 9, 5},
                                                               {2, 3, 4, 0, 1, 7, 8, 9, 5, 6},
                                                               {3, 4, 0, 1, 2, 8, 9, 5, 6, 7},
                                                               {4, 0, 1, 2, 3, 9, 5, 6, 7, 8},
                                                               {5, 9, 8, 7, 6, 0, 4, 3, 2, 1},
                                                               {6, 5, 9, 8, 7, 1, 0, 4, 3, 2},
                                                               {7, 6, 5, 9, 8, 2, 1, 0, 4, 3},
                                                               {8, 7, 6, 5, 9, 3, 2, 1, 0, 4},
                                                               {9, 8, 7, 6, 5, 4, 3, 2, 1, 0}}};
constexpr std::array<std::uint8_t, 10> kPermuted{1, 5, 7, 6, 2, 8, 3, 0, 9, 4};

}  // namespace

bool is_snomed_id(std::string_view code) {
  if (code.size() < 6 || code.size() > 18 || !all_digits(code) || code.front() == '0') {
    return false;
  }
  unsigned check = 0;
  for (std::size_t place = 0; place < code.size(); ++place) {
    unsigned value = digit(code[code.size() - 1 - place]);
    for (std::size_t i = 0; i < place % 8; ++i) {
      value = kPermuted[value];
    }
    check = kTimes[check][value];
  }
  return check == 0;
}

// Luhn's scheme. LOINC's guide: the letters of answers and parts count too, by their distance from
// `0` in ASCII, doubled like a digit and then taken digit by digit.
bool is_loinc_code(std::string_view code) {
  const std::size_t dash = code.find('-');
  const std::size_t letters = code.starts_with("LA") || code.starts_with("LP") ? 2 : 0;
  if (dash == std::string_view::npos || dash <= letters || dash > 8 + letters ||
      dash + 2 != code.size() || !all_digits(code.substr(letters, dash - letters)) ||
      !all_digits(code.substr(dash + 1))) {
    return false;
  }
  unsigned sum = 0;
  for (std::size_t place = 0; place < dash; ++place) {
    const unsigned value = digit(code[dash - 1 - place]);
    sum += place % 2 == 0 ? 2 * value / 10 + 2 * value % 10 : value;
  }
  return (10 - sum % 10) % 10 == digit(code.back());
}

}  // namespace myoflag::rules
