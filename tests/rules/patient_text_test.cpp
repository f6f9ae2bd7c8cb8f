// What the patient reads: never calmer than the result, no later than its target, and no two
// instructions that contradict each other.
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/explain.h"
#include "rules/languages.h"
#include "rules/wording.h"
#include "tests/rules/many_assessments.h"

namespace myoflag::rules::testing {
namespace {

using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

std::string told(const Assessment& assessment) {
  const PatientText text = explain_for_patient(assessment);
  return text.headline + '\n' + joined(text.paragraphs, "\n");
}

NamedAnswer options(std::vector<std::string_view> options) {
  return {std::move(options), {}, false};
}

Assessment with_answer(std::string_view question, std::string_view option) {
  Form form = clear_form();
  form.answers[question] = options({option});
  return assessed(Names(*twitching()).input(form));
}

TEST(PatientTextLaws, TheHeadlineNamesNoTimeLongerThanTheTarget) {
  std::set<int> hours;
  for (const Assessment& assessment : many()) {
    if (!assessment.target.hours) {
      continue;
    }
    const auto& tier = twitching()->tiers[static_cast<std::size_t>(assessment.tier)];
    const Headline& headline = tier.headline_for(assessment.target);
    ASSERT_TRUE(headline.within_hours) << headline.text;
    EXPECT_LE(*headline.within_hours, *assessment.target.hours) << headline.text;
    EXPECT_EQ(explain_for_patient(assessment).headline, headline.text);
    hours.insert(*assessment.target.hours);
  }
  EXPECT_GT(hours.size(), 5U);
}

// Another language is the same sentences: as many paragraphs, and none of them calmer by an
// omission.
TEST(PatientTextLaws, EveryLanguageSaysAsMuch) {
  ASSERT_GE(twitching()->languages.size(), 3U);
  for (const Assessment& assessment : many()) {
    const PatientText english = explain_for_patient(assessment);
    for (const Language& language : twitching()->languages) {
      const PatientText there = explain_for_patient(assessment, &language);
      EXPECT_EQ(sentences_of_any(there.headline).size(), sentences(english.headline).size());
      ASSERT_EQ(there.paragraphs.size(), english.paragraphs.size());
      for (std::size_t i = 0; i < english.paragraphs.size(); ++i) {
        EXPECT_EQ(sentences_of_any(there.paragraphs[i]).size(),
                  sentences(english.paragraphs[i]).size())
            << there.paragraphs[i];
      }
    }
  }
}

// The longest time that a text names, in hours; 0 when it names none.
int longest_time(const std::string& text) {
  const std::vector<std::pair<std::string, int>> kTimes{
      {"today", 24},        {"tomorrow", 48},          {"day or two", 48},
      {"two days", 48},     {"one to three days", 72}, {"two or three days", 72},
      {"three days", 72},   {"few days", 72},          {"a week", 168},
      {"week or two", 336}, {"two weeks", 336},        {"few weeks", 672},
      {"four weeks", 672},  {"six weeks", 1008}};
  int longest = 0;
  for (const auto& [words, hours] : kTimes) {
    longest = text.find(words) == std::string::npos ? longest : std::max(longest, hours);
  }
  return longest;
}

// The hours beside a sentence could be wrong: this reads the words.
TEST(PatientTextLaws, NoWordsNameATimeLongerThanTheTarget) {
  for (const Assessment& assessment : many()) {
    if (assessment.target.hours) {
      EXPECT_LE(longest_time(told(assessment)), *assessment.target.hours) << told(assessment);
    }
  }
}

// The same of every sentence, also of those that no form above brings up.
TEST(PatientTextLaws, EachWordingHoldsItsOwnTargetAndWhatStandsBesideNamesNoTime) {
  for (const auto* list : {&twitching()->rules, &twitching()->gaps}) {
    for (const Rule& rule : *list) {
      EXPECT_EQ(longest_time(rule.beside), 0) << rule.id;
      EXPECT_EQ(longest_time(rule.beside_emergency), 0) << rule.id;
      if (rule.target.hours) {
        EXPECT_LE(longest_time(rule.patient), *rule.target.hours) << rule.id;
      }
      for (const ConditionalTarget& when : rule.target_when) {
        EXPECT_LE(longest_time(when.patient), *when.target.hours) << rule.id;
      }
    }
  }
  for (const TierInfo& tier : twitching()->tiers) {
    for (const Headline& headline : tier.patient) {
      EXPECT_EQ(longest_time(headline.text), headline.within_hours.value_or(0)) << headline.text;
    }
  }
}

TEST(PatientTextLaws, NoSentenceIsReadTwice) {
  for (const Assessment& assessment : many()) {
    const PatientText text = explain_for_patient(assessment);
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
TEST(PatientTextLaws, NothingIsCalmerThanTheResult) {
  for (const Assessment& assessment : many()) {
    std::set<std::string> allowed;
    for (const Finding& finding : assessment.findings) {
      const bool leads = finding.tier == assessment.tier;
      if (finding.status == FindingStatus::fired) {
        const Rule& rule = *finding.rule;
        for (const std::string& sentence :
             sentences(leads                                ? rule.patient
                       : assessment.tier == Tier::emergency ? rule.beside_emergency
                                                            : rule.beside)) {
          allowed.insert(sentence);
        }
      }
    }
    const std::string said = told(assessment);
    for (const Finding& finding : assessment.findings) {
      if (finding.status != FindingStatus::fired || finding.tier == assessment.tier) {
        continue;
      }
      for (const std::string* words : {&finding.rule->patient, &finding.rule->beside}) {
        for (const std::string& sentence : sentences(*words)) {
          if (!allowed.contains(sentence)) {
            EXPECT_THAT(said, Not(HasSubstr(sentence))) << finding.rule->id;
          }
        }
      }
    }
  }
}

TEST(PatientTextLaws, NoReassuranceBesideARedFlag) {
  for (const Assessment& assessment : many()) {
    if (assessment.tier < Tier::soon) {
      continue;
    }
    const std::string said = told(assessment);
    for (const Rule& rule : twitching()->rules) {
      if (rule.benign) {
        EXPECT_THAT(said, Not(HasSubstr(first_sentence(rule.patient)))) << rule.id;
      }
    }
  }
}

TEST(PatientTextLaws, NoGeneralAdviceStandsBesideAnEmergencyAndTheSafetyNetBesideAllElse) {
  std::set<std::string> advice;
  for (const Advice& one : twitching()->advice) {
    advice.insert(one.id);
  }
  int emergencies = 0;
  for (const Assessment& assessment : many()) {
    const bool emergency = assessment.tier == Tier::emergency;
    emergencies += emergency ? 1 : 0;
    EXPECT_EQ(told(assessment).find("sooner than planned") == std::string::npos, emergency);
    for (const std::string& id : assessment.patient_advice_ids) {
      EXPECT_FALSE(emergency && advice.contains(id)) << id;
    }
  }
  EXPECT_GT(emergencies, share_of(20));
}

TEST(PatientTextLaws, NobodyIsToldBothToStopAndNotToStopAMedicine) {
  for (const Assessment& assessment : many()) {
    const std::string said = told(assessment);
    const bool stop = said.find("Do not take more lithium") != std::string::npos ||
                      said.find("Do not take another dose") != std::string::npos;
    EXPECT_FALSE(stop && said.find("not stop") != std::string::npos) << said;
  }
}

// "Stop it if" and "do not stop it" in one text are understood by nobody, unless one sentence says
// both.
TEST(PatientTextLaws, WhoeverMayStopAStatinReadsNoOtherWordAboutStopping) {
  int told_when = 0;
  for (const Assessment& assessment : many()) {
    const std::string said = told(assessment);
    if (said.find("stop the statin") == std::string::npos) {
      continue;
    }
    ++told_when;
    for (const std::string& sentence : sentences(said)) {
      if (sentence.find("stop the statin") == std::string::npos) {
        EXPECT_THAT(sentence, Not(AnyOf(HasSubstr("not stop it"), HasSubstr("stop or change"))));
      }
    }
  }
  EXPECT_GT(told_when, 0);
}

TEST(PatientText, AStatinBesideNightCrampsSaysOnceWhenToStopAndWhenNot) {
  Form form = clear_form();
  form.answers["movement-type"] = options({"cramp"});
  form.answers["triggers"] = options({"night-in-bed"});
  form.answers["medicine-classes"] = options({"statin", "diuretic"});
  const std::string said = told(assessed(Names(*twitching()).input(form)));
  EXPECT_THAT(said, HasSubstr("Do not stop a medicine before that, unless your urine turns dark"));
  EXPECT_EQ(said.find("ot stop"), said.rfind("ot stop")) << said;
}

TEST(PatientText, TakeNoDoseSilencesDoNotStopSteroids) {
  Form form = clear_form();
  form.answers["em-now"] = options({"chest-pain-heartbeat"});
  form.answers["function-loss"] = options({"stairs-chair"});
  form.answers["weakness-course"] = options({"slow-worse"});
  form.answers["weakness-symmetry"] = options({"both-equal"});
  form.answers["medicine-classes"] = options({"steroid"});
  const Names names(*twitching());
  EXPECT_THAT(told(assessed(names.input(form))), HasSubstr("Do not stop steroids suddenly."));
  form.answers["em-now"] = options({"hot-rigid-jerking"});
  const std::string hot = told(assessed(names.input(form)));
  EXPECT_THAT(hot, HasSubstr("Do not take another dose"));
  EXPECT_THAT(hot, Not(HasSubstr("Do not stop")));
}

TEST(PatientTextLaws, UnreadWordsAreNeverAnsweredWithComfort) {
  int unread = 0;
  for (const Assessment& assessment : many()) {
    const std::string said = told(assessment);
    EXPECT_THAT(said, Not(HasSubstr("anything extra")));
    if (assessment.input->free_text.empty() || assessment.tier == Tier::emergency) {
      EXPECT_THAT(assessment.patient_advice_ids, Not(Contains("words-unread")));
      continue;
    }
    ++unread;
    EXPECT_THAT(assessment.patient_advice_ids, Contains("words-unread"));
    if (assessment.tier <= Tier::routine) {
      EXPECT_THAT(said, Not(HasSubstr("harmless")));
      EXPECT_THAT(said, Not(HasSubstr("unlikely to be a serious")));
    }
  }
  EXPECT_GT(unread, share_of(5));
}

TEST(PatientText, AHarmlessRoutineFindingComfortsOnlyWhenNothingWasWritten) {
  Form form = clear_form();
  form.answers["movement-type"] = options({"cramp"});
  form.answers["triggers"] = options({"night-in-bed"});
  form.answers["pain-sites"] = options({"none"});
  const Names names(*twitching());
  EXPECT_THAT(told(assessed(names.input(form))), HasSubstr("common and harmless"));
  form.free_text = true;
  EXPECT_THAT(told(assessed(names.input(form))), Not(HasSubstr("harmless")));
}

// Comfort is for those whom the benign gate lets through: a rule of tier routine fires for others,
// too.
TEST(PatientTextLaws, NobodyWhomTheBenignGateHoldsBackIsComforted) {
  const Knowledge& k = *twitching();
  const Rule& gate = k.gaps[static_cast<std::size_t>(k.benign_gate)];
  int held_back = 0;
  for (const Assessment& assessment : many()) {
    const Facts& facts = assessment.input->facts;
    const bool open = assessment.tier <= Tier::routine &&
                      k.program.evaluate(gate.root, facts.answers, facts.record, {}) == Tri::yes;
    for (const Finding& finding : assessment.findings) {
      if (finding.status == FindingStatus::fired && finding.rule->comforts && !open) {
        ++held_back;
        EXPECT_THAT(told(assessment), Not(HasSubstr(first_sentence(finding.rule->patient))));
      }
    }
  }
  EXPECT_GT(held_back, 0);
}

struct Comfort {
  const char* name;
  std::map<std::string_view, std::vector<std::string_view>> answers;
  std::string_view rule;
  const char* words;    // said where the gate is open
  const char* neutral;  // and where it is not
};

class Comforting : public ::testing::TestWithParam<Comfort> {
 protected:
  static Form form() {
    Form form = clear_form();
    for (const auto& [question, chosen] : GetParam().answers) {
      form.answers[question] = options(chosen);
    }
    return form;
  }
  static Assessment of(const Form& form) { return assessed(Names(*twitching()).input(form)); }
};

TEST_P(Comforting, IsSaidWhereTheBenignGateIsOpen) {
  const Assessment assessment = of(form());
  EXPECT_EQ(assessment.tier, Tier::routine);
  EXPECT_THAT(assessment.patient_advice_ids, Contains(GetParam().rule));
  EXPECT_THAT(told(assessment), HasSubstr(GetParam().words));
}

TEST_P(Comforting, IsKeptFromWhoeverTheBenignGateHoldsBack) {
  const std::map<std::string, std::pair<std::string_view, NamedAnswer>> kHeldBack{
      {"motor neurone disease", {"health-conditions", options({"mnd"})}},
      {"myasthenia", {"health-conditions", options({"myasthenia"})}},
      {"cancer", {"health-conditions", options({"cancer"})}},
      {"conditions skipped", {"health-conditions", {}}},
      {"a numb band round the trunk", {"sensory-sites", options({"trunk-band"})}},
      {"one numb side", {"sensory-sites", options({"one-side"})}},
      {"age unknown", {"age-years", {}}},
  };
  for (const auto& [name, change] : kHeldBack) {
    Form form = Comforting::form();
    form.answers[change.first] = change.second;
    if (change.second.options.empty()) {
      form.answers.erase(change.first);
    }
    const Assessment assessment = of(form);
    EXPECT_THAT(told(assessment), Not(HasSubstr(GetParam().words))) << name;
    if (assessment.tier == Tier::routine && change.first != "age-years") {
      EXPECT_THAT(told(assessment), HasSubstr(GetParam().neutral)) << name;
    }
  }
}

constexpr const char* kNeutral = "Your clinician will go through this with you.";

INSTANTIATE_TEST_SUITE_P(
    PatientText, Comforting,
    ::testing::Values(
        Comfort{"NightCramps",
                {{"movement-type", {"cramp"}},
                 {"triggers", {"night-in-bed"}},
                 {"pain-sites", {"none"}}},
                "nocturnal-leg-cramps",
                "common and harmless",
                kNeutral},
        Comfort{"CrampAndFasciculation",
                {{"movement-type", {"flicker", "cramp"}},
                 {"duration", {"3-12-months"}},
                 {"triggers", {"none"}},
                 {"pain-sites", {"none"}},
                 {"family-history", {"none"}}},
                "cramp-fasciculation",
                "usually harmless",
                kNeutral},
        Comfort{"NerveRootPain",
                {{"movement-type", {"cramp"}},
                 {"triggers", {"none"}},
                 {"pain-sites", {"back-to-one-leg"}}},
                "radiculopathy-no-weakness",
                "usually settles",
                "Get help at once for weakness"},
        Comfort{
            "Tic", {{"movement-type", {"tic-urge"}}}, "tic-pattern", "usually harmless", kNeutral},
        Comfort{"RestlessLegs",
                {{"movement-type", {"urge-move-legs"}}, {"triggers", {"long-rest"}}},
                "restless-legs",
                "often restless legs",
                kNeutral},
        Comfort{
            "FastBreathing",
            {{"movement-type", {"curling"}}, {"triggers", {"fast-breathing"}}, {"diet", {"none"}}},
            "hyperventilation-pattern",
            "rules out low calcium",
            kNeutral}),
    [](const auto& test) { return std::string(test.param.name); });

// Words that sound like comfort: a routine rule that says them has to say that they are.
TEST(PatientTextLaws, RoutineRulesMarkWhatComforts) {
  for (const Rule& rule : twitching()->rules) {
    if (rule.tier != Tier::routine || rule.benign) {
      continue;
    }
    for (const char* word : {"harmless", "usually", "common", "settle", "often", "rules out"}) {
      EXPECT_TRUE(rule.comforts || rule.patient.find(word) == std::string::npos) << rule.id;
      EXPECT_EQ(rule.beside.find(word), std::string::npos) << rule.id;
    }
  }
}

TEST(PatientText, AShorterTargetIsSaidToThePatientToo) {
  const std::string fever = told(with_answer("wider-changes", "fever"));
  EXPECT_THAT(fever, HasSubstr("seen within three days"));
  EXPECT_THAT(fever, HasSubstr("examined within three days"));
  EXPECT_THAT(fever, Not(HasSubstr("weeks")));
  EXPECT_THAT(told(with_answer("wider-changes", "night-sweats")),
              HasSubstr("examined within two weeks"));

  Form form = clear_form();
  form.answers["head-neck-symptoms"] = options({"swallow-choke", "tongue-thin-weak"});
  form.answers["bulbar-course"] = options({"weeks-months"});
  const std::string choking = told(assessed(Names(*twitching()).input(form)));
  EXPECT_THAT(choking, HasSubstr("neck strength should be checked within three days"));
  EXPECT_THAT(choking, Not(HasSubstr("weeks")));
}

TEST(PatientText, WhatIsOpenIsNamedAndNotWhatWasAnswered) {
  const Assessment assessment = assessed("which limbs is not sure");
  EXPECT_THAT(told(assessment), HasSubstr("or where it is; until we know"));
  EXPECT_THAT(told(assessment), Not(HasSubstr("how fast")));
  for (const Section& section : explain_for_clinician(assessment, {false}).sections) {
    for (const Line& line : section.lines) {
      EXPECT_THAT(line.text, Not(HasSubstr("How fast the symptoms"))) << section.title;
    }
  }
}

TEST(PatientText, NobodyIsToldToGoOnWithADrug) {
  const std::string said = told(assessed("cocaine twitch"));
  EXPECT_THAT(said, HasSubstr("Do not stop a prescribed medicine on your own."));
  EXPECT_THAT(said, Not(HasSubstr("stop it")));
}

// The dose that must not be taken after too much of a medicine is the one that is missing after too
// little.
TEST(PatientText, WhoStoppedASedativeIsNotToldToTakeNoDose) {
  Form form = clear_form();
  form.answers["em-now"] = options({"hot-rigid-jerking"});
  EXPECT_THAT(told(assessed(Names(*twitching()).input(form))), HasSubstr("another dose"));
  form.answers["em-context"] = options({"stopped-suddenly"});
  const std::string said = told(assessed(Names(*twitching()).input(form)));
  EXPECT_THAT(said, HasSubstr("Call the emergency number now"));
  EXPECT_THAT(said, Not(HasSubstr("dose")));
}

TEST(PatientText, AnOpenEmergencyQuestionIsForToday) {
  EXPECT_THAT(explain_for_patient(with_answer("em-now", "unsure")).headline, HasSubstr("today"));
  EXPECT_THAT(explain_for_patient(assessed("empty form")).headline, HasSubstr("today"));
}

// -- a rule that silences another

std::string flag_rule(const std::string& id, const std::string& hours, const std::string& more) {
  return "  - id: " + id + "\n    title: T\n    target: {hours: " + hours +
         ", text: t}\n    criteria: \"any(flags: a)\"\n    hypotheses: []\n    workups: []\n"
         "    must-not: []\n    rationale: R\n    patient: Words of " +
         id + ".\n" + more + "    sources: [author]\n    review: {owner: o, due: 2027-01-01}\n";
}

std::string told_of_two_rules(const std::string& urgent, const std::string& soon) {
  SmallKnowledge parts;
  parts.items =
      "  - {linkId: flags, type: choice, repeats: true, text: Flags, concept: Flags, "
      "options: [{code: a, text: A}, {code: none, text: None}]}\n";
  parts.rules["urgent"] = flag_rule("first", "24", urgent);
  parts.rules["soon"] = flag_rule("second", "48", soon);
  parts.policies =
      "  - {id: change, kind: change, title: T, policy: P, reason: R, sources: [author], "
      "tier: soon, target: {hours: 48, text: t}, items: [flags], grew: [flags]}\n"
      "  - {id: gate, kind: benign-gate, title: T, policy: P, sources: [author], "
      "criteria: isNone(flags)}\n";
  const KnowledgePtr knowledge = small_knowledge(parts);
  Form form;
  form.answers["flags"] = options({"a"});
  return told(assess(knowledge, Names(*knowledge).input(form)));
}

TEST(PatientText, OfALessUrgentRuleOnlyWhatMayStandBesideIt) {
  const std::string said = told_of_two_rules("", "    beside: Do not stop it.\n");
  EXPECT_THAT(said, HasSubstr("Words of first."));
  EXPECT_THAT(said, Not(HasSubstr("Words of second.")));
  EXPECT_THAT(said, HasSubstr("Do not stop it."));
}

TEST(PatientText, ARuleSilencesTheWordsThatItContradicts) {
  const std::string said =
      told_of_two_rules("    silences: [second]\n", "    beside: Do not stop it.\n");
  EXPECT_THAT(said, HasSubstr("Words of first."));
  EXPECT_THAT(said, Not(HasSubstr("Do not stop it.")));
}

}  // namespace
}  // namespace myoflag::rules::testing
