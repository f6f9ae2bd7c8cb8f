#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugin/batch/summary.h"
#include "tests/mapping/intake_support.h"

namespace myoflag::batch {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Summary some() {
  const auto& knowledge = *testing::knowledge();
  Summary summary;
  for (int i = 0; i < 25; ++i) {
    Tally tally;
    tally.assessed = true;
    tally.warned = i % 5 == 0;
    tally.tier = rules::kTiers[static_cast<std::size_t>(i) % 5];
    tally.fired = {i % 3, 7};
    tally.missing = {i % 2};
    tally.month = i < 20 ? "2026-10" : "";
    summary.count(tally, i % 6 == 5, knowledge);
  }
  Tally bad;
  bad.problem = "MF-1001";
  summary.count(bad, false, knowledge);
  return summary;
}

TEST(Summary, CountsEveryRecordOnce) {
  const auto summary = some();
  EXPECT_EQ(summary.records, 26U);
  EXPECT_EQ(summary.rejected, 1U);
  EXPECT_EQ(summary.repeated, 4U);
  EXPECT_EQ(summary.assessed, 21U);
  EXPECT_EQ(summary.records, summary.assessed + summary.rejected + summary.repeated);
}

TEST(Summary, SurvivesBeingKept) {
  const auto summary = some();
  EXPECT_EQ(summary_of(to_json(summary)), summary);
}

TEST(Summary, IsNotReadFromSomethingElse) {
  auto json = to_json(some());
  json.erase("months");
  EXPECT_FALSE(summary_of(json));
  json = to_json(some());
  json.set("records", "many");
  EXPECT_FALSE(summary_of(json));
  EXPECT_FALSE(summary_of(fhir::Json()));
}

TEST(Summary, TextHasTiersMostUrgentFirst) {
  const auto text = to_text(some(), *testing::knowledge());
  EXPECT_THAT(text, HasSubstr("26 records: 21 assessed"));
  EXPECT_LT(text.find("Emergency"), text.find("Routine"));
  EXPECT_THAT(text, HasSubstr("MF-1001"));
  EXPECT_THAT(text, HasSubstr("unknown"));
}

TEST(Summary, OfNothingHasNoTables) {
  const auto text = to_text({}, *testing::knowledge());
  EXPECT_EQ(text, "0 records: 0 assessed (0 with warnings), 0 rejected, 0 repeated\n");
  EXPECT_THAT(to_html({}, *testing::knowledge(), "now"), Not(HasSubstr("nan")));
}

TEST(Summary, PageStandsAlone) {
  const auto page = to_html(some(), *testing::knowledge(), "<now>");
  EXPECT_THAT(page, HasSubstr("&lt;now&gt;"));
  for (const auto* outside : {"src=", "href=", "@import", "url("}) {
    EXPECT_THAT(page, Not(HasSubstr(outside)));
  }
}

}  // namespace
}  // namespace myoflag::batch
