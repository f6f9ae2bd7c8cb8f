#include "plugin/mapping/record_dates.h"

#include <algorithm>
#include <chrono>
#include <string>

namespace myoflag::mapping {

namespace {

namespace chrono = std::chrono;
using fhir::Json;

chrono::year_month_day first_day(const fhir::DateTime& date) {
  return {chrono::year(date.year), chrono::month(date.month), chrono::day(date.day)};
}

chrono::year_month_day last_day(const fhir::DateTime& date) {
  const chrono::year year(date.year);
  switch (date.precision) {
    case fhir::Precision::year:
      return {year, chrono::December, chrono::day(31)};
    case fhir::Precision::month: {
      const chrono::year_month_day_last last(year,
                                             chrono::month_day_last(chrono::month(date.month)));
      return {year, chrono::month(date.month), last.day()};
    }
    default:
      return first_day(date);
  }
}

int completed_years(chrono::year_month_day birth, chrono::year_month_day today) {
  const int years = static_cast<int>(today.year()) - static_cast<int>(birth.year());
  const bool had_birthday =
      std::pair(today.month(), today.day()) >= std::pair(birth.month(), birth.day());
  return had_birthday ? years : years - 1;
}

std::string_view moment_or_period(const Json& resource, std::string_view name) {
  for (const auto* kind : {"DateTime", "Instant"}) {
    const auto text = resource.string_of(std::string(name) + kind);
    if (!text.empty()) {
      return text;
    }
  }
  const auto* period = resource.find(std::string(name) + "Period");
  if (period == nullptr) {
    return {};
  }
  const auto end = period->string_of("end");
  return end.empty() ? period->string_of("start") : end;
}

}  // namespace

std::optional<AgeRange> age_at(std::string_view birth_date, rules::Instant now, int oldest_person) {
  const auto birth = fhir::parse_date(birth_date);
  if (!birth) {
    return std::nullopt;
  }
  const chrono::year_month_day today(chrono::floor<chrono::days>(now));
  const int oldest = completed_years(first_day(*birth), today);
  const int youngest = completed_years(last_day(*birth), today);
  if (youngest < 0 || oldest > oldest_person) {
    return std::nullopt;
  }
  return AgeRange{youngest, oldest};
}

std::optional<rules::Instant> moment_of(std::string_view date_time) {
  const auto parsed = fhir::parse_date_time(date_time);
  if (!parsed) {
    return std::nullopt;
  }
  return moment_of(*parsed);
}

rules::Instant moment_of(const fhir::DateTime& date) {
  const auto moment = fhir::to_sys_seconds(date);
  return moment ? *moment : chrono::sys_days(first_day(date));
}

Extent effective_extent(const Json& resource) {
  for (const auto* name : {"effectiveDateTime", "effectiveInstant"}) {
    if (resource.has(name)) {
      const auto date = fhir::parse_date_time(resource.string_of(name));
      return {resource.string_of(name), date, date, date.has_value()};
    }
  }
  const auto* period = resource.find("effectivePeriod");
  if (period == nullptr) {
    return {};
  }
  Extent extent{effective_text(resource), fhir::parse_date_time(period->string_of("start")),
                fhir::parse_date_time(period->string_of("end")), false};
  extent.is_closed = extent.first && extent.last;
  if (!extent.last) {
    const auto issued = fhir::parse_date_time(resource.string_of("issued"));
    const bool later = issued && extent.first && moment_of(*extent.first) <= moment_of(*issued);
    extent.last = later ? issued : std::nullopt;
  }
  return extent;
}

std::string_view effective_text(const Json& resource) {
  return moment_or_period(resource, "effective");
}

std::string_view performed_text(const Json& resource) {
  return moment_or_period(resource, "performed");
}

std::string_view occurrence_text(const Json& resource) {
  return moment_or_period(resource, "occurrence");
}

std::string_view identified_text(const Json& resource) {
  return moment_or_period(resource, "identified");
}

bool is_open_period(const Json& resource, std::string_view name) {
  const std::string base(name);
  const auto* period = resource.find(base + "Period");
  return period != nullptr && period->string_of("end").empty() &&
         !resource.has(base + "DateTime") && !resource.has(base + "Instant");
}

std::string_view abatement_text(const Json& condition) {
  return moment_or_period(condition, "abatement");
}

Moment moment_in(std::string_view text) {
  constexpr std::size_t length_of_day = 10;
  const auto date = fhir::parse_date_time(text);
  return date ? Moment{moment_of(text), fhir::latest(*date),
                       std::string(text.substr(0, length_of_day))}
              : Moment{};
}

Moment effective_moment(const Json& resource) {
  auto moment = moment_in(effective_text(resource));
  if (is_open_period(resource, "effective")) {
    moment.last.reset();
  }
  return moment;
}

Moment performed_moment(const Json& resource) {
  auto moment = moment_in(performed_text(resource));
  if (is_open_period(resource, "performed")) {
    moment.last.reset();
  }
  return moment;
}

Moment first_moment(std::initializer_list<std::string_view> texts) {
  for (const auto text : texts) {
    if (auto moment = moment_in(text); moment.at) {
      return moment;
    }
  }
  return {};
}

bool is_certainly_future(const fhir::DateTime& date, rules::Instant now) {
  return fhir::earliest(date) > now + fhir::clock_skew;
}

void LatestDates::add(const fhir::DateTime& date) {
  auto& latest = latest_[static_cast<std::size_t>(date.precision)];
  if (!latest || fhir::compare(*latest, date) == std::strong_ordering::less) {
    latest = date;
  }
}

bool LatestDates::all_before(const fhir::DateTime& date) const {
  return std::all_of(latest_.begin(), latest_.end(), [&](const auto& latest) {
    return !latest || fhir::compare(*latest, date) == std::strong_ordering::less;
  });
}

bool LatestDates::is_surpassed(const fhir::DateTime& date) const {
  return std::any_of(latest_.begin(), latest_.end(), [&](const auto& latest) {
    return latest && fhir::compare(date, *latest) == std::strong_ordering::less;
  });
}

}  // namespace myoflag::mapping
