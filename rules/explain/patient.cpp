// What the patient is told, for the patient and as the clinician sees it.
#include <set>

#include "rules/explain/page.h"

namespace myoflag::rules {
namespace explaining {

// Never shortened: the clinician must know what the patient was told, and "call if" most of all.
Lines advice(const Page& page) {
  const PatientText text = explain_for_patient(page.assessment());
  Lines lines{line(text.headline)};
  for (const std::string& paragraph : text.paragraphs) {
    lines.push_back(line(paragraph));
  }
  return lines;
}

}  // namespace explaining

PatientText explain_for_patient(const Assessment& assessment) {
  const TierInfo& tier = assessment.knowledge->tiers[static_cast<std::size_t>(assessment.tier)];
  PatientText text;
  text.headline = tier.headline_for(assessment.target).text;
  std::set<std::string> said;
  for (std::string& sentence : sentences(text.headline)) {
    said.insert(std::move(sentence));
  }
  for (const std::string& advice : assessment.patient_advice) {
    std::vector<std::string> fresh;
    for (std::string& sentence : sentences(advice)) {
      if (said.insert(sentence).second) {
        fresh.push_back(std::move(sentence));
      }
    }
    if (!fresh.empty()) {
      text.paragraphs.push_back(joined(fresh, " "));
    }
  }
  return text;
}

}  // namespace myoflag::rules
