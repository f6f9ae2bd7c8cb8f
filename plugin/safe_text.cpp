#include "plugin/safe_text.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <fmt/format.h>

namespace myoflag {

namespace {

bool is_hidden(char32_t c) {
  const bool control = (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7F && c < 0xA0);
  const bool direction = (c >= 0x202A && c <= 0x202E) || c == 0x200E || c == 0x200F || c == 0x061C;
  const bool invisible = (c >= 0x200B && c <= 0x200D) || (c >= 0x2060 && c <= 0x206F) ||
                         (c >= 0xFFF9 && c <= 0xFFFB) || (c >= 0xE0000 && c <= 0xE007F) ||
                         c == 0x00AD || c == 0x180E || c == 0x2028 || c == 0x2029 || c == 0xFEFF;
  return control || direction || invisible;
}

}  // namespace

Rune rune_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(at);
  if (lead < 0x80) {
    return {lead, 1};
  }
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || at + length > text.size()) {
    return {};
  }
  char32_t value = lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0U) != 0x80U) {
      return {};
    }
    value = value << 6U | (byte(at + i) & 0x3FU);
  }
  constexpr std::array<char32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  return value < least[length] || value > 0x10FFFF || surrogate ? Rune{} : Rune{value, length};
}

std::string safe_text(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size();) {
    if (text.substr(i).starts_with("\r\n")) {
      ++i;
      continue;
    }
    const Rune rune = rune_at(text, i);
    if (rune.length == 0) {
      result += fmt::format("<{:02X}>", static_cast<unsigned char>(text[i]));
      ++i;
      continue;
    }
    if (is_hidden(rune.value)) {
      result += fmt::format("<U+{:04X}>", static_cast<std::uint32_t>(rune.value));
    } else {
      result += text.substr(i, rune.length);
    }
    i += rune.length;
  }
  return result;
}

std::string safe_name(std::string_view text) {
  std::string result;
  for (; !text.empty(); text.remove_prefix(1)) {
    const auto end = std::min(text.find_first_of("\n\t"), text.size());
    result += safe_text(text.substr(0, end));
    text.remove_prefix(end);
    if (text.empty()) {
      break;
    }
    result += text.front() == '\n' ? "<U+000A>" : "<U+0009>";
  }
  return result;
}

}  // namespace myoflag
