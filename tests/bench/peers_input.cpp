// Writes conditions, patients and our verdicts as JSON for tests/bench/peers/peers.js.
// usage: peers_input [PATIENTS [SEED [plain|bare|response|plan]]]   plain: sixty conditions of one
// comparison each, instead of the rules; bare: the same without a third value, the least that can
// be asked of another engine, where what is not known is false; response: as bare, over whole
// responses of 4 to 8 KB; plan: all conditions of each action of the PlanDefinition together,
// against whether the rule fires.

#include <array>
#include <bit>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>

#include "fhir/json.h"
#include "plugin/mapping/code_system.h"
#include "plugin/mapping/fast_answers.h"
#include "plugin/mapping/fhirpath_form.h"
#include "plugin/mapping/plan_definition.h"
#include "rules/evaluate.h"
#include "tests/bench/invented_intakes.h"
#include "tests/support/fhirpath_variables.h"
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

Json json_of(Tri value) { return value == Tri::unknown ? Json(nullptr) : Json(value == Tri::yes); }

// Every third patient answered a form that offers only a part of the options.
Facts facts_of(const Knowledge& knowledge, const testing::Names& names, const testing::Form& form,
               int number) {
  Facts facts = names.facts(form);
  for (std::size_t i = 0; number % 3 == 2 && i < knowledge.items.size(); ++i) {
    const Item& item = knowledge.items[i];
    const bool is_part = item.repeats && (i + static_cast<std::size_t>(number)) % 4 == 0;
    if (is_part && facts.answers.state[i] == ItemState::answered) {
      for (AnswerRecord* record : {&facts.answers, &facts.raw}) {
        record->chosen[i] = (record->chosen[i] & ~item.none) | kNotOffered;
      }
    }
  }
  return facts;
}

// ---- conditions without a third value

void add_bare_conditions(const Knowledge& knowledge, Json& out) {
  for (const auto& rule : knowledge.rules) {
    const Op& op =
        knowledge.program.ops[knowledge.program.roots[static_cast<std::size_t>(rule.root)]];
    const Item& item = knowledge.items[op.item];
    const auto option = static_cast<std::size_t>(std::countr_zero(op.mask));
    out.push(Json::object({{"id", rule.id},
                           {"variables", "'" + item.options[option].code + "' in %" +
                                             myoflag::mapping::testing::answer_variable(item)}}));
  }
}

Json bare_patient(const Knowledge& knowledge, const testing::Names& names,
                  const testing::Form& form, int number) {
  const Facts facts = facts_of(knowledge, names, form, number);
  Json expected = Json::object();
  for (const auto& rule : knowledge.rules) {
    expected.set(rule.id, knowledge.program.evaluate(rule.root, facts.answers, facts.record, {}) ==
                              Tri::yes);
  }
  return Json::object(
      {{"vars", myoflag::mapping::testing::fhirpath_variables(knowledge, facts, {})},
       {"expected", std::move(expected)}});
}

// ---- the same over the response

// By the path of the groups, the quickest way there is to a question.
std::string answers_path(const Knowledge& knowledge, const Item& item) {
  const std::string above =
      item.parent < 0
          ? ""
          : answers_path(knowledge, knowledge.items[static_cast<std::size_t>(item.parent)]) + ".";
  return above + "item.where(linkId = '" + item.link_id + "')";
}

void add_response_conditions(const Knowledge& knowledge, Json& out) {
  for (const auto& rule : knowledge.rules) {
    const Op& op =
        knowledge.program.ops[knowledge.program.roots[static_cast<std::size_t>(rule.root)]];
    const Item& item = knowledge.items[op.item];
    const auto option = static_cast<std::size_t>(std::countr_zero(op.mask));
    out.push(
        Json::object({{"id", rule.id},
                      {"response", answers_path(knowledge, item) + ".answer.value.where(code = '" +
                                       myoflag::mapping::answer_code(item, item.options[option]) +
                                       "').exists()"}}));
  }
}

Json response_patient(const Knowledge& knowledge, myoflag::mapping::FastReader& reader,
                      std::string_view line) {
  const auto read = reader.read(line);
  auto response = myoflag::fhir::read_json(line);
  if (!read || !response) {
    throw std::logic_error("an invented response is not plain");
  }
  Json expected = Json::object();
  for (const auto& rule : knowledge.rules) {
    expected.set(rule.id, knowledge.program.evaluate(rule.root, read->given, {}, {}) == Tri::yes);
  }
  return Json::object(
      {{"response", std::move(response).value()}, {"expected", std::move(expected)}});
}

void add_response_patients(const Knowledge& knowledge, int count, std::uint64_t seed, Json& out) {
  const myoflag::mapping::FastForm form(testing::twitching());
  myoflag::mapping::FastReader reader(form);
  myoflag::bench::InventedIntakes intakes(seed);
  for (int i = 0; i < count; ++i) {
    std::string line;
    intakes.next(line);
    out.push(response_patient(knowledge, reader, line));
  }
}

// ---- the PlanDefinition

void add_actions(const Knowledge& knowledge, Json& out) {
  const Json plan = myoflag::mapping::plan_definition(knowledge);
  for (const auto& action : plan.array_of("action")) {
    std::string all;
    for (const auto& condition : action.array_of("condition")) {
      all += (all.empty() ? "(" : " and (") +
             std::string(condition.find("expression")->string_of("expression")) + ")";
    }
    out.push(Json::object({{"id", action.string_of("id")}, {"variables", all}}));
  }
}

// What only the program knows, from the same flags by its own way.
Tri may_reassure(const Knowledge& knowledge, const Facts& facts, const EvaluateFlags& flags,
                 const Verdicts& verdicts) {
  Tri value = tri(!flags.stale && !flags.doubtful);
  for (const auto& read : knowledge.tape.labs) {
    const Lab& lab = facts.record.labs[read.lab];
    value = value && tri(lab.state != LabState::unusable || lab.age_days > read.max_age);
  }
  for (const int rule : flags.earlier_flags) {
    value = value && verdicts.rules[static_cast<std::size_t>(rule)];
  }
  return value;
}

Json patient_of_plan(const Knowledge& knowledge, const testing::Names& names,
                     const testing::Form& form, int number) {
  const Facts facts = facts_of(knowledge, names, form, number);
  EvaluateFlags flags = names.flags(form);
  flags.stale = number % 2 == 1;
  flags.changed = std::array{Tri::no, Tri::yes, Tri::unknown}[static_cast<std::size_t>(number % 3)];
  Verdicts verdicts;
  evaluate(knowledge, facts, flags, verdicts);
  Json vars = myoflag::mapping::testing::fhirpath_variables(knowledge, facts, verdicts.fired);
  vars.set("may_reassure", json_of(may_reassure(knowledge, facts, flags, verdicts)));
  vars.set("changed", json_of(flags.changed));
  Json expected = Json::object();
  for (std::size_t i = 0; i < knowledge.rules.size(); ++i) {
    if (knowledge.rules[i].raises()) {
      expected.set(knowledge.rules[i].id, json_of(verdicts.rules[i]));
    }
  }
  for (std::size_t i = 0; i < knowledge.gaps.size(); ++i) {
    if (knowledge.gaps[i].raises()) {
      expected.set(knowledge.gaps[i].id, json_of(verdicts.gaps[i]));
    }
  }
  return Json::object({{"vars", std::move(vars)}, {"expected", std::move(expected)}});
}

Json patient(const Knowledge& knowledge, const testing::Names& names, const testing::Form& form,
             int number) {
  const Facts facts = facts_of(knowledge, names, form, number);
  Verdicts verdicts;
  evaluate(knowledge, facts, names.flags(form), verdicts);
  Json expected = Json::object();
  add_expected(knowledge, knowledge.rules, facts, verdicts.fired, expected);
  add_expected(knowledge, knowledge.gaps, facts, verdicts.fired, expected);
  return Json::object(
      {{"vars", myoflag::mapping::testing::fhirpath_variables(knowledge, facts, verdicts.fired)},
       {"expected", std::move(expected)}});
}

}  // namespace

int main(int argc, char** argv) {
  const int count = argc > 1 ? std::atoi(argv[1]) : 200;
  const auto seed = static_cast<std::uint64_t>(argc > 2 ? std::atoi(argv[2]) : 1);
  const std::string_view kind = argc > 3 ? argv[3] : "";
  const bool bare = kind == "bare";
  const bool response = kind == "response";
  const bool plan = kind == "plan";
  const Knowledge& twitching = *testing::twitching();
  const KnowledgePtr sixty = testing::plain_conditions(twitching, 60);
  const Knowledge& knowledge = kind == "plain" || bare || response ? *sixty : twitching;
  const testing::Names names(twitching);
  testing::RandomForms forms(twitching, seed);
  Json conditions = Json::array();
  if (plan) {
    add_actions(knowledge, conditions);
  } else if (bare) {
    add_bare_conditions(knowledge, conditions);
  } else if (response) {
    add_response_conditions(knowledge, conditions);
  } else {
    add_conditions(knowledge, knowledge.rules, conditions);
    add_conditions(knowledge, knowledge.gaps, conditions);
  }
  Json patients = Json::array();
  if (response) {
    add_response_patients(knowledge, count, seed, patients);
  }
  for (int i = 0; i < count && !response; ++i) {
    const auto form = forms.next();
    patients.push(plan   ? patient_of_plan(knowledge, names, form, i)
                  : bare ? bare_patient(knowledge, names, form, i)
                         : patient(knowledge, names, form, i));
  }
  std::cout << write_json(
      Json::object({{"conditions", std::move(conditions)}, {"patients", std::move(patients)}}));
  return std::cout.flush() ? 0 : 1;
}
