#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "rules/knowledge.h"
#include "rules/program.h"
#include "tests/rules/small_knowledge.h"

namespace myoflag::rules {
namespace {

// The small knowledge, and criteria compiled on the spot.
class ProgramTest : public testing::Test {
 protected:
  ProgramTest() : knowledge_(*load_knowledge(small_files()).value()) { record_.fetched = true; }

  int root(const std::string& text, CompileOptions options = {false, 90}) {
    std::vector<CompileError> errors;
    const int root = compile(parsed(text), options, knowledge_, errors);
    if (!errors.empty()) {
      throw std::logic_error(errors.front().text);
    }
    return root;
  }

  std::vector<CompileError> errors_of(const std::string& text) {
    std::vector<CompileError> errors;
    compile(parsed(text), {}, knowledge_, errors);
    return errors;
  }

  Tri value(const std::string& text, Reading reading = Reading::given) {
    return knowledge_.program.evaluate(root(text), answers_, record_, fired_, reading);
  }

  std::size_t slot(const std::string& link_id) const {
    return static_cast<std::size_t>(knowledge_.item(link_id));
  }
  void choose(const std::string& link_id, const std::vector<std::string>& codes) {
    const Item& item = knowledge_.items.at(slot(link_id));
    answers_.state[slot(link_id)] = ItemState::answered;
    answers_.chosen[slot(link_id)] = 0;
    for (const auto& code : codes) {
      answers_.chosen[slot(link_id)] |= std::uint64_t{1} << item.option(code);
    }
  }
  void number(const std::string& link_id, const std::string& text) {
    answers_.state[slot(link_id)] = ItemState::answered;
    answers_.number[slot(link_id)] = *read_number(text);
  }
  void put(const std::string& link_id, ItemState state) {
    answers_.state[slot(link_id)] = state;
    answers_.chosen[slot(link_id)] = 0;
  }

  Criterion parsed(const std::string& text) const {
    auto criterion = read_criterion(text, knowledge_.option_sets, "medicines", "conditions");
    if (!criterion) {
      throw std::logic_error(criterion.error().text);
    }
    return *criterion;
  }

  Knowledge knowledge_;
  AnswerRecord answers_;
  RecordFacts record_;
  FiredTiers fired_{};
};

constexpr Tri kNo = Tri::no;
constexpr Tri kUnknown = Tri::unknown;
constexpr Tri kYes = Tri::yes;

TEST_F(ProgramTest, ASkippedQuestionMakesEveryFormUnknownAndOneNotShownFalse) {
  const char* forms[] = {
      "any(weakness: arm)", "only(weakness: arm)", "count(weakness: arm|leg) >= 2",
      "isNone(weakness)",   "num(cups) >= 5",      "sum(worry-1, worry-2) >= 3"};
  for (const char* form : forms) {
    for (const auto* link_id : {"weakness", "cups", "worry-1", "worry-2"}) {
      put(link_id, ItemState::skipped);
    }
    EXPECT_EQ(value(form), kUnknown) << form;
    for (const auto* link_id : {"weakness", "cups", "worry-1", "worry-2"}) {
      put(link_id, ItemState::not_asked);
    }
    EXPECT_EQ(value(form), kUnknown) << form;
    for (const auto* link_id : {"weakness", "cups", "worry-1", "worry-2"}) {
      put(link_id, ItemState::not_shown);
    }
    EXPECT_EQ(value(form), kNo) << form;
  }
}

TEST_F(ProgramTest, TruthTableOfChoices) {
  struct Row {
    std::vector<std::string> chosen;
    Tri any, only, count, none;
  };
  // any(arm|leg), only(arm|leg), count(arm|leg) >= 2, isNone
  const Row table[] = {
      {{"arm"}, kYes, kYes, kNo, kNo},
      {{"arm", "leg"}, kYes, kYes, kYes, kNo},
      {{"arm", "tired"}, kYes, kNo, kNo, kNo},
      {{"tired"}, kNo, kNo, kNo, kNo},
      {{"none"}, kNo, kNo, kNo, kYes},
      {{"unsure"}, kUnknown, kUnknown, kUnknown, kUnknown},
      {{"arm", "unsure"}, kYes, kUnknown, kUnknown, kNo},
      {{"tired", "unsure"}, kUnknown, kNo, kUnknown, kNo},
  };
  for (const Row& row : table) {
    choose("weakness", row.chosen);
    const std::string shown = testing::PrintToString(row.chosen);
    EXPECT_EQ(value("any(weakness: arm|leg)"), row.any) << shown;
    EXPECT_EQ(value("only(weakness: arm|leg)"), row.only) << shown;
    EXPECT_EQ(value("count(weakness: arm|leg) >= 2"), row.count) << shown;
    EXPECT_EQ(value("isNone(weakness)"), row.none) << shown;
  }
}

TEST_F(ProgramTest, AnsweredAndUnsureAreAlwaysDecided) {
  put("weakness", ItemState::skipped);
  EXPECT_EQ(value("answered(weakness)"), kNo);
  EXPECT_EQ(value("unsure(weakness)"), kNo);
  choose("weakness", {"unsure"});
  EXPECT_EQ(value("answered(weakness)"), kYes);
  EXPECT_EQ(value("unsure(weakness)"), kYes);
}

TEST_F(ProgramTest, KleeneTables) {
  const std::pair<const char*, Tri> leaves[] = {
      {"any(weakness: arm)", kYes}, {"any(weakness: leg)", kNo}, {"num(cups) >= 5", kUnknown}};
  choose("weakness", {"arm"});
  put("cups", ItemState::skipped);
  for (const auto& [a, av] : leaves) {
    EXPECT_EQ(value("isFalse(" + std::string(a) + ")"), av == kNo ? kYes : kNo);
    for (const auto& [b, bv] : leaves) {
      EXPECT_EQ(value(std::string(a) + " and " + b), std::min(av, bv));
      EXPECT_EQ(value(std::string(a) + " or " + b), std::max(av, bv));
    }
  }
}

TEST_F(ProgramTest, NumbersAreComparedExactly) {
  number("cups", "5");
  EXPECT_EQ(value("num(cups) >= 5"), kYes);
  EXPECT_EQ(value("num(cups) > 5"), kNo);
  EXPECT_EQ(value("num(cups) <= 5"), kYes);
  EXPECT_EQ(value("num(cups) < 5.000000001"), kYes);
}

TEST_F(ProgramTest, ASumIsDecidedOnceNoMissingAnswerCanChangeIt) {
  choose("worry-1", {"daily"});
  put("worry-2", ItemState::skipped);
  EXPECT_EQ(value("sum(worry-1, worry-2) >= 3"), kYes);
  EXPECT_EQ(value("sum(worry-1, worry-2) >= 4"), kUnknown);
  EXPECT_EQ(value("sum(worry-1, worry-2) >= 7"), kNo);
  choose("worry-2", {"some"});
  EXPECT_EQ(value("sum(worry-1, worry-2) >= 4"), kYes);
}

TEST_F(ProgramTest, TheRecordAddsButNeverTakesAway) {
  choose("medicines", {"none"});
  EXPECT_EQ(value("med(lithium)"), kNo);
  record_.chosen[slot("medicines")] = 1;
  EXPECT_EQ(value("med(lithium)"), kYes);
  EXPECT_EQ(value("any(medicines: lithium)"), kNo);  // any() is the patient's word alone
  put("conditions", ItemState::skipped);
  EXPECT_EQ(value("cond(kidney)"), kUnknown);
}

TEST_F(ProgramTest, AgeTakesTheRiskierOfPatientAndRecordAndTheOtherForReassurance) {
  put("age", ItemState::skipped);
  EXPECT_EQ(value("age >= 16"), kUnknown);
  record_.age = whole(15);
  EXPECT_EQ(value("age >= 16"), kNo);
  number("age", "17");
  EXPECT_EQ(value("age >= 16"), kYes);
  const int benign = root("age >= 16", {true, 90});
  EXPECT_EQ(knowledge_.program.evaluate(benign, answers_, record_, fired_), kNo);
}

TEST_F(ProgramTest, SexAndPregnancyFallBackOnTheRecord) {
  put("sex", ItemState::skipped);
  EXPECT_EQ(value("is(male)"), kUnknown);
  choose("sex", {"prefer-not"});
  EXPECT_EQ(value("is(male)"), kUnknown);
  record_.known[slot("sex")] = true;
  EXPECT_EQ(value("is(male)"), kNo);
  record_.chosen[slot("sex")] = 0b010;
  EXPECT_EQ(value("is(male)"), kYes);
  choose("pregnancy", {"possible"});
  record_.known[slot("pregnancy")] = true;
  EXPECT_EQ(value("is(pregnant-any)"), kUnknown);  // "perhaps" stays open whatever the record says
}

TEST_F(ProgramTest, OnlyACurrentLaboratoryValueCounts) {
  Lab& lab = record_.labs[0];
  for (const LabState state : {LabState::none, LabState::not_fetched, LabState::unusable}) {
    lab.state = state;
    EXPECT_EQ(value("lab(k) < 2.5"), kNo);  // missing never blocks
  }
  lab = {LabState::known, *read_number("2.4"), 90};
  EXPECT_EQ(value("lab(k) < 2.5"), kYes);
  lab.age_days = 91;
  EXPECT_EQ(value("lab(k) < 2.5"), kNo);
}

TEST_F(ProgramTest, FiredTierJoinsTheTiers) {
  fired_[static_cast<std::size_t>(Tier::soon)] = kUnknown;
  EXPECT_EQ(value("firedTier(urgent|soon)"), kUnknown);
  EXPECT_EQ(value("firedTier(urgent)"), kNo);
  fired_[static_cast<std::size_t>(Tier::urgent)] = kYes;
  EXPECT_EQ(value("firedTier(urgent|soon)"), kYes);
}

TEST_F(ProgramTest, OpenReadingLeavesEveryMissingAnswerOpen) {
  put("weakness", ItemState::skipped);
  EXPECT_EQ(value("answered(weakness)", Reading::open), kYes);
  put("weakness", ItemState::not_asked);
  EXPECT_EQ(value("answered(weakness)", Reading::open), kUnknown);
  choose("weakness", {"unsure"});
  EXPECT_EQ(value("unsure(weakness)", Reading::open), kNo);
}

TEST_F(ProgramTest, UnknownNamesAndWrongTypesAreErrorsInTheirPlace) {
  const std::pair<const char*, std::size_t> table[] = {
      {"any(nothing: a)", 4},   {"isNone(weakness) and any(weakness: foot)", 35},
      {"isNone(sex)", 7},       {"unsure(sex)", 7},
      {"num(weakness) > 1", 4}, {"any(cups: a)", 4},
      {"answered(g-about)", 9}, {"sum(worry-1, weakness) > 1", 13},
      {"is(tall)", 3},          {"lab(na) > 1", 4},
      {"firedTier(now)", 10},   {"med(aspirin)", 4}};
  for (const auto& [text, offset] : table) {
    const auto errors = errors_of(text);
    ASSERT_FALSE(errors.empty()) << text;
    EXPECT_EQ(errors.front().offset, offset) << text;
  }
}

}  // namespace
}  // namespace myoflag::rules
