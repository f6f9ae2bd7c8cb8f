#include <limits>
#include <random>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "rules/number.h"

namespace myoflag::rules {
namespace {

TEST(Number, ReadsDecimalText) {
  const std::pair<const char*, std::int64_t> table[] = {
      {"0", 0},
      {"-0", 0},
      {"12", 12'000'000'000},
      {"2.5", 2'500'000'000},
      {"2.50", 2'500'000'000},
      {"-0.5", -500'000'000},
      {"1.2e3", 1'200'000'000'000},
      {"1.2E+3", 1'200'000'000'000},
      {"25e-1", 2'500'000'000},
      {"0.000000001", 1},
      {"0.0000000019", 1},
      {"9223372036.854775807", std::numeric_limits<std::int64_t>::max()},
      {"1e-4000", 0},
      {"0e999", 0},
  };
  for (const auto& [text, nano] : table) {
    const auto number = read_number(text);
    ASSERT_TRUE(number) << text;
    EXPECT_EQ(number->nano, nano) << text;
  }
}

TEST(Number, RefusesWhatIsNoNumberOrTooLarge) {
  for (const char* text : {"",
                           "-",
                           "+1",
                           ".5",
                           "5.",
                           "1e",
                           "1e+",
                           "1e+-2",
                           "0x10",
                           "1,5",
                           " 1",
                           "1 ",
                           "nan",
                           "inf",
                           "1.2.3",
                           "--1",
                           "9223372036.854775808",
                           "1e10",
                           "1e999999999999",
                           "99999999999999999999999999999999999999999999"}) {
    EXPECT_FALSE(read_number(text)) << text;
  }
}

TEST(Number, DigitsBeyondTheNinthNeverCarryAValueAcrossALimit) {
  EXPECT_LT(*read_number("2.4999999999999999999999999999999999999999999"), *read_number("2.5"));
  EXPECT_LE(*read_number("2.5"), *read_number("2.5000000000000000000000000000000000000000001"));
}

TEST(Number, TextReadsBackAsTheSameNumber) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 20'000; ++i) {
    const Number number{static_cast<std::int64_t>(random() >> (i % 60)) * (i % 2 == 0 ? 1 : -1)};
    EXPECT_EQ(read_number(to_text(number)), number) << to_text(number);
  }
  EXPECT_EQ(to_text(*read_number("2.50")), "2.5");
  EXPECT_EQ(to_text(*read_number("-0.05")), "-0.05");
  EXPECT_EQ(to_text(whole(30)), "30");
  const Number lowest{std::numeric_limits<std::int64_t>::min()};
  EXPECT_EQ(to_text(lowest), "-9223372036.854775808");
}

TEST(Number, ProductAndQuotientAreCutTowardZero) {
  EXPECT_EQ(product(whole(10), *read_number("0.2495")), read_number("2.495"));
  EXPECT_EQ(quotient(whole(1), whole(3)), read_number("0.333333333"));
  EXPECT_EQ(quotient(whole(-1), whole(3)), read_number("-0.333333333"));
  EXPECT_FALSE(quotient(whole(1), whole(0)));
  EXPECT_FALSE(product(whole(9'000'000'000), whole(2)));
  EXPECT_FALSE(quotient(whole(9'000'000'000), *read_number("0.1")));
}

}  // namespace
}  // namespace myoflag::rules
