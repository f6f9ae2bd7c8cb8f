#pragma once
// Bytes as gzip, without time and name: the same bytes in, the same bytes out. Source: RFC 1952.

#include <string>
#include <string_view>

namespace myoflag {

// `effort`: 1 (fast) to 9 (small). Throws std::runtime_error when there is no memory.
std::string gzip_of(std::string_view text, int effort);

}  // namespace myoflag
