#include "plugin/mapping/value_set.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "plugin/mapping/code_system.h"
#include "plugin/mapping/rule_codes.h"
#include "rules/texts.h"

namespace myoflag::mapping {

namespace {

using fhir::Json;
using rules::CodeBinding;
using rules::Knowledge;

Json value_set(const Knowledge& knowledge, std::string_view kind, std::string_view title,
               std::string_view description, Json compose) {
  Json resource = artefact_header(knowledge, "ValueSet", kind, title);
  resource.set_if("description", description);
  resource.set("compose", std::move(compose));
  return resource;
}

Json answers_of(const Knowledge& knowledge, const rules::Item& item) {
  Json concepts = Json::array();
  for (const auto& option : item.options) {
    concepts.push(Json::object({{"code", answer_code(item, option)}, {"display", option.text}}));
  }
  Json include = Json::object({{"system", answer_system(knowledge)},
                               {"version", knowledge.version},
                               {"concept", std::move(concepts)}});
  return value_set(knowledge, "answers-" + item.link_id,
                   item.concept_text.empty() ? item.text : item.concept_text, {},
                   Json::object({{"include", Json::array({std::move(include)})}}));
}

Json whole_system(const Knowledge& knowledge, std::string_view kind) {
  Json include =
      Json::object({{"system", result_system(knowledge, kind)}, {"version", knowledge.version}});
  return value_set(knowledge, kind, kind, {},
                   Json::object({{"include", Json::array({std::move(include)})}}));
}

// ---- codes of the record

// "^C03A.*$" for everything that begins with C03A.
std::string beginning(std::string_view code) {
  std::string pattern = "^";
  for (const char c : code) {
    const bool is_plain =
        (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    pattern += is_plain ? "" : "\\";
    pattern += c;
  }
  return pattern + ".*$";
}

Json with_beginning(const rules::Coding& prefix) {
  return Json::object(
      {{"system", prefix.system},
       {"filter",
        Json::array({Json::object(
            {{"property", "code"}, {"op", "regex"}, {"value", beginning(prefix.code)}})})}});
}

// One part for each system, in the order in which the systems come.
void add_codes(const std::vector<rules::Coding>& codes, Json& parts) {
  std::vector<std::string_view> systems;
  for (const auto& code : codes) {
    if (std::find(systems.begin(), systems.end(), code.system) == systems.end()) {
      systems.push_back(code.system);
    }
  }
  for (const auto system : systems) {
    Json concepts = Json::array();
    for (const auto& code : codes) {
      if (code.system == system) {
        Json entry = Json::object({{"code", code.code}});
        entry.set_if("display", code.display);
        concepts.push(std::move(entry));
      }
    }
    parts.push(Json::object({{"system", system}, {"concept", std::move(concepts)}}));
  }
}

Json parts_of(const std::vector<rules::Coding>& codes, const std::vector<rules::Coding>& prefixes) {
  Json parts = Json::array();
  add_codes(codes, parts);
  for (const auto& prefix : prefixes) {
    parts.push(with_beginning(prefix));
  }
  return parts;
}

std::string words_of(const Knowledge& knowledge, const CodeBinding& binding) {
  std::string words;
  for (const auto& word : binding.text) {
    words += (words.empty() ? "" : ", ") + word;
  }
  return words.empty() ? words : rules::fill(knowledge.text("publish-words"), {{"words", words}});
}

void add_bound(const Knowledge& knowledge, std::string_view kind, int item_index,
               const std::vector<CodeBinding>& bindings, std::vector<Json>& sets) {
  const auto& item = knowledge.items[static_cast<std::size_t>(item_index)];
  for (const auto& binding : bindings) {
    Json include = parts_of(binding.codes, binding.prefixes);
    if (include.is_empty()) {
      continue;
    }
    const auto& option = item.options[static_cast<std::size_t>(binding.option)];
    Json compose = Json::object({{"include", std::move(include)}});
    compose.set_if("exclude", parts_of({}, binding.except));
    sets.push_back(value_set(knowledge, fmt::format("record-{}-{}", kind, option.code), option.text,
                             words_of(knowledge, binding), std::move(compose)));
  }
}

void add_laboratory(const Knowledge& knowledge, std::vector<Json>& sets) {
  for (const auto& lab : knowledge.labs) {
    Json include = parts_of(lab.codes, {});
    if (!include.is_empty()) {
      sets.push_back(value_set(knowledge, "record-laboratory-" + lab.name, lab.title, {},
                               Json::object({{"include", std::move(include)}})));
    }
  }
}

void append(std::vector<Json>& to, std::vector<Json> from) {
  std::move(from.begin(), from.end(), std::back_inserter(to));
}

}  // namespace

std::vector<Json> own_value_sets(const Knowledge& knowledge) {
  std::vector<Json> sets;
  for (const auto& item : knowledge.items) {
    if (!item.options.empty()) {
      sets.push_back(answers_of(knowledge, item));
    }
  }
  for (const auto* kind : {"rules", "tiers", "workups", "hypotheses"}) {
    sets.push_back(whole_system(knowledge, kind));
  }
  return sets;
}

std::vector<Json> record_value_sets(const Knowledge& knowledge, RecordKind kind) {
  const auto& bindings = knowledge.bindings;
  std::vector<Json> sets;
  switch (kind) {
    case RecordKind::medicine:
      add_bound(knowledge, "medicine", bindings.medicines, bindings.medicine_classes, sets);
      break;
    case RecordKind::condition:
      add_bound(knowledge, "condition", bindings.conditions, bindings.condition_list, sets);
      break;
    case RecordKind::laboratory:
      add_laboratory(knowledge, sets);
      break;
  }
  return sets;
}

std::vector<Json> value_sets(const Knowledge& knowledge) {
  auto sets = own_value_sets(knowledge);
  for (const auto kind : {RecordKind::medicine, RecordKind::condition, RecordKind::laboratory}) {
    append(sets, record_value_sets(knowledge, kind));
  }
  return sets;
}

}  // namespace myoflag::mapping
