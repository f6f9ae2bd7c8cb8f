#include "plugin/sidecar/routes.h"

#include <optional>
#include <utility>

#include <fmt/format.h>

#include "plugin/cds/hook_request.h"
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
// A client asks for about half a second and gives up soon after.
constexpr std::chrono::milliseconds call_time{2'000};

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

// Which check failed is for our log; the caller learns that one did.
std::optional<Response> refuse_stranger(const Parts& parts, const Request& request) {
  const auto claims =
      parts.gate->admit(http::field_of(request.fields, "authorization"), request.path, parts.now());
  if (claims) {
    return std::nullopt;
  }
  parts.denied(request.id, trust::name_of(claims.error()));
  return Response{401, "", "", {{"WWW-Authenticate", "Bearer"}}};
}

Response call(const Parts& parts, const Request& request) {
  if (request.parameters.find("id")->second != cds::kServiceId) {
    return http::problem({404, "MF-4227", "There is no service of this id."}, true);
  }
  const auto serving = parts.serving.get();
  const auto answer = serving->service.answer(request.body, parts.now());
  return answer.status == 200 ? json_response(answer.cards)
                              : http::outcome(answer.status, answer.issues);
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

}  // namespace

http::Admission admission(const Parts& parts) {
  if (parts.gate == nullptr) {
    return nullptr;
  }
  return [parts](const Request& request) { return refuse_stranger(parts, request); };
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
  get("/cds-services", "CDS Hooks discovery", [parts](const Request&) {
    return json_response(cds::discovery(*parts.serving.get()->assessor.knowledge()));
  });
  router.add({"POST",
              "/cds-services/{id}",
              "a CDS Hooks call",
              [parts](const Request& request) { return call(parts, request); },
              {"application/json"},
              call_bytes,
              call_time,
              admission(parts)});
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
