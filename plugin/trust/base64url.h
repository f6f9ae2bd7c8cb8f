#pragma once
// base64url without padding, strictly: one text for each sequence of bytes. Source: RFC 7515,
// section 2.

#include <optional>
#include <string>
#include <string_view>

namespace myoflag::trust {

// Nothing for padding, other characters, and bits that belong to no byte.
std::optional<std::string> base64url_decoded(std::string_view text);

}  // namespace myoflag::trust
