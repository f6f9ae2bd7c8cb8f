#include "fhir/decimal.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "fhir/json.h"

namespace myoflag::fhir {

namespace {

constexpr std::int64_t largest_exponent = 1'000'000'000;

// value = 0.digits * 10^magnitude, digits without zeros at either end; no digits for zero.
struct Normal {
  bool negative = false;
  std::string digits;
  std::int64_t magnitude = 0;
  std::int64_t places = 0;
};

std::optional<std::int64_t> exponent_of(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
  }
  std::int64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc{} || value > largest_exponent || value < -largest_exponent) {
    return std::nullopt;
  }
  return value;
}

std::optional<Normal> normalize(std::string_view text) {
  if (!is_decimal(text)) {
    return std::nullopt;
  }
  Normal result;
  result.negative = text.starts_with('-');
  text.remove_prefix(result.negative ? 1 : 0);
  std::int64_t exponent = 0;
  if (const auto e = text.find_first_of("eE"); e != std::string_view::npos) {
    const auto read = exponent_of(text.substr(e + 1));
    if (!read) {
      return std::nullopt;
    }
    exponent = *read;
    text = text.substr(0, e);
  }
  const auto point = std::min(text.find('.'), text.size());
  const auto fraction = text.substr(std::min(point + 1, text.size()));
  result.digits = std::string(text.substr(0, point)) + std::string(fraction);
  result.magnitude = static_cast<std::int64_t>(point) + exponent;
  result.places = std::max<std::int64_t>(0, static_cast<std::int64_t>(fraction.size()) - exponent);

  const auto first = std::min(result.digits.find_first_not_of('0'), result.digits.size());
  result.digits.erase(0, first);
  result.magnitude -= static_cast<std::int64_t>(first);
  const auto last = result.digits.find_last_not_of('0');
  result.digits.resize(last == std::string::npos ? 0 : last + 1);
  return result;
}

std::strong_ordering compare_sizes(const Normal& a, const Normal& b) {
  if (a.digits.empty() || b.digits.empty()) {
    return !a.digits.empty() <=> !b.digits.empty();
  }
  if (a.magnitude != b.magnitude) {
    return a.magnitude <=> b.magnitude;
  }
  return a.digits.compare(b.digits) <=> 0;
}

}  // namespace

bool is_decimal(std::string_view text) { return is_json_number(text); }

std::optional<std::int32_t> to_integer(std::string_view text) {
  std::int32_t value = 0;
  const auto* const end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  // is_json_number forbids the leading zeros that from_chars takes.
  if (result.ec != std::errc{} || result.ptr != end || !is_json_number(text) || text == "-0") {
    return std::nullopt;
  }
  return value;
}

std::optional<std::strong_ordering> compare_decimals(std::string_view a, std::string_view b) {
  const auto left = normalize(a);
  const auto right = normalize(b);
  if (!left || !right) {
    return std::nullopt;
  }
  const bool left_negative = left->negative && !left->digits.empty();
  const bool right_negative = right->negative && !right->digits.empty();
  if (left_negative != right_negative) {
    return right_negative <=> left_negative;
  }
  return left_negative ? compare_sizes(*right, *left) : compare_sizes(*left, *right);
}

std::optional<std::int64_t> decimal_places(std::string_view text) {
  const auto value = normalize(text);
  return value ? std::optional(value->places) : std::nullopt;
}

}  // namespace myoflag::fhir
