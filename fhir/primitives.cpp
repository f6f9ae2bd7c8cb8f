#include "fhir/primitives.h"

#include <algorithm>

#include "fhir/datetime.h"
#include "fhir/decimal.h"
#include "fhir/uuid.h"

namespace myoflag::fhir {

namespace {

constexpr std::size_t most_characters = 1'048'576;  // of a FHIR string

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool has_space(std::string_view text) { return std::any_of(text.begin(), text.end(), is_space); }

// No white space at the ends, single white space within.
bool is_code(std::string_view text) {
  bool after_space = true;
  for (const char c : text) {
    if (is_space(c) && after_space) {
      return false;
    }
    after_space = is_space(c);
  }
  return !after_space;
}

bool is_oid(std::string_view text) {
  constexpr std::string_view prefix = "urn:oid:";
  if (!text.starts_with(prefix)) {
    return false;
  }
  text.remove_prefix(prefix.size());
  if (text.size() < 3 || text[0] < '0' || text[0] > '2' || text[1] != '.') {
    return false;
  }
  char before = '.';
  for (std::size_t at = 2; at < text.size(); ++at) {
    const bool part_ends = at + 1 == text.size() || text[at + 1] == '.';
    if (text[at] == '.' ? before == '.' : !is_digit(text[at])) {
      return false;
    }
    if (text[at] == '0' && before == '.' && !part_ends) {
      return false;
    }
    before = text[at];
  }
  return before != '.';
}

// -?\d*\.?\d+ or one of E, U, L; separated by single spaces.
bool is_sample(std::string_view text) {
  if (text == "E" || text == "U" || text == "L") {
    return true;
  }
  if (text.starts_with('-')) {
    text.remove_prefix(1);
  }
  return !text.empty() && is_digit(text.back()) && std::count(text.begin(), text.end(), '.') <= 1 &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c) || c == '.'; });
}

bool is_sampled_data(std::string_view text) {
  for (;;) {
    const auto space = text.find(' ');
    if (!is_sample(text.substr(0, space))) {
      return false;
    }
    if (space == std::string_view::npos) {
      return true;
    }
    text.remove_prefix(space + 1);
  }
}

bool is_string(std::string_view text) {
  const auto characters = std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;  // not the tail of a UTF-8 sequence
  });
  return !text.empty() && static_cast<std::size_t>(characters) <= most_characters;
}

}  // namespace

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter(c) || is_digit(c) || c == '-' || c == '.';
  });
}

std::optional<std::size_t> base64_size(std::string_view text) {
  std::size_t digits = 0;
  std::size_t padding = 0;
  for (const char c : text) {
    if (is_space(c)) {
      continue;
    }
    if (c == '=') {
      ++padding;
    } else if (padding > 0 || !(is_letter(c) || is_digit(c) || c == '+' || c == '/')) {
      return std::nullopt;
    } else {
      ++digits;
    }
  }
  if ((digits + padding) % 4 != 0 || padding > 2) {
    return std::nullopt;
  }
  return digits * 3 / 4;
}

bool has_primitive_form(r4::Primitive primitive, std::string_view text) {
  using r4::Primitive;
  switch (primitive) {
    case Primitive::none:
      return false;
    case Primitive::base64_binary:
      return base64_size(text).value_or(0) > 0;
    case Primitive::boolean:
      return text == "true" || text == "false";
    case Primitive::canonical:
    case Primitive::uri:
    case Primitive::url:
      return !text.empty() && !has_space(text);
    case Primitive::code:
      return is_code(text);
    case Primitive::date:
      return parse_date(text).has_value();
    case Primitive::date_time:
      return parse_date_time(text).has_value();
    case Primitive::decimal:
      return is_decimal(text);
    case Primitive::id:
      return is_id(text);
    case Primitive::instant:
      return parse_instant(text).has_value();
    case Primitive::integer:
      return to_integer(text).has_value();
    case Primitive::positive_int:
      return to_integer(text).value_or(0) >= 1;
    case Primitive::unsigned_int:
      return to_integer(text).value_or(-1) >= 0;
    case Primitive::markdown:
    case Primitive::string:
      return is_string(text);
    case Primitive::oid:
      return is_oid(text);
    case Primitive::time:
      return parse_time(text).has_value();
    case Primitive::uuid:
      return is_uuid_urn(text);
    case Primitive::sampled_data_data_type:
      return is_sampled_data(text);
  }
  return false;
}

bool has_leap_second(r4::Primitive primitive, std::string_view text) {
  if (primitive == r4::Primitive::time) {
    const auto time = parse_time(text);
    return time && time->second == 60;
  }
  const bool has_clock =
      primitive == r4::Primitive::date_time || primitive == r4::Primitive::instant;
  const auto moment = has_clock ? parse_date_time(text) : std::nullopt;
  return moment && moment->second == 60;
}

}  // namespace myoflag::fhir
