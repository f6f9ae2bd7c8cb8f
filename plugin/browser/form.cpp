#include "plugin/browser/form.h"

#include <algorithm>
#include <utility>

#include "fhir/text.h"
#include "plugin/http/message.h"

namespace myoflag::browser {

namespace {

std::optional<std::string> decoded(std::string_view text) {
  std::string spaced(text);
  std::replace(spaced.begin(), spaced.end(), '+', ' ');
  auto bytes = http::percent_bytes(spaced);
  const bool is_text = bytes && bytes->find('\0') == std::string::npos &&
                       fhir::first_bad_utf8(*bytes) == bytes->size();
  return is_text ? std::move(bytes) : std::nullopt;
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
