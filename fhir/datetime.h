#pragma once
// FHIR date, dateTime, instant and time as they are: partial dates stay partial, and a comparison
// that the precision cannot decide says so. The clock is never read here. Source:
// hl7.org/fhir/R4/datatypes.html.

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace myoflag::fhir {

enum class Precision { year, month, day, second };

struct DateTime {
  Precision precision = Precision::year;
  int year = 1;        // 1 to 9999
  unsigned month = 1;  // 1 where the precision does not reach it
  unsigned day = 1;
  unsigned hour = 0;
  unsigned minute = 0;
  unsigned second = 0;                       // 60 in a leap second
  std::uint32_t nanosecond = 0;              // further digits are cut off
  std::optional<std::chrono::minutes> zone;  // east of UTC; always there with precision second
};

struct TimeOfDay {
  unsigned hour = 0;
  unsigned minute = 0;
  unsigned second = 0;
  std::uint32_t nanosecond = 0;
  friend auto operator<=>(const TimeOfDay&, const TimeOfDay&) = default;
};

// Nullopt when the text is not of that type or names a day that the calendar does not have.
std::optional<DateTime> parse_date(std::string_view text);  // YYYY, YYYY-MM or YYYY-MM-DD
std::optional<DateTime> parse_date_time(
    std::string_view text);  // or a date with time, seconds and zone
std::optional<DateTime> parse_instant(std::string_view text);  // always with seconds and zone
std::optional<TimeOfDay> parse_time(
    std::string_view text);  // hh:mm:ss with optional fraction, no zone

// Nullopt = unknown: 2024 against 2024-03, or a day without zone against a moment that may or may
// not lie in it (zones reach from 14 hours west to 14 hours east). Equal only for the same
// precision.
std::optional<std::strong_ordering> compare(const DateTime& a, const DateTime& b);

// The moment; nullopt without time and zone. Fractions are cut off.
std::optional<std::chrono::sys_seconds> to_sys_seconds(const DateTime& value);

// First and last second that the value may mean, over all zones when it has none.
std::chrono::sys_seconds earliest(const DateTime& value);
std::chrono::sys_seconds latest(const DateTime& value);

// How far ahead of ours a sender's clock may be.
inline constexpr std::chrono::minutes clock_skew{5};

// "2024-03-01T12:00:00Z"; years 1 to 9999.
std::string instant_text(std::chrono::sys_seconds moment);

}  // namespace myoflag::fhir
