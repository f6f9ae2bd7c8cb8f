// What differs between two versions of the knowledge, entry by entry and field by field.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/difference.h"
#include "rules/loader.h"
#include "tests/rules/small_knowledge.h"

namespace myoflag::rules {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Kind = Difference::Kind;

KnowledgePtr load(const KnowledgeFiles& files) {
  auto knowledge = load_knowledge(files);
  EXPECT_TRUE(knowledge) << listing(knowledge.error());
  return knowledge.value_or(nullptr);
}

const Knowledge& before() {
  static const KnowledgePtr one = load(real_files());
  return *one;
}

struct Change {
  const char *file, *before, *after;
  Difference expected;
};

const Change kChanges[] = {
    {"rules/emergency.yaml",
     "any(em-now: chest-pain-heartbeat)",
     "any(em-now: breathless-rest|chest-pain-heartbeat)",
     {Kind::changed, "rule", "em-cardiac-symptoms", {"criteria"}}},
    {"policies.yaml",
     "emergency-answers-hours: 24",
     "emergency-answers-hours: 12",
     {Kind::changed, "setting", "", {"emergency-answers-hours"}}},
    {"bindings.yaml",
     "text: [lithium, priadel]",
     "text: [lithium]",
     {Kind::changed, "binding", "medicine-classes lithium", {"text"}}},
};

TEST(Differences, OfTheSameFilesThereAreNone) {
  EXPECT_THAT(differences(before(), before()), IsEmpty());
}

TEST(Differences, LayoutAndCommentsAreNone) {
  auto others = real_files();
  for (auto& [name, text] : others) {
    text = "# a comment\n" + text;
  }
  EXPECT_THAT(differences(before(), *load(others)), IsEmpty());
}

TEST(Differences, NameTheEntryAndTheField) {
  const auto files = real_files();
  for (const auto& change : kChanges) {
    const auto after = load(with(files, change.file, change.before, change.after));
    ASSERT_TRUE(after) << change.file;
    EXPECT_THAT(differences(before(), *after), ElementsAre(change.expected)) << change.file;
  }
}

TEST(Differences, TellWhatCameAndWhatWent) {
  const auto files = real_files();
  const auto after = load(with(files, "hypotheses.yaml", "hypotheses:\n",
                               "hypotheses:\n  - {code: something-new, text: something new}\n"));
  ASSERT_TRUE(after);
  EXPECT_THAT(differences(before(), *after),
              ElementsAre(Difference{Kind::added, "hypothesis", "something-new", {}}));
  EXPECT_THAT(differences(*after, before()),
              ElementsAre(Difference{Kind::removed, "hypothesis", "something-new", {}}));
}

}  // namespace
}  // namespace myoflag::rules
