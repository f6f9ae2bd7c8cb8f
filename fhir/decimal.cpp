#include "fhir/decimal.h"

#include <algorithm>
#include <charconv>

#include "fhir/json.h"

namespace myoflag::fhir {

namespace {

// Exponents up to here are exact; a larger one stands for "beyond any exact one". No mantissa is
// long enough to make up for the difference.
constexpr std::int64_t largest_exponent = 1'000'000'000'000'000'000;
constexpr std::int64_t beyond = 4 * largest_exponent;

// value = 0.digits * 10^magnitude; digits from the first to the last that is not zero, perhaps with
// the point between them; no digits for zero. A view of the text.
struct Normal {
  bool negative = false;
  std::string_view digits;
  std::int64_t magnitude = 0;
  std::int64_t places = 0;
  bool exact = true;  // the exponent is
};

std::int64_t exponent_of(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (text.starts_with('+')) {
    text.remove_prefix(1);
  }
  std::int64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc{} || value > largest_exponent || value < -largest_exponent) {
    return negative ? -beyond : beyond;
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
    exponent = exponent_of(text.substr(e + 1));
    result.exact = exponent != beyond && exponent != -beyond;
    text = text.substr(0, e);
  }
  const auto point = std::min(text.find('.'), text.size());
  const auto fraction = text.size() - std::min(point + 1, text.size());
  result.places = std::max<std::int64_t>(0, static_cast<std::int64_t>(fraction) - exponent);
  const auto first = text.find_first_not_of("0.");
  if (first == std::string_view::npos) {
    result.exact = true;
    return result;
  }
  result.digits = text.substr(first, text.find_last_not_of("0.") + 1 - first);
  const auto zeros = static_cast<std::int64_t>(first > point ? first - 1 : first);
  result.magnitude = static_cast<std::int64_t>(point) - zeros + exponent;
  return result;
}

// Digits as in a fraction: 12 is less than 123 and than 13.
std::strong_ordering compare_digits(std::string_view a, std::string_view b) {
  for (;;) {
    a.remove_prefix(a.starts_with('.') ? 1 : 0);
    b.remove_prefix(b.starts_with('.') ? 1 : 0);
    if (a.empty() || b.empty()) {
      return !a.empty() <=> !b.empty();
    }
    if (a.front() != b.front()) {
      return a.front() <=> b.front();
    }
    a.remove_prefix(1);
    b.remove_prefix(1);
  }
}

int sign_of(const Normal& value) { return value.digits.empty() ? 0 : value.negative ? -1 : 1; }

// Of two numbers of the same sign, without the sign.
std::optional<std::strong_ordering> compare_sizes(const Normal& a, const Normal& b) {
  if (!a.exact && !b.exact && (a.magnitude < 0) == (b.magnitude < 0)) {
    return std::nullopt;
  }
  return a.magnitude != b.magnitude ? a.magnitude <=> b.magnitude
                                    : compare_digits(a.digits, b.digits);
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
  const int sign = sign_of(*left);
  if (sign != sign_of(*right)) {
    return sign <=> sign_of(*right);
  }
  if (sign == 0) {
    return std::strong_ordering::equal;
  }
  return sign < 0 ? compare_sizes(*right, *left) : compare_sizes(*left, *right);
}

std::optional<std::int64_t> decimal_places(std::string_view text) {
  const auto value = normalize(text);
  return value ? std::optional(value->places) : std::nullopt;
}

}  // namespace myoflag::fhir
