#include "plugin/batch/own_json.h"

#include <charconv>
#include <limits>

#include <fmt/format.h>

namespace myoflag::batch {

using fhir::Json;

Json number(std::uint64_t value) { return Json::Number{fmt::to_string(value)}; }

std::optional<std::uint64_t> number_of(const Json& json, std::string_view name) {
  const auto* member = json.find(name);
  const auto* text = member == nullptr ? nullptr : member->as_number();
  std::uint64_t value = 0;
  if (text == nullptr) {
    return std::nullopt;
  }
  const char* end = text->text.data() + text->text.size();
  const auto read = std::from_chars(text->text.data(), end, value);
  return read.ec == std::errc() && read.ptr == end ? std::optional(value) : std::nullopt;
}

fhir::Result<Json> read_own(std::string_view text) {
  constexpr auto most = std::numeric_limits<std::size_t>::max();
  fhir::Limits limits;
  limits.bytes = most;
  limits.string_bytes = most;
  limits.nodes = most;
  return fhir::read_json(text, limits);
}

}  // namespace myoflag::batch
