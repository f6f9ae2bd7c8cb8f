#include "plugin/mapping/record_words.h"

#include <array>
#include <utf8proc.h>

namespace myoflag::mapping {

namespace {

constexpr utf8proc_int32_t apostrophe = '\'', typographic_apostrophe = 0x2019, modifier = 0x02BC;

bool is_apostrophe(utf8proc_int32_t c) {
  return c == apostrophe || c == typographic_apostrophe || c == modifier;
}

bool is_word(utf8proc_category_t category) {
  return (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) ||
         (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO);
}

bool is_mark(utf8proc_category_t category) {
  return category >= UTF8PROC_CATEGORY_MN && category <= UTF8PROC_CATEGORY_ME;
}

// Invisible characters, such as a soft hyphen, divide nothing.
bool is_nothing(utf8proc_int32_t c) {
  return is_apostrophe(c) || is_mark(utf8proc_category(c)) ||
         utf8proc_category(c) == UTF8PROC_CATEGORY_CF;
}

void append(utf8proc_int32_t c, std::string& out) {
  std::array<utf8proc_uint8_t, 4> bytes{};
  const auto length = utf8proc_encode_char(c, bytes.data());
  for (utf8proc_ssize_t i = 0; i < length; ++i) {
    out += static_cast<char>(bytes[static_cast<std::size_t>(i)]);
  }
}

void separate(std::string& out) {
  if (!out.empty() && out.back() != ' ') {
    out += ' ';
  }
}

void add_plain(utf8proc_int32_t c, std::string& out) {
  if (is_nothing(c)) {
    return;
  }
  if (is_word(utf8proc_category(c))) {
    append(c, out);
  } else {
    separate(out);
  }
}

// A character may fold to several.
void add(utf8proc_int32_t c, std::string& out) {
  constexpr auto how =
      static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_STRIPMARK);
  std::array<utf8proc_int32_t, 32> parts{};
  int last_class = 0;
  const auto count = utf8proc_decompose_char(
      c, parts.data(), static_cast<utf8proc_ssize_t>(parts.size()), how, &last_class);
  if (count < 0 || static_cast<std::size_t>(count) > parts.size()) {
    separate(out);
    return;
  }
  for (utf8proc_ssize_t i = 0; i < count; ++i) {
    add_plain(parts[static_cast<std::size_t>(i)], out);
  }
}

}  // namespace

std::string plain_words(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  auto left = static_cast<utf8proc_ssize_t>(text.size());
  while (left > 0) {
    utf8proc_int32_t c = -1;
    const auto length = utf8proc_iterate(bytes, left, &c);
    if (length <= 0) {
      separate(out);
      ++bytes;
      --left;
      continue;
    }
    add(c, out);
    bytes += length;
    left -= length;
  }
  if (!out.empty() && out.back() == ' ') {
    out.pop_back();
  }
  return out;
}

}  // namespace myoflag::mapping
