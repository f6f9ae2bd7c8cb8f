#include "plugin/mapping/plan_definition.h"

#include <algorithm>
#include <array>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "plugin/mapping/activity_definition.h"
#include "plugin/mapping/code_system.h"
#include "plugin/mapping/fhirpath_form.h"
#include "plugin/mapping/frame.h"
#include "plugin/mapping/rule_codes.h"
#include "plugin/mapping/value_set.h"
#include "plugin/mapping/vocabulary.h"
#include "rules/criterion.h"
#include "rules/texts.h"

namespace myoflag::mapping {

namespace {

using fhir::Json;
using rules::Knowledge;
using rules::Rule;

constexpr std::string_view of_plan = "http://terminology.hl7.org/CodeSystem/plan-definition-type";
constexpr std::string_view of_action = "http://terminology.hl7.org/CodeSystem/action-type";
constexpr std::string_view of_library = "http://terminology.hl7.org/CodeSystem/library-type";
constexpr std::string_view variables = "variables";

Json one_code(std::string_view system, std::string_view code, std::string_view display) {
  return codeable(Json::array({coding(system, code, display)}), "");
}

// ---- conditions

Json condition(std::string_view description, std::string expression) {
  Json value = Json::object();
  value.set_if("description", description);
  value.set("language", "text/fhirpath");
  value.set("expression", std::move(expression));
  return Json::object({{"kind", "applicability"}, {"expression", std::move(value)}});
}

// Nobody known to be a child; without any age the rules for adults hold.
Json adult(const Knowledge& knowledge) {
  return condition(fmt::format("not known to be under {}", knowledge.adult_age),
                   fmt::format("%ages.exists().not() or %ages.where($this >= {}).exists()",
                               knowledge.adult_age));
}

Json conditions(const Knowledge& knowledge, const Rule& rule) {
  if (rule.kind == Rule::Kind::change) {
    return Json::array({condition({}, "%changed")});
  }
  Json list = Json::array({condition(rule.criterion_text, fhirpath_form(knowledge, rule))});
  if (rule.kind == Rule::Kind::rule && !rule.holds_under_age()) {
    list.push(adult(knowledge));
  }
  if (rule.benign && knowledge.benign_gate >= 0) {
    const Rule& gate = knowledge.gaps[static_cast<std::size_t>(knowledge.benign_gate)];
    list.push(condition(gate.criterion_text, fhirpath_form(knowledge, gate)));
  }
  if (rule.benign) {
    list.push(condition({}, "%may_reassure"));
  }
  return list;
}

// ---- actions

Json within(int hours) {
  return Json::object(
      {{"value", hours}, {"comparator", "<="}, {"unit", "h"}, {"system", kUcum}, {"code", "h"}});
}

void add_target(const rules::Target& target, Json& action) {
  if (target.hours) {
    action.set("timingDuration", within(*target.hours));
  }
}

// The criterion of a target, read again: knowledge keeps it as written and compiled.
Rule target_rule(const Knowledge& knowledge, const Rule& rule,
                 const rules::ConditionalTarget& target) {
  const auto link_of = [&](int item) -> const std::string& {
    return knowledge.items[static_cast<std::size_t>(item)].link_id;
  };
  auto criterion = rules::read_criterion(target.criterion_text, knowledge.option_sets,
                                         link_of(knowledge.bindings.medicines),
                                         link_of(knowledge.bindings.conditions));
  if (!criterion) {
    throw std::logic_error("a checked criterion can be read");
  }
  Rule copy = rule;
  copy.criterion = *std::move(criterion);
  copy.root = target.criterion;
  return copy;
}

Json sooner(const Knowledge& knowledge, const Rule& rule, const rules::ConditionalTarget& target) {
  Json action = Json::object();
  action.set_if("title", target.target.text);
  action.set(
      "condition",
      Json::array({condition(target.criterion_text,
                             fhirpath_form(knowledge, target_rule(knowledge, rule, target)))}));
  add_target(target.target, action);
  return action;
}

Json proposal(const Knowledge& knowledge, const rules::Workup& workup) {
  return Json::object({{"title", workup.text},
                       {"type", one_code(of_action, "create", "Create")},
                       {"definitionCanonical", activity_canonical(knowledge, workup)}});
}

int index_of(const Knowledge& knowledge, const Rule& rule) {
  const auto& rules = knowledge.rules;
  const auto found = std::find_if(rules.begin(), rules.end(),
                                  [&](const Rule& known) { return known.id == rule.id; });
  return static_cast<int>(found - rules.begin());
}

Json parts(const Knowledge& knowledge, const Rule& rule) {
  Json list = Json::array();
  for (const auto& target : rule.target_when) {
    list.push(sooner(knowledge, rule, target));
  }
  for (const int index : rule.workups) {
    const auto& workup = knowledge.workups[static_cast<std::size_t>(index)];
    // Gap policies propose nothing; their lists say what a clinician may think of.
    if (rule.kind == Rule::Kind::rule && workup.may_come_from(index_of(knowledge, rule))) {
      list.push(proposal(knowledge, workup));
    }
  }
  return list;
}

std::string description(const Knowledge& knowledge, const Rule& rule) {
  std::string text = rule.rationale.empty() ? rule.policy : rule.rationale;
  std::string against;
  for (const int index : rule.must_not) {
    against +=
        (against.empty() ? "" : "; ") + knowledge.workups[static_cast<std::size_t>(index)].text;
  }
  if (!against.empty()) {
    text += (text.empty() ? "" : "\n") +
            rules::fill(knowledge.text("publish-not-because"), {{"tests", against}});
  }
  return text;
}

Json citation(const rules::Source& source) {
  Json artifact = Json::object({{"type", "citation"}, {"label", source.id}});
  artifact.set_if("display", source.title);
  artifact.set_if("citation", source.address.empty()
                                  ? fmt::format("{} (grade {})", source.title, source.grade)
                                  : fmt::format("{} (grade {}), {}", source.title, source.grade,
                                                source.address));
  return artifact;
}

Json citations(const Knowledge& knowledge, const std::vector<int>& sources) {
  Json list = Json::array();
  for (const int index : sources) {
    list.push(citation(knowledge.sources[static_cast<std::size_t>(index)]));
  }
  return list;
}

Json hypotheses(const Knowledge& knowledge, const Rule& rule) {
  Json list = Json::array();
  for (const int index : rule.hypotheses) {
    const auto& hypothesis = knowledge.hypotheses[static_cast<std::size_t>(index)];
    list.push(codeable(Json::array({hypothesis_coding(knowledge, hypothesis)}), hypothesis.text));
  }
  return list;
}

Json action(const Knowledge& knowledge, const Rule& rule) {
  const auto& tier = knowledge.tiers[static_cast<std::size_t>(rule.tier)];
  Json result = Json::object({{"id", rule.id}, {"title", rule.title}});
  result.set_if("description", description(knowledge, rule));
  result.set_if("textEquivalent", rule.target.text.empty()
                                      ? tier.label
                                      : fmt::format("{}: {}", tier.label, rule.target.text));
  result.set_if("priority", tier.priority);
  result.set("code", Json::array({codeable(Json::array({rule_coding(knowledge, rule)}), ""),
                                  codeable(Json::array({tier_coding(knowledge, rule.tier)}), "")}));
  result.set_if("reason", hypotheses(knowledge, rule));
  result.set_if("documentation", citations(knowledge, rule.sources));
  result.set("condition", conditions(knowledge, rule));
  add_target(rule.target, result);
  Json children = parts(knowledge, rule);
  if (!children.is_empty()) {
    result.set("groupingBehavior", "logical-group");
    result.set("selectionBehavior", "any");
    result.set("action", std::move(children));
  }
  return result;
}

Json actions(const Knowledge& knowledge) {
  Json list = Json::array();
  for (const auto* rules : {&knowledge.rules, &knowledge.gaps}) {
    for (const auto& rule : *rules) {
      if (rule.raises()) {
        list.push(action(knowledge, rule));
      }
    }
  }
  return list;
}

// How verdicts become one result is no condition; the policies say it.
std::string policies(const Knowledge& knowledge) {
  std::string text;
  for (const auto& policy : knowledge.policies) {
    text += fmt::format("{}{}: {}", text.empty() ? "" : "\n\n", policy.title, policy.text);
  }
  return text;
}

std::string library_canonical(const Knowledge& knowledge) {
  return fmt::format("{}/Library/{}-{}|{}", knowledge.canonical, knowledge.id, variables,
                     knowledge.version);
}

// ---- variables

void add_names(std::string_view expression, std::set<std::string>& names) {
  const auto is_part = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  for (auto at = expression.find('%'); at != std::string_view::npos;
       at = expression.find('%', at + 1)) {
    auto end = at + 1;
    while (end < expression.size() && is_part(expression[end])) {
      ++end;
    }
    names.emplace(expression.substr(at + 1, end - at - 1));
  }
}

void add_names_of(const Json& action, std::set<std::string>& names) {
  for (const auto& one : action.array_of("condition")) {
    add_names(one.find("expression")->string_of("expression"), names);
  }
  for (const auto& part : action.array_of("action")) {
    add_names_of(part, names);
  }
}

struct Family {
  std::string_view prefix, type, min, max, text;
};
// The longer prefixes before those they begin with. fhirpath_form.h says the same in full.
constexpr std::array<Family, 11> families{
    {{"may_reassure", "boolean", "0", "1",
      "False where answers are old, the record is in doubt, or a red flag of an earlier response "
      "no "
      "longer holds"},
     {"changed", "boolean", "0", "1", "True where something is worse than in the response before"},
     {"ages", "decimal", "0", "*", "The ages in years that patient and record state"},
     {"raw_", "string", "0", "*", "As a_, before \"none\" beside another answer is dropped: "},
     {"low_", "integer", "1", "1", "Least possible score of: "},
     {"high_", "integer", "1", "1", "Greatest possible score of: "},
     {"lab_", "decimal", "0", "1", "Laboratory value, at most so many days old: "},
     {"fired_", "boolean", "0", "1", "Whether a rule of this tier fired: "},
     {"a_", "string", "0", "*",
      "Option codes answered, #missing when skipped, not asked or unusable, #not-offered when not "
      "all options could be chosen, #not-shown when it does not apply, #answered for a number: "},
     {"n_", "decimal", "0", "1", "Number answered: "},
     {"r_", "string", "0", "*", "Option codes that the record asserts: "}}};
constexpr Family known{"k_", "boolean", "1", "1", "Whether the record answers: "};

const Family& family_of(std::string_view name) {
  for (const auto& family : families) {
    if (name.starts_with(family.prefix)) {
      return family;
    }
  }
  return known;
}

// What it is about: the text of the question, else the rest of the name.
std::string about(const Knowledge& knowledge, std::string_view rest) {
  for (const auto& item : knowledge.items) {
    std::string name = item.link_id;
    for (char& c : name) {
      c = c == '-' ? '_' : c;
    }
    if (name == rest) {
      return item.text;
    }
  }
  return std::string(rest);
}

Json parameter(const Knowledge& knowledge, const std::string& name) {
  const Family& family = family_of(name);
  const std::string_view rest = std::string_view(name).substr(family.prefix.size());
  const std::string text = std::string(family.text) + (rest.empty() ? "" : about(knowledge, rest));
  Json result = Json::object({{"name", name}, {"use", "in"}});
  result.set("min", Json::Number{std::string(family.min)});
  result.set("max", family.max);
  result.set("documentation", text);
  result.set("type", family.type);
  return result;
}

Json parameters(const Knowledge& knowledge) {
  std::set<std::string> names;
  const Json rules = actions(knowledge);
  for (const auto& rule : *rules.as_array()) {
    add_names_of(rule, names);
  }
  Json list = Json::array();
  for (const auto& name : names) {
    list.push(parameter(knowledge, name));
  }
  return list;
}

void add_requirements(const Knowledge& knowledge, RecordKind kind, std::string_view type,
                      std::string_view path, Json& list) {
  for (const auto& set : record_value_sets(knowledge, kind)) {
    const std::string canonical =
        fmt::format("{}|{}", set.string_of("url"), set.string_of("version"));
    list.push(Json::object(
        {{"type", type},
         {"codeFilter", Json::array({Json::object({{"path", path}, {"valueSet", canonical}})})}}));
  }
}

}  // namespace

Json plan_definition(const Knowledge& knowledge) {
  Json resource = artefact_header(knowledge, "PlanDefinition", "", "");
  resource.set("type", one_code(of_plan, "workflow-definition", "Workflow Definition"));
  resource.set_if("usage", policies(knowledge));
  resource.set("library", Json::array({library_canonical(knowledge)}));
  resource.set_if("action", actions(knowledge));
  return resource;
}

Json variables_library(const Knowledge& knowledge) {
  Json resource = artefact_header(knowledge, "Library", variables, variables);
  resource.set("type", one_code(of_library, "logic-library", "Logic Library"));
  resource.set("parameter", parameters(knowledge));
  Json record = Json::array();
  add_requirements(knowledge, RecordKind::medicine, "MedicationStatement", "medication", record);
  add_requirements(knowledge, RecordKind::medicine, "MedicationRequest", "medication", record);
  add_requirements(knowledge, RecordKind::condition, "Condition", "code", record);
  add_requirements(knowledge, RecordKind::laboratory, "Observation", "code", record);
  resource.set_if("dataRequirement", std::move(record));
  return resource;
}

}  // namespace myoflag::mapping
