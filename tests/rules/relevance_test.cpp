// Leaving out questions that can change nothing never changes the result: of every form of small
// knowledges, and of many random forms of the real one, against asking everything and any answer to
// what was left out.

#include <algorithm>
#include <functional>
#include <iostream>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "rules/relevance.h"
#include "rules/settle.h"
#include "tests/support/random_forms.h"
#include "tests/support/reassured.h"

namespace myoflag::rules::testing {
namespace {

#ifdef MYOFLAG_SANITIZED
constexpr int kForms = 1'000;
constexpr int kJourneys = 20;
#else
constexpr int kForms = 120'000;
constexpr int kJourneys = 1'000;
#endif

constexpr std::size_t at(int index) { return static_cast<std::size_t>(index); }

bool is_question(const Item& item) {
  return item.type != ItemType::group && item.type != ItemType::display;
}

std::string names_of(const Knowledge& knowledge, const QuestionSet& questions) {
  std::string out;
  for (std::size_t i = 0; i < knowledge.items.size(); ++i) {
    out += questions[i] ? knowledge.items[i].link_id + " " : "";
  }
  return out;
}

// ---- small knowledges, in full

constexpr std::string_view kItems = R"yaml(
  - linkId: p
    type: choice
    text: P
    concept: P
    options: [{code: a, text: A}, {code: b, text: B}, {code: none, text: None}, {code: unsure, text: Unsure}]
  - linkId: q
    type: choice
    repeats: true
    text: Q
    concept: Q
    options: [{code: x, text: X}, {code: y, text: Y}, {code: none, text: None}, {code: unsure, text: Unsure}]
  - linkId: r
    type: choice
    text: R
    concept: R
    options: [{code: fast, text: Fast}, {code: slow, text: Slow}, {code: unsure, text: Unsure}]
    enable: {when: [{question: p, is: [a]}]}
  - {linkId: n, type: integer, text: N, concept: N, min: 0, max: 20}
  - linkId: s
    type: choice
    text: S
    concept: S
    instrument: Two
    options: [{code: "no", text: "No", score: 0}, {code: some, text: Some, score: 1}, {code: daily, text: Daily, score: 3}]
  - linkId: t
    type: choice
    text: T
    concept: T
    instrument: Two
    options: [{code: "no", text: "No", score: 0}, {code: some, text: Some, score: 1}, {code: daily, text: Daily, score: 3}]
    enable: {when: [{question: r, is: [fast, unsure]}]}
  - linkId: w
    type: choice
    repeats: true
    text: W
    concept: W
    options: [{code: some, text: Some}, {code: none, text: None}]
)yaml";

std::string rule_text(const std::string& id, const std::string& criteria,
                      const std::string& more = "") {
  return "  - id: " + id + "\n    title: T\n    target: {text: t}\n    criteria: \"" + criteria +
         "\"\n    hypotheses: [stroke-or-tia]\n    workups: []\n    must-not: []\n"
         "    rationale: R\n    patient: \"Text of " +
         id + "\"\n    sources: [author]\n" + more +
         "    review: {owner: neurology, due: 2027-05-22}\n";
}

constexpr std::string_view kGate =
    "  - {id: gate, kind: benign-gate, title: T, policy: P, sources: [author], criteria: \"age >= "
    "16 and isNone(p) and isFalse(firedTier(emergency|urgent|soon))\"}\n"
    "  - {id: change, kind: change, title: T, policy: P, reason: R, sources: [author], tier: soon, "
    "target: {text: t}, items: [w], grew: []}\n";

struct Small {
  std::string name;
  std::map<std::string, std::string> rules;
  std::string policies;

  friend std::ostream& operator<<(std::ostream& out, const Small& one) { return out << one.name; }
};

std::vector<Small> small_ones() {
  const std::string benign =
      rule_text("benign-one", "any(q: x) and isFalse(firedTier(emergency|urgent|soon))",
                "    benign: true\n");
  const std::string gate(kGate);
  return {
      {"Joined",
       {{"emergency", rule_text("em-one", "any(p: a) and any(r: fast)")},
        {"urgent", rule_text("urgent-one", "any(p: b) or any(q: x)")},
        {"soon", rule_text("soon-one", "any(p: a|b) and (any(q: x|y) or num(n) >= 5)")},
        {"self-care", benign}},
       gate},
      {"Negated",
       {{"emergency", rule_text("em-one", "any(p: a) and isFalse(any(r: slow))")},
        {"urgent", rule_text("urgent-one", "isFalse(any(p: a) and any(q: x)) and num(n) > 5")},
        {"soon", rule_text("soon-one", "isFalse(isNone(p)) and isFalse(isFalse(any(q: y)))")},
        {"self-care", benign}},
       gate},
      {"Counted",
       {{"emergency", rule_text("em-one", "count(q: x|y) >= 2 and med(lithium)")},
        {"urgent", rule_text("urgent-one", "only(q: x) and any(p: b)")},
        {"soon", rule_text("soon-one", "sum(s, t) >= 3 or any(p: a)")},
        {"routine", rule_text("routine-one", "sum(s, t) >= 5 and any(q: y)")},
        {"self-care", benign}},
       gate},
      {"Doubted",
       {{"emergency", rule_text("em-one", "any(p: a|unsure) and answered(r)")},
        {"urgent", rule_text("urgent-one", "unsure(q) and cond(kidney)")},
        {"soon", rule_text("soon-one", "any(p: none) and (answered(n) or any(q: unsure))")},
        {"self-care", benign}},
       gate},
      {"ByTheRecord",
       {{"emergency", rule_text("em-one", "age < 16 and any(q: x)", "    all-ages: true\n")},
        {"urgent", rule_text("urgent-one", "(med(lithium) or lab(k) < 3) and any(q: y)")},
        {"soon",
         rule_text("soon-one", "is(pregnant) and num(n) >= 5",
                   "    target-when:\n      - {criteria: \"any(q: x)\", hours: 24, text: soon, "
                   "patient: Sooner}\n")},
        {"routine", rule_text("routine-one", "any(p: a) and any(s: daily)")},
        {"self-care", benign}},
       gate},
      {"WithPolicies",
       {{"emergency", rule_text("em-one", "any(p: a) and any(r: fast) and any(s: daily)")},
        {"urgent", rule_text("urgent-one", "any(p: b) or any(t: daily)")},
        {"self-care", benign}},
       gate +
           "  - {id: gap-p, kind: gap, title: T, policy: P, reason: R, sources: [author], patient: "
           "P, tier: soon, target: {text: t}, criteria: \"isFalse(answered(p)) or unsure(p)\"}\n"
           "  - {id: note, kind: notice, title: T, policy: P, sources: [author], criteria: "
           "\"any(p: b) or unsure(q)\"}\n"},
  };
}

// What can be given to a question on a page; the first is to pass it over.
std::vector<NamedAnswer> ways_to_answer(const Item& item) {
  std::vector<NamedAnswer> ways{NamedAnswer{}};
  if (item.is_numeric()) {
    for (const int value : {0, 4, 5, 6}) {
      ways.push_back({{}, whole(value), false});
    }
    return ways;
  }
  for (std::uint64_t subset = 1; subset <= item.all; ++subset) {
    const bool is_single = (subset & (subset - 1)) == 0;
    const bool contradicts = (subset & item.none) != 0 && !is_single;
    if ((subset & ~item.all) != 0 || contradicts || (!item.repeats && !is_single)) {
      continue;
    }
    NamedAnswer answer;
    for (std::size_t i = 0; i < item.options.size(); ++i) {
      if ((subset >> i & 1U) != 0) {
        answer.options.emplace_back(item.options[i].code);
      }
    }
    ways.push_back(std::move(answer));
  }
  return ways;
}

bool is_given(const NamedAnswer& answer) {
  return answer.invalid || answer.number || !answer.options.empty();
}

void put(const Item& item, std::size_t slot, const NamedAnswer& answer, AnswerRecord& record) {
  record.chosen[slot] = 0;
  record.state[slot] = !is_given(answer) ? ItemState::not_shown
                       : answer.invalid  ? ItemState::invalid
                                         : ItemState::answered;
  record.number[slot] = answer.number.value_or(Number{});
  for (const auto option : answer.options) {
    record.chosen[slot] |= std::uint64_t{1} << item.option(option);
  }
}

// As the pages give it: what does not apply has no answer.
AnswerRecord settled(const Knowledge& knowledge, const AnswerRecord& given,
                     const QuestionSet& without) {
  AnswerRecord out;
  std::array<Tri, kMaxItems> applies{};
  for (std::size_t i = 0; i < knowledge.items.size(); ++i) {
    const Item& item = knowledge.items[i];
    applies[i] =
        (item.parent < 0 ? Tri::yes : applies[at(item.parent)]) && shown(knowledge, item, out);
    out.state[i] = applies[i] == Tri::yes       ? ItemState::skipped
                   : applies[i] == Tri::unknown ? ItemState::not_asked
                                                : ItemState::not_shown;
    if (is_question(item) && applies[i] == Tri::yes && !without[i] &&
        given.state[i] == ItemState::answered) {
      out.state[i] = ItemState::answered;
      out.chosen[i] = given.chosen[i];
      out.number[i] = given.number[i];
    }
  }
  return out;
}

// All verdicts, and what of each criterion is not excluded.
std::string outcome(const Knowledge& knowledge, const AnswerRecord& answers,
                    const RecordFacts& record) {
  Facts facts{answers, answers, record};
  Verdicts verdicts;
  evaluate(knowledge, facts, {}, verdicts);
  std::string out{static_cast<char>('0' + static_cast<int>(verdicts.tier))};
  const auto add = [&](const std::vector<Rule>& rules, const auto& values) {
    for (std::size_t i = 0; i < rules.size(); ++i) {
      out += static_cast<char>('a' + static_cast<int>(values[i]));
      if (rules[i].root >= 0 && !rules[i].benign) {
        const Tri open = knowledge.program.evaluate(rules[i].root, answers, record, verdicts.fired,
                                                    Reading::unresolved);
        out += static_cast<char>('a' + static_cast<int>(open));
      }
      for (const auto& when : rules[i].target_when) {
        const Tri value =
            knowledge.program.evaluate(when.criterion, answers, record, verdicts.fired);
        out += values[i] == Tri::no ? '-' : static_cast<char>('a' + static_cast<int>(value));
      }
    }
  };
  add(knowledge.rules, verdicts.rules);
  add(knowledge.gaps, verdicts.gaps);
  return out + (verdicts.may_reassure ? "r" : "-");
}

class SmallForms : public ::testing::TestWithParam<Small> {
 protected:
  SmallForms()
      : knowledge_(small_knowledge({std::string(kItems), GetParam().rules, GetParam().policies})) {
    for (const auto* link : {"p", "q", "r", "n", "s", "t"}) {
      questions_.push_back(at(knowledge_->item(link)));
    }
    RecordFacts none;
    none.fetched = true;
    none.labs.fill({LabState::none, {}, 0});
    RecordFacts much = none;
    much.chosen[at(knowledge_->bindings.medicines)] = 1;
    much.chosen[at(knowledge_->bindings.conditions)] = 1;
    much.labs[0] = {LabState::known, whole(2), 1};
    much.age = whole(10);
    records_ = {RecordFacts{}, none, much};
  }

  const Item& item(std::size_t slot) const { return knowledge_->items[slot]; }

  // Every combination of `ways` for the questions.
  void each(const std::vector<std::size_t>& questions, AnswerRecord& given,
            const std::function<void()>& use, std::size_t from = 0) {
    if (from == questions.size()) {
      use();
      return;
    }
    for (const auto& way : ways_to_answer(item(questions[from]))) {
      put(item(questions[from]), questions[from], way, given);
      each(questions, given, use, from + 1);
    }
    put(item(questions[from]), questions[from], {}, given);
  }

  KnowledgePtr knowledge_;
  std::vector<std::size_t> questions_;
  std::vector<RecordFacts> records_;
};

TEST_P(SmallForms, NothingThatIsLeftOutCouldHaveChangedTheResult) {
  const Knowledge& knowledge = *knowledge_;
  std::size_t left_out = 0, compared = 0;
  // Each question is either determined already or open.
  for (unsigned mask = 0; mask < (1U << questions_.size()); ++mask) {
    std::vector<std::size_t> fixed, open;
    for (std::size_t i = 0; i < questions_.size(); ++i) {
      ((mask >> i & 1U) != 0 ? open : fixed).push_back(questions_[i]);
    }
    QuestionSet is_open;
    for (const std::size_t slot : open) {
      is_open.set(slot);
    }
    // Where much is open there are few starting points, and the other way round.
    AnswerRecord given;
    each(fixed, given, [&] {
      const AnswerRecord start = settled(knowledge, given, {});
      const QuestionSet spared = without_effect(knowledge, start, is_open);
      left_out += spared.count();
      if (spared.none() || HasFailure()) {
        return;
      }
      AnswerRecord rest = given;
      std::size_t count = 0;
      each(open, rest, [&] {
        if (++count % 7 != mask % 7 && open.size() > 3) {
          return;  // of the largest spaces every seventh
        }
        const AnswerRecord all = settled(knowledge, rest, {});
        const AnswerRecord fewer = settled(knowledge, rest, spared);
        for (const RecordFacts& record : records_) {
          ++compared;
          if (outcome(knowledge, all, record) != outcome(knowledge, fewer, record)) {
            ADD_FAILURE() << "left out: " << names_of(knowledge, spared) << " mask " << mask;
            return;
          }
        }
      });
    });
  }
  RecordProperty("compared", std::to_string(compared));
  EXPECT_GT(left_out, 0U);
}

// What is determined further never brings a question back.
TEST_P(SmallForms, WhatWasLeftOutStaysOut) {
  const Knowledge& knowledge = *knowledge_;
  Random random(5);
  for (int form = 0; form < 3'000; ++form) {
    AnswerRecord given;
    QuestionSet is_open;
    for (const std::size_t slot : questions_) {
      is_open[slot] = random.chance(60);
      if (!is_open[slot]) {
        put(item(slot), slot, random.pick(ways_to_answer(item(slot))), given);
      }
    }
    const QuestionSet before = without_effect(knowledge, settled(knowledge, given, {}), is_open);
    for (const std::size_t slot : questions_) {
      if (is_open[slot] && !before[slot] && random.chance(50)) {
        put(item(slot), slot, random.pick(ways_to_answer(item(slot))), given);
        is_open.reset(slot);
      }
    }
    const QuestionSet after = without_effect(knowledge, settled(knowledge, given, {}), is_open);
    EXPECT_EQ(before & ~after, QuestionSet{}) << names_of(knowledge, before & ~after);
  }
}

INSTANTIATE_TEST_SUITE_P(Worlds, SmallForms, ::testing::ValuesIn(small_ones()),
                         [](const auto& one) { return one.param.name; });

// ---- one decision after another

struct Decision {
  std::string name;
  std::map<std::string, std::string> rules;
  NamedAnswers answers;  // the other questions are open
  std::set<std::string> left_out;

  friend std::ostream& operator<<(std::ostream& out, const Decision& one) {
    return out << one.name;
  }
};

class Decisions : public ::testing::TestWithParam<Decision> {};

TEST_P(Decisions, LeavesOutExactlyWhatIsDecided) {
  const Decision& one = GetParam();
  const auto knowledge = small_knowledge({std::string(kItems), one.rules, std::string(kGate)});
  AnswerRecord given;
  QuestionSet open;
  for (std::size_t slot = 0; slot < knowledge->items.size(); ++slot) {
    const Item& item = knowledge->items[slot];
    const auto answer = one.answers.find(item.link_id);
    open[slot] = answer == one.answers.end();
    if (!open[slot]) {
      put(item, slot, answer->second, given);
    }
  }
  settle_in_place(*knowledge, given);
  std::set<std::string> left_out;
  const QuestionSet spared = without_effect(*knowledge, given, open);
  for (std::size_t i = 0; i < knowledge->items.size(); ++i) {
    if (spared[i]) {
      left_out.insert(knowledge->items[i].link_id);
    }
  }
  EXPECT_EQ(left_out, one.left_out);
}

// What no rule reads is asked for people, and never left out.
std::vector<Decision> decisions() {
  const auto rules = [](const std::string& soon) {
    return std::map<std::string, std::string>{{"soon", rule_text("soon-one", soon)}};
  };
  const NamedAnswer none{{"none"}, {}, false}, a{{"a"}, {}, false}, b{{"b"}, {}, false},
      unsure{{"unsure"}, {}, false};
  return {
      {"AnAndWithANo", rules("any(p: a) and any(q: x)"), {{"p", none}}, {"q"}},
      {"AnAndWithAYesIsOpen", rules("any(p: a) and any(q: x)"), {{"p", a}}, {}},
      {"AnOrWithAYes", rules("any(p: b) or any(q: x)"), {{"p", b}}, {"q"}},
      {"AnOrWithANoIsOpen", rules("any(p: b) or any(q: x)"), {{"p", none}}, {}},
      // The question would be told as missing beside the one that is not sure.
      {"UnsureDecidesNothing", rules("any(p: a) and any(q: x)"), {{"p", unsure}}, {}},
      {"PassedOverDecidesNothing", rules("any(p: a) and any(q: x)"), {{"p", NamedAnswer{}}}, {}},
      // isFalse of something unknown is no, but it is not excluded.
      {"UnknownUnderIsFalseDecidesNothing",
       rules("isFalse(any(p: a)) and any(q: x)"),
       {{"p", unsure}},
       {}},
      {"IsFalseOfAYes", rules("isFalse(any(p: a)) and any(q: x)"), {{"p", a}}, {"q"}},
      {"ASumThatReachesTheLimit", rules("sum(s, t) >= 3 or any(p: b)"), {{"p", b}}, {"s"}},
      {"ANumberThatCannotMatter", rules("any(p: a) and num(n) >= 5"), {{"p", none}}, {"n"}},
      // The record may still say that it is taken.
      {"TheRecordMayDisagree",
       rules("med(lithium) and any(q: x)"),
       {{"p", none}, {"medicines", none}},
       {}},
      // r itself is decided; it leads to t, which is not.
      {"WhatLeadsToAnOpenQuestion",
       rules("(any(t: daily) and any(q: x)) or (any(r: slow) and any(q: y))"),
       {{"p", a}, {"q", NamedAnswer{{"x"}, {}, false}}},
       {}},
      {"WhatLeadsToADecidedQuestion",
       rules("(any(t: daily) and any(q: x)) or (any(r: slow) and any(q: x))"),
       {{"p", a}, {"q", none}},
       {"r"}},
  };
}

INSTANTIATE_TEST_SUITE_P(Cases, Decisions, ::testing::ValuesIn(decisions()),
                         [](const auto& one) { return one.param.name; });

// ---- the real knowledge

// A form as pages give it: answers in the order of the form, none to what does not apply.
class RealForms {
 public:
  explicit RealForms(std::uint64_t seed) : forms_(*twitching(), seed), names_(*twitching()) {}

  const Knowledge& knowledge() const { return *twitching(); }
  Random& random() { return forms_.random(); }

  Form next() {
    Form form = forms_.next();
    for (std::size_t i = 0; i < knowledge().items.size(); ++i) {
      const Item& item = knowledge().items[i];
      const auto given = form.answers.find(item.link_id);
      if (given != form.answers.end() && !is_possible(item, given->second)) {
        given->second = forms_.clear_answer(item);
      }
    }
    return form;
  }

  NamedAnswer answer(const Item& item) {
    NamedAnswer answer = forms_.answer(item);
    return is_possible(item, answer) ? answer : forms_.clear_answer(item);
  }

  AnswerRecord given(const Form& form) const { return names_.answers(form.answers); }

  // Without `without`, and without what then does not apply.
  Form only(const Form& form, const QuestionSet& without) const {
    Form fewer = form;
    const AnswerRecord kept = settled(knowledge(), given(form), without);
    for (std::size_t i = 0; i < knowledge().items.size(); ++i) {
      if (kept.state[i] != ItemState::answered) {
        fewer.answers.erase(knowledge().items[i].link_id);
      }
    }
    return fewer;
  }

  Assessment judge(const Form& form) const {
    EvaluationInput input = names_.input(form);
    EXPECT_TRUE(input.set_aside.empty());
    return assess(twitching(), std::move(input), Outlook::none);
  }

 private:
  // The pages take neither `none` beside another answer nor what cannot be read.
  static bool is_possible(const Item& item, const NamedAnswer& answer) {
    const bool has_none =
        std::find(answer.options.begin(), answer.options.end(), "none") != answer.options.end();
    (void)item;
    return !answer.invalid && !(has_none && answer.options.size() > 1);
  }

  RandomForms forms_;
  Names names_;
};

// Everything that follows: what the clinician is proposed and what the patient is told.
std::string result_of(const Assessment& assessment, const QuestionSet& left_out) {
  std::ostringstream out;
  const auto target = [&](const Target& one) {
    out << (one.hours ? std::to_string(*one.hours) : "-") << one.text;
  };
  out << code_of(assessment.tier) << ' ';
  target(assessment.target);
  out << (assessment.check_first ? " check" : "")
      << (testing::is_reassured(assessment) ? " calm" : "");
  for (const Finding& finding : assessment.findings) {
    out << "\nfinding " << finding.rule->id << ' ' << static_cast<int>(finding.status) << ' ';
    target(finding.target);
  }
  for (const auto& row : assessment.hypotheses) {
    out << "\nhypothesis " << row.hypothesis->code << ' ' << row.rules.size();
  }
  for (const WorkupRow& row : assessment.workups) {
    out << "\nworkup " << row.workup->code << static_cast<int>(row.status) << ' '
        << row.because.size() << row.against.size();
    target(row.target);
    for (const auto& note : row.notes) {
      out << " note " << note;
    }
  }
  const auto& items = assessment.knowledge->items;
  std::set<std::string> gaps;
  for (const Gap& gap : assessment.gaps) {
    if (!left_out[static_cast<std::size_t>(gap.item - items.data())]) {
      gaps.insert(gap.item->link_id + std::to_string(static_cast<int>(gap.state)) +
                  std::to_string(gap.rules.size()));
    }
  }
  for (const auto& gap : gaps) {
    out << "\ngap " << gap;
  }
  for (std::size_t i = 0; i < assessment.patient_advice.size(); ++i) {
    out << "\nadvice " << assessment.patient_advice_ids[i] << ' ' << assessment.patient_advice[i];
  }
  for (const Notice& notice : assessment.notices) {
    out << "\nnotice " << notice.text;
  }
  return out.str();
}

bool names_a_gap(const Assessment& assessment, const QuestionSet& left_out) {
  return std::any_of(assessment.gaps.begin(), assessment.gaps.end(), [&](const Gap& gap) {
    return left_out[static_cast<std::size_t>(gap.item - assessment.knowledge->items.data())];
  });
}

// From any set of questions that are determined: the order of the form is only one of them.
TEST(Relevance, TheResultIsThatOfAskingEverything) {
  RealForms forms(2026);
  const Knowledge& knowledge = forms.knowledge();
  std::size_t spared_questions = 0, with_any = 0;
  std::set<std::string> ever;
  for (int i = 0; i < kForms && !::testing::Test::HasFailure(); ++i) {
    const Form all = forms.only(forms.next(), {});
    QuestionSet open;
    const bool in_order = forms.random().chance(60);
    const std::size_t until = forms.random().below(knowledge.items.size());
    for (std::size_t item = 0; item < knowledge.items.size(); ++item) {
      open[item] = is_question(knowledge.items[item]) &&
                   (in_order ? item >= until : forms.random().chance(30));
    }
    AnswerRecord known = forms.given(forms.only(all, open));
    settle_in_place(knowledge, known);
    const QuestionSet spared = without_effect(knowledge, known, open);
    if (spared.none()) {
      continue;
    }
    ++with_any;
    spared_questions += spared.count();
    Form other = all;
    for (std::size_t item = 0; item < knowledge.items.size(); ++item) {
      if (spared[item]) {
        ever.insert(knowledge.items[item].link_id);
        other.answers[knowledge.items[item].link_id] = forms.answer(knowledge.items[item]);
      }
    }
    const Assessment fewer = forms.judge(forms.only(all, spared));
    const std::string result = result_of(fewer, spared);
    EXPECT_FALSE(names_a_gap(fewer, spared)) << names_of(knowledge, spared) << to_text(all);
    for (const Form& asked : {all, forms.only(other, {})}) {
      ASSERT_EQ(result_of(forms.judge(asked), spared), result)
          << "left out: " << names_of(knowledge, spared) << "\nopen: " << names_of(knowledge, open)
          << "\n"
          << to_text(asked);
    }
  }
  std::string list;
  for (const auto& link : ever) {
    list += link + " ";
  }
  std::cout << "left out in " << with_any << " of " << kForms << " forms, " << spared_questions
            << " questions: " << list << "\n";
  EXPECT_GT(with_any, static_cast<std::size_t>(kForms) / 10);
}

// ---- journeys

struct Journey {
  Form form;
  std::size_t asked = 0;
  QuestionSet left_out;
};

// As on the pages: at each question, those before it are determined.
Journey walk(const RealForms& forms, const Form& truth, bool is_adaptive) {
  const Knowledge& knowledge = forms.knowledge();
  Journey journey;
  journey.form = truth;
  journey.form.answers.clear();
  QuestionSet open;
  for (std::size_t i = 0; i < knowledge.items.size(); ++i) {
    open[i] = is_question(knowledge.items[i]);
  }
  for (std::size_t i = 0; i < knowledge.items.size(); ++i) {
    if (!open[i]) {
      continue;
    }
    AnswerRecord now = forms.given(journey.form);
    settle_in_place(knowledge, now);
    if (now.state[i] != ItemState::skipped) {
      continue;
    }
    if (is_adaptive && without_effect(knowledge, now, open)[i]) {
      journey.left_out.set(i);
      continue;
    }
    open.reset(i);
    ++journey.asked;
    const auto answer = truth.answers.find(knowledge.items[i].link_id);
    if (answer != truth.answers.end()) {
      journey.form.answers.insert(*answer);
    }
  }
  return journey;
}

std::size_t median(std::vector<std::size_t> counts) {
  std::sort(counts.begin(), counts.end());
  return counts[counts.size() / 2];
}

// What is reported: how much is spared, of complete forms.
void expect_shorter(const RealForms& forms, const std::vector<Form>& truths, const char* what) {
  std::vector<std::size_t> whole, adaptive;
  std::size_t most = 0, shorter = 0;
  for (const Form& truth : truths) {
    const Journey all = walk(forms, truth, false);
    const Journey fewer = walk(forms, truth, true);
    ASSERT_EQ(result_of(forms.judge(all.form), fewer.left_out),
              result_of(forms.judge(fewer.form), fewer.left_out))
        << to_text(truth);
    EXPECT_LE(fewer.asked, all.asked);
    whole.push_back(all.asked);
    adaptive.push_back(fewer.asked);
    most = std::max(most, all.asked - fewer.asked);
    shorter += fewer.asked < all.asked ? 1 : 0;
  }
  std::cout << what << ": " << truths.size() << " journeys, median of questions " << median(whole)
            << " -> " << median(adaptive) << ", at most " << most << " fewer, " << shorter
            << " journeys shorter\n";
  EXPECT_GT(shorter, truths.size() / 4);
  EXPECT_GT(most, 2U);
}

TEST(Relevance, ReallyLeavesOutQuestionsOfRandomJourneys) {
  RealForms forms(7);
  std::vector<Form> truths;
  for (int i = 0; i < kJourneys; ++i) {
    Form truth = forms.next();
    truth.free_text = truth.stale = false;
    for (const Item& item : forms.knowledge().items) {
      if (item.is_question() && !truth.answers.contains(item.link_id)) {
        truth.answers.emplace(item.link_id, forms.answer(item));
      }
    }
    truths.push_back(std::move(truth));
  }
  expect_shorter(forms, truths, "random");
}

TEST(Relevance, ReallyLeavesOutQuestionsOfWorkedCases) {
  RealForms forms(8);
  std::vector<Form> truths;
  for (const Case& one : twitching()->cases) {
    truths.push_back(form_of(one));
  }
  expect_shorter(forms, truths, "worked cases");
}

TEST(Relevance, WhatMustBeAskedIsNeverLeftOut) {
  const Knowledge& knowledge = *twitching();
  const QuestionSet always = always_asked(knowledge);
  for (std::size_t i = 0; i < knowledge.items.size(); ++i) {
    const Item& item = knowledge.items[i];
    if (item.required || item.lasting || item.context_only || item.type == ItemType::text) {
      EXPECT_TRUE(always[i]) << item.link_id;
    }
  }
  for (const auto* link :
       {"em-now", "em-sudden", "em-spreading", "em-context", "function-loss", "weakness-onset",
        "weakness-course", "weakness-symmetry", "bulbar-course", "health-conditions"}) {
    EXPECT_TRUE(always[at(knowledge.item(link))]) << link;
  }
  EXPECT_FALSE(always[at(knowledge.item("gad2-nervous"))]);
}

// With nothing answered there is nothing to prove.
TEST(Relevance, AnEmptyFormLeavesOutNothing) {
  const Knowledge& knowledge = *twitching();
  AnswerRecord empty;
  settle_in_place(knowledge, empty);
  QuestionSet open;
  open.set();
  EXPECT_EQ(without_effect(knowledge, empty, open), QuestionSet{});
}

// ---- in the assessment

TEST(Relevance, TheAssessmentTellsThemFromGapsAndDenials) {
  const Knowledge& knowledge = *twitching();
  Form form = clear_form();
  form.answers["worry-level"] = {{"very"}, {}, false};
  const Names names(knowledge);
  EvaluationInput input = names.input(form);
  const int nervous = knowledge.item("gad2-nervous");
  input.left_out = {nervous, knowledge.item("gad2-control"), knowledge.item("phq2-interest"),
                    knowledge.item("phq2-mood"), knowledge.item("em-now")};
  const Assessment assessment = assess(twitching(), input);
  ASSERT_EQ(assessment.not_needed.size(), 4U);
  EXPECT_EQ(assessment.not_needed.front(), &knowledge.items[at(nervous)]);
  for (const Gap& gap : assessment.gaps) {
    EXPECT_TRUE(gap.item->instrument.empty()) << gap.item->link_id;
  }
  // Of a form that was not sent nothing is claimed.
  input.doubts.push_back(Doubt::unfinished);
  EXPECT_TRUE(assess(twitching(), input).not_needed.empty());
}

}  // namespace
}  // namespace myoflag::rules::testing
