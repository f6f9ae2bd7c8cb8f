#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fhir/decimal.h"

namespace myoflag::fhir {
namespace {

char symbol(std::string_view a, std::string_view b) {
  const auto order = compare_decimals(a, b);
  if (!order) {
    return '?';
  }
  return *order < 0 ? '<' : *order > 0 ? '>' : '=';
}

TEST(Decimals, CompareByValue) {
  struct Case {
    const char* a;
    const char* b;
    char expected;
  };
  const std::vector<Case> cases{
      {"1.10", "1.1", '='},
      {"1.10", "11e-1", '='},
      {"0", "-0.00", '='},
      {"0.05", "0.5", '<'},
      {"10", "9", '>'},
      {"-10", "-9", '<'},
      {"-1", "1", '<'},
      {"0", "1e-400", '<'},
      {"0", "-1e-400", '>'},
      {"1e400", "1e399", '>'},
      {"1e400", "10e399", '='},
      {"99.9", "99.90001", '<'},
      {"100", "1e2", '='},
      {"0.1", "0.1000000000000000055", '<'},
      {"18446744073709551616", "18446744073709551617", '<'},
      {"1e99999999999", "24", '>'},
      {"-1e99999999999", "0", '<'},
      {"1e-99999999999", "0", '>'},
      {"1e-99999999999", "0.0001", '<'},
      {"1e99999999999999999999999999", "24", '>'},
      {"-1e99999999999999999999999999", "24", '<'},
      {"1e99999999999999999999999999", "1e999999999999999999", '>'},
      {"1e-99999999999999999999999999", "1e-999999999999999999", '<'},
      {"1e-99999999999999999999999999", "1e99999999999999999999999999", '<'},
      {"1e99999999999999999999999999", "1e99999999999999999999999998", '?'},
      {"1e99999999999999999999999999", "-1e99999999999999999999999998", '>'},
      {"0e99999999999999999999999999", "0", '='},
      {"12.5", "1.25", '>'},
      {"12.5", "125e-1", '='},
      {"12.5", "12.50001", '<'},
      {"0.0012", "0.012", '<'},
      {"1.002", "1.02", '<'},
      {"100.5", "1005e-1", '='},
      {"x", "1", '?'},
      {"1.", "1", '?'},
      {"0e5", "0", '='},
  };
  for (const auto& one : cases) {
    EXPECT_EQ(symbol(one.a, one.b), one.expected) << one.a << " " << one.b;
    const char mirrored = one.expected == '<' ? '>' : one.expected == '>' ? '<' : one.expected;
    EXPECT_EQ(symbol(one.b, one.a), mirrored) << one.b << " " << one.a;
  }
}

TEST(Decimals, CountTheirWrittenPlaces) {
  EXPECT_EQ(decimal_places("1.10"), 2);
  EXPECT_EQ(decimal_places("5"), 0);
  EXPECT_EQ(decimal_places("1e-3"), 3);
  EXPECT_EQ(decimal_places("1.25e1"), 1);
  EXPECT_EQ(decimal_places("1e3"), 0);
  EXPECT_EQ(decimal_places("0.050"), 3);
  EXPECT_GT(decimal_places("1e-99999999999999999999999999"), 1'000'000);
  EXPECT_EQ(decimal_places("1e99999999999999999999999999"), 0);
  EXPECT_EQ(decimal_places("abc"), std::nullopt);
}

TEST(Integers, Have32BitsAndNoDecoration) {
  EXPECT_EQ(to_integer("2147483647"), 2147483647);
  EXPECT_EQ(to_integer("-2147483648"), -2147483647 - 1);
  EXPECT_EQ(to_integer("0"), 0);
  for (const auto* text :
       {"2147483648", "-2147483649", "1.0", "1e2", "01", "+1", "-0", "", "-", " 1"}) {
    EXPECT_EQ(to_integer(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace myoflag::fhir
