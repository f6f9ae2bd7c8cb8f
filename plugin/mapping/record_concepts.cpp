#include "plugin/mapping/record_concepts.h"

#include <algorithm>
#include <array>
#include <utility>

#include "plugin/mapping/code_system.h"
#include "plugin/mapping/one_of.h"
#include "plugin/mapping/record_status.h"
#include "plugin/mapping/record_values.h"
#include "plugin/mapping/record_words.h"
#include "plugin/mapping/rule_codes.h"
#include "plugin/mapping/vocabulary.h"

namespace myoflag::mapping {

namespace {

using fhir::Json;
using rules::Coding;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

// Of plain words.
std::string_view word_at(std::string_view words, std::size_t at) {
  return words.substr(at, words.find(' ', at) - at);
}

bool begins_with_words(std::string_view text, std::string_view words) {
  return text.starts_with(words) && (text.size() == words.size() || text[words.size()] == ' ');
}

// Letters of ATC and ICD-10 are written large, and by many small.
std::string usual_code(std::string_view system, std::string_view code) {
  constexpr std::array<std::string_view, 3> any_case{kAtc, kIcd10, kIcd10Cm};
  return is_one_of(usual_system(system), any_case) ? lower(code) : std::string(code);
}

std::string code_key(std::string_view system, std::string_view code) {
  std::string key(usual_system(system));
  key += '|';
  key += usual_code(system, code);
  return key;
}

bool has_one_of(const Json& one, const std::vector<Coding>& codes) {
  const auto& codings = one.array_of("coding");
  return std::any_of(codings.begin(), codings.end(), [&](const Json& coding) {
    return std::any_of(codes.begin(), codes.end(), [&](const Coding& known) {
      return usual_system(coding.string_of("system")) == known.system &&
             coding.string_of("code") == known.code;
    });
  });
}

// Whatever is not ASCII counts as a letter.
bool is_letter_at(std::string_view text, std::size_t at) {
  constexpr unsigned char ascii_end = 0x80;
  const auto c = at < text.size() ? static_cast<unsigned char>(text[at]) : ' ';
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         c >= ascii_end;
}

// A slash of an abbreviation, between single letters: "w/o".
bool is_abbreviating(std::string_view text, std::size_t at) {
  const bool is_before = at >= 1 && is_letter_at(text, at - 1);
  const bool is_lone_before = is_before && (at < 2 || !is_letter_at(text, at - 2));
  return text[at] == '/' && is_lone_before && is_letter_at(text, at + 1) &&
         !is_letter_at(text, at + 2);
}

// A dash joins words ("pre-eclampsia") unless a blank is beside it.
bool is_dash_alone(std::string_view text, std::size_t at, std::size_t size) {
  return (at > 0 && text[at - 1] == ' ') || (at + size < text.size() && text[at + size] == ' ');
}

// The length of what divides two statements there; 0: nothing does.
std::size_t divider_at(std::string_view text, std::size_t at) {
  constexpr std::array<std::string_view, 15> dividers{
      ";", "+", "&", ",", "/", "\n", "\r", ":", "?", "|", "(", ")", "->", "\u2192", "\u2014"};
  constexpr std::array<std::string_view, 2> dashes{"-", "\u2013"};
  const auto rest = text.substr(at);
  for (const auto one : dividers) {
    if (rest.starts_with(one) && !is_abbreviating(text, at)) {
      return one.size();
    }
  }
  for (const auto one : dashes) {
    if (rest.starts_with(one) && is_dash_alone(text, at, one.size())) {
      return one.size();
    }
  }
  return 0;
}

std::vector<std::string> divided(std::string_view text) {
  std::vector<std::string> parts(1);
  for (std::size_t at = 0; at < text.size();) {
    const auto divider = divider_at(text, at);
    if (divider == 0) {
      parts.back() += text[at];
    } else {
      parts.emplace_back();
    }
    at += std::max<std::size_t>(divider, 1);
  }
  return parts;
}

// Divided by commas.
std::vector<std::string> plain_list(std::string_view text) {
  std::vector<std::string> list;
  while (!text.empty()) {
    const auto end = std::min(text.find(','), text.size());
    list.push_back(plain_words(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return list;
}

std::vector<std::string> plain_of(const std::vector<std::string>& texts) {
  std::vector<std::string> list;
  for (const auto& text : texts) {
    list.push_back(plain_words(text));
  }
  return list;
}

// A CodeableConcept whose text and names are all of the list. A code without a name may say more.
bool says_only(const Json& one, const std::vector<std::string>& list) {
  const auto is_listed = [&list](std::string_view text) {
    return std::find(list.begin(), list.end(), plain_words(text)) != list.end();
  };
  const auto text = one.string_of("text");
  const auto& codings = one.array_of("coding");
  return !(codings.empty() && text.empty()) && (text.empty() || is_listed(text)) &&
         std::all_of(codings.begin(), codings.end(),
                     [&](const Json& coding) { return is_listed(coding.string_of("display")); });
}

// The length of the longest of them that the words begin with; 0: of none.
std::size_t longest_at(const std::vector<std::string>& list, std::string_view words) {
  std::size_t longest = 0;
  for (const auto& one : list) {
    longest = begins_with_words(words, one) ? std::max(longest, one.size()) : longest;
  }
  return longest;
}

bool has_words_of(const std::vector<std::string>& list, std::string_view words) {
  for (std::size_t at = 0; at < words.size(); at += word_at(words, at).size() + 1) {
    if (longest_at(list, words.substr(at)) != 0) {
      return true;
    }
  }
  return false;
}

// As whole words.
bool ends_with_words(std::string_view text, std::string_view words) {
  return text.ends_with(words) &&
         (text.size() == words.size() || text[text.size() - words.size() - 1] == ' ');
}

// One of the list that does not stand directly behind one of the others.
bool has_words_not_behind(const std::vector<std::string>& list,
                          const std::vector<std::string>& others, std::string_view words) {
  for (std::size_t at = 0; at < words.size(); at += word_at(words, at).size() + 1) {
    const auto before = words.substr(0, at == 0 ? 0 : at - 1);
    const bool is_behind = std::any_of(others.begin(), others.end(), [&](const auto& one) {
      return ends_with_words(before, one);
    });
    if (!is_behind && longest_at(list, words.substr(at)) != 0) {
      return true;
    }
  }
  return false;
}

// A denial reaches no further than its clause. `wanted` gets its plain words.
template <typename Wanted>
bool has_clause(std::string_view text, const Wanted& wanted) {
  while (!text.empty()) {
    const auto end = std::min(text.find_first_of(".;,:\n"), text.size());
    if (wanted(plain_words(text.substr(0, end)))) {
      return true;
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return false;
}

bool shares_text(const std::vector<std::string>& texts, const std::vector<std::string>& known) {
  return std::any_of(texts.begin(), texts.end(), [&](const std::string& text) {
    return std::find(known.begin(), known.end(), text) != known.end();
  });
}

// Without the scheme, "www." and a slash at the end, in which many senders differ.
std::string_view bare_address(std::string_view system) {
  for (const std::string_view beginning : {"http://", "https://", "www."}) {
    if (system.starts_with(beginning)) {
      system.remove_prefix(beginning.size());
    }
  }
  if (system.ends_with('/')) {
    system.remove_suffix(1);
  }
  return system;
}

}  // namespace

bool is_same_address(std::string_view one, std::string_view other) {
  return bare_address(one) == bare_address(other);
}

std::string_view usual_system(std::string_view system) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 7> known{
      {{"urn:oid:2.16.840.1.113883.6.1", kLoinc},
       {"urn:oid:2.16.840.1.113883.6.96", kSnomed},
       {"urn:oid:2.16.840.1.113883.6.88", kRxNorm},
       {"urn:oid:2.16.840.1.113883.6.3", kIcd10},
       {"urn:oid:2.16.840.1.113883.6.90", kIcd10Cm},
       {"urn:oid:2.16.840.1.113883.6.73", kAtc},
       {"urn:oid:2.16.840.1.113883.6.8", kUcum}}};
  const auto* found = std::find_if(known.begin(), known.end(), [system](const auto& one) {
    return one.first == system || is_same_address(one.second, system);
  });
  return found == known.end() ? system : found->second;
}

std::string concept_key(const Json* one) {
  if (one == nullptr) {
    return {};
  }
  const auto& codings = one->array_of("coding");
  if (!codings.empty()) {
    const auto system = usual_system(codings.front().string_of("system"));
    const auto code = codings.front().string_of("code");
    if (!system.empty() && !code.empty()) {
      return std::string(system) + '|' + std::string(code);
    }
  }
  const auto words = words_of(one);
  return words.empty() ? std::string() : '"' + std::string(words);
}

void Named::add(const Named& other) {
  meaning.medicines |= other.meaning.medicines;
  meaning.conditions |= other.meaning.conditions;
  meaning.sexes |= other.meaning.sexes;
  meaning.pregnancies |= other.meaning.pregnancies;
  meaning.cautions.insert(other.meaning.cautions.begin(), other.meaning.cautions.end());
  meaning.workups.insert(other.meaning.workups.begin(), other.meaning.workups.end());
  meaning.labs.insert(other.meaning.labs.begin(), other.meaning.labs.end());
  meaning.other_labs.insert(other.meaning.other_labs.begin(), other.meaning.other_labs.end());
  found = found || other.found;
  told = told || other.told;
  if (name.empty()) {
    name = other.name;
  }
}

std::string Named::name_or(std::string_view fallback) const {
  return name.empty() ? std::string(fallback) : name;
}

// ---- ConceptIndex

ConceptIndex::ConceptIndex(const rules::Knowledge& knowledge)
    : knowledge_(knowledge),
      pregnancy_status_(knowledge.bindings.pregnancy_status),
      joins_(plain_list(knowledge.text("record-joins"))),
      qualifiers_(plain_list(knowledge.text("record-qualifiers"))),
      urgent_visits_(plain_list(knowledge.text("record-urgent-visits"))),
      instruments_(plain_list(knowledge.text("record-instruments"))),
      calm_conditions_(plain_of(knowledge.bindings.calm.conditions)),
      calm_results_(plain_of(knowledge.bindings.calm.results)),
      findings_(plain_of(knowledge.bindings.calm.findings)),
      denials_(plain_of(knowledge.bindings.calm.denials)),
      own_systems_{question_system(knowledge), result_system(knowledge, "rules"),
                   result_system(knowledge, "tiers"), result_system(knowledge, "hypotheses"),
                   result_system(knowledge, "results")} {
  for (const auto& term : knowledge.terms) {
    official_.insert(plain_words(term.display));
  }
  add(List::medicine, knowledge.bindings.medicine_classes);
  add(List::condition, knowledge.bindings.condition_list);
  add(List::sex, knowledge.bindings.sexes);
  add(List::pregnancy, knowledge.bindings.pregnancies);
  add(List::caution, knowledge.bindings.cautions);
  for (std::size_t i = 0; i < knowledge.workups.size(); ++i) {
    add_codes(knowledge.workups[i].codes, {List::workup, static_cast<int>(i)});
  }
  for (std::size_t i = 0; i < knowledge.labs.size(); ++i) {
    add_codes(knowledge.labs[i].codes, {List::lab, static_cast<int>(i)});
    const Target other{List::other_lab, static_cast<int>(i)};
    add_codes(knowledge.labs[i].not_comparable, other);
    add_words(knowledge.labs[i].text, other);
  }
}

void ConceptIndex::add(List list, const std::vector<rules::CodeBinding>& bindings) {
  for (std::size_t i = 0; i < bindings.size(); ++i) {
    const auto& binding = bindings[i];
    const Target target{list, list == List::caution ? static_cast<int>(i) : binding.option};
    add_codes(binding.codes, target);
    for (const auto& code : binding.prefixes) {
      prefixes_[code.system].push_back(
          {usual_code(code.system, code.code), &binding.except, target});
    }
    add_words(binding.text, target);
  }
}

void ConceptIndex::add_words(const std::vector<std::string>& phrases, Target target) {
  for (const auto& phrase : phrases) {
    auto words = plain_words(phrase);
    auto& alike = names_[std::string(word_at(words, 0))];
    alike.push_back({std::move(words), target});
  }
}

void ConceptIndex::add_codes(const std::vector<Coding>& codes, Target target) {
  for (const auto& code : codes) {
    codes_[code_key(code.system, code.code)].push_back(target);
  }
}

void ConceptIndex::take(Target target, Meaning& meaning) {
  const auto option = std::uint64_t{1} << (static_cast<unsigned>(target.index) & 63U);
  switch (target.list) {
    case List::medicine:
      meaning.medicines |= option;
      break;
    case List::condition:
      meaning.conditions |= option;
      break;
    case List::sex:
      meaning.sexes |= option;
      break;
    case List::pregnancy:
      meaning.pregnancies |= option;
      break;
    case List::caution:
      meaning.cautions.insert(target.index);
      break;
    case List::workup:
      meaning.workups.insert(target.index);
      break;
    case List::lab:
      meaning.labs.insert(target.index);
      break;
    case List::other_lab:
      meaning.other_labs.insert(target.index);
      break;
  }
}

void ConceptIndex::read_code(const Json& coding, Named& named) const {
  const auto system = usual_system(coding.string_of("system"));
  const auto code = usual_code(system, coding.string_of("code"));
  if (const auto known = codes_.find(code_key(system, code)); known != codes_.end()) {
    named.told = true;
    for (const auto& target : known->second) {
      take(target, named.meaning);
    }
  }
  const auto prefixes = prefixes_.find(std::string(system));
  if (prefixes == prefixes_.end()) {
    return;
  }
  for (const auto& prefix : prefixes->second) {
    const auto& except = *prefix.except;
    const bool excepted = std::any_of(except.begin(), except.end(), [&](const Coding& other) {
      return other.system == system && usual_code(system, other.code) == code;
    });
    if (code.starts_with(prefix.code)) {
      named.told = true;
      if (!excepted) {
        take(prefix.target, named.meaning);
      }
    }
  }
}

void ConceptIndex::read_words(std::string_view text, Meaning& meaning) const {
  const std::string plain = plain_words(text);
  const std::string_view all = plain;
  std::size_t pregnancy_end = 0;
  for (std::size_t at = 0; at < all.size();) {
    const auto word = word_at(all, at);
    const Phrase* pregnancy = nullptr;
    if (const auto phrases = names_.find(std::string(word)); phrases != names_.end()) {
      for (const auto& phrase : phrases->second) {
        if (!begins_with_words(all.substr(at), phrase.words)) {
          continue;
        }
        if (phrase.target.list != List::pregnancy) {
          take(phrase.target, meaning);
        } else if (pregnancy == nullptr || pregnancy->words.size() < phrase.words.size()) {
          pregnancy = &phrase;
        }
      }
    }
    // "First trimester pregnancy" says more than the "pregnancy" in it.
    if (pregnancy != nullptr && at >= pregnancy_end) {
      take(pregnancy->target, meaning);
      pregnancy_end = at + pregnancy->words.size();
    }
    at += word.size() + 1;
  }
}

void ConceptIndex::read_text(std::string_view text, Named& named) const {
  if (text.empty()) {
    return;
  }
  read_words(text, named.meaning);
  named.told = true;
  if (named.name.empty()) {
    named.name = shown(text);
  }
}

void ConceptIndex::read(const Json* one, Named& named) const {
  if (one == nullptr || !one->is_object()) {
    return;
  }
  named.found = true;
  read_text(one->string_of("text"), named);
  const auto& codings = one->array_of("coding");
  for (const auto& coding : codings) {
    read_code(coding, named);
    read_text(coding.string_of("display"), named);
  }
  for (const auto& coding : codings) {
    if (named.name.empty()) {
      named.name = shown(coding.string_of("code"));
    }
  }
}

Named ConceptIndex::read_coding(const Json& coding) const {
  Named named;
  read_code(coding, named);
  read_text(coding.string_of("display"), named);
  return named;
}

bool ConceptIndex::only_qualifies(std::string_view words) const {
  while (!words.empty()) {
    const auto length = longest_at(qualifiers_, words);
    if (length == 0) {
      return false;
    }
    words.remove_prefix(std::min(length + 1, words.size()));
  }
  return true;
}

std::vector<std::string> ConceptIndex::parts_of(std::string_view text) const {
  std::vector<std::string> parts;
  for (const auto& segment : divided(text)) {
    const auto plain = plain_words(segment);
    parts.emplace_back();
    for (std::size_t at = 0; at < plain.size();) {
      const auto rest = std::string_view(plain).substr(at);
      const auto join = longest_at(joins_, rest);
      const auto qualifier = longest_at(qualifiers_, rest);  // "in remission"
      if (join > qualifier) {
        parts.emplace_back();
        at += join + 1;
      } else {
        const auto words = qualifier != 0 ? rest.substr(0, qualifier) : word_at(rest, 0);
        parts.back() += words;
        parts.back() += ' ';
        at += words.size() + 1;
      }
    }
  }
  std::erase(parts, std::string());
  return parts;
}

bool ConceptIndex::names_more(std::string_view text) const {
  if (official_.contains(plain_words(text))) {
    return false;
  }
  bool knows = false, lacks = false;
  for (const auto& part : parts_of(text)) {
    Meaning meaning;
    read_words(part, meaning);
    const bool is_known = meaning.is_of_health();
    knows = knows || is_known;
    lacks = lacks || (!is_known && !only_qualifies(part));
  }
  return knows && lacks;
}

bool ConceptIndex::names_urgent_visit(std::string_view text) const {
  return has_words_of(urgent_visits_, plain_words(text));
}

bool ConceptIndex::names_instrument(std::string_view text) const {
  return has_words_of(instruments_, plain_words(text));
}

Named ConceptIndex::read_member(const Json& resource, std::string_view name) const {
  Named named;
  read(resource.find(name), named);
  return named;
}

bool ConceptIndex::is_own(const Json& observation) const {
  const auto* code = observation.find("code");
  if (code == nullptr || !is_survey(observation) || is_laboratory(observation)) {
    return false;
  }
  const auto& codings = code->array_of("coding");
  return std::any_of(codings.begin(), codings.end(), [this](const Json& coding) {
    return is_one_of(coding.string_of("system"), own_systems_);
  });
}

bool ConceptIndex::asks_for_pregnancy(const Json& observation) const {
  const auto* code = observation.find("code");
  return pregnancy_status_.yes >= 0 && code != nullptr &&
         has_one_of(*code, pregnancy_status_.codes);
}

bool ConceptIndex::denies_pregnancy(const Json* one) const {
  if (one == nullptr) {
    return false;
  }
  std::vector<std::string> texts{plain_words(one->string_of("text"))};
  for (const auto& coding : one->array_of("coding")) {
    texts.push_back(plain_words(coding.string_of("display")));
  }
  return has_one_of(*one, pregnancy_status_.no_codes) ||
         shares_text(texts, pregnancy_status_.no_text);
}

PregnancyAnswer ConceptIndex::pregnancy_answer(const Json& observation) const {
  if (const auto* plain = observation.find("valueBoolean")) {
    return is_true(observation, "valueBoolean") ? PregnancyAnswer::yes
           : plain->as_bool() != nullptr        ? PregnancyAnswer::no
                                                : PregnancyAnswer::unread;
  }
  std::vector<std::string> texts{plain_words(observation.string_of("valueString"))};
  if (const auto* value = observation.find("valueCodeableConcept")) {
    if (has_one_of(*value, pregnancy_status_.no_codes)) {
      return PregnancyAnswer::no;
    }
    texts.push_back(plain_words(value->string_of("text")));
    for (const auto& coding : value->array_of("coding")) {
      texts.push_back(plain_words(coding.string_of("display")));
    }
  }
  return shares_text(texts, pregnancy_status_.yes_text)  ? PregnancyAnswer::yes
         : shares_text(texts, pregnancy_status_.no_text) ? PregnancyAnswer::no
                                                         : PregnancyAnswer::unread;
}

bool ConceptIndex::is_calm_condition(const Json* one) const {
  return one != nullptr && says_only(*one, calm_conditions_);
}

bool ConceptIndex::is_negative(const Json& part) const {
  const auto* chosen = part.find("valueCodeableConcept");
  const auto said =
      chosen != nullptr ? *chosen : Json::object({{"text", part.string_of("valueString")}});
  return says_only(said, calm_results_) && read_member(part, "code").meaning.workups.empty();
}

bool ConceptIndex::has_calm_marks(const Json& part) const {
  const auto& calm = knowledge_.bindings.calm.marks;
  const auto& marks = part.array_of("interpretation");
  return std::all_of(marks.begin(), marks.end(), [&](const Json& mark) {
    const auto& codings = mark.array_of("coding");
    const bool is_coded = std::all_of(codings.begin(), codings.end(), [&](const Json& coding) {
      return std::find(calm.begin(), calm.end(), coding.string_of("code")) != calm.end();
    });
    const auto text = Json::object({{"text", mark.string_of("text")}});
    return is_coded && (mark.has("text") ? says_only(text, calm_results_) : !codings.empty());
  });
}

bool ConceptIndex::says_found(const Json& part) const {
  const auto is_found = [this](std::string_view text) {
    return has_clause(text, [this](std::string_view words) {
      return has_words_not_behind(findings_, denials_, words);
    });
  };
  const auto* chosen = part.find("valueCodeableConcept");
  if (chosen == nullptr) {
    return is_found(part.string_of("valueString"));
  }
  const auto& codings = chosen->array_of("coding");
  const auto has_words = [](const Json& coding) {
    return !fhir::is_blank(coding.string_of("display"));
  };
  if (fhir::is_blank(chosen->string_of("text")) &&
      std::none_of(codings.begin(), codings.end(), has_words)) {
    return true;  // a code alone: nobody knows what it says
  }
  return is_found(chosen->string_of("text")) ||
         std::any_of(codings.begin(), codings.end(),
                     [&](const Json& coding) { return is_found(coding.string_of("display")); });
}

bool ConceptIndex::is_calm_clause(std::string_view words) const {
  const auto& normal = knowledge_.bindings.calm.normal_words;
  const auto is_among = [&](const auto& list) {
    return std::find(list.begin(), list.end(), words) != list.end();
  };
  if (words.empty() || is_among(calm_results_) || is_among(normal)) {
    return true;
  }
  // "no growth after five days", "non reactive"; "not ruled out" denies something else.
  const auto denial = words.substr(0, longest_at(denials_, words));
  const auto rest = words.substr(std::min(denial.size() + 1, words.size()));
  return !denial.empty() && (denial.find(' ') != denial.npos || longest_at(findings_, rest) != 0);
}

bool ConceptIndex::says_nothing_found(const Json& part) const {
  const auto is_calm = [this](std::string_view text) {
    const bool is_number = text.find_first_not_of("0123456789.,<>= ") == text.npos;
    return is_number ||
           !has_clause(text, [this](std::string_view words) { return !is_calm_clause(words); });
  };
  if (const auto* truth = part.find("valueBoolean")) {
    return truth->is_bool() && !*truth->as_bool();
  }
  const auto* chosen = part.find("valueCodeableConcept");
  if (chosen == nullptr) {
    return is_calm(part.string_of("valueString"));
  }
  const auto& codings = chosen->array_of("coding");
  return is_calm(chosen->string_of("text")) &&
         std::all_of(codings.begin(), codings.end(),
                     [&](const Json& coding) { return is_calm(coding.string_of("display")); });
}

// ---- Medicines

void Medicines::add(const RecordResource& medication) { medications_.add(medication); }

Medicines::Medication Medicines::find(const Json* reference, const Place& place) const {
  const auto text = reference == nullptr ? std::string_view() : reference->string_of("reference");
  if (!text.starts_with('#')) {
    const auto* entry = text.empty() ? nullptr : medications_.find(text, place.full_url);
    return entry == nullptr ? Medication{} : Medication{&entry->json, entry};
  }
  const auto inner = place.contained.find(text.substr(1));
  return inner == place.contained.end() ? Medication{} : Medication{inner->second, nullptr};
}

Medicines::Place Medicines::place_of(const RecordResource& resource) {
  Place place{resource.full_url, {}};
  for (const auto& inner : resource.json.array_of("contained")) {
    place.contained.emplace(inner.string_of("id"), &inner);
  }
  return place;
}

const Named& Medicines::alone(const Json& medication) {
  const auto [known, is_new] = alone_.try_emplace(&medication);
  if (is_new) {
    index_.read(medication.find("code"), known->second);
    for (const auto& ingredient : medication.array_of("ingredient")) {
      index_.read(ingredient.find("itemCodeableConcept"), known->second);
    }
  }
  return known->second;
}

// Read once, however many requests name it.
const Named& Medicines::whole(const Medication& medication, const Place& user) {
  const auto [known, is_new] = whole_.try_emplace(medication.json);
  auto& named = known->second;
  if (!is_new) {
    return named;
  }
  named = alone(*medication.json);
  const Place own = medication.entry == nullptr ? Place{} : place_of(*medication.entry);
  for (const auto& ingredient : medication.json->array_of("ingredient")) {
    const auto inner =
        find(ingredient.find("itemReference"), medication.entry == nullptr ? user : own);
    if (inner.json != nullptr) {
      named.add(alone(*inner.json));
    }
  }
  return named;
}

Named Medicines::of(const RecordResource& use) {
  Named named = index_.read_member(use.json, "medicationCodeableConcept");
  const auto* reference = use.json.find("medicationReference");
  const Place place = place_of(use);
  if (const auto medication = find(reference, place); medication.json != nullptr) {
    named.add(whole(medication, place));
  }
  // The name beside a reference may be all there is.
  if (reference != nullptr) {
    index_.read_text(reference->string_of("display"), named);
  }
  return named;
}

}  // namespace myoflag::mapping
