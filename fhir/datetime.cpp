#include "fhir/datetime.h"

#include <tuple>
#include <utility>

#include <fmt/format.h>

namespace myoflag::fhir {

namespace {

namespace chrono = std::chrono;

constexpr chrono::hours widest_zone{14};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Reads from the front of a text; after the first mismatch everything fails.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) {
      return false;
    }
    rest_.remove_prefix(1);
    return true;
  }

  // Exactly `width` digits, at least `low`, at most `high`.
  bool number(std::size_t width, unsigned low, unsigned high, unsigned& out) {
    if (rest_.size() < width) {
      return false;
    }
    unsigned value = 0;
    for (std::size_t i = 0; i < width; ++i) {
      if (!is_digit(rest_[i])) {
        return false;
      }
      value = value * 10 + static_cast<unsigned>(rest_[i] - '0');
    }
    rest_.remove_prefix(width);
    out = value;
    return value >= low && value <= high;
  }

  bool fraction(std::uint32_t& nanosecond) {
    std::uint32_t unit = 100'000'000;
    std::size_t digits = 0;
    for (; !rest_.empty() && is_digit(rest_.front()); ++digits, unit /= 10) {
      nanosecond += unit * static_cast<std::uint32_t>(rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    return digits > 0;
  }

  bool done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

bool scan_clock(Scanner& scanner, unsigned& hour, unsigned& minute, unsigned& second,
                std::uint32_t& nanosecond) {
  return scanner.number(2, 0, 23, hour) && scanner.take(':') && scanner.number(2, 0, 59, minute) &&
         scanner.take(':') && scanner.number(2, 0, 60, second) &&
         (!scanner.take('.') || scanner.fraction(nanosecond));
}

bool scan_zone(Scanner& scanner, std::optional<chrono::minutes>& zone) {
  if (scanner.take('Z')) {
    zone = chrono::minutes(0);
    return true;
  }
  const bool west = scanner.take('-');
  unsigned hours = 0;
  unsigned minutes = 0;
  if ((!west && !scanner.take('+')) || !scanner.number(2, 0, 14, hours) || !scanner.take(':') ||
      !scanner.number(2, 0, hours == 14 ? 0 : 59, minutes)) {
    return false;
  }
  const auto size = chrono::hours(hours) + chrono::minutes(minutes);
  zone = west ? -size : size;
  return true;
}

chrono::year_month_day calendar_day(const DateTime& value) {
  return chrono::year(value.year) / chrono::month(value.month) / chrono::day(value.day);
}

std::optional<DateTime> parse(std::string_view text) {
  Scanner scanner(text);
  DateTime value;
  unsigned year = 0;
  if (!scanner.number(4, 1, 9999, year)) {
    return std::nullopt;
  }
  value.year = static_cast<int>(year);
  if (scanner.done()) {
    return value;
  }
  value.precision = Precision::month;
  if (!scanner.take('-') || !scanner.number(2, 1, 12, value.month)) {
    return std::nullopt;
  }
  if (scanner.done()) {
    return value;
  }
  value.precision = Precision::day;
  if (!scanner.take('-') || !scanner.number(2, 1, 31, value.day) || !calendar_day(value).ok()) {
    return std::nullopt;
  }
  if (scanner.done()) {
    return value;
  }
  value.precision = Precision::second;
  if (!scanner.take('T') ||
      !scan_clock(scanner, value.hour, value.minute, value.second, value.nanosecond) ||
      !scan_zone(scanner, value.zone) || !scanner.done()) {
    return std::nullopt;
  }
  return value;
}

// As if the zone were UTC.
chrono::sys_seconds local_start(const DateTime& value) {
  return chrono::sys_days(calendar_day(value)) + chrono::hours(value.hour) +
         chrono::minutes(value.minute) + chrono::seconds(value.second);
}

chrono::sys_seconds local_end(const DateTime& value) {
  const auto first = calendar_day(value);
  constexpr chrono::seconds one{1};
  switch (value.precision) {
    case Precision::year:
      return chrono::sys_days((first.year() + chrono::years(1)) / chrono::January / 1) - one;
    case Precision::month:
      return chrono::sys_days(first.year() / first.month() / chrono::last) + chrono::days(1) - one;
    case Precision::day:
      return chrono::sys_days(first) + chrono::days(1) - one;
    case Precision::second:
      return local_start(value);
  }
  return local_start(value);
}

std::strong_ordering compare_moments(const DateTime& a, const DateTime& b) {
  return std::pair(earliest(a), a.nanosecond) <=> std::pair(earliest(b), b.nanosecond);
}

// Both are calendar dates, taken to be of the same place.
std::optional<std::strong_ordering> compare_dates(const DateTime& a, const DateTime& b) {
  if (local_end(a) < local_start(b)) {
    return std::strong_ordering::less;
  }
  if (local_end(b) < local_start(a)) {
    return std::strong_ordering::greater;
  }
  if (a.precision == b.precision) {
    return std::strong_ordering::equal;
  }
  return std::nullopt;
}

}  // namespace

std::optional<DateTime> parse_date(std::string_view text) {
  const auto value = parse(text);
  return value && value->precision != Precision::second ? value : std::nullopt;
}

std::optional<DateTime> parse_date_time(std::string_view text) { return parse(text); }

std::optional<DateTime> parse_instant(std::string_view text) {
  const auto value = parse(text);
  return value && value->precision == Precision::second ? value : std::nullopt;
}

std::optional<TimeOfDay> parse_time(std::string_view text) {
  Scanner scanner(text);
  TimeOfDay value;
  if (!scan_clock(scanner, value.hour, value.minute, value.second, value.nanosecond) ||
      !scanner.done()) {
    return std::nullopt;
  }
  return value;
}

std::optional<std::strong_ordering> compare(const DateTime& a, const DateTime& b) {
  const bool a_is_moment = a.precision == Precision::second;
  const bool b_is_moment = b.precision == Precision::second;
  if (a_is_moment && b_is_moment) {
    return compare_moments(a, b);
  }
  if (!a_is_moment && !b_is_moment) {
    return compare_dates(a, b);
  }
  if (latest(a) < earliest(b)) {
    return std::strong_ordering::less;
  }
  if (latest(b) < earliest(a)) {
    return std::strong_ordering::greater;
  }
  return std::nullopt;
}

std::optional<chrono::sys_seconds> to_sys_seconds(const DateTime& value) {
  if (!value.zone) {
    return std::nullopt;
  }
  return local_start(value) - *value.zone;
}

chrono::sys_seconds earliest(const DateTime& value) {
  return local_start(value) - (value.zone ? chrono::seconds(*value.zone) : widest_zone);
}

chrono::sys_seconds latest(const DateTime& value) {
  return local_end(value) - (value.zone ? chrono::seconds(*value.zone) : -widest_zone);
}

std::string instant_text(chrono::sys_seconds moment) {
  const auto day = chrono::floor<chrono::days>(moment);
  const chrono::year_month_day date(day);
  const chrono::hh_mm_ss clock(moment - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

}  // namespace myoflag::fhir
