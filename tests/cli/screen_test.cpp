#include <gtest/gtest.h>

#include "plugin/cli/screen.h"

namespace myoflag::cli {
namespace {

using rules::Explanation;
using rules::Line;
using rules::Section;

Explanation with_line(Line line) {
  Explanation explanation;
  explanation.tier = rules::Tier::urgent;
  explanation.sections.push_back({Section::Kind::headline, "", {{"Urgent: now", "", 0, {}}}});
  explanation.sections.push_back({Section::Kind::why, "WHY", {std::move(line)}});
  return explanation;
}

TEST(SafeText, KeepsWordsLineFeedsAndTabs) {
  EXPECT_EQ(safe_text("a\tb\nc \xC3\xA9 \xE2\x82\xAC"), "a\tb\nc \xC3\xA9 \xE2\x82\xAC");
  EXPECT_EQ(safe_text("a\r\nb"), "a\nb");
}

TEST(SafeName, StaysInItsLine) {
  EXPECT_EQ(safe_name("a\nb\tc\r\n"), "a<U+000A>b<U+0009>c<U+000D><U+000A>");
  EXPECT_EQ(safe_name("r\xC3\xA9sum\xC3\xA9.json"), "r\xC3\xA9sum\xC3\xA9.json");
  EXPECT_EQ(safe_name(""), "");
}

struct Hidden {
  const char* name;
  std::string_view text;
  const char* shown;
};

class SafeTextHidden : public testing::TestWithParam<Hidden> {};

TEST_P(SafeTextHidden, BecomesVisible) { EXPECT_EQ(safe_text(GetParam().text), GetParam().shown); }

INSTANTIATE_TEST_SUITE_P(All, SafeTextHidden,
                         testing::Values(Hidden{"Escape", "\x1b[2J", "<U+001B>[2J"},
                                         Hidden{"CarriageReturn", "a\rb", "a<U+000D>b"},
                                         Hidden{"Nul", std::string_view("a\0b", 3), "a<U+0000>b"},
                                         Hidden{"Delete", "a\x7f", "a<U+007F>"},
                                         Hidden{"C1Control",
                                                "\xC2\x9B"
                                                "2J",
                                                "<U+009B>2J"},
                                         Hidden{"RightToLeftOverride",
                                                "\xE2\x80\xAE"
                                                "abc",
                                                "<U+202E>abc"},
                                         Hidden{"ZeroWidthSpace",
                                                "a\xE2\x80\x8B"
                                                "b",
                                                "a<U+200B>b"},
                                         Hidden{"SoftHyphen", "a\xC2\xAD", "a<U+00AD>"},
                                         Hidden{"InvisibleTimes", "\xE2\x81\xA2", "<U+2062>"},
                                         Hidden{"Annotation",
                                                "\xEF\xBF\xB9\xEF\xBF\xBA\xEF\xBF\xBB",
                                                "<U+FFF9><U+FFFA><U+FFFB>"},
                                         Hidden{"LoneByte", "a\xFF", "a<FF>"},
                                         Hidden{"OverlongSlash", "\xC0\xAF", "<C0><AF>"},
                                         Hidden{"Surrogate", "\xED\xA0\x80", "<ED><A0><80>"}),
                         [](const auto& one) { return std::string(one.param.name); });

TEST(Draw, SaysHowToSeeWhatWasShortened) {
  Explanation explanation = with_line({"3 more", "", 0, {}});
  EXPECT_EQ(draw(explanation, {false, 60}).find("--all"), std::string::npos);
  explanation.shortened = true;
  EXPECT_NE(draw(explanation, {false, 60}).find("--all"), std::string::npos);
}

TEST(Draw, WrapsAtTheWidthAndKeepsTheIndent) {
  const std::string text =
      draw(with_line({"one two three four five six seven eight nine", "", 1, {}}), {false, 24});
  EXPECT_EQ(text,
            "Urgent: now\n\nWHY\n    one two three four\n    five six seven eight\n    nine\n");
}

TEST(Draw, CutsAWordThatIsWiderThanALine) {
  const std::string text = draw(with_line({std::string(50, 'x'), "", 0, {}}), {false, 24});
  EXPECT_EQ(text, "Urgent: now\n\nWHY\n  " + std::string(22, 'x') + "\n  " + std::string(22, 'x') +
                      "\n  xxxxxx\n");
}

TEST(Draw, CountsWideAndCombiningCharacters) {
  // Twenty-two columns: eleven wide characters fit into one line, the twelfth does not.
  std::string wide;
  for (int i = 0; i < 12; ++i) {
    wide += "\xE4\xB8\xAD";
  }
  const std::string text = draw(with_line({wide, "", 0, {}}), {false, 24});
  EXPECT_EQ(text, "Urgent: now\n\nWHY\n  " + wide.substr(0, 33) + "\n  " + wide.substr(33) + "\n");
}

TEST(Draw, IsPlainWithoutColour) {
  const std::string text =
      draw(with_line({"text", "rule: source", 0, Line::Style::strong}), {false, 80});
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NE(text.find("text [rule: source]"), std::string::npos);
}

TEST(Draw, ColoursTheTierWhenItMay) {
  const std::string text = draw(with_line({"text", "", 0, {}}), {true, 80});
  EXPECT_EQ(text.find("\x1b["), 0U);
}

TEST(Draw, QuotesThePatientLineByLineAndDisarmsIt) {
  const std::string text =
      draw(with_line({"first\n\nsecond \x1b[31m", "", 0, Line::Style::quote}), {false, 80});
  EXPECT_NE(text.find("  | first\n  | \n  | second <U+001B>[31m\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace myoflag::cli
