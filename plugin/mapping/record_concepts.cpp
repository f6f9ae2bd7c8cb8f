#include "plugin/mapping/record_concepts.h"

#include <algorithm>
#include <array>
#include <utility>

#include "plugin/mapping/one_of.h"
#include "plugin/mapping/vocabulary.h"

namespace myoflag::mapping {

namespace {

using fhir::Json;
using rules::Coding;

// What is longer is no name any more.
constexpr std::size_t longest_name = 200;

std::string shortened(std::string_view text) {
  if (text.size() <= longest_name) {
    return std::string(text);
  }
  std::size_t end = longest_name;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
    --end;
  }
  return std::string(text.substr(0, end)) + "...";
}

// Bytes of letters beyond ASCII count as letters.
bool is_word_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         (static_cast<unsigned char>(c) >= 0x80);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

std::string_view word_at(std::string_view text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() && is_word_byte(text[end])) {
    ++end;
  }
  return text.substr(at, end - at);
}

bool begins_with_words(std::string_view text, std::string_view words) {
  return text.starts_with(words) &&
         (text.size() == words.size() || !is_word_byte(text[words.size()]));
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

}  // namespace

std::string_view usual_system(std::string_view system) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 7> known{
      {{"urn:oid:2.16.840.1.113883.6.1", kLoinc},
       {"urn:oid:2.16.840.1.113883.6.96", kSnomed},
       {"urn:oid:2.16.840.1.113883.6.88", kRxNorm},
       {"urn:oid:2.16.840.1.113883.6.3", kIcd10},
       {"urn:oid:2.16.840.1.113883.6.90", kIcd10Cm},
       {"urn:oid:2.16.840.1.113883.6.73", kAtc},
       {"urn:oid:2.16.840.1.113883.6.8", kUcum}}};
  const auto* found = std::find_if(known.begin(), known.end(),
                                   [system](const auto& one) { return one.first == system; });
  return found == known.end() ? system : found->second;
}

void Named::add(const Named& other) {
  meaning.medicines |= other.meaning.medicines;
  meaning.conditions |= other.meaning.conditions;
  meaning.sexes |= other.meaning.sexes;
  meaning.pregnancies |= other.meaning.pregnancies;
  meaning.cautions.insert(other.meaning.cautions.begin(), other.meaning.cautions.end());
  meaning.workups.insert(other.meaning.workups.begin(), other.meaning.workups.end());
  meaning.labs.insert(other.meaning.labs.begin(), other.meaning.labs.end());
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

ConceptIndex::ConceptIndex(const rules::Knowledge& knowledge) {
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
    for (const std::string_view words : binding.text) {
      names_[word_at(words, 0)].push_back({words, target});
    }
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
  const std::string lowered = lower(text);
  const std::string_view all = lowered;
  for (std::size_t at = 0; at < all.size();) {
    const auto word = word_at(all, at);
    const auto phrases = names_.find(word);
    if (!word.empty() && phrases != names_.end()) {
      for (const auto& phrase : phrases->second) {
        if (begins_with_words(all.substr(at), phrase.words)) {
          take(phrase.target, meaning);
        }
      }
    }
    at += std::max<std::size_t>(word.size(), 1);
  }
}

void ConceptIndex::read_text(std::string_view text, Named& named) const {
  if (text.empty()) {
    return;
  }
  read_words(text, named.meaning);
  named.told = true;
  if (named.name.empty()) {
    named.name = shortened(text);
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
      named.name = shortened(coding.string_of("code"));
    }
  }
}

Named ConceptIndex::read_member(const Json& resource, std::string_view name) const {
  Named named;
  read(resource.find(name), named);
  return named;
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
