#include "plugin/trust/site.h"

#include <memory>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "fhir/json.h"

namespace myoflag::trust {
namespace {

using fhir::Json;

Failure wrong(std::string_view place, std::string_view what) {
  return {Exit::usage, fmt::format("MF-4250: {} {}", place, what)};
}

// A misspelt name must not switch a check off.
std::optional<Failure> strange_member(const Json& object, const std::set<std::string_view>& known,
                                      std::string_view place) {
  for (const auto& member : *object.as_object()) {
    if (!known.contains(member.name)) {
      return wrong(fmt::format("{}.{}", place, member.name), "is not known here");
    }
  }
  return std::nullopt;
}

std::optional<Failure> not_text(const Json& object, std::string_view name, std::string_view place,
                                bool required) {
  const auto* value = object.find(name);
  const bool good = value == nullptr ? !required : !object.string_of(name).empty();
  return good ? std::nullopt
              : std::optional(wrong(fmt::format("{}.{}", place, name),
                                    "is to be a string that is not empty"));
}

tl::expected<std::set<Algorithm>, Failure> algorithms_of(const Json& client,
                                                         std::string_view place) {
  const auto* list = client.find("algorithms");
  if (list == nullptr) {
    return std::set{Algorithm::es384, Algorithm::rs384};
  }
  std::set<Algorithm> algorithms;
  for (const auto& name : client.array_of("algorithms")) {
    const auto* text = name.as_string();
    if (text == nullptr || (*text != "ES384" && *text != "RS384")) {
      return tl::unexpected(wrong(place, "may list ES384 and RS384 as algorithms"));
    }
    algorithms.insert(*text == "ES384" ? Algorithm::es384 : Algorithm::rs384);
  }
  if (algorithms.empty()) {
    return tl::unexpected(wrong(place, "lists no algorithm"));
  }
  return algorithms;
}

tl::expected<std::shared_ptr<const KeySet>, Failure> keys_of(const Json& client,
                                                             std::string_view place,
                                                             const ReadFile& read_file) {
  auto bytes = read_file(std::string(client.string_of("keySet")));
  if (!bytes) {
    return tl::unexpected(std::move(bytes.error()));
  }
  auto keys = KeySet::read(*bytes);
  if (keys && keys->size() > 0) {
    return std::make_shared<const KeySet>(*std::move(keys));
  }
  const auto why = keys ? std::string("it holds no key for ES384 or RS384") : keys.error();
  return tl::unexpected(
      Failure{Exit::usage, fmt::format("MF-4251: {}: the key set cannot be used: {}", place, why)});
}

tl::expected<Client, Failure> client_of(const Json& json, const std::string& place,
                                        const ReadFile& read_file) {
  if (!json.is_object()) {
    return tl::unexpected(wrong(place, "is to be an object"));
  }
  if (auto strange =
          strange_member(json, {"issuer", "keySet", "keySetUrl", "tenant", "algorithms"}, place)) {
    return tl::unexpected(*std::move(strange));
  }
  for (const auto* name : {"issuer", "keySet", "keySetUrl", "tenant"}) {
    const bool required = std::string_view(name) == "issuer" || std::string_view(name) == "keySet";
    if (auto failure = not_text(json, name, place, required)) {
      return tl::unexpected(*std::move(failure));
    }
  }
  Client client;
  client.issuer = json.string_of("issuer");
  client.tenant = json.string_of("tenant");
  client.key_url = json.string_of("keySetUrl");
  auto algorithms = algorithms_of(json, place);
  if (!algorithms) {
    return tl::unexpected(std::move(algorithms.error()));
  }
  client.algorithms = *std::move(algorithms);
  auto keys = keys_of(json, place, read_file);
  if (!keys) {
    return tl::unexpected(std::move(keys.error()));
  }
  client.keys = *std::move(keys);
  return client;
}

bool is_base(std::string_view base) {
  const bool secure = base.starts_with("https://") || base.starts_with("http://127.0.0.1:");
  return secure && !base.ends_with('/');
}

}  // namespace

tl::expected<Site, Failure> read_site(std::string_view text, const ReadFile& read_file) {
  const auto json = fhir::read_json(text);
  if (!json) {
    const auto& error = json.error();
    return tl::unexpected(
        wrong(fmt::format("line {}, column {}:", error.line, error.column), error.text));
  }
  if (!json->is_object()) {
    return tl::unexpected(wrong("the file", "is to hold a JSON object"));
  }
  if (auto strange = strange_member(*json, {"base", "clients"}, "trust")) {
    return tl::unexpected(*std::move(strange));
  }
  Site site;
  site.base = json->string_of("base");
  if (!is_base(site.base)) {
    return tl::unexpected(wrong("trust.base",
                                "is to be the https:// address of this program as clients know it, "
                                "without a slash at the end"));
  }
  std::set<std::string> issuers;
  const auto& clients = json->array_of("clients");
  for (std::size_t i = 0; i < clients.size(); ++i) {
    const auto place = fmt::format("trust.clients[{}]", i);
    auto client = client_of(clients[i], place, read_file);
    if (!client) {
      return tl::unexpected(std::move(client.error()));
    }
    if (!issuers.insert(client->issuer).second) {
      return tl::unexpected(wrong(place + ".issuer", "is listed already"));
    }
    site.clients.push_back(*std::move(client));
  }
  if (site.clients.empty()) {
    return tl::unexpected(wrong("trust.clients", "lists nobody"));
  }
  return site;
}

Gate::Gate(Site site) : site_(std::move(site)) {}

tl::expected<Claims, Denied> Gate::admit(std::string_view authorization, std::string_view path,
                                         Instant now) {
  return trust::admit(authorization, site_.clients, {site_.base + std::string(path)}, now,
                      replays_);
}

}  // namespace myoflag::trust
