#pragma once
// The structure of every FHIR R4 (4.0.1) type: which elements, in which order, how often, of which
// type. Read-only tables generated from the official XML schema by scripts/generate-r4-tables.py;
// nothing here fails or allocates.

#include <cstdint>
#include <span>
#include <string_view>

namespace myoflag::fhir::r4 {

enum class Kind : std::uint8_t {
  primitive,  // has a value, may have id and extension
  complex,    // data types and the parts of resources ("Patient.Contact")
  resource,
  container,  // a place for one resource of any type: contained, Bundle.entry.resource
  xhtml,      // Narrative.div
};

enum class Primitive : std::uint8_t {
  none,
  base64_binary,
  boolean,
  canonical,
  code,
  date,
  date_time,
  decimal,
  id,
  instant,
  integer,
  markdown,
  oid,
  positive_int,
  string,
  time,
  unsigned_int,
  uri,
  url,
  uuid,
  sampled_data_data_type,  // the numbers of SampledData.data
};

struct Type {
  std::string_view name;  // "Patient", "Patient.Contact", "dateTime", "AdministrativeGender" (a
                          // closed code list)
  Kind kind;
  Primitive primitive;
  bool abstract;
  std::uint16_t first;
  std::uint16_t count;
};

struct Element {
  std::string_view name;    // as in JSON and XML: "birthDate", "valueQuantity"
  std::string_view choice;  // "value" for all variants of value[x], else empty
  std::uint16_t type;
  std::uint8_t min;  // of a choice: of all variants together
  bool repeats;
  bool attribute;  // in XML: Element.id, Extension.url
};

// Null when R4 has no such name.
const Type* find_type(std::string_view name);
const Type* find_resource(std::string_view name);  // concrete resources only
const Element* find_element(const Type& type, std::string_view name);

// In definition order, those of the base types first. Empty for primitives, containers and xhtml.
std::span<const Element> elements(const Type& type);
// The closed list behind a code, empty when any code may stand there.
std::span<const std::string_view> codes(const Type& type);
const Type& type_of(const Element& element);
std::span<const Type> types();

// The JSON form is a number for decimal and the integers, true or false for boolean, else a string.
bool is_number(Primitive primitive);

}  // namespace myoflag::fhir::r4
