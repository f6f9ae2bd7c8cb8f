#pragma once
// Our own codes for what an assessment says: rules, tiers, workups, hypotheses, and the results
// themselves. The counterpart of code_system.h, which has the codes of questions and answers. All
// of it follows from the knowledge; nothing here fails.

#include <string>
#include <string_view>
#include <vector>

#include "fhir/json.h"
#include "rules/knowledge.h"

namespace myoflag::mapping {

// Codes of the system "results".
inline constexpr std::string_view kUrgencyTier = "urgency-tier";
inline constexpr std::string_view kTargetTime = "target-time";
inline constexpr std::string_view kExplanation = "explanation";

// The CodeSystem of one kind: "rules", "tiers", "workups", "hypotheses", "results", "writings".
std::string result_system(const rules::Knowledge& knowledge, std::string_view kind);
fhir::Json rule_coding(const rules::Knowledge& knowledge, const rules::Rule& rule);
fhir::Json tier_coding(const rules::Knowledge& knowledge, rules::Tier tier);
fhir::Json workup_coding(const rules::Knowledge& knowledge, const rules::Workup& workup);
fhir::Json hypothesis_coding(const rules::Knowledge& knowledge,
                             const rules::Hypothesis& hypothesis);
fhir::Json result_coding(const rules::Knowledge& knowledge, std::string_view code);

// System of the tags by which one writing of ours is found again where R4 gives a resource no
// identifier. Its codes are UUIDs.
std::string writing_system(const rules::Knowledge& knowledge);

// The CodeSystem resources, so that a validator or a terminology server can resolve the codes.
fhir::Json rule_code_system(const rules::Knowledge& knowledge);  // rules and gap policies
fhir::Json tier_code_system(const rules::Knowledge& knowledge);
fhir::Json workup_code_system(const rules::Knowledge& knowledge);
fhir::Json hypothesis_code_system(const rules::Knowledge& knowledge);
fhir::Json result_code_system(const rules::Knowledge& knowledge);
fhir::Json writing_code_system(const rules::Knowledge& knowledge);  // lists no codes
std::vector<fhir::Json> assessment_code_systems(const rules::Knowledge& knowledge);  // all six

// url|version of the knowledge as a set of rules: what Provenance names as the policy followed.
std::string policy_canonical(const rules::Knowledge& knowledge);

}  // namespace myoflag::mapping
