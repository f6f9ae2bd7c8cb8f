#include "plugin/intake/fields.h"

#include <algorithm>
#include <array>

namespace myoflag::intake {

namespace {

using browser::Fields;
using rules::Item;
using rules::ItemType;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) {
    text.remove_prefix(1);
  }
  while (!text.empty() && is_blank(text.back())) {
    text.remove_suffix(1);
  }
  return text;
}

// FHIR strings hold no other control characters than tab and line ends.
std::string kept_text(std::string_view typed) {
  std::string out;
  for (const char c : trimmed(typed)) {
    const bool is_control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    if (c != '\r') {
      out += is_control && c != '\n' && c != '\t' ? ' ' : c;
    }
  }
  return out;
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) != 0x80;
  }));
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "07,50" as JSON writes it: "7.50". Empty: it is no number.
std::string plain_number(std::string_view typed) {
  constexpr std::size_t most_digits = 9;
  std::string text = plain_digits(trimmed(typed));
  std::replace(text.begin(), text.end(), ',', '.');
  const bool negative = text.starts_with('-');
  text.erase(0, negative ? 1 : 0);
  const auto point = std::min(text.find('.'), text.size());
  const std::string_view whole(text.data(), point);
  const auto rest = std::string_view(text).substr(point);
  const bool good = !whole.empty() && text.size() <= most_digits && rest.size() != 1 &&
                    std::all_of(whole.begin(), whole.end(), is_digit) &&
                    (rest.empty() || std::all_of(rest.begin() + 1, rest.end(), is_digit));
  if (!good) {
    return {};
  }
  text.erase(0, std::min(text.find_first_not_of('0'), point - 1));
  return (negative ? "-" : "") + text;
}

std::optional<Given> read_choice(const Item& item, const Fields& fields) {
  Given given;
  const auto codes = fields.values(item.link_id);
  if (codes.size() > 1 && !item.repeats) {
    return std::nullopt;
  }
  for (const auto code : codes) {
    const int option = item.option(code);
    if (option < 0) {
      return std::nullopt;
    }
    given.answer.chosen |= std::uint64_t{1} << option;
  }
  const auto chosen = given.answer.chosen;
  if (chosen == 0) {
    given.slip = Slip::nothing_chosen;
  } else if ((chosen & item.none) != 0 && (chosen & ~item.none) != 0) {
    given.slip = Slip::none_and_other;
  }
  return given;
}

Given read_number(const Item& item, std::string_view typed) {
  Given given;
  given.typed = std::string(trimmed(typed));
  given.answer.text = plain_number(typed);
  const auto number = rules::read_number(given.answer.text);
  if (given.typed.empty()) {
    given.slip = Slip::nothing_chosen;
  } else if (!number) {
    given.slip = Slip::no_number;
  } else if (item.type == ItemType::integer && given.answer.text.find('.') != std::string::npos) {
    given.slip = Slip::no_whole_number;
  } else if ((item.min && *number < *item.min) || (item.max && *number > *item.max)) {
    given.slip = Slip::out_of_range;
  }
  return given;
}

Given read_text(std::string_view typed) {
  Given given;
  given.typed = std::string(typed);
  given.answer.text = kept_text(typed);
  given.slip = characters(given.answer.text) > kMostText ? Slip::text_too_long : Slip::none;
  return given;
}

}  // namespace

std::string plain_digits(std::string_view typed) {
  // The first of each ten, and the decimal sign of Arabic.
  constexpr std::array<std::string_view, 3> zeros{"\u0660", "\u06f0", "\uff10"};
  constexpr std::string_view decimal_sign = "\u066b";
  std::string out;
  while (!typed.empty()) {
    std::size_t used = 0;
    for (const auto zero : zeros) {
      const auto last = zero.size() - 1;
      const int digit =
          typed.size() < zero.size() || typed.substr(0, last) != zero.substr(0, last)
              ? -1
              : static_cast<unsigned char>(typed[last]) - static_cast<unsigned char>(zero[last]);
      if (digit >= 0 && digit <= 9) {
        out += static_cast<char>('0' + digit);
        used = zero.size();
      }
    }
    if (typed.starts_with(decimal_sign)) {
      out += '.';
      used = decimal_sign.size();
    }
    if (used == 0) {
      out += typed.front();
      used = 1;
    }
    typed.remove_prefix(used);
  }
  return out;
}

std::optional<Given> read_answer(const Item& item, const Fields& fields) {
  if (item.type == ItemType::choice) {
    return read_choice(item, fields);
  }
  const auto typed = fields.values(item.link_id);
  if (typed.size() > 1) {
    return std::nullopt;
  }
  const auto text = typed.empty() ? std::string_view() : typed.front();
  return item.type == ItemType::text ? read_text(text) : read_number(item, text);
}

}  // namespace myoflag::intake
