#pragma once
// The code systems and codes of the FHIR standard that our resources carry, in one place. Clinical
// codes are knowledge and never stand here. Sources: hl7.org/fhir/R4/terminologies-systems.html,
// terminology.hl7.org.

#include <string_view>

namespace myoflag::mapping {

inline constexpr std::string_view kUcum = "http://unitsofmeasure.org";
inline constexpr std::string_view kObservationCategory =
    "http://terminology.hl7.org/CodeSystem/observation-category";
inline constexpr std::string_view kDataAbsentReason =
    "http://terminology.hl7.org/CodeSystem/data-absent-reason";
inline constexpr std::string_view kDataAbsentReasonExtension =
    "http://hl7.org/fhir/StructureDefinition/data-absent-reason";
inline constexpr std::string_view kProvenanceParticipant =
    "http://terminology.hl7.org/CodeSystem/provenance-participant-type";
inline constexpr std::string_view kSnomed = "http://snomed.info/sct";

struct StandardCode {
  std::string_view code, display;
};

inline constexpr StandardCode kSurvey{"survey", "Survey"};
inline constexpr StandardCode kUnknown{"unknown", "Unknown"};
inline constexpr StandardCode kAskedUnknown{"asked-unknown", "Asked But Unknown"};
inline constexpr StandardCode kAskedDeclined{"asked-declined", "Asked But Declined"};
inline constexpr StandardCode kNotAsked{"not-asked", "Not Asked"};
inline constexpr StandardCode kNotApplicable{"not-applicable", "Not Applicable"};
inline constexpr StandardCode kAssembler{"assembler", "Assembler"};
inline constexpr StandardCode kAuthor{"author", "Author"};
inline constexpr StandardCode kInformant{"informant", "Informant"};

// ServiceRequest.category: the codes of R4's value set servicerequest-category and of US Core's
// addition to it. Sent only when the knowledge lists the code as verified.
struct RequestCategory {
  std::string_view workup_category, code;
};
inline constexpr RequestCategory kRequestCategories[] = {
    {"laboratory", "108252007"},
    {"imaging", "363679005"},
    {"procedure", "386053000"},
    {"referral", "3457005"},
};

}  // namespace myoflag::mapping
