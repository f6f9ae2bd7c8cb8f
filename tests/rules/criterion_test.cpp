#include <string>
#include <tuple>

#include <gtest/gtest.h>

#include "rules/criterion.h"

namespace myoflag::rules {
namespace {

using Kind = Criterion::Kind;

const OptionSets kSets{{"FUNC", {"function-loss", {"grip", "stairs"}}},
                       {"SEROT", {"medicine-classes", {"ssri", "tca"}}}};

auto read(std::string_view text) {
  return read_criterion(text, kSets, "medicine-classes", "health-conditions");
}

TEST(Criterion, ReadsEveryForm) {
  const std::pair<const char*, Kind> table[] = {
      {"any(a: b|c)", Kind::any_of},
      {"only(a: b)", Kind::only},
      {"count(a: b|c) >= 2", Kind::count},
      {"isNone(a)", Kind::is_none},
      {"answered(a)", Kind::answered},
      {"unsure(a)", Kind::unsure},
      {"num(a) < 2.5", Kind::number},
      {"sum(a, b) >= 3", Kind::sum},
      {"age >= 16", Kind::age},
      {"is(pregnant-any)", Kind::is},
      {"med(lithium)", Kind::med},
      {"cond(kidney)", Kind::cond},
      {"lab(k) <= 3", Kind::lab},
      {"firedTier(urgent|soon)", Kind::fired_tier},
      {"isFalse(any(a: b))", Kind::is_false},
  };
  for (const auto& [text, kind] : table) {
    const auto criterion = read(text);
    ASSERT_TRUE(criterion) << text << ": " << criterion.error().text;
    EXPECT_EQ(criterion->kind, kind) << text;
  }
}

TEST(Criterion, AndBindsCloserThanOr) {
  const auto criterion = read("isNone(a) or isNone(b) and isNone(c)");
  ASSERT_TRUE(criterion);
  EXPECT_EQ(criterion->kind, Kind::any);
  ASSERT_EQ(criterion->children.size(), 2U);
  EXPECT_EQ(criterion->children[1].kind, Kind::all);
  const auto grouped = read("(isNone(a) or isNone(b)) and isNone(c)");
  ASSERT_TRUE(grouped);
  EXPECT_EQ(grouped->kind, Kind::all);
  EXPECT_EQ(grouped->children[0].kind, Kind::any);
}

TEST(Criterion, ChainsAreFlatAndWhiteSpaceIsFree) {
  const auto criterion = read("\n any( a :\tb | c )\r\nand isNone(a)and isNone( b )\n");
  ASSERT_TRUE(criterion);
  EXPECT_EQ(criterion->children.size(), 3U);
  EXPECT_EQ(criterion->children[0].options, (std::vector<std::string>{"b", "c"}));
}

TEST(Criterion, OptionSetsAreWrittenOutOnce) {
  const auto criterion = read("any(function-loss: stairs|FUNC|grip)");
  ASSERT_TRUE(criterion);
  EXPECT_EQ(criterion->options, (std::vector<std::string>{"stairs", "grip"}));
  EXPECT_EQ(read("med(SEROT|lithium)")->options,
            (std::vector<std::string>{"ssri", "tca", "lithium"}));
}

TEST(Criterion, LimitsKeepTheirExactValueAndDirection) {
  const std::tuple<const char*, Compare, const char*> table[] = {
      {"lab(k) < 2.5", Compare::less, "2.5"},
      {"lab(k) <= 2.5", Compare::at_most, "2.5"},
      {"lab(k) > -3", Compare::more, "-3"},
      {"age >= 16", Compare::at_least, "16"}};
  for (const auto& [text, compare, limit] : table) {
    const auto criterion = read(text);
    ASSERT_TRUE(criterion) << text;
    EXPECT_EQ(criterion->compare, compare) << text;
    EXPECT_EQ(criterion->limit, *read_number(limit)) << text;
  }
}

TEST(Criterion, ErrorsNameTheirPlace) {
  const std::tuple<const char*, std::size_t> table[] = {{"", 0},
                                                        {"any", 3},
                                                        {"any(a)", 5},
                                                        {"any(a: )", 7},
                                                        {"any(a: b", 8},
                                                        {"any(a: b) isNone(a)", 10},
                                                        {"any(a: b) and", 13},
                                                        {"isNone(a) or anny(a: b)", 13},
                                                        {"any(a: FUNC)", 7},
                                                        {"any(function-loss: NONE)", 19},
                                                        {"med(FUNC)", 4},
                                                        {"num(a) = 2", 7},
                                                        {"num(a) >= two", 10},
                                                        {"count(a: b) < 2", 12},
                                                        {"age 16", 4},
                                                        {"(isNone(a)", 10},
                                                        {"isNone(a))", 9},
                                                        {"isFalse()", 8},
                                                        {"any(a: b) & isNone(a)", 10}};
  for (const auto& [text, offset] : table) {
    const auto criterion = read(text);
    ASSERT_FALSE(criterion) << text;
    EXPECT_EQ(criterion.error().offset, offset) << text << ": " << criterion.error().text;
    EXPECT_FALSE(criterion.error().text.empty());
  }
}

TEST(Criterion, FormsKnowWhereTheyStand) {
  const auto criterion = read("isNone(a)\n  and isFalse(any(b: c))");
  ASSERT_TRUE(criterion);
  EXPECT_EQ(criterion->children[0].offset, 0U);
  EXPECT_EQ(criterion->children[1].offset, 16U);
  EXPECT_EQ(criterion->children[1].children[0].offset, 24U);
}

TEST(Criterion, DeepNestingIsRefusedNotFollowed) {
  const std::string deep = std::string(100'000, '(') + "isNone(a)" + std::string(100'000, ')');
  EXPECT_FALSE(read(deep));
  std::string negated;
  for (int i = 0; i < 100'000; ++i) {
    negated += "isFalse(";
  }
  EXPECT_FALSE(read(negated));
}

TEST(Criterion, ALongChainIsNoDepth) {
  std::string chain = "isNone(a)";
  for (int i = 0; i < 5'000; ++i) {
    chain += i % 2 == 0 ? " or isNone(a)" : " and isNone(a)";
  }
  EXPECT_TRUE(read(chain));
}

}  // namespace
}  // namespace myoflag::rules
