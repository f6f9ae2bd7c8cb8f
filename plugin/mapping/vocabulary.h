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
inline constexpr std::string_view kUsCoreCategory =
    "http://hl7.org/fhir/us/core/CodeSystem/us-core-category";

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

}  // namespace myoflag::mapping
