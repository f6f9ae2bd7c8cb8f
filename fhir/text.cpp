#include "fhir/text.h"

#include <algorithm>
#include <utility>

#include <simdjson.h>

namespace myoflag::fhir {

Error error_at(std::string_view text, std::size_t offset, std::string_view code, std::string what) {
  offset = std::min(offset, text.size());
  const auto before = text.substr(0, offset);
  const auto newline = before.rfind('\n');
  Error error;
  error.code = code;
  error.text = std::move(what);
  error.line = 1 + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
  error.column = 1 + (newline == std::string_view::npos ? offset : offset - newline - 1);
  return error;
}

namespace {

std::size_t sequence_length(unsigned char lead) {
  return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

}  // namespace

std::size_t first_bad_utf8(std::string_view text) {
  if (simdjson::validate_utf8(text.data(), text.size())) {
    return text.size();
  }
  std::size_t at = 0;
  while (at < text.size()) {
    const auto length = sequence_length(static_cast<unsigned char>(text[at]));
    if (at + length > text.size() || !simdjson::validate_utf8(text.data() + at, length)) {
      return at;
    }
    at += length;
  }
  return at;
}

}  // namespace myoflag::fhir
