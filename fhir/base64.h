#pragma once
// Bytes as base64, on one line and padded. Source: RFC 4648 section 4.

#include <string>
#include <string_view>

namespace myoflag::fhir {

std::string base64(std::string_view bytes);

}  // namespace myoflag::fhir
