#pragma once
// Names that nobody can guess, from the system's randomness: UUIDs of version 4, tokens.

#include <string>

namespace myoflag {

// Lower case, 36 characters. Throws std::runtime_error when the system has no randomness to give.
std::string random_uuid();

// 128 random bits as 32 lower-case hexadecimal digits, for links and sessions. Throws the same.
std::string random_token();

}  // namespace myoflag
