// Prints a Bundle of everything that our resources refer to by canonical address or code system,
// for validators: the Questionnaire and our CodeSystems.
#include <cstdio>
#include <string>
#include <utility>

#include "fhir/json.h"
#include "plugin/knowledge/knowledge.h"
#include "plugin/mapping/code_system.h"
#include "plugin/mapping/questionnaire.h"
#include "plugin/mapping/rule_codes.h"

using myoflag::fhir::Json;

int main() {
  const auto knowledge = myoflag::embedded_knowledge();
  Json entries = Json::array();
  const auto add = [&entries](Json resource) {
    std::string url(resource.string_of("url"));
    entries.push(Json::object({{"fullUrl", std::move(url)}, {"resource", std::move(resource)}}));
  };
  add(myoflag::mapping::questionnaire_resource(*knowledge));
  add(myoflag::mapping::question_code_system(*knowledge));
  add(myoflag::mapping::answer_code_system(*knowledge));
  for (Json& system : myoflag::mapping::assessment_code_systems(*knowledge)) {
    add(std::move(system));
  }
  const Json bundle = Json::object(
      {{"resourceType", "Bundle"}, {"type", "collection"}, {"entry", std::move(entries)}});
  const std::string text = myoflag::fhir::write_json(bundle);
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() ? 0 : 1;
}
