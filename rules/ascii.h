#pragma once
// Letters and digits of ASCII, whatever the locale of the process: bytes of UTF-8 beyond it are
// neither.

namespace myoflag::rules {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
constexpr bool is_letter(char c) { return is_upper(c) || (c >= 'a' && c <= 'z'); }
constexpr bool is_letter_or_digit(char c) { return is_letter(c) || is_digit(c); }
constexpr char to_lower(char c) { return is_upper(c) ? static_cast<char>(c | 0x20) : c; }
constexpr char to_upper(char c) {
  return is_letter(c) && !is_upper(c) ? static_cast<char>(c & ~0x20) : c;
}

}  // namespace myoflag::rules
