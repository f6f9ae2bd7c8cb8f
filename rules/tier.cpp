#include "rules/tier.h"

namespace myoflag::rules {
namespace {

constexpr std::array<std::string_view, kTiers.size()> kCodes{"self-care", "routine", "soon",
                                                             "urgent", "emergency"};

}  // namespace

std::string_view code_of(Tier tier) { return kCodes.at(static_cast<std::size_t>(tier)); }

std::optional<Tier> tier_of(std::string_view code) {
  for (const Tier tier : kTiers) {
    if (code_of(tier) == code) {
      return tier;
    }
  }
  return std::nullopt;
}

bool stricter(const Target& a, const Target& b) {
  return a.hours && (!b.hours || *a.hours < *b.hours);
}

}  // namespace myoflag::rules
