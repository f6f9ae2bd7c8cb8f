// Pages: nothing that is shown becomes markup, and every text is there.

#include <random>
#include <set>
#include <stdexcept>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pugixml.hpp>

#include "plugin/browser/accept_language.h"
#include "plugin/browser/body_map.h"
#include "plugin/browser/html.h"
#include "plugin/intake/pages.h"
#include "plugin/intake/presentation.h"
#include "tests/intake/support.h"

namespace myoflag::intake {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kNasty = "</h1><script>alert('x')</script> \"quoted\" & <b>";

const Languages& languages() {
  static const Languages shared = embedded_texts().value();
  return shared;
}

struct Pages {
  Site site{"Clinic <1>", "020 7946 0123", "112"};
  Look look{
      languages().find("en")->second, site, "/assets/a.css", "/assets/a.js", "/assets/k.js", {}};
};

// Void elements closed, it is XML: read by a parser that forgives nothing.
pugi::xml_document parsed(std::string html) {
  for (const std::string tag : {"<meta", "<link", "<input"}) {
    for (auto at = html.find(tag); at != std::string::npos; at = html.find(tag, at + 1)) {
      html.insert(html.find('>', at), "/");
    }
  }
  pugi::xml_document document;
  const auto result = document.load_string(
      html.c_str(), pugi::parse_default | pugi::parse_doctype | pugi::parse_ws_pcdata);
  EXPECT_TRUE(result) << result.description() << " at " << html.substr(0, 2000);
  return document;
}

QuestionView nasty_question(Control control, const std::string& text) {
  QuestionView view;
  view.link_id = "some-question";
  view.question = text;
  view.section = text;
  view.notes = {text};
  view.help = text;
  view.from_record = {text};
  view.control = control;
  if (control == Control::one || control == Control::several) {
    view.options = {{"a", text, true, false}, {"none", text, false, true}};
  }
  view.value = text;
  view.slip = text;
  view.csrf = text;
  return view;
}

TEST(HtmlTest, EverythingIsEscapedAndClosed) {
  browser::Html html;
  html.open("p", {{"title", kNasty}, {"hidden", "", false}}).text(kNasty).close();
  EXPECT_THAT(html.whole(), Not(HasSubstr("<script")));
  EXPECT_THAT(html.whole(), Not(HasSubstr("hidden")));
  EXPECT_THAT(html.whole(), Not(HasSubstr("\"quoted\"")));
  EXPECT_THROW(html.close(), std::logic_error);
  html.open("p");
  EXPECT_THROW(html.whole(), std::logic_error);
}

TEST(PagesTest, NothingThatIsShownBecomesMarkup) {
  const Pages pages;
  for (const auto control : {Control::one, Control::several, Control::number, Control::text}) {
    const auto html = question_page(pages.look, nasty_question(control, kNasty));
    EXPECT_THAT(html, Not(HasSubstr("<script>")));
    const auto document = parsed(html);
    EXPECT_EQ(document.select_nodes("//script").size(), 2u);
    EXPECT_EQ(document.select_nodes("//h1").size(), 1u);
    EXPECT_EQ(document.select_nodes("//b").size(), 0u);
  }
  IdentityView identity{kNasty, kNasty, kNasty, kNasty, FieldError{kNasty, "d"}};
  ReviewView review{{{kNasty, {{kNasty, {kNasty}, "/p/q/x"}, {kNasty, {}, ""}}}},
                    {kNasty},
                    {kNasty},
                    "/p/q/x",
                    kNasty,
                    3};
  for (const auto& html : {identity_page(pages.look, identity), review_page(pages.look, review),
                           copy_page(pages.look, review, kNasty),
                           stop_page(pages.look, {true, kNasty, {kNasty}, "/p/q/x", kNasty}),
                           done_page(pages.look, {true, kNasty, {kNasty}}),
                           start_page(pages.look, kNasty, false, true),
                           message_page(pages.look, {kNasty, kNasty, kNasty, "/p/id"})}) {
    EXPECT_THAT(html, Not(HasSubstr("<script>")));
    EXPECT_EQ(parsed(html).select_nodes("//script[not(@src)] | //script/text()").size(), 0u);
  }
}

TEST(PagesTest, TheHelpOfTheFormStandsBesideItsQuestionAndIsReadWithIt) {
  const Pages pages;
  for (const auto control : {Control::one, Control::several, Control::number, Control::text}) {
    auto view = nasty_question(control, "text");
    view.help = "What helps.";
    view.slip.clear();
    view.from_record.clear();
    const auto document = parsed(question_page(pages.look, view));
    EXPECT_STREQ(document.select_node("//div[@id='hint']/p[1]").node().text().get(), "What helps.");
    EXPECT_EQ(document.select_nodes("//*[@aria-describedby='hint']").size(), 1u);
    view.help.clear();
    const auto without = parsed(question_page(pages.look, view));
    EXPECT_EQ(without.select_nodes("//*[@id='hint']").size(), control == Control::one ? 0u : 1u);
    EXPECT_EQ(without.select_nodes("//*[@aria-describedby='hint']").size(),
              control == Control::one ? 0u : 1u);
    // So does what a record suggests, where there is something to choose.
    view.from_record = {"What it says."};
    const auto suggested = parsed(question_page(pages.look, view));
    const bool has_options = control == Control::one || control == Control::several;
    EXPECT_EQ(suggested.select_nodes("//*[@id='record']//li").size(), has_options ? 1u : 0u);
    EXPECT_EQ(suggested.select_nodes("//fieldset[contains(@aria-describedby,'record')]").size(),
              has_options ? 1u : 0u);
  }
}

TEST(PagesTest, AnyBytesInGiveAWellFormedPage) {
  constexpr std::string_view kAlphabet = "<>&\"' =/!-?[]{}ax\t";
  const Pages pages;
  std::mt19937 random(7);
  for (int i = 0; i < 200; ++i) {
    std::string text;
    for (int length = 0; length < 60; ++length) {
      text += kAlphabet[random() % kAlphabet.size()];
    }
    const auto control = static_cast<Control>(random() % 4);
    const auto document = parsed(question_page(pages.look, nasty_question(control, text)));
    if (control == Control::text) {
      EXPECT_EQ(document.select_node("//textarea").node().text().as_string(), "\n" + text);
    }
  }
}

TEST(PagesTest, NothingOnAPageComesFromElsewhere) {
  const Pages pages;
  const auto html = question_page(pages.look, nasty_question(Control::one, "x"));
  EXPECT_THAT(html, Not(HasSubstr("http")));
  EXPECT_THAT(html, Not(HasSubstr("style=")));
  EXPECT_THAT(html, Not(HasSubstr("onclick")));
}

TEST(PagesTest, TheEmergencyNumberIsReadyToBeTouched) {
  Pages pages;
  pages.site.phone = "+44 (0)20 7946 0123";
  EXPECT_THAT(stop_page(pages.look, {true, "x", {"y"}, "/p/q/x", "c"}), HasSubstr("tel:112\""));
  EXPECT_THAT(stop_page(pages.look, {false, "x", {"y"}, "/p/q/x", "c"}),
              HasSubstr("tel:+4402079460123\""));
}

// ---- texts

std::string english() {
  return std::string(
      "language: en\nname: English\ndirection: ltr\nreviewed: no\nmonths: [January, February, "
      "March, April, May, June, July, August, September, October, November, December]\n"
      "date: \"{day} {month} {year}\"\ntexts:\n");
}

TEST(TextsTest, AFileThatIsNotWholeIsRefusedWithItsLine) {
  struct Case {
    std::string yaml;
    const char* why;
  };
  const Case cases[] = {
      {"[", "MF-4262: x.yaml:"},
      {english() + "  back: Back\n", "is missing"},
      {english() + "  bakc: Back\n", "x.yaml:8: nobody says bakc"},
      {english() + "  back: Back\n  back: Back\n", "x.yaml:9: back stands here twice"},
      {english() + "  back: \"{name}\"\n", "{name} is not filled in here"},
      {english() + "  back: \"{clinic\"\n", "{} is not filled in here"},
      {english() + "  back: \"\"\n", "back is empty"},
      {"language: en\nname: E\ndirection: up\nreviewed: no\nmonths: []\ndate: \"{day}\"\ntexts: "
       "{}\n",
       "ltr or rtl"},
      {"language: en\nname: E\ndirection: ltr\nreviewed: no\nmonths: [a]\ndate: \"{day}\"\ntexts: "
       "{}\n",
       "twelve months"},
      {"language: en\nname: E\ndirection: ltr\nreviewed: no\nmonths: [a]\ndate: \"{day}\"\ntexts: "
       "{}\n",
       "a date is made of"},
      {"tongue: en\n", "nothing here is called tongue"},
  };
  for (const auto& one : cases) {
    const auto read = read_texts(one.yaml, "x.yaml");
    ASSERT_FALSE(read) << one.yaml;
    EXPECT_THAT(read.error().text, HasSubstr(one.why));
  }
}

TEST(TextsTest, EverythingThatIsWrongComesAtOnce) {
  const auto read = read_texts(english() + "  bakc: Back\n  back: \"{name}\"\n", "x.yaml");
  ASSERT_FALSE(read);
  for (const auto* part : {"x.yaml:8: nobody says bakc", "x.yaml:9: {name}", "help is missing",
                           "too-many-text is missing"}) {
    EXPECT_THAT(read.error().text, HasSubstr(part));
  }
}

TEST(TextsTest, ATranslationHasThePlaceholdersAndNumbersOfTheEnglish) {
  const auto& english_texts = languages().find("en")->second;
  EXPECT_TRUE(english_texts.differences(english_texts).size() > 50) << "all of it is the same";
  for (const auto& [tag, texts] : languages()) {
    if (tag != "en") {
      EXPECT_THAT(texts.differences(english_texts), ::testing::IsEmpty()) << tag;
    }
    EXPECT_EQ(tag == "ar" ? "rtl" : "ltr", texts.direction());
    EXPECT_FALSE(texts.is_reviewed()) << "then say so in docs/intake.md, and here";
  }
  EXPECT_EQ(languages().size(), 4U);
}

TEST(TextsTest, DatesAreWrittenAndReadInEveryLanguage) {
  const auto day = std::chrono::sys_days(std::chrono::year(2026) / 11 / 22);
  const auto& all = languages();
  EXPECT_EQ(all.find("es")->second.day(day), "22 de noviembre de 2026");
  EXPECT_EQ(all.find("ar")->second.day(day), "22 نوفمبر 2026");
  EXPECT_EQ(all.find("zh")->second.day(day), "2026年11月22日");
  EXPECT_EQ(all.find("es")->second.month("Mayo"), 5U);
  EXPECT_EQ(all.find("es")->second.month("juni"), 6U);
  EXPECT_EQ(all.find("ar")->second.month("يو"), 0U) << "June or July";
  EXPECT_EQ(all.find("ar")->second.month("يول"), 7U);
  EXPECT_EQ(all.find("zh")->second.month("1月"), 1U);
  EXPECT_EQ(all.find("zh")->second.month("11月"), 11U);
}

// ---- languages

TEST(PagesTest, OtherLanguagesAreOfferedInTheirOwnNamesBehindContinue) {
  Pages pages;
  pages.look.others.languages = {{"ar", "العربية", "rtl"}, {"es", "Español", "ltr"}};
  const auto html = question_page(pages.look, nasty_question(Control::text, "x"));
  parsed(html);
  const auto button = html.find("value=\"ar\" form=\"answers\" lang=\"ar\" dir=\"rtl\">العربية<");
  EXPECT_NE(button, std::string::npos) << html;
  EXPECT_LT(html.find(">Continue<"), button) << "the Enter key presses the first button";
  EXPECT_THAT(html, HasSubstr("href=\"#language\""));
  pages.look.others.action = "/p/lang";
  pages.look.others.csrf = "token";
  pages.look.others.back_to = "done";
  const auto done = done_page(pages.look, {false, "x", {}});
  parsed(done);
  EXPECT_THAT(done, HasSubstr("action=\"/p/lang\""));
  EXPECT_THAT(done, HasSubstr("name=\"page\" value=\"done\""));
  EXPECT_THAT(done, Not(HasSubstr("form=\"answers\"")));
}

TEST(PagesTest, NumbersKeepTheirOrderAmongWordsFromRightToLeft) {
  Site site{"Clinic", "020 7946 0123", "112"};
  const Look look{languages().find("ar")->second, site, "/a.css", "/a.js", "/k.js", {}};
  const auto html = start_page(look, "/p/x/start", false, true);
  EXPECT_THAT(html, HasSubstr("<html lang=\"ar\" dir=\"rtl\">"));
  EXPECT_THAT(html, HasSubstr("\u2066020 7946 0123\u2069"));
  EXPECT_THAT(html, HasSubstr("\u2068Clinic\u2069"));
  EXPECT_THAT(html, HasSubstr("هذه الصفحات ترجمة"));
  const Look english{languages().find("en")->second, site, "/a.css", "/a.js", "/k.js", {}};
  EXPECT_THAT(start_page(english, "/p/x/start", false, false), Not(HasSubstr("\u2066")));
}

TEST(AcceptLanguageTest, TheOneThatIsPreferredAmongThoseThatAreThere) {
  const std::vector<std::string> offered{"en", "ar", "es", "zh"};
  struct Case {
    const char* field;
    const char* language;
  };
  for (const auto& one :
       {Case{"", ""}, Case{"es", "es"}, Case{"es-MX,es;q=0.9,en;q=0.8", "es"},
        Case{"fr-FR, fr;q=0.9, ar;q=0.5, en;q=0.4", "ar"}, Case{"zh-Hans-CN", "zh"},
        Case{"EN-gb", "en"}, Case{"fr", ""}, Case{"*", ""}, Case{"es;q=0, en;q=0.1", "en"},
        Case{"es;q=x, en;q=0.1", "en"}, Case{"en;q=0.2 , es ; q=0.3", "es"}, Case{"es;q=1.5.5", ""},
        Case{"en;q=0.500, es;q=0.5", "en"}, Case{",,;;q=1,", ""}, Case{"es;q=1000000", ""},
        Case{"e", ""}}) {
    EXPECT_EQ(browser::preferred_language(one.field, offered), one.language) << one.field;
  }
  EXPECT_EQ(browser::preferred_language(std::string(100'000, ',') + "es", offered), "");
}

TEST(TextsTest, MonthsAreReadAsNumbersAndNames) {
  const auto& texts = languages().find("en")->second;
  struct Case {
    const char* typed;
    unsigned month;
  };
  for (const auto& one : {Case{"3", 3}, Case{"03", 3}, Case{"12", 12}, Case{"mar", 3},
                          Case{"MARCH", 3}, Case{"Sept", 9}, Case{"ma", 0}, Case{"marchy", 0},
                          Case{"0", 0}, Case{"13", 0}, Case{"", 0}, Case{"3x", 0}, Case{"-3", 0}}) {
    EXPECT_EQ(texts.month(one.typed), one.month) << one.typed;
  }
  EXPECT_EQ(texts.day(std::chrono::sys_days(std::chrono::year(2026) / 11 / 22)),
            "22 November 2026");
}

#define INFORMANTS(yaml) \
  "interruptions:\n  - {display: a, action: emergency, tier: emergency}\ninformants: " yaml

TEST(PresentationTest, WhatCannotBeUsedIsRefusedWithItsLine) {
  for (const auto* yaml : {"", "interruptions: []", "interruptions: x", "other: 1",
                           "interruptions:\n  - {display: a, action: sing, tier: emergency}",
                           "interruptions:\n  - {display: a, action: emergency, tier: no}",
                           "interruptions:\n  - {action: emergency, tier: emergency}",
                           "interruptions:\n  - {display: a, action: call-today, tier: urgent}",
                           "interruptions:\n  - {display: a, action: emergency, tier: emergency, "
                           "within-hours: -1}",
                           "interruptions:\n  - {display: a, action: emergency, tier: emergency}",
                           INFORMANTS("{question: q, choices: []}"),
                           INFORMANTS("{question: q, choices: [{name: a, answer: b, text: t}]}"),
                           INFORMANTS("{question: q, choices: [{name: a, answer: b, source: Dog, "
                                      "text: t}]}"),
                           INFORMANTS("{question: q, choices: [{name: a, answer: b, source: "
                                      "Patient, helped: perhaps, text: t}]}"),
                           INFORMANTS("{choices: [{name: a, answer: b, source: Patient, text: "
                                      "t}]}"),
                           INFORMANTS("{question: q, choices: [{name: a, answer: b, source: "
                                      "Patient, text: t}, {name: a, answer: c, source: Patient, "
                                      "text: t}]}")}) {
    const auto read = read_presentation(yaml, "p.yaml");
    ASSERT_FALSE(read) << yaml;
    EXPECT_THAT(read.error().text, ::testing::StartsWith("MF-4260: p.yaml:"));
  }
}

TEST(PresentationTest, WhoseAnswersTheyAre) {
  const auto presentation = embedded_presentation().value();
  struct Case {
    const char *chosen, *answer, *source;
    bool is_helped;
  };
  for (const auto& one :
       {Case{"", "self", "Patient", false}, Case{"", "interpreter", "Patient", false},
        Case{"", "carer", "RelatedPerson", false}, Case{"", "staff", "", false},
        Case{"", "", "", false}, Case{"unknown", "self", "Patient", false},
        Case{"read-out", "staff", "Patient", true}, Case{"read-out", "", "Patient", true},
        Case{"read-out-companion", "carer", "RelatedPerson", true},
        Case{"read-out-interpreted", "interpreter", "Patient", true},
        // The answer on the page is the later word.
        Case{"read-out", "self", "Patient", false},
        Case{"patient", "carer", "RelatedPerson", false}, Case{"patient", "staff", "", false}}) {
    const auto* const found = informant_of(presentation, one.chosen, one.answer);
    const auto place = fmt::format("{} {}", one.chosen, one.answer);
    EXPECT_EQ(found == nullptr ? "" : found->source, one.source) << place;
    EXPECT_EQ(found != nullptr && found->is_helped, one.is_helped) << place;
  }
}

TEST(PresentationTest, AFormWithoutTheDisplayDoesNotFit) {
  const auto presentation = embedded_presentation().value();
  rules::Knowledge other;
  const auto failure = misfit(presentation, other);
  ASSERT_TRUE(failure);
  EXPECT_THAT(failure->text, HasSubstr("MF-4261"));
  auto wrong = presentation;
  wrong.informants.front().answer = "nobody";
  ASSERT_TRUE(misfit(wrong, testing::knowledge()));
  EXPECT_THAT(misfit(wrong, testing::knowledge())->text, HasSubstr("nobody"));
  EXPECT_FALSE(misfit(presentation, testing::knowledge()));
}

TEST(BodyMap, HasEveryPlaceOfItsQuestionAndNoOther) {
  const auto& map = browser::body_map();
  const auto& item = testing::knowledge().items.at(
      static_cast<std::size_t>(testing::knowledge().item(map.question)));
  std::set<std::string> wanted, there;
  for (const auto& option : item.options) {
    wanted.insert(option.code);
  }
  for (const auto& code : map.not_on_it) {
    EXPECT_EQ(wanted.erase(code), 1U) << code;
  }
  for (const auto& place : map.places) {
    there.insert(place.code);
    EXPECT_EQ(place.path.find_first_not_of("MmLlHhVvCcQqAaZz0123456789-. "), std::string::npos)
        << place.path;
  }
  EXPECT_EQ(there, wanted);
}

}  // namespace
}  // namespace myoflag::intake
