#pragma once
// What a clinician's card says about one assessment, or about answers that could not be assessed,
// or about the lack of answers. Pure: the clock is in the assessment, ids follow from the input, so
// that a repeat shows the same card. All words are the knowledge's.

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "fhir/issue.h"
#include "fhir/json.h"
#include "fhir/uuid.h"
#include "plugin/cds/card.h"
#include "plugin/cds/prefetch.h"
#include "rules/assessment.h"

namespace myoflag::cds {

// Of the site.
struct CardSettings {
  std::string tenant;       // goes into ids; a secret one keeps them from being guessed
  std::string intake_link;  // address of the form; empty: no card offers it
  std::string summary_app;  // launch address of the SMART app with the summary; empty: no link
};

struct CardSubject {
  std::string patient_id, encounter_id;  // ids alone; the encounter may be empty
};

struct CardInput {
  const rules::Assessment& assessment;
  const fhir::Json& response;
  fhir::Json patient;    // Reference that the draft requests carry; null: nobody, so there are none
  fhir::Json encounter;  // the same, or null
  const std::vector<Source>& sources;
  const std::set<int>& ordered;  // workups that are ordered, or among the draft orders
};

// References of a call.
fhir::Json patient_of(const CardSubject& subject);
fhir::Json encounter_of(const CardSubject& subject);

Card assessment_card(const CardInput& input, const CardSettings& settings);

// Of the suggestion of a workup on a card: who knows the card knows it, too.
fhir::Uuid suggestion_uuid(const fhir::Uuid& card, std::string_view workup);

// Answers are there, and none of them could be judged. Other answers are another card.
Card unreadable_card(const rules::Knowledge& knowledge, const CardSubject& subject,
                     const fhir::Json& answers, const fhir::Issues& issues,
                     const std::vector<Source>& sources, const CardSettings& settings);

// No answers are there. Needs settings.intake_link.
Card offer_card(const rules::Knowledge& knowledge, const CardSubject& subject,
                const CardSettings& settings);

}  // namespace myoflag::cds
