#pragma once
// The forms of FHIR's primitive types, as text in the XML attribute or the JSON string. Nothing
// here fails or allocates. Source: hl7.org/fhir/R4/datatypes.html.

#include <cstddef>
#include <optional>
#include <string_view>

#include "fhir/r4/definitions.h"

namespace myoflag::fhir {

bool has_primitive_form(r4::Primitive primitive, std::string_view text);

// Second 60 in a dateTime, instant or time.
bool has_leap_second(r4::Primitive primitive, std::string_view text);

bool is_id(std::string_view text);  // 1 to 64 letters, digits, '-' and '.'

// Bytes behind base64 text, in which white space may stand anywhere; nullopt when it is none.
std::optional<std::size_t> base64_size(std::string_view text);

}  // namespace myoflag::fhir
