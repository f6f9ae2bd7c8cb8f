#pragma once
// The code systems and codes of the FHIR standard that our resources carry, in one place. Clinical
// codes are knowledge and never stand here. Sources: hl7.org/fhir/R4/terminologies-systems.html,
// terminology.hl7.org.

#include <string_view>

#include "fhir/answer_value.h"

namespace myoflag::mapping {

inline constexpr std::string_view kUcum = "http://unitsofmeasure.org";
inline constexpr std::string_view kLoinc = "http://loinc.org";
inline constexpr std::string_view kSnomed = "http://snomed.info/sct";
inline constexpr std::string_view kRxNorm = "http://www.nlm.nih.gov/research/umls/rxnorm";
inline constexpr std::string_view kIcd10 = "http://hl7.org/fhir/sid/icd-10";
inline constexpr std::string_view kIcd10Cm = "http://hl7.org/fhir/sid/icd-10-cm";
inline constexpr std::string_view kAtc = "http://www.whocc.no/atc";
inline constexpr std::string_view kAdministrativeGender =
    "http://hl7.org/fhir/administrative-gender";
inline constexpr std::string_view kObservationCategory =
    "http://terminology.hl7.org/CodeSystem/observation-category";
inline constexpr std::string_view kConditionClinical =
    "http://terminology.hl7.org/CodeSystem/condition-clinical";
inline constexpr std::string_view kConditionVerification =
    "http://terminology.hl7.org/CodeSystem/condition-ver-status";
inline constexpr std::string_view kDataAbsentReason =
    "http://terminology.hl7.org/CodeSystem/data-absent-reason";
inline constexpr std::string_view kDataAbsentReasonExtension = fhir::data_absent_reason_url;
inline constexpr std::string_view kProvenanceParticipant =
    "http://terminology.hl7.org/CodeSystem/provenance-participant-type";
inline constexpr std::string_view kUsCoreCategory =
    "http://hl7.org/fhir/us/core/CodeSystem/us-core-category";

struct StandardCode {
  std::string_view code, display;
};

inline constexpr StandardCode kSurvey{"survey", "Survey"};
inline constexpr StandardCode kVitalSigns{"vital-signs", "Vital Signs"};
inline constexpr StandardCode kSocialHistory{"social-history", "Social History"};
inline constexpr StandardCode kLaboratory{"laboratory", "Laboratory"};
inline constexpr StandardCode kUnknown{"unknown", "Unknown"};
inline constexpr StandardCode kAskedUnknown{"asked-unknown", "Asked But Unknown"};
inline constexpr StandardCode kAskedDeclined{"asked-declined", "Asked But Declined"};
inline constexpr StandardCode kNotAsked{"not-asked", "Not Asked"};
inline constexpr StandardCode kNotApplicable{"not-applicable", "Not Applicable"};
inline constexpr StandardCode kAssembler{"assembler", "Assembler"};
inline constexpr StandardCode kAuthor{"author", "Author"};
inline constexpr StandardCode kInformant{"informant", "Informant"};

}  // namespace myoflag::mapping
