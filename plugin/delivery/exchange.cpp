#include "plugin/delivery/exchange.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "fhir/primitives.h"

namespace myoflag::delivery {

namespace {

using fhir::Json;
using fhir::client::Client;
using fhir::client::Next;
using fhir::client::Reply;
using store::Arrival;
using store::Step;
using Kind = Trouble::Kind;

// "Observation/1" at the end of a place, with a version or not, of whatever base; empty when it is
// none of that type.
std::string id_in(std::string_view place, std::string_view type) {
  place = place.substr(0, place.find("/_history/"));
  const std::size_t last = place.rfind('/');
  if (last == std::string_view::npos) {
    return {};
  }
  const std::string_view id = place.substr(last + 1);
  std::string_view before = place.substr(0, last);
  before = before.substr(before.rfind('/') + 1);  // npos + 1 is the begin
  return before == type && fhir::is_id(id) ? fmt::format("{}/{}", type, id) : std::string();
}

std::string id_of(const Json& resource, std::string_view type) {
  const std::string_view id = resource.string_of("id");
  return resource.string_of("resourceType") == type && fhir::is_id(id)
             ? fmt::format("{}/{}", type, id)
             : std::string();
}

std::string id_of(const Reply& reply, std::string_view type) {
  std::string id = id_in(reply.id, type);
  return id.empty() ? id_of(reply.resource, type) : id;
}

bool is_overload(int status) { return status == 0 || status == 429 || status == 503; }

Trouble later(const Reply& reply) {
  return {Kind::later, reply.code.empty() ? "MF-3161" : reply.code,
          reply.text.empty() ? "The answer cannot be understood." : reply.text, reply.wait,
          is_overload(reply.status)};
}

Trouble parked(std::string code, std::string text) {
  return {Kind::parked, std::move(code), std::move(text), {}, false};
}

// What follows from an answer that is not what we want: one table for all rungs.
Trouble trouble_of(const Reply& reply, std::string_view what) {
  switch (reply.next) {
    case Next::done:  // but not to be understood: a page of a proxy, half an answer
    case Next::retry:
    case Next::look:
      return later(reply);
    case Next::authorise:
    case Next::final:
      break;
  }
  if (reply.code == "MF-1504") {  // the answer is too long: that is about what was asked
    return parked("MF-3155", fmt::format("{}: {}", what, reply.text));
  }
  if (reply.status == 0 || reply.status == 401) {
    return {Kind::locked, reply.code, reply.text, {}, true};
  }
  if (reply.status < 300) {
    return later(reply);  // what came was no FHIR
  }
  return parked("MF-3155", fmt::format("{}: {}", what, reply.text));
}

// The server says that something stands in the way, not that it does not know.
bool is_conflict(const Reply& reply) {
  return reply.next == Next::look && reply.status >= 400 && reply.status < 500 &&
         reply.status != 408 && reply.status != 425;
}

struct Looked {
  std::vector<Json> resources;  // those that really are it
  std::optional<Trouble> trouble;
  bool is_refused = false;  // the server does not search so
};

Looked look(Client& client, const Step& step) {
  const auto found = client.search(step.type, parameters_of(step.search));
  Looked out;
  if (found.is_whole) {
    std::copy_if(found.resources.begin(), found.resources.end(), std::back_inserter(out.resources),
                 [&](const Json& resource) {
                   return resource.string_of("resourceType") == step.type &&
                          answers_to(resource, step.search);
                 });
    return out;
  }
  out.trouble = trouble_of(found.last, step.type);
  // Too many pages: it does not know our parameter.
  out.is_refused = out.trouble->kind == Kind::parked || found.last.code == "MF-1511" ||
                   found.last.code == "MF-1512" || found.last.code == "MF-1513";
  return out;
}

Trouble several(const Step& step) {
  return parked("MF-3156",
                fmt::format("{}: the server has more than one under our identifier", step.type));
}

// The server says that it is done. Where it does not say under which name, it is looked up; and
// where it says so little that anybody may have spoken, a proxy for example, it is not believed.
Outcome named(Client& client, const Step& step, const Reply& reply, std::string id) {
  constexpr int kCreated = 201;
  if (!id.empty()) {
    return {{Arrival{step.urn, std::move(id)}}, {}};
  }
  const Looked looked = look(client, step);
  if (looked.resources.size() > 1) {
    return {{}, several(step)};
  }
  if (looked.resources.size() == 1) {
    return {{Arrival{step.urn, id_of(looked.resources.front(), step.type)}}, {}};
  }
  return reply.status == kCreated ? Outcome{{Arrival{step.urn, {}}}, {}}
                                  : Outcome{{}, later(reply)};
}

// After a conflict: ours may be what stands in the way.
Outcome after_conflict(Client& client, const Step& step, const Reply& reply) {
  const Looked looked = look(client, step);
  if (looked.resources.size() > 1) {
    return {{}, several(step)};
  }
  if (looked.resources.size() == 1 && step.how != kReplacing) {
    return {{Arrival{step.urn, id_of(looked.resources.front(), step.type)}}, {}};
  }
  if (looked.trouble && !looked.is_refused) {
    return {{}, looked.trouble};
  }
  return {{}, parked("MF-3156", fmt::format("{}: {}", step.type, reply.text))};
}

// `id`: where it is known before.
Outcome answered(Client& client, const Step& step, const Reply& reply, const std::string& id = {}) {
  if (reply.next == Next::done) {
    return named(client, step, reply, id.empty() ? id_of(reply, step.type) : id);
  }
  if (is_conflict(reply)) {
    return after_conflict(client, step, reply);
  }
  return {{}, trouble_of(reply, step.type)};
}

Json body_of(const Step& step, const Names& names) {
  auto body = fhir::read_json(step.body);
  Json resource = body ? std::move(*body) : Json();
  rename(resource, names);
  return resource;
}

std::optional<Outcome> single(Client& client, const Step& step, const Names& names,
                              const std::function<bool()>& about_to_send) {
  Json resource = body_of(step, names);
  const auto send = [&](auto&& write, const std::string& id = {}) -> std::optional<Outcome> {
    if (!about_to_send()) {
      return std::nullopt;
    }
    return answered(client, step, write(), id);
  };
  if (step.how == kConditional) {
    return send([&] { return client.create(resource, parameters_of(step.search)); });
  }
  const Looked looked = look(client, step);
  if (looked.resources.size() > 1) {
    return Outcome{{}, several(step)};
  }
  const bool is_there = looked.resources.size() == 1;
  if (is_there && step.how == kPlain) {
    return Outcome{{Arrival{step.urn, id_of(looked.resources.front(), step.type)}}, {}};
  }
  if (looked.trouble && !looked.is_refused) {
    return Outcome{{}, looked.trouble};
  }
  if (looked.trouble && (step.state == store::StepState::sent || step.how == kReplacing)) {
    return Outcome{{},
                   parked("MF-3158", fmt::format("{}: it may have arrived, and the server does not "
                                                 "say: {}",
                                                 step.type, looked.trouble->text))};
  }
  if (!is_there) {
    return send([&] { return client.create(resource, {}); });
  }
  const Json& there = looked.resources.front();
  const Json* meta = there.find("meta");
  resource.set("id", there.string_of("id"));
  const std::string_view version = meta == nullptr ? "" : meta->string_of("versionId");
  return send([&] { return client.update(resource, version); }, id_of(there, step.type));
}

Json entry_of(const Step& step, const Names& names) {
  Json request =
      step.how == kReplacing
          ? Json::object({{"method", "PUT"}, {"url", fmt::format("{}?{}", step.type, step.search)}})
          : Json::object({{"method", "POST"}, {"url", step.type}, {"ifNoneExist", step.search}});
  return Json::object(
      {{"fullUrl", step.urn}, {"resource", body_of(step, names)}, {"request", std::move(request)}});
}

// Of one entry, as if it had been sent alone.
Reply reply_of(const Json& response) {
  Reply reply;
  const std::string_view status = response.string_of("status");
  for (const char c : status.substr(0, 3)) {
    reply.status = c >= '0' && c <= '9' ? reply.status * 10 + (c - '0') : 0;
  }
  const Json* outcome = response.find("outcome");
  reply.next = reply.status == 0 ? Next::retry
                                 : fhir::client::next_of(
                                       reply.status, outcome == nullptr ? Json() : *outcome, true);
  reply.id = response.string_of("location");
  reply.code = reply.next == Next::done ? "" : "MF-3155";
  reply.text = reply.next == Next::done
                   ? ""
                   : fmt::format("the server answered {} inside a batch", reply.status);
  return reply;
}

void add(Outcome& all, Outcome one) {
  all.arrived.insert(all.arrived.end(), one.arrived.begin(), one.arrived.end());
  // What a person has to see goes before what may pass.
  if (one.trouble && (!all.trouble || one.trouble->kind > all.trouble->kind)) {
    all.trouble = std::move(one.trouble);
  }
}

// Each step by itself, after a conflict of all together.
Outcome look_for_all(Client& client, const std::vector<Step>& group, const Reply& reply) {
  Outcome all;
  for (const Step& step : group) {
    add(all, after_conflict(client, step, reply));
    if (all.trouble) {
      break;
    }
  }
  return all;
}

std::optional<Outcome> together(Client& client, Rung rung, const std::vector<Step>& group,
                                const Names& names, const std::function<bool()>& about_to_send) {
  Names inside = names;
  Json entries = Json::array();
  for (const Step& step : group) {
    inside.here.push_back(step.urn);
  }
  for (const Step& step : group) {
    entries.push(entry_of(step, inside));
  }
  const bool is_transaction = rung == Rung::transaction;
  if (!about_to_send()) {
    return std::nullopt;
  }
  const Reply reply =
      client.transaction(Json::object({{"resourceType", "Bundle"},
                                       {"type", is_transaction ? "transaction" : "batch"},
                                       {"entry", std::move(entries)}}));
  if (reply.next != Next::done) {
    return is_conflict(reply) ? look_for_all(client, group, reply)
                              : Outcome{{}, trouble_of(reply, "transaction")};
  }
  const Json::Array& answers = reply.resource.array_of("entry");
  if (answers.size() != group.size()) {
    return Outcome{{}, later(reply)};  // half an answer: asking again changes nothing there
  }
  Outcome all;
  for (std::size_t i = 0; i < group.size(); ++i) {
    const Json* response = answers[i].find("response");
    const Json* resource = answers[i].find("resource");
    Reply one = reply_of(response == nullptr ? Json() : *response);
    one.resource = resource == nullptr ? Json() : *resource;
    add(all, answered(client, group[i], one));
  }
  return all;
}

}  // namespace

std::vector<Step> next_group(Rung rung, const std::vector<Step>& steps) {
  std::vector<Step> group;
  for (const Step& step : steps) {
    if (step.state == store::StepState::done) {
      continue;
    }
    const bool fits = group.empty() || rung == Rung::transaction ||
                      (rung == Rung::batch && step.wave == group.front().wave);
    if (fits) {
      group.push_back(step);
    }
  }
  return group;
}

std::optional<Outcome> exchange(Client& client, Rung rung, const std::vector<Step>& group,
                                const Names& names, const std::function<bool()>& about_to_send) {
  return rung == Rung::transaction || rung == Rung::batch
             ? together(client, rung, group, names, about_to_send)
             : single(client, group.front(), names, about_to_send);
}

}  // namespace myoflag::delivery
