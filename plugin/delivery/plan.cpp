#include "plugin/delivery/plan.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "fhir/base64.h"
#include "fhir/uuid.h"
#include "plugin/mapping/digest.h"
#include "plugin/mapping/identifiers.h"
#include "plugin/mapping/summary_html.h"

namespace myoflag::delivery {

namespace {

using fhir::Json;

constexpr std::string_view kDocument = "DocumentReference";

bool is_true(const Json& json, std::string_view name) {
  const Json* member = json.find(name);
  return member != nullptr && member->as_bool() != nullptr && *member->as_bool();
}

bool has_code(const Json& json, std::string_view list, std::string_view code) {
  const Json::Array& entries = json.array_of(list);
  return std::any_of(entries.begin(), entries.end(),
                     [&](const Json& entry) { return entry.string_of("code") == code; });
}

// One entry of the bundle.
struct Entry {
  const Json* resource = nullptr;
  std::string urn, type, search;
  bool replaces = false;
  std::set<std::string> refers;
};

// The depth of our bundles is bounded by the gate that they were read through.
template <typename Visit>
void each_reference(const Json& value, Visit&& visit) {
  if (const auto* object = value.as_object()) {
    for (const auto& member : *object) {
      if (member.name == "reference" && member.value.is_string()) {
        visit(*member.value.as_string());
      } else {
        each_reference(member.value, visit);
      }
    }
  } else if (const auto* array = value.as_array()) {
    for (const auto& element : *array) {
      each_reference(element, visit);
    }
  }
}

bool has_element(const Json& value, const std::set<std::string, std::less<>>& names) {
  if (const auto* object = value.as_object()) {
    return std::any_of(object->begin(), object->end(), [&](const auto& member) {
      return names.contains(member.name) || has_element(member.value, names);
    });
  }
  const auto* array = value.as_array();
  return array != nullptr && std::any_of(array->begin(), array->end(), [&](const Json& element) {
           return has_element(element, names);
         });
}

tl::expected<std::vector<Entry>, Failure> entries_of(const Json& bundle) {
  const auto damaged = tl::unexpected(
      Failure{Exit::outside, "MF-3107: what is kept for the server is no transaction of ours"});
  std::vector<Entry> out;
  std::set<std::string> urns;
  for (const Json& entry : bundle.array_of("entry")) {
    const Json* resource = entry.find("resource");
    const Json* request = entry.find("request");
    const std::string urn(entry.string_of("fullUrl"));
    if (resource == nullptr || request == nullptr || !fhir::is_uuid_urn(urn) ||
        !urns.insert(urn).second) {
      return damaged;
    }
    Entry one{resource, urn, std::string(resource->string_of("resourceType")), {}, false, {}};
    one.replaces = request->string_of("method") == "PUT";
    const std::string_view url = request->string_of("url");
    one.search = one.replaces ? url.substr(std::min(url.find('?'), url.size() - 1) + 1)
                              : request->string_of("ifNoneExist");
    if (one.type.empty() || one.search.empty()) {
      return damaged;
    }
    each_reference(*resource, [&](const std::string& target) { one.refers.insert(target); });
    out.push_back(std::move(one));
  }
  return out.empty() ? tl::expected<std::vector<Entry>, Failure>(damaged) : std::move(out);
}

bool is_taken(const Entry& entry, const Ability& ability, const Site& site) {
  const TypeAbility can = ability.of(entry.type);
  const bool fits = entry.replaces ? can.create && can.update : can.create;
  return fits && (site.refuses.empty() || !has_element(*entry.resource, site.refuses));
}

bool is_conditional(const Entry& entry, const Ability& ability) {
  const TypeAbility can = ability.of(entry.type);
  return entry.replaces ? can.conditional_update : can.conditional_create;
}

// The first rung from `highest` on that the server bears.
Rung rung_for(const std::vector<Entry>& taken, const Ability& ability, const Site& site) {
  const bool all_conditional = std::all_of(taken.begin(), taken.end(), [&](const auto& entry) {
    return is_conditional(entry, ability);
  });
  const bool only_document = taken.size() == 1 && taken.front().type == kDocument;
  const Rung rung = only_document                            ? Rung::document
                    : ability.transaction && all_conditional ? Rung::transaction
                    : ability.batch && all_conditional       ? Rung::batch
                    : all_conditional                        ? Rung::conditional
                                                             : Rung::plain;
  return std::max(rung, site.highest);
}

// Resources of a wave refer to those of earlier ones only. What refers in a circle comes last.
std::map<std::string, int> waves_of(const std::vector<Entry>& taken) {
  std::set<std::string> open;
  for (const Entry& entry : taken) {
    open.insert(entry.urn);
  }
  std::map<std::string, int> waves;
  for (int wave = 0; !open.empty(); ++wave) {
    std::vector<std::string> ready;
    for (const Entry& entry : taken) {
      const bool waits = std::any_of(entry.refers.begin(), entry.refers.end(), [&](const auto& to) {
        return to != entry.urn && open.contains(to);
      });
      if (open.contains(entry.urn) && !waits) {
        ready.push_back(entry.urn);
      }
    }
    if (ready.empty()) {
      ready.assign(open.begin(), open.end());
    }
    for (const std::string& urn : ready) {
      open.erase(urn);
      waves[urn] = wave;
    }
  }
  return waves;
}

std::string counted(const std::vector<Entry>& entries) {
  std::map<std::string, int> counts;
  for (const Entry& entry : entries) {
    ++counts[entry.type];
  }
  std::string text;
  for (const auto& [type, count] : counts) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", type, count);
  }
  return text;
}

// Of what we encoded ourselves; empty where it is not.
std::string unbase64(std::string_view text) {
  std::string out(text.size() / 4 * 3, '\0');
  const int size = ::EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
  const auto padding = static_cast<std::size_t>(text.ends_with("==") ? 2 : text.ends_with('='));
  out.resize(size < 0 ? 0 : static_cast<std::size_t>(size) - padding);
  return out;
}

void set_content(Json& attachment, const std::string& bytes) {
  attachment.set("data", fhir::base64(bytes));
  attachment.set("size", static_cast<std::int64_t>(bytes.size()));
  attachment.set("hash", mapping::sha1_base64(bytes));
}

// The page names what is attached.
void name_folded(Json& document, const std::string& list, const Site& site) {
  Json::Array* contents = document.find("content")->as_array();
  for (Json& content : *contents) {
    Json* attachment = content.find("attachment");
    if (attachment == nullptr || attachment->string_of("contentType") != "text/html") {
      continue;
    }
    std::string html = unbase64(attachment->string_of("data"));
    const std::size_t end = html.rfind("</main>");
    if (end != std::string::npos) {
      html.insert(
          end, fmt::format("<section>\n<h2>{}</h2>\n<p>{} {}.</p>\n</section>\n",
                           mapping::html_escaped(site.folded_title),
                           mapping::html_escaped(site.folded_text), mapping::html_escaped(list)));
      set_content(*attachment, html);
    }
  }
}

Json folded_attachment(const std::vector<Entry>& left, const Site& site) {
  Json entries = Json::array();
  for (const Entry& entry : left) {
    entries.push(Json::object({{"fullUrl", entry.urn}, {"resource", *entry.resource}}));
  }
  const std::string bytes = fhir::write_json(Json::object(
      {{"resourceType", "Bundle"}, {"type", "collection"}, {"entry", std::move(entries)}}));
  Json attachment =
      Json::object({{"contentType", "application/fhir+json"}, {"title", site.folded_title}});
  set_content(attachment, bytes);
  return Json::object({{"attachment", std::move(attachment)}});
}

Json folded_into(const Json& document, const std::vector<Entry>& left, const Site& site) {
  Json out = document;
  if (out.find("content") == nullptr || out.find("content")->as_array() == nullptr) {
    out.set("content", Json::array());
  }
  name_folded(out, counted(left), site);
  out.find("content")->push(folded_attachment(left, site));
  return out;
}

std::string_view how_of(const Entry& entry, const Ability& ability, Rung rung) {
  if (entry.replaces) {
    return kReplacing;
  }
  return rung != Rung::file && !is_conditional(entry, ability) ? kPlain : kConditional;
}

store::Step step_of(const Entry& entry, const Json& body, int wave, std::string_view how) {
  return {entry.urn,
          wave,
          entry.type,
          std::string(how),
          entry.search,
          fhir::write_json(body),
          store::StepState::intent,
          {}};
}

// A document behind one that is there already.
store::Step appended(const Entry& document, const std::vector<Entry>& left, const Site& site,
                     int wave, std::string_view how) {
  const std::string list = counted(left);
  Json body = *document.resource;
  Json identifier =
      body.array_of("identifier").empty() ? Json::object() : body.array_of("identifier").front();
  const auto uuid = fhir::uuid_v5(
      fhir::parse_uuid(document.urn.substr(std::string_view("urn:uuid:").size())).value(), list);
  identifier.set("value", fhir::to_string(uuid));
  body.set("masterIdentifier", identifier);
  body.set("identifier", Json::array({identifier}));
  body.set("description", fmt::format("{}: {}", site.folded_title, list));
  body.set("content", Json::array({folded_attachment(left, site)}));
  body.set("relatesTo",
           Json::array({Json::object(
               {{"code", "appends"}, {"target", Json::object({{"reference", document.urn}})}})}));
  Entry entry = document;
  entry.urn = fhir::to_urn(uuid);
  entry.search = mapping::token_search("identifier", identifier.string_of("system"),
                                       identifier.string_of("value"));
  return step_of(entry, body, wave, how);
}

int hex_digit(char c) {
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                : -1;
}

std::string without_percent(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_code = text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 &&
                         hex_digit(text[i + 2]) >= 0;
    out +=
        is_code ? static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2])) : text[i];
    i += is_code ? 2 : 0;
  }
  return out;
}

bool is_token(const Json& coded, std::string_view member, std::string_view token) {
  const std::size_t bar = token.find('|');
  const bool has_system = bar != std::string_view::npos;
  return coded.string_of(member) == token.substr(has_system ? bar + 1 : 0) &&
         (!has_system || coded.string_of("system") == token.substr(0, bar));
}

bool has_token(const Json* coded, std::string_view member, std::string_view token) {
  if (coded == nullptr) {
    return false;
  }
  const auto* list = coded->as_array();
  return list == nullptr ? is_token(*coded, member, token)
                         : std::any_of(list->begin(), list->end(), [&](const Json& one) {
                             return is_token(one, member, token);
                           });
}

// http and https of one address are one server: behind a proxy it may not know how it is called.
std::string_view without_scheme(std::string_view address) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (address.starts_with(scheme)) {
      return address.substr(scheme.size());
    }
  }
  return {};
}

// "Observation/1" of "https://ehr/fhir/Observation/1" for the base "https://ehr/fhir"; empty where
// it is not under it.
std::string_view below(std::string_view address, std::string_view base) {
  address = without_scheme(address);
  base = without_scheme(base);
  base = base.substr(0, base.find_last_not_of('/') + 1);
  const bool is_below = !base.empty() && address.size() > base.size() + 1 &&
                        address.starts_with(base) && address[base.size()] == '/';
  return is_below ? address.substr(base.size() + 1) : std::string_view();
}

bool is_one_of_list(std::string_view word, std::string_view list) {
  return fmt::format(",{},", list).find(fmt::format(",{},", word)) != std::string::npos;
}

}  // namespace

TypeAbility Ability::of(std::string_view type) const {
  const auto found = types.find(type);
  return found == types.end() ? TypeAbility() : found->second;
}

Ability ability_of(const Json& statement) {
  Ability out;
  for (const Json& rest : statement.array_of("rest")) {
    if (rest.string_of("mode") != "server") {
      continue;
    }
    out.transaction = out.transaction || has_code(rest, "interaction", "transaction");
    out.batch = out.batch || has_code(rest, "interaction", "batch");
    for (const Json& resource : rest.array_of("resource")) {
      TypeAbility& type = out.types[std::string(resource.string_of("type"))];
      type.create = type.create || has_code(resource, "interaction", "create");
      type.update = type.update || has_code(resource, "interaction", "update");
      type.search = type.search || has_code(resource, "interaction", "search-type");
      type.conditional_create = type.conditional_create || is_true(resource, "conditionalCreate");
      type.conditional_update = type.conditional_update || is_true(resource, "conditionalUpdate");
    }
  }
  return out;
}

Ability limited(const Ability& ability, const Site& site) {
  Ability out = ability;
  out.transaction = out.transaction && site.highest == Rung::transaction;
  out.batch = out.batch && site.highest <= Rung::batch;
  for (auto& [type, can] : out.types) {
    const bool is_ruled_out = site.highest == Rung::document && type != kDocument;
    const bool no_conditions = site.highest >= Rung::plain;
    can.conditional_create = can.conditional_create && !no_conditions;
    can.conditional_update = can.conditional_update && !no_conditions;
    if (is_ruled_out) {
      can = {};
    } else if (site.takes) {
      const auto listed = site.takes->find(type);
      const bool known = listed != site.takes->end();
      can.create = can.create && known && listed->second.contains("create");
      can.update = can.update && known && listed->second.contains("update");
    }
  }
  return out;
}

tl::expected<Plan, Failure> plan_of(const Json& bundle, const Ability& ability, const Site& site,
                                    const std::vector<store::Step>& before) {
  auto entries = entries_of(bundle);
  if (!entries) {
    return tl::unexpected(entries.error());
  }
  const Ability can = limited(ability, site);
  std::vector<Entry> taken, left;
  for (Entry& entry : *entries) {
    const bool goes = site.highest == Rung::file || is_taken(entry, can, site);
    (goes ? taken : left).push_back(std::move(entry));
  }
  const bool has_document = std::any_of(taken.begin(), taken.end(),
                                        [](const auto& entry) { return entry.type == kDocument; });
  if (!left.empty() && !has_document) {
    return tl::unexpected(Failure{
        Exit::rejected,
        fmt::format("MF-3154: the server takes neither {}, nor the document that would carry them",
                    counted(left))});
  }
  Plan plan;
  plan.rung = rung_for(taken, can, site);
  plan.folded = counted(left);
  const auto waves = waves_of(taken);
  bool is_carried = left.empty();
  for (const Entry& entry : taken) {
    const bool carries = !is_carried && entry.type == kDocument;
    is_carried = is_carried || carries;
    const int wave = waves.at(entry.urn);
    const auto how = how_of(entry, can, plan.rung);
    plan.steps.push_back(step_of(
        entry, carries ? folded_into(*entry.resource, left, site) : *entry.resource, wave, how));
    const auto there = std::find_if(before.begin(), before.end(), [&](const store::Step& step) {
      return step.urn == entry.urn && step.state == store::StepState::done;
    });
    if (carries && there != before.end() && there->body != plan.steps.back().body) {
      plan.steps.push_back(appended(entry, left, site, wave + 1, how));
    }
  }
  return plan;
}

std::vector<std::pair<std::string, std::string>> parameters_of(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> out;
  while (!query.empty()) {
    const std::string_view one = query.substr(0, query.find('&'));
    const std::size_t equals = std::min(one.find('='), one.size());
    out.emplace_back(without_percent(one.substr(0, equals)),
                     without_percent(one.substr(std::min(equals + 1, one.size()))));
    query.remove_prefix(std::min(one.size() + 1, query.size()));
  }
  return out;
}

bool answers_to(const Json& resource, std::string_view query) {
  const auto parameters = parameters_of(query);
  const Json* meta = resource.find("meta");
  const auto holds = [&](const auto& parameter) {
    const auto& [name, value] = parameter;
    return name == "identifier" ? has_token(resource.find("identifier"), "value", value)
           : name == "_tag"     ? meta != nullptr && has_token(meta->find("tag"), "code", value)
           : name == "status"   ? is_one_of_list(resource.string_of("status"), value)
                                : false;
  };
  return !parameters.empty() && std::all_of(parameters.begin(), parameters.end(), holds);
}

void rename(Json& value, const Names& names) {
  if (auto* array = value.as_array()) {
    for (Json& element : *array) {
      rename(element, names);
    }
    return;
  }
  auto* object = value.as_object();
  if (object == nullptr) {
    return;
  }
  const std::string target(value.string_of("reference"));
  if (const auto own = below(target, names.base); !own.empty()) {
    value.set("reference", own);
  }
  if (!fhir::is_uuid_urn(target)) {
    for (auto& member : *object) {
      rename(member.value, names);
    }
    return;
  }
  if (const auto id = names.ids.find(target); id != names.ids.end() && !id->second.empty()) {
    value.set("reference", id->second);
  } else if (std::find(names.here.begin(), names.here.end(), target) == names.here.end()) {
    value.erase("reference");
    const auto identity = names.identities.find(target);
    for (const char* member : {"type", "identifier", "display"}) {
      const Json* known =
          identity == names.identities.end() ? nullptr : identity->second.find(member);
      if (known != nullptr && !value.has(member)) {
        value.set(member, *known);
      }
    }
  }
}

std::map<std::string, Json, std::less<>> identities_of(const Json& bundle) {
  std::map<std::string, Json, std::less<>> out;
  for (const Json& entry : bundle.array_of("entry")) {
    const Json* resource = entry.find("resource");
    const Json* identifier = resource == nullptr ? nullptr : resource->find("identifier");
    Json reference = Json::object();
    if (resource != nullptr) {
      reference.set("type", resource->string_of("resourceType"));
    }
    if (identifier != nullptr && identifier->is_object()) {
      reference.set("identifier", *identifier);
    } else if (identifier != nullptr && !resource->array_of("identifier").empty()) {
      reference.set("identifier", resource->array_of("identifier").front());
    } else {
      // A Reference says something: R4 has no identifier here.
      reference.set("display", resource == nullptr ? "" : resource->string_of("resourceType"));
    }
    out.emplace(entry.string_of("fullUrl"), std::move(reference));
  }
  return out;
}

}  // namespace myoflag::delivery
