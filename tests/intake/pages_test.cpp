// Pages: nothing that is shown becomes markup, and every text is there.

#include <random>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pugixml.hpp>

#include "plugin/browser/html.h"
#include "plugin/intake/pages.h"
#include "plugin/intake/presentation.h"

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
  Look look{languages().find("en")->second, site, "/assets/a.css", "/assets/a.js"};
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
    EXPECT_EQ(document.select_nodes("//script").size(), 1u);
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
  for (const auto& html :
       {identity_page(pages.look, identity), review_page(pages.look, review),
        copy_page(pages.look, review, kNasty),
        stop_page(pages.look, {true, kNasty, {kNasty}, "/p/q/x", kNasty}),
        done_page(pages.look, {true, kNasty, {kNasty}}), start_page(pages.look, kNasty, false),
        message_page(pages.look, {kNasty, kNasty, kNasty, "/p/id"})}) {
    EXPECT_THAT(html, Not(HasSubstr("<script>")));
    EXPECT_EQ(parsed(html).select_nodes("//script").size(), 1u);
  }
}

TEST(PagesTest, TheHelpOfTheFormStandsBesideItsQuestionAndIsReadWithIt) {
  const Pages pages;
  for (const auto control : {Control::one, Control::several, Control::number, Control::text}) {
    auto view = nasty_question(control, "text");
    view.help = "What helps.";
    view.slip.clear();
    const auto document = parsed(question_page(pages.look, view));
    EXPECT_STREQ(document.select_node("//div[@id='hint']/p[1]").node().text().get(), "What helps.");
    EXPECT_EQ(document.select_nodes("//*[@aria-describedby='hint']").size(), 1u);
    view.help.clear();
    const auto without = parsed(question_page(pages.look, view));
    EXPECT_EQ(without.select_nodes("//*[@id='hint']").size(), control == Control::one ? 0u : 1u);
    EXPECT_EQ(without.select_nodes("//*[@aria-describedby='hint']").size(),
              control == Control::one ? 0u : 1u);
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
      "language: en\ndirection: ltr\nreviewed: no\nmonths: [January, February, March, April, May, "
      "June, July, August, September, October, November, December]\ntexts:\n");
}

TEST(TextsTest, AFileThatIsNotWholeIsRefusedWithItsLine) {
  struct Case {
    std::string yaml;
    const char* why;
  };
  const Case cases[] = {
      {"[", "MF-4262: x.yaml:"},
      {english() + "  back: Back\n", "is missing"},
      {english() + "  bakc: Back\n", "x.yaml:6: nobody says bakc"},
      {english() + "  back: Back\n  back: Back\n", "x.yaml:7: back stands here twice"},
      {english() + "  back: \"{name}\"\n", "{name} is not filled in here"},
      {english() + "  back: \"{clinic\"\n", "{} is not filled in here"},
      {english() + "  back: \"\"\n", "back is empty"},
      {"language: en\ndirection: up\nreviewed: no\nmonths: []\ntexts: {}\n", "ltr or rtl"},
      {"language: en\ndirection: ltr\nreviewed: no\nmonths: [a]\ntexts: {}\n", "twelve months"},
      {"tongue: en\n", "nothing here is called tongue"},
  };
  for (const auto& one : cases) {
    const auto read = read_texts(one.yaml, "x.yaml");
    ASSERT_FALSE(read) << one.yaml;
    EXPECT_THAT(read.error().text, HasSubstr(one.why));
  }
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

TEST(PresentationTest, WhatCannotBeUsedIsRefusedWithItsLine) {
  for (const auto* yaml : {"", "interruptions: []", "interruptions: x", "other: 1",
                           "interruptions:\n  - {display: a, action: sing, tier: emergency}",
                           "interruptions:\n  - {display: a, action: emergency, tier: no}",
                           "interruptions:\n  - {action: emergency, tier: emergency}",
                           "interruptions:\n  - {display: a, action: call-today, tier: urgent}",
                           "interruptions:\n  - {display: a, action: emergency, tier: emergency, "
                           "within-hours: -1}"}) {
    const auto read = read_presentation(yaml, "p.yaml");
    ASSERT_FALSE(read) << yaml;
    EXPECT_THAT(read.error().text, ::testing::StartsWith("MF-4260: p.yaml:"));
  }
}

TEST(PresentationTest, AFormWithoutTheDisplayDoesNotFit) {
  const auto presentation = embedded_presentation().value();
  rules::Knowledge other;
  const auto failure = misfit(presentation, other);
  ASSERT_TRUE(failure);
  EXPECT_THAT(failure->text, HasSubstr("MF-4261"));
}

}  // namespace
}  // namespace myoflag::intake
