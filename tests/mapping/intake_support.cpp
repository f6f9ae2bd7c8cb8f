#include "tests/mapping/intake_support.h"

#include <algorithm>
#include <map>
#include <stdexcept>

#include "plugin/knowledge/knowledge.h"
#include "plugin/mapping/code_system.h"
#include "rules/languages.h"

namespace myoflag::testing {

using fhir::Json;
using rules::EnableWhen;
using rules::Item;
using rules::ItemType;

namespace {

Json answer_of(const Item& item, const std::string& text) {
  switch (item.type) {
    case ItemType::choice: {
      const int option = item.option(text);
      if (option < 0) {
        throw std::logic_error("no option " + text + " in " + item.link_id);
      }
      return Json::object({{"valueCoding", mapping::answer_coding(
                                               *knowledge(), item,
                                               item.options[static_cast<std::size_t>(option)])}});
    }
    case ItemType::integer:
      return Json::object({{"valueInteger", Json::Number{text}}});
    case ItemType::decimal:
      return Json::object({{"valueDecimal", Json::Number{text}}});
    default:
      return Json::object({{"valueString", text}});
  }
}

Json items_of(const Given& given, int parent) {
  Json items = Json::array();
  const auto& all = knowledge()->items;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto& item = all[i];
    if (item.parent != parent) {
      continue;
    }
    Json entry = Json::object({{"linkId", item.link_id}, {"text", item.text}});
    if (item.type == ItemType::group) {
      entry.set_if("item", items_of(given, static_cast<int>(i)));
      if (entry.has("item")) {
        items.push(std::move(entry));
      }
      continue;
    }
    const auto found = given.find(item.link_id);
    if (found == given.end()) {
      continue;
    }
    Json answers = Json::array();
    for (const auto& text : found->second) {
      answers.push(answer_of(item, text));
    }
    entry.set("answer", std::move(answers));
    items.push(std::move(entry));
  }
  return items;
}

bool holds(const Given& given, const EnableWhen& when) {
  const auto& asked = knowledge()->items[static_cast<std::size_t>(when.item)];
  const auto found = given.find(asked.link_id);
  if (found == given.end()) {
    return false;
  }
  if (when.op == EnableWhen::Op::at_least || when.op == EnableWhen::Op::at_most) {
    const auto number = *rules::read_number(found->second.front());
    return when.op == EnableWhen::Op::at_least ? number >= when.limit : number <= when.limit;
  }
  bool any = false;
  for (const auto& code : found->second) {
    any = any || ((when.options >> asked.option(code)) & 1) != 0;
  }
  return any == (when.op == EnableWhen::Op::is);
}

bool is_enabled(const Given& given, const Item& item) {
  if (item.parent >= 0 &&
      !is_enabled(given, knowledge()->items[static_cast<std::size_t>(item.parent)])) {
    return false;
  }
  bool all = true;
  bool any = item.enable.empty();
  for (const auto& when : item.enable) {
    const bool one = holds(given, when);
    all = all && one;
    any = any || one;
  }
  return item.enable_any ? any : all;
}

std::vector<std::string> random_choice(const Item& item, std::mt19937_64& random) {
  const auto& first = item.options[random() % item.options.size()].code;
  std::vector<std::string> chosen{first};
  while (item.repeats && first != "none" && random() % 3 == 0) {
    const auto& more = item.options[random() % item.options.size()].code;
    if (more != "none" && std::find(chosen.begin(), chosen.end(), more) == chosen.end()) {
      chosen.push_back(more);
    }
  }
  return chosen;
}

std::vector<std::string> random_answer(const Item& item, std::mt19937_64& random) {
  switch (item.type) {
    case ItemType::choice:
      return random_choice(item, random);
    case ItemType::integer:
      return {std::to_string(random() % 100)};
    case ItemType::decimal:
      return {std::to_string(random() % 24) + (random() % 2 == 0 ? "" : ".50")};
    default:
      return {random() % 2 == 0 ? "Since \"Tuesday\", left calf" : "Mot\u00f6rr\u00f6re\nzwei"};
  }
}

}  // namespace

const rules::KnowledgePtr& knowledge() {
  static const rules::KnowledgePtr one = embedded_knowledge();
  return one;
}

const mapping::ConceptIndex& concepts() {
  static const mapping::ConceptIndex index(*knowledge());
  return index;
}

Given harmless() {
  return {{"em-now", {"none"}},
          {"em-sudden", {"none"}},
          {"em-spreading", {"none"}},
          {"em-context", {"none"}},
          {"who-answers", {"self"}},
          {"age-years", {"30"}},
          {"sex-at-birth", {"male"}},
          {"movement-type", {"flicker"}},
          {"site-scope", {"eyelid-only"}},
          {"duration", {"under-1-week"}},
          {"course", {"same"}},
          {"function-loss", {"none"}},
          {"muscle-changes", {"none"}},
          {"head-neck-symptoms", {"none"}},
          {"sensory-sites", {"none"}},
          {"wider-changes", {"none"}},
          {"lifestyle", {"none"}},
          {"medicine-classes", {"none"}}};
}

Json response_of(const Given& given) {
  Json response = Json::object({{"resourceType", "QuestionnaireResponse"},
                                {"id", "r1"},
                                {"questionnaire", mapping::questionnaire_canonical(*knowledge())},
                                {"status", "completed"},
                                {"subject", Json::object({{"reference", "Patient/p1"}})},
                                {"authored", "2026-11-22T10:00:00Z"}});
  response.set_if("item", items_of(given, -1));
  return response;
}

std::string json_of(const Given& given) { return fhir::write_json(response_of(given)); }

Given random_given(std::mt19937_64& random) {
  Given given;
  for (const auto& item : knowledge()->items) {
    const bool question = item.type != ItemType::group && item.type != ItemType::display;
    if (question && is_enabled(given, item) && (item.required || random() % 4 != 0)) {
      given[item.link_id] = random_answer(item, random);
    }
  }
  return given;
}

rules::Instant now() {
  using namespace std::chrono;
  return sys_days(year(2026) / 11 / 22) + hours(12);
}

Json parse(std::string_view json) {
  auto read = fhir::read_json(json);
  if (!read) {
    throw std::logic_error(read.error().text);
  }
  return *std::move(read);
}

// Two different resources of one id: the second has no fullUrl (bdl-7).
Json bundle_of(const std::vector<Json>& resources) {
  std::map<std::string, const Json*> known;
  Json bundle = Json::object({{"resourceType", "Bundle"}, {"type", "collection"}});
  Json entries = Json::array();
  for (const auto& resource : resources) {
    Json entry = Json::object({});
    const std::string id(resource.string_of("id"));
    const auto url =
        "https://ehr.example/fhir/" + std::string(resource.string_of("resourceType")) + "/" + id;
    if (!id.empty() && *known.try_emplace(url, &resource).first->second == resource) {
      entry.set("fullUrl", url);
    }
    entry.set("resource", resource);
    entries.push(std::move(entry));
  }
  bundle.set("entry", std::move(entries));
  return bundle;
}

tl::expected<mapping::Intake, fhir::Issues> take(Json resource) {
  return mapping::take_in(std::move(resource), *knowledge());
}

std::vector<std::string> codes(const tl::expected<mapping::Intake, fhir::Issues>& intake) {
  std::vector<std::string> out;
  for (const auto& issue : intake ? fhir::Issues{} : intake.error()) {
    out.push_back(issue.code);
  }
  return out;
}

void translate(Json& owner, const rules::Language& language) {
  auto* items = owner.find("item");
  if (items == nullptr) {
    return;
  }
  for (auto& entry : *items->as_array()) {
    const int slot = knowledge()->item(entry.string_of("linkId"));
    const auto& item = knowledge()->items[static_cast<std::size_t>(slot)];
    entry.set("text", rules::in_language(&language, item.text, item.link_id));
    if (auto* answers = entry.find("answer")) {
      for (auto& answer : *answers->as_array()) {
        if (auto* coding = answer.find("valueCoding")) {
          const int option = mapping::option_of_answer_code(item, coding->string_of("code"));
          coding->set("display", rules::in_language(
                                     &language, item.options[static_cast<std::size_t>(option)].text,
                                     item.link_id));
        }
      }
    }
    translate(entry, language);
  }
}

}  // namespace myoflag::testing
