// The card builder and its markdown, on text that wants to be more than text.
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugin/cds/card.h"
#include "plugin/cds/card_policy.h"
#include "plugin/cds/markdown.h"
#include "plugin/knowledge/knowledge.h"
#include "tests/cds/card_rules.h"

namespace myoflag::cds {
namespace {

using myoflag::testing::faults_of_cards;
using rules::Line;

constexpr const char* uuid = "12345678-1234-5678-9234-567812345678";

Card plain_card() {
  Card card;
  card.uuid = uuid;
  card.summary = "A summary";
  card.source = "Somebody";
  return card;
}

TEST(Cut, KeepsWordsAndCountsAsClientsDo) {
  EXPECT_EQ(cut("short", 5), "short");
  EXPECT_EQ(cut("a sentence of words", 12), "a sentence\u2026");
  EXPECT_EQ(cut("unbreakable", 6), "unbre\u2026");
  EXPECT_EQ(cut("\U0001F600\U0001F600\U0001F600", 5), "\U0001F600\U0001F600\u2026") << "two each";
  EXPECT_EQ(cut("two\nlines", 20), "two lines");
  EXPECT_EQ(cut("", 5), "");
}

TEST(CardBuilder, AnyTextGivesACardThatKeepsTheRules) {
  for (const auto* text : {"x", "\xc3\xa4\xc3\xb6", "a\nb", "\x1b[31m", "\xff\xfe",
                           "\U0001F600\U0001F600", " ", "<script>"}) {
    Card card = plain_card();
    card.summary.clear();
    for (int i = 0; i < 200; ++i) {
      card.summary += text;
    }
    card.source = card.summary;
    EXPECT_THAT(faults_of_cards(cards_response({card})), ::testing::IsEmpty()) << text;
  }
  EXPECT_EQ(fhir::write_json(cards_response({})), R"({"cards":[]})");
}

TEST(CardBuilder, RefusesWhatIsNoCard) {
  const auto changed = [](auto change) {
    Card card = plain_card();
    change(card);
    return card;
  };
  const Card cards[] = {
      changed([](Card& card) { card.uuid.clear(); }),
      changed([](Card& card) { card.uuid = "1"; }),
      changed([](Card& card) { card.summary.clear(); }),
      changed([](Card& card) { card.source.clear(); }),
      changed([](Card& card) { card.detail.assign(kDetailBytes + 1, 'x'); }),
      changed([](Card& card) {
        card.links.push_back({"a", "/relative", "", false});
      }),
      changed([](Card& card) {
        card.links.push_back({"a", "javascript:1", "", false});
      }),
      changed([](Card& card) {
        card.links.push_back({"a", "https://x/", "context", false});
      }),
      changed([](Card& card) {
        card.override_reasons.push_back({"a", "b", ""});
      }),
      changed([](Card& card) {
        card.suggestions.push_back({uuid, "a", "b", {}});
      }),
  };
  for (const auto& card : cards) {
    EXPECT_THROW(cards_response({card}), std::logic_error) << &card - cards;
  }
}

TEST(CardPolicy, EveryReasonHasWords) {
  const auto knowledge = embedded_knowledge();
  EXPECT_GE(card_policy().override_reasons.size(), 2u);
  for (const auto& code : card_policy().override_reasons) {
    EXPECT_NE(override_text(*knowledge, code), "") << code;
  }
}

TEST(CardPolicy, IsReadOrSaidToBeWrongWithItsLine) {
  const auto good = read_card_policy("same-day-hours: 12\noverride-reasons: [b, a-1]\n");
  ASSERT_TRUE(good) << good.error();
  EXPECT_EQ(good->same_day, std::chrono::hours(12));
  EXPECT_THAT(good->override_reasons, ::testing::ElementsAre("b", "a-1"));
  for (const auto* bad :
       {"", "[]", "x", "{", "same-day-hours: 24\n", "same-day-hours: 24\noverride-reasons: []\n",
        "same-day-hours: 24\noverride-reasons: a\n",
        "same-day-hours: 24\noverride-reasons: {a: b}\n",
        "same-day-hours: 24\noverride-reasons: [A]\n",
        "same-day-hours: 24\noverride-reasons: [[a]]\n",
        "same-day-hours: 24\noverride-reasons: [a, a]\n",
        "same-day-hours: 0\noverride-reasons: [a]\n",
        "same-day-hours: soon\noverride-reasons: [a]\n",
        "same-day-hours: 99999999999\noverride-reasons: [a]\n",
        "same-day-hours: 24\noverride-reasons: [a]\nmore: 1\n"}) {
    const auto read = read_card_policy(bad);
    ASSERT_FALSE(read) << bad;
    EXPECT_THAT(read.error(), ::testing::HasSubstr("line ")) << bad;
  }
}

TEST(Markdown, TextStaysText) {
  EXPECT_EQ(markdown_escaped("# a"), "\\# a");
  EXPECT_EQ(markdown_escaped("- a"), "\\- a");
  EXPECT_EQ(markdown_escaped("1. a"), "1\\. a");
  EXPECT_EQ(markdown_escaped("12) a"), "12\\) a");
  EXPECT_EQ(markdown_escaped("a 1. b - c # d"), "a 1. b - c # d");
  EXPECT_EQ(markdown_escaped("*a* _b_ `c` ~d~ a|b"), "\\*a\\* \\_b\\_ \\`c\\` \\~d\\~ a\\|b");
  EXPECT_EQ(markdown_escaped("[a](b) ![c](d)"), "\\[a\\](b) \\!\\[c\\](d)");
  EXPECT_EQ(markdown_escaped("<img src=x onerror=y>&lt;"), "\\<img src=x onerror=y\\>\\&lt;");
  EXPECT_EQ(markdown_escaped("http://evil www.evil.example a@b"),
            "http\\://evil www\\.evil.example a\\@b");
  EXPECT_EQ(markdown_escaped("WWW.evil"), "WWW\\.evil");
  EXPECT_EQ(markdown_escaped("a\n# b"), "a # b");
  EXPECT_EQ(markdown_escaped("    code"), "code");
}

TEST(Markdown, QuotesStayInTheirPlace) {
  const auto text = markdown_lines({{"Label", "", 0, Line::Style::plain},
                                    {"one\n\n# two\n    three", "", 1, Line::Style::quote},
                                    {"After", "basis", 0, Line::Style::strong},
                                    {"Deep", "", 5, Line::Style::plain}});
  EXPECT_EQ(text,
            "- Label\n"
            "  > one  \n"
            "  >   \n"
            "  > \\# two  \n"
            "  > three  \n"
            "- **After** _(basis)_\n"
            "  - Deep\n");
}

}  // namespace
}  // namespace myoflag::cds
