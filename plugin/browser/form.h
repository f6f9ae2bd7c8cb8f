#pragma once
// What a browser posts: the fields of a form. Everything here came from outside. Source:
// url.spec.whatwg.org, application/x-www-form-urlencoded.

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace myoflag::browser {

inline constexpr std::size_t kMostFields = 100;

class Fields {
 public:
  // Nothing: too many, a broken escape, bytes that are no UTF-8, or NUL.
  static std::optional<Fields> read(std::string_view body);

  // Empty where absent.
  std::string_view value(std::string_view name) const;
  bool has(std::string_view name) const;
  std::vector<std::string_view> values(std::string_view name) const;
  // Every name is one of these, and stands once, except for `repeated`.
  bool only(std::initializer_list<std::string_view> names, std::string_view repeated = {}) const;

 private:
  std::vector<std::pair<std::string, std::string>> all_;
};

}  // namespace myoflag::browser
