#pragma once
// A transaction of eight resources, shaped as ours are, with everything a patient may say marked.

#include <string>

#include <fmt/format.h>

#include "fhir/base64.h"
#include "fhir/json.h"
#include "fhir/uuid.h"
#include "plugin/mapping/identifiers.h"

namespace myoflag::delivery {

// Stands where patient data stand: may be nowhere but in the store and in the EHR.
inline constexpr const char* kCanary = "CANARY-7f3a";

inline std::string urn_of(const std::string& name, int number) {
  return fhir::to_urn(fhir::uuid_v5(fhir::uuid_namespace_url, fmt::format("{}/{}", name, number)));
}

inline fhir::Json entry_for_test(const std::string& name, int number, fhir::Json resource) {
  using fhir::Json;
  const std::string value = urn_of(name, number).substr(9);
  const std::string type(resource.string_of("resourceType"));
  std::string search = mapping::token_search("identifier", "https://us.example", value);
  Json identifier = Json::object({{"system", "https://us.example"}, {"value", value}});
  if (type == "Provenance") {
    search = mapping::token_search("_tag", "https://us.example", value);
    resource.set("meta",
                 Json::object({{"tag", Json::array({Json::object({{"system", "https://us.example"},
                                                                  {"code", value}})})}}));
  } else if (type == "QuestionnaireResponse") {
    resource.set("identifier", std::move(identifier));
  } else {
    resource.set("identifier", Json::array({std::move(identifier)}));
  }
  return Json::object(
      {{"fullUrl", urn_of(name, number)},
       {"resource", std::move(resource)},
       {"request", Json::object({{"method", "POST"}, {"url", type}, {"ifNoneExist", search}})}});
}

inline fhir::Json small_bundle(const std::string& name) {
  using fhir::Json;
  const auto to = [&](int number) { return Json::object({{"reference", urn_of(name, number)}}); };
  const auto resource = [&](const char* type) {
    return Json::object({{"resourceType", type}, {"note", kCanary}});
  };
  Json response = resource("QuestionnaireResponse");
  response.set("subject", Json::object({{"reference", "Patient/p1"}}));
  Json answer = resource("Observation");
  answer.set("derivedFrom", Json::array({to(1)}));
  Json flag = resource("Observation");
  flag.set("derivedFrom", Json::array({to(2), to(1)}));
  Json tier = resource("Observation");
  tier.set("hasMember", Json::array({to(3)}));
  Json request = resource("ServiceRequest");
  request.set("requester", to(0));
  request.set("reasonReference", Json::array({to(3)}));
  Json document = resource("DocumentReference");
  const std::string page = "<html><main>\n<p>Muskelzucken</p>\n</main></html>\n";
  document.set(
      "content",
      Json::array({Json::object({{"attachment", Json::object({{"contentType", "text/html"},
                                                              {"data", fhir::base64(page)}})}})}));
  document.set("author", Json::array({to(0)}));
  Json provenance = resource("Provenance");
  provenance.set("target", Json::array({to(2), to(3), to(4), to(5), to(6)}));
  Json entries = Json::array();
  int number = 0;
  for (const Json& one :
       {resource("Device"), response, answer, flag, tier, request, document, provenance}) {
    entries.push(entry_for_test(name, number++, one));
  }
  return Json::object({{"resourceType", "Bundle"}, {"type", "transaction"}, {"entry", entries}});
}

inline std::string unbase64_for_test(std::string_view text) {
  constexpr std::string_view letters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned bits = 0;
  int have = 0;
  for (const char c : text) {
    if (c == '=') {
      break;
    }
    bits = bits << 6U | static_cast<unsigned>(letters.find(c));
    have += 6;
    if (have >= 8) {
      have -= 8;
      out += static_cast<char>(bits >> static_cast<unsigned>(have) & 0xffU);
    }
  }
  return out;
}

}  // namespace myoflag::delivery
