// Truth tables: the three-valued connectives, and every form of the criterion language over every
// state of the question it reads.

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "rules/settle.h"
#include "rules/tri.h"
#include "tests/support/knowledge_fixture.h"

namespace myoflag::rules::testing {
namespace {

constexpr Tri N = Tri::no;
constexpr Tri U = Tri::unknown;
constexpr Tri Y = Tri::yes;

struct Row {
  Tri a, b, both, either;
};

TEST(TriTest, AndAndOrHaveTheNineRowsOfKleene) {
  constexpr std::array<Row, 9> rows{{{N, N, N, N},
                                     {N, U, N, U},
                                     {N, Y, N, Y},
                                     {U, N, N, U},
                                     {U, U, U, U},
                                     {U, Y, U, Y},
                                     {Y, N, N, Y},
                                     {Y, U, U, Y},
                                     {Y, Y, Y, Y}}};
  for (const auto& row : rows) {
    EXPECT_EQ(row.a && row.b, row.both);
    EXPECT_EQ(row.a || row.b, row.either);
  }
}

TEST(TriTest, IsFalseHoldsOnlyOfWhatIsKnownToBeFalse) {
  EXPECT_EQ(known_false(N), Y);
  EXPECT_EQ(known_false(U), N);
  EXPECT_EQ(known_false(Y), N);
}

// Compiles criteria beside the real knowledge.
class Forms {
 public:
  int root(std::string_view text, bool benign = false, int lab_days = 90) {
    const auto& bindings = knowledge_.bindings;
    const auto& items = knowledge_.items;
    const auto criterion = read_criterion(
        text, knowledge_.option_sets, items[static_cast<std::size_t>(bindings.medicines)].link_id,
        items[static_cast<std::size_t>(bindings.conditions)].link_id);
    EXPECT_TRUE(criterion.has_value()) << text;
    std::vector<CompileError> errors;
    CompileOptions options;
    options.benign = benign;
    options.lab_max_age = lab_days;
    const int root = compile(criterion.value(), options, knowledge_, errors);
    EXPECT_TRUE(errors.empty()) << text;
    return root;
  }

  Tri value(int root, const AnswerRecord& answers, const RecordFacts& record = {},
            Reading reading = Reading::given) const {
    return knowledge_.program.evaluate(root, answers, record, FiredTiers{}, reading);
  }

  std::size_t item(std::string_view link) const {
    return static_cast<std::size_t>(knowledge_.item(link));
  }
  std::uint64_t mask(std::string_view link, std::string_view option) const {
    const int index = knowledge_.items[item(link)].option(option);
    EXPECT_GE(index, 0) << option;
    return std::uint64_t{1} << index;
  }
  const Knowledge& knowledge() const { return knowledge_; }

 private:
  Knowledge knowledge_ = *twitching();
};

// The states a question with several answers can be in; seizure is the option the criteria name.
struct State {
  const char* name;
  ItemState state;
  std::vector<std::string_view> options;
};
const std::vector<State> kStates{
    {"not shown", ItemState::not_shown, {}},
    {"not asked", ItemState::not_asked, {}},
    {"skipped", ItemState::skipped, {}},
    {"invalid", ItemState::invalid, {}},
    {"named", ItemState::answered, {"seizure"}},
    {"other", ItemState::answered, {"blackout"}},
    {"none", ItemState::answered, {"none"}},
    {"unsure", ItemState::answered, {"unsure"}},
    {"unsure and named", ItemState::answered, {"unsure", "seizure"}},
    {"unsure and other", ItemState::answered, {"unsure", "blackout"}},
    {"unsure and none", ItemState::answered, {"unsure", "none"}},
    {"none and named, settled", ItemState::answered, {"none", "seizure"}},
};

struct FormRow {
  const char* criterion;
  std::array<Tri, 12> expected;  // in the order of kStates
};

AnswerRecord record_of(const Forms& forms, const State& state) {
  AnswerRecord answers;
  const auto at = forms.item("em-now");
  answers.state[at] = state.state;
  for (const auto option : state.options) {
    answers.chosen[at] |= forms.mask("em-now", option);
  }
  if (state.state == ItemState::answered) {
    settle_in_place(forms.knowledge(), answers);
  }
  return answers;
}

void expect_table(const std::vector<FormRow>& table, Reading reading) {
  Forms forms;
  for (const auto& row : table) {
    const int root = forms.root(row.criterion);
    for (std::size_t i = 0; i < kStates.size(); ++i) {
      EXPECT_EQ(forms.value(root, record_of(forms, kStates[i]), {}, reading), row.expected[i])
          << row.criterion << " when " << kStates[i].name;
    }
  }
}

TEST(TriTest, EveryChoiceFormHasItsValueInEveryStateOfTheQuestion) {
  expect_table(
      {
          //                                     --    na sk in nm ot no un u+n u+o u+- n+n
          {"any(em-now: seizure)", {N, U, U, U, Y, N, N, U, Y, U, U, Y}},
          {"any(em-now: seizure|unsure)", {N, U, U, U, Y, N, N, Y, Y, Y, Y, Y}},
          {"only(em-now: seizure)", {N, U, U, U, Y, N, N, U, U, N, N, Y}},
          {"only(em-now: seizure|none)", {N, U, U, U, Y, N, Y, U, U, N, U, Y}},
          {"count(em-now: seizure|blackout) >= 1", {N, U, U, U, Y, Y, N, U, Y, Y, U, Y}},
          {"count(em-now: seizure|blackout) >= 2", {N, U, U, U, N, N, N, U, U, U, U, N}},
          {"isNone(em-now)", {N, U, U, U, N, N, Y, U, N, N, U, N}},
          {"answered(em-now)", {N, N, N, N, Y, Y, Y, Y, Y, Y, Y, Y}},
          {"unsure(em-now)", {N, N, N, N, N, N, N, Y, Y, Y, Y, N}},
          {"isFalse(any(em-now: seizure))", {Y, N, N, N, N, Y, Y, N, N, N, N, N}},
          {"isFalse(isNone(em-now))", {Y, N, N, N, Y, Y, N, N, Y, Y, N, Y}},
          {"isFalse(answered(em-now))", {Y, Y, Y, Y, N, N, N, N, N, N, N, N}},
      },
      Reading::given);
}

TEST(TriTest, WhileAnswersMayStillTurnOutAnyWayNothingOpenIsDecided) {
  expect_table(
      {
          //                                     --    na sk in nm ot no un u+n u+o u+- n+n
          {"answered(em-now)", {N, U, Y, Y, Y, Y, Y, Y, Y, Y, Y, Y}},
          {"unsure(em-now)", {N, N, N, N, N, N, N, N, N, N, N, N}},
          {"isFalse(any(em-now: seizure))", {Y, U, U, U, N, Y, Y, U, N, U, U, N}},
          {"isFalse(isNone(em-now))", {Y, U, U, U, Y, Y, N, U, Y, Y, U, Y}},
      },
      Reading::open);
}

TEST(TriTest, AskedWhatIsNotExcludedIsFalseOfUnknownIsUnknown) {
  expect_table(
      {
          //                                     --    na sk in nm ot no un u+n u+o u+- n+n
          {"answered(em-now)", {N, N, N, N, Y, Y, Y, Y, Y, Y, Y, Y}},
          {"unsure(em-now)", {N, N, N, N, N, N, N, Y, Y, Y, Y, N}},
          {"isFalse(any(em-now: seizure))", {Y, U, U, U, N, Y, Y, U, N, U, U, N}},
          {"isFalse(answered(em-now))", {Y, Y, Y, Y, N, N, N, N, N, N, N, N}},
      },
      Reading::unresolved);
}

struct NumberRow {
  ItemState state;
  std::int64_t value;
  Tri at_least, less, at_most, more;  // than 14
};

TEST(TriTest, NumbersCompareAtTheirLimitsAndAreUnknownWithoutAnAnswer) {
  Forms forms;
  const std::array roots{
      forms.root("num(alcohol-units) >= 14"), forms.root("num(alcohol-units) < 14"),
      forms.root("num(alcohol-units) <= 14"), forms.root("num(alcohol-units) > 14")};
  for (const auto& row : std::vector<NumberRow>{{ItemState::not_shown, 20, N, N, N, N},
                                                {ItemState::not_asked, 20, U, U, U, U},
                                                {ItemState::skipped, 20, U, U, U, U},
                                                {ItemState::invalid, 20, U, U, U, U},
                                                {ItemState::answered, 13, N, Y, Y, N},
                                                {ItemState::answered, 14, Y, N, Y, N},
                                                {ItemState::answered, 15, Y, N, N, Y}}) {
    AnswerRecord answers;
    answers.state[forms.item("alcohol-units")] = row.state;
    answers.number[forms.item("alcohol-units")] = whole(row.value);
    const std::array expected{row.at_least, row.less, row.at_most, row.more};
    for (std::size_t i = 0; i < roots.size(); ++i) {
      EXPECT_EQ(forms.value(roots[i], answers), expected[i]) << row.value << " form " << i;
    }
  }
}

// Scores of two questions, -1 skipped, -2 not shown.
TEST(TriTest, ASumIsDecidedAsSoonAsTheMissingPartCannotChangeIt) {
  Forms forms;
  const int root = forms.root("sum(gad2-nervous, gad2-control) >= 3");
  constexpr std::array<std::string_view, 4> codes{"not-at-all", "several-days", "more-than-half",
                                                  "nearly-every-day"};
  for (int a = -2; a <= 3; ++a) {
    for (int b = -2; b <= 3; ++b) {
      AnswerRecord answers;
      int low = 0;
      int high = 0;
      for (const auto& [link, score] : {std::pair{"gad2-nervous", a}, {"gad2-control", b}}) {
        const auto at = forms.item(link);
        answers.state[at] = score == -2   ? ItemState::not_shown
                            : score == -1 ? ItemState::skipped
                                          : ItemState::answered;
        if (score >= 0) {
          answers.chosen[at] = forms.mask(link, codes[static_cast<std::size_t>(score)]);
        }
        low += std::max(score, 0);
        high += score == -1 ? 3 : std::max(score, 0);
      }
      const Tri expected = low >= 3 ? Y : high < 3 ? N : U;
      EXPECT_EQ(forms.value(root, answers), expected) << a << " + " << b;
    }
  }
}

struct SumRow {
  ItemState first, second;
  Tri below;
};

TEST(TriTest, ASumOfQuestionsThatDoNotApplyIsNo) {
  Forms forms;
  const int root = forms.root("sum(gad2-nervous, gad2-control) < 7");
  for (const auto& row : {SumRow{ItemState::not_shown, ItemState::not_shown, N},
                          SumRow{ItemState::not_shown, ItemState::not_asked, U},
                          SumRow{ItemState::not_shown, ItemState::skipped, Y}}) {
    AnswerRecord answers;
    answers.state[forms.item("gad2-nervous")] = row.first;
    answers.state[forms.item("gad2-control")] = row.second;
    EXPECT_EQ(forms.value(root, answers), row.below);
  }
}

// The two sums stand three places apart in the program, the days for laboratory values as far apart
// the other way.
TEST(TriTest, TheTapeTellsSumsApart) {
  Knowledge knowledge = *twitching();
  const auto add = [&](std::string_view text, int lab_days) {
    const auto criterion = read_criterion(text, {}, "medicine-classes", "health-conditions");
    std::vector<CompileError> errors;
    return compile(criterion.value(), {false, lab_days}, knowledge, errors);
  };
  const int anxious = add("sum(gad2-nervous, gad2-control) >= 3", 93);
  const int low = add("sum(phq2-interest, phq2-mood) >= 3", 90);
  knowledge.tape = build_tape(knowledge);
  Facts facts;
  for (const auto* link : {"phq2-interest", "phq2-mood"}) {
    const auto at = static_cast<std::size_t>(knowledge.item(link));
    facts.answers.state[at] = ItemState::answered;
    facts.answers.chosen[at] = std::uint64_t{1} << knowledge.items[at].option("nearly-every-day");
  }
  const TapeRun run(knowledge, facts);
  EXPECT_EQ(run.root(anxious), N);
  EXPECT_EQ(run.root(low), Y);
}

struct AgeRow {
  int patient, record;  // -1: not known
  Tri adult, benign_adult, child, benign_child;
};

TEST(TriTest, WhereTheAgesDifferTheRiskierCounts) {
  Forms forms;
  const std::array roots{forms.root("age >= 16"), forms.root("age >= 16", true),
                         forms.root("age < 16"), forms.root("age < 16", true)};
  for (const auto& row : std::vector<AgeRow>{{-1, -1, U, U, U, U},
                                             {16, -1, Y, Y, N, N},
                                             {15, -1, N, N, Y, Y},
                                             {-1, 16, Y, Y, N, N},
                                             {-1, 15, N, N, Y, Y},
                                             {16, 15, Y, N, Y, N},
                                             {15, 16, Y, N, Y, N},
                                             {40, 41, Y, Y, N, N}}) {
    AnswerRecord answers;
    answers.state[forms.item("age-years")] =
        row.patient < 0 ? ItemState::skipped : ItemState::answered;
    answers.number[forms.item("age-years")] = whole(row.patient);
    RecordFacts record;
    if (row.record >= 0) {
      record.age = whole(row.record);
    }
    const std::array expected{row.adult, row.benign_adult, row.child, row.benign_child};
    for (std::size_t i = 0; i < roots.size(); ++i) {
      EXPECT_EQ(forms.value(roots[i], answers, record), expected[i])
          << row.patient << "/" << row.record << " form " << i;
    }
  }
}

// A record does not end the question while the patient may still say otherwise.
TEST(TriTest, WhileAnAgeMayStillBeSaidTheRecordDecidesOnlyWhatItCanAlone) {
  Forms forms;
  AnswerRecord answers;
  answers.state[forms.item("age-years")] = ItemState::skipped;
  RecordFacts record;
  record.age = whole(12);
  EXPECT_EQ(forms.value(forms.root("age < 16"), answers, record, Reading::open), Y);
  EXPECT_EQ(forms.value(forms.root("age >= 16"), answers, record, Reading::open), U);
  EXPECT_EQ(forms.value(forms.root("age < 16", true), answers, record, Reading::open), U);
  EXPECT_EQ(forms.value(forms.root("age >= 16", true), answers, record, Reading::open), N);
  answers.state[forms.item("age-years")] = ItemState::not_shown;
  EXPECT_EQ(forms.value(forms.root("age >= 16"), answers, record, Reading::open), N);
}

struct IsRow {
  ItemState state;
  const char* patient;  // option or null
  const char* record;   // option or null
  Tri pregnant;
};

TEST(TriTest, ThePregnancyOfPatientOrRecordCountsAndPossibleStaysOpen) {
  Forms forms;
  const int root = forms.root("is(pregnant-any)");
  for (const auto& row : std::vector<IsRow>{
           {ItemState::not_shown, nullptr, nullptr, N},
           {ItemState::not_shown, nullptr, "pregnant-20-plus", Y},
           {ItemState::not_asked, nullptr, nullptr, U},
           {ItemState::skipped, nullptr, nullptr, U},
           {ItemState::skipped, nullptr, "no", N},
           {ItemState::skipped, nullptr, "birth-6-weeks", Y},
           {ItemState::invalid, nullptr, nullptr, U},
           {ItemState::answered, "no", nullptr, N},
           {ItemState::answered, "no", "pregnant-under-20", Y},
           {ItemState::answered, "pregnant-under-20", nullptr, Y},
           {ItemState::answered, "pregnant-under-20", "no", Y},
           {ItemState::answered, "possible", nullptr, U},
           {ItemState::answered, "possible", "no", U},
           {ItemState::answered, "prefer-not", nullptr, U},
           {ItemState::answered, "prefer-not", "no", N},
       }) {
    AnswerRecord answers;
    const auto at = forms.item("pregnancy-status");
    answers.state[at] = row.state;
    answers.chosen[at] = row.patient == nullptr ? 0 : forms.mask("pregnancy-status", row.patient);
    RecordFacts record;
    record.known[at] = row.record != nullptr;
    record.chosen[at] = row.record == nullptr ? 0 : forms.mask("pregnancy-status", row.record);
    EXPECT_EQ(forms.value(root, answers, record), row.pregnant)
        << (row.patient == nullptr ? "-" : row.patient) << " / "
        << (row.record == nullptr ? "-" : row.record);
  }
}

TEST(TriTest, AMedicineOfTheRecordCountsWhateverThePatientSaysAndItsAbsenceSaysNothing) {
  Forms forms;
  for (const auto& [text, link, option] :
       {std::tuple{"med(lithium)", "medicine-classes", "lithium"},
        {"cond(kidney)", "health-conditions", "kidney"}}) {
    const int root = forms.root(text);
    const auto at = forms.item(link);
    for (const auto& state : {ItemState::not_shown, ItemState::not_asked, ItemState::skipped,
                              ItemState::invalid, ItemState::answered}) {
      for (const std::string_view said : {"", "none", "unsure", option}) {
        if ((state == ItemState::answered) == said.empty()) {
          continue;
        }
        for (const bool recorded : {false, true}) {
          AnswerRecord answers;
          answers.state[at] = state;
          answers.chosen[at] = said.empty() ? 0 : forms.mask(link, said);
          RecordFacts record;
          record.fetched = true;
          record.chosen[at] = recorded ? forms.mask(link, option) : 0;
          const Tri own = state == ItemState::not_shown || said == "none" ? N
                          : said == option                                ? Y
                                                                          : U;
          EXPECT_EQ(forms.value(root, answers, record), recorded ? Y : own)
              << text << " " << said << " " << static_cast<int>(state);
        }
      }
    }
  }
}

TEST(TriTest, ALaboratoryValueCountsWhileItIsCurrentAndIsNeverUnknown) {
  Forms forms;
  const int root = forms.root("lab(k) < 2.5", false, 7);
  const auto lab = static_cast<std::size_t>(forms.knowledge().lab("k"));
  const Number low{2'400'000'000};
  const Number limit{2'500'000'000};
  for (const auto& [state, value, days, expected] :
       {std::tuple{LabState::none, low, 0, N},
        {LabState::not_fetched, low, 0, N},
        {LabState::unusable, low, 0, N},
        {LabState::known, low, 0, Y},
        {LabState::known, low, 7, Y},
        {LabState::known, low, 8, N},
        {LabState::known, limit, 0, N},
        {LabState::known, Number{2'499'999'999}, 0, Y}}) {
    RecordFacts record;
    record.labs[lab] = {state, value, days};
    EXPECT_EQ(forms.value(root, AnswerRecord{}, record), expected) << days;
  }
}

TEST(TriTest, FiredTierIsTheStrongestOfTheTiersNamed) {
  Forms forms;
  const int root = forms.root("firedTier(emergency|soon)");
  for (const Tri emergency : {N, U, Y}) {
    for (const Tri urgent : {N, U, Y}) {
      for (const Tri soon : {N, U, Y}) {
        FiredTiers fired{};
        fired[static_cast<std::size_t>(Tier::emergency)] = emergency;
        fired[static_cast<std::size_t>(Tier::urgent)] = urgent;
        fired[static_cast<std::size_t>(Tier::soon)] = soon;
        EXPECT_EQ(forms.knowledge().program.evaluate(root, {}, {}, fired),
                  std::max(emergency, soon));
      }
    }
  }
}

}  // namespace
}  // namespace myoflag::rules::testing
