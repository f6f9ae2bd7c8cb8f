#include "plugin/cli/rule_book.h"

#include <algorithm>
#include <set>
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

void add_rule(std::string& out, const Knowledge& knowledge, const Rule& rule) {
  out += fmt::format("### {}\n\n<a id=\"{}\"></a>`{}`{}\n\n", rule.title, rule.id, rule.id,
                     target_text(rule.target));
  if (!rule.criterion_text.empty()) {
    out += fmt::format("```\n{}\n```\n\n", rule.criterion_text);
  }
  for (const rules::ConditionalTarget& shorter : rule.target_when) {
    bullet(out, "Shorter target under a further condition", shorter.target.text);
  }
  bullet(out, "Why", rule.rationale);
  bullet(out, "Policy", rule.policy);
  bullet(out, "Note", rule.note);
  bullet(out, "To consider", texts_of(knowledge.hypotheses, rule.hypotheses));
  bullet(out, "May suggest", texts_of(knowledge.workups, rule.workups));
  bullet(out, "Does not justify", texts_of(knowledge.workups, rule.must_not));
  bullet(out, "To the patient", rule.patient);
  bullet(out, "Sources", source_links(knowledge, rule.sources));
  if (!rule.owner.empty()) {
    bullet(out, "Review", fmt::format("{}, due {}", rule.owner, rule.due));
  }
  out += '\n';
}

void add_questions(std::string& out, const Knowledge& knowledge) {
  out += "## Questions\n\n";
  for (const rules::Item& item : knowledge.items) {
    if (item.type == rules::ItemType::group) {
      out += fmt::format("### {}\n\n", one_line(item.text));
      continue;
    }
    out += fmt::format("- `{}` {}\n", item.link_id, one_line(item.text));
    for (const rules::Option& option : item.options) {
      out += fmt::format("  - `{}` {}\n", option.code, one_line(option.text));
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

Cover cover_of(const Knowledge& knowledge, const std::string& id) {
  if (const int index = knowledge.item(id); index >= 0) {
    const rules::Item& item = knowledge.items[static_cast<std::size_t>(index)];
    return {fmt::format("question `{}`", id), item.sources};
  }
  if (const Rule* rule = knowledge.rule(id); rule != nullptr) {
    const bool is_rule = rule->kind == Rule::Kind::rule;
    return {fmt::format("{} [{}](rule-book.md#{}) `{}`", is_rule ? "rule" : "policy",
                        cell(rule->title), id, id),
            rule->sources};
  }
  for (const rules::Advice& advice : knowledge.advice) {
    if (advice.id == id) {
      return {fmt::format("advice `{}`", id), advice.sources};
    }
  }
  if (const int index = knowledge.workup(id); index >= 0) {
    return {fmt::format("workup `{}`", id), {}};
  }
  return {fmt::format("`{}`", id), {}};
}

void add_seed(std::string& out, const Knowledge& knowledge, const rules::Seed& seed) {
  std::string covers;
  std::vector<int> sources;
  for (const std::string& id : seed.covered_by) {
    const Cover cover = cover_of(knowledge, id);
    covers += fmt::format("{}{}", covers.empty() ? "" : "; ", cover.text);
    for (const int source : cover.sources) {
      if (std::find(sources.begin(), sources.end(), source) == sources.end()) {
        sources.push_back(source);
      }
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
    const rules::TierInfo& info = knowledge.tiers[static_cast<std::size_t>(*tier)];
    out += fmt::format("## {}\n\n{}\n\n", info.label, one_line(info.meaning));
    for (const Rule& rule : knowledge.rules) {
      if (rule.tier == *tier) {
        add_rule(out, knowledge, rule);
      }
    }
  }
  out += "## Policies\n\n";
  for (const Rule& rule : knowledge.gaps) {
    add_rule(out, knowledge, rule);
  }
  out += "## Workups\n\n| code | test | category | note |\n|---|---|---|---|\n";
  for (const rules::Workup& workup : knowledge.workups) {
    out += fmt::format("| `{}` | {} | {} | {} |\n", workup.code, cell(workup.text), workup.category,
                       cell(workup.note));
  }
  out += '\n';
  add_questions(out, knowledge);
  add_sources(out, knowledge);
  return out;
}

std::string seed_trace(const Knowledge& knowledge) {
  std::string out(kGenerated);
  out += fmt::format(
      "# From source fact to question, rule or advice\n\nThe {} facts the product started from, "
      "what of the knowledge covers each, and the sources behind that. Facts that are misleading "
      "as first stated say so.\n\n",
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
