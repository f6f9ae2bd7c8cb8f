#pragma once
// What a record says in words of its own, beside codes and values: conclusions, outcomes,
// judgements. No rule reads it; people must.

#include <string>
#include <string_view>

#include "fhir/json.h"
#include "plugin/mapping/record_dates.h"

namespace myoflag::mapping {

// "name: words"; one of them alone where the other is empty.
std::string with_words(const std::string& name, std::string_view words);
// Both, divided by a semicolon.
std::string together(const std::string& words, std::string_view more);

// Of a DiagnosticReport: its conclusion, the codes of it, the titles of what is attached.
std::string report_words(const fhir::Json& report);
// Of a FamilyMemberHistory.
std::string family_words(const fhir::Json& relative);

// Flag, ClinicalImpression, CarePlan, DetectedIssue, RiskAssessment.
bool is_statement(std::string_view type);
std::string statement_words(const fhir::Json& statement);
// When it was made or is meant for, as written; empty where it does not say, and of what lasts.
std::string_view statement_time(const fhir::Json& statement);
// What goes on has no last moment.
Moment statement_moment(const fhir::Json& statement);

}  // namespace myoflag::mapping
