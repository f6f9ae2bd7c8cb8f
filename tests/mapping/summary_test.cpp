#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fhir/base64.h"
#include "plugin/mapping/digest.h"
#include "plugin/mapping/summary_html.h"
#include "tests/mapping/assessed_response.h"

namespace myoflag::mapping {
namespace {

using rules::Explanation;
using rules::Line;
using rules::Section;
using testing::HasSubstr;
using testing::Not;

Section section(Section::Kind kind, std::string title, std::vector<Line> lines) {
  return {kind, std::move(title), std::move(lines)};
}

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) {
    ++found;
  }
  return found;
}

TEST(SummaryHtml, EscapesWhatCouldBecomeMarkup) {
  EXPECT_EQ(html_escaped("<b a='1' c=\"2\">&amp;"),
            "&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp;amp;");
  EXPECT_EQ(html_escaped("caf\xc3\xa9 \xf0\x9f\x98\x80"), "caf\xc3\xa9 \xf0\x9f\x98\x80");
}

TEST(SummaryHtml, ShowsWhatWouldBeInvisibleOrTurnTextRound) {
  EXPECT_EQ(html_escaped(std::string("a\x01\0b\tc\r\nd", 9)),
            "a&lt;U+0001&gt;&lt;U+0000&gt;b\tc\nd");
  EXPECT_EQ(html_escaped("not \xe2\x80\xae\x65rus"), "not &lt;U+202E&gt;erus");
}

TEST(SummaryHtml, EveryTextOfTheExplanationIsEscaped) {
  const std::string evil = "<script>alert('x')</script>";
  Explanation explanation;
  explanation.tier = rules::Tier::urgent;
  for (const auto kind : {Section::Kind::headline, Section::Kind::why, Section::Kind::patient_words,
                          Section::Kind::provenance}) {
    for (const auto style :
         {Line::Style::plain, Line::Style::strong, Line::Style::quote, Line::Style::quiet}) {
      explanation.sections.push_back(section(kind, evil, {{evil, evil, 0, style}}));
    }
  }
  const auto html = summary_html(explanation, evil);
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_GE(count(html, "&lt;script&gt;"), 4U * 4U * 2U);
}

TEST(SummaryHtml, LinesNestByTheirIndent) {
  Explanation explanation;
  explanation.sections.push_back(section(Section::Kind::why, "Why",
                                         {{"a", "", 0, Line::Style::plain},
                                          {"b", "", 1, Line::Style::plain},
                                          {"c", "", 3, Line::Style::plain},
                                          {"d", "", 0, Line::Style::plain}}));
  const auto html = summary_html(explanation, "t");
  EXPECT_EQ(count(html, "<ul>"), 3U);
  EXPECT_EQ(count(html, "<ul>"), count(html, "</ul>"));
  EXPECT_EQ(count(html, "<li>"), 4U);
  EXPECT_EQ(count(html, "<li>"), count(html, "</li>"));
}

TEST(SummaryHtml, StandsAlone) {
  auto given = calm_answers();
  given["em-sudden"] = {"face-droop"};
  const auto html = summary_html(judged(given).assessment);
  EXPECT_THAT(html, testing::StartsWith("<!DOCTYPE html>"));
  EXPECT_THAT(html, HasSubstr("<meta charset=\"utf-8\">"));
  EXPECT_THAT(html, HasSubstr("<html lang=\"en\">"));
  EXPECT_THAT(html, HasSubstr("<body class=\"emergency\">"));
  for (const auto* outside :
       {"<script", "<link", "<img", "<iframe", "src=", "href=", "@import", "url("}) {
    EXPECT_THAT(html, Not(HasSubstr(outside)));
  }
  EXPECT_EQ(count(html, "<h1>"), 1U);
  EXPECT_THAT(html, HasSubstr("<footer>"));
}

TEST(SummaryHtml, HidesNothingBehindASwitch) {
  auto given = calm_answers();
  for (const auto* link : {"em-now", "em-sudden", "em-spreading", "em-context", "course"}) {
    given.erase(link);
  }
  given["function-loss"] = {"grip", "stairs-chair", "arms-up", "head-up", "falls"};
  given["medicine-classes"] = {"lithium", "diuretic", "ssri-snri", "opioid"};
  const auto assessment = judged(given).assessment;
  const auto html = summary_html(assessment);
  EXPECT_THAT(html, Not(HasSubstr("--all")));
  for (const auto& finding : assessment.findings) {
    if (finding.status == rules::FindingStatus::fired) {
      EXPECT_THAT(html, HasSubstr(html_escaped(finding.rule->title)));
    }
  }
}

TEST(Digest, MatchesPublishedVectors) {
  // RFC 4648 section 10, FIPS 180-4 examples.
  EXPECT_EQ(fhir::base64(""), "");
  EXPECT_EQ(fhir::base64("f"), "Zg==");
  EXPECT_EQ(fhir::base64("fo"), "Zm8=");
  EXPECT_EQ(fhir::base64("foo"), "Zm9v");
  EXPECT_EQ(fhir::base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(fhir::base64("\xff\xfe"), "//4=");
  EXPECT_EQ(sha1_base64("abc"), "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace myoflag::mapping
