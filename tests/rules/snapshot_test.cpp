
#include <gtest/gtest.h>

#include "rules/program.h"
#include "rules/snapshot.h"
#include "tests/rules/small_knowledge.h"
#include "tests/support/processor_time.h"

namespace myoflag::rules {
namespace {

KnowledgePtr real() { return load_knowledge(real_files()).value(); }

TEST(Snapshot, WhatIsReadIsWhatWasWritten) {
  const auto knowledge = real();
  const std::string bytes = write_snapshot(*knowledge);
  const auto read = read_snapshot(bytes);
  ASSERT_TRUE(read) << read.error().text;
  // The writer covers every member (it does not compile otherwise), so equal bytes are equal
  // knowledge.
  EXPECT_EQ(write_snapshot(**read), bytes);
  EXPECT_EQ((*read)->digest, knowledge->digest);
  ASSERT_EQ((*read)->rules.size(), knowledge->rules.size());
  for (std::size_t i = 0; i < knowledge->rules.size(); ++i) {
    EXPECT_EQ((*read)->rules[i].criterion, knowledge->rules[i].criterion);
    EXPECT_EQ((*read)->rules[i].target, knowledge->rules[i].target);
    EXPECT_EQ((*read)->rules[i].last, knowledge->rules[i].last);
  }
  EXPECT_EQ((*read)->items.size(), knowledge->items.size());
  EXPECT_EQ((*read)->program.roots, knowledge->program.roots);
  EXPECT_EQ((*read)->texts, knowledge->texts);
}

TEST(Snapshot, TheSameKnowledgeGivesTheSameBytes) {
  EXPECT_EQ(write_snapshot(*real()), write_snapshot(*real()));
}

TEST(Snapshot, AnyDamageIsNoticed) {
  const std::string good = write_snapshot(*load_knowledge(small_files()).value());
  for (std::size_t at = 0; at < good.size(); at += 13) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x20);
    EXPECT_FALSE(read_snapshot(bad)) << at;
    EXPECT_FALSE(read_snapshot(std::string_view(good).substr(0, at))) << at;
  }
  EXPECT_FALSE(read_snapshot(good + "x"));
  EXPECT_FALSE(read_snapshot(""));
}

TEST(Snapshot, ReadsInMilliseconds) {
  const std::string bytes = write_snapshot(*real());
  double best = 1e9;
  for (int i = 0; i < 10; ++i) {
    const double begin = myoflag::timing::processor_seconds();
    const auto read = read_snapshot(bytes);
    const double spent = myoflag::timing::processor_seconds() - begin;
    ASSERT_TRUE(read);
    best = std::min(best, 1e3 * spent);
  }
  RecordProperty("best_ms", std::to_string(best));
#if defined(NDEBUG) && !defined(MYOFLAG_SANITIZED)
  EXPECT_LT(best, 3.0);
#else
  EXPECT_LT(best, 300.0);
#endif
}

}  // namespace
}  // namespace myoflag::rules
