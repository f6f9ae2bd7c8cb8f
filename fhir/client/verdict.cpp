#include "fhir/client/verdict.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

namespace myoflag::fhir::client {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds longest_wait = std::chrono::hours(24);
constexpr milliseconds first_wait{1000};
constexpr milliseconds last_wait = std::chrono::minutes(5);

template <std::size_t Size, typename Value>
bool is_in(const std::array<Value, Size>& values, const Value& value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

bool has_issue(const Json& outcome, auto&& holds) {
  const Json::Array& issues = outcome.array_of("issue");
  return outcome.string_of("resourceType") == "OperationOutcome" &&
         std::any_of(issues.begin(), issues.end(), [&](const Json& issue) {
           const std::string_view severity = issue.string_of("severity");
           return (severity == "error" || severity == "fatal") && holds(issue.string_of("code"));
         });
}

// A server that could not be reached behind its door, or gave up half way.
bool is_unclear(int status) {
  constexpr std::array<int, 7> unclear{408, 425, 500, 502, 503, 504, 507};
  return is_in(unclear, status);
}

int number_of(std::string_view text) {
  int number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : -1;
}

// "Sun, 06 Nov 1994 08:49:37 GMT"; the day of the week is not looked at.
std::optional<std::chrono::sys_seconds> http_date(std::string_view text) {
  constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (text.size() != 29 || text.substr(3, 2) != ", " || text.substr(25) != " GMT" ||
      text[7] != ' ' || text[11] != ' ' || text[16] != ' ' || text[19] != ':' || text[22] != ':') {
    return std::nullopt;
  }
  const auto month = std::find(months.begin(), months.end(), text.substr(8, 3));
  const std::chrono::year_month_day date{
      std::chrono::year(number_of(text.substr(12, 4))),
      std::chrono::month(static_cast<unsigned>(month - months.begin()) + 1),
      std::chrono::day(static_cast<unsigned>(number_of(text.substr(5, 2))))};
  const int hour = number_of(text.substr(17, 2));
  const int minute = number_of(text.substr(20, 2));
  const int second = number_of(text.substr(23, 2));
  if (!date.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 ||
      second > 60) {
    return std::nullopt;
  }
  return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         seconds(second);
}

bool is_conflict(const Json& outcome) {
  constexpr std::array<std::string_view, 3> conflicts{"conflict", "duplicate", "multiple-matches"};
  return has_issue(outcome, [&](std::string_view code) { return is_in(conflicts, code); });
}

}  // namespace

bool is_transient(const Json& outcome) {
  constexpr std::array<std::string_view, 7> transient{
      "transient", "lock-error", "no-store", "exception", "timeout", "incomplete", "throttled"};
  return has_issue(outcome, [&](std::string_view code) { return is_in(transient, code); });
}

Next next_of(int status, const Json& outcome, bool repeatable) {
  constexpr std::array<std::string_view, 2> of_login{"login", "expired"};
  if (status >= 200 && status < 300) {
    return Next::done;
  }
  if (status == 401) {
    return Next::authorise;
  }
  if (status == 403) {
    const bool is_old =
        has_issue(outcome, [&](std::string_view code) { return is_in(of_login, code); });
    return is_old ? Next::authorise : Next::final;
  }
  if (status == 429) {
    return Next::retry;  // refused before anything was done
  }
  if (status == 409 || status == 412 || is_conflict(outcome)) {
    return Next::look;
  }
  if (is_unclear(status) || (status >= 400 && is_transient(outcome))) {
    return repeatable ? Next::retry : Next::look;
  }
  return Next::final;
}

Next next_of(const TransportFailure& failure, bool repeatable) {
  // An address, a header, a key or a client that is refused stays so.
  constexpr std::array<std::string_view, 5> lasting{"MF-1500", "MF-1501", "MF-1508", "MF-1521",
                                                    "MF-1522"};
  if (is_in(lasting, std::string_view(failure.code)) || (failure.code == "MF-1504" && repeatable)) {
    return Next::final;
  }
  return repeatable || failure.arrival == Arrival::not_sent ? Next::retry : Next::look;
}

std::optional<seconds> retry_after(std::string_view value, std::chrono::sys_seconds now) {
  constexpr std::string_view digits = "0123456789";
  if (value.empty()) {
    return std::nullopt;
  }
  if (value.find_first_not_of(digits) == std::string_view::npos) {
    const int wanted = number_of(value);  // beyond an int: longer than a day anyway
    return wanted < 0 ? longest_wait : std::min(seconds(wanted), longest_wait);
  }
  const auto date = http_date(value);
  if (!date) {
    return std::nullopt;
  }
  return std::clamp(std::chrono::duration_cast<seconds>(*date - now), seconds(0), longest_wait);
}

milliseconds back_off(int tries, double chance) {
  const int doublings = std::clamp(tries - 1, 0, 20);
  const milliseconds most = std::min(milliseconds(first_wait.count() << doublings), last_wait);
  return milliseconds(static_cast<milliseconds::rep>(chance * static_cast<double>(most.count())));
}

}  // namespace myoflag::fhir::client
