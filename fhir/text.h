#pragma once
// Places in a text, for the gates' errors.

#include <cstddef>
#include <string>
#include <string_view>

#include "fhir/error.h"

namespace myoflag::fhir {

// Line and column (in bytes, both from 1) of `offset`, which may be one past the end.
Error error_at(std::string_view text, std::size_t offset, std::string_view code, std::string what);

// Offset of the first byte that is not UTF-8; the size when all is well.
std::size_t first_bad_utf8(std::string_view text);

}  // namespace myoflag::fhir
