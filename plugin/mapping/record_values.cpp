#include "plugin/mapping/record_values.h"

#include <algorithm>
#include <array>

#include "fhir/answer_value.h"
#include "plugin/mapping/one_of.h"
#include "plugin/mapping/record_status.h"
#include "rules/unjudged.h"

namespace myoflag::mapping {

namespace {

using fhir::Json;

std::string joined(std::initializer_list<std::string_view> pieces, std::string_view between) {
  std::string text;
  for (const auto piece : pieces) {
    if (!piece.empty()) {
      text += text.empty() ? "" : between;
      text += piece;
    }
  }
  return text;
}

std::string quantity_text(const Json* quantity) {
  if (quantity == nullptr) {
    return {};
  }
  const auto* value = quantity->find("value");
  const auto* number = value == nullptr ? nullptr : value->as_number();
  const auto unit =
      quantity->has("unit") ? quantity->string_of("unit") : quantity->string_of("code");
  return joined({quantity->string_of("comparator"),
                 number == nullptr ? std::string_view() : std::string_view(number->text), unit},
                " ");
}

std::string plain_text(const Json& part) {
  constexpr std::array<std::string_view, 5> in_words{"valueString", "valueMarkdown", "valueCode",
                                                     "valueDateTime", "valueTime"};
  constexpr std::array<std::string_view, 4> numbers{"valueInteger", "valueDecimal",
                                                    "valuePositiveInt", "valueUnsignedInt"};
  for (const auto name : in_words) {
    if (const auto text = part.string_of(name); !text.empty()) {
      return std::string(text);
    }
  }
  for (const auto name : numbers) {
    if (const auto* number = part.find(name); number != nullptr && number->as_number()) {
      return number->as_number()->text;
    }
  }
  if (const auto* flag = part.find("valueBoolean"); flag != nullptr && flag->as_bool()) {
    return is_true(part, "valueBoolean") ? "true" : "false";
  }
  return {};
}

std::string pair_text(const Json* pair, std::string_view first, std::string_view second,
                      std::string_view between) {
  return pair == nullptr
             ? std::string()
             : joined({quantity_text(pair->find(first)), quantity_text(pair->find(second))},
                      between);
}

}  // namespace

std::string shown(std::string_view text) {
  constexpr std::size_t longest = 200;
  if (text.size() <= longest) {
    return std::string(text);
  }
  std::size_t end = longest;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
    --end;
  }
  return std::string(text.substr(0, end)) + "...";
}

std::string_view words_of(const Json* one) {
  if (one == nullptr) {
    return {};
  }
  if (const auto text = one->string_of("text"); !text.empty()) {
    return text;
  }
  for (const auto& coding : one->array_of("coding")) {
    if (const auto display = coding.string_of("display"); !display.empty()) {
      return display;
    }
  }
  return {};
}

std::string_view words_or_code_of(const Json* one) {
  const auto words = words_of(one);
  if (!words.empty() || one == nullptr) {
    return words;
  }
  for (const auto& coding : one->array_of("coding")) {
    if (const auto code = coding.string_of("code"); !code.empty()) {
      return code;
    }
  }
  return {};
}

bool is_typed(const Json* one) {
  if (fhir::is_blank(words_of(one))) {
    return false;
  }
  const auto& codings = one->array_of("coding");
  return std::all_of(codings.begin(), codings.end(),
                     [](const Json& coding) { return fhir::is_blank(coding.string_of("code")); });
}

std::string value_text(const Json& part) {
  for (const auto* name :
       {"valueQuantity", "valueAge", "valueCount", "valueDistance", "valueDuration"}) {
    if (const auto* quantity = part.find(name)) {
      return quantity_text(quantity);
    }
  }
  if (const auto* one = part.find("valueCodeableConcept")) {
    return std::string(words_or_code_of(one));
  }
  if (auto text = pair_text(part.find("valueRange"), "low", "high", " - "); !text.empty()) {
    return text;
  }
  if (auto text = pair_text(part.find("valueRatio"), "numerator", "denominator", " : ");
      !text.empty()) {
    return text;
  }
  return plain_text(part);
}

namespace {

bool is_said(std::string_view name, std::string_view owner) {
  constexpr std::array<std::string_view, 12> texts{"text",        "conclusion",
                                                   "title",       "description",
                                                   "summary",     "detail",
                                                   "modelNumber", "contentString",
                                                   "valueString", "patientInstruction",
                                                   "instruction", "administrationInstruction"};
  constexpr std::array<std::string_view, 9> displayed{
      "coding",        "reasonReference",     "detail",       "condition", "device", "manipulated",
      "codeReference", "medicationReference", "itemReference"};
  return is_one_of(name, texts) || (name == "display" && is_one_of(owner, displayed)) ||
         (name == "name" && owner == "deviceName");
}

bool is_passed_over(std::string_view name) {
  constexpr std::array<std::string_view, 7> names{
      "contained",          "meta",    "extension", "category", "clinicalStatus",
      "verificationStatus", "bodySite"};
  return is_one_of(name, names);
}

// `name`, `owner`: of the member, and of the one around it, whatever of them repeats.
void add_said(const Json& node, std::string_view name, std::string_view owner,
              rules::Words& words) {
  if (const auto* text = node.as_string()) {
    if (is_said(name, owner)) {
      rules::add_words(*text, words);
    }
  } else if (const auto* list = node.as_array()) {
    for (const auto& one : *list) {
      add_said(one, name, owner, words);
    }
  } else if (const auto* members = node.as_object(); members != nullptr && !is_passed_over(name)) {
    for (const auto& member : *members) {
      add_said(member.value, member.name, name, words);
    }
  }
}

}  // namespace

void add_said_words(const Json& resource, rules::Words& words) {
  add_said(resource, {}, {}, words);
}

}  // namespace myoflag::mapping
