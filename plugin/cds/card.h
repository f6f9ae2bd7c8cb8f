#pragma once
// The one place that writes card JSON, and so the one place that keeps the rules for it: lengths,
// required members, no empty ones, selectionBehavior, absolute addresses. Source: CDS Hooks 2.0,
// "Card Attributes". What cannot be a card is our mistake and throws std::logic_error.

#include <string>
#include <vector>

#include "fhir/json.h"

namespace myoflag::cds {

inline constexpr std::size_t kSummaryUnits = 139;  // "fewer than 140 characters", in UTF-16
inline constexpr std::size_t kDetailBytes = 20'000;
inline constexpr std::size_t kSuggestions = 64;
inline constexpr std::size_t kLabelUnits = 160;

enum class Indicator { info, warning, critical };

struct Suggestion {
  std::string uuid, label;
  std::string action;   // what creating the resource does, in words
  fhir::Json resource;  // to create
};

struct Link {
  std::string label;
  std::string url;          // absolute
  std::string app_context;  // non-empty: a SMART app is launched with it
  bool smart = false;
};

struct OverrideReason {
  std::string code, system, display;
};

struct Card {
  std::string uuid;
  std::string summary;  // cut at a word where it is too long
  std::string detail;   // GitHub-flavoured markdown
  Indicator indicator = Indicator::info;
  std::string source;
  std::vector<Suggestion> suggestions;  // any of them may be taken
  std::vector<OverrideReason> override_reasons;
  std::vector<Link> links;
};

// {"cards": [...]}; never system actions.
fhir::Json cards_response(const std::vector<Card>& cards);

// At most so many UTF-16 units, cut between words, with a mark where something was cut.
std::string cut(std::string_view text, std::size_t units);

}  // namespace myoflag::cds
