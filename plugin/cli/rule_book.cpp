#include "plugin/cli/rule_book.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

namespace myoflag::cli {
namespace {

using rules::Knowledge;
using rules::Rule;

constexpr std::string_view kGenerated =
    "<!-- Written by `myoflag knowledge docs`; do not edit. A test compares it with the knowledge. "
    "-->\n";

std::string one_line(std::string_view text) {
  std::string result;
  for (const char c : text) {
    result += c == '\n' || c == '\t' ? ' ' : c;
  }
  return result;
}

// A cell of a table: no pipes, no line ends.
std::string cell(std::string_view text) {
  std::string result;
  for (const char c : one_line(text)) {
    result += c == '|' ? "\\|" : std::string(1, c);
  }
  return result;
}

std::string source_links(const Knowledge& knowledge, const std::vector<int>& sources) {
  std::string result;
  for (const int index : sources) {
    const std::string& id = knowledge.sources[static_cast<std::size_t>(index)].id;
    result += fmt::format("{}[{}](#source-{})", result.empty() ? "" : ", ", id, id);
  }
  return result;
}

template <typename Table>
std::string texts_of(const Table& table, const std::vector<int>& indices) {
  std::string result;
  for (const int index : indices) {
    result += fmt::format("{}{}", result.empty() ? "" : "; ",
                          one_line(table[static_cast<std::size_t>(index)].text));
  }
  return result;
}

std::string target_text(const rules::Target& target) {
  return target.text.empty() ? std::string() : fmt::format(", {}", target.text);
}

void bullet(std::string& out, std::string_view name, std::string_view text) {
  if (!text.empty()) {
    out += fmt::format("- **{}:** {}\n", name, one_line(text));
  }
}

std::string rule_link(const Rule& rule) { return fmt::format("[{}](#{})", rule.id, rule.id); }

std::string rule_links(const std::vector<Rule>& rules, const std::vector<int>& indices) {
  std::string result;
  for (const int index : indices) {
    result += (result.empty() ? "" : ", ") + rule_link(rules[static_cast<std::size_t>(index)]);
  }
  return result;
}

void heading(std::string& out, std::string_view title, std::string_view id, std::string_view more) {
  out += fmt::format("### {}\n\n<a id=\"{}\"></a>`{}`{}\n\n", title, id, id, more);
}

void add_criterion(std::string& out, const Rule& rule) {
  if (!rule.criterion_text.empty()) {
    out += fmt::format("```\n{}\n```\n\n", rule.criterion_text);
  }
  for (const rules::ConditionalTarget& shorter : rule.target_when) {
    bullet(out, "Shorter target",
           fmt::format("{} when `{}`", shorter.target.text, shorter.criterion_text));
  }
}

std::string links_of_ids(const std::vector<std::string>& ids) {
  std::string result;
  for (const std::string& id : ids) {
    result += fmt::format("{}`{}`", result.empty() ? "" : ", ", id);
  }
  return result;
}

// Everything that the patient may be told because of it.
void add_patient_wording(std::string& out, const Rule& rule) {
  bullet(out, rule.comforts ? "To the patient, where the benign gate is open" : "To the patient",
         rule.patient);
  for (const rules::ConditionalTarget& shorter : rule.target_when) {
    bullet(out, "To the patient, when the target is shorter", shorter.patient);
  }
  bullet(out, "To the patient, beside a more urgent finding", rule.beside);
  bullet(out, "To the patient, beside an emergency", rule.beside_emergency);
  bullet(out, "The patient is then not told the words of", links_of_ids(rule.silences));
}

void add_rule(std::string& out, const Knowledge& knowledge, const Rule& rule) {
  heading(out, rule.title, rule.id, target_text(rule.target));
  add_criterion(out, rule);
  bullet(out, "Why", rule.rationale);
  bullet(out, "Note", rule.note);
  bullet(out, "Reassurance", rule.benign ? "holds only together with the benign gate" : "");
  bullet(out, "Ages", rule.all_ages ? "also children" : "");
  bullet(out, "To consider", texts_of(knowledge.hypotheses, rule.hypotheses));
  bullet(out, "May suggest", texts_of(knowledge.workups, rule.workups));
  bullet(out, "Does not justify", texts_of(knowledge.workups, rule.must_not));
  add_patient_wording(out, rule);
  bullet(out, "Sources", source_links(knowledge, rule.sources));
  bullet(out, "Review", fmt::format("{}, due {}", rule.owner, rule.due));
  out += '\n';
}

void add_tier(std::string& out, const Knowledge& knowledge, rules::Tier tier) {
  const rules::TierInfo& info = knowledge.tiers[static_cast<std::size_t>(tier)];
  out += fmt::format("## {}\n\n{}\n\n", info.label, one_line(info.meaning));
  for (const rules::Headline& headline : info.patient) {
    bullet(out,
           headline.within_hours
               ? fmt::format("To the patient, within {} hours", *headline.within_hours)
               : "To the patient",
           headline.text);
  }
  bullet(out, "Request priority", info.priority);
  out += '\n';
  for (const Rule& rule : knowledge.rules) {
    if (rule.tier == tier) {
      add_rule(out, knowledge, rule);
    }
  }
}

// ---- policies
// -----------------------------------------------------------------------------------------------

template <typename Table, typename NameOf>
std::string names_of(const Table& table, const std::vector<int>& indices, NameOf name_of) {
  std::string result;
  for (const int index : indices) {
    result += fmt::format("{}`{}`", result.empty() ? "" : ", ",
                          name_of(table[static_cast<std::size_t>(index)]));
  }
  return result;
}

std::string question_names(const Knowledge& knowledge, const std::vector<int>& items) {
  return names_of(knowledge.items, items, [](const rules::Item& item) { return item.link_id; });
}

void add_guarded_advice(std::string& out, const Knowledge& knowledge, std::string_view id) {
  for (const rules::AdviceGuard& guard : knowledge.advice_guards) {
    if (knowledge.gaps[static_cast<std::size_t>(guard.rule)].id == id) {
      bullet(out, "Withholds advice",
             names_of(knowledge.advice, guard.advice,
                      [](const rules::Advice& each) { return each.id; }));
    }
  }
}

void add_tiers_that_repeat(std::string& out, const Knowledge& knowledge) {
  std::string tiers;
  for (const rules::Tier tier : rules::kTiers) {
    if (knowledge.repeat_allowed[static_cast<std::size_t>(tier)]) {
      tiers += fmt::format("{}{}", tiers.empty() ? "" : ", ", code_of(tier));
    }
  }
  bullet(out, "Tiers whose rules may repeat a recent test", tiers);
}

// What the kinds of policy set beside their text.
void add_settings(std::string& out, const Knowledge& knowledge, const rules::Policy& policy) {
  if (policy.kind == "staleness") {
    const rules::Staleness& staleness = knowledge.staleness;
    bullet(out, "Emergency answers", fmt::format("{} hours", staleness.emergency_answers_hours));
    bullet(out, "Answers for reassurance", fmt::format("{} days", staleness.benign_answers_days));
    bullet(out, "Laboratory values", fmt::format("{} days", staleness.lab_days));
  } else if (policy.kind == "change") {
    bullet(out, "Not there before, there now", question_names(knowledge, knowledge.change.items));
    bullet(out, "More than before", question_names(knowledge, knowledge.change.grew));
  } else if (policy.kind == "aggregation") {
    bullet(out, "When nothing matched", code_of(knowledge.nothing_matched));
    bullet(out, "While free text is unread, at least", code_of(knowledge.unread_words));
  } else if (policy.kind == "overtesting") {
    bullet(out, "A test is not repeated within", fmt::format("{} days", knowledge.repeat_days));
    add_tiers_that_repeat(out, knowledge);
    bullet(out, "Only from, never from", "stands with each test under [Workups](#workups)");
  } else if (policy.kind == "test-notes") {
    bullet(out, "Notes", "stand with each test under [Workups](#workups)");
  } else if (policy.kind == "advice-guard") {
    add_guarded_advice(out, knowledge, policy.id);
  }
}

void add_policy(std::string& out, const Knowledge& knowledge, const rules::Policy& policy) {
  const Rule* rule = knowledge.rule(policy.id);
  const bool has_tier =
      rule != nullptr && (rule->kind == Rule::Kind::gap || rule->kind == Rule::Kind::change);
  heading(out, policy.title, policy.id,
          has_tier ? fmt::format(", {}, at least {}{}", policy.kind, code_of(rule->tier),
                                 target_text(rule->target))
                   : ", " + policy.kind);
  if (rule != nullptr) {
    add_criterion(out, *rule);
  }
  bullet(out, "Policy", policy.text);
  add_settings(out, knowledge, policy);
  if (rule != nullptr) {
    bullet(out, "To the clinician", rule->rationale);
    add_patient_wording(out, *rule);
  }
  bullet(out, "Sources", source_links(knowledge, policy.sources));
  out += '\n';
}

// ---- workups, advice, questions
// -----------------------------------------------------------------------------

void sub_bullet(std::string& out, std::string_view name, std::string_view text) {
  if (!text.empty()) {
    out += fmt::format("  - {}: {}\n", name, one_line(text));
  }
}

void add_workups(std::string& out, const Knowledge& knowledge) {
  out += "## Workups\n\n";
  for (const rules::Workup& workup : knowledge.workups) {
    out += fmt::format("- <a id=\"workup-{}\"></a>`{}` {} ({})\n", workup.code, workup.code,
                       one_line(workup.text), workup.category);
    sub_bullet(out, "Note", workup.note);
    sub_bullet(out, "Only from", rule_links(knowledge.rules, workup.only_from));
    sub_bullet(out, "Never from", rule_links(knowledge.rules, workup.never_from));
    for (const rules::Workup::Note& note : workup.notes) {
      sub_bullet(out,
                 note.caution.empty()
                     ? "To whoever orders it"
                     : fmt::format("To whoever orders it, when the record has a caution for {}",
                                   note.caution),
                 note.text);
      sub_bullet(out, "To whoever orders it, when the patient answered so", note.answered);
      sub_bullet(out, "To whoever orders it, when the answers leave it open", note.ask);
    }
  }
  out += '\n';
}

void add_advice(std::string& out, const Knowledge& knowledge) {
  out += "## Advice\n\n";
  for (const rules::Advice& advice : knowledge.advice) {
    out += fmt::format("- <a id=\"advice-{}\"></a>`{}` {}\n", advice.id, advice.id,
                       one_line(advice.text));
    sub_bullet(out, "Said",
               advice.when == rules::Advice::When::fired
                   ? "with " + rule_links(knowledge.rules, advice.rules)
               : advice.when == rules::Advice::When::free_text
                   ? "while the patient's own words are unread"
                   : "beside everything but an emergency");
    sub_bullet(out, "Sources", source_links(knowledge, advice.sources));
  }
  out += '\n';
}

std::string option_names(const rules::Item& item, std::uint64_t mask) {
  std::string result;
  for (std::size_t i = 0; i < item.options.size(); ++i) {
    if (((mask >> i) & 1U) != 0) {
      result += (result.empty() ? "" : "|") + item.options[i].code;
    }
  }
  return result;
}

void add_names(std::string& out, const Knowledge& knowledge) {
  out += "## Names in criteria\n\n";
  for (const auto& [name, set] : knowledge.option_sets) {
    out += fmt::format("- `{}`: `{}: {}`\n", name, set.item, fmt::join(set.options, "|"));
  }
  for (const auto& [name, set] : knowledge.is_sets) {
    const rules::Item& item = knowledge.items[static_cast<std::size_t>(set.item)];
    const std::string open = option_names(item, set.unknown);
    out += fmt::format("- `is({})`: `{}: {}`{}\n", name, item.link_id, option_names(item, set.yes),
                       open.empty() ? "" : fmt::format("; left open by `{}`", open));
  }
  out += '\n';
}

std::string condition_text(const Knowledge& knowledge, const rules::EnableWhen& when) {
  using Op = rules::EnableWhen::Op;
  const rules::Item& item = knowledge.items[static_cast<std::size_t>(when.item)];
  switch (when.op) {
    case Op::is:
      return fmt::format("`{}: {}`", item.link_id, option_names(item, when.options));
    case Op::is_not:
      return fmt::format("`{}` other than `{}`", item.link_id, option_names(item, when.options));
    case Op::at_least:
      return fmt::format("`{} >= {}`", item.link_id, to_text(when.limit));
    case Op::at_most:
      return fmt::format("`{} <= {}`", item.link_id, to_text(when.limit));
  }
  return "";
}

std::string shown_when(const Knowledge& knowledge, const rules::Item& item) {
  std::string result;
  for (const rules::EnableWhen& when : item.enable) {
    const std::string_view joiner = item.enable_any ? " or " : " and ";
    result += fmt::format("{}{}", result.empty() ? "" : joiner, condition_text(knowledge, when));
  }
  return result;
}

void add_question(std::string& out, const Knowledge& knowledge, const rules::Item& item) {
  const bool is_group = item.type == rules::ItemType::group;
  if (is_group) {
    out += fmt::format("\n### {}\n\n", one_line(item.text));
  }
  out += fmt::format("- <a id=\"question-{}\"></a>`{}` {}\n", item.link_id, item.link_id,
                     is_group                                ? "(group)"
                     : item.type == rules::ItemType::display ? one_line(item.text) + " (text)"
                                                             : one_line(item.text));
  sub_bullet(out, "Shown when", shown_when(knowledge, item));
  sub_bullet(out, "Asks about the last",
             item.look_back_hours == 0 ? "" : fmt::format("{} hours", item.look_back_hours));
  sub_bullet(out, "Lasting", item.lasting ? "what was ticked once counts on later forms" : "");
  sub_bullet(out, "Stays true",
             item.stays_true ? "what was ticked once is told where a later form denies it" : "");
  sub_bullet(out, "Instrument", item.instrument);
  sub_bullet(out, "Sources", source_links(knowledge, item.sources));
  for (const rules::Option& option : item.options) {
    out += fmt::format("  - `{}` {}{}\n", option.code, one_line(option.text),
                       item.instrument.empty() ? "" : fmt::format(" ({})", option.score));
  }
  out += is_group ? "\n" : "";
}

void add_questions(std::string& out, const Knowledge& knowledge) {
  out += "## Questions\n";
  for (const rules::Item& item : knowledge.items) {
    add_question(out, knowledge, item);
  }
  out += '\n';
}

// Which languages patients can read it in, and who has looked at them.
void add_languages(std::string& out, const Knowledge& knowledge) {
  out += "## Languages\n\nWhat patients read is there in English and in:\n\n";
  for (const rules::Language& language : knowledge.languages) {
    out += fmt::format(
        "- {} (`{}`): {}\n", cell(language.name), language.tag,
        language.is_reviewed()
            ? fmt::format("reviewed by {}, {}", cell(language.reviewed_by), language.reviewed_on)
            : "reviewed by no clinician who speaks it");
    for (const int source : language.sources) {
      const auto& id = knowledge.sources[static_cast<std::size_t>(source)].id;
      out += fmt::format("  - published wording of an instrument: [{}](#source-{})\n", id, id);
    }
    for (const std::string& english : language.unvalidated) {
      out += fmt::format("  - own translation, not validated: {}\n", one_line(english));
    }
  }
  out += '\n';
}

void add_sources(std::string& out, const Knowledge& knowledge) {
  out +=
      "## Sources\n\nGrade A: guideline, review, trial or cohort read in a stored copy. B: summary "
      "by another party. C: secondary page. K: author's judgement.\n\n| id | grade | title | "
      "address |\n|---|---|---|---|\n";
  for (const rules::Source& source : knowledge.sources) {
    out += fmt::format("| <a id=\"source-{}\"></a>{} | {} | {} | {} |\n", source.id, source.id,
                       source.grade, cell(source.title), cell(source.address));
  }
}

// What an id of a seed's coverage names, and the sources behind it.
struct Cover {
  std::string text;
  std::vector<int> sources;
};

std::string linked(std::string_view what, std::string_view title, std::string_view anchor) {
  return fmt::format("{} [{}](rule-book.md#{})", what, cell(title), anchor);
}

std::string_view what_is(const rules::Item& item) {
  switch (item.type) {
    case rules::ItemType::group:
      return "group of questions";
    case rules::ItemType::display:
      return "text of the form";
    default:
      return "question";
  }
}

template <typename List, typename IdOf>
const auto* with_id(const List& list, std::string_view id, IdOf id_of) {
  const auto found =
      std::find_if(list.begin(), list.end(), [&](const auto& each) { return id_of(each) == id; });
  return found == list.end() ? nullptr : &*found;
}

Cover cover_of(const Knowledge& knowledge, const std::string& id) {
  const auto own_id = [](const auto& each) -> std::string_view { return each.id; };
  const auto own_code = [](const auto& each) -> std::string_view { return each.code; };
  if (const int index = knowledge.item(id); index >= 0) {
    const rules::Item& item = knowledge.items[static_cast<std::size_t>(index)];
    return {linked(what_is(item), id, "question-" + id), item.sources};
  }
  if (const auto* policy = with_id(knowledge.policies, id, own_id)) {
    return {linked("policy", policy->title, id), policy->sources};
  }
  if (const auto* rule = with_id(knowledge.rules, id, own_id)) {
    return {linked("rule", rule->title, id), rule->sources};
  }
  if (const auto* advice = with_id(knowledge.advice, id, own_id)) {
    return {linked("advice", id, "advice-" + id), advice->sources};
  }
  if (const auto* workup = with_id(knowledge.workups, id, own_code)) {
    return {linked("workup", workup->text, "workup-" + id), {}};
  }
  if (const auto* hypothesis = with_id(knowledge.hypotheses, id, own_code)) {
    return {fmt::format("hypothesis `{}` {}", id, cell(hypothesis->text)), {}};
  }
  return {fmt::format("`{}`", id), {}};
}

void add_once(std::vector<int>& list, int value) {
  if (std::find(list.begin(), list.end(), value) == list.end()) {
    list.push_back(value);
  }
}

// Sources that an explanation names in brackets: "... are different (leite14)".
std::vector<int> named_sources(const Knowledge& knowledge, std::string_view text) {
  std::vector<int> result;
  for (std::size_t open = text.find('('); open != std::string_view::npos;
       open = text.find('(', open + 1)) {
    const std::string_view inner = text.substr(open + 1, text.find(')', open) - open - 1);
    for (std::size_t i = 0; i < knowledge.sources.size(); ++i) {
      const std::string& id = knowledge.sources[i].id;
      if (inner == id || inner.starts_with(id + ", ") || inner.ends_with(", " + id) ||
          inner.find(", " + id + ", ") != std::string_view::npos) {
        add_once(result, static_cast<int>(i));
      }
    }
  }
  return result;
}

void add_seed(std::string& out, const Knowledge& knowledge, const rules::Seed& seed) {
  std::string covers;
  std::vector<int> sources = named_sources(knowledge, seed.explanation);
  for (const std::string& id : seed.covered_by) {
    const Cover cover = cover_of(knowledge, id);
    covers += fmt::format("{}{}", covers.empty() ? "" : "; ", cover.text);
    for (const int source : cover.sources) {
      add_once(sources, source);
    }
  }
  std::string ids;
  for (const int index : sources) {
    const std::string& id = knowledge.sources[static_cast<std::size_t>(index)].id;
    ids += fmt::format("{}[{}](rule-book.md#source-{})", ids.empty() ? "" : ", ", id, id);
  }
  std::string fact = cell(seed.fact);
  if (!seed.flag.empty()) {
    fact += fmt::format(" **{}**: {}", cell(seed.flag), cell(seed.explanation));
  }
  out +=
      fmt::format("| {} | {} | {} | {} | {} |\n", seed.id, fact, cell(seed.coverage), covers, ids);
}

}  // namespace

std::string rule_book(const Knowledge& knowledge) {
  std::string out(kGenerated);
  out += fmt::format(
      "# Rule book: {}\n\nKnowledge {}, version {}, {}, status {}. Decision support, not a "
      "diagnosis; tests are proposals, never orders. Not reviewed by clinicians yet.\n\n"
      "The criteria are written in the language of [knowledge-authoring.md]"
      "(../knowledge-authoring.md). Unknown is never \"no\".\n\n",
      knowledge.title, knowledge.id, knowledge.version, knowledge.date, knowledge.status);
  for (auto tier = rules::kTiers.rbegin(); tier != rules::kTiers.rend(); ++tier) {
    add_tier(out, knowledge, *tier);
  }
  out += "## Policies\n\n";
  for (const rules::Policy& policy : knowledge.policies) {
    add_policy(out, knowledge, policy);
  }
  add_workups(out, knowledge);
  add_advice(out, knowledge);
  add_names(out, knowledge);
  add_questions(out, knowledge);
  add_languages(out, knowledge);
  add_sources(out, knowledge);
  return out;
}

std::string seed_trace(const Knowledge& knowledge) {
  std::string out(kGenerated);
  out += fmt::format(
      "# From source fact to question, rule or advice\n\nThe {} facts the product started from, "
      "what of the knowledge covers each, and the sources behind that (`author` is judgement). "
      "Facts "
      "that are misleading as first stated say so.\n\n",
      knowledge.seeds.size());
  std::vector<std::string_view> categories;
  for (const rules::Seed& seed : knowledge.seeds) {
    if (std::find(categories.begin(), categories.end(), seed.category) == categories.end()) {
      categories.push_back(seed.category);
    }
  }
  for (const std::string_view category : categories) {
    out += fmt::format(
        "## {}\n\n| id | fact | coverage | covered by | sources |\n|---|---|---|---|---|\n",
        category);
    for (const rules::Seed& seed : knowledge.seeds) {
      if (seed.category == category) {
        add_seed(out, knowledge, seed);
      }
    }
    out += '\n';
  }
  return out;
}

}  // namespace myoflag::cli
