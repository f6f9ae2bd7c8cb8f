#pragma once
// One JSON value type for every resource, the gate through which outside JSON comes, and the
// writer. Members keep the order in which they were written and numbers keep their text (FHIR: the
// precision of a decimal is significant, "1.0" is not "1"). Nothing here recurses: reading,
// copying, comparing, writing and destroying stand any depth. Errors of the gate: MF-1001 to
// MF-1016, with line and column (but for MF-1001, the size), never quoting the text.

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "fhir/error.h"

namespace myoflag::fhir {

class Json {
 public:
  struct Member;
  using Array = std::vector<Json>;
  using Object = std::vector<Member>;  // names are unique
  struct Number {
    std::string text;  // as written, a valid JSON number
    friend bool operator==(const Number&, const Number&) = default;
  };

  Json();  // null
  Json(std::nullptr_t);
  Json(bool value);
  Json(int value);
  Json(std::int64_t value);
  Json(const char* value);
  Json(std::string_view value);
  Json(std::string value);
  Json(Number value);
  Json(Array value);
  Json(Object value);

  Json(const Json& other);
  Json(Json&& other) noexcept;
  Json& operator=(const Json& other);
  Json& operator=(Json&& other) noexcept;
  ~Json();

  // What stands in the braces is moved out of them.
  struct Element;
  struct Field;
  static Json array(std::initializer_list<Element>&& elements = {});
  static Json object(std::initializer_list<Field>&& members = {});

  bool is_null() const { return std::holds_alternative<std::nullptr_t>(value_); }
  bool is_bool() const { return std::holds_alternative<bool>(value_); }
  bool is_number() const { return std::holds_alternative<Number>(value_); }
  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_array() const { return std::holds_alternative<Array>(value_); }
  bool is_object() const { return std::holds_alternative<Object>(value_); }

  // Null when the value is of another kind; never throws.
  const bool* as_bool() const { return std::get_if<bool>(&value_); }
  const std::string* as_string() const { return std::get_if<std::string>(&value_); }
  const Number* as_number() const { return std::get_if<Number>(&value_); }
  const Array* as_array() const { return std::get_if<Array>(&value_); }
  const Object* as_object() const { return std::get_if<Object>(&value_); }
  Array* as_array() { return std::get_if<Array>(&value_); }
  Object* as_object() { return std::get_if<Object>(&value_); }

  // Member of an object, null when absent or when this is no object.
  const Json* find(std::string_view name) const;
  Json* find(std::string_view name);
  bool has(std::string_view name) const { return find(name) != nullptr; }
  // The string of a member; empty when absent or of another kind.
  std::string_view string_of(std::string_view name) const;
  // The elements of an array member; empty when absent or of another kind.
  const Array& array_of(std::string_view name) const;

  // Sets a member; the value stays where it is when the name exists. Null becomes an object; on any
  // other kind set and push throw std::logic_error, a mistake of the program.
  Json& set(std::string_view name, Json value);
  // As set, but leaves the object alone when the value is null, "", [] or {}: FHIR has no empty
  // elements.
  Json& set_if(std::string_view name, Json value);
  bool erase(std::string_view name);
  // Appends to an array; null becomes one.
  Json& push(Json element);

  bool is_empty() const;  // null, "", [] or {}

  friend bool operator==(const Json&,
                         const Json&);  // order of members does not matter, number text does

 private:
  template <typename Container>
  void become();

  std::variant<std::nullptr_t, bool, Number, std::string, Array, Object> value_;
};

struct Json::Member {
  std::string name;
  Json value;
};

struct Json::Element {
  template <typename Value>
  requires(!std::is_same_v<std::remove_cvref_t<Value>, Element>) Element(Value&& of)
      : value(std::forward<Value>(of)) {}

  mutable Json value;
};

struct Json::Field {
  std::string_view name;
  mutable Json value;
};

// Here and not in the class, because Member must be complete.
inline Json::Json() = default;
inline Json::Json(std::nullptr_t) {}
inline Json::Json(bool value) : value_(value) {}
inline Json::Json(const char* value) : value_(std::string(value)) {}
inline Json::Json(std::string_view value) : value_(std::string(value)) {}
inline Json::Json(std::string value) : value_(std::move(value)) {}
inline Json::Json(Number value) : value_(std::move(value)) {}
inline Json::Json(Array value) : value_(std::move(value)) {}
inline Json::Json(Object value) : value_(std::move(value)) {}
inline Json::Json(Json&& other) noexcept = default;

// Limits of the one gate through which all outside JSON and XML comes.
struct Limits {
  std::size_t bytes = 16u << 20;
  int depth = 64;
  std::size_t string_bytes = 16u << 20;  // one string; a data attachment may be long
  std::size_t nodes = 2'000'000;         // JSON: values; XML: elements, attributes and the like
};

// Reads one JSON text: UTF-8 without byte order mark and NUL, duplicate names refused, nothing
// after the value.
Result<Json> read_json(std::string_view text, const Limits& limits = {});

// True for a text that JSON accepts as a number; FHIR's decimal has the same form.
bool is_json_number(std::string_view text);

enum class JsonStyle {
  compact,
  pretty
};  // pretty: two spaces, one member a line, ends in a newline
std::string write_json(const Json& value, JsonStyle style = JsonStyle::compact);

}  // namespace myoflag::fhir
