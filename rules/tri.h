#pragma once
// Three-valued truth after Kleene. Unknown is a value of its own: it never reads as "no".

#include <algorithm>
#include <cstdint>

namespace myoflag::rules {

enum class Tri : std::uint8_t {
  no = 0,
  unknown = 1,
  yes = 2
};  // ordered, so that and is min, or is max

constexpr Tri tri(bool value) { return value ? Tri::yes : Tri::no; }
constexpr Tri operator&&(Tri a, Tri b) { return std::min(a, b); }
constexpr Tri operator||(Tri a, Tri b) { return std::max(a, b); }
constexpr Tri negated(Tri a) { return static_cast<Tri>(2 - static_cast<int>(a)); }
constexpr Tri known_false(Tri a) { return tri(a == Tri::no); }  // the criterion language's isFalse

}  // namespace myoflag::rules
