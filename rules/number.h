#pragma once
// A decimal number with nine places, exact where clinicians write limits: 2.5 and 2.50 are
// equal, 2.4999999999 is below 2.5. Digits beyond the ninth are cut toward zero: a value nearer
// than that to a limit may come to stand on it, none comes to stand beyond it.

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace myoflag::rules {

struct Number {
  std::int64_t nano = 0;  // value times 10^9

  friend constexpr auto operator<=>(const Number&, const Number&) = default;
};

// Reads JSON-style decimal text ("12", "-0.5", "1.2e3"); empty when it is none or beyond +-9.2e9.
std::optional<Number> read_number(std::string_view text);

constexpr Number whole(std::int64_t value) { return {value * 1'000'000'000}; }

// No number of the knowledge lies beyond plus or minus this; so there is room beside each.
inline constexpr Number kGreatestLimit = whole(1'000'000'000);

// Shortest text: "2.5", "30".
std::string to_text(Number value);

// Product and quotient, cut toward zero; empty on overflow or division by zero.
std::optional<Number> product(Number a, Number b);
std::optional<Number> quotient(Number a, Number b);

}  // namespace myoflag::rules
