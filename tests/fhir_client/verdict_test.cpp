#include <gtest/gtest.h>

#include "fhir/client/verdict.h"

namespace myoflag::fhir::client {
namespace {

using std::chrono::seconds;

const std::chrono::sys_seconds now =
    std::chrono::sys_days(std::chrono::year(2026) / 11 / 22) + std::chrono::hours(9);

Json outcome(std::string_view code, std::string_view severity = "error") {
  return Json::object(
      {{"resourceType", "OperationOutcome"},
       {"issue", Json::array({Json::object({{"severity", severity}, {"code", code}})})}});
}

struct Row {
  int status;
  std::string_view issue;
  Next repeatable, once;
};

class AnswerOf : public ::testing::TestWithParam<Row> {};

TEST_P(AnswerOf, Means) {
  const Row& row = GetParam();
  const Json body = row.issue.empty() ? Json() : outcome(row.issue);
  EXPECT_EQ(next_of(row.status, body, true), row.repeatable);
  EXPECT_EQ(next_of(row.status, body, false), row.once);
}

INSTANTIATE_TEST_SUITE_P(
    All, AnswerOf,
    ::testing::Values(
        Row{200, "", Next::done, Next::done}, Row{201, "", Next::done, Next::done},
        Row{204, "", Next::done, Next::done}, Row{202, "processing", Next::done, Next::done},
        Row{302, "", Next::final, Next::final}, Row{304, "", Next::final, Next::final},
        Row{400, "", Next::final, Next::final}, Row{400, "invalid", Next::final, Next::final},
        Row{400, "timeout", Next::retry, Next::look},
        Row{401, "", Next::authorise, Next::authorise}, Row{403, "", Next::final, Next::final},
        Row{403, "expired", Next::authorise, Next::authorise},
        Row{404, "not-found", Next::final, Next::final}, Row{405, "", Next::final, Next::final},
        Row{406, "", Next::final, Next::final}, Row{408, "", Next::retry, Next::look},
        Row{409, "", Next::look, Next::look}, Row{410, "", Next::final, Next::final},
        Row{412, "multiple-matches", Next::look, Next::look},
        Row{415, "", Next::final, Next::final}, Row{422, "business-rule", Next::final, Next::final},
        Row{422, "duplicate", Next::look, Next::look}, Row{425, "", Next::retry, Next::look},
        Row{429, "throttled", Next::retry, Next::retry}, Row{500, "", Next::retry, Next::look},
        Row{500, "exception", Next::retry, Next::look}, Row{501, "", Next::final, Next::final},
        Row{502, "", Next::retry, Next::look}, Row{503, "", Next::retry, Next::look},
        Row{504, "", Next::retry, Next::look}));

TEST(Verdict, AWarningOfSomethingPassingIsNoReasonToAskAgain) {
  EXPECT_EQ(next_of(422, outcome("transient", "warning"), true), Next::final);
  EXPECT_EQ(next_of(422, outcome("transient"), true), Next::retry);
}

TEST(Verdict, NoAnswer) {
  const auto of = [](const char* code, Arrival arrival, bool repeatable) {
    return next_of(TransportFailure{code, "", arrival}, repeatable);
  };
  EXPECT_EQ(of("MF-1502", Arrival::not_sent, false), Next::retry);
  EXPECT_EQ(of("MF-1503", Arrival::unknown, false), Next::look);
  EXPECT_EQ(of("MF-1503", Arrival::unknown, true), Next::retry);
  EXPECT_EQ(of("MF-1500", Arrival::not_sent, true), Next::final);
  EXPECT_EQ(of("MF-1501", Arrival::not_sent, true), Next::final);
  EXPECT_EQ(of("MF-1522", Arrival::not_sent, true), Next::final);
  EXPECT_EQ(of("MF-1523", Arrival::not_sent, true), Next::retry);
  EXPECT_EQ(of("MF-1504", Arrival::unknown, true), Next::final);
  EXPECT_EQ(of("MF-1504", Arrival::unknown, false), Next::look);
}

TEST(RetryAfter, SecondsOrDate) {
  EXPECT_EQ(retry_after("120", now), seconds(120));
  EXPECT_EQ(retry_after("0", now), seconds(0));
  EXPECT_EQ(retry_after("99999999999999999999", now), std::chrono::hours(24));
  EXPECT_EQ(retry_after("Sun, 22 Nov 2026 09:01:30 GMT", now), seconds(90));
  EXPECT_EQ(retry_after("Sun, 22 Nov 2026 08:00:00 GMT", now), seconds(0));
  EXPECT_EQ(retry_after("Fri, 22 Nov 2030 08:00:00 GMT", now), std::chrono::hours(24));
  for (const char* wrong :
       {"", "-1", "soon", "1.5", "Sun, 22 Nov 2026 25:00:00 GMT", "Sun, 31 Feb 2026 09:00:00 GMT",
        "Sun, 22 Foo 2026 09:00:00 GMT", "Sun, 22 Nov 2026 09:00:00 CET"}) {
    EXPECT_EQ(retry_after(wrong, now), std::nullopt) << wrong;
  }
}

TEST(BackOff, DoublesUpToFiveMinutesWithFullJitter) {
  EXPECT_EQ(back_off(1, 0.5), std::chrono::milliseconds(500));
  EXPECT_EQ(back_off(2, 0.5), std::chrono::milliseconds(1000));
  EXPECT_EQ(back_off(9, 0.5), std::chrono::milliseconds(128'000));
  for (int tries = 1; tries < 5000; ++tries) {
    EXPECT_EQ(back_off(tries, 0), std::chrono::milliseconds(0));
    EXPECT_LE(back_off(tries, 0.999), std::chrono::minutes(5));
  }
}

}  // namespace
}  // namespace myoflag::fhir::client
