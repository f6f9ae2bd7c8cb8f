#include "plugin/feedback/report.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "fhir/datetime.h"
#include "fhir/uuid.h"
#include "plugin/cds/assessment_card.h"
#include "plugin/cds/card_policy.h"

namespace myoflag::feedback {
namespace {

using fhir::Json;
using rules::Knowledge;
using Kind = cds::ShownCard::Kind;

void add(Count& to, const Group& group) {
  to.cards += group.cards;
  to.accepted += group.accepted;
  to.overridden += group.overridden;
  to.answered += group.answered;
}

// Which test a suggestion proposed: its id follows from its card's. Empty: none of this knowledge.
std::string workup_of(const Knowledge& knowledge, const Taken& taken) {
  const auto card = fhir::parse_uuid(taken.card);
  const auto found = std::find_if(
      knowledge.workups.begin(), knowledge.workups.end(), [&](const rules::Workup& workup) {
        return card &&
               fhir::to_string(cds::suggestion_uuid(*card, workup.code)) == taken.suggestion;
      });
  return found == knowledge.workups.end() ? std::string() : found->code;
}

std::string title_of(const Knowledge& knowledge, const std::string& id) {
  for (const auto* list : {&knowledge.rules, &knowledge.gaps}) {
    const auto found = std::find_if(list->begin(), list->end(),
                                    [&](const rules::Rule& rule) { return rule.id == id; });
    if (found != list->end()) {
      return found->title;
    }
  }
  return id.empty() ? "no red flag" : "not in this knowledge";
}

std::string words_for(const Knowledge& knowledge, const std::string& reason) {
  const auto& ours = cds::card_policy().override_reasons;
  if (std::find(ours.begin(), ours.end(), reason) != ours.end()) {
    return cds::override_text(knowledge, reason);
  }
  return reason.empty() ? "no reason given" : "another reason";
}

std::string test_text(const Knowledge& knowledge, const std::string& code) {
  const auto index = code.empty() ? -1 : knowledge.workup(code);
  return index < 0 ? "a test of other knowledge"
                   : knowledge.workups[static_cast<std::size_t>(index)].text;
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? "-"
                    : fmt::format("{:.0f} %",
                                  100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

// By number, then by name.
std::vector<std::pair<std::string, std::uint64_t>> ordered(
    const std::map<std::string, std::uint64_t>& counts) {
  std::vector<std::pair<std::string, std::uint64_t>> list(counts.begin(), counts.end());
  std::stable_sort(list.begin(), list.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  return list;
}

Json number(std::uint64_t value) { return static_cast<std::int64_t>(value); }

Json count_json(const Count& count) {
  Json json = Json::object({{"cards", number(count.cards)},
                            {"answered", number(count.answered)},
                            {"accepted", number(count.accepted)},
                            {"overridden", number(count.overridden)}});
  if (count.answered > 0) {
    const auto rate = [&](std::uint64_t part) {
      return Json(Json::Number{
          fmt::format("{:.3f}", static_cast<double>(part) / static_cast<double>(count.answered))});
    };
    json.set("acceptRate", rate(count.accepted));
    json.set("overrideRate", rate(count.overridden));
  }
  return json;
}

std::string day_text(Day day) { return fhir::instant_text(day).substr(0, 10); }

}  // namespace

Result<Report> report_of(Store& store, const Knowledge& knowledge, Day since) {
  const auto groups = store.groups(since);
  const auto reasons = store.reasons(since);
  const auto taken = store.taken(since);
  const auto strangers = store.strangers();
  if (!groups || !reasons || !taken || !strangers) {
    return tl::unexpected(!groups    ? groups.error()
                          : !reasons ? reasons.error()
                          : !taken   ? taken.error()
                                     : strangers.error());
  }
  Report report;
  report.since = since;
  report.strangers = *strangers;
  std::map<std::string, RuleReport> rules;
  for (const auto& group : *groups) {
    if (group.kind != Kind::assessment) {
      (group.kind == Kind::offer ? report.offers : report.unreadable) += group.cards;
      continue;
    }
    add(report.all, group);
    add(rules[group.rules.empty() ? "" : group.rules.front()].first, group);
    for (const auto& rule : group.rules) {
      add(rules[rule].any, group);
    }
  }
  for (const auto& reason : *reasons) {
    rules[reason.rule].reasons[reason.reason] += reason.cards;
  }
  for (const auto& one : *taken) {
    ++rules[one.rule].tests[workup_of(knowledge, one)];
  }
  for (auto& [id, rule] : rules) {
    rule.rule = id;
    report.rules.push_back(std::move(rule));
  }
  std::stable_sort(report.rules.begin(), report.rules.end(),
                   [](const RuleReport& a, const RuleReport& b) {
                     return std::pair(a.first.overridden, a.any.cards) >
                            std::pair(b.first.overridden, b.any.cards);
                   });
  return report;
}

std::string to_text(const Report& report, const Knowledge& knowledge) {
  const auto& all = report.all;
  std::string out = fmt::format(
      "Cards shown since {}: {}. Answered {}: accepted {} ({} of those answered), set aside {} "
      "({}).\n",
      day_text(report.since), all.cards, all.answered, all.accepted,
      percent(all.accepted, all.answered), all.overridden, percent(all.overridden, all.answered));
  out += fmt::format(
      "Beside them {} that could not judge the answers, {} that offered the form, and feedback of "
      "{} that are not known here.\n",
      report.unreadable, report.offers, report.strangers);
  if (report.rules.empty()) {
    return out;
  }
  out +=
      "\nA card counts for the rule that is its strongest reason; \"on\" counts every card with "
      "the "
      "rule.\n\n";
  out += fmt::format("{:<32} {:>7} {:>7} {:>9} {:>9} {:>10} {:>9}\n", "rule", "on", "first",
                     "answered", "accepted", "set aside", "of those");
  for (const auto& rule : report.rules) {
    const auto& first = rule.first;
    out += fmt::format("{:<32} {:>7} {:>7} {:>9} {:>9} {:>10} {:>9}\n    {}\n",
                       rule.rule.empty() ? "-" : rule.rule,
                       rule.rule.empty() ? first.cards : rule.any.cards, first.cards,
                       first.answered, first.accepted, first.overridden,
                       percent(first.overridden, first.answered), title_of(knowledge, rule.rule));
    for (const auto& [reason, cards] : ordered(rule.reasons)) {
      out += fmt::format("      set aside: {} ({})\n", words_for(knowledge, reason), cards);
    }
    for (const auto& [test, cards] : ordered(rule.tests)) {
      out += fmt::format("      accepted: {} ({})\n", test_text(knowledge, test), cards);
    }
  }
  return out;
}

Json to_json(const Report& report, const Knowledge& knowledge) {
  Json rules = Json::array();
  for (const auto& rule : report.rules) {
    Json reasons = Json::array();
    for (const auto& [reason, cards] : ordered(rule.reasons)) {
      Json one = Json::object({{"text", words_for(knowledge, reason)}, {"cards", number(cards)}});
      one.set_if("code", reason);
      reasons.push(std::move(one));
    }
    Json tests = Json::array();
    for (const auto& [test, cards] : ordered(rule.tests)) {
      Json one = Json::object({{"text", test_text(knowledge, test)}, {"cards", number(cards)}});
      one.set_if("code", test);
      tests.push(std::move(one));
    }
    Json one = Json::object();
    one.set_if("rule", rule.rule);
    one.set("title", title_of(knowledge, rule.rule));
    one.set("first", count_json(rule.first));
    one.set("any", count_json(rule.rule.empty() ? rule.first : rule.any));
    one.set("overrideReasons", std::move(reasons));
    one.set("acceptedTests", std::move(tests));
    rules.push(std::move(one));
  }
  return Json::object({{"since", day_text(report.since)},
                       {"assessments", count_json(report.all)},
                       {"unreadable", number(report.unreadable)},
                       {"offers", number(report.offers)},
                       {"unknownCards", number(report.strangers)},
                       {"rules", std::move(rules)}});
}

}  // namespace myoflag::feedback
