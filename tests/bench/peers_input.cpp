// Writes conditions, patients and our verdicts as JSON for tests/bench/peers/peers.js.
// usage: peers_input [PATIENTS [SEED [plain]]]   plain: sixty conditions of one comparison each,
// instead of the rules.

#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

#include "fhir/json.h"
#include "plugin/mapping/fhirpath_form.h"
#include "rules/evaluate.h"
#include "tests/support/plain_conditions.h"
#include "tests/support/random_forms.h"

namespace {

using myoflag::fhir::Json;
using namespace myoflag::rules;

bool has_condition(const Rule& rule) { return rule.kind != Rule::Kind::change; }

void add_conditions(const Knowledge& knowledge, const std::vector<Rule>& rules, Json& out) {
  for (const auto& rule : rules) {
    if (has_condition(rule)) {
      out.push(Json::object(
          {{"id", rule.id}, {"variables", myoflag::mapping::fhirpath_form(knowledge, rule)}}));
    }
  }
}

void add_expected(const Knowledge& knowledge, const std::vector<Rule>& rules, const Facts& facts,
                  const FiredTiers& fired, Json& out) {
  for (const auto& rule : rules) {
    if (!has_condition(rule)) {
      continue;
    }
    const Tri value = knowledge.program.evaluate(rule.root, rule.raw ? facts.raw : facts.answers,
                                                 facts.record, fired);
    out.set(rule.id, value == Tri::unknown ? Json(nullptr) : Json(value == Tri::yes));
  }
}

Json patient(const Knowledge& knowledge, const testing::Names& names, const testing::Form& form) {
  const Facts facts = names.facts(form);
  Verdicts verdicts;
  evaluate(knowledge, facts, names.flags(form), verdicts);
  Json expected = Json::object();
  add_expected(knowledge, knowledge.rules, facts, verdicts.fired, expected);
  add_expected(knowledge, knowledge.gaps, facts, verdicts.fired, expected);
  return Json::object(
      {{"vars", myoflag::mapping::fhirpath_variables(knowledge, facts, verdicts.fired)},
       {"expected", std::move(expected)}});
}

}  // namespace

int main(int argc, char** argv) {
  const int count = argc > 1 ? std::atoi(argv[1]) : 200;
  const auto seed = static_cast<std::uint64_t>(argc > 2 ? std::atoi(argv[2]) : 1);
  const bool plain = argc > 3 && std::string_view(argv[3]) == "plain";
  const Knowledge& twitching = *testing::twitching();
  const KnowledgePtr sixty = testing::plain_conditions(twitching, 60);
  const Knowledge& knowledge = plain ? *sixty : twitching;
  const testing::Names names(twitching);
  testing::RandomForms forms(twitching, seed);
  Json conditions = Json::array();
  add_conditions(knowledge, knowledge.rules, conditions);
  add_conditions(knowledge, knowledge.gaps, conditions);
  Json patients = Json::array();
  for (int i = 0; i < count; ++i) {
    patients.push(patient(knowledge, names, forms.next()));
  }
  std::cout << write_json(
      Json::object({{"conditions", std::move(conditions)}, {"patients", std::move(patients)}}));
  return std::cout.flush() ? 0 : 1;
}
