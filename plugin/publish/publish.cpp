#include "plugin/publish/publish.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "fhir/decimal.h"
#include "fhir/uuid.h"

namespace myoflag::publish {

namespace {

using fhir::Json;
using fhir::client::Client;
using fhir::client::Next;
using fhir::client::Reply;
using fhir::client::World;

// A server that asks for more is asked again another day.
constexpr std::chrono::seconds longest_wait = std::chrono::minutes(5);

// ---- what the server takes

struct Taken {
  bool read = false, search = false, create = false, update = false;
  bool update_creates = false;  // PUT with our id
  bool conditional_create = false;
  bool finds_url = false, finds_version = false;

  bool by_id() const { return read && update && update_creates; }
};
using Statement = std::map<std::string, Taken, std::less<>>;

bool is_true(const Json& json, std::string_view name) {
  const auto* value = json.find(name);
  return value != nullptr && value->as_bool() != nullptr && *value->as_bool();
}

Taken taken_of(const Json& resource) {
  std::set<std::string_view> codes, parameters;
  for (const auto& interaction : resource.array_of("interaction")) {
    codes.insert(interaction.string_of("code"));
  }
  for (const auto& parameter : resource.array_of("searchParam")) {
    parameters.insert(parameter.string_of("name"));
  }
  Taken taken;
  taken.read = codes.contains("read");
  taken.search = codes.contains("search-type");
  taken.create = codes.contains("create");
  taken.update = codes.contains("update");
  taken.update_creates = is_true(resource, "updateCreate");
  taken.conditional_create = is_true(resource, "conditionalCreate");
  taken.finds_url = parameters.contains("url");
  taken.finds_version = parameters.contains("version");
  return taken;
}

tl::unexpected<Failure> outside(std::string text) {
  return tl::unexpected(Failure{Exit::outside, std::move(text)});
}

tl::expected<Statement, Failure> statement_of(Client& client) {
  const Reply reply = client.read("metadata");
  if (reply.next != Next::done) {
    return outside(fmt::format("MF-4142: the endpoint does not say what it can do: {}: {}",
                               reply.code, reply.text));
  }
  const Json& json = reply.resource;
  if (json.string_of("resourceType") != "CapabilityStatement" ||
      !json.string_of("fhirVersion").starts_with("4.0")) {
    return outside("MF-4135: the endpoint does not speak FHIR R4");
  }
  Statement statement;
  for (const auto& rest : json.array_of("rest")) {
    if (rest.string_of("mode") != "server") {
      continue;
    }
    for (const auto& resource : rest.array_of("resource")) {
      statement.emplace(resource.string_of("type"), taken_of(resource));
    }
  }
  return statement;
}

// ---- equal content

bool same(const Json& one, const Json& other) {
  if (const auto* number = one.as_number()) {
    const auto* second = other.as_number();
    return second != nullptr &&
           fhir::compare_decimals(number->text, second->text) == std::strong_ordering::equal;
  }
  if (const auto* array = one.as_array()) {
    const auto* second = other.as_array();
    return second != nullptr &&
           std::equal(array->begin(), array->end(), second->begin(), second->end(), same);
  }
  if (const auto* object = one.as_object()) {
    const auto* second = other.as_object();
    return second != nullptr && object->size() == second->size() &&
           std::all_of(object->begin(), object->end(), [&](const Json::Member& member) {
             const auto* found = other.find(member.name);
             return found != nullptr && same(member.value, *found);
           });
  }
  return one == other;
}

Json content_of(Json resource) {
  for (const auto* added : {"id", "meta", "text"}) {
    resource.erase(added);
  }
  return resource;
}

// ---- one definition

std::string canonical_of(const Json& resource) {
  return fmt::format("{}|{}", resource.string_of("url"), resource.string_of("version"));
}

// The same on every machine, and another one for another version.
std::string id_of(const std::string& canonical) {
  return fhir::to_string(fhir::uuid_v5(fhir::uuid_namespace_url, canonical));
}

// An id that may stand in an address.
bool is_id(std::string_view id) {
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.';
  });
}

std::string reason_of(const Reply& reply) { return fmt::format("{}: {}", reply.code, reply.text); }

// Whether others would fare the same: nobody answers, or nobody may ask. An answer that is too
// long, or an error of the server's own, may concern this one alone.
bool is_gone(const Reply& reply) {
  constexpr std::array<int, 6> gone{0, 401, 429, 502, 503, 504};
  return std::find(gone.begin(), gone.end(), reply.status) != gone.end() && reply.code != "MF-1504";
}

class Publisher {
 public:
  Publisher(Client& client, const PublishOptions& options, const World& world)
      : client_(client), options_(options), world_(world) {}

  Line put(const Json& definition, const Taken& taken);

  const std::string& gone() const { return gone_; }

 private:
  struct Held {
    std::vector<Json> found;
    std::optional<Reply> failed;
  };
  enum class Way { update, put_new, create_unless_there, create };

  Held look(const Json& definition, const Taken& taken, const std::string& canonical);
  Reply write(Way way, const Json& definition, const Json* held);
  static std::optional<Way> way_of(const Taken& taken, bool is_held);
  bool wait_for(const Reply& reply, int tries);

  Client& client_;
  const PublishOptions& options_;
  const World& world_;
  std::string gone_;
};

// Everything that the server holds under this url and version.
Publisher::Held Publisher::look(const Json& definition, const Taken& taken,
                                const std::string& canonical) {
  Held held;
  std::set<std::string, std::less<>> ids;
  const auto add = [&](const Json& resource) {
    const bool is_it = resource.string_of("resourceType") == definition.string_of("resourceType") &&
                       canonical_of(resource) == canonical;
    if (is_it && ids.emplace(resource.string_of("id")).second) {
      held.found.push_back(resource);
    }
  };
  const auto type = definition.string_of("resourceType");
  if (taken.search) {
    fhir::client::Parameters parameters{{"url", std::string(definition.string_of("url"))}};
    if (taken.finds_version) {
      parameters.emplace_back("version", definition.string_of("version"));
    }
    // A server may ignore a parameter that it does not know, so what it finds is looked at.
    const auto found = client_.search(type, parameters);
    if (!found.is_whole) {
      held.failed = found.last;
      return held;
    }
    std::for_each(found.resources.begin(), found.resources.end(), add);
  }
  // An index may lag behind what is stored.
  if (held.found.empty() && taken.by_id()) {
    const Reply reply = client_.read(fmt::format("{}/{}", type, id_of(canonical)));
    if (reply.next == Next::done) {
      add(reply.resource);
    } else if (reply.status != 404 && reply.status != 410) {
      held.failed = reply;
    }
  }
  return held;
}

std::optional<Publisher::Way> Publisher::way_of(const Taken& taken, bool is_held) {
  if (is_held) {
    return taken.update ? std::optional(Way::update) : std::nullopt;
  }
  if (taken.update && taken.update_creates) {
    return Way::put_new;
  }
  if (!taken.create) {
    return std::nullopt;
  }
  // By the url alone it would take an older version for this one.
  return taken.conditional_create && taken.finds_url && taken.finds_version
             ? Way::create_unless_there
             : Way::create;
}

Reply Publisher::write(Way way, const Json& definition, const Json* held) {
  Json resource = definition;
  switch (way) {
    case Way::update: {
      resource.set("id", held->string_of("id"));
      const auto* meta = held->find("meta");
      return client_.update(resource, meta == nullptr ? "" : meta->string_of("versionId"));
    }
    case Way::put_new:
      resource.set("id", id_of(canonical_of(definition)));
      return client_.update(resource, "");
    case Way::create_unless_there:
      resource.erase("id");
      return client_.create(resource, {{"url", std::string(definition.string_of("url"))},
                                       {"version", std::string(definition.string_of("version"))}});
    case Way::create:
      resource.erase("id");
      return client_.create(resource, {});
  }
  return {};
}

// False: too long.
bool Publisher::wait_for(const Reply& reply, int tries) {
  if (reply.wait && *reply.wait > longest_wait) {
    return false;
  }
  const std::chrono::milliseconds least = reply.wait.value_or(std::chrono::seconds(0));
  world_.wait(std::max(least, fhir::client::back_off(tries, world_.chance())));
  return true;
}

// Every try begins with a look, also the one after a write whose answer was lost: so nothing is
// written twice, and what a write has done is known from what is there.
Line Publisher::put(const Json& definition, const Taken& taken) {
  Line line{std::string(definition.string_of("resourceType")),
            canonical_of(definition),
            Outcome::unchanged,
            {}};
  const auto ended = [&line](Outcome outcome, std::string why = {}) {
    line.outcome = outcome;
    line.why = std::move(why);
    return line;
  };
  const auto failed = [&](const Reply& reply) {
    gone_ = is_gone(reply) ? reason_of(reply) : "";
    return ended(Outcome::refused, "MF-4139: " + reason_of(reply));
  };
  if (!taken.search && !taken.by_id()) {
    return ended(Outcome::not_taken, "the server does not offer to search it");
  }
  Outcome written = Outcome::unchanged;
  Reply last;
  for (int tries = 1; tries <= options_.most_tries; ++tries) {
    const Held held = look(definition, taken, line.canonical);
    if (held.failed) {
      return failed(*held.failed);
    }
    if (held.found.size() > 1) {
      return ended(Outcome::refused,
                   fmt::format("MF-4137: the server holds it {} times", held.found.size()));
    }
    const Json* there = held.found.empty() ? nullptr : &held.found.front();
    if (there != nullptr && is_same_content(definition, *there)) {
      return ended(written);
    }
    if (there != nullptr && !is_id(there->string_of("id"))) {
      return ended(Outcome::refused, "MF-4139: the server holds it under an id that R4 has not");
    }
    const auto way = way_of(taken, there != nullptr);
    if (!way) {
      return there != nullptr ? ended(Outcome::refused,
                                      "MF-4138: the server holds another content under this url "
                                      "and version, and takes no updates")
                              : ended(Outcome::not_taken, "the server does not offer to create it");
    }
    const Outcome wanted = there == nullptr ? Outcome::created : Outcome::updated;
    if (options_.dry_run) {
      return ended(wanted);
    }
    last = write(*way, definition, there);
    if (last.next == Next::done && *way != Way::create) {
      return ended(wanted);
    }
    if (last.next == Next::done) {
      // Somebody may have done the same at the same moment.
      const Held after = look(definition, taken, line.canonical);
      return after.found.size() > 1
                 ? ended(Outcome::refused, "MF-4137: the server holds it more than once now")
                 : ended(wanted);
    }
    if (last.next == Next::final || last.next == Next::authorise) {
      return failed(last);
    }
    written = wanted;
    if (tries == options_.most_tries || !wait_for(last, tries)) {
      break;
    }
  }
  return failed(last);
}

}  // namespace

bool is_same_content(const Json& one, const Json& other) {
  return same(content_of(one), content_of(other));
}

tl::expected<Published, Failure> publish(Client& client, const std::vector<Json>& definitions,
                                         const PublishOptions& options, const World& world,
                                         const std::function<void(const Line&)>& told,
                                         const std::atomic<bool>& stop) {
  const auto statement = statement_of(client);
  if (!statement) {
    return tl::unexpected(statement.error());
  }
  Published published;
  Publisher publisher(client, options, world);
  for (const auto& definition : definitions) {
    if (published.broken_off.empty() && stop) {
      published.broken_off = "told to stop";
    }
    const auto taken = statement->find(definition.string_of("resourceType"));
    if (!published.broken_off.empty()) {
      published.lines.push_back({std::string(definition.string_of("resourceType")),
                                 canonical_of(definition),
                                 Outcome::not_tried,
                                 {}});
    } else {
      published.lines.push_back(
          publisher.put(definition, taken == statement->end() ? Taken() : taken->second));
      published.broken_off = publisher.gone();
    }
    told(published.lines.back());
  }
  return published;
}

Exit exit_of(const Published& published) {
  const auto count = [&](std::initializer_list<Outcome> outcomes) {
    return std::count_if(published.lines.begin(), published.lines.end(), [&](const Line& line) {
      return std::find(outcomes.begin(), outcomes.end(), line.outcome) != outcomes.end();
    });
  };
  if (!published.broken_off.empty() ||
      count({Outcome::unchanged, Outcome::created, Outcome::updated}) == 0) {
    return Exit::outside;
  }
  return count({Outcome::refused}) > 0 ? Exit::rejected : Exit::done;
}

}  // namespace myoflag::publish
