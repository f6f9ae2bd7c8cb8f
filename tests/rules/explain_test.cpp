// What people read: laws over every worked case and random forms, then the shape of single
// explanations.
#include <algorithm>
#include <cctype>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/explain.h"
#include "rules/wording.h"
#include "tests/rules/many_assessments.h"

namespace myoflag::rules::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

const Item& item(std::string_view link_id) {
  return twitching()->items[static_cast<std::size_t>(twitching()->item(link_id))];
}

std::vector<Line> lines_of(const Explanation& explanation) {
  std::vector<Line> all;
  for (const Section& section : explanation.sections) {
    all.insert(all.end(), section.lines.begin(), section.lines.end());
  }
  return all;
}

std::string text_of(const Explanation& explanation) {
  std::string text;
  for (const Section& section : explanation.sections) {
    text += section.title + '\n';
    for (const Line& line : section.lines) {
      text += line.text + '[' + line.basis + "]\n";
    }
  }
  return text;
}

const Section* section(const Explanation& explanation, Section::Kind kind) {
  for (const Section& one : explanation.sections) {
    if (one.kind == kind) {
      return &one;
    }
  }
  return nullptr;
}

std::string text_of(const Explanation& explanation, Section::Kind kind) {
  const Section* found = section(explanation, kind);
  return found == nullptr ? std::string() : text_of({explanation.tier, {*found}});
}

TEST(ExplanationLaws, NoPlaceholderIsLeftAndNoSectionIsEmpty) {
  for (const Assessment& assessment : many()) {
    for (const bool all : {false, true}) {
      const Explanation explanation = explain_for_clinician(assessment, {all});
      ASSERT_FALSE(explanation.sections.empty());
      EXPECT_EQ(explanation.sections.front().kind, Section::Kind::headline);
      EXPECT_EQ(explanation.sections.back().kind, Section::Kind::provenance);
      for (const Section& one : explanation.sections) {
        EXPECT_FALSE(one.lines.empty()) << one.title;
      }
      for (const Line& line : lines_of(explanation)) {
        EXPECT_EQ(line.text.find('{'), std::string::npos) << line.text;
        EXPECT_FALSE(line.text.empty());
      }
    }
  }
}

TEST(ExplanationLaws, EveryFiredFindingIsThereWithItsRuleAndSourcesWhenAllIsAsked) {
  for (const Assessment& assessment : many()) {
    const Explanation explanation = explain_for_clinician(assessment, {true});
    std::set<std::string> basis;
    for (const Line& line : lines_of(explanation)) {
      basis.insert(line.basis);
    }
    for (const Finding& finding : assessment.findings) {
      if (finding.status == FindingStatus::fired) {
        EXPECT_THAT(basis, Contains(basis_of(*twitching(), *finding.rule)));
        EXPECT_THAT(text_of(explanation, Section::Kind::why), HasSubstr(finding.rule->title));
      }
    }
  }
}

// Also what no rule asks for, and what a rule for adults would have asked a child for.
TEST(ExplanationLaws, EverythingThatWasTickedIsOnThePage) {
  int seen = 0;
  for (const Assessment& assessment : many()) {
    const std::string page = text_of(explain_for_clinician(assessment));
    const Knowledge& knowledge = *assessment.knowledge;
    const AnswerRecord& answers = assessment.input->facts.answers;
    for (std::size_t i = 0; i < knowledge.items.size(); ++i) {
      const Item& asked = knowledge.items[i];
      const bool is_listed = asked.none != 0 || asked.context_only;
      const std::uint64_t ticked = answers.state[i] == ItemState::answered && is_listed
                                       ? answers.chosen[i] & asked.positive()
                                       : 0;
      for (std::size_t option = 0; option < asked.options.size(); ++option) {
        if ((ticked >> option & 1U) != 0) {
          EXPECT_THAT(page, HasSubstr('"' + asked.options[option].text + '"')) << asked.link_id;
          ++seen;
        }
      }
    }
  }
  EXPECT_GT(seen, share_of(20));
}

TEST(Explanation, AComfortIsNotLedByTheSignBesideIt) {
  EXPECT_THAT(
      text_of(explain_for_clinician(assessed("BFS medical student")), Section::Kind::headline),
      Not(HasSubstr("\"")));
}

TEST(ExplanationLaws, AScreenIsBoundedAndNoEmergencyLeadIsCut) {
  for (const Assessment& assessment : many()) {
    const Explanation explanation = explain_for_clinician(assessment);
    EXPECT_LE(lines_of(explanation).size(), 160U);
    const auto first = std::find_if(
        assessment.findings.begin(), assessment.findings.end(), [](const Finding& finding) {
          return finding.status == FindingStatus::fired && finding.tier == Tier::emergency;
        });
    if (first != assessment.findings.end()) {
      EXPECT_THAT(text_of(explanation, Section::Kind::why), HasSubstr(first->rule->title));
    }
  }
}

TEST(Explanation, FindingsOnTheSameAnswersAreOneGroupWithTheCatchAllLast) {
  const std::string why = text_of(explain_for_clinician(assessed("ALS hand")), Section::Kind::why);
  const auto at = [&](std::string_view id) { return why.find(std::string(id) + ':'); };
  ASSERT_NE(at("mnd-limb-pattern"), std::string::npos) << why;
  EXPECT_LT(at("mnd-limb-pattern"), at("twitch-with-wasting-or-rigidity"));
  EXPECT_LT(at("twitch-with-wasting-or-rigidity"), at("unexplained-neuro-deficit"));
  EXPECT_LT(at("unexplained-neuro-deficit"), at("asymmetric-distal-motor"));
}

TEST(Explanation, QuotesThePatientUnderTheNameOfTheQuestion) {
  const std::string why = text_of(explain_for_clinician(assessed("stroke")), Section::Kind::why);
  EXPECT_THAT(why, HasSubstr("\"One side of my face dropped\""));
}

TEST(Explanation, TheDeadlineIsTheTargetFromNow) {
  const Assessment assessment = assessed("ALS hand");
  ASSERT_TRUE(assessment.target.hours);
  const std::string by =
      moment_text(assessment.input->now + std::chrono::hours(*assessment.target.hours));
  EXPECT_THAT(explain_for_clinician(assessment).sections.front().lines.front().text, HasSubstr(by));
}

EvaluationInput hand_with_appointment(std::chrono::hours after) {
  EvaluationInput input = input_of("ALS hand");
  input.appointment = input.now + after;
  return input;
}

// A Friday afternoon: the next day is no working day.
// Whether the text stands in a list of hypotheses as an entry, not inside another one.
bool lists(const Section& section, const std::string& text) {
  return std::any_of(section.lines.begin(), section.lines.end(), [&](const Line& line) {
    const std::string padded = "; " + line.text;
    return padded.find("; " + text + "; ") != std::string::npos ||
           padded.find("; " + text + " (") != std::string::npos;
  });
}

// A short list leaves out the less urgent: while one of the most urgent is left out, no other
// stands.
TEST(ExplanationLaws, WhatToConsiderLeavesOutTheLessUrgentFirst) {
  int shortened = 0;
  for (const Assessment& assessment : many()) {
    const Explanation explanation = explain_for_clinician(assessment);
    const Section* listed = section(explanation, Section::Kind::hypotheses);
    if (listed == nullptr) {
      continue;
    }
    Tier most_left_out = Tier::self_care;
    Tier least_shown = Tier::emergency;
    for (const HypothesisRow& row : assessment.hypotheses) {
      const auto urgent =
          std::max_element(row.rules.begin(), row.rules.end(),
                           [](const Rule* a, const Rule* b) { return a->tier < b->tier; });
      const Tier tier = (*urgent)->tier;
      if (!lists(*listed, row.hypothesis->text)) {
        ++shortened;
        most_left_out = std::max(most_left_out, tier);
      } else {
        least_shown = std::min(least_shown, tier);
      }
    }
    EXPECT_LE(most_left_out, least_shown) << text_of(explanation, Section::Kind::hypotheses);
  }
  EXPECT_GT(shortened, 0);
}

TEST(Explanation, TheSameWorkingDayIsSaidByItsDay) {
  Form form = clear_form();
  form.answers["em-now"].options = {"unsure"};
  EvaluationInput input = Names(*twitching()).input(form);
  input.now = std::chrono::sys_days(std::chrono::year(2026) / 11 / 20) + std::chrono::hours(16);
  const auto assessment = assess(twitching(), std::move(input));
  EXPECT_EQ(explain_for_clinician(assessment).sections.front().lines.front().text,
            "Urgent: target same working day (2026-11-20 UTC)");
}

TEST(Explanation, AnAppointmentAfterTheTargetIsCalledLate) {
  const auto headline = [](std::chrono::hours after) {
    return text_of(explain_for_clinician(assessed(hand_with_appointment(after))),
                   Section::Kind::headline);
  };
  const std::string late(fill(twitching()->text("explain-appointment-late"), {{"when", "|"}}));
  const std::string end = late.substr(late.find('|') + 1);
  EXPECT_THAT(headline(std::chrono::hours(24 * 15)), HasSubstr(end));
  EXPECT_THAT(headline(std::chrono::hours(24 * 14)), Not(HasSubstr(end)));
}

TEST(Explanation, FreeTextIsGivenWordForWordAndReassuresNobody) {
  EvaluationInput input = Names(*twitching()).input(clear_form());
  const std::string words = "my foot {caught} twice\n\"really\" <b>";
  input.free_text.push_back({twitching()->item("anything-else"), words});
  const Assessment assessment = assessed(std::move(input));
  EXPECT_GE(assessment.tier, Tier::routine);
  const Explanation explanation = explain_for_clinician(assessment);
  const Section* own = section(explanation, Section::Kind::patient_words);
  ASSERT_NE(own, nullptr);
  const bool there = std::any_of(own->lines.begin(), own->lines.end(), [&](const Line& line) {
    return line.style == Line::Style::quote && line.text == words;
  });
  EXPECT_TRUE(there);
}

// Of the rules that did not fire: what the answers exclude, and what was never asked for.
TEST(Explanation, NothingIsExcludedByAQuestionThatWasNotShownOrAResultThatIsNotThere) {
  const auto is_excluded = [](const Form& form, std::string_view rule) {
    const std::string text =
        text_of(explain_for_clinician(assessed(Names(*twitching()).input(form)), {true}),
                Section::Kind::excluded);
    const std::size_t at = text.find(twitching()->rule(rule)->title);
    EXPECT_NE(at, std::string::npos) << rule;
    return at < text.find(twitching()->text("explain-not-asked-for"));
  };
  Form form = clear_form();
  form.answers["site-scope"] = {{"eyelid-only"}, {}, false};
  EXPECT_TRUE(is_excluded(form, "em-stroke-signs"));
  EXPECT_FALSE(is_excluded(form, "metabolic-risk-twitch"));  // no question about conditions
  EXPECT_FALSE(is_excluded(form, "em-lithium-toxicity"));
  form.record.fetched = true;
  form.record.labs["li"] = {LabState::known, *read_number("0.5"), 1};
  EXPECT_TRUE(is_excluded(form, "em-lithium-toxicity"));
}

TEST(ExplanationLaws, NoPolicyIsExcludedByAnswers) {
  for (const Assessment& assessment : many()) {
    const std::string text =
        text_of(explain_for_clinician(assessment, {true}), Section::Kind::excluded);
    for (const Rule& gap : twitching()->gaps) {
      EXPECT_THAT(text, Not(HasSubstr(gap.title))) << gap.id;
    }
  }
}

TEST(Explanation, WhatIsNotExcludedAsksTheMostUrgentQuestionFirst) {
  const Explanation explanation = explain_for_clinician(assessed("empty form"));
  const Section* open = section(explanation, Section::Kind::not_excluded);
  ASSERT_NE(open, nullptr);
  EXPECT_THAT(open->lines.front().text, HasSubstr(item("em-now").label));
}

// -- an emergency in answers that may be out of date

std::string check_line(EvaluationInput input) {
  const Assessment assessment = assessed(std::move(input));
  EXPECT_TRUE(assessment.check_first);
  return explain_for_clinician(assessment).sections.front().lines.at(1).text;
}

TEST(Explanation, AnEmergencyInOldAnswersSaysThatTheyAreOld) {
  EvaluationInput input = input_of("stroke");
  input.response.authored = input.now - std::chrono::hours(25);
  const std::string said = check_line(std::move(input));
  EXPECT_THAT(said, HasSubstr("Contact the patient now"));
  EXPECT_THAT(said, HasSubstr("24 hours old"));
  EXPECT_THAT(said, Not(HasSubstr("together with others")));
}

TEST(Explanation, AnEmergencyInABatchSaysSoAndNotThatItIsOld) {
  EvaluationInput input = input_of("stroke");
  input.batch = true;
  const std::string said = check_line(std::move(input));
  EXPECT_THAT(said, HasSubstr("Contact the patient now"));
  EXPECT_THAT(said, HasSubstr("together with others"));
  EXPECT_THAT(said, Not(HasSubstr("hours old")));
}

TEST(Explanation, AnEmergencyWithoutADateSaysSo) {
  EvaluationInput input = input_of("stroke");
  input.response.authored.reset();
  EXPECT_THAT(check_line(std::move(input)), HasSubstr("not known when"));
}

// -- open questions

Assessment unsure_now() {
  Form form = clear_form();
  form.answers["em-now"] = {{"unsure"}, {}, false};
  return assessed(Names(*twitching()).input(form));
}

TEST(Explanation, AnOpenEmergencyQuestionListsEveryOption) {
  const std::string open =
      text_of(explain_for_clinician(unsure_now()), Section::Kind::not_excluded);
  for (const Option& option : item("em-now").options) {
    const bool sign = option.code != "none" && option.code != "unsure";
    EXPECT_EQ(open.find('"' + option.text + '"') != std::string::npos, sign) << option.text;
  }
}

TEST(Explanation, AnOptionThatWasTickedIsNotAskedForAgain) {
  Form form = clear_form();
  form.answers["em-spreading"] = {{"urine-change", "unsure"}, {}, false};
  const std::string open = text_of(explain_for_clinician(assessed(Names(*twitching()).input(form))),
                                   Section::Kind::not_excluded);
  const Item& spreading = item("em-spreading");
  const auto text = [&](std::string_view code) {
    return '"' + spreading.options[static_cast<std::size_t>(spreading.option(code))].text + '"';
  };
  EXPECT_THAT(open, HasSubstr(text("bowel-change")));
  EXPECT_THAT(open, Not(HasSubstr(text("urine-change"))));
}

TEST(ExplanationLaws, NoChangeOfAGivenAnswerIsShown) {
  int shown = 0;
  for (const Assessment& assessment : many()) {
    const Explanation explanation = explain_for_clinician(assessment, {true});
    const std::string text = text_of(explanation, Section::Kind::changes);
    shown += text.empty() ? 0 : 1;
    for (const TierChange& change : assessment.changes) {
      const AnswerChange& first = change.answers.front();
      const auto index = static_cast<std::size_t>(first.item - twitching()->items.data());
      const auto& answers = assessment.input->facts.answers;
      const bool given = answers.state[index] == ItemState::answered &&
                         (answers.chosen[index] & first.item->open()) == 0;
      if (given) {
        EXPECT_THAT(text, Not(HasSubstr(first.item->label + ": "))) << text;
      }
    }
  }
  EXPECT_GT(shown, share_of(20));
}

TEST(Explanation, AnAnsweredFormHasNoSectionOnChanges) {
  EXPECT_EQ(section(explain_for_clinician(assessed("stroke")), Section::Kind::changes), nullptr);
  EXPECT_NE(section(explain_for_clinician(unsure_now()), Section::Kind::changes), nullptr);
}

TEST(Explanation, ASearchForChangesThatWasCutShortSaysSo) {
  const std::string cut = twitching()->text("explain-changes-cut");
  Assessment open = unsure_now();
  ASSERT_TRUE(open.changes_complete);
  EXPECT_THAT(text_of(explain_for_clinician(open)), Not(HasSubstr(cut)));
  open.changes_complete = false;
  EXPECT_THAT(text_of(explain_for_clinician(open), Section::Kind::changes), HasSubstr(cut));
  open.changes.clear();
  EXPECT_THAT(text_of(explain_for_clinician(open), Section::Kind::changes), HasSubstr(cut));

  Assessment answered = assessed("stroke");
  answered.changes_complete = false;
  EXPECT_THAT(text_of(explain_for_clinician(answered)), Not(HasSubstr(cut)));
}

// -- what must not be shortened, and what comes first

TEST(ExplanationLaws, NoLineStandsForASingleOneThatIsLeftOut) {
  int shortened = 0;
  for (const Assessment& assessment : many()) {
    const Explanation explanation = explain_for_clinician(assessment);
    bool more = false;
    for (const Line& line : lines_of(explanation)) {
      if (line.style == Line::Style::quote) {
        continue;
      }
      for (std::size_t at = line.text.find(" more"); at != std::string::npos;
           at = line.text.find(" more", at + 1)) {
        const bool digit = at > 0 && std::isdigit(static_cast<unsigned char>(line.text[at - 1]));
        const bool one = digit && line.text[at - 1] == '1' &&
                         (at < 2 || !std::isdigit(static_cast<unsigned char>(line.text[at - 2])));
        EXPECT_FALSE(one) << line.text;
        more = more || digit;
      }
    }
    EXPECT_EQ(explanation.shortened, more);
    EXPECT_FALSE(explain_for_clinician(assessment, {true}).shortened);
    shortened += more ? 1 : 0;
  }
  EXPECT_GT(shortened, share_of(20));
}

TEST(ExplanationLaws, WhatThePatientIsToldIsWhole) {
  for (const Assessment& assessment : many()) {
    const PatientText text = explain_for_patient(assessment);
    std::vector<std::string> told{text.headline};
    told.insert(told.end(), text.paragraphs.begin(), text.paragraphs.end());
    const Explanation explanation = explain_for_clinician(assessment);
    std::vector<std::string> shown;
    for (const Line& line : section(explanation, Section::Kind::advice)->lines) {
      shown.push_back(line.text);
    }
    EXPECT_EQ(shown, told);
  }
}

TEST(Explanation, ThePatientsWordsStandBeforeABenignFinding) {
  Form form = clear_form();
  form.free_text = true;
  const Explanation explanation = explain_for_clinician(assessed(Names(*twitching()).input(form)));
  ASSERT_GE(explanation.sections.size(), 3U);
  EXPECT_EQ(explanation.sections[1].kind, Section::Kind::patient_words);
  EXPECT_EQ(explanation.sections[2].kind, Section::Kind::why);
  EXPECT_THAT(text_of(explanation, Section::Kind::headline),
              Not(HasSubstr(twitching()->rule("benign-brief-twitch")->title)));
}

TEST(ExplanationLaws, TheReasonOfAnEmergencyIsWhole) {
  for (const Assessment& assessment : many()) {
    if (assessment.tier != Tier::emergency) {
      continue;
    }
    const std::string text = text_of(explain_for_clinician(assessment), Section::Kind::why);
    const auto first = std::find_if(
        assessment.findings.begin(), assessment.findings.end(), [&](const Finding& finding) {
          return text.find("[" + basis_of(*twitching(), *finding.rule)) != std::string::npos;
        });
    ASSERT_NE(first, assessment.findings.end());
    EXPECT_NE(std::find_if(assessment.findings.begin(), assessment.findings.end(),
                           [&](const Finding& finding) {
                             return finding.tier == Tier::emergency &&
                                    text.find(finding.rule->rationale) != std::string::npos;
                           }),
              assessment.findings.end());
  }
}

TEST(Explanation, ATierRaisedByWrittenWordsDoesNotSayNoVisit) {
  Form form = clear_form();
  form.free_text = true;
  const Assessment assessment = assessed(Names(*twitching()).input(form));
  ASSERT_EQ(assessment.tier, Tier::routine);
  EXPECT_THAT(text_of(explain_for_clinician(assessment), Section::Kind::headline),
              Not(HasSubstr("no extra visit")));
}

// -- times and numbers

TEST(Explanation, TwoAgesAreBothShown) {
  const auto headline = [](int record) {
    Form form = clear_form();
    form.record.fetched = true;
    form.record.says["age-years"] = {{}, whole(record), false};
    return text_of(explain_for_clinician(assessed(Names(*twitching()).input(form))),
                   Section::Kind::headline);
  };
  EXPECT_THAT(headline(71), HasSubstr("30 years by the form, 71 years by the record"));
  EXPECT_THAT(headline(30), HasSubstr("30 years"));
  EXPECT_THAT(headline(30), Not(HasSubstr("by the record")));
}

std::string potassium(std::string_view value, int days) {
  Form form = clear_form();
  form.record.fetched = true;
  form.record.labs["k"] = {LabState::known, *read_number(value), days};
  return text_of(explain_for_clinician(assessed(Names(*twitching()).input(form))),
                 Section::Kind::why);
}

// A result given as "< 2.5" is held as the number just below it.
TEST(Explanation, ALaboratoryValueIsShownOnItsSideOfTheLimit) {
  EXPECT_THAT(potassium("2.499999999", 2), HasSubstr("2.49 mmol/L"));
  EXPECT_THAT(potassium("2.4", 2), HasSubstr("2.4 mmol/L"));
  EXPECT_THAT(potassium("6.500000001", 2), HasSubstr("6.51 mmol/L"));
  EXPECT_THAT(potassium("6.5", 2), HasSubstr("6.5 mmol/L"));
}

TEST(Explanation, OneDayIsNotDays) {
  EXPECT_THAT(potassium("2.4", 1), HasSubstr("1 day old"));
  EXPECT_THAT(potassium("2.4", 2), HasSubstr("2 days old"));
}

TEST(Explanation, EveryMomentIsWrittenInOneForm) {
  EvaluationInput input = input_of("ALS hand");
  input.response.authored_text = "2026-11-18T20:05:00+01:00";
  input.response.authored =
      std::chrono::sys_days(std::chrono::year(2026) / 11 / 18) + std::chrono::minutes(19 * 60 + 5);
  const std::string text =
      text_of(explain_for_clinician(assessed(std::move(input))), Section::Kind::headline);
  EXPECT_THAT(text, HasSubstr("2026-11-18 19:05 UTC"));
  EXPECT_THAT(text, Not(HasSubstr("+01:00")));
}

TEST(Explanation, ADayWithoutATimeStaysADay) {
  ResponseInfo response;
  response.authored_text = "2026-11-18";
  response.authored = std::chrono::sys_days(std::chrono::year(2026) / 11 / 18);
  EXPECT_EQ(authored_text(response), "2026-11-18");
}

TEST(Explanation, NumbersAreRoundedToHundredths) {
  EXPECT_EQ(rounded_text(*read_number("1.7964")), "1.8");
  EXPECT_EQ(rounded_text(*read_number("1.7949")), "1.79");
  EXPECT_EQ(rounded_text(*read_number("1.795")), "1.8");
  EXPECT_EQ(rounded_text(*read_number("-0.005")), "-0.01");
  EXPECT_EQ(rounded_text(whole(130)), "130");
}

TEST(Explanation, NoNumberIsRoundedOntoOrBeyondALimit) {
  const auto shown = [](std::string_view value, std::vector<std::string_view> limits) {
    std::vector<Number> numbers;
    for (const std::string_view limit : limits) {
      numbers.push_back(*read_number(limit));
    }
    return rounded_text(*read_number(value), numbers);
  };
  EXPECT_EQ(shown("2.499999999", {}), "2.5");
  EXPECT_EQ(shown("2.499999999", {"2.5"}), "2.49");
  EXPECT_EQ(shown("2.5", {"2.5"}), "2.5");
  EXPECT_EQ(shown("2.500000001", {"2.5"}), "2.51");
  EXPECT_EQ(shown("-1.898", {"-1.9"}), "-1.89");
  EXPECT_EQ(shown("2.495", {"2.49", "2.5"}), "2.495");
}

struct Split {
  const char* text;
  std::vector<std::string> parts;
};

void PrintTo(const Split& split, std::ostream* out) { *out << '"' << split.text << '"'; }

class Sentences : public ::testing::TestWithParam<Split> {};

TEST_P(Sentences, AreSplitAtTheirEnds) { EXPECT_EQ(sentences(GetParam().text), GetParam().parts); }

INSTANTIATE_TEST_SUITE_P(
    All, Sentences,
    ::testing::Values(Split{"", {}}, Split{"One", {"One"}}, Split{"One. Two.", {"One.", "Two."}},
                      Split{"At 2.5 it is. Then? Yes!", {"At 2.5 it is.", "Then?", "Yes!"}},
                      Split{"See e.g. the rule.", {"See e.g. the rule."}}));

}  // namespace
}  // namespace myoflag::rules::testing
