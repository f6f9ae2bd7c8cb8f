#include "plugin/mapping/record_concepts.h"

#include <algorithm>

#include "plugin/mapping/patient_identity.h"

namespace myoflag::mapping {

namespace {

using fhir::Json;
using rules::CodeBinding;
using rules::Coding;

// What is longer is no name any more; it bounds the search in a record made to be slow.
constexpr std::size_t longest_name = 4096;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Bytes of letters beyond ASCII count as letters.
bool is_word_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         (static_cast<unsigned char>(c) >= 0x80);
}

bool is(const Json& coding, const Coding& code) {
  return coding.string_of("system") == code.system && coding.string_of("code") == code.code;
}

template <typename Test>
bool any_coding(const Concepts& concepts, Test test) {
  return std::any_of(concepts.begin(), concepts.end(), [&](const Json& one) {
    const auto& codings = one.array_of("coding");
    return std::any_of(codings.begin(), codings.end(), test);
  });
}

bool has_prefix(const Concepts& concepts, const Coding& prefix, const std::vector<Coding>& except) {
  return any_coding(concepts, [&](const Json& coding) {
    return coding.string_of("system") == prefix.system &&
           coding.string_of("code").starts_with(prefix.code) &&
           std::none_of(except.begin(), except.end(),
                        [&](const Coding& other) { return is(coding, other); });
  });
}

bool is_named(const Concepts& concepts, std::string_view words) {
  const bool in_text = std::any_of(concepts.begin(), concepts.end(), [&](const Json& one) {
    return has_words(one.string_of("text"), words);
  });
  return in_text || any_coding(concepts, [&](const Json& coding) {
           return has_words(coding.string_of("display"), words);
         });
}

void add_concept(const Json* one, Concepts& out) {
  if (one != nullptr && one->is_object()) {
    out.push_back(*one);
  }
}

void add_medication(const Json& medication, Concepts& out) {
  add_concept(medication.find("code"), out);
  for (const auto& ingredient : medication.array_of("ingredient")) {
    add_concept(ingredient.find("itemCodeableConcept"), out);
  }
}

const Json* contained(const Json& resource, std::string_view id) {
  for (const auto& inner : resource.array_of("contained")) {
    if (inner.string_of("id") == id) {
      return &inner;
    }
  }
  return nullptr;
}

}  // namespace

bool has_code(const Concepts& concepts, const Coding& code) {
  return any_coding(concepts, [&](const Json& coding) { return is(coding, code); });
}

bool has_words(std::string_view text, std::string_view words) {
  if (words.empty()) {
    return false;
  }
  text = text.substr(0, longest_name);
  const auto same = [](char a, char b) { return lower(a) == b; };
  auto from = text.begin();
  while (true) {
    const auto found = std::search(from, text.end(), words.begin(), words.end(), same);
    if (found == text.end()) {
      return false;
    }
    const auto end = found + static_cast<std::ptrdiff_t>(words.size());
    const bool starts = found == text.begin() || !is_word_byte(*(found - 1));
    if (starts && (end == text.end() || !is_word_byte(*end))) {
      return true;
    }
    from = found + 1;
  }
}

bool matches(const CodeBinding& binding, const Concepts& concepts) {
  const auto has = [&](const Coding& code) { return has_code(concepts, code); };
  const auto begins = [&](const Coding& prefix) {
    return has_prefix(concepts, prefix, binding.except);
  };
  const auto named = [&](const std::string& words) { return is_named(concepts, words); };
  return std::any_of(binding.codes.begin(), binding.codes.end(), has) ||
         std::any_of(binding.prefixes.begin(), binding.prefixes.end(), begins) ||
         std::any_of(binding.text.begin(), binding.text.end(), named);
}

std::string wording(const Concepts& concepts, std::string_view fallback) {
  for (const auto& one : concepts) {
    if (const auto text = one.string_of("text"); !text.empty()) {
      return std::string(text);
    }
    for (const auto* name : {"display", "code"}) {
      for (const auto& coding : one.array_of("coding")) {
        if (const auto text = coding.string_of(name); !text.empty()) {
          return std::string(text);
        }
      }
    }
  }
  return std::string(fallback);
}

void Medications::add(const RecordResource& medication) {
  for (const auto& name : {medication.full_url, medication.reference}) {
    if (const auto key = reference_key(name); !key.empty()) {
      by_tail_.emplace(key.tail, &medication);
    }
  }
}

const Json* Medications::find(std::string_view reference, std::string_view full_url) const {
  const auto key = reference_in_entry(reference, full_url);
  const auto [first, last] = by_tail_.equal_range(key.tail);
  for (auto found = first; found != last; ++found) {
    const auto base = reference_key(found->second->full_url).base;
    if (key.base.empty() || base.empty() || key.base == base) {
      return &found->second->json;
    }
  }
  return nullptr;
}

Medicine medicine_of(const RecordResource& resource, const Medications& medications) {
  Medicine medicine;
  auto& concepts = medicine.concepts;
  add_concept(resource.json.find("medicationCodeableConcept"), concepts);
  const auto find = [&](const Json* reference) -> const Json* {
    if (reference == nullptr) {
      return nullptr;
    }
    const auto text = reference->string_of("reference");
    return text.starts_with('#') ? contained(resource.json, text.substr(1))
                                 : medications.find(text, resource.full_url);
  };
  const auto* reference = resource.json.find("medicationReference");
  const auto* medication = find(reference);
  if (medication != nullptr) {
    add_medication(*medication, concepts);
    for (const auto& ingredient : medication->array_of("ingredient")) {
      if (const auto* inner = find(ingredient.find("itemReference"))) {
        add_medication(*inner, concepts);
      }
    }
  }
  medicine.resolved = !concepts.empty();
  // The name beside a reference may be all there is.
  if (reference != nullptr && !reference->string_of("display").empty()) {
    concepts.push_back(Json::object({{"text", reference->string_of("display")}}));
  }
  return medicine;
}

}  // namespace myoflag::mapping
