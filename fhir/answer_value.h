#pragma once
// The values a questionnaire item can have (value[x], answer[x]) and how two of them compare.
// Comparison is three-valued: quantities with different units, or a year against a day inside it,
// are unknown and never "no". Source: hl7.org/fhir/R4/questionnaireresponse.html,
// hl7.org/fhir/R4/datatypes.html.

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "fhir/json.h"

namespace myoflag::fhir {

enum class ValueType {
  boolean,
  decimal,
  integer,
  date,
  date_time,
  time,
  string,
  uri,
  attachment,
  coding,
  quantity,
  reference,
};

std::string_view fhir_name(ValueType type);  // "dateTime", "Coding"
// From the tail of the member name: "Coding" of valueCoding, "DateTime" of valueDateTime.
std::optional<ValueType> value_type_of(std::string_view suffix);
bool has_order(ValueType type);  // decimal, integer, date, dateTime, time, Quantity

// A value that lives in a JSON tree of somebody else; valid as long as that tree is.
struct ValueRef {
  ValueType type = ValueType::string;
  const Json* json = nullptr;
};

// A value of its own.
struct OwnedValue {
  ValueType type = ValueType::string;
  Json json;

  ValueRef ref() const { return {type, &json}; }
  friend bool operator==(const OwnedValue&, const OwnedValue&) = default;
};

// What stands behind a choice element such as value[x]: how many members there are, and the first
// of a known type.
struct ChoiceElement {
  int members = 0;  // with content; more than one is an error everywhere in R4
  // Only extensions, of "_valueX" or of a valueX without content: no value, but perhaps a reason.
  bool extension_only = false;
  std::optional<ValueRef> value;
};
// Source: hl7.org/fhir/R4/extension-data-absent-reason.html
inline constexpr std::string_view data_absent_reason_url =
    "http://hl7.org/fhir/StructureDefinition/data-absent-reason";

ChoiceElement choice_element(const Json& object, std::string_view prefix);

enum class Truth { no, unknown, yes };
Truth truth_not(Truth a);
Truth truth_and(Truth a, Truth b);
Truth truth_or(Truth a, Truth b);

// Both of the same type; unknown otherwise. Coding: system and code (a missing system equals a
// missing system), the version only if both give one, the display only if neither gives a code.
// Strings: exactly.
Truth equal(ValueRef a, ValueRef b);
bool same_coding(const Json& a, const Json& b);
bool same_code(const Json& a, const Json& b);  // of a Coding or a Quantity: system and code
// Nullopt = unknown, or a type without order.
std::optional<std::strong_ordering> compare(ValueRef a, ValueRef b);
// Equal for two values that are the same to the letter, different otherwise; for sets of values.
std::string identity_key(ValueRef value);

// What is wrong with the form of the value, as a sentence that does not quote it; nullopt when it
// is well formed.
std::optional<std::string> format_problem(ValueRef value);

std::size_t count_characters(std::string_view utf8);  // code points
bool is_blank(std::string_view text);                 // empty or white space only
// For a lenient comparison of words: single spaces, small letters (of ASCII and Latin-1).
std::string loose_form(std::string_view text);

}  // namespace myoflag::fhir
