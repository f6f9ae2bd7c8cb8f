// What the clinician is told about the input itself: each notice when there is cause, and only
// then.

#include <algorithm>
#include <cctype>
#include <chrono>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/notices.h"
#include "rules/settle.h"
#include "rules/since_last.h"
#include "tests/support/knowledge_fixture.h"

namespace myoflag::rules::testing {
namespace {

using ::testing::HasSubstr;

NamedAnswer options(std::vector<std::string_view> options) {
  return {std::move(options), {}, false};
}

struct NoticeRow {
  const char* name;
  Notice::Kind kind;
  std::function<void(Form&)> set;
  const char* words;  // in the sentence
};

const std::vector<NoticeRow>& rows() {
  static const std::vector<NoticeRow> all{
      {"Carer", Notice::Kind::informant,
       [](Form& f) { f.answers["who-answers"] = options({"carer"}); }, "family member or carer"},
      {"Contradiction", Notice::Kind::contradiction,
       [](Form& f) {
         f.answers["muscle-changes"] = options({"none", "thinner"});
       },
       ""},
      {"ContradictionInAListNoPolicyNames", Notice::Kind::contradiction,
       [](Form& f) {
         f.answers["lifestyle"] = options({"none", "caffeine"});
       },
       ""},
      {"FreeText", Notice::Kind::free_text, [](Form& f) { f.free_text = true; }, "read it"},
      {"MedicineOnlyInTheRecord", Notice::Kind::conflict,
       [](Form& f) { f.record.says["medicine-classes"].options = {"lithium"}; }, "lithium"},
      {"ConditionOnlyInTheRecord", Notice::Kind::conflict,
       [](Form& f) { f.record.says["health-conditions"].options = {"kidney"}; }, "kidney"},
      {"AgeDiffers", Notice::Kind::conflict,
       [](Form& f) { f.record.says["age-years"].number = whole(31); }, "31"},
      {"SexDiffers", Notice::Kind::conflict,
       [](Form& f) { f.record.says["sex-at-birth"].options = {"female"}; }, "female"},
      {"Stale", Notice::Kind::stale_answers, [](Form& f) { f.stale = true; }, "14"},
      {"OldLab", Notice::Kind::lab_old,
       [](Form& f) {
         f.record.labs["k"] = {LabState::known, whole(4), 91};
       },
       "91"},
      {"UnusableLab", Notice::Kind::lab_unusable,
       [](Form& f) {
         f.record.labs["k"] = {LabState::unusable, whole(4), 1};
       },
       "potassium"},
      {"NoRecord", Notice::Kind::record_missing, [](Form& f) { f.record.fetched = false; }, ""},
      {"SetAside", Notice::Kind::answer_set_aside,
       [](Form& f) { f.answers["weakness-onset"] = options({"minutes"}); }, "minutes"},
      {"Child", Notice::Kind::under_age,
       [](Form& f) {
         f.answers["age-years"] = {{}, whole(12), false};
       },
       "16"},
      {"UnsureMedicines", Notice::Kind::uncertain_list,
       [](Form& f) { f.answers["medicine-classes"] = options({"unsure"}); }, ""},
      {"NothingMatched", Notice::Kind::nothing_matched,
       [](Form& f) { f.answers["movement-type"] = options({"no-movement"}); }, ""},
      {"OldEmergency", Notice::Kind::check_now,
       [](Form& f) {
         f.stale = true;
         f.answers["em-now"] = options({"seizure"});
       },
       "Contact the patient now"},
  };
  return all;
}

class NoticeTest : public ::testing::TestWithParam<std::size_t> {};

Form quiet_form() {
  Form form = clear_form();
  form.record.fetched = true;
  return form;
}

Assessment run(const Form& form) {
  static const Names names(*twitching());
  return assess(twitching(), names.input(form));
}

TEST_P(NoticeTest, StandsWhereThereIsCause) {
  const auto& row = rows()[GetParam()];
  Form form = quiet_form();
  row.set(form);
  const Assessment assessment = run(form);
  const bool told =
      std::any_of(assessment.notices.begin(), assessment.notices.end(), [&](const Notice& notice) {
        std::string text = notice.text;
        std::string words = row.words;
        const auto lower = [](char c) { return static_cast<char>(std::tolower(c)); };
        std::transform(text.begin(), text.end(), text.begin(), lower);
        std::transform(words.begin(), words.end(), words.begin(), lower);
        return notice.kind == row.kind && text.find(words) != std::string::npos;
      });
  EXPECT_TRUE(told);
  for (const auto& notice : assessment.notices) {
    for (const Item& item : twitching()->items) {  // the form's own words are for the patient
      const bool form_text = item.text != item.label && !item.text.empty() &&
                             notice.text.find(item.text) != std::string::npos;
      EXPECT_FALSE(form_text) << notice.text;
    }
    EXPECT_FALSE(notice.text.empty());
    EXPECT_EQ(notice.text.find('{'), std::string::npos) << notice.text;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, NoticeTest, ::testing::Range<std::size_t>(0, rows().size()),
                         [](const ::testing::TestParamInfo<std::size_t>& test) {
                           return std::string(rows()[test.param].name);
                         });

TEST(NoticesTest, AClearFormWithARecordHasNone) {
  const Assessment assessment = run(quiet_form());
  EXPECT_TRUE(assessment.notices.empty()) << assessment.notices.front().text;
}

// The answers are dated with what the text says, and read today.
std::string dated(std::string_view text, std::chrono::sys_days start, std::string_view option,
                  Notice::Kind kind) {
  Form form = quiet_form();
  form.answers["em-now"] = options({option});
  EvaluationInput input = Names(*twitching()).input(form);
  input.response.authored_text = text;
  input.response.authored = start;
  for (const Notice& notice : assess(twitching(), std::move(input)).notices) {
    if (notice.kind == kind) {
      return notice.text;
    }
  }
  return {};
}

// Now is 2026-11-22: of a month nobody can say more.
TEST(NoticesTest, ADateThatIsTooVagueIsNotCalledOld) {
  using std::chrono::November, std::chrono::October, std::chrono::year;
  const auto old = [](std::string_view text, std::chrono::sys_days start) {
    return dated(text, start, "none", Notice::Kind::stale_answers);
  };
  const std::string vague = old("2026-11", year(2026) / November / 1);
  EXPECT_THAT(vague, HasSubstr("known only as 2026-11;"));
  EXPECT_THAT(vague, HasSubstr("may be more than 14 days old"));
  EXPECT_THAT(old("2026", year(2026) / 1 / 1), HasSubstr("may be"));
  EXPECT_THAT(old("2026-11-08", year(2026) / November / 8), HasSubstr("may be"));
  EXPECT_THAT(old("2026-11-06", year(2026) / November / 6), HasSubstr("are more than 14 days old"));
  EXPECT_THAT(old("2026-10", year(2026) / October / 1), HasSubstr("are more than 14 days old"));
}

TEST(NoticesTest, AnEmergencyOfADayIsNotCalledADayOld) {
  using std::chrono::November, std::chrono::year;
  const auto check = [](std::string_view text, std::chrono::sys_days start) {
    return dated(text, start, "seizure", Notice::Kind::check_now);
  };
  const std::string vague = check("2026-11-21", year(2026) / November / 21);
  EXPECT_THAT(vague, HasSubstr("known only as 2026-11-21;"));
  EXPECT_THAT(vague, HasSubstr("Contact the patient now"));
  EXPECT_THAT(check("2026-11-19", year(2026) / November / 19),
              HasSubstr("is more than 24 hours old"));
}

TEST(NoticesTest, WhatPatientAndRecordAgreeOnIsNoConflict) {
  Form form = quiet_form();
  form.answers["medicine-classes"] = options({"lithium"});
  form.record.says["medicine-classes"].options = {"lithium"};
  form.record.says["age-years"].number = whole(30);
  form.record.says["sex-at-birth"].options = {"male"};
  for (const auto& notice : run(form).notices) {
    EXPECT_NE(notice.kind, Notice::Kind::conflict) << notice.text;
  }
}

TEST(NoticesTest, ARecordProblemIsPassedOnWithoutPatientData) {
  static const Names names(*twitching());
  EvaluationInput input = names.input(quiet_form());
  input.record_problems.push_back("One condition had no code.");
  const Assessment assessment = assess(twitching(), std::move(input));
  ASSERT_EQ(assessment.notices.size(), 1U);
  EXPECT_EQ(assessment.notices.front().kind, Notice::Kind::record_problem);
  EXPECT_NE(assessment.notices.front().text.find("One condition had no code."), std::string::npos);
}

// Only what somebody answered has a sentence; the other forms may stand in the policy all the same.
TEST(NoticesTest, ANoticePolicyMayHoldEveryForm) {
  const KnowledgePtr knowledge = small_knowledge({R"yaml(
  - linkId: flags
    type: choice
    repeats: true
    text: Flags
    concept: Flags
    options: [{code: a, text: A}, {code: b, text: B}, {code: none, text: None}, {code: unsure, text: Unsure}]
)yaml",
                                                  {},
                                                  R"yaml(
  - {id: everything, kind: notice, title: T, policy: P, sources: [author], criteria: "any(flags: a) or unsure(flags) or lab(k) < 3 or is(pregnant) or med(lithium) or cond(kidney) or age > 90 or only(flags: b) or count(flags: a|b) >= 2"}
  - {id: change, kind: change, title: T, policy: P, reason: R, sources: [author], tier: soon, target: {text: t}, items: [flags], grew: [flags]}
  - {id: gate, kind: benign-gate, title: T, policy: P, sources: [author], criteria: "age >= 16 and isNone(flags)"}
)yaml"});
  const Names names(*knowledge);
  const auto kinds = [&](std::vector<std::string_view> answer) {
    Form form;
    form.answers["flags"] = options(std::move(answer));
    form.record.fetched = true;
    form.record.labs["k"] = {LabState::known, whole(2), 0};
    std::vector<Notice::Kind> out;
    for (const auto& notice : assess(knowledge, names.input(form)).notices) {
      out.push_back(notice.kind);
    }
    return out;
  };
  using Kinds = std::vector<Notice::Kind>;
  EXPECT_EQ(kinds({"a"}), (Kinds{Notice::Kind::nothing_matched, Notice::Kind::informant}));
  EXPECT_EQ(kinds({"unsure"}),
            (Kinds{Notice::Kind::nothing_matched, Notice::Kind::uncertain_list}));
  EXPECT_EQ(kinds({"none"}), Kinds{Notice::Kind::nothing_matched});
}

TEST(NoticesTest, ChangedOptionsAreThoseThatAreNew) {
  static const Names names(*twitching());
  Form before = quiet_form();
  before.answers["function-loss"] = options({"grip"});
  Form form = quiet_form();
  form.answers["function-loss"] = options({"grip", "falls", "head-up"});
  const AnswerRecord answers = names.facts(form).answers;
  const AnswerRecord previous = names.facts(before).answers;
  const int item = twitching()->item("function-loss");
  EXPECT_EQ(changed_options(*twitching(), nullptr, answers, item), 0U);
  const Item& about = twitching()->items[static_cast<std::size_t>(item)];
  const auto bit = [&](std::string_view code) { return std::uint64_t{1} << about.option(code); };
  EXPECT_EQ(changed_options(*twitching(), &previous, answers, item), bit("falls") | bit("head-up"));
  EXPECT_EQ(option_texts(about, 0), "");
}

}  // namespace
}  // namespace myoflag::rules::testing
