#pragma once
// write(2) until all of it is written.

#include <string_view>

namespace myoflag {

// False when the system refuses; errno says why.
bool write_all(int file, std::string_view text);

}  // namespace myoflag
