#pragma once
// FHIR decimals as text: their written precision is significant and a double would lose it. Source:
// hl7.org/fhir/R4/datatypes.html#decimal.

#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>

namespace myoflag::fhir {

// The form -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
bool is_decimal(std::string_view text);

// A whole number of 32 bits without leading zeros, plus sign or "-0"; nullopt for everything else.
std::optional<std::int32_t> to_integer(std::string_view text);

// By value: 1.10 equals 1.1 and 11e-1. Nullopt when one is no decimal, or when the exponents of
// both are beyond 10^18 on the same side; against any number that fits on a line a large one is
// decided.
std::optional<std::strong_ordering> compare_decimals(std::string_view a, std::string_view b);

// Digits after the decimal point that the text claims: 2 for "1.10", 0 for "5", 3 for "1e-3".
// Nullopt when it is no decimal.
std::optional<std::int64_t> decimal_places(std::string_view text);

}  // namespace myoflag::fhir
