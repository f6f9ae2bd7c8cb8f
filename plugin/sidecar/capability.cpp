#include "plugin/sidecar/capability.h"

#include <fmt/format.h>

#include "plugin/sidecar/operations.h"

namespace myoflag::sidecar {
namespace {

using fhir::Json;

// Read of the one form, and the search that leads to it.
Json questionnaire_capability() {
  return Json::object(
      {{"type", "Questionnaire"},
       {"interaction",
        Json::array({Json::object({{"code", "read"}}), Json::object({{"code", "search-type"}})})},
       {"versioning", "no-version"},
       {"searchParam",
        Json::array(
            {Json::object({{"name", "url"},
                           {"definition", "http://hl7.org/fhir/SearchParameter/conformance-url"},
                           {"type", "uri"}}),
             Json::object(
                 {{"name", "version"},
                  {"definition", "http://hl7.org/fhir/SearchParameter/conformance-version"},
                  {"type", "token"}})})}});
}

// Nothing of it is kept: it is validated and extracted.
Json response_capability() {
  return Json::object({{"type", "QuestionnaireResponse"}, {"operation", response_operations()}});
}

Json definition_capability() {
  return Json::object({{"type", "OperationDefinition"},
                       {"interaction", Json::array({Json::object({{"code", "read"}})})}});
}

}  // namespace

Json capability_statement(const rules::Knowledge& knowledge, std::string_view version,
                          std::string_view base) {
  return Json::object(
      {{"resourceType", "CapabilityStatement"},
       {"status", "active"},
       {"date", knowledge.date},
       {"kind", "instance"},
       {"software", Json::object({{"name", "Myoflag"}, {"version", version}})},
       {"implementation",
        Json::object({{"description", fmt::format("{} {} ({})", knowledge.title, knowledge.version,
                                                  knowledge.digest)},
                      {"url", base}})},
       {"fhirVersion", "4.0.1"},
       {"format", Json::array({"application/fhir+json", "application/fhir+xml"})},
       {"rest", Json::array({Json::object(
                    {{"mode", "server"},
                     {"resource", Json::array({questionnaire_capability(), response_capability(),
                                               definition_capability()})},
                     {"operation", system_operations(knowledge)}})})}});
}

}  // namespace myoflag::sidecar
