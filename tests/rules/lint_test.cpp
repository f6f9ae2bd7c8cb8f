#include <set>
#include <tuple>

#include <gtest/gtest.h>

#include "rules/lint.h"
#include "tests/rules/small_knowledge.h"
#include "tests/support/processor_time.h"

namespace myoflag::rules {
namespace {

class BadKnowledge : public testing::TestWithParam<std::string> {};

// Each folder is laid over the small complete set; all of its problems come in one run, each with
// its place.
TEST_P(BadKnowledge, GivesTheWholeListing) {
  KnowledgeFiles files = small_files();
  add_folder(bad_dir() / GetParam(), files);
  EXPECT_EQ(listing(lint(files)), bytes_of(bad_dir() / GetParam() / "expected.txt"));
}

INSTANTIATE_TEST_SUITE_P(Folders, BadKnowledge,
                         testing::Values("unreadable", "shapes", "form", "criteria", "rules",
                                         "codes", "cases", "twenty", "closer-look"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(Lint, TwentyProblemsComeInOneRun) {
  KnowledgeFiles files = small_files();
  add_folder(bad_dir() / "twenty", files);
  EXPECT_GE(lint(files).size(), 20U);
}

TEST(Lint, TheSmallSetHasNothingWrong) { EXPECT_EQ(listing(lint(small_files())), ""); }

TEST(Lint, TheKnowledgeOfTheProjectHasNothingWrong) { EXPECT_EQ(listing(lint(real_files())), ""); }

// With a slip in another part the rule still fires sometimes, so only the idle part is told.
TEST(Lint, PartsThatDoNothingAreTold) {
  const std::tuple<const char*, const char*, std::size_t> table[] = {
      {"any(onset: months) or (any(weakness: arm) and isNone(weakness))", "true", 23},
      {"any(weakness: arm) and (any(onset: days) or isNone(weakness))", "true", 44},
      {"any(weakness: arm) and (num(cups) >= 0 or isFalse(num(cups) >= 0))", "false", 24},
  };
  for (const auto& [criterion, word, offset] : table) {
    const auto files =
        with(small_files(), "rules/emergency.yaml", "\"any(weakness: WEAK) and any(onset: days)\"",
             std::string("\"") + criterion + '"');
    Problems problems = lint(files);
    std::erase_if(problems, [](const Problem& problem) { return problem.code != "MF-2211"; });
    ASSERT_EQ(problems.size(), 1U) << criterion;
    EXPECT_EQ(problems[0].severity, Severity::warning);
    EXPECT_EQ(problems[0].text, std::string("no answers make this part ") + word);
    EXPECT_EQ(problems[0].column, 16 + offset) << listing(problems);
    EXPECT_TRUE(load_knowledge(files));
  }
}

// Each part is tried against all the others: the work grows as the square of the parts, up to a
// bound that is told where it is reached.
TEST(Lint, ACriterionOfThousandsOfPartsIsBoundedAndSaysSo) {
  std::string criterion = "any(onset: months) and any(weakness: arm)";
  for (int i = 0; i < 2500; ++i) {
    criterion += " or (any(onset: days) and any(weakness: arm))";
  }
  const auto files = with(small_files(), "rules/emergency.yaml",
                          "\"any(weakness: WEAK) and any(onset: days)\"", "\"" + criterion + '"');
  const auto began = timing::processor_seconds();
  const Problems problems = lint(files);
  const auto took = timing::processor_seconds() - began;
  ASSERT_EQ(problems.size(), 1U) << listing(problems);
  EXPECT_EQ(problems[0].code, "MF-2202");
  EXPECT_EQ(problems[0].file, "rules/emergency.yaml");
  EXPECT_EQ(problems[0].line, 5U);
  EXPECT_EQ(problems[0].column, 15U);
  EXPECT_EQ(problems[0].severity, Severity::warning);
  EXPECT_LT(took, 3 * timing::kSlowness) << "seconds";
}

TEST(Lint, WarningsDoNotStopLoading) {
  const auto files = with(small_files(), "sources.yaml",
                          "sources:", "sources:\n  - {id: unread, grade: C, title: A page}");
  const Problems problems = lint(files);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].severity, Severity::warning);
  EXPECT_TRUE(load_knowledge(files));
}

TEST(Problem, TheCaretStandsUnderItsColumn) {
  Problem problem{"MF-2012", "unknown key", "a.yaml", 3, 4, "\tä: b", Severity::error};
  EXPECT_EQ(to_text(problem), "a.yaml:3:4: MF-2012: unknown key\n  \tä: b\n  \t  ^\n");
  problem.line = 0;
  problem.excerpt.clear();
  EXPECT_EQ(to_text(problem), "a.yaml: MF-2012: unknown key\n");
}

TEST(Problem, AnExcerptIsPrintable) {
  EXPECT_EQ(excerpt_of("a\x1b[2Jb\xff\xc3"), "a?[2Jb??");
  EXPECT_LE(excerpt_of(std::string(100'000, 'x')).size(), 400U);
}

}  // namespace
}  // namespace myoflag::rules
