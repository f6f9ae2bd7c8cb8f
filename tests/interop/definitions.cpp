// Prints a Bundle of everything that we publish, and that our resources refer to by canonical
// address or code system, for validators: all definitions of the knowledge and our
// OperationDefinition. With an argument: the CapabilityStatement of the sidecar, which has no
// address to refer to.
#include "plugin/publish/definitions.h"

#include <cstdio>
#include <string>
#include <utility>

#include "fhir/json.h"
#include "plugin/knowledge/knowledge.h"
#include "plugin/sidecar/capability.h"
#include "plugin/sidecar/operations.h"

using myoflag::fhir::Json;

int main(int argc, char** /*argv*/) {
  const auto knowledge = myoflag::embedded_knowledge();
  Json entries = Json::array();
  const auto add = [&entries](Json resource) {
    std::string url(resource.string_of("url"));
    entries.push(Json::object({{"fullUrl", std::move(url)}, {"resource", std::move(resource)}}));
  };
  for (Json& resource : myoflag::publish::definitions(*knowledge)) {
    add(std::move(resource));
  }
  add(myoflag::sidecar::assess_definition(*knowledge, "0"));
  const Json bundle = Json::object(
      {{"resourceType", "Bundle"}, {"type", "collection"}, {"entry", std::move(entries)}});
  const Json capability =
      myoflag::sidecar::capability_statement(*knowledge, "0", "https://sidecar.example/fhir");
  const std::string text = myoflag::fhir::write_json(argc == 1 ? bundle : capability);
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() ? 0 : 1;
}
