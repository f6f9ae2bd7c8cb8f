#include "plugin/mapping/questionnaire.h"

#include <bit>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "plugin/mapping/code_system.h"
#include "plugin/mapping/vocabulary.h"
#include "rules/languages.h"

namespace myoflag::mapping {

namespace {

using fhir::Json;
using rules::EnableWhen;
using rules::Item;
using rules::ItemType;
using rules::Knowledge;
using rules::Language;
using rules::Option;

constexpr std::string_view core = "http://hl7.org/fhir/StructureDefinition/";
constexpr std::string_view sdc =
    "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-";
// A longer list of single choices is easier to use folded.
constexpr std::size_t longest_radio_list = 8;

std::string core_url(std::string_view name) { return std::string(core) + std::string(name); }
std::string sdc_url(std::string_view name) { return std::string(sdc) + std::string(name); }

Json extension(std::string url, std::string_view value_name, Json value) {
  return Json::object({{"url", std::move(url)}, {value_name, std::move(value)}});
}

Json concept_of(std::string_view system, std::string_view code, std::string_view display) {
  return Json::object({{"coding", Json::array({coding(system, code, display)})}});
}

// Whose form it is, the language of its texts (null: English), and whether the others stand beside.
struct Form {
  const Knowledge& knowledge;
  const Language* language;
  bool translated = true;
};

Json translation(std::string_view tag, const std::string& text) {
  return Json::object({{"url", core_url("translation")},
                       {"extension", Json::array({extension("lang", "valueCode", tag),
                                                  extension("content", "valueString", text)})}});
}

// `name` and, beside it, the same in the other languages. `item`: the linkId of where it stands.
void add_text(const Form& form, Json& element, std::string_view name, const std::string& english,
              std::string_view item) {
  if (english.empty()) {
    return;
  }
  element.set(name, rules::in_language(form.language, english, item));
  if (!form.translated) {
    return;
  }
  Json others = Json::array();
  if (form.language != nullptr) {
    others.push(translation("en", english));
  }
  for (const Language& language : form.knowledge.languages) {
    if (&language != form.language) {
      others.push(translation(language.tag, rules::in_language(&language, english, item)));
    }
  }
  if (!others.is_empty()) {
    element.set("_" + std::string(name), Json::object({{"extension", std::move(others)}}));
  }
}

bool is_question(const Item& item) {
  return item.type != ItemType::group && item.type != ItemType::display;
}

bool is_extracted(const Item& item) { return is_question(item) && item.type != ItemType::text; }

std::string_view type_code(ItemType type) {
  switch (type) {
    case ItemType::group:
      return "group";
    case ItemType::display:
      return "display";
    case ItemType::choice:
      return "choice";
    case ItemType::integer:
      return "integer";
    case ItemType::decimal:
      return "decimal";
    case ItemType::text:
      return "text";
  }
  return "display";
}

std::string_view control_code(const Item& item) {
  if (item.repeats) {
    return "check-box";
  }
  return item.options.size() <= longest_radio_list ? "radio-button" : "drop-down";
}

Json item_control(const Item& item) {
  return extension(
      core_url("questionnaire-itemControl"), "valueCodeableConcept",
      concept_of("http://hl7.org/fhir/questionnaire-item-control", control_code(item), ""));
}

Json limit_extension(const Item& item, std::string_view name, rules::Number limit) {
  const Json::Number number{rules::to_text(limit)};
  const auto* value_name = item.type == ItemType::integer ? "valueInteger" : "valueDecimal";
  return extension(core_url(name), value_name, number);
}

void add_observation_extract(Json& extensions) {
  extensions.push(extension(sdc_url("observationExtract"), "valueBoolean", true));
  extensions.push(extension(sdc_url("observation-extract-category"), "valueCodeableConcept",
                            concept_of(kObservationCategory, kSurvey.code, kSurvey.display)));
}

Json item_extensions(const Item& item) {
  Json extensions = Json::array();
  if (item.type == ItemType::choice) {
    extensions.push(item_control(item));
  }
  if (item.min) {
    extensions.push(limit_extension(item, "minValue", *item.min));
  }
  if (item.max) {
    extensions.push(limit_extension(item, "maxValue", *item.max));
  }
  if (!item.unit.empty()) {
    extensions.push(extension(core_url("questionnaire-unit"), "valueCoding",
                              coding(kUcum, item.unit, item.unit)));
  }
  if (is_extracted(item)) {
    add_observation_extract(extensions);
  }
  return extensions;
}

Json item_codes(const Knowledge& knowledge, const Item& item) {
  Json codes = Json::array({question_coding(knowledge, item)});
  for (const auto& code : item.codes) {
    codes.push(coding(code.system, code.code, code.display));
  }
  return codes;
}

// A Coding has room for one code; the standard place for others of the same meaning is an extension
// on that code.
Json alternate_codes(const Option& option) {
  Json codings = Json::array();
  for (const auto& code : option.codes) {
    codings.push(coding(code.system, code.code, code.display));
  }
  Json value = Json::object({{"coding", std::move(codings)}});
  return Json::object(
      {{"extension", Json::array({extension(core_url("alternate-codes"), "valueCodeableConcept",
                                            std::move(value))})}});
}

bool has_score(const Item& item, std::uint64_t bit) {
  return !item.instrument.empty() && (bit & item.open()) == 0;
}

Json answer_option(const Form& form, const Item& item, std::size_t index) {
  const auto& knowledge = form.knowledge;
  const auto& option = item.options[index];
  const auto bit = std::uint64_t{1} << index;
  Json result = Json::object({});
  if ((bit & item.none) != 0) {
    result.set(
        "extension",
        Json::array({extension(core_url("questionnaire-optionExclusive"), "valueBoolean", true)}));
  }
  Json value = Json::object({});
  if (has_score(item, bit)) {
    value.set("extension",
              Json::array({extension(core_url("ordinalValue"), "valueDecimal", option.score)}));
  }
  const Json own = answer_coding(knowledge, item, option);
  value.set("system", *own.find("system"));
  value.set("code", *own.find("code"));
  if (!option.codes.empty()) {
    value.set("_code", alternate_codes(option));
  }
  add_text(form, value, "display", option.text, item.link_id);
  result.set("valueCoding", std::move(value));
  return result;
}

Json answer_options(const Form& form, const Item& item) {
  Json options = Json::array();
  for (std::size_t i = 0; i < item.options.size(); ++i) {
    options.push(answer_option(form, item, i));
  }
  return options;
}

std::string_view operator_code(EnableWhen::Op op) {
  switch (op) {
    case EnableWhen::Op::is:
      return "=";
    case EnableWhen::Op::is_not:
      return "!=";
    case EnableWhen::Op::at_least:
      return ">=";
    case EnableWhen::Op::at_most:
      return "<=";
  }
  return "=";
}

bool names_options(EnableWhen::Op op) {
  return op == EnableWhen::Op::is || op == EnableWhen::Op::is_not;
}

void add_condition(const Knowledge& knowledge, const EnableWhen& when, Json& conditions) {
  const auto& asked = knowledge.items[static_cast<std::size_t>(when.item)];
  Json frame = Json::object({{"question", asked.link_id}, {"operator", operator_code(when.op)}});
  if (!names_options(when.op)) {
    const auto* name = asked.type == ItemType::integer ? "answerInteger" : "answerDecimal";
    frame.set(name, Json::Number{rules::to_text(when.limit)});
    conditions.push(std::move(frame));
    return;
  }
  for (std::size_t i = 0; i < asked.options.size(); ++i) {
    if ((when.options >> i & 1) == 0) {
      continue;
    }
    Json condition = frame;
    condition.set("answerCoding",
                  coding(answer_system(knowledge), answer_code(asked, asked.options[i]), ""));
    conditions.push(std::move(condition));
  }
}

void add_enable_when(const Knowledge& knowledge, const Item& item, Json& result) {
  Json conditions = Json::array();
  for (const auto& when : item.enable) {
    add_condition(knowledge, when, conditions);
  }
  if (conditions.is_empty()) {
    return;
  }
  const auto count = conditions.as_array()->size();
  result.set("enableWhen", std::move(conditions));
  if (count < 2) {
    return;
  }
  // One condition over several options: the conditions it becomes are joined by what it means
  // itself.
  const bool one = item.enable.size() == 1;
  const bool any = one ? item.enable.front().op == EnableWhen::Op::is : item.enable_any;
  result.set("enableBehavior", any ? "any" : "all");
}

Json item_without_children(const Form& form, const Item& item) {
  const auto& knowledge = form.knowledge;
  Json result = Json::object({});
  result.set_if("extension", item_extensions(item));
  result.set("linkId", item.link_id);
  if (is_question(item)) {
    result.set("code", item_codes(knowledge, item));
  }
  add_text(form, result, "text", item.text, item.link_id);
  result.set("type", type_code(item.type));
  add_enable_when(knowledge, item, result);
  if (is_question(item)) {
    result.set("required", item.required);
    result.set("repeats", item.repeats);
  }
  result.set_if("answerOption", answer_options(form, item));
  return result;
}

std::string help_link_id(const Item& item) { return item.link_id + "-help"; }

// The standard place of a help text: a display item inside the question.
Json help_item(const Form& form, const Item& item) {
  Json result = Json::object(
      {{"extension",
        Json::array(
            {extension(core_url("questionnaire-itemControl"), "valueCodeableConcept",
                       concept_of("http://hl7.org/fhir/questionnaire-item-control", "help", ""))})},
       {"linkId", help_link_id(item)}});
  add_text(form, result, "text", item.help, item.link_id);
  return result.set("type", "display");
}

// Groups nest only as deep as an author writes them; the loader keeps a child behind its group.
Json items_of(const Form& form, int parent) {
  Json items = Json::array();
  for (std::size_t i = 0; i < form.knowledge.items.size(); ++i) {
    const auto& item = form.knowledge.items[i];
    if (item.parent != parent) {
      continue;
    }
    Json entry = item_without_children(form, item);
    if (item.type == ItemType::group) {
      entry.set_if("item", items_of(form, static_cast<int>(i)));
    } else if (!item.help.empty()) {
      entry.set("item", Json::array({help_item(form, item)}));
    }
    items.push(std::move(entry));
  }
  return items;
}

fhir::Issue form_issue(std::string code, const Item& item, std::string text) {
  return {fhir::Severity::error, "not-supported", std::move(code),
          std::move(text),       "Questionnaire", item.link_id};
}

// Among several conditions, one that becomes several must be joined the way the whole list is.
bool is_expressible(const Item& item, const EnableWhen& when) {
  const bool several = names_options(when.op) && std::popcount(when.options) > 1;
  if (!several || item.enable.size() == 1) {
    return true;
  }
  return item.enable_any == (when.op == EnableWhen::Op::is);
}

}  // namespace

fhir::Issues form_issues(const Knowledge& knowledge) {
  fhir::Issues issues;
  for (const auto& item : knowledge.items) {
    if (!item.help.empty() && knowledge.item(help_link_id(item)) >= 0) {
      issues.push_back(form_issue("MF-3003", item,
                                  fmt::format("The help text of {} goes out as {}, and a question "
                                              "has that name.",
                                              item.link_id, help_link_id(item))));
    }
    for (const auto& when : item.enable) {
      const auto& asked = knowledge.items[static_cast<std::size_t>(when.item)];
      if (!is_expressible(item, when)) {
        issues.push_back(form_issue(
            "MF-3001", item,
            fmt::format("The condition on {} that shows {} has several options, which enableWhen "
                        "can join only in the way of the whole list.",
                        asked.link_id, item.link_id)));
      }
      if (when.op == EnableWhen::Op::is_not && asked.repeats) {
        issues.push_back(form_issue(
            "MF-3002", item,
            fmt::format("{} is shown when {} is not some option, but {} takes several answers, "
                        "where FHIR engines disagree on what \"!=\" means.",
                        item.link_id, asked.link_id, asked.link_id)));
      }
    }
  }
  return issues;
}

namespace {

// In the place of the English title, where the others stand beside it; in the order of the
// definition.
Json with_titles(const Form& form, const Json& header) {
  Json out = Json::object({});
  for (const auto& [name, value] : *header.as_object()) {
    if (name == "title") {
      add_text(form, out, "title", form.knowledge.title, "");
    } else if (name == "language" && form.language != nullptr) {
      out.set("language", form.language->tag);
    } else {
      out.set(name, value);
    }
    if (name == "status") {
      out.set("subjectType", Json::array({"Patient"}));
    }
  }
  return out;
}

Json resource_of(const Form& form) {
  Json resource = with_titles(form, artefact_header(form.knowledge, "Questionnaire", "", ""));
  resource.set_if("item", items_of(form, -1));
  return resource;
}

}  // namespace

Json questionnaire_resource(const Knowledge& knowledge, const Language* language) {
  return resource_of({knowledge, language});
}

Json english_questionnaire(const Knowledge& knowledge) {
  return resource_of({knowledge, nullptr, false});
}

}  // namespace myoflag::mapping
