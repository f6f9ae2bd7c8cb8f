#include "tests/mapping/assessed_response.h"

#include <chrono>
#include <stdexcept>
#include <utility>

#include "fhir/datetime.h"
#include "fhir/response.h"
#include "plugin/knowledge/knowledge.h"
#include "plugin/mapping/answers.h"
#include "plugin/mapping/code_system.h"
#include "rules/evaluate.h"
#include "rules/settle.h"

namespace myoflag::mapping {

namespace {

using fhir::Json;
using rules::Item;
using rules::ItemType;
using rules::Knowledge;

Json answer_of(const Knowledge& knowledge, const Item& item, const std::string& text) {
  switch (item.type) {
    case ItemType::integer:
      return Json::object({{"valueInteger", Json::Number{text}}});
    case ItemType::decimal:
      return Json::object({{"valueDecimal", Json::Number{text}}});
    case ItemType::text:
      return Json::object({{"valueString", text}});
    default:
      break;
  }
  const int option = item.option(text);
  if (option < 0) {
    throw std::invalid_argument(item.link_id + " has no option " + text);
  }
  return Json::object(
      {{"valueCoding",
        answer_coding(knowledge, item, item.options[static_cast<std::size_t>(option)])}});
}

Json items_below(const Knowledge& knowledge, const Given& given, int parent) {
  Json items = Json::array();
  for (std::size_t i = 0; i < knowledge.items.size(); ++i) {
    const auto& item = knowledge.items[i];
    if (item.parent != parent || item.type == ItemType::display) {
      continue;
    }
    Json entry = Json::object({{"linkId", item.link_id}});
    if (item.type == ItemType::group) {
      entry.set_if("item", items_below(knowledge, given, static_cast<int>(i)));
    } else if (const auto answers = given.find(item.link_id); answers != given.end()) {
      Json list = Json::array();
      for (const auto& text : answers->second) {
        list.push(answer_of(knowledge, item, text));
      }
      entry.set_if("answer", std::move(list));
    }
    if (entry.as_object()->size() > 1) {
      items.push(std::move(entry));
    }
  }
  return items;
}

}  // namespace

Given calm_answers() {
  return {{"em-now", {"none"}},
          {"em-sudden", {"none"}},
          {"em-spreading", {"none"}},
          {"em-context", {"none"}},
          {"who-answers", {"self"}},
          {"age-years", {"30"}},
          {"sex-at-birth", {"male"}},
          {"movement-type", {"flicker"}},
          {"site-scope", {"moves-around"}},
          {"body-sites", {"calf-left", "calf-right"}},
          {"duration", {"1-4-weeks"}},
          {"course", {"comes-goes"}},
          {"function-loss", {"none"}},
          {"muscle-changes", {"none"}},
          {"head-neck-symptoms", {"none"}},
          {"sensory-sites", {"none"}},
          {"wider-changes", {"none"}},
          {"body-clues", {"none"}},
          {"lifestyle", {"none"}},
          {"worry-level", {"none"}},
          {"medicine-classes", {"none"}},
          {"health-conditions", {"none"}}};
}

Json response_of(const Given& given) {
  const auto knowledge = embedded_knowledge();
  const Json patient = Json::object({{"reference", "Patient/p1"}});
  Json response = Json::object({{"resourceType", "QuestionnaireResponse"},
                                {"id", "r1"},
                                {"questionnaire", questionnaire_canonical(*knowledge)},
                                {"status", "completed"},
                                {"subject", patient},
                                {"authored", "2026-11-20T09:30:00+01:00"},
                                {"author", patient},
                                {"source", patient}});
  response.set_if("item", items_below(*knowledge, given, -1));
  return response;
}

Judged judged(const Given& given) { return judged(response_of(given)); }

Judged judged(Json response) { return judged(std::move(response), {}, {}); }

Judged judged(Json response, std::vector<rules::RecordEntry> record, rules::RecordFacts facts) {
  const auto knowledge = embedded_knowledge();
  const auto view = fhir::Response::read(response);
  if (!view) {
    throw std::invalid_argument(view.error().text);
  }
  auto answers = read_answers(*knowledge, *view);
  if (!answers) {
    throw std::invalid_argument(answers.error().front().text);
  }
  auto settled = rules::settle(*knowledge, answers->given);
  rules::EvaluationInput input;
  input.response.id = view->header().id;
  input.response.subject = view->header().subject;
  input.response.questionnaire = questionnaire_canonical(*knowledge);
  input.response.authored_text = view->header().authored;
  if (const auto authored = fhir::parse_date_time(input.response.authored_text)) {
    input.response.authored = fhir::earliest(*authored);
  }
  input.facts = settled.facts;
  input.facts.record = std::move(facts);
  input.free_text = answers->free_text;
  input.set_aside = settled.set_aside;
  input.set_aside.insert(input.set_aside.end(), answers->out_of_range.begin(),
                         answers->out_of_range.end());
  input.record = std::move(record);
  using namespace std::chrono;
  input.now = sys_days{year{2026} / 11 / 20} + hours{10};
  return {std::move(response), rules::assess(knowledge, std::move(input))};
}

}  // namespace myoflag::mapping
