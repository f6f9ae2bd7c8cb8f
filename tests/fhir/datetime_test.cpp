#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "fhir/datetime.h"

namespace myoflag::fhir {
namespace {

TEST(ParseDate, AcceptsPartialDatesOfTheCalendar) {
  for (const auto* text : {"2024", "2024-02", "2024-02-29", "0001", "9999-12-31", "2000-02-29"}) {
    EXPECT_TRUE(parse_date(text)) << text;
  }
}

TEST(ParseDate, RefusesEverythingElse) {
  for (const auto* text : {"",
                           "0000",
                           "24",
                           "20240101",
                           "2024-",
                           "2024-00",
                           "2024-13",
                           "2024-1",
                           "2024-02-30",
                           "2023-02-29",
                           "1900-02-29",
                           "2024-04-31",
                           "2024-02-00",
                           "2024-02-01T00:00:00Z",
                           "2024-02-01 ",
                           " 2024",
                           "2024/02",
                           "-2024",
                           "2024-02-01Z",
                           "twenty"}) {
    EXPECT_FALSE(parse_date(text)) << text;
  }
}

TEST(ParseDateTime, NeedsSecondsAndZoneWithTime) {
  for (const auto* text :
       {"2024", "2024-02-29", "2024-02-29T00:00:00Z", "2024-02-29T23:59:60+14:00",
        "2024-02-29T01:02:03.5-13:59", "2024-02-29T01:02:03.123456789012Z"}) {
    EXPECT_TRUE(parse_date_time(text)) << text;
  }
  for (const auto* text :
       {"2024-02-29T00:00Z", "2024-02-29T00:00:00", "2024-02T00:00:00Z", "2024-02-29T24:00:00Z",
        "2024-02-29T00:60:00Z", "2024-02-29T00:00:61Z", "2024-02-29T00:00:00.Z",
        "2024-02-29T00:00:00+14:01", "2024-02-29T00:00:00+15:00", "2024-02-29T00:00:00+1:00",
        "2024-02-29t00:00:00Z", "2024-02-29T00:00:00z", "2024-02-30T00:00:00Z",
        "2024-02-29T00:00:00ZZ", "2024-02-29 00:00:00Z"}) {
    EXPECT_FALSE(parse_date_time(text)) << text;
  }
}

TEST(ParseInstant, RefusesDates) {
  EXPECT_TRUE(parse_instant("2015-02-07T13:28:17.239+02:00"));
  EXPECT_FALSE(parse_instant("2015-02-07"));
  EXPECT_FALSE(parse_instant("2015"));
}

TEST(ParseTime, HasNoZone) {
  const auto time = parse_time("08:09:10.25");
  ASSERT_TRUE(time);
  EXPECT_EQ(*time, (TimeOfDay{8, 9, 10, 250'000'000}));
  EXPECT_LT(*parse_time("08:09:10"), *time);
  for (const auto* text :
       {"", "8:00:00", "08:00", "24:00:00", "08:00:00Z", "08:00:00.", "08:60:00"}) {
    EXPECT_FALSE(parse_time(text)) << text;
  }
}

TEST(ParseDateTime, KeepsAllParts) {
  const auto value = parse_date_time("2015-02-07T13:28:17.239-02:30");
  ASSERT_TRUE(value);
  EXPECT_EQ(value->precision, Precision::second);
  EXPECT_EQ(
      std::tuple(value->year, value->month, value->day, value->hour, value->minute, value->second),
      std::tuple(2015, 2U, 7U, 13U, 28U, 17U));
  EXPECT_EQ(value->nanosecond, 239'000'000U);
  EXPECT_EQ(value->zone, std::chrono::minutes(-150));
  EXPECT_EQ(instant_text(*to_sys_seconds(*value)), "2015-02-07T15:58:17Z");
}

struct Comparison {
  std::string a;
  std::string b;
  char expected;  // <, =, > or ? for unknown
};

void PrintTo(const Comparison& row, std::ostream* out) {
  *out << row.a << ' ' << row.expected << ' ' << row.b;
}

class CompareDateTimes : public testing::TestWithParam<Comparison> {};

char symbol(std::optional<std::strong_ordering> order) {
  if (!order) {
    return '?';
  }
  return *order < 0 ? '<' : *order > 0 ? '>' : '=';
}

TEST_P(CompareDateTimes, AnswersUnknownWhenPrecisionCannotDecide) {
  const auto a = parse_date_time(GetParam().a);
  const auto b = parse_date_time(GetParam().b);
  ASSERT_TRUE(a && b);
  const char expected = GetParam().expected;
  const char mirrored = expected == '<' ? '>' : expected == '>' ? '<' : expected;
  EXPECT_EQ(symbol(compare(*a, *b)), expected) << GetParam().a << " " << GetParam().b;
  EXPECT_EQ(symbol(compare(*b, *a)), mirrored) << GetParam().b << " " << GetParam().a;
}

const std::vector<Comparison> comparisons{
    {"2024", "2024", '='},
    {"2023", "2024", '<'},
    {"2024", "2024-03", '?'},
    {"2024", "2024-01-01", '?'},
    {"2023", "2024-01-01", '<'},
    {"2024-02", "2024-02", '='},
    {"2024-02", "2024-03-01", '<'},
    {"2024-02", "2024-02-29", '?'},
    {"2024-02-28", "2024-02-29", '<'},
    {"2024-02-29", "2024-02-29", '='},
    {"2024-01-01T00:00:00Z", "2024-01-01T00:00:00.000Z", '='},
    {"2024-01-01T00:00:00Z", "2024-01-01T00:00:00.001Z", '<'},
    {"2024-01-01T12:00:00+02:00", "2024-01-01T10:00:00Z", '='},
    {"2024-01-01T23:30:00-05:00", "2024-01-02T01:00:00Z", '>'},
    // A day without zone may begin 14 hours before and end 14 hours after the UTC day.
    {"2024-01-02", "2024-01-02T12:00:00Z", '?'},
    {"2024-01-02", "2024-01-01T10:00:00Z", '?'},
    {"2024-01-02", "2024-01-01T09:59:59Z", '>'},
    {"2024-01-02", "2024-01-03T13:59:59Z", '?'},
    {"2024-01-02", "2024-01-03T14:00:00Z", '<'},
    {"2024", "2026-01-01T00:00:00Z", '<'},
    {"2024", "2024-06-01T00:00:00Z", '?'},
    {"0001", "9999-12-31T23:59:59Z", '<'},
};

INSTANTIATE_TEST_SUITE_P(DateTime, CompareDateTimes, testing::ValuesIn(comparisons));

TEST(Instants, NeedTimeAndZone) {
  EXPECT_FALSE(to_sys_seconds(*parse_date_time("2024-02-29")));
  EXPECT_TRUE(to_sys_seconds(*parse_date_time("2024-02-29T00:00:00Z")));
}

TEST(Instants, EarliestAndLatestSpanAllZones) {
  const auto day = *parse_date("2024-03-01");
  EXPECT_EQ(instant_text(earliest(day)), "2024-02-29T10:00:00Z");
  EXPECT_EQ(instant_text(latest(day)), "2024-03-02T13:59:59Z");
  const auto year = *parse_date("2024");
  EXPECT_EQ(instant_text(earliest(year)), "2023-12-31T10:00:00Z");
  EXPECT_EQ(instant_text(latest(year)), "2025-01-01T13:59:59Z");
  const auto moment = *parse_instant("2024-03-01T00:00:00+01:00");
  EXPECT_EQ(earliest(moment), latest(moment));
  EXPECT_EQ(instant_text(latest(moment)), "2024-02-29T23:00:00Z");
}

TEST(Instants, TextParsesBackToTheSameMoment) {
  for (const long long seconds :
       {0LL, 1'700'000'000LL, -1LL, -2'208'988'800LL, 253'402'300'799LL}) {
    const std::chrono::sys_seconds moment{std::chrono::seconds(seconds)};
    const auto back = parse_instant(instant_text(moment));
    ASSERT_TRUE(back);
    EXPECT_EQ(to_sys_seconds(*back), moment);
  }
}

}  // namespace
}  // namespace myoflag::fhir
