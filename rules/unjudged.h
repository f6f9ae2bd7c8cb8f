#pragma once
// Rules that do not fire, and are not excluded either: they read nothing but laboratory values, and
// could not; or an entry of the record that no rule reads is called as what they look for.

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "rules/assessment.h"

namespace myoflag::rules {

// The criterion is made of laboratory values alone.
bool reads_only_labs(const Knowledge& knowledge, const Rule& rule);

// A criterion reads this value as it is: known, and not too old for it.
bool is_read_by_a_rule(const Knowledge& knowledge, std::size_t lab, const Lab& value);
// A criterion would hold for this value, had it been measured later.
bool has_outlived(const Knowledge& knowledge, std::size_t lab, const Lab& value);

// Excluded by the evaluation, but only because of laboratory values that are not known. Of a rule
// that reads them alone: none, not fetched, unusable or too old. Of one that reads answers too:
// only those that are there and cannot be used, for nobody has all values measured.
bool is_unjudged(const Assessment& assessment, const Finding& finding);

// A rule that stays excluded whatever the questions that were not shown, and results that are not
// there, would have said.
bool is_excluded_by_answers(const Assessment& assessment, const Finding& finding);

// As is_unjudged, and a result is there that cannot be used: somebody must look at it.
bool waits_for_a_result(const Assessment& assessment, const Finding& finding);

// In small letters (of ASCII); short ones tell nothing and are left out.
void add_words(std::string_view text, Words& words);

// Red flags that the answers deny, where an entry of the record that no rule reads shares a word
// with the title by which few red flags are called: "cauda", "seizure".
std::set<const Rule*> named_in_record(const Assessment& assessment);

// What entries of the record say that no rule reads, as the record words it; each once.
std::vector<std::string> unread_entries(const Assessment& assessment);

}  // namespace myoflag::rules
