#include "plugin/batch/summary.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "plugin/batch/own_json.h"
#include "plugin/mapping/summary_html.h"

namespace myoflag::batch {
namespace {

using fhir::Json;
using mapping::html_escaped;
using rules::Knowledge;

constexpr std::size_t kMost = 10;
constexpr int kBar = 30;

using Counts = std::map<std::string, std::uint64_t>;

Json counts_json(const Counts& counts) {
  Json out = Json::object();
  for (const auto& [name, count] : counts) {
    out.set(name, number(count));
  }
  return out;
}

Json tiers_json(const TierCounts& tiers) {
  Json out = Json::object();
  for (const auto tier : rules::kTiers) {
    out.set(rules::code_of(tier), number(tiers[static_cast<std::size_t>(tier)]));
  }
  return out;
}

// Reads members back; the first one that is not as written spoils it all.
class Reading {
 public:
  bool good() const { return good_; }

  std::uint64_t count(const Json& from, std::string_view name) {
    const auto value = number_of(from, name);
    good_ = good_ && value.has_value();
    return value.value_or(0);
  }

  TierCounts tiers(const Json* from) {
    TierCounts out{};
    for (const auto tier : rules::kTiers) {
      out[static_cast<std::size_t>(tier)] =
          from == nullptr ? spoiled() : count(*from, rules::code_of(tier));
    }
    return out;
  }

  Counts counts(const Json* from) {
    Counts out;
    for (const auto& member : members(from)) {
      out[member.name] = count(*from, member.name);
    }
    return out;
  }

  const Json::Object& members(const Json* from) {
    static const Json::Object none;
    const auto* object = from == nullptr ? nullptr : from->as_object();
    good_ = good_ && object != nullptr;
    return object == nullptr ? none : *object;
  }

 private:
  std::uint64_t spoiled() {
    good_ = false;
    return 0;
  }
  bool good_ = true;
};

std::vector<std::pair<std::string, std::uint64_t>> most(const Counts& counts) {
  std::vector<std::pair<std::string, std::uint64_t>> rows(counts.begin(), counts.end());
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  rows.resize(std::min(rows.size(), kMost));
  return rows;
}

std::string rule_title(const Knowledge& knowledge, const std::string& id) {
  for (const auto& rule : knowledge.rules) {
    if (rule.id == id) {
      return rule.title;
    }
  }
  return {};
}

std::string item_label(const Knowledge& knowledge, const std::string& link_id) {
  const int item = knowledge.item(link_id);
  return item < 0 ? std::string() : knowledge.items[static_cast<std::size_t>(item)].label;
}

std::string tier_label(const Knowledge& knowledge, rules::Tier tier) {
  return knowledge.tiers[static_cast<std::size_t>(tier)].label;
}

std::string bar(std::uint64_t count, std::uint64_t of) {
  const auto length = of == 0 ? 0 : (count * kBar + of - 1) / of;
  return std::string(static_cast<std::size_t>(length), '#');
}

std::string percent(std::uint64_t count, std::uint64_t of) {
  const double share = of == 0 ? 0 : 100.0 * static_cast<double>(count) / static_cast<double>(of);
  return fmt::format("{:.1f} %", share);
}

std::uint64_t sum(const TierCounts& tiers) {
  return std::accumulate(tiers.begin(), tiers.end(), std::uint64_t{0});
}

// Most urgent first.
std::vector<rules::Tier> tiers_downwards() {
  return {rules::kTiers.rbegin(), rules::kTiers.rend()};
}

std::string tiers_text(const Summary& summary, const Knowledge& knowledge) {
  std::string out = "\nTiers\n";
  for (const auto tier : tiers_downwards()) {
    const auto count = summary.tiers[static_cast<std::size_t>(tier)];
    out += fmt::format("  {:<12} {:>10}  {:>7}  {}\n", tier_label(knowledge, tier), count,
                       percent(count, summary.assessed), bar(count, summary.assessed));
  }
  return out;
}

std::string months_text(const Summary& summary, const Knowledge& knowledge) {
  std::string out = "\nMonth of the response\n  ";
  out += fmt::format("{:<10}", "");
  for (const auto tier : tiers_downwards()) {
    out += fmt::format(" {:>10}", tier_label(knowledge, tier));
  }
  for (const auto& [month, tiers] : summary.months) {
    out += fmt::format("\n  {:<10}", month.empty() ? "unknown" : month);
    for (const auto tier : tiers_downwards()) {
      out += fmt::format(" {:>10}", tiers[static_cast<std::size_t>(tier)]);
    }
  }
  return out + "\n";
}

template <typename Label>
std::string most_text(std::string_view title, const Counts& counts, Label label) {
  if (counts.empty()) {
    return {};
  }
  std::string out = fmt::format("\n{}\n", title);
  for (const auto& [name, count] : most(counts)) {
    const std::string text = label(name);
    out += fmt::format("  {:>10}  {}{}{}\n", count, text, text.empty() ? "" : "  ", name);
  }
  return out;
}

struct Row {
  std::string label;
  std::string code;  // small, below it
  std::uint64_t count = 0;
};

// Every bar has its number and its label as text: nothing is said by length or colour alone.
std::string bars(std::string_view title, const std::vector<Row>& rows, std::uint64_t of) {
  if (rows.empty()) {
    return {};
  }
  std::string out = fmt::format("<section><h2>{}</h2>\n<table>\n", html_escaped(title));
  for (const auto& row : rows) {
    const double width =
        of == 0 ? 0 : 100.0 * static_cast<double>(row.count) / static_cast<double>(of);
    out += fmt::format(
        "<tr><th scope=\"row\">{}{}</th><td class=\"n\">{}</td><td class=\"n\">{}</td><td "
        "class=\"b\"><svg width=\"100%\" height=\"12\" aria-hidden=\"true\"><rect "
        "width=\"{:.2f}%\" "
        "height=\"12\"/></svg></td></tr>\n",
        html_escaped(row.label),
        row.code.empty() ? "" : fmt::format("<small>{}</small>", html_escaped(row.code)), row.count,
        percent(row.count, of), width);
  }
  return out + "</table></section>\n";
}

template <typename Label>
std::vector<Row> most_rows(const Counts& counts, Label label) {
  std::vector<Row> rows;
  for (const auto& [name, count] : most(counts)) {
    const std::string text = label(name);
    rows.push_back(text.empty() ? Row{name, "", count} : Row{text, name, count});
  }
  return rows;
}

std::string months_html(const Summary& summary, const Knowledge& knowledge) {
  std::string out =
      "<section><h2>Month of the response</h2>\n<table>\n<tr><th scope=\"col\">Month</th>";
  for (const auto tier : tiers_downwards()) {
    out += fmt::format("<th scope=\"col\">{}</th>", html_escaped(tier_label(knowledge, tier)));
  }
  out += "<th scope=\"col\">Share of each tier, most urgent first</th></tr>\n";
  for (const auto& [month, tiers] : summary.months) {
    out += fmt::format("<tr><th scope=\"row\">{}</th>",
                       month.empty() ? "unknown" : html_escaped(month));
    std::string plot;
    double at = 0;
    for (const auto tier : tiers_downwards()) {
      const auto count = tiers[static_cast<std::size_t>(tier)];
      const double width = 100.0 * static_cast<double>(count) / static_cast<double>(sum(tiers));
      out += fmt::format("<td class=\"n\">{}</td>", count);
      plot += fmt::format("<rect class=\"{}\" x=\"{:.2f}%\" width=\"{:.2f}%\" height=\"12\"/>",
                          rules::code_of(tier), at, width);
      at += width;
    }
    out += fmt::format(
        "<td class=\"b\"><svg width=\"100%\" height=\"12\" "
        "aria-hidden=\"true\">{}</svg></td></tr>\n",
        plot);
  }
  return out + "</table></section>\n";
}

// Nothing where nothing was for an EHR.
std::string outbox_text(const Summary& summary) {
  return summary.submitted + summary.undeliverable == 0
             ? std::string()
             : fmt::format("{} kept for the EHR, {} that nobody can deliver", summary.submitted,
                           summary.undeliverable);
}

constexpr std::string_view kStyle =
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;"
    "color:#1a1a1a;background:#fff}table{border-collapse:collapse;width:100%}"
    "th,td{padding:.2rem .6rem;text-align:left;border-bottom:1px solid #ddd;font-weight:400}"
    "section{overflow-x:auto}small{color:#555;display:block}"
    "td.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}td.b{width:35%}"
    "rect{fill:#33658a}"
    "rect.emergency{fill:#8b0000}rect.urgent{fill:#d1495b}rect.soon{fill:#e69f00}"
    "rect.routine{fill:#56b4e9}rect.self-care{fill:#999}";

}  // namespace

void Summary::count(const Tally& tally, bool again, const Knowledge& knowledge) {
  ++records;
  if (again) {
    ++repeated;
    return;
  }
  if (!tally.assessed) {
    ++rejected;
    ++problems[tally.problem];
    return;
  }
  ++assessed;
  warned += tally.warned ? 1 : 0;
  undeliverable += tally.undeliverable ? 1 : 0;
  ++tiers[static_cast<std::size_t>(tally.tier)];
  ++months[tally.month][static_cast<std::size_t>(tally.tier)];
  for (const int rule : tally.fired) {
    ++fired[knowledge.rules[static_cast<std::size_t>(rule)].id];
  }
  for (const int item : tally.missing) {
    ++missing[knowledge.items[static_cast<std::size_t>(item)].link_id];
  }
}

Json to_json(const Summary& summary) {
  Json months = Json::object();
  for (const auto& [month, tiers] : summary.months) {
    months.set(month, tiers_json(tiers));
  }
  return Json::object({{"records", number(summary.records)},
                       {"assessed", number(summary.assessed)},
                       {"warned", number(summary.warned)},
                       {"rejected", number(summary.rejected)},
                       {"repeated", number(summary.repeated)},
                       {"submitted", number(summary.submitted)},
                       {"undeliverable", number(summary.undeliverable)},
                       {"tiers", tiers_json(summary.tiers)},
                       {"fired", counts_json(summary.fired)},
                       {"missing", counts_json(summary.missing)},
                       {"problems", counts_json(summary.problems)},
                       {"months", std::move(months)},
                       {"exports", counts_json(summary.exports)}});
}

std::optional<Summary> summary_of(const Json& json) {
  Reading reading;
  Summary out;
  out.records = reading.count(json, "records");
  out.assessed = reading.count(json, "assessed");
  out.warned = reading.count(json, "warned");
  out.rejected = reading.count(json, "rejected");
  out.repeated = reading.count(json, "repeated");
  out.submitted = reading.count(json, "submitted");
  out.undeliverable = reading.count(json, "undeliverable");
  out.tiers = reading.tiers(json.find("tiers"));
  out.fired = reading.counts(json.find("fired"));
  out.missing = reading.counts(json.find("missing"));
  out.problems = reading.counts(json.find("problems"));
  out.exports = reading.counts(json.find("exports"));
  for (const auto& member : reading.members(json.find("months"))) {
    out.months[member.name] = reading.tiers(&member.value);
  }
  return reading.good() ? std::optional(std::move(out)) : std::nullopt;
}

std::string to_text(const Summary& summary, const Knowledge& knowledge) {
  std::string out = fmt::format(
      "{} records: {} assessed ({} with warnings), {} rejected, {} repeated\n", summary.records,
      summary.assessed, summary.warned, summary.rejected, summary.repeated);
  const std::string outbox = outbox_text(summary);
  out += outbox.empty() ? "" : outbox + "\n";
  out += most_text("Lines of exports", summary.exports, [](const auto&) { return std::string(); });
  if (summary.assessed > 0) {
    out += tiers_text(summary, knowledge);
    out += most_text("Rules that fired most", summary.fired,
                     [&](const auto& id) { return rule_title(knowledge, id); });
    out += most_text("Answers that were missing most", summary.missing,
                     [&](const auto& id) { return item_label(knowledge, id); });
    out += months_text(summary, knowledge);
  }
  return out + most_text("Why records were rejected (docs/errors)", summary.problems,
                         [](const auto&) { return std::string(); });
}

std::string to_html(const Summary& summary, const Knowledge& knowledge, std::string_view when) {
  std::vector<Row> tiers;
  for (const auto tier : tiers_downwards()) {
    tiers.push_back(
        {tier_label(knowledge, tier), "", summary.tiers[static_cast<std::size_t>(tier)]});
  }
  std::string out = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\"><title>Batch report</title><style>{}</style></head><body>\n"
      "<h1>Batch report</h1>\n<p>Evaluated {} with the knowledge {} {}.</p>\n<p>{} records: {} "
      "assessed ({} with "
      "warnings), {} rejected, {} repeated.</p>\n",
      kStyle, html_escaped(when), html_escaped(knowledge.id), html_escaped(knowledge.version),
      summary.records, summary.assessed, summary.warned, summary.rejected, summary.repeated);
  if (const std::string outbox = outbox_text(summary); !outbox.empty()) {
    out += fmt::format("<p>{}.</p>\n", html_escaped(outbox));
  }
  out += bars("Tiers", tiers, summary.assessed);
  out += bars("Rules that fired most",
              most_rows(summary.fired, [&](const auto& id) { return rule_title(knowledge, id); }),
              summary.assessed);
  out += bars("Answers that were missing most",
              most_rows(summary.missing, [&](const auto& id) { return item_label(knowledge, id); }),
              summary.assessed);
  if (!summary.months.empty()) {
    out += months_html(summary, knowledge);
  }
  const auto lines = summary.exports.find("lines");
  if (lines != summary.exports.end()) {
    out +=
        bars("Lines of exports",
             most_rows(summary.exports, [](const auto&) { return std::string(); }), lines->second);
  }
  out += bars("Why records were rejected",
              most_rows(summary.problems, [](const auto&) { return std::string(); }),
              summary.rejected);
  return out + "</body></html>\n";
}

}  // namespace myoflag::batch
