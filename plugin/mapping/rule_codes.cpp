#include "plugin/mapping/rule_codes.h"

#include <utility>

#include "plugin/mapping/code_system.h"

namespace myoflag::mapping {

namespace {

using fhir::Json;
using rules::Knowledge;
using rules::Tier;

constexpr std::string_view kResults[] = {kUrgencyTier, kTargetTime, kExplanation};

std::string_view display_of(const Knowledge& knowledge, std::string_view result) {
  return knowledge.text("result-" + std::string(result));
}

Json concept_json(std::string_view code, std::string_view display, std::string_view definition) {
  Json entry = Json::object({{"code", code}, {"display", display}});
  entry.set_if("definition", definition);
  return entry;
}

Json code_system(const Knowledge& knowledge, std::string_view kind, Json properties,
                 Json concepts) {
  Json resource = artefact_header(knowledge, "CodeSystem", kind, kind);
  resource.set("caseSensitive", true);
  resource.set("content", "complete");
  resource.set("count", static_cast<std::int64_t>(concepts.as_array()->size()));
  resource.set_if("property", std::move(properties));
  resource.set_if("concept", std::move(concepts));
  return resource;
}

Json rule_concept(const rules::Rule& rule) {
  Json entry =
      concept_json(rule.id, rule.title, rule.rationale.empty() ? rule.policy : rule.rationale);
  entry.set(
      "property",
      Json::array({Json::object({{"code", "tier"}, {"valueString", rules::code_of(rule.tier)}})}));
  return entry;
}

// A policy without a tier of its own is never a result.
bool is_result(const rules::Rule& rule) {
  return rule.kind != rules::Rule::Kind::notice && rule.kind != rules::Rule::Kind::guard;
}

}  // namespace

std::string result_system(const Knowledge& knowledge, std::string_view kind) {
  return knowledge.canonical + "/CodeSystem/" + knowledge.id + "-" + std::string(kind);
}

Json rule_coding(const Knowledge& knowledge, const rules::Rule& rule) {
  return coding(result_system(knowledge, "rules"), rule.id, rule.title);
}

Json tier_coding(const Knowledge& knowledge, Tier tier) {
  return coding(result_system(knowledge, "tiers"), rules::code_of(tier),
                knowledge.tiers[static_cast<std::size_t>(tier)].label);
}

Json workup_coding(const Knowledge& knowledge, const rules::Workup& workup) {
  return coding(result_system(knowledge, "workups"), workup.code, workup.text);
}

Json hypothesis_coding(const Knowledge& knowledge, const rules::Hypothesis& hypothesis) {
  return coding(result_system(knowledge, "hypotheses"), hypothesis.code, hypothesis.text);
}

Json result_coding(const Knowledge& knowledge, std::string_view code) {
  return coding(result_system(knowledge, "results"), code, display_of(knowledge, code));
}

Json rule_code_system(const Knowledge& knowledge) {
  Json concepts = Json::array();
  for (const auto& rule : knowledge.rules) {
    concepts.push(rule_concept(rule));
  }
  for (const auto& gap : knowledge.gaps) {
    if (is_result(gap)) {
      concepts.push(rule_concept(gap));
    }
  }
  Json properties = Json::array({Json::object(
      {{"code", "tier"}, {"description", "Urgency tier of the rule"}, {"type", "string"}})});
  return code_system(knowledge, "rules", std::move(properties), std::move(concepts));
}

Json tier_code_system(const Knowledge& knowledge) {
  Json concepts = Json::array();
  for (auto tier = rules::kTiers.rbegin(); tier != rules::kTiers.rend(); ++tier) {
    const auto& info = knowledge.tiers[static_cast<std::size_t>(*tier)];
    concepts.push(concept_json(rules::code_of(*tier), info.label, info.meaning));
  }
  return code_system(knowledge, "tiers", Json::array(), std::move(concepts));
}

Json workup_code_system(const Knowledge& knowledge) {
  Json concepts = Json::array();
  for (const auto& workup : knowledge.workups) {
    concepts.push(concept_json(workup.code, workup.text, workup.note));
  }
  return code_system(knowledge, "workups", Json::array(), std::move(concepts));
}

Json hypothesis_code_system(const Knowledge& knowledge) {
  Json concepts = Json::array();
  for (const auto& hypothesis : knowledge.hypotheses) {
    concepts.push(concept_json(hypothesis.code, hypothesis.text, ""));
  }
  return code_system(knowledge, "hypotheses", Json::array(), std::move(concepts));
}

Json result_code_system(const Knowledge& knowledge) {
  Json concepts = Json::array();
  for (const auto& result : kResults) {
    concepts.push(concept_json(result, display_of(knowledge, result), ""));
  }
  return code_system(knowledge, "results", Json::array(), std::move(concepts));
}

std::string writing_system(const Knowledge& knowledge) {
  return result_system(knowledge, "writings");
}

Json writing_code_system(const Knowledge& knowledge) {
  Json resource = artefact_header(knowledge, "CodeSystem", "writings", "writings");
  resource.set("caseSensitive", true);
  resource.set("content", "not-present");
  return resource;
}

std::vector<Json> assessment_code_systems(const Knowledge& knowledge) {
  return {rule_code_system(knowledge),   tier_code_system(knowledge),
          workup_code_system(knowledge), hypothesis_code_system(knowledge),
          result_code_system(knowledge), writing_code_system(knowledge)};
}

std::string policy_canonical(const Knowledge& knowledge) {
  return knowledge.canonical + "/PlanDefinition/" + knowledge.id + "|" + knowledge.version;
}

}  // namespace myoflag::mapping
