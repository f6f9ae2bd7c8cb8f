#pragma once
// What pages say in one language: one YAML file, inside the program. A file that lacks a
// text, has one nobody says, or uses a placeholder that is not filled in is refused, and so is a
// translation whose placeholders or numbers are not those of the English. All that is wrong with a
// file is told at once. Errors: MF-4262.

#include <array>
#include <chrono>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "plugin/failure.h"
#include "rules/texts.h"

namespace myoflag::browser {

class Texts {
 public:
  const std::string& language() const { return language_; }
  const std::string& name() const { return name_; }            // "Español"
  const std::string& direction() const { return direction_; }  // "ltr", "rtl"
  bool is_reviewed() const { return is_reviewed_; }            // by a person who knows patients
  // 1 to 12 for a number, a month's name, or at least three of its first letters; else 0.
  unsigned month(std::string_view typed) const;

  std::string day(std::chrono::sys_seconds moment) const;  // "22 November 2026", of UTC

  // Where this is not a translation of `english`, one line each: a placeholder or a number that
  // only one of them has, a text that is still English.
  std::vector<std::string> differences(const Texts& english) const;

  // A key that does not exist is our error and throws std::logic_error.
  const std::string& text(std::string_view key) const;
  std::string text(std::string_view key, std::initializer_list<rules::Fill> values) const;

 private:
  friend class TextsReader;
  std::string language_, name_, direction_, date_;
  bool is_reviewed_ = false;
  std::vector<std::string> same_;  // keys of texts that are the English ones on purpose
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
