#pragma once
// Digests as FHIR wants them. Any bytes; nothing here fails for reasons of the data.

#include <string>
#include <string_view>

namespace myoflag::mapping {

std::string sha256_hex(std::string_view bytes);   // lower case
std::string sha1_base64(std::string_view bytes);  // Attachment.hash

}  // namespace myoflag::mapping
