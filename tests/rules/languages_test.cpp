// Catalogues of what patients read: whole, and saying what the English says.

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/difference.h"
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
    "language: xx\nname: Xish\ndirection: rtl\nreviewed: false\n"
    "times:\n"
    "  words: [hour, day, week, month, tomorrow]\n"
    "  by:\n"
    "    - {hours: 24, phrases: [today, in days]}\n"
    "    - {hours: 168, phrases: [within a week]}\n"
    "    - {hours: 336, phrases: [within two weeks, in two weeks]}\n"
    "    - {hours: 672, phrases: [within weeks, in weeks]}\n"
    "  other: [for weeks on end]\n"
    "texts:\n";

// The small set with a catalogue in which every sentence begins with "Ex ".
KnowledgeFiles with_catalogue() {
  KnowledgeFiles files = small_files();
  const auto knowledge = load_knowledge(files).value();
  std::string yaml = kHeader;
  std::set<std::string> done, instruments;
  for (const PatientWords& words : patient_words(*knowledge)) {
    if (words.is_instrument) {
      instruments.insert(*words.english);
    }
  }
  for (const PatientWords& words : patient_words(*knowledge)) {
    if (done.insert(*words.english).second) {
      std::vector<std::string> said = sentences(*words.english);
      for (std::string& sentence : said) {
        sentence = "Ex " + sentence;
      }
      yaml += "  - en: " + in_quotes(*words.english) + "\n    text: " + in_quotes(in_a_row(said)) +
              (instruments.contains(*words.english) ? "\n    unvalidated: true\n" : "\n");
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
  const auto first = good.substr(
      good.find("  - en:"), good.find("  - en:", good.find("  - en:") + 1) - good.find("  - en:"));
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
  const auto knowledge = load_knowledge(files).value();
  std::set<std::string> texts;
  for (const auto& one : patient_words(*knowledge)) {
    texts.insert(*one.english);
  }
  files["languages/xx.yaml"] = std::string(kHeader) + "  []\n";
  EXPECT_EQ(load_knowledge(files).error().size(), texts.size());
}

std::vector<std::string> codes_of(const KnowledgeFiles& files) {
  std::vector<std::string> codes;
  const auto loaded = load_knowledge(files);
  for (const Problem& problem : loaded ? Problems() : loaded.error()) {
    codes.push_back(problem.file + " " + problem.code);
  }
  return codes;
}

// What is wrong elsewhere hides nothing of a catalogue, and makes nothing of it wrong.
TEST(Languages, ACatalogueIsReadBesideOtherProblems) {
  const auto misnamed =
      with(with_catalogue(), "rules/soon.yaml", "hypotheses: [nerve", "hypotheses: [nerf");
  EXPECT_THAT(codes_of(misnamed), ElementsAre("rules/soon.yaml MF-2021"));
  EXPECT_THAT(codes_of(with(misnamed, "languages/xx.yaml", "  - en: \"Sooner.\"\n",
                            "  - en: \"Later.\"\n")),
              ElementsAre("languages/xx.yaml MF-2071", "languages/xx.yaml MF-2071",
                          "rules/soon.yaml MF-2021"));
  EXPECT_THAT(codes_of(with(with_catalogue(), "rules/soon.yaml", "    patient:", "    patinet:")),
              ElementsAre("rules/soon.yaml MF-2011", "rules/soon.yaml MF-2012"));
  EXPECT_THAT(codes_of(with(with_catalogue(), "questions.yaml", "text: Leg}", "txet: Leg}")),
              ElementsAre("questions.yaml MF-2011", "questions.yaml MF-2012"));
}

TEST(Languages, ToldTextsHaveAsManySentences) {
  const auto files =
      with(with_catalogue(), "languages/xx.yaml", "text: \"Ex Sooner.\"", "text: \"Ex Soon. Er.\"");
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

TEST(Languages, AChangedTranslationIsADifference) {
  const auto before = load_knowledge(with_catalogue()).value();
  const auto after = load_knowledge(with(with_catalogue(), "languages/xx.yaml",
                                         "text: \"Ex Sooner.\"", "text: \"Ex Soon.\""))
                         .value();
  const auto found = differences(*before, *after);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].section, "language");
  EXPECT_EQ(found[0].id, "xx: Sooner.");
  EXPECT_THAT(found[0].fields, ElementsAre("text"));
  EXPECT_EQ(differences(*load_knowledge(small_files()).value(), *before).front().id, "xx");
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

// A meaning, and the words that each language may have for it. Where one holds another, it stands
// before it.
using Words = std::vector<std::string>;
using Meaning = std::map<std::string, Words>;  // "en", "es" ... -> words

// Which of the meanings a text has. What was understood once is not read again.
std::vector<std::string> meanings_of(std::string text, const std::vector<Meaning>& table,
                                     const std::string& tag) {
  std::vector<std::string> found;
  for (const Meaning& meaning : table) {
    bool is_there = false;
    for (const std::string& word : meaning.at(tag)) {
      for (auto at = text.find(word); at != std::string::npos; at = text.find(word)) {
        text.replace(at, word.size(), "#");
        is_there = true;
      }
    }
    if (is_there) {
      found.push_back(meaning.at("en").front());
    }
  }
  return found;
}

// Neither may a translation lose a meaning, nor have one that the English has not.
template <typename Wanted>
int compare(const std::vector<Meaning>& table, Wanted wanted) {
  int compared = 0;
  for (const PatientWords& words : patient_words(twitching())) {
    for (const Language& language : twitching().languages) {
      if (wanted(words)) {
        const std::string& there = in_language(&language, *words.english, words.item);
        EXPECT_EQ(meanings_of(*words.english, table, "en"), meanings_of(there, table, language.tag))
            << *words.english << "\n"
            << there;
        ++compared;
      }
    }
  }
  return compared;
}

bool is_told(const PatientWords& words) { return words.is_told; }

TEST(Catalogues, LeftIsLeftAndRightIsRight) {
  const std::vector<Meaning> table{
      {{"en", {"Left "}}, {"es", {"izquierd"}}, {"ar", {"يسر"}}, {"zh", {"左"}}},
      {{"en", {"Right "}}, {"es", {"derech"}}, {"ar", {"يمن"}}, {"zh", {"右"}}}};
  EXPECT_GT(compare(table,
                    [](const PatientWords& words) {
                      return words.item == "body-sites" || words.item == "weakness-sites";
                    }),
            100);
}

TEST(Catalogues, WhatPatientsAreToldCallsTheSameHelp) {
  const std::vector<Meaning> table{
      {{"en", {"emergency number"}},
       {"es", {"número de emergencias"}},
       {"ar", {"رقم الطوارئ"}},
       {"zh", {"急救电话"}}},
      {{"en", {"emergency department"}},
       {"es", {"servicio de urgencias"}},
       {"ar", {"قسم الطوارئ"}},
       {"zh", {"急诊科"}}},
      {{"en", {"harmless"}}, {"es", {"inofensiv"}}, {"ar", {"غير ضار"}}, {"zh", {"无害"}}},
      {{"en", {"potassium"}}, {"es", {"potasio"}}, {"ar", {"البوتاسيوم"}}, {"zh", {"钾"}}},
      {{"en", {"at once", " now"}},
       {"es", {"de inmediato", " ahora"}},
       {"ar", {"فوراً", "الآن"}},
       {"zh", {"立即", "现在"}}}};
  compare(table, is_told);
}

// Sentence by sentence.
TEST(Catalogues, ABanStaysABan) {
  const std::map<std::string, Words> bans{
      {"es", {"No ", " no ", " ni "}}, {"ar", {"لا ", "فلا "}}, {"zh", {"不要", "不能", "不得"}}};
  int compared = 0;
  for (const PatientWords& words : patient_words(twitching())) {
    const auto english = sentences(*words.english);
    for (const Language& language : twitching().languages) {
      const auto there = sentences_of_any(in_language(&language, *words.english, words.item));
      for (std::size_t i = 0; words.is_told && i < english.size(); ++i) {
        if (english[i].find("Do not ") == std::string::npos &&
            english[i].find("do not ") == std::string::npos) {
          continue;
        }
        const Words& ban = bans.at(language.tag);
        EXPECT_TRUE(std::any_of(ban.begin(), ban.end(), [&](const std::string& word) {
          return there[i].find(word) != std::string::npos;
        })) << there[i];
        ++compared;
      }
    }
  }
  EXPECT_GT(compared, 100);
}

}  // namespace
}  // namespace myoflag::rules
