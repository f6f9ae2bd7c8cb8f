#pragma once
// What pages say in one language: one YAML file, inside the program. A file that lacks a
// text, has one nobody says, or uses a placeholder that is not filled in is refused. Errors:
// MF-4262.

#include <array>
#include <chrono>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "plugin/failure.h"
#include "rules/texts.h"

namespace myoflag::browser {

class Texts {
 public:
  const std::string& language() const { return language_; }
  const std::string& direction() const { return direction_; }  // "ltr", "rtl"
  // 1 to 12 for a number or the first letters, at least three, of a month's name; else 0.
  unsigned month(std::string_view typed) const;

  std::string day(std::chrono::sys_seconds moment) const;  // "22 November 2026", of UTC

  // A key that does not exist is our error and throws std::logic_error.
  const std::string& text(std::string_view key) const;
  std::string text(std::string_view key, std::initializer_list<rules::Fill> values) const;

 private:
  friend class TextsReader;
  std::string language_, direction_;
  std::array<std::string, 12> months_;
  std::map<std::string, std::string, std::less<>> texts_;
};

struct TextKey {
  std::string_view name;
  std::string_view may = {};  // placeholders, separated by blanks
};

// What some pages say.
struct Catalogue {
  std::span<const TextKey> keys;
  std::string_view everywhere;  // placeholders that every text may have, separated by blanks
};

tl::expected<Texts, Failure> read_texts(const std::string& yaml, const std::string& file_name,
                                        const Catalogue& catalogue);

}  // namespace myoflag::browser
