#include "plugin/trust/jws.h"

#include <charconv>
#include <utility>

#include "plugin/trust/base64url.h"

namespace myoflag::trust {
namespace {

using fhir::Json;

constexpr std::size_t most_token_bytes = 8u << 10;
constexpr fhir::Limits gate{
    .bytes = 8u << 10, .depth = 8, .string_bytes = 8u << 10, .nodes = 1'000};

std::optional<Json> object_of(std::string_view part) {
  const auto bytes = base64url_decoded(part);
  auto json = bytes ? fhir::read_json(*bytes, gate) : fhir::read_json("");
  return json && json->is_object() ? std::optional(*std::move(json)) : std::nullopt;
}

}  // namespace

std::optional<Jws> read_jws(std::string_view token) {
  const auto first = token.find('.');
  const auto second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (token.size() > most_token_bytes || second == std::string_view::npos ||
      token.find('.', second + 1) != std::string_view::npos) {
    return std::nullopt;
  }
  auto header = object_of(token.substr(0, first));
  auto payload = object_of(token.substr(first + 1, second - first - 1));
  auto signature = base64url_decoded(token.substr(second + 1));
  if (!header || !payload || !signature) {
    return std::nullopt;
  }
  return Jws{*std::move(header), *std::move(payload), *std::move(signature),
             token.substr(0, second)};
}

std::optional<Instant> instant_of(const Json& payload, std::string_view name) {
  const auto* value = payload.find(name);
  const auto* number = value == nullptr ? nullptr : value->as_number();
  if (number == nullptr) {
    return std::nullopt;
  }
  const std::string_view text = number->text;
  const auto whole = text.substr(0, text.find('.'));
  constexpr std::size_t most_digits = 12;
  std::int64_t seconds = 0;
  const auto [at, error] = std::from_chars(whole.data(), whole.data() + whole.size(), seconds);
  const bool good = error == std::errc() && at == whole.data() + whole.size() && seconds >= 0 &&
                    whole.size() <= most_digits &&
                    text.find_first_of("eE") == std::string_view::npos;
  return good ? std::optional(Instant(std::chrono::seconds(seconds))) : std::nullopt;
}

}  // namespace myoflag::trust
