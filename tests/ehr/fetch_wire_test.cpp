// Frames between the sidecar and the processes that fetch for it.
#include <gmock/gmock.h>

#include "plugin/ehr/fetch_wire.h"

namespace myoflag::ehr {
namespace {

FetchOrder order() {
  return {"https://ehr.example/r4",
          "to\"ken",
          {"/Patient/1", "?page=2&a=\"b\""},
          std::chrono::milliseconds(400)};
}

TEST(FetchWire, AnOrderComesAsItWasGivenHoweverItIsCut) {
  const auto bytes = order_frame(order()) + order_frame(order());
  for (std::size_t step = 1; step < bytes.size(); step += 7) {
    FrameReader frames(kMostOrdered);
    int came = 0;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      frames.take(std::string_view(bytes).substr(at, step));
      while (const auto content = frames.next()) {
        const auto read = read_order(*content);
        ASSERT_TRUE(read);
        EXPECT_EQ(read->base, order().base);
        EXPECT_EQ(read->token, order().token);
        EXPECT_EQ(read->queries, order().queries);
        EXPECT_EQ(read->time, order().time);
        ++came;
      }
    }
    EXPECT_EQ(came, 2) << step;
    EXPECT_FALSE(frames.is_broken());
  }
}

TEST(FetchWire, AnAnswerOfAnyBytesComesBack) {
  const std::string json("\0\xff{}\n", 5);
  FrameReader frames(kMostFetched + 1);
  frames.take(answer_frame({7, json}) + end_frame());
  const auto answer = read_answer(*frames.next());
  EXPECT_EQ(answer->query, 7u);
  EXPECT_EQ(answer->json, json);
  EXPECT_EQ(frames.next(), "");
  EXPECT_EQ(frames.next(), std::nullopt);
  EXPECT_FALSE(read_answer(""));
}

TEST(FetchWire, RequestsToAnybodyComeAsTheyWereGiven) {
  FetchOrder given;
  given.time = std::chrono::milliseconds(400);
  given.requests = {{"https://ehr.example/a"},
                    {"https://ehr.example/t", "a=b&c=\"d\"", {"me", "/k e y.pem", "k1"}}};
  FrameReader frames(kMostOrdered);
  frames.take(order_frame(given));
  const auto read = read_order(*frames.next());
  ASSERT_TRUE(read);
  ASSERT_EQ(read->requests.size(), 2u);
  EXPECT_EQ(read->requests[0].url, "https://ehr.example/a");
  EXPECT_TRUE(read->requests[0].form.empty() && read->requests[0].sign.client_id.empty());
  EXPECT_EQ(read->requests[1].form, "a=b&c=\"d\"");
  EXPECT_EQ(read->requests[1].sign.client_id, "me");
  EXPECT_EQ(read->requests[1].sign.key_file, "/k e y.pem");
  EXPECT_EQ(read->requests[1].sign.key_id, "k1");
  EXPECT_EQ(read->time, given.time);
  given.queries = {"/a"};
  frames.take(order_frame(given));
  EXPECT_FALSE(read_order(*frames.next())) << "either the one or the other";
}

TEST(FetchWire, AnAnswerOfTheWebComesBackOrIsNone) {
  const auto back = [](const WebAnswer& answer) {
    return read_web_answer(web_answer_text(answer));
  };
  const std::string longest(kMostOfTheWeb, '\n');  // each is two characters of JSON
  EXPECT_EQ(back({200, longest, {}}).body, longest);
  EXPECT_EQ(back({404, "{\"a\":1}", {}}).status, 404);
  EXPECT_EQ(back({0, {}, "MF-1503"}).code, "MF-1503");
  EXPECT_EQ(back({200, "\xff", {}}).status, 0) << "no text";
  for (const auto* none : {"", "{", "[]", R"({"status":"200"})"}) {
    EXPECT_EQ(read_web_answer(none).status, 0) << none;
  }
}

TEST(FetchWire, AFrameThatIsTooLongEndsTheReading) {
  FrameReader frames(10);
  frames.take(frame_of("0123456789"));
  EXPECT_EQ(frames.next(), "0123456789");
  frames.take(frame_of("0123456789a") + end_frame());
  EXPECT_EQ(frames.next(), std::nullopt);
  EXPECT_TRUE(frames.is_broken());
  FrameReader huge(kMostFetched);
  huge.take("\xff\xff\xff\xff");
  EXPECT_EQ(huge.next(), std::nullopt);
  EXPECT_TRUE(huge.is_broken());
}

TEST(FetchWire, WhatIsNoOrderIsNone) {
  for (const std::string content :
       {"", "{", "[]", "null", R"({"base":"b","token":"t","queries":["/a"]})",
        R"({"base":"b","token":"t","queries":["/a"],"milliseconds":0})",
        R"({"base":"b","token":"t","queries":["/a"],"milliseconds":-5})",
        R"({"base":"b","token":"t","queries":["/a"],"milliseconds":"5"})",
        R"({"base":"b","token":"t","queries":[],"milliseconds":5})",
        R"({"base":"","token":"t","queries":["/a"],"milliseconds":5})",
        R"({"base":"b","token":"t","queries":[5],"milliseconds":5,"base":"c"})"}) {
    EXPECT_FALSE(read_order(content)) << content;
  }
}

}  // namespace
}  // namespace myoflag::ehr
