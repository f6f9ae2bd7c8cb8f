#include "rules/explain.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <set>

#include "rules/wording.h"

namespace myoflag::rules {
namespace {

// What one screen bears; the option `all` lifts these.
constexpr std::size_t kGroups = 5;
constexpr std::size_t kAlso = 3;
constexpr std::size_t kQuestions = 6;
constexpr std::size_t kQuestionsInEmergency = 3;
constexpr std::size_t kTitles = 3;
constexpr std::size_t kHypothesisLines = 6;
constexpr std::size_t kChanges = 2;
constexpr std::size_t kOptions = 4;
constexpr std::size_t kChangeOptions = 2;
constexpr std::size_t kAdvice = 3;
constexpr std::size_t kDigest = 12;

constexpr std::array<std::string_view, 63> kKeys{
    "explain-headline",
    "explain-headline-by",
    "explain-why-line",
    "explain-subject",
    "explain-subject-years",
    "explain-authored",
    "explain-appointment",
    "explain-appointment-late",
    "explain-title-why",
    "explain-title-not-excluded",
    "explain-title-words",
    "explain-title-conflicts",
    "explain-title-notices",
    "explain-title-hypotheses",
    "explain-title-workups",
    "explain-title-withheld",
    "explain-title-changes",
    "explain-title-advice",
    "explain-title-excluded",
    "explain-title-sources",
    "explain-title-provenance",
    "explain-finding",
    "explain-also",
    "explain-more",
    "explain-answer",
    "explain-answer-record",
    "explain-answer-lab",
    "explain-answer-lab-as",
    "explain-answered-none",
    "explain-no-answer",
    "explain-when",
    "explain-ask",
    "explain-ask-state",
    "explain-could-be",
    "explain-question",
    "explain-question-options",
    "explain-hypotheses",
    "explain-gap-skipped",
    "explain-gap-unsure",
    "explain-gap-declined",
    "explain-gap-contradicted",
    "explain-gap-invalid",
    "explain-words-unread",
    "explain-category-referral",
    "explain-category-laboratory",
    "explain-category-imaging",
    "explain-category-procedure",
    "explain-category-review",
    "explain-workup",
    "explain-workup-against",
    "explain-workup-note",
    "explain-withheld",
    "explain-done",
    "explain-done-when",
    "explain-bounds",
    "explain-change",
    "explain-change-answer",
    "explain-or",
    "explain-and",
    "explain-knowledge",
    "explain-response",
    "explain-disclaimer",
    "explain-source",
};

using Titles = std::vector<std::string>;

Line line(std::string text, std::string basis = {}, int indent = 0,
          Line::Style style = Line::Style::plain) {
  return {std::move(text), std::move(basis), indent, style};
}

bool is_red(Tier tier) { return tier >= Tier::soon; }

// Every option a criterion names: the more, the less it says about this patient.
std::size_t breadth(const Criterion& criterion) {
  std::size_t sum = criterion.options.size();
  for (const Criterion& child : criterion.children) {
    sum += breadth(child);
  }
  return sum;
}

// Which answers a finding rests on; age, sex and answers of "none" set it apart from nothing.
using Ground = std::map<std::pair<const void*, Origin>, std::uint64_t>;

Ground ground_of(const Knowledge& knowledge, const Finding& finding) {
  Ground ground;
  for (const Evidence& one : finding.because) {
    if (one.lab != nullptr) {
      ground[{one.lab, one.origin}] = 1;
      continue;
    }
    if (one.item == nullptr) {
      continue;
    }
    const auto index = static_cast<int>(one.item - knowledge.items.data());
    const bool about_person = index == knowledge.bindings.age || index == knowledge.bindings.sex;
    const std::uint64_t said = one.options & ~one.item->none;
    const bool only_none = one.options != 0 && said == 0;
    if (!about_person && !only_none) {
      // A question without an answer and a number count as one more option.
      ground[{one.item, one.origin}] |= said != 0 ? said : std::uint64_t{1} << 63U;
    }
  }
  return ground;
}

bool within(const Ground& inner, const Ground& outer) {
  return std::all_of(inner.begin(), inner.end(), [&](const auto& entry) {
    const auto found = outer.find(entry.first);
    return found != outer.end() && (entry.second & ~found->second) == 0;
  });
}

struct Weighed {
  const Finding* finding = nullptr;
  Ground ground;
  std::size_t breadth = 0;
};

// Findings that rest on the same answers: the most telling one, and the others.
struct Group {
  Weighed lead;
  std::vector<const Finding*> also;

  bool takes(const Weighed& one) const {
    if (lead.finding->rule->benign || one.finding->rule->benign) {
      return lead.finding->rule->benign && one.finding->rule->benign;
    }
    return !one.ground.empty() && !lead.ground.empty() &&
           (within(one.ground, lead.ground) || within(lead.ground, one.ground));
  }
};

bool more_telling(const Weighed& a, const Weighed& b) {
  if (a.finding->tier != b.finding->tier) {
    return a.finding->tier > b.finding->tier;
  }
  const bool a_stricter = stricter(a.finding->target, b.finding->target);
  if (a_stricter != stricter(b.finding->target, a.finding->target)) {
    return a_stricter;
  }
  const bool a_rule = a.finding->rule->kind == Rule::Kind::rule;
  const bool b_rule = b.finding->rule->kind == Rule::Kind::rule;
  if (a_rule != b_rule) {
    return a_rule;
  }
  if (a.ground.size() != b.ground.size()) {
    return a.ground.size() > b.ground.size();
  }
  return a.breadth != b.breadth ? a.breadth < b.breadth : a.finding->rule->id < b.finding->rule->id;
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

// Lists of findings: the one with the first finding before others, then the one with more findings.
struct BetterSupported {
  bool operator()(const std::vector<std::size_t>& a, const std::vector<std::size_t>& b) const {
    const std::size_t first_a = a.empty() ? std::numeric_limits<std::size_t>::max() : a.front();
    const std::size_t first_b = b.empty() ? std::numeric_limits<std::size_t>::max() : b.front();
    if (first_a != first_b) {
      return first_a < first_b;
    }
    return a.size() != b.size() ? a.size() > b.size() : a < b;
  }
};

class Clinician {
 public:
  Clinician(const Assessment& assessment, const ExplainOptions& options)
      : assessment_(assessment), knowledge_(*assessment.knowledge), all_(options.all) {
    group_fired();
  }

  Explanation write() {
    explanation_.tier = assessment_.tier;
    headline();
    why();
    not_excluded();
    patient_words();
    notices(Section::Kind::conflicts, "explain-title-conflicts", true);
    notices(Section::Kind::notices, "explain-title-notices", false);
    hypotheses();
    workups();
    withheld();
    changes();
    advice();
    if (all_) {
      excluded();
      sources();
    }
    provenance();
    return std::move(explanation_);
  }

 private:
  std::string say(std::string_view key, std::initializer_list<Fill> values = {}) const {
    return rules::say(knowledge_, key, values);
  }
  const std::string& label(Tier tier) const {
    return knowledge_.tiers[static_cast<std::size_t>(tier)].label;
  }
  std::size_t limit(std::size_t usual) const {
    return all_ ? std::numeric_limits<std::size_t>::max() : usual;
  }
  std::string more(std::size_t count) const {
    return say("explain-more", {{"count", std::to_string(count)}});
  }

  // The first few, and how many more there are.
  std::string shortened(const Titles& parts, std::size_t usual, std::string_view between) const {
    if (parts.size() <= limit(usual)) {
      return joined(parts, between);
    }
    Titles head(parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(usual));
    head.push_back(more(parts.size() - usual));
    return joined(head, between);
  }

  void add(Section::Kind kind, std::string_view title_key, std::vector<Line> lines) {
    if (!lines.empty()) {
      explanation_.sections.push_back(
          {kind, title_key.empty() ? std::string() : say(title_key), std::move(lines)});
    }
  }

  void group_fired() {
    std::vector<Weighed> fired;
    for (const Finding& finding : assessment_.findings) {
      if (finding.status == FindingStatus::fired) {
        fired.push_back(
            {&finding, ground_of(knowledge_, finding), breadth(finding.rule->criterion)});
      }
    }
    std::stable_sort(fired.begin(), fired.end(), more_telling);
    for (Weighed& one : fired) {
      const auto home = std::find_if(groups_.begin(), groups_.end(),
                                     [&](const Group& group) { return group.takes(one); });
      if (home != groups_.end()) {
        home->also.push_back(one.finding);
      } else {
        groups_.push_back({std::move(one), {}});
      }
    }
    number_findings();
  }

  // Findings are numbered as they are listed, so that hypotheses and tests can point at them.
  void number_findings() {
    for (const Group& group : groups_) {
      numbers_.emplace(group.lead.finding->rule, numbers_.size() + 1);
      for (const Finding* finding : group.also) {
        numbers_.emplace(finding->rule, numbers_.size() + 1);
      }
    }
  }

  std::vector<std::size_t> sorted_numbers(const std::vector<const Rule*>& rules) const {
    std::vector<std::size_t> numbers;
    for (const Rule* rule : rules) {
      if (const auto found = numbers_.find(rule); found != numbers_.end()) {
        numbers.push_back(found->second);
      }
    }
    std::sort(numbers.begin(), numbers.end());
    return numbers;
  }

  static std::string joined_numbers(const std::vector<std::size_t>& numbers) {
    Titles texts;
    for (const std::size_t number : numbers) {
      texts.push_back(std::to_string(number));
    }
    return joined(texts, ", ");
  }

  // "1, 3, 4"
  std::string numbers_of(const std::vector<const Rule*>& rules) const {
    return joined_numbers(sorted_numbers(rules));
  }

  // --- headline ---

  std::string tier_line() const {
    const std::string& target = assessment_.target.text;
    const int hours = assessment_.target.hours.value_or(0);
    if (target.empty()) {
      return label(assessment_.tier);
    }
    if (hours <= 0) {
      return say("explain-headline", {{"tier", label(assessment_.tier)}, {"target", target}});
    }
    const std::string by = moment_text(assessment_.input->now + std::chrono::hours(hours));
    return say("explain-headline-by",
               {{"tier", label(assessment_.tier)}, {"target", target}, {"when", by}});
  }

  void notice_lines(Notice::Kind kind, std::vector<Line>& lines, Line::Style style) const {
    for (const Notice& notice : assessment_.notices) {
      if (notice.kind == kind) {
        lines.push_back(line(notice.text, {}, 0, style));
      }
    }
  }

  void headline() {
    std::vector<Line> lines{line(tier_line(), {}, 0, Line::Style::strong)};
    notice_lines(Notice::Kind::check_now, lines, Line::Style::strong);
    if (groups_.empty()) {
      notice_lines(Notice::Kind::nothing_matched, lines, Line::Style::plain);
    } else {
      const Finding& lead = *groups_.front().lead.finding;
      if (lead.tier <
          assessment_.tier) {  // not a rule raised it, but words that a person must read
        notice_lines(Notice::Kind::free_text, lines, Line::Style::plain);
      }
      lines.push_back(line(why_line(lead)));
    }
    person(lines);
    appointment(lines);
    add(Section::Kind::headline, {}, std::move(lines));
  }

  std::string why_line(const Finding& lead) const {
    Titles quotes;
    for (const Evidence& one : lead.because) {
      if (one.lab != nullptr) {
        quotes.push_back(answer_lines(assessment_, {one}).front());
      } else if (is_sign(one)) {
        quotes.push_back(one.origin == Origin::record && !one.record_text.empty()
                             ? one.record_text
                             : quoted_options(*one.item, one.options));
      }
    }
    return quotes.empty() ? lead.rule->title
                          : say("explain-why-line",
                                {{"title", lead.rule->title}, {"answer", joined(quotes, "; ")}});
  }

  void person(std::vector<Line>& lines) const {
    const EvaluationInput& input = *assessment_.input;
    Titles parts;
    if (!input.response.subject.empty()) {
      parts.push_back(input.response.subject);
    }
    if (const std::optional<Number> age = age_in_years()) {
      parts.push_back(say("explain-subject-years", {{"years", to_text(*age)}}));
    }
    const auto sex = static_cast<std::size_t>(knowledge_.bindings.sex);
    if (knowledge_.bindings.sex >= 0) {
      const Item& item = knowledge_.items[sex];
      const std::uint64_t chosen = input.facts.answers.chosen[sex] != 0
                                       ? input.facts.answers.chosen[sex]
                                       : input.facts.record.chosen[sex];
      for (std::size_t i = 0; i < item.options.size(); ++i) {
        if ((chosen >> i & 1U) != 0) {
          parts.push_back(item.options[i].text);
        }
      }
    }
    if (!input.response.authored_text.empty()) {
      parts.push_back(say("explain-authored", {{"when", input.response.authored_text}}));
    }
    if (!parts.empty()) {
      lines.push_back(line(say("explain-subject", {{"facts", joined(parts, ", ")}}), {}, 0,
                           Line::Style::quiet));
    }
  }

  std::optional<Number> age_in_years() const {
    if (knowledge_.bindings.age < 0) {
      return std::nullopt;
    }
    const auto index = static_cast<std::size_t>(knowledge_.bindings.age);
    const Facts& facts = assessment_.input->facts;
    if (facts.answers.state[index] == ItemState::answered) {
      return facts.answers.number[index];
    }
    return facts.record.age;
  }

  void appointment(std::vector<Line>& lines) const {
    const EvaluationInput& input = *assessment_.input;
    if (!input.appointment) {
      return;
    }
    const std::optional<int> hours = assessment_.target.hours;
    const bool late = hours && *input.appointment > input.now + std::chrono::hours(*hours);
    lines.push_back(line(say(late ? "explain-appointment-late" : "explain-appointment",
                             {{"when", moment_text(*input.appointment)}}),
                         {}, 0, late ? Line::Style::strong : Line::Style::plain));
  }

  // --- why ---

  void why() {
    std::vector<Line> lines;
    std::size_t shown = 0;
    std::size_t left = 0;
    for (const Group& group : groups_) {
      if (shown >= limit(kGroups) && group.lead.finding->tier != Tier::emergency) {
        left += 1 + group.also.size();
        continue;
      }
      ++shown;
      group_lines(group, lines);
    }
    if (left > 0) {
      lines.push_back(line(more(left)));
    }
    add(Section::Kind::why, "explain-title-why", std::move(lines));
  }

  std::string finding_title(const Finding& finding) const {
    return say("explain-finding", {{"number", numbers_of({finding.rule})},
                                   {"title", finding.rule->title},
                                   {"when", when_text(knowledge_, finding.tier, finding.target)}});
  }

  void group_lines(const Group& group, std::vector<Line>& lines) const {
    const Finding& lead = *group.lead.finding;
    const std::string basis = basis_of(knowledge_, *lead.rule);
    lines.push_back(line(finding_title(lead), {}, 0, Line::Style::strong));
    Titles said = answer_lines(assessment_, lead.because);
    for (const std::string& answer : said) {
      lines.push_back(line(answer, {}, 1));
    }
    lines.push_back(line(reason(*lead.rule), basis, 1));
    also_lines(group, said, lines);
  }

  // Policies are written for authors; what a clinician needs of them stands in "reason-<id>".
  std::string reason(const Rule& rule) const {
    const auto own = knowledge_.texts.find("reason-" + rule.id);
    if (own != knowledge_.texts.end()) {
      return own->second;
    }
    const std::string& text = rule.rationale.empty() ? rule.policy : rule.rationale;
    return all_ ? text : first_sentence(text);
  }

  void also_lines(const Group& group, const Titles& said, std::vector<Line>& lines) const {
    const std::size_t shown = std::min(group.also.size(), limit(kAlso));
    for (std::size_t i = 0; i < shown; ++i) {
      const Finding& other = *group.also[i];
      Titles further;
      for (std::string& answer : answer_lines(assessment_, other.because)) {
        if (std::find(said.begin(), said.end(), answer) == said.end()) {
          further.push_back(std::move(answer));
        }
      }
      std::string text = say("explain-also", {{"finding", finding_title(other)}});
      if (!further.empty()) {
        text += ": " + joined(further, "; ");
      }
      lines.push_back(line(std::move(text), basis_of(knowledge_, *other.rule), 1));
      if (all_) {
        lines.push_back(line(reason(*other.rule), {}, 2));
      }
    }
    if (shown < group.also.size()) {
      lines.push_back(line(more(group.also.size() - shown), {}, 1));
    }
  }

  // --- not excluded ---

  struct Open {
    const Item* item = nullptr;
    std::vector<const Finding*> findings;  // most urgent first
  };

  std::vector<Open> open_questions() const {
    std::map<const Item*, Open> by_item;
    for (const Finding& finding : assessment_.findings) {
      if (finding.status != FindingStatus::not_excluded || !(all_ || is_red(finding.tier))) {
        continue;
      }
      for (const Item* item : finding.missing) {
        by_item[item].item = item;
        by_item[item].findings.push_back(&finding);
      }
    }
    std::vector<Open> open;
    for (auto& [item, one] : by_item) {
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

  void not_excluded() {
    const std::vector<Open> open = open_questions();
    std::vector<Line> lines;
    const bool emergency = assessment_.tier == Tier::emergency;
    const std::size_t shown =
        std::min(open.size(), limit(emergency ? kQuestionsInEmergency : kQuestions));
    for (std::size_t i = 0; i < shown; ++i) {
      question_lines(open[i], lines);
    }
    if (shown < open.size()) {
      lines.push_back(line(more(open.size() - shown)));
    }
    if (!open.empty() && assessment_.bounds.lowest != assessment_.bounds.highest) {
      lines.push_back(
          line(say("explain-bounds", {{"lowest", label(assessment_.bounds.lowest)},
                                      {"highest", label(assessment_.bounds.highest)}})));
    }
    add(Section::Kind::not_excluded, "explain-title-not-excluded", std::move(lines));
  }

  std::string_view state_of(const Item* item) const {
    for (const Gap& gap : assessment_.gaps) {
      if (gap.item != item) {
        continue;
      }
      switch (gap.state) {
        case GapState::skipped:
          return knowledge_.text("explain-gap-skipped");
        case GapState::unsure:
          return knowledge_.text("explain-gap-unsure");
        case GapState::declined:
          return knowledge_.text("explain-gap-declined");
        case GapState::contradicted:
          return knowledge_.text("explain-gap-contradicted");
        case GapState::invalid:
          return knowledge_.text("explain-gap-invalid");
      }
    }
    return {};
  }

  void question_lines(const Open& open, std::vector<Line>& lines) const {
    const std::string_view state = state_of(open.item);
    lines.push_back(line(say(state.empty() ? "explain-ask" : "explain-ask-state",
                             {{"label", label_of(knowledge_, *open.item)}, {"state", state}}),
                         {}, 0, Line::Style::strong));
    lines.push_back(line(question_of(open), {}, 1));
    std::size_t shown = 0;
    for (std::size_t i = 0; i < open.findings.size() && shown < limit(kTitles);) {
      const Tier tier = open.findings[i]->tier;
      Titles titles;
      for (; i < open.findings.size() && open.findings[i]->tier == tier; ++i) {
        if (shown < limit(kTitles)) {
          titles.push_back(open.findings[i]->rule->title);
          ++shown;
        }
      }
      lines.push_back(
          line(say("explain-could-be", {{"tier", label(tier)}, {"findings", joined(titles, "; ")}}),
               {}, 1));
    }
    if (shown < open.findings.size()) {
      lines.push_back(line(more(open.findings.size() - shown), {}, 1));
    }
  }

  // The question, and the answers that would matter.
  std::string question_of(const Open& open) const {
    std::uint64_t mask = 0;
    for (const Finding* finding : open.findings) {
      mask |= named_options(finding->rule->criterion, *open.item);
    }
    mask &= open.item->positive();
    if (mask == 0 || mask == open.item->positive()) {
      return say("explain-question", {{"question", open.item->text}});
    }
    return say("explain-question-options",
               {{"question", open.item->text},
                {"answers", shortened(option_list(*open.item, mask), kOptions, ", ")}});
  }

  static Titles option_list(const Item& item, std::uint64_t options) {
    Titles texts;
    for (std::size_t i = 0; i < item.options.size(); ++i) {
      if ((options >> i & 1U) != 0) {
        texts.push_back('"' + item.options[i].text + '"');
      }
    }
    return texts;
  }

  // --- words, notices ---

  void patient_words() {
    std::vector<Line> lines;
    for (const FreeText& free : assessment_.input->free_text) {
      if (free.item >= 0) {
        lines.push_back(line(knowledge_.items[static_cast<std::size_t>(free.item)].text));
      }
      lines.push_back(line(free.text, {}, 1, Line::Style::quote));
    }
    if (!lines.empty()) {
      lines.push_back(line(say("explain-words-unread"), {}, 0, Line::Style::quiet));
    }
    add(Section::Kind::patient_words, "explain-title-words", std::move(lines));
  }

  static bool is_conflict(Notice::Kind kind) {
    return kind == Notice::Kind::conflict || kind == Notice::Kind::contradiction;
  }

  // Said already elsewhere: in the headline, or beside the patient's words.
  bool is_placed(Notice::Kind kind) const {
    return kind == Notice::Kind::check_now ||
           (kind == Notice::Kind::nothing_matched && groups_.empty()) ||
           (kind == Notice::Kind::free_text && !assessment_.input->free_text.empty());
  }

  void notices(Section::Kind section, std::string_view title, bool conflicts) {
    std::vector<Line> lines;
    std::set<std::string_view> said;
    for (const Notice& notice : assessment_.notices) {
      const bool here = is_conflict(notice.kind) == conflicts && !is_placed(notice.kind);
      if (here && said.insert(notice.text).second) {
        lines.push_back(line(notice.text));
      }
    }
    add(section, title, std::move(lines));
  }

  // --- hypotheses, workups ---

  void hypotheses() {
    std::map<std::vector<std::size_t>, Titles, BetterSupported> by_findings;
    for (const HypothesisRow& row : assessment_.hypotheses) {
      by_findings[sorted_numbers(row.rules)].push_back(row.hypothesis->text);
    }
    std::vector<Line> lines;
    std::size_t left = 0;
    for (const auto& [numbers, texts] : by_findings) {
      if (lines.size() < limit(kHypothesisLines)) {
        lines.push_back(line(say("explain-hypotheses", {{"hypotheses", joined(texts, "; ")},
                                                        {"findings", joined_numbers(numbers)}})));
      } else {
        left += texts.size();
      }
    }
    if (left > 0) {
      lines.push_back(line(more(left)));
    }
    add(Section::Kind::hypotheses, "explain-title-hypotheses", std::move(lines));
  }

  // Categories in the order of their most urgent test.
  void workups() {
    std::vector<std::string_view> categories;
    for (const WorkupRow& row : assessment_.workups) {
      if (row.status == WorkupStatus::proposed &&
          std::find(categories.begin(), categories.end(), row.workup->category) ==
              categories.end()) {
        categories.push_back(row.workup->category);
      }
    }
    std::vector<Line> lines;
    for (const std::string_view category : categories) {
      lines.push_back(
          line(say("explain-category-" + std::string(category)), {}, 0, Line::Style::strong));
      category_lines(category, lines);
    }
    add(Section::Kind::workups, "explain-title-workups", std::move(lines));
  }

  void category_lines(std::string_view category, std::vector<Line>& lines) const {
    std::vector<std::pair<std::string, Titles>> notes;  // a note, and the tests that carry it
    for (const WorkupRow& row : assessment_.workups) {
      if (row.status != WorkupStatus::proposed || row.workup->category != category) {
        continue;
      }
      lines.push_back(line(say("explain-workup",
                               {{"test", row.workup->text}, {"findings", numbers_of(row.because)}}),
                           {}, 1));
      if (!row.against.empty()) {
        lines.push_back(
            line(say("explain-workup-against", {{"findings", numbers_of(row.against)}}), {}, 2));
      }
      for (const std::string& note : row.notes) {
        const auto same = std::find_if(notes.begin(), notes.end(),
                                       [&](const auto& one) { return one.first == note; });
        if (same == notes.end()) {
          notes.push_back({note, {row.workup->text}});
        } else {
          same->second.push_back(row.workup->text);
        }
      }
    }
    for (const auto& [note, tests] : notes) {
      lines.push_back(line(
          say("explain-workup-note", {{"tests", joined(tests, ", ")}, {"note", note}}), {}, 1));
    }
  }

  std::string done_text(const RecordEntry& entry) const {
    Titles parts{entry.text};
    if (entry.when) {
      parts.push_back(say("explain-done-when", {{"when", moment_text(*entry.when)}}));
    }
    if (!entry.reference.empty()) {
      parts.push_back(entry.reference);
    }
    return joined(parts, ", ");
  }

  void withheld() {
    std::vector<Line> lines;
    for (const WorkupRow& row : assessment_.workups) {
      if (row.status == WorkupStatus::withheld) {
        lines.push_back(line(say("explain-withheld", {{"test", row.workup->text},
                                                      {"findings", numbers_of(row.because)},
                                                      {"against", numbers_of(row.against)}})));
      } else if (row.status == WorkupStatus::already_done) {
        const std::string done = row.done == nullptr ? std::string() : done_text(*row.done);
        lines.push_back(line(say("explain-done", {{"test", row.workup->text}, {"done", done}})));
      }
      if (row.status != WorkupStatus::proposed) {
        for (const std::string& note : row.notes) {
          lines.push_back(line(note, {}, 1));
        }
      }
    }
    add(Section::Kind::withheld, "explain-title-withheld", std::move(lines));
  }

  // --- changes, advice, footer ---

  std::string change_text(const AnswerChange& change) const {
    std::string answer;
    if (change.number) {
      answer = to_text(*change.number);
    } else {
      answer = shortened(option_list(*change.item, change.any_of), kChangeOptions,
                         " " + knowledge_.text("explain-or") + " ");
    }
    return say("explain-change-answer",
               {{"question", label_of(knowledge_, *change.item)}, {"answer", answer}});
  }

  // Nobody can change an age or a sex.
  bool is_about_person(const TierChange& change) const {
    return std::any_of(change.answers.begin(), change.answers.end(), [&](const auto& answer) {
      const auto index = static_cast<int>(answer.item - knowledge_.items.data());
      return index == knowledge_.bindings.age || index == knowledge_.bindings.sex;
    });
  }

  bool is_about_open(const TierChange& change) const {
    return std::any_of(change.answers.begin(), change.answers.end(), [&](const auto& answer) {
      return std::any_of(assessment_.gaps.begin(), assessment_.gaps.end(),
                         [&](const Gap& gap) { return gap.item == answer.item; });
    });
  }

  // First what depends on a question that is still open, then what would lower the tier.
  std::vector<const TierChange*> ordered_changes() const {
    std::vector<const TierChange*> ordered;
    for (const TierChange& change : assessment_.changes) {
      if (!is_about_person(change)) {
        ordered.push_back(&change);
      }
    }
    const auto rank = [&](const TierChange* change) {
      return is_about_open(*change) ? 0 : change->raises ? 2 : 1;
    };
    std::stable_sort(ordered.begin(), ordered.end(),
                     [&](const TierChange* a, const TierChange* b) { return rank(a) < rank(b); });
    return ordered;
  }

  void changes() {
    std::vector<Line> lines;
    const std::vector<const TierChange*> ordered = ordered_changes();
    for (const TierChange* change : ordered) {
      if (lines.size() >= limit(kChanges)) {
        lines.push_back(line(more(ordered.size() - lines.size())));
        break;
      }
      Titles answers;
      for (const AnswerChange& answer : change->answers) {
        answers.push_back(change_text(answer));
      }
      lines.push_back(
          line(say("explain-change",
                   {{"tier", label(change->tier)},
                    {"answers", joined(answers, " " + knowledge_.text("explain-and") + " ")}})));
    }
    add(Section::Kind::changes, "explain-title-changes", std::move(lines));
  }

  void advice() {
    const PatientText text = explain_for_patient(assessment_);
    std::vector<Line> lines{line(text.headline)};
    for (const std::string& paragraph : text.paragraphs) {
      if (lines.size() > limit(kAdvice)) {
        lines.push_back(line(more(text.paragraphs.size() + 1 - lines.size())));
        break;
      }
      lines.push_back(line(paragraph));
    }
    add(Section::Kind::advice, "explain-title-advice", std::move(lines));
  }

  void excluded() {
    std::vector<Line> lines;
    for (auto tier = kTiers.rbegin(); tier != kTiers.rend(); ++tier) {
      Titles titles;
      for (const Finding& finding : assessment_.findings) {
        if (finding.status == FindingStatus::excluded && finding.tier == *tier) {
          titles.push_back(finding.rule->title);
        }
      }
      if (!titles.empty()) {
        lines.push_back(line(label(*tier), {}, 0, Line::Style::strong));
        lines.push_back(line(joined(titles, "; "), {}, 1));
      }
    }
    add(Section::Kind::excluded, "explain-title-excluded", std::move(lines));
  }

  void sources() {
    std::set<int> used;
    for (const Finding& finding : assessment_.findings) {
      if (finding.status == FindingStatus::fired) {
        used.insert(finding.rule->sources.begin(), finding.rule->sources.end());
      }
    }
    std::vector<Line> lines;
    for (const int index : used) {
      const Source& source = knowledge_.sources[static_cast<std::size_t>(index)];
      lines.push_back(line(say("explain-source", {{"id", source.id},
                                                  {"grade", source.grade},
                                                  {"title", source.title},
                                                  {"address", source.address}})));
    }
    add(Section::Kind::sources, "explain-title-sources", std::move(lines));
  }

  void provenance() {
    const ResponseInfo& response = assessment_.input->response;
    std::vector<Line> lines;
    lines.push_back(line(say("explain-knowledge",
                             {{"title", knowledge_.title},
                              {"version", knowledge_.version},
                              {"digest", std::string_view(knowledge_.digest).substr(0, kDigest)},
                              {"when", moment_text(assessment_.input->now)}}),
                         {}, 0, Line::Style::quiet));
    if (!response.id.empty()) {
      lines.push_back(
          line(say("explain-response", {{"id", response.id}}), {}, 0, Line::Style::quiet));
    }
    lines.push_back(line(say("explain-disclaimer"), {}, 0, Line::Style::quiet));
    add(Section::Kind::provenance, "explain-title-provenance", std::move(lines));
  }

  const Assessment& assessment_;
  const Knowledge& knowledge_;
  bool all_;
  std::vector<Group> groups_;  // most urgent first
  std::map<const Rule*, std::size_t> numbers_;
  Explanation explanation_;
};

// Less urgent than the result, so that its wording could sound calmer than the result is.
bool is_outranked(const Assessment& assessment, const Finding& finding) {
  return finding.tier < assessment.tier ||
         (finding.tier == assessment.tier && stricter(assessment.target, finding.target));
}

// The wording of the rule or advice; of a less urgent rule only what may stand beside the result.
std::string wording_for_patient(const Assessment& assessment, std::size_t index) {
  const std::string& id = assessment.patient_advice_ids[index];
  for (const Finding& finding : assessment.findings) {
    if (finding.status == FindingStatus::fired && finding.rule->id == id &&
        is_outranked(assessment, finding)) {
      const auto beside = assessment.knowledge->texts.find("beside-" + id);
      return beside == assessment.knowledge->texts.end() ? std::string() : beside->second;
    }
  }
  return assessment.patient_advice[index];
}

}  // namespace

Explanation explain_for_clinician(const Assessment& assessment, const ExplainOptions& options) {
  return Clinician(assessment, options).write();
}

PatientText explain_for_patient(const Assessment& assessment) {
  const Knowledge& knowledge = *assessment.knowledge;
  PatientText text;
  text.headline = knowledge.tiers[static_cast<std::size_t>(assessment.tier)].patient;
  std::set<std::string> said;
  for (std::string& sentence : sentences(text.headline)) {
    said.insert(std::move(sentence));
  }
  for (std::size_t i = 0; i < assessment.patient_advice.size(); ++i) {
    std::vector<std::string> fresh;
    for (std::string& sentence : sentences(wording_for_patient(assessment, i))) {
      if (said.insert(sentence).second) {
        fresh.push_back(std::move(sentence));
      }
    }
    if (!fresh.empty()) {
      text.paragraphs.push_back(joined(fresh, " "));
    }
  }
  return text;
}

std::span<const std::string_view> explanation_text_keys() { return kKeys; }

}  // namespace myoflag::rules
