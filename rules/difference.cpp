#include "rules/difference.h"

#include <map>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace myoflag::rules {
namespace {

using Fields = std::vector<std::pair<std::string_view, std::string>>;  // name, value as text
using Entries = std::map<std::string, Fields>;
using Sections = std::vector<std::pair<std::string_view, Entries>>;

// Parts that hold anything: each with its length before it, so that no two lists look alike.
std::string list(const std::vector<std::string>& parts) {
  std::string out;
  for (const auto& part : parts) {
    out += fmt::format("{}:{}", part.size(), part);
  }
  return out;
}

template <typename Values, typename Name>
std::string list_of(const Values& values, Name name) {
  std::vector<std::string> parts;
  for (const auto& value : values) {
    parts.push_back(name(value));
  }
  return list(parts);
}

std::string text_of(const Coding& coding) {
  return list({coding.system, coding.code, coding.display});
}

std::string text_of(const std::vector<Coding>& codings) {
  return list_of(codings, [](const Coding& coding) { return text_of(coding); });
}

std::string text_of(const Target& target) {
  return list({target.hours ? fmt::to_string(*target.hours) : "", target.text,
               target.same_day ? "same-day" : ""});
}

std::string text_of(const std::optional<Number>& number) { return number ? to_text(*number) : ""; }

std::string flag(bool value) { return value ? "true" : "false"; }

template <typename Values>
const auto& at(const Values& values, int index) {
  return values[static_cast<std::size_t>(index)];
}

// Names instead of indices, which another version counts otherwise.
class Names {
 public:
  explicit Names(const Knowledge& knowledge) : knowledge_(knowledge) {}

  std::string item(int index) const {
    return index < 0 ? "" : knowledge_.items[static_cast<std::size_t>(index)].link_id;
  }
  std::string items(const std::vector<int>& indices) const {
    return list_of(indices, [this](int index) { return item(index); });
  }
  std::string options(int index, std::uint64_t mask) const {
    const auto& options = knowledge_.items[static_cast<std::size_t>(index)].options;
    std::vector<std::string> codes;
    for (std::size_t i = 0; i < options.size(); ++i) {
      if ((mask >> i & 1U) != 0) {
        codes.push_back(options[i].code);
      }
    }
    return list(codes);
  }
  std::string hypotheses(const std::vector<int>& indices) const {
    return list_of(indices, [this](int index) { return at(knowledge_.hypotheses, index).code; });
  }
  std::string workups(const std::vector<int>& indices) const {
    return list_of(indices, [this](int index) { return at(knowledge_.workups, index).code; });
  }
  std::string sources(const std::vector<int>& indices) const {
    return list_of(indices, [this](int index) { return at(knowledge_.sources, index).id; });
  }
  std::string rules(const std::vector<int>& indices) const {
    return list_of(indices, [this](int index) { return at(knowledge_.rules, index).id; });
  }

 private:
  const Knowledge& knowledge_;
};

// How old a laboratory value may be: of each form that reads one.
std::string lab_ages(const Knowledge& knowledge, int root) {
  std::vector<std::string> days;
  if (root >= 0) {
    const auto& ops = knowledge.program.ops;
    const auto begin = knowledge.program.roots[static_cast<std::size_t>(root)];
    for (auto at = begin; at < ops[begin].end; ++at) {
      if (ops[at].kind == Criterion::Kind::lab) {
        days.push_back(fmt::to_string(ops[at].max_age));
      }
    }
  }
  return list(days);
}

Fields fields_of(const Knowledge& knowledge, const Rule& rule) {
  const Names names(knowledge);
  return {{"kind", fmt::to_string(static_cast<int>(rule.kind))},
          {"tier", std::string(code_of(rule.tier))},
          {"target", text_of(rule.target)},
          {"target-when",
           list_of(rule.target_when,
                   [](const ConditionalTarget& when) {
                     return list({when.criterion_text, text_of(when.target), when.patient});
                   })},
          {"criteria", rule.criterion_text},
          {"lab-max-age-days", lab_ages(knowledge, rule.root)},
          {"all-ages", flag(rule.all_ages)},
          {"benign", flag(rule.benign)},
          {"comforts", flag(rule.comforts)},
          {"raw", flag(rule.raw)},
          {"list-options", flag(rule.list_options)},
          {"hypotheses", names.hypotheses(rule.hypotheses)},
          {"workups", names.workups(rule.workups)},
          {"must-not", names.workups(rule.must_not)},
          {"title", rule.title},
          {"rationale", rule.rationale},
          {"patient", rule.patient},
          {"beside", rule.beside},
          {"beside-emergency", rule.beside_emergency},
          {"silences", list(rule.silences)},
          {"note", rule.note},
          {"sources", names.sources(rule.sources)},
          {"review", list({rule.owner, rule.due})}};
}

Entries rule_entries(const Knowledge& knowledge) {
  Entries out;
  for (const Rule& rule : knowledge.rules) {
    out[rule.id] = fields_of(knowledge, rule);
  }
  return out;
}

// What a policy says, and what it does where it fires like a rule.
Entries policy_entries(const Knowledge& knowledge) {
  const Names names(knowledge);
  Entries out;
  for (const Rule& rule : knowledge.gaps) {
    out[rule.id] = fields_of(knowledge, rule);
  }
  for (const Policy& policy : knowledge.policies) {
    auto& fields = out[policy.id];
    if (fields.empty()) {
      fields = {{"title", policy.title}, {"sources", names.sources(policy.sources)}};
    }
    fields.emplace_back("policy", policy.text);
  }
  return out;
}

Fields fields_of(const Knowledge& knowledge, const Item& item) {
  const Names names(knowledge);
  const auto option = [](const Option& one) {
    return list({one.code, one.text, fmt::to_string(one.score), text_of(one.codes)});
  };
  const auto enable = [&names](const EnableWhen& when) {
    return list({names.item(when.item), fmt::to_string(static_cast<int>(when.op)),
                 names.options(when.item, when.options), to_text(when.limit)});
  };
  return {{"type", fmt::to_string(static_cast<int>(item.type))},
          {"group", names.item(item.parent)},
          {"text", item.text},
          {"label", item.label},
          {"help", item.help},
          {"repeats", flag(item.repeats)},
          {"required", flag(item.required)},
          {"context-only", flag(item.context_only)},
          {"lasting", flag(item.lasting)},
          {"stays-true", flag(item.stays_true)},
          {"look-back-hours", fmt::to_string(item.look_back_hours)},
          {"options", list_of(item.options, option)},
          {"codes", text_of(item.codes)},
          {"enable", flag(item.enable_any) + list_of(item.enable, enable)},
          {"min", text_of(item.min)},
          {"max", text_of(item.max)},
          {"unit", item.unit},
          {"concept", item.concept_text},
          {"prefill", item.prefill},
          {"instrument", item.instrument},
          {"screening", item.screening},
          {"note", item.note},
          {"sources", names.sources(item.sources)}};
}

Entries question_entries(const Knowledge& knowledge) {
  Entries out;
  for (const Item& item : knowledge.items) {
    out[item.link_id] = fields_of(knowledge, item);
  }
  return out;
}

Entries workup_entries(const Knowledge& knowledge) {
  const Names names(knowledge);
  Entries out;
  for (const Workup& workup : knowledge.workups) {
    out[workup.code] = {{"text", workup.text},
                        {"note", workup.note},
                        {"category", workup.category},
                        {"codes", text_of(workup.codes)},
                        {"only-from", names.rules(workup.only_from)},
                        {"never-from", names.rules(workup.never_from)},
                        {"notes", list_of(workup.notes, [](const Workup::Note& one) {
                           return list({one.text, one.caution, one.answered, one.ask});
                         })}};
  }
  for (const WorkupCategory& category : knowledge.workup_categories) {
    out["category " + category.id] = {{"codes", text_of(category.codes)}};
  }
  return out;
}

Entries hypothesis_entries(const Knowledge& knowledge) {
  Entries out;
  for (const Hypothesis& one : knowledge.hypotheses) {
    out[one.code] = {{"text", one.text}};
  }
  return out;
}

Entries advice_entries(const Knowledge& knowledge) {
  const Names names(knowledge);
  Entries out;
  for (const Advice& one : knowledge.advice) {
    out[one.id] = {{"text", one.text},
                   {"when", fmt::to_string(static_cast<int>(one.when))},
                   {"rules", names.rules(one.rules)},
                   {"sources", names.sources(one.sources)}};
  }
  return out;
}

Entries lab_entries(const Knowledge& knowledge) {
  Entries out;
  for (const LabBinding& lab : knowledge.labs) {
    const auto convert = [](const LabBinding::Conversion& one) {
      return list({one.unit, to_text(one.factor)});
    };
    out[lab.name] = {{"title", lab.title},
                     {"unit", lab.unit},
                     {"codes", text_of(lab.codes)},
                     {"not-comparable", text_of(lab.not_comparable)},
                     {"text", list(lab.text)},
                     {"convert", list_of(lab.convert, convert)},
                     {"relative", flag(lab.relative_to_upper_limit)}};
  }
  return out;
}

// `item`: the question whose options are bound; -1: cautions.
void add_bindings(const Knowledge& knowledge, const std::string& kind, int item,
                  const std::vector<CodeBinding>& bindings, Entries& out) {
  const auto name = [&](const CodeBinding& one) {
    const bool option = item >= 0 && one.option >= 0;
    return option ? knowledge.items[static_cast<std::size_t>(item)]
                        .options[static_cast<std::size_t>(one.option)]
                        .code
                  : one.caution;
  };
  const Names names(knowledge);
  for (const CodeBinding& one : bindings) {
    // An option may be bound by several entries.
    auto& fields = out[fmt::format("{} {}", kind, name(one))];
    if (fields.empty()) {
      fields = {{"label", ""}, {"codes", ""},    {"prefixes", ""}, {"except", ""},
                {"text", ""},  {"question", ""}, {"yes", ""},      {"ask", ""}};
    }
    fields[0].second += list({one.label});
    fields[1].second += list({text_of(one.codes)});
    fields[2].second += list({text_of(one.prefixes)});
    fields[3].second += list({text_of(one.except)});
    fields[4].second += list({list(one.text)});
    if (one.question >= 0) {
      fields[5].second += list({names.item(one.question)});
      fields[6].second += list({names.options(one.question, one.yes)});
      fields[7].second += list({names.options(one.question, one.ask)});
    }
  }
}

std::string calm_codes(const CalmCodes& calm) {
  return list({list(calm.systems), list(calm.codes), flag(calm.without_system)});
}

Entries binding_entries(const Knowledge& knowledge) {
  const auto& bindings = knowledge.bindings;
  Entries out;
  add_bindings(knowledge, "medicine-classes", bindings.medicines, bindings.medicine_classes, out);
  add_bindings(knowledge, "conditions", bindings.conditions, bindings.condition_list, out);
  add_bindings(knowledge, "sex", bindings.sex, bindings.sexes, out);
  add_bindings(knowledge, "pregnancy", bindings.pregnancy, bindings.pregnancies, out);
  add_bindings(knowledge, "cautions", -1, bindings.cautions, out);
  const Names names(knowledge);
  out["record"] = {{"medicine-classes", names.item(bindings.medicines)},
                   {"conditions", names.item(bindings.conditions)},
                   {"age", names.item(bindings.age)},
                   {"sex", names.item(bindings.sex)},
                   {"pregnancy", names.item(bindings.pregnancy)},
                   {"age-rounding", fmt::to_string(bindings.age_rounding)}};
  out["calm"] = {{"visits", list_of(bindings.calm.visits, calm_codes)},
                 {"visit-names", list(bindings.calm.visit_names)},
                 {"priorities", list_of(bindings.calm.priorities, calm_codes)},
                 {"conditions", list(bindings.calm.conditions)},
                 {"results", list(bindings.calm.results)},
                 {"marks", list(bindings.calm.marks)},
                 {"findings", list(bindings.calm.findings)},
                 {"denials", list(bindings.calm.denials)},
                 {"normal", list_of(bindings.calm.normal, calm_codes)},
                 {"normal-words", list(bindings.calm.normal_words)}};
  return out;
}

Entries other_form_entries(const Knowledge& knowledge) {
  Entries out;
  const Names names(knowledge);
  for (const OtherForm& form : knowledge.other_forms) {
    Fields fields{{"title", form.title}};
    for (const auto& question : form.questions) {
      const auto value = [&](const OtherForm::Value& one) {
        const auto& options = knowledge.items[static_cast<std::size_t>(question.item)].options;
        return list({fmt::to_string(static_cast<int>(one.kind)), one.system, one.value,
                     options[static_cast<std::size_t>(one.option)].code});
      };
      fields.emplace_back(
          question.link_id,
          list({names.item(question.item), question.reason, list_of(question.values, value),
                flag(question.partial), question.unit, to_text(question.factor)}));
    }
    out[form.url + "|" + form.version] = std::move(fields);
  }
  return out;
}

// Names that criteria use: what they stand for may change while the criterion's text does not.
Entries name_entries(const Knowledge& knowledge) {
  const Names names(knowledge);
  Entries out;
  for (const auto& [name, set] : knowledge.option_sets) {
    out[name] = {{"question", set.item}, {"options", list(set.options)}};
  }
  for (const auto& [name, is] : knowledge.is_sets) {
    out["is(" + name + ")"] = {{"question", names.item(is.item)},
                               {"yes", names.options(is.item, is.yes)},
                               {"unknown", names.options(is.item, is.unknown)}};
  }
  return out;
}

Entries tier_entries(const Knowledge& knowledge) {
  Entries out;
  for (const Tier tier : kTiers) {
    const TierInfo& info = knowledge.tiers[static_cast<std::size_t>(tier)];
    const auto headline = [](const Headline& one) {
      return list({one.within_hours ? fmt::to_string(*one.within_hours) : "", one.text});
    };
    out[std::string(code_of(tier))] = {{"label", info.label},
                                       {"meaning", info.meaning},
                                       {"patient", list_of(info.patient, headline)},
                                       {"priority", info.priority}};
  }
  return out;
}

Entries source_entries(const Knowledge& knowledge) {
  Entries out;
  for (const Source& source : knowledge.sources) {
    out[source.id] = {
        {"grade", source.grade}, {"title", source.title}, {"address", source.address}};
  }
  return out;
}

Entries text_entries(const Knowledge& knowledge) {
  Entries out;
  for (const auto& [key, text] : knowledge.texts) {
    out[key] = {{"text", text}};
  }
  return out;
}

Entries setting_entries(const Knowledge& knowledge) {
  const Names names(knowledge);
  const auto& rules = knowledge.gaps;
  const auto id_of = [&rules](int index) {
    return index < 0 ? "" : rules[static_cast<std::size_t>(index)].id;
  };
  const auto guard = [&](const AdviceGuard& one) {
    std::vector<std::string> ids{id_of(one.rule)};
    for (const int advice : one.advice) {
      ids.push_back(knowledge.advice[static_cast<std::size_t>(advice)].id);
    }
    return list(ids);
  };
  std::vector<std::string> repeat_allowed;
  for (const Tier tier : kTiers) {
    if (knowledge.repeat_allowed[static_cast<std::size_t>(tier)]) {
      repeat_allowed.emplace_back(code_of(tier));
    }
  }
  return {
      {"",
       {{"id", knowledge.id},
        {"canonical", knowledge.canonical},
        {"title", knowledge.title},
        {"status", knowledge.status},
        {"copyright", knowledge.copyright},
        {"adult-age", fmt::to_string(knowledge.adult_age)},
        {"red-flag-from", std::string(code_of(knowledge.red_flag_from))},
        {"emergency-answers-hours", fmt::to_string(knowledge.staleness.emergency_answers_hours)},
        {"benign-answers-days", fmt::to_string(knowledge.staleness.benign_answers_days)},
        {"lab-days", fmt::to_string(knowledge.staleness.lab_days)},
        {"nothing-matched", std::string(code_of(knowledge.nothing_matched))},
        {"unread-words", std::string(code_of(knowledge.unread_words))},
        {"repeat-days", fmt::to_string(knowledge.repeat_days)},
        {"repeat-allowed", list(repeat_allowed)},
        {"items", names.items(knowledge.change.items)},
        {"grew", names.items(knowledge.change.grew)},
        {"guards", list_of(knowledge.advice_guards, guard)},
        {"benign-gate", id_of(knowledge.benign_gate)}}}};
}

// The catalogue itself under its tag, each translation under "es: <English>".
Entries language_entries(const Knowledge& knowledge) {
  Entries out;
  for (const Language& language : knowledge.languages) {
    out[language.tag] = {{"name", language.name},
                         {"direction", language.right_to_left ? "rtl" : "ltr"},
                         {"reviewed", language.reviewed_by + " " + language.reviewed_on},
                         {"unvalidated", list(language.unvalidated)}};
    for (const auto& [english, text] : language.texts) {
      out[fmt::format("{}: {}", language.tag, english)] = {{"text", text}};
    }
    for (const auto& [item, texts] : language.there) {
      for (const auto& [english, text] : texts) {
        out[fmt::format("{} in {}: {}", language.tag, item, english)] = {{"text", text}};
      }
    }
  }
  return out;
}

Sections sections_of(const Knowledge& knowledge) {
  return {{"rule", rule_entries(knowledge)},
          {"policy", policy_entries(knowledge)},
          {"question", question_entries(knowledge)},
          {"name", name_entries(knowledge)},
          {"tier", tier_entries(knowledge)},
          {"workup", workup_entries(knowledge)},
          {"hypothesis", hypothesis_entries(knowledge)},
          {"laboratory value", lab_entries(knowledge)},
          {"binding", binding_entries(knowledge)},
          {"other form", other_form_entries(knowledge)},
          {"advice", advice_entries(knowledge)},
          {"sentence", text_entries(knowledge)},
          {"language", language_entries(knowledge)},
          {"source", source_entries(knowledge)},
          {"setting", setting_entries(knowledge)}};
}

std::vector<std::string> changed_fields(const Fields& before, const Fields& after) {
  const std::map<std::string_view, std::string> was(before.begin(), before.end());
  const std::map<std::string_view, std::string> is(after.begin(), after.end());
  std::vector<std::string> changed;
  const auto value = [](const auto& fields, std::string_view name) {
    const auto found = fields.find(name);
    return found == fields.end() ? std::string() : found->second;
  };
  for (const auto& [name, text] : after) {
    if (value(was, name) != text) {
      changed.emplace_back(name);
    }
  }
  for (const auto& [name, text] : before) {
    if (!is.contains(name) && !text.empty()) {
      changed.emplace_back(name);
    }
  }
  return changed;
}

void compare(std::string_view section, const Entries& before, const Entries& after,
             std::vector<Difference>& out) {
  using Kind = Difference::Kind;
  Entries all = after;
  all.insert(before.begin(), before.end());
  for (const auto& [id, ignored] : all) {
    const auto was = before.find(id);
    const auto is = after.find(id);
    if (was == before.end()) {
      out.push_back({Kind::added, std::string(section), id, {}});
    } else if (is == after.end()) {
      out.push_back({Kind::removed, std::string(section), id, {}});
    } else if (auto fields = changed_fields(was->second, is->second); !fields.empty()) {
      out.push_back({Kind::changed, std::string(section), id, std::move(fields)});
    }
  }
}

}  // namespace

std::vector<Difference> differences(const Knowledge& before, const Knowledge& after) {
  const Sections was = sections_of(before);
  const Sections is = sections_of(after);
  std::vector<Difference> out;
  for (std::size_t i = 0; i < is.size(); ++i) {
    compare(is[i].first, was[i].second, is[i].second, out);
  }
  return out;
}

}  // namespace myoflag::rules
