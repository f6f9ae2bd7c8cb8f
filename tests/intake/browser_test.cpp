// Who asks, and how often.

#include <gtest/gtest.h>

#include "plugin/browser/address_limit.h"

namespace myoflag::browser {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

const AddressLimit::Clock::time_point kStart = AddressLimit::Clock::time_point() + hours(1);

int taken(AddressLimit& limit, const std::string& address, int times,
          AddressLimit::Clock::time_point now) {
  int count = 0;
  for (int i = 0; i < times; ++i) {
    count += limit.take(address, now) ? 1 : 0;
  }
  return count;
}

TEST(AddressLimitTest, AQuarterOfAMinutesWorthAtOnceAndThenEvenly) {
  AddressLimit limit(240);
  EXPECT_EQ(taken(limit, "192.0.2.1", 1'000, kStart), 60);
  EXPECT_EQ(taken(limit, "192.0.2.2", 10, kStart), 10) << "another one is not touched";
  EXPECT_EQ(taken(limit, "192.0.2.1", 1'000, kStart + seconds(1)), 4);
  EXPECT_EQ(taken(limit, "192.0.2.1", 1'000, kStart + seconds(1) + milliseconds(250)), 1);
  EXPECT_EQ(taken(limit, "192.0.2.1", 1'000, kStart + hours(1)), 60) << "never more than full";
  EXPECT_EQ(taken(limit, "192.0.2.1", 1, kStart), 0) << "a clock that goes back gives nothing";
}

TEST(AddressLimitTest, OneNetworkOfIPv6IsOneAddressAndMappedIPv4IsIPv4) {
  AddressLimit limit(4);
  EXPECT_TRUE(limit.take("2001:db8:1:2::1", kStart));
  EXPECT_FALSE(limit.take("2001:db8:1:2:ffff::9", kStart));
  EXPECT_TRUE(limit.take("2001:db8:1:3::1", kStart));
  EXPECT_TRUE(limit.take("192.0.2.1", kStart));
  EXPECT_FALSE(limit.take("::ffff:192.0.2.1", kStart));
}

TEST(AddressLimitTest, ManyAddressesDoNotFreeTheOneThatRunsWild) {
  AddressLimit limit(40);
  EXPECT_EQ(taken(limit, "192.0.2.1", 100, kStart), 10);
  for (int i = 0; i < 50'000; ++i) {
    limit.take("10." + std::to_string(i >> 16) + "." + std::to_string(i >> 8 & 255) + "." +
                   std::to_string(i & 255),
               kStart);
  }
  EXPECT_FALSE(limit.take("192.0.2.1", kStart));
}

http::Request from(std::string address, http::Fields fields) {
  http::Request request;
  request.address = std::move(address);
  request.fields = std::move(fields);
  return request;
}

TEST(SenderTest, AProxyIsBelievedOnlyWhereItWasNamedAndOnThisMachine) {
  const http::Fields fields{{"x-forwarded-for", "203.0.113.9, 198.51.100.7"}};
  EXPECT_EQ(sender_of(from("127.0.0.1", fields), "x-forwarded-for"), "198.51.100.7");
  EXPECT_EQ(sender_of(from("::1", fields), "x-forwarded-for"), "198.51.100.7");
  EXPECT_EQ(sender_of(from("127.0.0.1", fields), ""), "127.0.0.1");
  EXPECT_EQ(sender_of(from("192.0.2.1", fields), "x-forwarded-for"), "192.0.2.1");
  EXPECT_EQ(sender_of(from("127.0.0.1", {}), "x-forwarded-for"), "127.0.0.1");
  EXPECT_EQ(sender_of(from("127.0.0.1", {{"x-forwarded-for", "unknown"}}), "x-forwarded-for"),
            "127.0.0.1");
}

TEST(LocalTest, OnlyWhatWasSentHereToHereByNobodyBetween) {
  for (const auto* host : {"127.0.0.1:8080", "localhost:8080", "localhost", "[::1]:8080"}) {
    EXPECT_TRUE(is_local(from("127.0.0.1", {{"host", host}}))) << host;
    EXPECT_TRUE(is_local(from("::1", {{"host", host}}))) << host;
    EXPECT_TRUE(is_local(from("::ffff:127.0.0.1", {{"host", host}}))) << host;
    EXPECT_FALSE(is_local(from("192.0.2.1", {{"host", host}}))) << host;
    EXPECT_FALSE(is_local(from("2001:db8::1", {{"host", host}}))) << host;
    EXPECT_FALSE(is_local(from("", {{"host", host}}))) << host;
  }
  // A name that somebody else made point here, and what a proxy passed on.
  for (const auto* host : {"clinic.example", "127.0.0.1.evil.example", "", "[", "localhost.evil"}) {
    EXPECT_FALSE(is_local(from("127.0.0.1", {{"host", host}}))) << host;
  }
  for (const auto* field : {"forwarded", "via", "x-forwarded-for", "x-forwarded-host",
                            "x-forwarded-proto", "x-real-ip"}) {
    EXPECT_FALSE(is_local(from("127.0.0.1", {{"host", "localhost"}, {field, ""}}))) << field;
  }
}

}  // namespace
}  // namespace myoflag::browser
