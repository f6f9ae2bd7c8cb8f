#include "plugin/sidecar/routes.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "plugin/cds/hook_request.h"
#include "plugin/feedback/request.h"
#include "plugin/http/problem.h"
#include "plugin/sidecar/capability.h"
#include "plugin/sidecar/negotiate.h"
#include "plugin/sidecar/operations.h"

namespace myoflag::sidecar {
namespace {

using fhir::Json;
using http::Request;
using http::Response;

constexpr std::size_t call_bytes = 4u << 20;  // some hundred laboratory results
constexpr std::size_t feedback_bytes = 256u << 10;

Response json_response(const Json& json) {
  return {200, std::string(http::kJson), fhir::write_json(json), {}};
}

Response health(const Parts& parts) {
  const auto serving = parts.serving.get();
  const auto& knowledge = *serving->assessor.knowledge();
  return json_response(Json::object({{"status", "ok"},
                                     {"version", parts.version},
                                     {"knowledge", Json::object({{"id", knowledge.id},
                                                                 {"version", knowledge.version},
                                                                 {"digest", knowledge.digest}})}}));
}

// Ready means that calls are answered as they should be; how delivery goes is told beside it.
Response ready(const Parts& parts) {
  Json about = Json::object();
  bool all = true;
  for (auto& one : parts.readiness ? parts.readiness() : std::vector<Readiness>()) {
    all = all && one.is_ready;
    Json part = one.about.is_object() ? std::move(one.about) : Json::object();
    part.set("ready", one.is_ready);
    about.set(one.part, std::move(part));
  }
  auto answer =
      json_response(Json::object({{"status", all ? "ready" : "not ready"}, {"parts", about}}));
  answer.status = all ? 200 : 503;
  return answer;
}

// Which check failed is for our log; the caller learns that one did.
tl::expected<trust::Claims, Response> known_caller(const Parts& parts, const Request& request,
                                                   const std::vector<std::string>& paths) {
  auto claims =
      parts.gate->admit(http::field_of(request.fields, "authorization"), paths, parts.now());
  if (claims) {
    return *std::move(claims);
  }
  parts.denied(request.id, trust::name_of(claims.error()));
  if (claims.error() == trust::Denied::key && parts.unknown_key) {
    parts.unknown_key();
  }
  return tl::unexpected(Response{401, "", "", {{"WWW-Authenticate", "Bearer"}}});
}

std::optional<Response> refuse_stranger(const Parts& parts, const Request& request,
                                        const std::vector<std::string>& paths) {
  auto caller = known_caller(parts, request, paths);
  return caller ? std::nullopt : std::optional(std::move(caller.error()));
}

Response call(const Parts& parts, const Request& request) {
  if (request.parameters.find("id")->second != cds::kServiceId) {
    return http::problem({404, "MF-4227", "There is no service of this id."}, true);
  }
  const auto serving = parts.serving.get();
  auto answer = serving->service.answer(request.body, parts.now(), parts.fetch);
  if (parts.metrics != nullptr) {
    std::for_each(answer.shown.begin(), answer.shown.end(),
                  [&](const auto& card) { parts.metrics->card(card); });
  }
  if (parts.feedback != nullptr) {
    parts.feedback->show(std::move(answer.shown));
  }
  return answer.status == 200 ? json_response(answer.cards)
                              : http::outcome(answer.status, answer.issues);
}

// ---- feedback

// What is wrong with it, all in one, without an OperationOutcome: nothing of FHIR is spoken here.
Response refused_feedback(const fhir::Issues& issues) {
  std::string text;
  for (const auto& issue : issues) {
    text += (text.empty() ? "" : " ") + issue.text;
  }
  constexpr std::size_t most_text = 2'000;
  return http::problem({400, issues.front().code, std::string_view(text).substr(0, most_text)},
                       false);
}

// Acknowledged when it is on disk, and not before. Sent twice, it counts once.
Response take_feedback(const Parts& parts, const Request& request) {
  if (request.parameters.find("id")->second != cds::kServiceId) {
    return http::problem({404, "MF-4227", "There is no service of this id."}, false);
  }
  if (parts.feedback == nullptr) {
    return http::problem({404, "MF-4248", "No feedback is kept here."}, false);
  }
  const auto serving = parts.serving.get();
  const auto feedback = feedback::read_feedback(request.body, *serving->assessor.knowledge());
  if (!feedback) {
    return refused_feedback(feedback.error());
  }
  if (!parts.feedback->keep(*feedback)) {
    auto answer = http::problem({503, "MF-4249", "The feedback cannot be kept now."}, false);
    answer.fields.push_back({"Retry-After", "60"});
    return answer;
  }
  return {200, "", "", {}};
}

// ---- the form

Response read_questionnaire(const Parts& parts, const Request& request) {
  const auto serving = parts.serving.get();
  const auto& form = serving->assessor.questionnaire();
  if (request.parameters.find("id")->second != form.string_of("id")) {
    return http::problem({404, "MF-4244", "There is no Questionnaire of this id."}, true);
  }
  return fhir_response(request, 200, form);
}

// By the parameters that /fhir/metadata names.
Response search_questionnaire(const Parts& parts, const Request& request) {
  const auto serving = parts.serving.get();
  const auto& form = serving->assessor.questionnaire();
  const auto url = http::query_value(request.query, "url");
  const auto version = http::query_value(request.query, "version");
  const bool matches = (!url || *url == form.string_of("url")) &&
                       (!version || *version == form.string_of("version"));
  Json bundle =
      Json::object({{"resourceType", "Bundle"}, {"type", "searchset"}, {"total", matches ? 1 : 0}});
  if (matches) {
    bundle.set(
        "entry",
        Json::array({Json::object(
            {{"fullUrl", fmt::format("{}/fhir/Questionnaire/{}", parts.base, form.string_of("id"))},
             {"resource", form},
             {"search", Json::object({{"mode", "match"}})}})}));
  }
  return fhir_response(request, 200, bundle);
}

// CDS Hooks does not say for which address its token is: for its own, or for the service's.
http::Admission feedback_admission(const Parts& parts) {
  if (parts.gate == nullptr) {
    return nullptr;
  }
  return [parts](const Request& request) {
    constexpr std::string_view end = "/feedback";
    return refuse_stranger(
        parts, request, {request.path, request.path.substr(0, request.path.size() - end.size())});
  };
}

void add_feedback(http::Router& router, const Parts& parts) {
  router.add_plain_problems_under(fmt::format("/cds-services/{}/feedback", cds::kServiceId));
  router.add({"POST",
              "/cds-services/{id}/feedback",
              "what became of cards",
              [parts](const Request& request) { return take_feedback(parts, request); },
              {"application/json"},
              feedback_bytes,
              {},
              feedback_admission(parts)});
}

}  // namespace

http::Admission admission(const Parts& parts) {
  if (parts.gate == nullptr) {
    return nullptr;
  }
  return
      [parts](const Request& request) { return refuse_stranger(parts, request, {request.path}); };
}

http::Admission admission_of(const Parts& parts, std::string issuer, std::string path) {
  return [parts, issuer = std::move(issuer),
          path = std::move(path)](const Request& request) -> std::optional<Response> {
    if (parts.gate == nullptr) {
      return Response{401, "", "", {{"WWW-Authenticate", "Bearer"}}};
    }
    auto caller = known_caller(parts, request, {request.path, path});
    if (!caller) {
      return std::move(caller.error());
    }
    if (caller->issuer != issuer) {
      parts.denied(request.id, "MF-4294");
      return http::problem({403, "MF-4294", "This client may not do that."}, true);
    }
    return std::nullopt;
  };
}

http::Router routes(const Parts& parts) {
  http::Router router;
  router.add_outcomes_under("/fhir");
  router.add_outcomes_under("/cds-services");
  const auto get = [&router](std::string pattern, std::string summary, http::Handler handler) {
    router.add(
        {"GET", std::move(pattern), std::move(summary), std::move(handler), {}, 0, {}, nullptr});
  };
  get("/health", "whether the program answers, and what it knows",
      [parts](const Request&) { return health(parts); });
  get("/readyz", "whether it does all that it should, and what does not",
      [parts](const Request&) { return ready(parts); });
  get("/cds-services", "CDS Hooks discovery", [parts](const Request&) {
    return json_response(cds::discovery(*parts.serving.get()->assessor.knowledge()));
  });
  router.add({"POST",
              "/cds-services/{id}",
              "a CDS Hooks call",
              [parts](const Request& request) { return call(parts, request); },
              {"application/json"},
              call_bytes,
              parts.card_time,
              admission(parts)});
  add_feedback(router, parts);
  get("/metrics", "what is counted, for Prometheus", [parts](const Request&) {
    return Response{200,
                    "text/plain; version=0.0.4; charset=utf-8",
                    parts.metrics == nullptr ? "" : parts.metrics->text(),
                    {}};
  });
  get("/fhir/metadata", "the CapabilityStatement", [parts](const Request& request) {
    return fhir_response(request, 200,
                         capability_statement(*parts.serving.get()->assessor.knowledge(),
                                              parts.version, parts.base + "/fhir"));
  });
  get("/fhir/Questionnaire", "the form, by its url",
      [parts](const Request& request) { return search_questionnaire(parts, request); });
  get("/fhir/Questionnaire/{id}", "the form",
      [parts](const Request& request) { return read_questionnaire(parts, request); });
  add_operations(router, parts);
  return router;
}

}  // namespace myoflag::sidecar
