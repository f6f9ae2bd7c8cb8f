#pragma once
// What counts in a record, by the status of its resources. A status that is missing or not known
// does not make a fact go away; that a test was done must be certain.

#include <string_view>

#include "fhir/json.h"
#include "rules/assessment.h"
#include "rules/knowledge.h"

namespace myoflag::mapping {

// Of a request, a statement, a dispense or an administration of a medicine.
bool is_taken(const fhir::Json& medication, std::string_view type);

// An order or a report of something that was taken until it ended or was stopped.
bool has_ended(const fhir::Json& medication, std::string_view type);
// Not taken now, but it was, or was forbidden: why, still says something.
bool was_meant(const fhir::Json& medication);

bool is_real_condition(const fhir::Json& condition);
// Over only when it certainly is: not on a day still to come, not in a month that lasts.
bool is_over(const fhir::Json& condition, rules::Instant now);
bool is_present(const fhir::Json& condition, rules::Instant now);
// A status that has only codes of other systems than the one to which FHIR binds it, which counts
// as none.
bool has_unknown_status(const fhir::Json& condition);

bool was_begun(const fhir::Json& procedure);
bool is_in_use(const fhir::Json& device);
// In progress or paused by its status; or it has a beginning and no end, and was not completed.
bool is_going_on(const fhir::Json& procedure);
// Of what record_statements.h names: neither withdrawn nor over, and no draft of a plan.
bool is_in_force(const fhir::Json& statement, std::string_view type, rules::Instant now);
// Ordered by a person; what was only suggested (by this program, for example) is no order.
bool is_ordered(const fhir::Json& request);

bool is_void(const fhir::Json& observation);  // never made, or withdrawn
bool is_void_report(const fhir::Json& report);
bool is_withdrawn(const fhir::Json& result);   // a report or an Observation
bool is_final(const fhir::Json& observation);  // the last word, as far as known
bool has_own_value(const fhir::Json& part);    // of an Observation or a component

// A reference range of no named type, or of the type `normal`, for people of any age and kind. A
// type in words alone is not read.
bool is_for_normal(const fhir::Json& range);
// The laboratory says that the value is not normal, by its interpretation or its one reference
// range in the unit of the value.
bool is_marked_abnormal(const rules::Calm& calm, const fhir::Json& part);
// An interpretation in other words or codes than those for normal.
bool has_unread_mark(const rules::Calm& calm, const fhir::Json& part);
// It says that the value is normal, in the same ways, and nothing else that nobody reads: an
// interpretation in words, a range for another purpose. Neither of both: it was not judged.
bool is_marked_normal(const rules::Calm& calm, const fhir::Json& part);
bool has_note(const fhir::Json& observation);

// By the categories of the standard. Vital signs, habits and surveys are what everybody is measured
// and asked for; never what is a laboratory result as well.
bool is_survey(const fhir::Json& observation);
bool is_sign(const fhir::Json& observation);
bool is_usual(const fhir::Json& observation);
bool is_laboratory(const fhir::Json& observation);

bool has_value_inside(const fhir::Json& observation);  // its own, or of a component

bool has_narrative(const fhir::Json& resource);  // words that only people read
bool has_own_words(const fhir::Json& report);    // or pictures, beside its results
bool says_something(const fhir::Json& report);   // the same, or names results
bool is_report_final(const fhir::Json& report);

bool is_true(const fhir::Json& resource, std::string_view name);

}  // namespace myoflag::mapping
