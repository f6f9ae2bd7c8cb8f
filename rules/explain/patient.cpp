// What the patient is told, for the patient and as the clinician sees it.
#include <set>

#include "rules/explain/page.h"
#include "rules/languages.h"

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

namespace {

// The sentences of a text that are not among those said in English before; in `language`.
std::vector<std::string> fresh_sentences(const std::string& english, const Language* language,
                                         std::set<std::string>& said) {
  const std::vector<std::string> all = sentences(english);
  const std::vector<std::string> there =
      language == nullptr ? all : sentences_of_any(in_language(language, english));
  std::vector<std::string> fresh;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (said.insert(all[i]).second) {
      fresh.push_back(there.at(i));
    }
  }
  return fresh;
}

}  // namespace

PatientText explain_for_patient(const Assessment& assessment, const Language* language) {
  const TierInfo& tier = assessment.knowledge->tiers[static_cast<std::size_t>(assessment.tier)];
  const std::string& headline = tier.headline_for(assessment.target).text;
  std::set<std::string> said;
  PatientText text;
  for (const std::string& sentence : sentences(headline)) {
    said.insert(sentence);
  }
  text.headline = in_language(language, headline);
  for (const std::string& advice : assessment.patient_advice) {
    const auto fresh = fresh_sentences(advice, language, said);
    if (!fresh.empty()) {
      text.paragraphs.push_back(in_a_row(fresh));
    }
  }
  return text;
}

}  // namespace myoflag::rules
