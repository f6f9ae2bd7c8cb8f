#include "plugin/mapping/observations.h"

#include <optional>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "plugin/mapping/code_system.h"
#include "plugin/mapping/rule_codes.h"
#include "plugin/mapping/sent_response.h"
#include "plugin/mapping/vocabulary.h"
#include "rules/unjudged.h"

namespace myoflag::mapping {

namespace {

using fhir::Json;
using rules::Criterion;
using rules::Evidence;
using rules::Finding;
using rules::FindingStatus;
using rules::Item;
using rules::ItemState;
using rules::ItemType;
using rules::Knowledge;

Json standard_concept(std::string_view system, const StandardCode& code) {
  return codeable(Json::array({coding(system, code.code, code.display)}), "");
}

Json absent_reason(const StandardCode& code, std::string_view text) {
  return codeable(Json::array({coding(kDataAbsentReason, code.code, code.display)}), text);
}

std::size_t index_of(const Knowledge& knowledge, const Item& item) {
  return static_cast<std::size_t>(&item - knowledge.items.data());
}

// The elements before the value, in the order of the definition.
Json observation(const Frame& frame, const fhir::Uuid& uuid, Json code, bool is_answer = false) {
  Json result = Json::object(
      {{"resourceType", "Observation"}, {"identifier", Json::array({frame.ids.identifier(uuid)})}});
  if (is_answer) {
    result.set_if("basedOn", frame.based_on);
    result.set_if("partOf", frame.part_of);
  }
  result.set("status", is_finished(frame.response) ? "final" : "preliminary");
  result.set("category", Json::array({standard_concept(kObservationCategory, kSurvey)}));
  result.set("code", std::move(code));
  result.set_if("subject", frame.subject);
  result.set_if("encounter", frame.encounter);
  result.set_if("effectiveDateTime", frame.authored);
  return result;
}

Json question_code(const Knowledge& knowledge, const Item& item) {
  Json codings = Json::array({question_coding(knowledge, item)});
  for (const auto& code : item.codes) {
    codings.push(coding(code.system, code.code, code.display));
  }
  return codeable(std::move(codings), item.text);
}

Json answer_value(const Knowledge& knowledge, const Item& item, const rules::Option& option,
                  std::string_view text) {
  Json codings = Json::array({answer_coding(knowledge, item, option)});
  for (const auto& code : option.codes) {
    codings.push(coding(code.system, code.code, code.display));
  }
  return codeable(std::move(codings), text);
}

Json quantity(Json::Number value, std::string_view unit) {
  Json result = Json::object({{"value", std::move(value)}});
  if (!unit.empty()) {
    result.set("unit", unit);
    result.set("system", kUcum);
    result.set("code", unit);
  }
  return result;
}

// FHIR has no decimal here, and an integer with a unit is a quantity.
void set_number(Json& target, ItemType type, Json::Number value, std::string_view unit) {
  if (type == ItemType::integer && unit.empty()) {
    target.set("valueInteger", std::move(value));
  } else {
    target.set("valueQuantity", quantity(std::move(value), unit));
  }
}

std::optional<StandardCode> absence_of(const Item& item, std::uint64_t bit) {
  if ((item.unsure & bit) != 0) {
    return kAskedUnknown;
  }
  if ((item.declined & bit) != 0) {
    return kAskedDeclined;
  }
  return std::nullopt;
}

void set_option(Json& target, const Knowledge& knowledge, const Item& item, std::size_t index,
                std::string_view text) {
  const auto& option = item.options[index];
  if (const auto absence = absence_of(item, std::uint64_t{1} << index)) {
    target.set("dataAbsentReason", absent_reason(*absence, option.text));
  } else {
    target.set("valueCodeableConcept", answer_value(knowledge, item, option, text));
  }
}

// The number as it was written: the precision of a decimal is significant.
std::optional<Json::Number> written_number(const Json& items, std::string_view link_id) {
  const auto* array = items.as_array();
  if (array == nullptr) {
    return std::nullopt;
  }
  for (const auto& item : *array) {
    const auto& answers = item.array_of("answer");
    if (item.string_of("linkId") == link_id && answers.size() == 1) {
      for (const auto* name : {"valueInteger", "valueDecimal"}) {
        const auto* value = answers.front().find(name);
        if (value != nullptr && value->is_number()) {
          return *value->as_number();
        }
      }
    }
    if (const auto* children = item.find("item")) {
      if (auto found = written_number(*children, link_id)) {
        return found;
      }
    }
  }
  return std::nullopt;
}

Json::Number number_of(const Frame& frame, const Item& item, rules::Number value) {
  const bool is_ours = frame.assessment.input->form == nullptr;  // else linkIds mean other things
  if (const auto* items = frame.response.find("item"); is_ours && items != nullptr) {
    if (auto written = written_number(*items, item.link_id)) {
      return *written;
    }
  }
  return {rules::to_text(value)};
}

template <typename SetValue>
Json answer_entry(Frame& frame, std::size_t index, int option, std::string_view option_code,
                  const SetValue& set_value) {
  const auto& item = frame.knowledge.items[index];
  const auto uuid = frame.ids.answer(item.link_id, option_code);
  frame.answers[{static_cast<int>(index), option}] = fhir::to_urn(uuid);
  Json result = observation(frame, uuid, question_code(frame.knowledge, item), true);
  if (!item.screening.empty()) {
    result.find("category")->push(standard_concept(kUsCoreCategory, {item.screening, {}}));
  }
  result.set_if("issued", frame.issued);
  if (!frame.performer.is_null()) {
    result.set("performer", Json::array({frame.performer}));
  }
  set_value(result);
  result.set("derivedFrom", Json::array({reference_to(frame.response_reference)}));
  return bundle_entry(uuid, std::move(result), frame.ids.if_none_exist(uuid));
}

// linkIds that a criterion reads, also through age, sex, medicines and conditions.
void collect_items(const Knowledge& knowledge, const Criterion& criterion, std::set<int>& items) {
  using Kind = Criterion::Kind;
  for (const auto& child : criterion.children) {
    collect_items(knowledge, child, items);
  }
  switch (criterion.kind) {
    case Kind::age:
      items.insert(knowledge.bindings.age);
      return;
    case Kind::med:
      items.insert(knowledge.bindings.medicines);
      return;
    case Kind::cond:
      items.insert(knowledge.bindings.conditions);
      return;
    case Kind::is:
      for (const auto& name : criterion.names) {
        const auto set = knowledge.is_sets.find(name);
        items.insert(set == knowledge.is_sets.end() ? -1 : set->second.item);
      }
      return;
    case Kind::lab:
    case Kind::fired_tier:
      return;
    default:
      for (const auto& name : criterion.names) {
        items.insert(knowledge.item(name));
      }
  }
}

// The answers a verdict rests on, in the order of the form: those that speak for it, or, where it
// is not fired, all answers to the questions it reads.
std::set<std::pair<int, int>> answers_behind(const Frame& frame, const Finding& finding) {
  const auto& knowledge = frame.knowledge;
  std::set<std::pair<int, int>> behind;
  if (finding.status == FindingStatus::fired && !finding.because.empty()) {
    for (const auto& evidence : finding.because) {
      if (evidence.item == nullptr || evidence.origin == rules::Origin::record) {
        continue;
      }
      const auto index = static_cast<int>(index_of(knowledge, *evidence.item));
      behind.insert({index, -1});
      for (int option = 0; option < static_cast<int>(evidence.item->options.size()); ++option) {
        if ((evidence.options >> option & 1U) != 0) {
          behind.insert({index, option});
        }
      }
    }
    return behind;
  }
  const auto items = items_read(knowledge, *finding.rule);
  for (const auto& [key, urn] : frame.answers) {
    if (items.contains(key.first)) {
      behind.insert(key);
    }
  }
  return behind;
}

// Laboratory results of the record that count here, as the record refers to them.
std::set<std::string> results_behind(const Frame& frame, const Finding& finding) {
  std::set<std::string> references;
  for (const auto& evidence : finding.because) {
    if (evidence.lab == nullptr) {
      continue;
    }
    const auto lab = static_cast<int>(evidence.lab - frame.knowledge.labs.data());
    for (const auto& entry : frame.assessment.input->record) {
      const bool same = entry.kind == rules::RecordEntry::Kind::lab && entry.item == lab;
      if (same && target_type(portable_reference(reference_to(entry.reference))) == "Observation") {
        references.insert(entry.reference);
      }
    }
  }
  return references;
}

Json derived_from(const Frame& frame, const Finding& finding) {
  Json references = Json::array({reference_to(frame.response_reference)});
  for (const auto& key : answers_behind(frame, finding)) {
    const auto urn = frame.answers.find(key);
    if (urn != frame.answers.end()) {
      references.push(reference_to(urn->second));
    }
  }
  for (const auto& reference : results_behind(frame, finding)) {
    references.push(reference_to(reference));
  }
  return references;
}

Json lab_component(const Evidence& evidence) {
  const auto& lab = *evidence.lab;
  // Several codes stand for several methods; which of them was used is said by the result itself.
  Json codings = lab.codes.size() == 1 ? codings_of(lab.codes) : Json::array();
  Json component = Json::object({{"code", codeable(std::move(codings), lab.title)}});
  if (evidence.number) {
    const std::string_view unit = lab.relative_to_upper_limit ? "" : std::string_view(lab.unit);
    component.set("valueQuantity", quantity({rules::to_text(*evidence.number)}, unit));
  } else {
    component.set_if("valueString", evidence.record_text);
  }
  return component;
}

void add_item_components(const Frame& frame, const Evidence& evidence, Json& components) {
  const auto& item = *evidence.item;
  const bool from_record = evidence.origin == rules::Origin::record;
  for (std::size_t i = 0; i < item.options.size(); ++i) {
    if ((evidence.options >> i & 1U) == 0) {
      continue;
    }
    Json component = Json::object({{"code", question_code(frame.knowledge, item)}});
    const bool words = from_record && !evidence.record_text.empty();
    set_option(component, frame.knowledge, item, i,
               words ? evidence.record_text : item.options[i].text);
    components.push(std::move(component));
  }
  if (evidence.number) {
    Json component = Json::object({{"code", question_code(frame.knowledge, item)}});
    const Json::Number value = from_record ? Json::Number{rules::to_text(*evidence.number)}
                                           : number_of(frame, item, *evidence.number);
    set_number(component, item.type, value, item.unit);
    components.push(std::move(component));
  }
}

// Of an answer that leaves something open: what was not said, not offered, or denied too early.
StandardCode missing_beside(std::uint64_t chosen, const Item& item, bool denied_earlier) {
  if ((chosen & item.declined) != 0) {
    return kAskedDeclined;
  }
  if ((chosen & rules::kNotOffered) == 0 || (chosen & item.unsure) != 0) {
    return kAskedUnknown;
  }
  return denied_earlier ? kUnknown : kNotAsked;
}

// Why a question that would decide has no usable answer.
StandardCode missing_reason(const Frame& frame, const Item& item) {
  const auto index = index_of(frame.knowledge, item);
  const auto& answers = frame.assessment.input->facts.answers;
  switch (answers.state[index]) {
    case ItemState::not_shown:
    case ItemState::not_asked:
      return kNotAsked;
    case ItemState::answered:
      return missing_beside(answers.chosen[index], item,
                            frame.assessment.input->denied_earlier.test(index));
    case ItemState::skipped:
      return rules::was_never_asked(*frame.assessment.input, index) ? kNotAsked : kUnknown;
    case ItemState::invalid:
      return kUnknown;
  }
  return kUnknown;
}

Json components_of(const Frame& frame, const Finding& finding) {
  Json components = Json::array();
  for (const auto& evidence : finding.because) {
    if (evidence.item != nullptr) {
      add_item_components(frame, evidence, components);
    } else if (evidence.lab != nullptr) {
      components.push(lab_component(evidence));
    }
  }
  for (const auto* item : finding.missing) {
    Json component = Json::object({{"code", question_code(frame.knowledge, *item)}});
    component.set("dataAbsentReason", absent_reason(missing_reason(frame, *item), ""));
    components.push(std::move(component));
  }
  return components;
}

std::string basis_text(const Knowledge& knowledge, const rules::Rule& rule) {
  std::string text = fmt::format("{}, {} {}", rule.id, knowledge.id, knowledge.version);
  for (const int index : rule.sources) {
    const auto& source = knowledge.sources[static_cast<std::size_t>(index)];
    text += fmt::format("; {} ({})", source.title, source.grade);
  }
  return text;
}

Json notes_of(const Frame& frame, const Finding& finding) {
  const auto& rule = *finding.rule;
  Json notes = Json::array();
  const auto& reason = rule.rationale.empty() ? rule.policy : rule.rationale;
  if (finding.status != FindingStatus::excluded && !reason.empty()) {
    notes.push(Json::object({{"text", reason}}));
  }
  notes.push(Json::object({{"text", basis_text(frame.knowledge, rule)}}));
  return notes;
}

// `is_named`: by the record, which no rule reads.
void set_verdict(Json& target, const rules::Assessment& assessment, const Finding& finding,
                 bool is_named) {
  if (is_named || rules::is_unjudged(assessment, finding)) {
    target.set("dataAbsentReason", absent_reason(kUnknown, ""));
    return;
  }
  switch (finding.status) {
    case FindingStatus::fired:
      target.set("valueBoolean", true);
      return;
    case FindingStatus::excluded:
      target.set("valueBoolean", false);
      return;
    case FindingStatus::not_excluded:
      target.set("dataAbsentReason", absent_reason(kUnknown, ""));
      return;
    case FindingStatus::not_applicable:
      target.set("dataAbsentReason", absent_reason(kNotApplicable, ""));
      return;
  }
}

void add_method_and_device(const Frame& frame, Json& target) {
  target.set("method", codeable(Json::array(), frame.knowledge.text("result-method")));
  target.set("device", reference_to(frame.device_reference));
}

Json flag_entry(const Frame& frame, const Finding& finding, bool is_named) {
  const auto& rule = *finding.rule;
  const auto uuid = flag_uuid(frame, rule);
  Json code = codeable(Json::array({rule_coding(frame.knowledge, rule)}), rule.title);
  Json result = observation(frame, uuid, std::move(code));
  result.set("issued", frame.evaluated);
  set_verdict(result, frame.assessment, finding, is_named);
  result.set("note", notes_of(frame, finding));
  add_method_and_device(frame, result);
  result.set("derivedFrom", derived_from(frame, finding));
  result.set_if("component", components_of(frame, finding));
  return bundle_entry(uuid, std::move(result), frame.ids.if_none_exist(uuid));
}

Json target_component(const Frame& frame) {
  const auto& target = frame.assessment.target;
  Json codings = Json::array({result_coding(frame.knowledge, kTargetTime)});
  Json component = Json::object({{"code", codeable(std::move(codings), target.text)}});
  if (target.hours) {
    component.set("valueQuantity", quantity({std::to_string(*target.hours)}, "h"));
  } else if (!target.text.empty()) {
    component.set("valueString", target.text);
  } else {
    component.set("dataAbsentReason", absent_reason(kNotApplicable, ""));
  }
  return component;
}

}  // namespace

std::set<int> items_read(const Knowledge& knowledge, const rules::Rule& rule) {
  std::set<int> items;
  collect_items(knowledge, rule.criterion, items);
  return items;
}

std::vector<Json> answer_entries(Frame& frame) {
  std::vector<Json> entries;
  const auto& answers = frame.assessment.input->facts.answers;
  for (std::size_t index = 0; index < frame.knowledge.items.size(); ++index) {
    const auto& item = frame.knowledge.items[index];
    if (answers.state[index] != ItemState::answered) {
      continue;
    }
    if (item.type == ItemType::integer || item.type == ItemType::decimal) {
      entries.push_back(answer_entry(frame, index, -1, "", [&](Json& target) {
        set_number(target, item.type, number_of(frame, item, answers.number[index]), item.unit);
      }));
    }
    for (std::size_t option = 0; option < item.options.size(); ++option) {
      if ((answers.chosen[index] >> option & 1U) == 0) {
        continue;
      }
      const auto& chosen = item.options[option];
      entries.push_back(answer_entry(
          frame, index, static_cast<int>(option), chosen.code,
          [&](Json& target) { set_option(target, frame.knowledge, item, option, chosen.text); }));
    }
  }
  return entries;
}

bool is_written(const rules::Knowledge& knowledge, const Finding& finding) {
  const auto kind = finding.rule->kind;
  if (kind == rules::Rule::Kind::notice || kind == rules::Rule::Kind::guard) {
    return false;
  }
  return knowledge.is_red_flag(*finding.rule) || finding.status == FindingStatus::fired;
}

fhir::Uuid flag_uuid(const Frame& frame, const rules::Rule& rule) {
  return frame.ids.result("flag", rule.id);
}

std::vector<Json> flag_entries(const Frame& frame) {
  std::vector<Json> entries;
  const auto named = rules::named_in_record(frame.assessment);
  for (const auto& finding : frame.assessment.findings) {
    if (is_written(frame.knowledge, finding)) {
      entries.push_back(flag_entry(frame, finding, named.contains(finding.rule)));
    }
  }
  return entries;
}

Json tier_entry(const Frame& frame) {
  const auto& assessment = frame.assessment;
  const auto uuid = frame.ids.result("tier");
  Json code = codeable(Json::array({result_coding(frame.knowledge, kUrgencyTier)}), "");
  Json result = observation(frame, uuid, std::move(code));
  result.set("issued", frame.evaluated);
  const auto& label = frame.knowledge.tiers[static_cast<std::size_t>(assessment.tier)].label;
  result.set("valueCodeableConcept",
             codeable(Json::array({tier_coding(frame.knowledge, assessment.tier)}), label));
  Json notes = Json::array();
  for (const auto& notice : assessment.notices) {
    notes.push(Json::object({{"text", notice.text}}));
  }
  result.set_if("note", std::move(notes));
  add_method_and_device(frame, result);
  Json members = Json::array();
  for (const auto& finding : assessment.findings) {
    if (is_written(frame.knowledge, finding)) {
      members.push(reference_to(fhir::to_urn(flag_uuid(frame, *finding.rule))));
    }
  }
  result.set_if("hasMember", std::move(members));
  result.set("derivedFrom", Json::array({reference_to(frame.response_reference)}));
  result.set("component", Json::array({target_component(frame)}));
  return bundle_entry(uuid, std::move(result), frame.ids.if_none_exist(uuid));
}

}  // namespace myoflag::mapping
