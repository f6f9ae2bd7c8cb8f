#include "plugin/cds/fetching.h"

#include <set>
#include <utility>

#include <fmt/format.h>

#include "plugin/cds/prefetch.h"

namespace myoflag::cds {
namespace {

using fhir::Json;

struct Part {
  const Template* asked;
  bool is_more = false;  // of what the call brought
};

constexpr fhir::Limits gate{
    .bytes = 4u << 20, .depth = 64, .string_bytes = 1u << 20, .nodes = 500'000};

// The id of the context was checked for what an id may hold.
std::string query_of(const Template& asked, const HookRequest& request) {
  constexpr std::string_view token = "{{context.patientId}}";
  std::string query = "/" + std::string(asked.query);
  return query.replace(query.find(token), token.size(), request.patient_id);
}

// What follows the server in the address of the next page; empty where there is none, or where it
// is not below the server.
std::string next_page(const Json& bundle, std::string_view server) {
  for (const auto& link : bundle.array_of("link")) {
    const auto url = link.string_of("url");
    const bool below = url.starts_with(server) && url.size() > server.size() &&
                       (url[server.size()] == '/' || url[server.size()] == '?');
    if (link.string_of("relation") == "next" && below) {
      return std::string(url.substr(server.size()));
    }
  }
  return {};
}

// The first page with what another one holds, which says what comes after it. A page may repeat
// what an earlier one had.
void append(Json& first, const Json& page) {
  std::set<std::string> names;
  Json entries = Json::array();
  for (const auto* from : {&std::as_const(first), &page}) {
    for (const auto& entry : from->array_of("entry")) {
      const auto* resource = entry.find("resource");
      const auto id = resource == nullptr ? "" : resource->string_of("id");
      if (id.empty() ||
          names.insert(fmt::format("{}/{}", resource->string_of("resourceType"), id)).second) {
        entries.push(entry);
      }
    }
  }
  first.set_if("entry", std::move(entries));
  first.erase("link");
  if (const auto* link = page.find("link")) {
    first.set("link", *link);
  }
}

Json failed() { return Json::object({{"resourceType", "OperationOutcome"}}); }

void take(HookRequest& request, const Part& part, const Pages& pages) {
  if (!part.is_more) {
    request.prefetch.set(part.asked->key, failed());
  }
  auto* value = request.prefetch.find(part.asked->key);
  for (const auto& text : pages) {
    auto json = fhir::read_json(text, gate);
    if (!json || !json->is_object()) {
      return;
    }
    if (value->string_of("resourceType") != "Bundle") {
      *value = *std::move(json);
    } else if (json->string_of("resourceType") == "Bundle") {
      append(*value, *json);
    }
  }
}

void complete(HookRequest& request, const Fetch& fetch) {
  Wanted wanted{request.fhir_server, request.access_token, {}};
  while (wanted.server.ends_with('/')) {
    wanted.server.pop_back();
  }
  std::vector<Part> parts;
  for (const auto& asked : kTemplates) {
    const auto* value = request.prefetch.find(asked.key);
    const bool is_there = value != nullptr && (value->is_null() || value->is_object());
    const auto next = is_there ? next_page(*value, wanted.server) : query_of(asked, request);
    if (!next.empty()) {
      parts.push_back({&asked, is_there});
      wanted.queries.push_back(next);
    }
  }
  if (parts.empty()) {
    return;
  }
  const auto answers = fetch(wanted);
  for (std::size_t i = 0; i < answers.size() && i < parts.size(); ++i) {
    take(request, parts[i], answers[i]);
  }
}

}  // namespace

void fetch_missing(HookRequest& request, const Fetch& fetch) {
  if (!request.access_token.empty() && !request.fhir_server.empty()) {
    complete(request, fetch);
  }
}

Json fetch_record(const std::string& server, const std::string& patient_id, const Fetch& fetch) {
  HookRequest request;
  request.fhir_server = server;
  request.patient_id = patient_id;
  request.prefetch = Json::object({{"intake", Json()}});  // there are none to look for
  complete(request, fetch);
  request.prefetch.erase("intake");
  return std::move(request.prefetch);
}

}  // namespace myoflag::cds
