#include "plugin/browser/form.h"

#include <algorithm>

#include "fhir/text.h"

namespace myoflag::browser {

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i] == '+' ? ' ' : text[i];
    if (c == '%') {
      const bool whole = text.size() - i > 2;
      const int high = whole ? hex_digit(text[i + 1]) : -1;
      const int low = whole ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return std::nullopt;
      }
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (c == '\0') {
      return std::nullopt;
    }
    out += c;
  }
  const bool is_text = fhir::first_bad_utf8(out) == out.size();
  return is_text ? std::optional(std::move(out)) : std::nullopt;
}

}  // namespace

std::optional<Fields> Fields::read(std::string_view body) {
  Fields fields;
  while (!body.empty()) {
    const auto end = body.find('&');
    const auto pair = body.substr(0, end);
    body = end == std::string_view::npos ? std::string_view() : body.substr(end + 1);
    const auto equals = pair.find('=');
    auto name = decoded(pair.substr(0, equals));
    auto value =
        decoded(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1));
    if (!name || !value || fields.all_.size() == kMostFields) {
      return std::nullopt;
    }
    fields.all_.emplace_back(*std::move(name), *std::move(value));
  }
  return fields;
}

std::string_view Fields::value(std::string_view name) const {
  const auto found = std::find_if(all_.begin(), all_.end(),
                                  [&](const auto& field) { return field.first == name; });
  return found == all_.end() ? std::string_view() : std::string_view(found->second);
}

bool Fields::has(std::string_view name) const {
  return std::any_of(all_.begin(), all_.end(),
                     [&](const auto& field) { return field.first == name; });
}

std::vector<std::string_view> Fields::values(std::string_view name) const {
  std::vector<std::string_view> out;
  for (const auto& [field, value] : all_) {
    if (field == name) {
      out.emplace_back(value);
    }
  }
  return out;
}

bool Fields::only(std::initializer_list<std::string_view> names, std::string_view repeated) const {
  return std::all_of(all_.begin(), all_.end(), [&](const auto& field) {
    const std::string_view name = field.first;
    const bool known = std::find(names.begin(), names.end(), name) != names.end();
    return name == repeated || (known && values(name).size() == 1);
  });
}

}  // namespace myoflag::browser
