// Slips in sentences and times that would lose or change what a person reads.
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/loader.h"
#include "rules/texts.h"
#include "tests/rules/small_knowledge.h"

namespace myoflag::rules {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string problems_of(const KnowledgeFiles& files) {
  const auto loaded = load_knowledge(files);
  return loaded ? std::string() : listing(loaded.error());
}

struct Slip {
  const char* name;
  const char* file;
  const char* before;
  const char* after;
  const char* problem;
};

class SentenceSlip : public testing::TestWithParam<Slip> {};

TEST_P(SentenceSlip, IsFoundWithItsPlace) {
  const Slip& slip = GetParam();
  EXPECT_THAT(problems_of(with(small_files(), slip.file, slip.before, slip.after)),
              HasSubstr(slip.problem));
}

INSTANTIATE_TEST_SUITE_P(
    All, SentenceSlip,
    testing::Values(
        Slip{"KeyNobodySays", "text.en.yaml", "  informant:", "  informnat:",
             "MF-2012: no sentence of the name `informnat` is said; did you mean `informant`?"},
        Slip{"MissingSentence", "text.en.yaml",
             "  informant:", "  informnat:", "MF-2011: the sentence `informant` is missing"},
        Slip{"CategoryWithoutHeading", "text.en.yaml", "  explain-category-referral:",
             "  explain-category-refer:", "MF-2011: the sentence `explain-category-referral`"},
        Slip{"UnknownPlaceholder", "text.en.yaml", "explain-why-line: A sentence {title}",
             "explain-why-line: A sentence {titel}",
             "MF-2018: nothing is filled in for `{titel}` here; did you mean `title`?"},
        Slip{"LostPlaceholder", "text.en.yaml", "explain-why-line: A sentence {title} {answer}",
             "explain-why-line: A sentence {title} {anser}",
             "MF-2018: `{answer}` must stand in this sentence"},
        Slip{"PlaceholderWhereNoneIsFilled", "text.en.yaml", "nothing-matched: A sentence",
             "nothing-matched: A sentence {title}", "MF-2018: nothing is filled in for `{title}`"},
        Slip{"OneWordForMany", "text.en.yaml", "informant: A sentence {question}",
             "informant: A sentence {question:day}",
             "MF-2018: after the colon stand the word for one and the word for more"},
        Slip{"OpenBrace", "text.en.yaml", "informant: A sentence {question}",
             "informant: A sentence {question", "MF-2018: a brace without its partner"},
        Slip{"StrayBrace", "text.en.yaml", "nothing-matched: A sentence",
             "nothing-matched: A sentence }", "MF-2018: a brace without its partner"},
        Slip{"BesideMistyped", "rules/urgent.yaml", "    rationale: Low",
             "    besides: Do not stop.\n    rationale: Low",
             "MF-2012: unknown key `besides`; did you mean `beside`?"},
        Slip{"LabelMistyped", "questions.yaml", "linkId: cups,", "linkId: cups, lable: Cups,",
             "MF-2012: unknown key `lable`; did you mean `label`?"},
        Slip{"GapWithoutReason", "policies.yaml", "    reason: It is open.\n", "",
             "MF-2011: key `reason` is missing"},
        Slip{"ShorterTargetWithoutWords", "rules/urgent.yaml", ", patient: Sooner.", "",
             "MF-2011: key `patient` is missing"},
        Slip{"SilencesNothing", "rules/urgent.yaml", "    rationale: Low",
             "    silences: [slow-weaknes]\n    rationale: Low",
             "MF-2021: there is no rule, gap policy or advice `slow-weaknes`; did you mean "
             "`slow-weakness`?"},
        Slip{"EmergencyWithoutHours", "rules/emergency.yaml", "{hours: 0, text: now}",
             "{text: now}", "MF-2047: a target of tier emergency has `hours`"},
        Slip{"EmergencyThatWaits", "rules/emergency.yaml", "{hours: 0, text: now}",
             "{hours: 120, text: now}", "MF-2047: a target of tier emergency is 0 hours"},
        Slip{"UrgentThatWaitsTooLong", "rules/urgent.yaml", "{hours: 168, text: 1 week}",
             "{hours: 400, text: 1 week}",
             "MF-2047: a target of tier urgent is from 24 to 336 hours"},
        Slip{"ShorterThanAnySentence", "rules/urgent.yaml", "hours: 24, text: today",
             "hours: 12, text: today", "MF-2047: a target of tier urgent is from 24 to 336 hours"},
        Slip{"SoonWithoutHours", "rules/soon.yaml", "{hours: 672, text: 4 weeks}",
             "{text: 4 weeks}", "MF-2047: a target of tier soon has `hours`"},
        Slip{"PolicyWithoutHours", "policies.yaml", "{hours: 672, text: 4 weeks}",
             "{text: 4 weeks}", "MF-2047: a target of tier soon has `hours`"},
        Slip{"RoutineWithHours", "rules/routine.yaml", "{text: at the appointment}",
             "{hours: 9, text: at the appointment}",
             "MF-2047: a target of tier routine has no `hours`"},
        Slip{"SentencesOutOfOrder", "knowledge.yaml", "within-hours: 336", "within-hours: 12",
             "MF-2014: the sentence with the shortest time comes first"},
        Slip{"SelfCareThatWaitsForNothing", "rules/self-care.yaml", "    benign: true\n", "",
             "MF-2048: a rule of tier self-care reassures"},
        Slip{"ComfortBesideARedFlag", "rules/soon.yaml", "    review:",
             "    comforts: true\n    review:", "MF-2049: beside a red flag nobody is comforted"},
        Slip{"ComfortOfReassurance", "rules/self-care.yaml", "    benign: true\n",
             "    benign: true\n    comforts: true\n",
             "MF-2049: a benign rule waits for the gate already"},
        Slip{"CautionOfAnOptionThatIsNot", "bindings.yaml", "text: [pacemaker]}",
             "text: [pacemaker], question: weakness, yes: [nose], ask: [unsure]}",
             "MF-2021: question `weakness` has no option `nose`"},
        Slip{"CautionThatLeavesNothingOpen", "bindings.yaml", "text: [pacemaker]}",
             "text: [pacemaker], question: weakness, yes: [arm]}", "MF-2011: key `ask` is missing"},
        Slip{"CautionMeantAndOpen", "bindings.yaml", "text: [pacemaker]}",
             "text: [pacemaker], question: weakness, yes: [arm], ask: [arm]}",
             "MF-2014: an option cannot both mean the caution and leave it open"},
        Slip{"CautionWithoutItsQuestion", "bindings.yaml", "text: [pacemaker]}",
             "text: [pacemaker], yes: [arm]}", "MF-2030: `yes` needs the key `question`"},
        Slip{"NoWordsForWhatWasAnswered", "bindings.yaml", "text: [pacemaker]}",
             "text: [pacemaker], question: weakness, yes: [arm], ask: [unsure]}",
             "MF-2011: a question tells a caution for emg"},
        Slip{"WordsForWhatIsNotAsked", "policies.yaml", "text: \"The record shows {caution}.\"",
             "text: \"The record shows {caution}.\", text-ask: Ask.",
             "MF-2030: no question tells such a caution"},
        Slip{"NothingMatchedIsCalm", "policies.yaml", "nothing-matched: routine",
             "nothing-matched: self-care", "MF-2014: that nothing matched reassures nobody"},
        Slip{"UnreadWordsAreCalm", "policies.yaml", "unread-words: routine",
             "unread-words: self-care", "MF-2014: what nobody has read reassures nobody"},
        Slip{"NoTierForUnreadWords", "policies.yaml", " unread-words: routine,", "",
             "MF-2011: key `unread-words` is missing"},
        Slip{"NoRedFlags", "knowledge.yaml", "red-flag-from: soon\n", "",
             "MF-2011: key `red-flag-from` is missing"},
        Slip{"TierWithoutSentence", "knowledge.yaml", "[{text: Mention it.}]", "[]",
             "MF-2017: the list is empty"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Sentences, AnAmountTakesTheWordThatFits) {
  const auto said = [](std::string_view days) {
    return fill("{days:day|days} old, {else:x|y}", {{"days", days}});
  };
  EXPECT_EQ(said("1"), "1 day old, {else:x|y}");
  EXPECT_EQ(said("0"), "0 days old, {else:x|y}");
  EXPECT_EQ(said("21"), "21 days old, {else:x|y}");
}

// Beside a number that may be 1 no word stands alone.
TEST(Sentences, WhatATranslationMustHaveIsListed) {
  EXPECT_THAT(placeholders_in("{b}, {a:day|days}, 24 { c"), ElementsAre("?", "a", "b"));
  EXPECT_THAT(placeholders_in("a} {b}"), ElementsAre("?", "b"));
  EXPECT_THAT(numbers_in("within 24 hours, 7 days or 2-3x"), ElementsAre("2", "24", "3", "7"));
}

TEST(Sentences, EveryAmountOfTheProjectHasBothWords) {
  const auto knowledge = load_knowledge(real_files()).value();
  for (const auto& [key, text] : knowledge->texts) {
    for (const auto* word : {"} day", "} hour", "} week", "} month"}) {
      EXPECT_EQ(text.find(word), std::string::npos) << key;
    }
  }
}

TEST(Sentences, ASlipIsShownWhereItStands) {
  const std::string problems =
      problems_of(with(small_files(), "text.en.yaml", "informant: A sentence {question}",
                       "informant: A sentence {qestion}"));
  EXPECT_THAT(problems, HasSubstr("{qestion} {answer}.\n                          ^"));
}

TEST(Sentences, ASiteMayAddACategoryWithItsHeading) {
  KnowledgeFiles files =
      with(small_files(), "workups.yaml", "categories:", "categories:\n  - {id: therapy}");
  EXPECT_THAT(problems_of(files), HasSubstr("the sentence `explain-category-therapy` is missing"));
  files["text.en.yaml"] += "  explain-category-therapy: Therapy\n";
  EXPECT_EQ(problems_of(files), "");
}

TEST(Sentences, TheHeadlineIsTheLongestTimeThatTheTargetHolds) {
  TierInfo tier;
  tier.patient = {{24, "today"}, {72, "three days"}, {336, "two weeks"}};
  const auto said = [&](std::optional<int> hours) { return tier.headline_for({hours, "t"}).text; };
  EXPECT_EQ(said(24), "today");
  EXPECT_EQ(said(71), "today");
  EXPECT_EQ(said(72), "three days");
  EXPECT_EQ(said(335), "three days");
  EXPECT_EQ(said(336), "two weeks");
  EXPECT_EQ(said(1000), "two weeks");
  EXPECT_EQ(said(3), "today");
}

// The project's knowledge with one slip about a time: the text that no longer fits is shown with
// its place, in every language.
struct TimeSlip {
  const char* file;
  const char* before;
  const char* after;
  std::vector<std::string> problems;  // parts of the listing
};

TEST(Times, ATextThatNamesALaterTimeThanItsTargetIsRefused) {
  const std::vector<TimeSlip> table = {
      {"rules/urgent.yaml",
       "Breathing, weight, thinking or emotional change alongside weakness\n    target: {hours: "
       "336, "
       "text: 2 weeks}",
       "Breathing, weight, thinking or emotional change alongside weakness\n    target: {hours: "
       "72, "
       "text: days}",
       {"MF-2063: the text names a time of 336 hours, later than its target of 72\n"
        "      patient: Please make sure you are examined within two weeks.\n"
        "                                                 ^\n",
        "languages/es.yaml", "languages/ar.yaml", "languages/zh.yaml"}},
      {"rules/urgent.yaml",
       "Breathing, weight, thinking or emotional change alongside weakness\n    target: {hours: "
       "336, "
       "text: 2 weeks}",
       "Breathing, weight, thinking or emotional change alongside weakness\n    target: {hours: "
       "168, "
       "text: 2 weeks}",
       {"MF-2063: the text names a time of 336 hours, later than its target of 168\n"
        "      target: {hours: 168, text: 2 weeks}\n"
        "                                 ^\n"}},
      {"rules/urgent.yaml",
       "examined within two weeks.",
       "examined Within six weeks.",
       {"names a time of 1008 hours, later than its target of 336", "MF-2071"}},
      {"rules/urgent.yaml",
       "examined within two weeks.",
       "examined within ten days.",
       {"MF-2064: words of time that `times` does not list", "MF-2071"}},
      {"rules/urgent.yaml",
       "examined within two weeks.",
       "examined within two weeks, or three.",
       {"MF-2064: words of time that `times` does not list", "MF-2071"}},
      {"rules/urgent.yaml",
       "examined within two weeks.",
       "examined within a weekend.",
       {"MF-2064: words of time that `times` does not list", "MF-2071"}},
      {"rules/urgent.yaml",
       "beside: Get help sooner if",
       "beside: Get help within two days if",
       {"MF-2063: no time may be named here"}},
      {"knowledge.yaml",
       "within-hours: 48",
       "within-hours: 36",
       {"MF-2063: the text names a time of 48 hours, later than its target of 36",
        "languages/es.yaml"}},
      {"advice.yaml",
       "Contact us sooner than planned",
       "Contact us within a week",
       {"advice.yaml", "MF-2063: no time may be named here"}},
      {"policies.yaml",
       "target: {hours: 48, text: 48 hours}",
       "target: {hours: 24, text: 48 hours}",
       {"MF-2063: the text names a time of 48 hours, later than its target of 24"}},
      {"policies.yaml",
       "reason: A warning sign is new, or there are more of them, since the last form.",
       "reason: See them within six weeks.",
       {"names a time of 1008 hours, later than its target of 672"}},
      {"languages/es.yaml",
       "que le examinen en un plazo de dos semanas.",
       "que le examinen en un plazo de seis semanas.",
       {"MF-2063: the text names a time of 1008 hours, later than its target of 336", "MF-2079"}},
      {"languages/es.yaml",
       "que le examinen en un plazo de dos semanas.",
       "que le examinen en un plazo de tres días.",
       {"MF-2079: the times are not those of the English text"}},
      {"languages/es.yaml",
       "que le examinen en un plazo de dos semanas.",
       "que le examinen en una quincena.",
       {"MF-2064", "MF-2079"}},
      {"languages/zh.yaml", "请务必在两周内接受检查。", "请务必在十二周内接受检查。", {"MF-2064"}},
      {"languages/ar.yaml", "يتم فحصك خلال أسبوعين.", "يتم فحصك خلال ستة أسابيع.", {"MF-2063"}},
  };
  for (const TimeSlip& slip : table) {
    const std::string problems =
        problems_of(with(real_files(), slip.file, slip.before, slip.after));
    for (const std::string& problem : slip.problems) {
      EXPECT_THAT(problems, HasSubstr(problem)) << slip.after;
    }
  }
}

TEST(Times, OddAndEndlessListsOfPhrasesAreRead) {
  EXPECT_EQ(problems_of(with(small_files(), "text.en.yaml", "[for weeks on end]", "['#', i]")), "");
  std::string many = "other: [x0";
  for (int i = 1; i < 600; ++i) {
    many += ", x" + std::to_string(i);
  }
  EXPECT_THAT(problems_of(with(small_files(), "text.en.yaml", "other: [for weeks on end", many)),
              HasSubstr("MF-2022: a language has at most 500 phrases of times"));
}

TEST(Times, ALanguageWithoutItsWordsOfTimeIsRefused) {
  for (const auto* file : {"text.en.yaml", "languages/es.yaml"}) {
    EXPECT_THAT(problems_of(with(real_files(), file, "\ntimes:", "\ntime:")),
                HasSubstr("MF-2011: key `times` is missing"));
  }
}

// The time that a text of the project names, at most: "2-4 weeks". Empty: it names none in figures.
std::optional<int> hours_named(std::string_view text) {
  static const std::map<std::string, int, std::less<>> hours{
      {"hour", 1}, {"hours", 1}, {"day", 24}, {"days", 24}, {"week", 168}, {"weeks", 168}};
  const auto space = text.find(' ');
  const auto unit =
      space == std::string_view::npos ? hours.end() : hours.find(text.substr(space + 1));
  if (unit == hours.end()) {
    return std::nullopt;
  }
  const std::string figures(text.substr(0, space));
  const auto dash = figures.find('-');
  return std::stoi(dash == std::string::npos ? figures : figures.substr(dash + 1)) * unit->second;
}

TEST(Sentences, EveryTargetOfTheProjectNamesItsHours) {
  const auto knowledge = load_knowledge(real_files()).value();
  std::vector<Target> targets;
  for (const auto& rule : knowledge->rules) {
    targets.push_back(rule.target);
    for (const auto& conditional : rule.target_when) {
      targets.push_back(conditional.target);
    }
  }
  std::size_t in_figures = 0;
  for (const auto& target : targets) {
    if (const auto named = hours_named(target.text)) {
      EXPECT_EQ(target.hours, named) << target.text;
      ++in_figures;
    } else {
      EXPECT_TRUE(!target.hours || *target.hours <= 72) << target.text;
    }
  }
  EXPECT_GT(in_figures, 40U);
}

TEST(Sentences, EveryQuestionOfTheProjectHasAShortName) {
  const auto knowledge = load_knowledge(real_files()).value();
  for (const Item& item : knowledge->items) {
    if (item.type != ItemType::group && item.type != ItemType::display) {
      EXPECT_LE(item.label.size(), 40U) << item.link_id;
    }
  }
}

}  // namespace
}  // namespace myoflag::rules
