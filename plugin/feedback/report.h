#pragma once
// Which rules clinicians follow and which they set aside: for a person who leads them, and for
// machines. A card counts for the rule that is its strongest reason; beside it is told on how many
// cards the rule stood at all.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "fhir/json.h"
#include "plugin/feedback/store.h"
#include "rules/knowledge.h"

namespace myoflag::feedback {

// Of cards, each once: one may be accepted by one clinician and set aside by another.
struct Count {
  std::uint64_t cards = 0, accepted = 0, overridden = 0, answered = 0;
};

struct RuleReport {
  std::string rule;                              // empty: cards without a fired rule
  Count first;                                   // cards whose strongest reason it is
  Count any;                                     // cards on which it stands
  std::map<std::string, std::uint64_t> reasons;  // code -> cards of `first`; "": none was given
  std::map<std::string, std::uint64_t> tests;    // workup -> cards of `first`; "": none we know
};

struct Report {
  Day since;
  Count all;                      // assessments
  std::uint64_t unreadable = 0;   // cards that could not judge
  std::uint64_t offers = 0;       // of the form
  std::uint64_t strangers = 0;    // cards that are not known here
  std::vector<RuleReport> rules;  // the most often set aside first, then the most shown
};

Result<Report> report_of(Store& store, const rules::Knowledge& knowledge, Day since);

std::string to_text(const Report& report, const rules::Knowledge& knowledge);
fhir::Json to_json(const Report& report, const rules::Knowledge& knowledge);

}  // namespace myoflag::feedback
