// What a browser posts, and what somebody else might.

#include <gtest/gtest.h>

#include "plugin/intake/fields.h"
#include "tests/intake/support.h"

namespace myoflag::intake {
namespace {

using browser::Fields;

const rules::Item& item_of(std::string_view link_id) {
  return testing::knowledge().items[static_cast<std::size_t>(testing::item(link_id))];
}

std::optional<Given> read(std::string_view link_id, const std::string& body) {
  const auto fields = Fields::read(body);
  return fields ? read_answer(item_of(link_id), *fields) : std::nullopt;
}

TEST(FieldsTest, FormsAreDecoded) {
  const auto fields = Fields::read("a=1+2&b=%C3%A9%26&c&d=&a=3");
  ASSERT_TRUE(fields);
  EXPECT_EQ(fields->value("a"), "1 2");
  EXPECT_EQ(fields->values("a").size(), 2u);
  EXPECT_EQ(fields->value("b"), "\xc3\xa9&");
  EXPECT_TRUE(fields->has("c"));
  EXPECT_EQ(fields->value("none"), "");
  EXPECT_TRUE(fields->only({"b", "c", "d"}, "a"));
  EXPECT_FALSE(fields->only({"a", "b", "c", "d"})) << "a stands twice";
  EXPECT_FALSE(fields->only({"b", "c"}, "a")) << "nobody asked for d";
}

TEST(FieldsTest, WhatIsNoFormIsRefused) {
  std::string many = "a=1";
  for (int i = 0; i < 100; ++i) {
    many += "&a=1";
  }
  for (const std::string& body :
       {std::string("a=%"), std::string("a=%4"), std::string("a=%zz"), std::string("a=%00"),
        std::string("a=%ff"), std::string("%c3=1"), std::string("a=\xff"), many}) {
    EXPECT_FALSE(Fields::read(body)) << body.substr(0, 10);
  }
  EXPECT_TRUE(Fields::read(""));
}

TEST(AnswerTest, ChoicesAreThoseOfTheQuestion) {
  EXPECT_EQ(read("em-now", "em-now=seizure&em-now=blackout")->answer,
            testing::answer({"em-now", "seizure,blackout"}));
  EXPECT_EQ(read("em-now", "em-now=seizure&em-now=seizure")->answer,
            testing::answer({"em-now", "seizure"}));
  EXPECT_FALSE(read("em-now", "em-now=invented"));
  EXPECT_FALSE(read("em-now", "em-now=none&em-now="));
  EXPECT_FALSE(read("sex-at-birth", "sex-at-birth=male&sex-at-birth=female")) << "one is possible";
  EXPECT_EQ(read("em-now", "")->slip, Slip::nothing_chosen);
  EXPECT_EQ(read("em-now", "em-now=none&em-now=seizure")->slip, Slip::none_and_other);
  EXPECT_EQ(read("em-now", "em-now=none&em-now=unsure")->slip, Slip::none_and_other);
  EXPECT_EQ(read("em-now", "em-now=seizure&em-now=unsure")->slip, Slip::none);
  EXPECT_EQ(read("worry-level", "worry-level=none")->slip, Slip::none);
}

TEST(AnswerTest, NumbersAreReadAsPeopleWriteThem) {
  struct Case {
    const char* link_id;
    const char* typed;
    const char* text;
    Slip slip;
  };
  const Case cases[] = {
      {"age-years", "46", "46", Slip::none},
      {"age-years", "+046+", "46", Slip::none},
      {"age-years", "0", "0", Slip::none},
      {"age-years", "", "", Slip::nothing_chosen},
      {"age-years", "+", "", Slip::nothing_chosen},
      {"age-years", "forty", "", Slip::no_number},
      {"age-years", "4e1", "", Slip::no_number},
      {"age-years", "4.5", "4.5", Slip::no_whole_number},
      {"age-years", "121", "121", Slip::out_of_range},
      {"age-years", "-1", "-1", Slip::out_of_range},
      {"age-years", "99999999999999999999", "", Slip::no_number},
      {"sleep-hours", "7,5", "7.5", Slip::none},
      {"sleep-hours", "7.", "", Slip::no_number},
      {"sleep-hours", ".5", "", Slip::no_number},
      {"sleep-hours", "1.2.3", "", Slip::no_number},
      {"sleep-hours", "00.50", "0.50", Slip::none},
      {"sleep-hours", "-", "", Slip::no_number},
      {"sleep-hours", "24.1", "24.1", Slip::out_of_range},
      {"age-years", "٤٦", "46", Slip::none},
      {"age-years", "۴۶", "46", Slip::none},
      {"age-years", "４６", "46", Slip::none},
      {"sleep-hours", "٧٫٥", "7.5", Slip::none},
      {"age-years", "四十六", "", Slip::no_number},
  };
  for (const auto& one : cases) {
    const auto given = read(one.link_id, std::string(one.link_id) + "=" + one.typed);
    ASSERT_TRUE(given) << one.typed;
    EXPECT_EQ(given->slip, one.slip) << one.typed;
    EXPECT_EQ(given->answer.text, one.text) << one.typed;
  }
}

TEST(AnswerTest, FreeTextStaysAsItWasWrittenAsFarAsFhirCanHoldIt) {
  const auto given = read("anything-else", "anything-else=+%3Cb%3E%0D%0Aa%0Bb%09c+");
  ASSERT_TRUE(given);
  EXPECT_EQ(given->answer.text, "<b>\na b\tc");
  EXPECT_TRUE(read("anything-else", "anything-else=%0D%0A+")->answer.is_skipped());
  EXPECT_TRUE(read("anything-else", "")->answer.is_skipped());
  std::string most = "anything-else=";
  for (std::size_t i = 0; i < kMostText; ++i) {
    most += "%C3%A9";
  }
  EXPECT_EQ(read("anything-else", most)->slip, Slip::none) << "characters count, not bytes";
  EXPECT_EQ(read("anything-else", most + "a")->slip, Slip::text_too_long);
}

}  // namespace
}  // namespace myoflag::intake
