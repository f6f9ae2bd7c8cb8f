#include "rules/number.h"

#include <charconv>
#include <limits>

namespace myoflag::rules {
namespace {

__extension__ typedef __int128 Wide;
constexpr std::int64_t kUnit = 1'000'000'000;

struct Decimal {
  Wide digits = 0;
  int scale = 0;  // value is digits / 10^scale
};

std::optional<Number> narrow(Wide value) {
  if (value > std::numeric_limits<std::int64_t>::max() ||
      value < std::numeric_limits<std::int64_t>::min()) {
    return std::nullopt;
  }
  return Number{static_cast<std::int64_t>(value)};
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Digits after the 30th of a fraction cannot reach the ninth place and are dropped.
std::optional<Decimal> read_digits(std::string_view& text) {
  Decimal out;
  bool any = false;
  bool fraction = false;
  while (!text.empty()) {
    const char c = text.front();
    if (c == '.' && !fraction && any) {
      fraction = true;
      any = false;
    } else if (is_digit(c)) {
      any = true;
      constexpr Wide kRoom = Wide{1} << 100;
      if (out.digits < kRoom) {
        out.digits = out.digits * 10 + (c - '0');
        out.scale += fraction ? 1 : 0;
      } else if (!fraction) {
        return std::nullopt;
      }
    } else {
      break;
    }
    text.remove_prefix(1);
  }
  return any ? std::optional(out) : std::nullopt;
}

std::optional<int> read_exponent(std::string_view text) {
  if (text.empty()) {
    return 0;
  }
  if (text.front() != 'e' && text.front() != 'E') {
    return std::nullopt;
  }
  text.remove_prefix(1);
  if (!text.empty() && text.front() == '+') {
    text.remove_prefix(1);
    if (text.empty() || !is_digit(text.front())) {
      return std::nullopt;
    }
  }
  int exponent = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), exponent);
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return exponent;
}

}  // namespace

std::optional<Number> read_number(std::string_view text) {
  const bool negative = !text.empty() && text.front() == '-';
  if (negative) {
    text.remove_prefix(1);
  }
  auto decimal = read_digits(text);
  const auto exponent = decimal ? read_exponent(text) : std::nullopt;
  if (!exponent) {
    return std::nullopt;
  }
  if (decimal->digits == 0) {
    return Number{0};
  }
  if (*exponent > 40 || *exponent < -80) {
    return *exponent > 0 ? std::nullopt : std::optional(Number{0});
  }
  Wide nano = decimal->digits;
  for (int places = 9 - decimal->scale + *exponent; places != 0; places += places > 0 ? -1 : 1) {
    constexpr Wide kLimit = Wide{std::numeric_limits<std::int64_t>::max()};
    if (places > 0 && nano > kLimit) {
      return std::nullopt;
    }
    nano = places > 0 ? nano * 10 : nano / 10;
  }
  return narrow(negative ? -nano : nano);
}

std::string to_text(Number value) {
  const bool negative = value.nano < 0;
  const Wide magnitude = negative ? -Wide{value.nano} : Wide{value.nano};
  std::string text = std::to_string(static_cast<std::int64_t>(magnitude / kUnit));
  if (auto rest = static_cast<std::int64_t>(magnitude % kUnit); rest != 0) {
    std::string digits = std::to_string(rest);
    digits.insert(0, 9 - digits.size(), '0');
    digits.erase(digits.find_last_not_of('0') + 1);
    text += "." + digits;
  }
  return negative ? "-" + text : text;
}

std::optional<Number> product(Number a, Number b) { return narrow(Wide{a.nano} * b.nano / kUnit); }

std::optional<Number> quotient(Number a, Number b) {
  if (b.nano == 0) {
    return std::nullopt;
  }
  return narrow(Wide{a.nano} * kUnit / b.nano);
}

}  // namespace myoflag::rules
