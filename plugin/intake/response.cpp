#include "plugin/intake/response.h"

#include <utility>

#include "fhir/datetime.h"
#include "plugin/mapping/code_system.h"

namespace myoflag::intake {

namespace {

using fhir::Json;
using rules::Item;
using rules::ItemType;

Json answers_of(const rules::Knowledge& knowledge, const Item& item, const Answer& answer) {
  Json answers = Json::array();
  if (answer.is_skipped()) {
    return answers;
  }
  if (item.type == ItemType::text) {
    answers.push(Json::object({{"valueString", answer.text}}));
  } else if (item.is_numeric()) {
    const auto* name = item.type == ItemType::integer ? "valueInteger" : "valueDecimal";
    answers.push(Json::object({{name, Json::Number{answer.text}}}));
  }
  for (std::size_t i = 0; i < item.options.size(); ++i) {
    if ((answer.chosen >> i & 1U) != 0) {
      answers.push(Json::object(
          {{"valueCoding", mapping::answer_coding(knowledge, item, item.options[i])}}));
    }
  }
  return answers;
}

Json items_of(const rules::Knowledge& knowledge, const Draft& draft, const Form& form, int parent) {
  Json items = Json::array();
  for (std::size_t i = 0; i < knowledge.items.size(); ++i) {
    const Item& item = knowledge.items[i];
    const int index = static_cast<int>(i);
    if (item.parent != parent) {
      continue;
    }
    Json entry = Json::object({{"linkId", item.link_id}, {"text", item.text}});
    if (item.type == ItemType::group) {
      Json children = items_of(knowledge, draft, form, index);
      if (!children.is_empty()) {
        items.push(std::move(entry.set("item", std::move(children))));
      }
      continue;
    }
    const auto given = draft.find(index);
    if (given != draft.end() && has_page(form, index)) {
      items.push(std::move(entry.set_if("answer", answers_of(knowledge, item, given->second))));
    }
  }
  return items;
}

}  // namespace

Json response_of(const rules::Knowledge& knowledge, const Draft& draft, const Form& form,
                 const About& about) {
  Json response = Json::object({{"resourceType", "QuestionnaireResponse"}, {"id", about.id}});
  response.set_if("language", about.language);
  response.set("questionnaire", mapping::questionnaire_canonical(knowledge));
  response.set("status", about.is_finished ? "completed" : "in-progress");
  response.set("subject", Json::object({{"reference", about.patient}}));
  response.set("authored", fhir::instant_text(about.authored));
  // People of whom only this is known: no resource of the record is meant.
  if (!about.author.empty()) {
    response.set("author", Json::object({{"type", "Practitioner"}, {"display", about.author}}));
  }
  if (about.source == "Patient") {
    response.set("source", Json::object({{"reference", about.patient}}));
  } else if (!about.source.empty()) {
    response.set("source", Json::object({{"type", about.source}, {"display", about.source_text}}));
  }
  response.set_if("item", items_of(knowledge, draft, form, -1));
  return response;
}

}  // namespace myoflag::intake
