#include "plugin/mapping/code_system.h"

#include <utility>
#include <vector>

#include "rules/ascii.h"

namespace myoflag::mapping {

namespace {

using fhir::Json;
using rules::Item;
using rules::Knowledge;
using rules::Option;

constexpr std::string_view same_as = "same-as";

std::string artefact_id(const Knowledge& knowledge, std::string_view kind) {
  return kind.empty() ? knowledge.id : knowledge.id + "-" + std::string(kind);
}

std::string artefact_url(const Knowledge& knowledge, std::string_view resource_type,
                         std::string_view kind) {
  return knowledge.canonical + "/" + std::string(resource_type) + "/" +
         artefact_id(knowledge, kind);
}

// "muscle-twitching" -> "MuscleTwitching": FHIR names must be usable as identifiers.
std::string identifier_name(std::string_view id) {
  std::string name;
  bool upper = true;
  for (const char c : id) {
    if (!rules::is_letter_or_digit(c)) {
      upper = true;
      continue;
    }
    name.push_back(upper ? rules::to_upper(c) : c);
    upper = false;
  }
  return name;
}

const std::string& question_display(const Item& item) {
  return item.concept_text.empty() ? item.text : item.concept_text;
}

Json property_definition(std::string_view code, std::string_view description,
                         std::string_view type) {
  return Json::object({{"code", code}, {"description", description}, {"type", type}});
}

Json same_as_properties(const std::vector<rules::Coding>& codes) {
  Json properties = Json::array();
  for (const auto& code : codes) {
    properties.push(Json::object(
        {{"code", same_as}, {"valueCoding", coding(code.system, code.code, code.display)}}));
  }
  return properties;
}

Json answer_concept(const Item& item, const Option& option) {
  Json concept_json = Json::object({{"code", answer_code(item, option)}, {"display", option.text}});
  Json properties = same_as_properties(option.codes);
  properties.push(Json::object({{"code", "question"}, {"valueString", item.link_id}}));
  concept_json.set("property", std::move(properties));
  return concept_json;
}

Json code_system(const Knowledge& knowledge, std::string_view kind, std::string_view title,
                 Json properties, Json concepts) {
  Json resource = artefact_header(knowledge, "CodeSystem", kind, title);
  resource.set("caseSensitive", true);
  resource.set("content", "complete");
  resource.set("count", static_cast<std::int64_t>(concepts.as_array()->size()));
  resource.set_if("property", std::move(properties));
  resource.set_if("concept", std::move(concepts));
  return resource;
}

}  // namespace

std::string questionnaire_url(const Knowledge& knowledge) { return knowledge.form_url(); }

std::string questionnaire_canonical(const Knowledge& knowledge) {
  return questionnaire_url(knowledge) + "|" + knowledge.version;
}

std::string question_system(const Knowledge& knowledge) {
  return artefact_url(knowledge, "CodeSystem", "questions");
}

std::string answer_system(const Knowledge& knowledge) {
  return artefact_url(knowledge, "CodeSystem", "answers");
}

std::string answer_code(const Item& item, const Option& option) {
  return item.link_id + "." + option.code;
}

int option_of_answer_code(const Item& item, std::string_view code) {
  const auto length = item.link_id.size();
  if (code.size() <= length || code[length] != '.' || code.substr(0, length) != item.link_id) {
    return -1;
  }
  return item.option(code.substr(length + 1));
}

Json coding(std::string_view system, std::string_view code, std::string_view display) {
  Json result = Json::object({{"system", system}, {"code", code}});
  result.set_if("display", display);
  return result;
}

Json question_coding(const Knowledge& knowledge, const Item& item) {
  return coding(question_system(knowledge), item.link_id, question_display(item));
}

Json answer_coding(const Knowledge& knowledge, const Item& item, const Option& option) {
  return coding(answer_system(knowledge), answer_code(item, option), option.text);
}

Json question_code_system(const Knowledge& knowledge) {
  Json concepts = Json::array();
  for (const auto& item : knowledge.items) {
    if (item.type == rules::ItemType::group || item.type == rules::ItemType::display) {
      continue;
    }
    Json entry = Json::object({{"code", item.link_id}, {"display", question_display(item)}});
    entry.set_if("definition", item.text);
    entry.set_if("property", same_as_properties(item.codes));
    concepts.push(std::move(entry));
  }
  Json properties =
      Json::array({property_definition(same_as, "A code of the same meaning elsewhere", "Coding")});
  return code_system(knowledge, "questions", "questions", std::move(properties),
                     std::move(concepts));
}

Json answer_code_system(const Knowledge& knowledge) {
  Json concepts = Json::array();
  for (const auto& item : knowledge.items) {
    for (const auto& option : item.options) {
      concepts.push(answer_concept(item, option));
    }
  }
  Json properties =
      Json::array({property_definition(same_as, "A code of the same meaning elsewhere", "Coding"),
                   property_definition("question", "linkId of the question", "string")});
  return code_system(knowledge, "answers", "answers", std::move(properties), std::move(concepts));
}

Json artefact_header(const Knowledge& knowledge, std::string_view resource_type,
                     std::string_view kind, std::string_view title) {
  Json header = Json::object({{"resourceType", resource_type},
                              {"id", artefact_id(knowledge, kind)},
                              {"language", "en"},
                              {"url", artefact_url(knowledge, resource_type, kind)},
                              {"version", knowledge.version},
                              {"name", identifier_name(artefact_id(knowledge, kind))}});
  const auto full_title =
      title.empty() ? knowledge.title : knowledge.title + ": " + std::string(title);
  header.set("title", full_title);
  header.set("status", knowledge.status);
  header.set("date", knowledge.date);
  header.set_if("copyright", knowledge.copyright);
  return header;
}

}  // namespace myoflag::mapping
