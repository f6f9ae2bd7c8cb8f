// What could not be excluded, as questions to ask.
#include <algorithm>
#include <map>

#include "rules/explain/page.h"
#include "rules/unjudged.h"

namespace myoflag::rules::explaining {
namespace {

// What one screen bears.
constexpr std::size_t kQuestions = 6;
constexpr std::size_t kQuestionsInEmergency = 3;
constexpr std::size_t kTitles = 3;
constexpr std::size_t kOptions = 4;

struct Open {
  const Item* item = nullptr;
  std::vector<const Finding*> findings;  // most urgent first
};

std::map<const Item*, Open> open_by_item(const Page& page) {
  std::map<const Item*, Open> by_item;
  for (const Finding& finding : page.assessment().findings) {
    if (finding.status != FindingStatus::not_excluded ||
        !(page.all() || finding.tier >= page.assessment().knowledge->red_flag_from)) {
      continue;
    }
    for (const Item* item : finding.missing) {
      by_item[item].item = item;
      by_item[item].findings.push_back(&finding);
    }
  }
  return by_item;
}

std::vector<Open> open_questions(const Page& page) {
  std::vector<Open> open;
  for (auto& [item, one] : open_by_item(page)) {
    std::stable_sort(
        one.findings.begin(), one.findings.end(), [](const Finding* a, const Finding* b) {
          return a->tier != b->tier ? a->tier > b->tier : a->because.size() > b->because.size();
        });
    open.push_back(std::move(one));
  }
  std::sort(open.begin(), open.end(), [](const Open& a, const Open& b) {
    const Tier left = a.findings.front()->tier;
    const Tier right = b.findings.front()->tier;
    return left != right ? left > right : a.item < b.item;
  });
  return open;
}

bool names(const Criterion& criterion, const Item& item) {
  return (!criterion.names.empty() && criterion.names.front() == item.link_id) ||
         std::any_of(criterion.children.begin(), criterion.children.end(),
                     [&](const Criterion& child) { return names(child, item); });
}

// A policy asks for each option of this question that is not excluded.
bool lists_options(const Knowledge& knowledge, const Item& item) {
  return std::any_of(knowledge.gaps.begin(), knowledge.gaps.end(), [&](const Rule& gap) {
    return gap.list_options && names(gap.criterion, item);
  });
}

// Options of the item that the criterion speaks of.
std::uint64_t named_options(const Criterion& criterion, const Item& item) {
  std::uint64_t mask = 0;
  for (const Criterion& child : criterion.children) {
    mask |= named_options(child, item);
  }
  if (!criterion.names.empty() && criterion.names.front() == item.link_id) {
    for (const std::string& code : criterion.options) {
      const int option = item.option(code);
      mask |= option < 0 ? 0 : std::uint64_t{1} << static_cast<unsigned>(option);
    }
  }
  return mask;
}

std::uint64_t chosen(const Page& page, const Item& item) {
  const auto index = static_cast<std::size_t>(&item - page.knowledge().items.data());
  return page.assessment().input->facts.answers.chosen[index];
}

// The answers to ask for; empty where the question says it all.
std::string answers_of(const Page& page, const Open& open) {
  const Item& item = *open.item;
  if (lists_options(page.knowledge(), item)) {
    return joined(option_list(item, item.positive() & ~chosen(page, item)), ", ");
  }
  std::uint64_t mask = 0;
  for (const Finding* finding : open.findings) {
    mask |= named_options(finding->rule->criterion, item);
  }
  mask &= item.positive();
  return mask == item.positive() ? std::string()
                                 : page.shortened(option_list(item, mask), kOptions, ", ");
}

std::string question_of(const Page& page, const Open& open) {
  const std::string answers = answers_of(page, open);
  return answers.empty() ? page.say("explain-question", {{"question", open.item->text}})
                         : page.say("explain-question-options",
                                    {{"question", open.item->text}, {"answers", answers}});
}

std::string named(const Finding& finding) {
  return finding.rule->title + " [" + finding.rule->id + "]";
}

// What it could be, one line a tier.
void add_titles(const Page& page, const Open& open, Lines& lines) {
  const std::size_t shown = page.shown(open.findings.size(), kTitles);
  for (std::size_t i = 0; i < shown;) {
    const Tier tier = open.findings[i]->tier;
    Texts titles;
    for (; i < shown && open.findings[i]->tier == tier; ++i) {
      titles.push_back(named(*open.findings[i]));
    }
    lines.push_back(line(page.say("explain-could-be",
                                  {{"tier", page.label(tier)}, {"findings", joined(titles, "; ")}}),
                         {}, 1));
  }
  if (shown < open.findings.size()) {
    lines.push_back(line(page.more(open.findings.size() - shown), {}, 1));
  }
}

void add_question(const Page& page, const Open& open, Lines& lines) {
  const std::string state = gap_text(page.assessment(), open.item);
  const std::string& label = open.item->label;
  lines.push_back(
      line(state.empty() ? label : page.say("explain-ask", {{"label", label}, {"state", state}}),
           {}, 0, Line::Style::strong));
  lines.push_back(line(question_of(page, open), {}, 1));
  add_titles(page, open, lines);
}

// What the answers deny and an entry of the record may say.
void add_named_in_record(const Page& page, Lines& lines) {
  const auto rules = named_in_record(page.assessment());
  Texts titles;
  for (const Finding& finding : page.assessment().findings) {
    if (rules.contains(finding.rule)) {
      titles.push_back(named(finding));
    }
  }
  if (!titles.empty()) {
    lines.push_back(line(page.say("explain-named-in-record"), {}, 0, Line::Style::strong));
    lines.push_back(line(page.shortened(titles, kTitles, "; "), {}, 1));
  }
}

}  // namespace

Lines not_excluded(const Page& page) {
  const std::vector<Open> open = open_questions(page);
  Lines lines;
  const bool emergency = page.assessment().tier == Tier::emergency;
  const std::size_t shown = page.shown(open.size(), emergency ? kQuestionsInEmergency : kQuestions);
  for (std::size_t i = 0; i < shown; ++i) {
    add_question(page, open[i], lines);
  }
  if (shown < open.size()) {
    lines.push_back(line(page.more(open.size() - shown)));
  }
  Texts waiting;
  for (const Finding& finding : page.assessment().findings) {
    if (waits_for_a_result(page.assessment(), finding)) {
      waiting.push_back(named(finding));
    }
  }
  if (!waiting.empty()) {
    lines.push_back(line(page.say("explain-waiting", {{"findings", joined(waiting, "; ")}})));
  }
  add_named_in_record(page, lines);
  const TierBounds& bounds = page.assessment().bounds;
  if (!open.empty() && bounds.lowest != bounds.highest) {
    lines.push_back(line(page.say("explain-bounds", {{"lowest", page.label(bounds.lowest)},
                                                     {"highest", page.label(bounds.highest)}})));
  }
  return lines;
}

}  // namespace myoflag::rules::explaining
