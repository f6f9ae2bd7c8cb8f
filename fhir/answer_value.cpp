#include "fhir/answer_value.h"

#include <algorithm>
#include <array>
#include <type_traits>

#include "fhir/datetime.h"
#include "fhir/decimal.h"

namespace myoflag::fhir {

namespace {

struct TypeName {
  ValueType type;
  std::string_view name;
  std::string_view suffix;
};

constexpr std::array<TypeName, 12> type_names{{
    {ValueType::boolean, "boolean", "Boolean"},
    {ValueType::decimal, "decimal", "Decimal"},
    {ValueType::integer, "integer", "Integer"},
    {ValueType::date, "date", "Date"},
    {ValueType::date_time, "dateTime", "DateTime"},
    {ValueType::time, "time", "Time"},
    {ValueType::string, "string", "String"},
    {ValueType::uri, "uri", "Uri"},
    {ValueType::attachment, "Attachment", "Attachment"},
    {ValueType::coding, "Coding", "Coding"},
    {ValueType::quantity, "Quantity", "Quantity"},
    {ValueType::reference, "Reference", "Reference"},
}};

}  // namespace

std::string_view fhir_name(ValueType type) {
  return type_names[static_cast<std::size_t>(type)].name;
}

std::optional<ValueType> value_type_of(std::string_view suffix) {
  const auto it = std::find_if(type_names.begin(), type_names.end(),
                               [suffix](const TypeName& row) { return row.suffix == suffix; });
  return it == type_names.end() ? std::nullopt : std::optional(it->type);
}

bool has_order(ValueType type) {
  switch (type) {
    case ValueType::decimal:
    case ValueType::integer:
    case ValueType::date:
    case ValueType::date_time:
    case ValueType::time:
    case ValueType::quantity:
      return true;
    default:
      return false;
  }
}

namespace {

// A system alone names no code.
bool has_only_extensions(const Json& value) {
  const auto* members = value.as_object();
  return members != nullptr && value.has("extension") &&
         std::all_of(members->begin(), members->end(), [](const Json::Member& member) {
           return member.name == "extension" || member.name == "id" || member.name == "system";
         });
}

}  // namespace

ChoiceElement choice_element(const Json& object, std::string_view prefix) {
  ChoiceElement found;
  const auto* members = object.as_object();
  if (members == nullptr) {
    return found;
  }
  bool extended = false;
  for (const auto& member : *members) {
    const std::string_view name = member.name;
    if (name.starts_with('_') && name.substr(1).starts_with(prefix)) {
      extended = true;
      continue;
    }
    if (!name.starts_with(prefix) || name.size() == prefix.size() || member.value.is_null()) {
      continue;
    }
    if (has_only_extensions(member.value)) {
      extended = true;
      continue;
    }
    ++found.members;
    const auto type = value_type_of(name.substr(prefix.size()));
    if (type && !found.value) {
      found.value = ValueRef{*type, &member.value};
    }
  }
  found.extension_only = extended && found.members == 0;
  return found;
}

Truth truth_not(Truth a) {
  return a == Truth::unknown ? a : (a == Truth::yes ? Truth::no : Truth::yes);
}
Truth truth_and(Truth a, Truth b) { return std::min(a, b); }
Truth truth_or(Truth a, Truth b) { return std::max(a, b); }

bool same_code(const Json& a, const Json& b) {
  return a.string_of("code") == b.string_of("code") &&
         a.string_of("system") == b.string_of("system");
}

namespace {

using Ordering = std::optional<std::strong_ordering>;

std::string_view number_text(const Json& json) {
  const auto* number = json.as_number();
  return number == nullptr ? std::string_view{} : std::string_view{number->text};
}

Ordering compare_numbers(const Json* a, const Json* b) {
  if (a == nullptr || b == nullptr || !a->is_number() || !b->is_number()) {
    return std::nullopt;
  }
  return compare_decimals(number_text(*a), number_text(*b));
}

// Same system and code, or neither coded and the same unit text. Anything else would need a unit
// conversion.
bool same_unit(const Json& a, const Json& b) {
  const auto code_a = a.string_of("code");
  const auto code_b = b.string_of("code");
  if (code_a.empty() && code_b.empty()) {
    return a.string_of("unit") == b.string_of("unit");
  }
  return same_code(a, b);
}

Ordering compare_quantities(const Json& a, const Json& b) {
  if (!same_unit(a, b) || a.find("comparator") != nullptr || b.find("comparator") != nullptr) {
    return std::nullopt;
  }
  return compare_numbers(a.find("value"), b.find("value"));
}

template <typename Parse>
Ordering compare_parsed(const Json& a, const Json& b, Parse parse) {
  if (!a.is_string() || !b.is_string()) {
    return std::nullopt;
  }
  const auto left = parse(*a.as_string());
  const auto right = parse(*b.as_string());
  if (!left || !right) {
    return std::nullopt;
  }
  if constexpr (std::is_same_v<std::remove_cvref_t<decltype(*left)>, TimeOfDay>) {
    return *left <=> *right;
  } else {
    return compare(*left, *right);
  }
}

Truth truth_of(bool value) { return value ? Truth::yes : Truth::no; }

Truth equal_order(const Ordering& order) {
  return order ? truth_of(std::is_eq(*order)) : Truth::unknown;
}

Truth equal_references(const Json& a, const Json& b) {
  const auto left = a.string_of("reference");
  const auto right = b.string_of("reference");
  if (left.empty() || right.empty()) {
    return Truth::unknown;
  }
  return truth_of(left == right);
}

Truth equal_strings(const Json& a, const Json& b) {
  const auto* left = a.as_string();
  const auto* right = b.as_string();
  return left == nullptr || right == nullptr ? Truth::unknown : truth_of(*left == *right);
}

}  // namespace

bool same_coding(const Json& a, const Json& b) {
  if (!same_code(a, b)) {
    return false;
  }
  if (a.string_of("code").empty() && a.string_of("display") != b.string_of("display")) {
    return false;
  }
  const auto left = a.string_of("version");
  const auto right = b.string_of("version");
  return left.empty() || right.empty() || left == right;
}

std::optional<std::strong_ordering> compare(ValueRef a, ValueRef b) {
  if (a.type != b.type || a.json == nullptr || b.json == nullptr) {
    return std::nullopt;
  }
  switch (a.type) {
    case ValueType::decimal:
    case ValueType::integer:
      return compare_numbers(a.json, b.json);
    case ValueType::date:
    case ValueType::date_time:
      return compare_parsed(*a.json, *b.json, parse_date_time);
    case ValueType::time:
      return compare_parsed(*a.json, *b.json, parse_time);
    case ValueType::quantity:
      return compare_quantities(*a.json, *b.json);
    default:
      return std::nullopt;
  }
}

Truth equal(ValueRef a, ValueRef b) {
  if (a.type != b.type || a.json == nullptr || b.json == nullptr) {
    return Truth::unknown;
  }
  switch (a.type) {
    case ValueType::boolean:
      return a.json->is_bool() && b.json->is_bool()
                 ? truth_of(*a.json->as_bool() == *b.json->as_bool())
                 : Truth::unknown;
    case ValueType::string:
    case ValueType::uri:
      return equal_strings(*a.json, *b.json);
    case ValueType::coding:
      return truth_of(same_coding(*a.json, *b.json));
    case ValueType::reference:
      return equal_references(*a.json, *b.json);
    case ValueType::attachment:
      return Truth::unknown;
    default:
      return equal_order(compare(a, b));
  }
}

namespace {

bool is_uri_text(const Json& json) {
  const auto* text = json.as_string();
  return text != nullptr && !text->empty() && std::none_of(text->begin(), text->end(), [](char c) {
           return static_cast<unsigned char>(c) <= ' ';
         });
}

std::optional<std::string> text_problem(const Json& json) {
  const auto* text = json.as_string();
  if (text == nullptr) {
    return "A text is written as a JSON string.";
  }
  return is_blank(*text)
             ? std::optional<std::string>("A text is neither empty nor only white space.")
             : std::nullopt;
}

std::optional<std::string> unless(bool good, std::string_view sentence) {
  return good ? std::nullopt : std::optional<std::string>(sentence);
}

bool is_filled_object(const Json& json) { return json.is_object() && !json.as_object()->empty(); }

bool is_optional_string(const Json& json, std::string_view member) {
  const auto* value = json.find(member);
  return value == nullptr || value->is_string();
}

bool all_strings(const Json& json, std::initializer_list<std::string_view> members) {
  return std::all_of(members.begin(), members.end(),
                     [&json](auto member) { return is_optional_string(json, member); });
}

std::optional<std::string> quantity_problem(const Json& json) {
  const auto* value = json.find("value");
  if (!is_filled_object(json) || !all_strings(json, {"unit", "system", "code", "comparator"})) {
    return "A Quantity is an object with value, unit, system and code.";
  }
  if (value != nullptr && !value->is_number()) {
    return "The value of a Quantity is written as a JSON number.";
  }
  if (value == nullptr) {
    return "A Quantity as answer needs a value.";
  }
  return unless(json.string_of("code").empty() || !json.string_of("system").empty(),
                "A Quantity with a unit code names the code's system.");
}

std::optional<std::string> coding_problem(const Json& json) {
  if (!is_filled_object(json) || !all_strings(json, {"system", "version", "code", "display"})) {
    return "A Coding is an object with system, code and display.";
  }
  return unless(!json.string_of("code").empty() || !json.string_of("display").empty(),
                "A Coding as answer needs a code or a display.");
}

}  // namespace

std::optional<std::string> format_problem(ValueRef value) {
  const auto& json = *value.json;
  const auto* written = json.as_string();
  const std::string_view text = written == nullptr ? std::string_view() : *written;
  switch (value.type) {
    case ValueType::boolean:
      return unless(json.is_bool(), "A boolean is written as true or false.");
    case ValueType::decimal:
      return unless(json.is_number(), "A decimal is written as a JSON number.");
    case ValueType::integer:
      return unless(to_integer(number_text(json)).has_value(),
                    "An integer is a JSON number of 32 bits without point or exponent.");
    case ValueType::date:
      return unless(parse_date(text).has_value(),
                    "A date is YYYY, YYYY-MM or YYYY-MM-DD and exists.");
    case ValueType::date_time:
      return unless(parse_date_time(text).has_value(),
                    "A dateTime is a date, or a date with seconds and a time zone, and exists.");
    case ValueType::time:
      return unless(parse_time(text).has_value(), "A time is hh:mm:ss without a time zone.");
    case ValueType::string:
      return text_problem(json);
    case ValueType::uri:
      return unless(is_uri_text(json), "A URI is a JSON string without white space.");
    case ValueType::coding:
      return coding_problem(json);
    case ValueType::quantity:
      return quantity_problem(json);
    case ValueType::attachment:
      return unless(is_filled_object(json), "An Attachment is an object with content.");
    case ValueType::reference:
      return unless(is_filled_object(json), "A Reference is an object with content.");
  }
  return std::nullopt;
}

std::string identity_key(ValueRef value) {
  std::string key(fhir_name(value.type));
  if (value.type != ValueType::coding) {
    return key + write_json(*value.json);
  }
  const auto code = value.json->string_of("code");
  for (const auto part : {value.json->string_of("system"), code, value.json->string_of("version"),
                          code.empty() ? value.json->string_of("display") : std::string_view{}}) {
    key += '\n';
    key += part;
  }
  return key;
}

std::size_t count_characters(std::string_view utf8) {
  return static_cast<std::size_t>(std::count_if(utf8.begin(), utf8.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// Small letters for the capitals of ASCII and, in UTF-8 two bytes, of Latin-1 (but the times sign).
char small_letter(char c, char before) {
  const auto byte = static_cast<unsigned char>(c);
  const bool latin = before == '\xC3' && byte >= 0x80 && byte <= 0x9E && byte != 0x97;
  return (c >= 'A' && c <= 'Z') || latin ? static_cast<char>(byte + 0x20) : c;
}

}  // namespace

std::string loose_form(std::string_view text) {
  std::string form;
  bool gap = false;
  char before = '\0';
  for (const char c : text) {
    if (is_space(c)) {
      gap = !form.empty();
      continue;
    }
    if (gap) {
      form.push_back(' ');
      gap = false;
    }
    form.push_back(small_letter(c, before));
    before = c;
  }
  return form;
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

}  // namespace myoflag::fhir
