#pragma once
// Names that nobody can guess, for requests: UUIDs of version 4 from the system's randomness.

#include <string>

namespace myoflag {

// Lower case, 36 characters. Throws std::runtime_error when the system has no randomness to give.
std::string random_uuid();

}  // namespace myoflag
