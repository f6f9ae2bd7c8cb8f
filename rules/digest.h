#pragma once
// SHA-256, for telling one state of the knowledge from another.

#include <array>
#include <string>
#include <string_view>

namespace myoflag::rules {

using Sha256 = std::array<unsigned char, 32>;

Sha256 sha256(std::string_view bytes);
std::string hex(const Sha256& digest);  // lower case

}  // namespace myoflag::rules
