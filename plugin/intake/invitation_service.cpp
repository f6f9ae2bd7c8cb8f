#include "plugin/intake/invitation_service.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <optional>
#include <typeinfo>
#include <utility>

#include <fmt/format.h>

#include "fhir/datetime.h"
#include "fhir/json.h"
#include "plugin/http/problem.h"
#include "rules/digest.h"

namespace myoflag::intake {

namespace {

using fhir::Json;
using http::Request;
using http::Response;

constexpr fhir::Limits kGate{
    .bytes = 16u << 10, .depth = 4, .string_bytes = 4u << 10, .nodes = 100};
constexpr std::size_t kMostKey = 255;
constexpr std::array<std::string_view, 6> kMembers{"patient", "birthDate", "appointment",
                                                   "start",   "language",  "expires"};

struct Refused {
  int status = 422;
  std::string type, code, text, place;
};

tl::unexpected<Refused> refused(int status, std::string type, std::string text,
                                std::string place = {}) {
  return tl::unexpected(
      Refused{status, std::move(type), "MF-4293", std::move(text), std::move(place)});
}

Response problem(const Refused& why) {
  auto response = http::outcome(
      why.status, {{fhir::Severity::error, why.type, why.code, why.text, why.place, {}}});
  response.fields.push_back({"Cache-Control", "no-store"});
  if (why.status == 503) {
    response.fields.push_back({"Retry-After", "30"});
  }
  return response;
}

// What the store or its checks say, as a status.
Refused refusal_of(const Failure& failure) {
  struct Known {
    std::string_view code;
    int status;
    const char* type;
  };
  constexpr std::array<Known, 6> known{{{"MF-4263", 404, "not-found"},
                                        {"MF-4264", 422, "value"},
                                        {"MF-4265", 409, "conflict"},
                                        {"MF-4290", 422, "conflict"},
                                        {"MF-4291", 409, "conflict"},
                                        {"MF-4292", 409, "too-costly"}}};
  const auto* const found = std::find_if(
      known.begin(), known.end(), [&](const Known& one) { return one.code == failure.code(); });
  if (found == known.end()) {
    return {503, "transient", "MF-4295", "Invitations cannot be kept now.", {}};
  }
  return {
      found->status, found->type, std::string(failure.code()), std::string(failure.words()), {}};
}

Response answer(int status, const Json& json) {
  return {
      status, std::string(http::kJson), fhir::write_json(json), {{"Cache-Control", "no-store"}}};
}

// ---- what comes in

tl::expected<Json, Refused> read_body(std::string_view body) {
  auto given = fhir::read_json(body, kGate);
  if (!given) {
    return refused(400, "structure", given.error().text);
  }
  if (!given->is_object()) {
    return refused(400, "structure", "The body is to be one JSON object.");
  }
  // What is not understood may have been meant to change something.
  for (const auto& member : *given->as_object()) {
    if (std::find(kMembers.begin(), kMembers.end(), member.name) == kMembers.end()) {
      return refused(
          400, "structure",
          fmt::format("Only these members are understood: {}.", fmt::join(kMembers, ", ")));
    }
    if (!member.value.is_string() || member.value.as_string()->empty()) {
      return refused(400, "structure", "Every member is to be a text that is not empty.",
                     member.name);
    }
  }
  for (const auto* needed : {"patient", "birthDate"}) {
    if (!given->has(needed)) {
      return refused(422, "required", fmt::format("`{}` is needed.", needed), needed);
    }
  }
  return *std::move(given);
}

// Nothing: it does not stand there.
tl::expected<std::optional<Time>, Refused> moment_of(const Json& body, const char* name) {
  if (!body.has(name)) {
    return std::nullopt;
  }
  const auto written = fhir::parse_instant(body.string_of(name));
  const auto moment = written ? fhir::to_sys_seconds(*written) : std::nullopt;
  if (!moment) {
    return refused(422, "value", "It is to be an instant such as 2026-11-30T08:15:00Z.", name);
  }
  return moment;
}

tl::expected<std::string, Refused> key_of(const Request& request) {
  const auto given = http::field_of(request.fields, "idempotency-key");
  const bool is_there =
      std::any_of(request.fields.begin(), request.fields.end(),
                  [](const http::Field& field) { return field.name == "idempotency-key"; });
  const bool is_fine =
      !given.empty() && given.size() <= kMostKey &&
      std::all_of(given.begin(), given.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (is_there && !is_fine) {
    return refused(400, "value",
                   fmt::format("Idempotency-Key is to be 1 to {} visible characters.", kMostKey));
  }
  // Not as it stands: it may say whom it is for.
  return is_there ? rules::hex(rules::sha256(given)) : std::string();
}

std::optional<Refused> language_flaw(const InvitingParts& parts, std::string_view tag) {
  const auto offered =
      offered_languages(parts.languages, parts.only_languages, *parts.assessor()->knowledge());
  if (tag.empty() || std::find(offered.begin(), offered.end(), tag) != offered.end()) {
    return std::nullopt;
  }
  return Refused{422, "value", "MF-4293",
                 fmt::format("The pages are there in: {}.", fmt::join(offered, ", ")), "language"};
}

tl::expected<NewInvitation, Refused> read_invitation(const InvitingParts& parts,
                                                     const Request& request, Time now) {
  auto key = key_of(request);
  const auto body = read_body(request.body);
  if (!key || !body) {
    return tl::unexpected(key ? body.error() : key.error());
  }
  const auto start = moment_of(*body, "start");
  const auto expires = moment_of(*body, "expires");
  if (!start || !expires) {
    return tl::unexpected(start ? expires.error() : start.error());
  }
  if (*start && !body->has("appointment")) {
    return refused(422, "required", "`start` goes with `appointment`.", "appointment");
  }
  if (auto flaw = language_flaw(parts, body->string_of("language"))) {
    return tl::unexpected(*std::move(flaw));
  }
  NewInvitation out;
  out.patient = body->string_of("patient");
  out.born = body->string_of("birthDate");
  out.language = body->string_of("language");
  out.appointment = body->string_of("appointment");
  out.meets = *start;
  out.moves = *start || *expires;
  out.expires = *expires ? **expires : *start ? **start : now + kUsualInvitation;
  out.key = *std::move(key);
  for (const auto name : kMembers) {
    out.asked += fmt::format("{}={}\n", name, body->string_of(name));
  }
  out.asked = rules::hex(rules::sha256(out.asked));
  return out;
}

// ---- what is done

Json shown(const Invitation& invitation, Time now) {
  auto json = Json::object({{"id", std::to_string(invitation.id)},
                            {"state", state_of(invitation, now)},
                            {"made", fhir::instant_text(invitation.made)},
                            {"expires", fhir::instant_text(invitation.expires)}});
  if (invitation.meets) {
    json.set("start", fhir::instant_text(*invitation.meets));
  }
  return json;
}

// One that is over gets no further link.
tl::expected<std::string, Failure> link_to(const InvitingParts& parts, const Created& created,
                                           const Invitation& invitation, Time now) {
  if (!created.token.empty()) {
    return parts.base + path_of(created.token);
  }
  if (invitation.withdrawn || invitation.expires <= now) {
    return std::string();
  }
  return parts.invitations.another_link(created.id, now).map([&](const std::string& token) {
    return parts.base + path_of(token);
  });
}

tl::expected<Response, Failure> made(const InvitingParts& parts, const NewInvitation& wanted,
                                     Time now) {
  const auto created = parts.invitations.invite(wanted, now);
  if (!created) {
    return tl::unexpected(created.error());
  }
  const auto found = parts.invitations.by_id(created->id);
  if (!found) {
    return tl::unexpected(found.error());
  }
  const auto link = link_to(parts, *created, found->value(), now);
  if (!link) {
    return tl::unexpected(link.error());
  }
  auto json = shown(found->value(), now);
  json.set_if("link", *link);
  auto response = answer(created->became == Became::made ? 201 : 200, json);
  response.fields.push_back(
      {"Location", fmt::format("{}{}/{}", parts.base, kInvitationsPath, created->id)});
  return response;
}

tl::expected<Response, Refused> invite(const InvitingParts& parts, const Request& request) {
  const auto now = parts.now();
  const auto wanted = read_invitation(parts, request, now);
  if (!wanted) {
    return tl::unexpected(wanted.error());
  }
  return made(parts, *wanted, now).map_error(refusal_of);
}

tl::expected<std::int64_t, Refused> id_of(const Request& request) {
  const auto& text = request.parameters.find("id")->second;
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || id <= 0) {
    return tl::unexpected(
        Refused{404, "not-found", "MF-4263", "There is no invitation of this number.", {}});
  }
  return id;
}

tl::expected<Response, Refused> state(const InvitingParts& parts, const Request& request) {
  const auto id = id_of(request);
  if (!id) {
    return tl::unexpected(id.error());
  }
  const auto found = parts.invitations.by_id(*id);
  if (!found) {
    return tl::unexpected(refusal_of(found.error()));
  }
  if (!*found) {
    return tl::unexpected(
        Refused{404, "not-found", "MF-4263", "There is no invitation of this number.", {}});
  }
  return answer(200, shown(**found, parts.now()));
}

tl::expected<Response, Refused> withdraw(const InvitingParts& parts, const Request& request) {
  const auto id = id_of(request);
  if (!id) {
    return tl::unexpected(id.error());
  }
  if (const auto done = parts.invitations.withdraw(*id, parts.now()); !done) {
    return tl::unexpected(refusal_of(done.error()));
  }
  return Response{204, "", "", {{"Cache-Control", "no-store"}}};
}

using Handler = tl::expected<Response, Refused> (*)(const InvitingParts&, const Request&);

Response guarded(const InvitingParts& parts, const Request& request, Handler handler) {
  try {
    const auto done = handler(parts, request);
    if (!done && done.error().status == 503) {
      parts.log(request.id, done.error().code);
    }
    return done ? *done : problem(done.error());
  } catch (const std::exception& error) {
    // Not what it says: that may quote the input.
    parts.log(request.id, typeid(error).name());
  }
  return problem(refusal_of({}));
}

}  // namespace

void add_invitation_routes(http::Router& router, const InvitingParts& parts) {
  router.add_outcomes_under("/intake");
  const auto add = [&](const char* method, std::string pattern, const char* summary,
                       Handler handler, std::size_t bytes) {
    router.add(
        {method,
         std::move(pattern),
         summary,
         [parts, handler](const Request& request) { return guarded(parts, request, handler); },
         bytes > 0 ? std::vector<std::string>{"application/json"} : std::vector<std::string>{},
         bytes,
         {},
         parts.admission,
         nullptr});
  };
  const std::string all(kInvitationsPath);
  add("POST", all, "an invitation", invite, kGate.bytes);
  add("GET", all + "/{id}", "how an invitation stands", state, 0);
  add("DELETE", all + "/{id}", "an invitation is withdrawn", withdraw, 0);
}

}  // namespace myoflag::intake
