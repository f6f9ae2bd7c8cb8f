#include "plugin/mapping/record_words.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>
#include <utf8proc.h>
#include <utility>

namespace myoflag::mapping {

namespace {

constexpr utf8proc_uint8_t ascii_end = 0x80;
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

// Most of what is written needs no tables.
void add_ascii(char c, std::string& out) {
  if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
    out += c;
  } else if (c >= 'A' && c <= 'Z') {
    out += static_cast<char>(c - 'A' + 'a');
  } else if (c != '\'') {
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

namespace {

// Of a reference without "&" and ";", the character; a blank where it is none that XML knows.
std::string character(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> named{
      {{"amp", "&"}, {"lt", "<"}, {"gt", ">"}, {"quot", "\""}, {"apos", "'"}}};
  for (const auto& [known, text] : named) {
    if (known == name) {
      return std::string(text);
    }
  }
  constexpr int decimal = 10, hexadecimal = 16;
  const bool is_hexadecimal = name.starts_with("#x");
  const auto digits = name.substr(std::min<std::size_t>(name.size(), is_hexadecimal ? 2 : 1));
  utf8proc_int32_t c = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), c,
                                            is_hexadecimal ? hexadecimal : decimal);
  std::string out;
  if (name.starts_with('#') && error == std::errc() && end == digits.data() + digits.size() &&
      utf8proc_codepoint_valid(c)) {
    append(c, out);
  }
  return out.empty() ? " " : out;
}

}  // namespace

std::string without_markup(std::string_view xhtml) {
  constexpr std::size_t longest_reference = 12;
  std::string text;
  for (std::size_t at = 0; at < xhtml.size(); ++at) {
    if (xhtml[at] == '<') {
      separate(text);
      at = std::min(xhtml.find('>', at), xhtml.size() - 1);
      continue;
    }
    const auto reference = xhtml.substr(at, xhtml[at] == '&' ? longest_reference : 0);
    if (const auto end = reference.find(';'); end != std::string_view::npos) {
      text += character(reference.substr(1, end - 1));
      at += end;
    } else {
      text += xhtml[at];
    }
  }
  if (text.ends_with(' ')) {
    text.pop_back();
  }
  return text;
}

std::string plain_words(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  auto left = static_cast<utf8proc_ssize_t>(text.size());
  while (left > 0) {
    if (*bytes < ascii_end) {
      add_ascii(static_cast<char>(*bytes), out);
      ++bytes;
      --left;
      continue;
    }
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
