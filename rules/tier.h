#pragma once
// The five urgency tiers, least urgent first, and by when a person should be seen.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace myoflag::rules {

enum class Tier : std::uint8_t { self_care, routine, soon, urgent, emergency };
inline constexpr std::array kTiers{Tier::self_care, Tier::routine, Tier::soon, Tier::urgent,
                                   Tier::emergency};

std::string_view code_of(Tier tier);  // "self-care", ...
std::optional<Tier> tier_of(std::string_view code);

struct Target {
  std::optional<int>
      hours;              // at the latest, from the evaluation on; empty: at the booked appointment
  std::string text;       // "2 weeks", "now"
  bool same_day = false;  // of those hours only the day of the evaluation counts

  friend bool operator==(const Target&, const Target&) = default;
};

// A stricter target is the one with fewer hours; no hours is the least strict.
bool stricter(const Target& a, const Target& b);

}  // namespace myoflag::rules
