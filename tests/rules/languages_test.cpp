// Catalogues of what patients read: whole, and saying what the English says.

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/languages.h"
#include "rules/lint.h"
#include "rules/wording.h"
#include "tests/rules/small_knowledge.h"

namespace myoflag::rules {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Knowledge& twitching() {
  static const KnowledgePtr shared = load_knowledge(real_files()).value();
  return *shared;
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    out += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  }
  return out + '"';
}

constexpr const char* kHeader =
    "language: xx\nname: Xish\ndirection: rtl\nreviewed: false\ntexts:\n";

// The small set with a catalogue in which every sentence begins with "Ex ".
KnowledgeFiles with_catalogue() {
  KnowledgeFiles files = small_files();
  const auto knowledge = load_knowledge(files).value();
  std::string yaml = kHeader;
  std::set<std::string> done;
  for (const PatientWords& words : patient_words(*knowledge)) {
    if (done.insert(*words.english).second) {
      std::vector<std::string> said = sentences(*words.english);
      for (std::string& sentence : said) {
        sentence = "Ex " + sentence;
      }
      yaml += "  - en: " + in_quotes(*words.english) + "\n    text: " + in_quotes(in_a_row(said)) +
              (words.is_instrument ? "\n    unvalidated: true\n" : "\n");
    }
  }
  files["languages/xx.yaml"] = yaml;
  return files;
}

TEST(Languages, ACatalogueIsReadAndChosenByItsTag) {
  const auto files = with_catalogue();
  const auto loaded = load_knowledge(files);
  ASSERT_TRUE(loaded) << listing(loaded.error());
  const Knowledge& k = **loaded;
  ASSERT_EQ(k.languages.size(), 1U);
  const Language* language = language_of(k, "XX-Latn-QQ");
  ASSERT_NE(language, nullptr);
  EXPECT_EQ(language->name, "Xish");
  EXPECT_TRUE(language->right_to_left);
  EXPECT_FALSE(language->is_reviewed());
  EXPECT_EQ(language_of(k, "x"), nullptr);
  EXPECT_EQ(language_of(k, ""), nullptr);
  EXPECT_EQ(language_of(k, "en"), nullptr);
  EXPECT_EQ(in_language(language, k.title), "Ex " + k.title);
  EXPECT_EQ(in_language(nullptr, k.title), k.title);
  EXPECT_THROW(in_language(language, "no such text"), std::logic_error);
  EXPECT_NE(k.digest, load_knowledge(small_files()).value()->digest);
}

struct Slip {
  const char* before;
  const char* after;
  const char* code;
};

TEST(Languages, WhatIsWrongIsToldWithItsPlaceAndNothingIsLoaded) {
  const auto files = with_catalogue();
  const std::string& good = files.at("languages/xx.yaml");
  const auto first = good.substr(good.find("  - en:"), good.find("  - en:", good.find("  - en:") + 1) -
                                                           good.find("  - en:"));
  const std::string twice = first + first;
  const Slip slips[] = {
      {"language: xx", "language: yy", "MF-2070"},
      {"direction: rtl", "direction: up", "MF-2014"},
      {"name: Xish\n", "", "MF-2011"},
      {"reviewed: false", "reviewed: true", "MF-2010"},
      {"reviewed: false", "reviewed: {by: Dr A}", "MF-2011"},
      {"reviewed: false", "reviewed: {by: Dr A, date: soon}", "MF-2015"},
      {first.c_str(), "", "MF-2071"},
      {first.c_str(), twice.c_str(), "MF-2072"},
      {"  - en: \"", "  - en: \"Other ", "MF-2071"},
      {"    text: \"Ex ", "    text: \"Ex 99 ", "MF-2073"},
      {"    text: \"Ex ", "    text: \"Ex {name} ", "MF-2074"},
      {"    text: \"Ex ", "    spelled-out: true\n    text: \"Ex ", "MF-2073"},
      {"    text: \"Ex ", "    same: true\n    text: \"Ex ", "MF-2076"},
      {"    text: \"Ex ", "    in: nowhere\n    text: \"Ex ", "MF-2021"},
      {"    text: \"Ex ", "    color: red\n    text: \"Ex ", "MF-2012"},
  };
  for (const Slip& slip : slips) {
    const auto bad = with(files, "languages/xx.yaml", slip.before, slip.after);
    const auto loaded = load_knowledge(bad);
    ASSERT_FALSE(loaded) << slip.after;
    EXPECT_THAT(listing(loaded.error()), HasSubstr(slip.code)) << slip.after;
    EXPECT_THAT(listing(loaded.error()), HasSubstr("languages/xx.yaml:"));
  }
}

TEST(Languages, EverythingThatIsMissingComesInOneRun) {
  auto files = small_files();
  const auto words = patient_words(*load_knowledge(files).value());
  std::set<std::string> texts;
  for (const auto& one : words) {
    texts.insert(*one.english);
  }
  files["languages/xx.yaml"] = std::string(kHeader) + "  []\n";
  EXPECT_EQ(load_knowledge(files).error().size(), texts.size());
}

TEST(Languages, ToldTextsHaveAsManySentences) {
  auto files = with_catalogue();
  std::string& yaml = files.at("languages/xx.yaml");
  const auto at = yaml.find("Sooner.\"\n    text: \"Ex Sooner.");
  ASSERT_NE(at, std::string::npos);
  yaml.replace(at, 31, "Sooner.\"\n    text: \"Ex Soon. Er.");
  EXPECT_THAT(listing(load_knowledge(files).error()), HasSubstr("MF-2075"));
}

TEST(Languages, TextsThatAreStillEnglishAreWarnedOf) {
  auto files = with_catalogue();
  EXPECT_EQ(listing(lint(files)), "");
  const auto english = with(files, "languages/xx.yaml", "text: \"Ex ", "text: \"");
  EXPECT_TRUE(load_knowledge(english));
  EXPECT_THAT(listing(lint(english)), HasSubstr("warning"));
  EXPECT_THAT(listing(lint(english)), HasSubstr("MF-2212"));
  EXPECT_EQ(listing(lint(with(english, "languages/xx.yaml", "    text: \"",
                              "    same: true\n    text: \""))),
            "");
}

TEST(Languages, SentencesOfOtherScriptsAreToldApart) {
  EXPECT_THAT(sentences_of_any("¿Sí? No. Ya 1.5 p.m!"), ElementsAre("¿Sí?", "No.", "Ya 1.5 p.m!"));
  EXPECT_THAT(sentences_of_any("一。二！三？四"), ElementsAre("一。", "二！", "三？", "四"));
  EXPECT_THAT(sentences_of_any("هل؟ نعم."), ElementsAre("هل؟", "نعم."));
  EXPECT_THAT(sentences_of_any(""), ElementsAre());
  EXPECT_EQ(in_a_row({"A.", "B."}), "A. B.");
  EXPECT_EQ(in_a_row({"一。", "二。"}), "一。二。");
}

// ---- the catalogues of the project

TEST(Catalogues, AreTheseAndNoneClaimsAReviewThatNobodyMade) {
  std::vector<std::string> tags;
  for (const Language& language : twitching().languages) {
    tags.push_back(language.tag);
    EXPECT_EQ(language.right_to_left, language.tag == "ar");
    EXPECT_FALSE(language.is_reviewed()) << "then say so in docs/intake.md, and here";
    EXPECT_EQ(language.unvalidated.empty(), language.tag == "es");
  }
  EXPECT_THAT(tags, ElementsAre("ar", "es", "zh"));
}

// For every way the English says something: the ways in which each language may.
struct Meaning {
  std::vector<std::string> english;
  std::map<std::string, std::vector<std::string>> others;
};

bool holds(const std::string& text, const std::vector<std::string>& words) {
  return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
    return text.find(word) != std::string::npos;
  });
}

// Both ways: neither may a translation lose it, nor say it where the English does not.
void expect_alike(const std::vector<Meaning>& meanings, bool only_told) {
  for (const PatientWords& words : patient_words(twitching())) {
    for (const Language& language : twitching().languages) {
      const std::string& there = in_language(&language, *words.english, words.item);
      for (const Meaning& meaning : meanings) {
        if (!only_told || words.is_told) {
          EXPECT_EQ(holds(*words.english, meaning.english),
                    holds(there, meaning.others.at(language.tag)))
              << meaning.english.front() << "\n" << *words.english << "\n" << there;
        }
      }
    }
  }
}

TEST(Catalogues, LeftIsLeftAndRightIsRight) {
  expect_alike({{{"Left ", "left "},
                 {{"es", {"izquierd"}}, {"ar", {"يسر"}}, {"zh", {"左"}}}},
                {{"Right ", "right "},
                 {{"es", {"derech"}}, {"ar", {"يمن"}}, {"zh", {"右"}}}}},
               true);
  const std::vector<Meaning> sides{
      {{"Left "}, {{"es", {"izquierd"}}, {"ar", {"يسر"}}, {"zh", {"左"}}}},
      {{"Right "}, {{"es", {"derech"}}, {"ar", {"يمن"}}, {"zh", {"右"}}}}};
  for (const Item& item : twitching().items) {
    for (const Option& option : item.options) {
      for (const Language& language : twitching().languages) {
        const std::string& there = in_language(&language, option.text, item.link_id);
        for (const Meaning& side : sides) {
          if (item.link_id == "body-sites" || item.link_id == "weakness-sites") {
            EXPECT_EQ(holds(option.text, side.english), holds(there, side.others.at(language.tag)))
                << option.text << ": " << there;
          }
        }
      }
    }
  }
}

TEST(Catalogues, WhatPatientsAreToldNamesTheSameTimes) {
  expect_alike(
      {{{"within two days"}, {{"es", {"plazo de dos días"}}, {"ar", {"خلال يومين.", "خلال يومين "}}, {"zh", {"两天内"}}}},
       {{"within three days"}, {{"es", {"plazo de tres días"}}, {"ar", {"خلال ثلاثة أيام"}}, {"zh", {"在三天内", "应在三天内"}}}},
       {{"within two or three days"}, {{"es", {"en dos o tres días"}}, {"ar", {"خلال يومين أو ثلاثة أيام"}}, {"zh", {"两三天内"}}}},
       {{"within a week"}, {{"es", {"plazo de una semana"}}, {"ar", {"خلال أسبوع.", "خلال أسبوع ", "، خلال أسبوع"}}, {"zh", {"一周内"}}}},
       {{"within four weeks"}, {{"es", {"cuatro semanas"}}, {"ar", {"أربعة أسابيع"}}, {"zh", {"四周内"}}}},
       {{"within six weeks"}, {{"es", {"seis semanas"}}, {"ar", {"ستة أسابيع"}}, {"zh", {"六周内"}}}},
       {{"within one to two weeks"}, {{"es", {"de una a dos semanas"}}, {"ar", {"أسبوع إلى أسبوعين"}}, {"zh", {"一到两周内"}}}},
       {{"within one to three days"}, {{"es", {"de uno a tres días"}}, {"ar", {"يوم إلى ثلاثة أيام"}}, {"zh", {"一到三天内"}}}},
       {{"day or two"}, {{"es", {"uno o dos días"}}, {"ar", {"يوم أو يومين"}}, {"zh", {"一两天内"}}}},
       {{"two weeks"}, {{"es", {"dos semanas"}}, {"ar", {"أسبوعين"}}, {"zh", {"两周内", "一两周内"}}}},
       {{"few weeks"}, {{"es", {"próximas semanas"}}, {"ar", {"الأسابيع القليلة القادمة"}}, {"zh", {"今后几周内"}}}},
       {{"few days"}, {{"es", {"próximos días"}}, {"ar", {"الأيام القليلة القادمة"}}, {"zh", {"今后几天内"}}}},
       {{"months or years"}, {{"es", {"meses o años"}}, {"ar", {"أشهراً أو سنوات"}}, {"zh", {"数月或数年"}}}},
       {{"today"}, {{"es", {"hoy"}}, {"ar", {"اليوم "}}, {"zh", {"今天"}}}},
       {{"tomorrow"}, {{"es", {"mañana"}}, {"ar", {"غداً"}}, {"zh", {"明天"}}}}},
      true);
}

TEST(Catalogues, WhatPatientsAreToldCallsTheSameHelpAndForbidsTheSame) {
  expect_alike({{{"emergency number"},
                 {{"es", {"número de emergencias"}}, {"ar", {"رقم الطوارئ"}}, {"zh", {"急救电话"}}}},
                {{"emergency department"},
                 {{"es", {"servicio de urgencias"}}, {"ar", {"قسم الطوارئ"}}, {"zh", {"急诊科"}}}},
                {{"harmless"},
                 {{"es", {"inofensiv"}}, {"ar", {"غير ضار"}}, {"zh", {"无害"}}}},
                {{"potassium"}, {{"es", {"potasio"}}, {"ar", {"البوتاسيوم"}}, {"zh", {"钾"}}}},
                {{"at once"}, {{"es", {"de inmediato"}}, {"ar", {"فوراً"}}, {"zh", {"立即求助", "立即致电产科"}}}}},
               true);
  // A ban stays one, sentence by sentence.
  const Meaning ban{{"Do not ", "do not "},
                    {{"es", {"No ", " no ", "ni "}},
                     {"ar", {"لا ", "فلا "}},
                     {"zh", {"不要", "不能", "不得"}}}};
  for (const PatientWords& words : patient_words(twitching())) {
    const auto english = sentences(*words.english);
    for (const Language& language : twitching().languages) {
      const auto there = sentences_of_any(in_language(&language, *words.english, words.item));
      for (std::size_t i = 0; words.is_told && i < english.size(); ++i) {
        if (holds(english[i], ban.english)) {
          EXPECT_TRUE(holds(there[i], ban.others.at(language.tag))) << there[i];
        }
      }
    }
  }
}

}  // namespace
}  // namespace myoflag::rules
