// What fired and why; what else was answered; what the answers exclude; the sources of both.
#include <algorithm>
#include <iterator>
#include <set>

#include "rules/explain/page.h"
#include "rules/other_answers.h"
#include "rules/unjudged.h"

namespace myoflag::rules::explaining {
namespace {

// What one screen bears.
constexpr std::size_t kGroups = 5;
constexpr std::size_t kAlso = 3;

std::string title_of(const Page& page, const Finding& finding) {
  return page.say("explain-finding",
                  {{"number", page.numbers_of({finding.rule})},
                   {"title", finding.rule->title},
                   {"when", when_text(page.knowledge(), finding.tier, finding.target)}});
}

// The whole reason where somebody must act at once: what to do often stands in its last sentence.
std::string reason(const Page& page, const Finding& finding) {
  const std::string& text = finding.rule->rationale;
  return page.all() || finding.tier == Tier::emergency ? text : first_sentence(text);
}

// The answers that were not listed before.
Texts further_answers(const Page& page, const Finding& finding, const Texts& said) {
  Texts further;
  for (std::string& answer : answer_lines(page.assessment(), finding.because)) {
    if (std::find(said.begin(), said.end(), answer) == said.end()) {
      further.push_back(std::move(answer));
    }
  }
  return further;
}

void add_also(const Page& page, const Group& group, const Texts& said, Lines& lines) {
  const std::size_t shown = page.shown(group.also.size(), kAlso);
  for (std::size_t i = 0; i < shown; ++i) {
    const Finding& other = *group.also[i];
    std::string text = page.say("explain-also", {{"finding", title_of(page, other)}});
    if (const Texts further = further_answers(page, other, said); !further.empty()) {
      text += ": " + joined(further, "; ");
    }
    lines.push_back(line(std::move(text), basis_of(page.knowledge(), *other.rule), 1));
    if (page.all()) {
      lines.push_back(line(reason(page, other), {}, 2));
    }
  }
  if (shown < group.also.size()) {
    lines.push_back(line(page.more(group.also.size() - shown), {}, 1));
  }
}

void add_group(const Page& page, const Group& group, Lines& lines) {
  lines.push_back(line(title_of(page, *group.lead), {}, 0, Line::Style::strong));
  const Texts said = answer_lines(page.assessment(), group.lead->because);
  for (const std::string& answer : said) {
    lines.push_back(line(answer, {}, 1));
  }
  lines.push_back(
      line(reason(page, *group.lead), basis_of(page.knowledge(), *group.lead->rule), 1));
  add_also(page, group, said, lines);
}

// They come first, and all of them are shown.
std::size_t emergencies(const std::vector<Group>& groups) {
  return static_cast<std::size_t>(
      std::count_if(groups.begin(), groups.end(),
                    [](const Group& group) { return group.lead->tier == Tier::emergency; }));
}

std::size_t groups_shown(const Page& page) {
  const std::vector<Group>& groups = page.groups();
  return page.shown(groups.size(), std::max(kGroups, emergencies(groups)));
}

std::vector<const Finding*> shown_findings(const Page& page) {
  std::vector<const Finding*> shown;
  for (std::size_t i = 0; i < groups_shown(page); ++i) {
    const Group& group = page.groups()[i];
    shown.push_back(group.lead);
    shown.insert(shown.end(), group.also.begin(),
                 std::next(group.also.begin(),
                           static_cast<std::ptrdiff_t>(page.shown(group.also.size(), kAlso))));
  }
  return shown;
}

template <typename Wanted>
Texts titles_of(const Page& page, Wanted wanted) {
  Texts titles;
  for (const Finding& finding : page.assessment().findings) {
    if (wanted(finding)) {
      titles.push_back(finding.rule->title);
    }
  }
  return titles;
}

void add_titles(std::string heading, const Texts& titles, Lines& lines) {
  if (!titles.empty()) {
    lines.push_back(line(std::move(heading), {}, 0, Line::Style::strong));
    lines.push_back(line(joined(titles, "; "), {}, 1));
  }
}

}  // namespace

Lines also_answered(const Page& page) {
  Lines lines;
  for (auto& text :
       answer_lines(page.assessment(), other_answers(page.assessment(), shown_findings(page)))) {
    lines.push_back(line(std::move(text)));
  }
  return lines;
}

Lines why(const Page& page) {
  const std::vector<Group>& groups = page.groups();
  const std::size_t shown = groups_shown(page);
  Lines lines;
  std::size_t left = 0;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (i < shown) {
      add_group(page, groups[i], lines);
    } else {
      left += 1 + groups[i].also.size();
    }
  }
  if (left > 0) {
    lines.push_back(line(page.more(left)));
  }
  return lines;
}

// Policies about missing answers and about changes are no findings that answers could exclude; nor
// is what the record names.
Lines excluded(const Page& page) {
  const Assessment& assessment = page.assessment();
  const auto in_record = named_in_record(assessment);
  Lines lines;
  for (auto tier = kTiers.rbegin(); tier != kTiers.rend(); ++tier) {
    const Texts titles = titles_of(page, [&](const Finding& finding) {
      return finding.tier == *tier && !in_record.contains(finding.rule) &&
             is_excluded_by_answers(assessment, finding);
    });
    add_titles(page.label(*tier), titles, lines);
  }
  if (const Texts unread = unread_entries(page.assessment()); !unread.empty() && !lines.empty()) {
    lines.insert(lines.begin(),
                 line(page.say("explain-excluded-unread", {{"entries", joined(unread, "; ")}})));
  }
  const Texts unseen = titles_of(page, [&](const Finding& finding) {
    return finding.status == FindingStatus::excluded && finding.rule->kind == Rule::Kind::rule &&
           !is_excluded_by_answers(assessment, finding) && !is_unjudged(assessment, finding) &&
           !in_record.contains(finding.rule);
  });
  add_titles(page.say("explain-not-asked-for"), unseen, lines);
  // Rules that read laboratory values alone, where these are not known.
  const Texts unjudged =
      titles_of(page, [&](const Finding& finding) { return is_unjudged(assessment, finding); });
  add_titles(page.say("explain-not-judged"), unjudged, lines);
  return lines;
}

Lines sources(const Page& page) {
  std::set<int> used;
  for (const Finding& finding : page.assessment().findings) {
    if (finding.status == FindingStatus::fired) {
      used.insert(finding.rule->sources.begin(), finding.rule->sources.end());
    }
  }
  Lines lines;
  for (const int index : used) {
    const Source& source = page.knowledge().sources[static_cast<std::size_t>(index)];
    lines.push_back(line(page.say("explain-source", {{"id", source.id},
                                                     {"grade", source.grade},
                                                     {"title", source.title},
                                                     {"address", source.address}})));
  }
  return lines;
}

}  // namespace myoflag::rules::explaining
