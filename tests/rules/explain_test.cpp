// What people read: laws over every worked case and random forms, then the shape of single
// explanations.
#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/explain.h"
#include "rules/wording.h"
#include "tests/support/random_forms.h"

namespace myoflag::rules::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kForms = 20;
#else
constexpr int kForms = 150;
#endif

Assessment assessed(EvaluationInput input) { return assess(twitching(), std::move(input)); }

Assessment assessed(std::string_view name) {
  for (const Case& one : twitching()->cases) {
    if (one.name == name) {
      return assessed(Names(*twitching()).input(form_of(one)));
    }
  }
  throw std::runtime_error("no such case");
}

std::vector<Assessment> assess_many() {
  std::vector<Assessment> all;
  const Names names(*twitching());
  for (const Case& one : twitching()->cases) {
    all.push_back(assessed(names.input(form_of(one))));
  }
  RandomForms forms(*twitching(), 20'261'122);
  for (int i = 0; i < kForms; ++i) {
    all.push_back(assessed(names.input(forms.next())));
  }
  return all;
}

// Every worked case and the random forms; assessed once.
const std::vector<Assessment>& many() {
  static const std::vector<Assessment> all = assess_many();
  return all;
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

std::string text_of(const PatientText& text) {
  return text.headline + '\n' + joined(text.paragraphs, "\n");
}

TEST(ExplanationTexts, EveryKeyIsThere) {
  for (const std::string_view key : explanation_text_keys()) {
    EXPECT_TRUE(twitching()->texts.contains(key)) << key;
  }
}

TEST(ExplanationTexts, KeysThatNameThingsNameKnownThings) {
  for (const auto& [key, text] : twitching()->texts) {
    if (key.starts_with("label-")) {
      EXPECT_GE(twitching()->item(key.substr(6)), 0) << key;
    } else if (key.starts_with("beside-") || key.starts_with("reason-")) {
      EXPECT_NE(twitching()->rule(key.substr(7)), nullptr) << key;
    }
  }
}

TEST(ExplanationTexts, EveryQuestionHasAShortName) {
  for (const Item& item : twitching()->items) {
    const bool question = item.type != ItemType::group && item.type != ItemType::display;
    EXPECT_EQ(twitching()->texts.contains("label-" + item.link_id), question) << item.link_id;
  }
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

TEST(ExplanationLaws, ThePatientReadsNoSentenceTwice) {
  for (const Assessment& assessment : many()) {
    const PatientText text = explain_for_patient(assessment);
    EXPECT_EQ(text.headline, twitching()->tiers[static_cast<std::size_t>(assessment.tier)].patient);
    std::set<std::string> said;
    for (const std::string& sentence : sentences(text.headline)) {
      said.insert(sentence);
    }
    for (const std::string& paragraph : text.paragraphs) {
      for (const std::string& sentence : sentences(paragraph)) {
        EXPECT_TRUE(said.insert(sentence).second) << sentence;
      }
    }
  }
}

// The wording of a less urgent finding names later times and may comfort.
TEST(ExplanationLaws, ThePatientReadsNothingCalmerThanTheResult) {
  for (const Assessment& assessment : many()) {
    std::set<std::string> allowed;
    for (const Finding& finding : assessment.findings) {
      if (finding.status == FindingStatus::fired && finding.tier == assessment.tier) {
        for (const std::string& sentence : sentences(finding.rule->patient)) {
          allowed.insert(sentence);
        }
      }
    }
    const std::string said = text_of(explain_for_patient(assessment));
    for (const Finding& finding : assessment.findings) {
      if (finding.status != FindingStatus::fired || finding.tier >= assessment.tier) {
        continue;
      }
      const auto beside = twitching()->texts.find("beside-" + finding.rule->id);
      for (const std::string& sentence : sentences(finding.rule->patient)) {
        const bool may =
            allowed.contains(sentence) || (beside != twitching()->texts.end() &&
                                           beside->second.find(sentence) != std::string::npos);
        if (!may) {
          EXPECT_THAT(said, Not(HasSubstr(sentence))) << finding.rule->id;
        }
      }
    }
  }
}

TEST(ExplanationLaws, NoReassuranceBesideARedFlag) {
  for (const Assessment& assessment : many()) {
    if (assessment.tier < Tier::soon) {
      continue;
    }
    const std::string said = text_of(explain_for_patient(assessment));
    for (const Rule& rule : twitching()->rules) {
      if (rule.benign) {
        EXPECT_THAT(said, Not(HasSubstr(first_sentence(rule.patient)))) << rule.id;
      }
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
  for (const Case& one : twitching()->cases) {
    if (one.name == "ALS hand") {
      EvaluationInput input = Names(*twitching()).input(form_of(one));
      input.appointment = input.now + after;
      return input;
    }
  }
  throw std::runtime_error("no such case");
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

TEST(Explanation, WhatIsNotExcludedAsksTheMostUrgentQuestionFirst) {
  const Explanation explanation = explain_for_clinician(assessed("empty form"));
  const Section* open = section(explanation, Section::Kind::not_excluded);
  ASSERT_NE(open, nullptr);
  EXPECT_THAT(open->lines.front().text, HasSubstr(twitching()->text("label-em-now")));
}

TEST(Explanation, OldEmergencyAnswersAskToContactThePatientInTheHeadline) {
  EvaluationInput input;
  for (const Case& one : twitching()->cases) {
    if (one.name == "stroke") {
      input = Names(*twitching()).input(form_of(one));
    }
  }
  input.response.authored = input.now - std::chrono::hours(25);
  const Assessment assessment = assessed(std::move(input));
  ASSERT_TRUE(assessment.check_first);
  EXPECT_THAT(text_of(explain_for_clinician(assessment), Section::Kind::headline),
              HasSubstr(twitching()->text("emergency-check-now")));
}

struct Split {
  const char* text;
  std::vector<std::string> parts;
};

class Sentences : public ::testing::TestWithParam<Split> {};

TEST_P(Sentences, AreSplitAtTheirEnds) { EXPECT_EQ(sentences(GetParam().text), GetParam().parts); }

INSTANTIATE_TEST_SUITE_P(
    All, Sentences,
    ::testing::Values(Split{"", {}}, Split{"One", {"One"}}, Split{"One. Two.", {"One.", "Two."}},
                      Split{"At 2.5 it is. Then? Yes!", {"At 2.5 it is.", "Then?", "Yes!"}},
                      Split{"See e.g. the rule.", {"See e.g. the rule."}}));

}  // namespace
}  // namespace myoflag::rules::testing
