#pragma once
// Dates of record resources. Partial dates are not completed; no time zone of the machine.

#include <array>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "fhir/datetime.h"
#include "fhir/json.h"
#include "rules/assessment.h"

namespace myoflag::mapping {

// Completed years.
struct AgeRange {
  int youngest = 0, oldest = 0;
  friend bool operator==(const AgeRange&, const AgeRange&) = default;
};

// At `now` (its date in UTC); a partial birth date leaves a range. Empty when the birth date may
// lie in the future or is none, and beyond the oldest person.
std::optional<AgeRange> age_at(std::string_view birth_date, rules::Instant now, int oldest_person);

// The moment a dateTime names; of a partial one the start, in UTC.
std::optional<rules::Instant> moment_of(std::string_view date_time);
rules::Instant moment_of(const fhir::DateTime& date);

struct Moment {
  std::optional<rules::Instant> at;
  std::optional<rules::Instant> last;  // that it may mean
  std::string day;                     // as written, at most to the day
};

Moment moment_in(std::string_view text);
// What goes on, or ended nobody knows when, has no last moment.
Moment effective_moment(const fhir::Json& resource);
Moment performed_moment(const fhir::Json& resource);
// Of the first that is a date.
Moment first_moment(std::initializer_list<std::string_view> texts);

// From when to when an Observation or DiagnosticReport was true; of a moment both are the same. The
// resource must outlive it.
struct Extent {
  std::string_view text;  // as written: the moment, or the end (else the start) of the period
  std::optional<fhir::DateTime> first;
  std::optional<fhir::DateTime> last;  // without an end: when it was issued; empty: it goes on
  bool is_closed = false;              // a moment, or a period with both of its ends

  bool is_empty() const { return !first && !last; }
};
Extent effective_extent(const fhir::Json& resource);

// When an Observation or DiagnosticReport was true, as written: a moment, or the end (else the
// start) of a period; empty when it does not say.
std::string_view effective_text(const fhir::Json& resource);

// The same for a Procedure, a RiskAssessment, a DetectedIssue.
std::string_view performed_text(const fhir::Json& resource);
std::string_view occurrence_text(const fhir::Json& resource);
std::string_view identified_text(const fhir::Json& resource);

// "effective" or "performed" is a period without an end, and says no moment.
bool is_open_period(const fhir::Json& resource, std::string_view name);

// When a Condition ended, as written; empty where it does not say, or only as an age or in words.
std::string_view abatement_text(const fhir::Json& condition);

// In any time zone, and by more than clocks differ.
bool is_certainly_future(const fhir::DateTime& date, rules::Instant now);

// The latest of several dates, as far as their precision tells.
class LatestDates {
 public:
  void add(const fhir::DateTime& date);
  // One that was added is later in any case.
  bool is_surpassed(const fhir::DateTime& date) const;
  // All that were added are earlier in any case; also where none was.
  bool all_before(const fhir::DateTime& date) const;

 private:
  std::array<std::optional<fhir::DateTime>, 4> latest_;  // by precision, where order is total
};

}  // namespace myoflag::mapping
