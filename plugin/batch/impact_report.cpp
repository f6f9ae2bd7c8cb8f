#include "plugin/batch/impact_report.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "plugin/batch/own_json.h"
#include "plugin/safe_text.h"

namespace myoflag::batch {
namespace {

using fhir::Json;

constexpr std::pair<Move, std::string_view> kMoves[] = {
    {Move::raised, "raised"},
    {Move::lowered, "lowered"},
    {Move::refused_by_new, "refused-by-new"},
    {Move::refused_by_old, "refused-by-old"},
    {Move::refused_by_both, "refused-by-both"},
    {Move::within, "within"},
    {Move::none, "none"},
};

constexpr std::pair<Move, std::string_view> kMoveWords[] = {
    {Move::raised, "more urgent"},
    {Move::lowered, "less urgent"},
    {Move::refused_by_new, "refused by the new version only"},
    {Move::refused_by_old, "refused by the old version only"},
    {Move::refused_by_both, "refused by both"},
    {Move::within, "as urgent, with something else changed"},
    {Move::none, "unchanged"},
};

template <std::size_t size>
std::string_view word_of(const std::pair<Move, std::string_view> (&words)[size], Move move) {
  const auto* found = std::find_if(std::begin(words), std::end(words),
                                   [move](const auto& one) { return one.first == move; });
  return found->second;
}

std::string_view word_of(rules::Difference::Kind kind) {
  switch (kind) {
    case rules::Difference::Kind::added:
      return "added";
    case rules::Difference::Kind::removed:
      return "removed";
    case rules::Difference::Kind::changed:
      return "changed";
  }
  return {};
}

std::string_view column_name(std::size_t column) {
  return column == ImpactCounts::kRefused ? "refused" : rules::code_of(rules::kTiers[column]);
}

// Most urgent first, refused last.
std::vector<std::size_t> columns() {
  std::vector<std::size_t> out;
  for (std::size_t i = rules::kTiers.size(); i-- > 0;) {
    out.push_back(i);
  }
  out.push_back(ImpactCounts::kRefused);
  return out;
}

// ---- one response

std::string text_of(const Verdict& verdict) {
  if (!verdict.tier) {
    return fmt::format("refused ({})", fmt::join(verdict.problems, ", "));
  }
  const auto code = rules::code_of(*verdict.tier);
  return verdict.hours ? fmt::format("{}, {} h", code, *verdict.hours)
                       : fmt::format("{}, at the appointment", code);
}

// The rules on which the tier rests.
std::vector<std::string> deciding(const Verdict& verdict) {
  std::vector<std::string> out;
  for (const auto& [rule, tier] : verdict.fired) {
    if (verdict.tier == tier) {
      out.push_back(rule);
    }
  }
  return out;
}

struct WorkupChange {
  std::string code, before, after;  // empty: not there
};

std::vector<WorkupChange> workup_changes(const Impact& impact) {
  std::set<std::string> codes;
  for (const auto* side : {&impact.before, &impact.after}) {
    for (const auto& [code, status] : side->workups) {
      codes.insert(code);
    }
  }
  const auto status_in = [](const Verdict& verdict, const std::string& code) {
    const auto found = verdict.workups.find(code);
    return found == verdict.workups.end() ? std::string() : found->second;
  };
  std::vector<WorkupChange> out;
  for (const auto& code : codes) {
    WorkupChange change{code, status_in(impact.before, code), status_in(impact.after, code)};
    if (change.before != change.after) {
      out.push_back(std::move(change));
    }
  }
  return out;
}

std::string text_of(const WorkupChange& change) {
  const auto shown = [](const std::string& status) { return status.empty() ? "-" : status; };
  return fmt::format("{} ({} -> {})", change.code, shown(change.before), shown(change.after));
}

void add_row(std::string& out, std::string_view title, const std::vector<std::string>& values) {
  if (!values.empty()) {
    out += fmt::format("    {}: {}\n", title, fmt::join(values, ", "));
  }
}

// A list of the verdict in which the two may differ.
struct Aspect {
  std::string_view name;  // in JSON
  std::string_view went, came;
  std::set<std::string> (*of)(const Verdict&);
};

constexpr Aspect kAspects[] = {
    {"fired", "no longer fires", "fires now", fired_rules},
    {"notExcluded", "no longer open", "open now",
     [](const Verdict& verdict) { return verdict.not_excluded; }},
    {"hypotheses", "no longer considered", "considered now",
     [](const Verdict& verdict) { return verdict.hypotheses; }},
    {"patientAdvice", "the patient is no longer told", "the patient is told now",
     [](const Verdict& verdict) { return verdict.advice; }},
    {"notices", "no longer noted", "noted now",
     [](const Verdict& verdict) { return verdict.notices; }},
};

Json strings(const std::vector<std::string>& values) {
  Json out = Json::array();
  for (const auto& value : values) {
    out.push(value);
  }
  return out;
}

Json verdict_json(const Verdict& verdict) {
  if (!verdict.tier) {
    return Json::object({{"refused", strings(verdict.problems)}});
  }
  Json fired = Json::array();
  for (const auto& [rule, tier] : verdict.fired) {
    fired.push(Json::object({{"rule", rule}, {"tier", rules::code_of(tier)}}));
  }
  return Json::object({{"tier", rules::code_of(*verdict.tier)},
                       {"targetHours", verdict.hours ? Json(*verdict.hours) : Json()},
                       {"fired", std::move(fired)}});
}

Json workups_json(const Impact& impact) {
  Json out = Json::array();
  for (const auto& change : workup_changes(impact)) {
    Json row = Json::object({{"code", change.code}});
    row.set_if("old", change.before);
    row.set_if("new", change.after);
    out.push(std::move(row));
  }
  return out;
}

// ---- the whole

std::string line_of(std::string_view name, const rules::Knowledge& knowledge) {
  return fmt::format("{}  {} {}, digest {}\n", name, knowledge.id, knowledge.version,
                     knowledge.digest.substr(0, 12));
}

std::string differences_text(const ImpactReport& report) {
  if (report.differences.empty()) {
    return report.before.digest == report.after.digest
               ? "\nThe two versions are the same.\n"
               : "\nThe files differ, but in nothing that judges or is said.\n";
  }
  std::string out = "\nKnowledge\n";
  for (const auto& one : report.differences) {
    out += fmt::format("  {:<8} {}{}{}", word_of(one.kind), one.section, one.id.empty() ? "" : " ",
                       one.id);
    out += one.fields.empty() ? "\n" : fmt::format(": {}\n", fmt::join(one.fields, ", "));
  }
  return out;
}

std::string table_text(const ImpactCounts& counts) {
  std::string out = "\nTiers: rows by the old version, columns by the new one\n           ";
  for (const auto column : columns()) {
    out += fmt::format(" {:>10}", column_name(column));
  }
  out += '\n';
  for (const auto row : columns()) {
    out += fmt::format("  {:<9}", column_name(row));
    for (const auto column : columns()) {
      out += fmt::format(" {:>10}", counts.tiers[row][column]);
    }
    out += '\n';
  }
  return out;
}

std::string rules_text(const ImpactCounts& counts) {
  if (counts.rules.empty()) {
    return {};
  }
  std::string out = "\nRules and policies that fire now, and that no longer fire\n";
  for (const auto& [rule, change] : counts.rules) {
    out += fmt::format("  {:>8} {:>8}  {}\n", fmt::format("+{}", change.came),
                       fmt::format("-{}", change.went), rule);
  }
  return out;
}

std::string counts_text(const ImpactCounts& counts) {
  std::string out = fmt::format("\nResponses  {}\n", counts.records);
  for (const auto& [move, words] : kMoveWords) {
    out += fmt::format("  {:>8}  {}\n", counts.of(move), words);
  }
  return out;
}

Json version_json(const rules::Knowledge& knowledge) {
  return Json::object(
      {{"id", knowledge.id}, {"version", knowledge.version}, {"digest", knowledge.digest}});
}

Json differences_json(const std::vector<rules::Difference>& differences) {
  Json out = Json::array();
  for (const auto& one : differences) {
    Json row = Json::object({{"change", word_of(one.kind)}, {"section", one.section}});
    row.set_if("id", one.id);
    row.set_if("fields", strings(one.fields));
    out.push(std::move(row));
  }
  return out;
}

void add_counts(const ImpactCounts& counts, Json& json) {
  Json moves = Json::object();
  for (const auto& [move, name] : kMoves) {
    moves.set(name, number(counts.of(move)));
  }
  Json tiers = Json::array();
  for (const auto row : columns()) {
    for (const auto column : columns()) {
      if (const auto count = counts.tiers[row][column]; count > 0) {
        tiers.push(Json::object(
            {{"old", column_name(row)}, {"new", column_name(column)}, {"count", number(count)}}));
      }
    }
  }
  Json rules = Json::array();
  for (const auto& [rule, change] : counts.rules) {
    rules.push(Json::object(
        {{"rule", rule}, {"came", number(change.came)}, {"went", number(change.went)}}));
  }
  json.set("responses", number(counts.records));
  json.set("moves", std::move(moves));
  json.set("tiers", std::move(tiers));
  json.set("rules", std::move(rules));
}

}  // namespace

std::string impact_text(const Impact& impact, std::string_view file) {
  const auto line = impact.place.line > 0 ? fmt::format(":{}", impact.place.line) : "";
  const auto id =
      impact.response.empty() ? "" : fmt::format(" (response {})", safe_text(impact.response));
  auto out =
      fmt::format("{}{}{}: {}\n    {} -> {}\n", file, line, id, word_of(kMoveWords, impact.move()),
                  text_of(impact.before), text_of(impact.after));
  if (impact.before.tier && impact.after.tier) {
    add_row(out, "decided before", deciding(impact.before));
    add_row(out, "decides now", deciding(impact.after));
    for (const auto& aspect : kAspects) {
      const auto before = aspect.of(impact.before);
      const auto after = aspect.of(impact.after);
      add_row(out, aspect.went, only_in(before, after));
      add_row(out, aspect.came, only_in(after, before));
    }
    std::vector<std::string> workups;
    for (const auto& change : workup_changes(impact)) {
      workups.push_back(text_of(change));
    }
    add_row(out, "workups", workups);
  }
  return out;
}

std::string impact_json(const Impact& impact, std::string_view file) {
  Json json = Json::object({{"file", file}});
  if (impact.place.line > 0) {
    json.set("line", number(impact.place.line));
  }
  json.set("offset", number(impact.place.offset));
  json.set_if("response", impact.response);
  json.set("move", word_of(kMoves, impact.move()));
  json.set("old", verdict_json(impact.before));
  json.set("new", verdict_json(impact.after));
  if (impact.before.tier && impact.after.tier) {
    Json went = Json::object();
    Json came = Json::object();
    for (const auto& aspect : kAspects) {
      const auto before = aspect.of(impact.before);
      const auto after = aspect.of(impact.after);
      went.set_if(aspect.name, strings(only_in(before, after)));
      came.set_if(aspect.name, strings(only_in(after, before)));
    }
    json.set("went", std::move(went));
    json.set("came", std::move(came));
    json.set("workups", workups_json(impact));
  }
  return fhir::write_json(json);
}

std::string report_text(const ImpactReport& report) {
  auto out = line_of("old", report.before) + line_of("new", report.after);
  out += differences_text(report);
  if (report.counts != nullptr) {
    out += counts_text(*report.counts) + table_text(*report.counts) + rules_text(*report.counts);
  }
  return out;
}

std::string report_json(const ImpactReport& report) {
  Json json = Json::object({{"old", version_json(report.before)},
                            {"new", version_json(report.after)},
                            {"knowledge", differences_json(report.differences)}});
  if (report.counts != nullptr) {
    add_counts(*report.counts, json);
  }
  auto text = fhir::write_json(json);
  text.pop_back();
  return text + ",\"changed\":[";
}

}  // namespace myoflag::batch
