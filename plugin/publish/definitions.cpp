#include "plugin/publish/definitions.h"

#include <utility>

#include "fhir/convert.h"
#include "plugin/mapping/activity_definition.h"
#include "plugin/mapping/code_system.h"
#include "plugin/mapping/plan_definition.h"
#include "plugin/mapping/questionnaire.h"
#include "plugin/mapping/rule_codes.h"
#include "plugin/mapping/value_set.h"

namespace myoflag::publish {

std::vector<fhir::Json> definitions(const rules::Knowledge& knowledge) {
  std::vector<fhir::Json> all;
  const auto add = [&all](const fhir::Json& resource) {
    all.push_back(fhir::in_definition_order(resource));
  };
  const auto add_all = [&add](const std::vector<fhir::Json>& resources) {
    for (const auto& resource : resources) {
      add(resource);
    }
  };
  add(mapping::question_code_system(knowledge));
  add(mapping::answer_code_system(knowledge));
  add_all(mapping::assessment_code_systems(knowledge));
  add_all(mapping::value_sets(knowledge));
  add(mapping::questionnaire_resource(knowledge));
  add(mapping::variables_library(knowledge));
  add_all(mapping::activity_definitions(knowledge));
  add(mapping::plan_definition(knowledge));
  return all;
}

}  // namespace myoflag::publish
