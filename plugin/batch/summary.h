#pragma once
// What a batch came to, in numbers: counted while it runs, kept across interruptions, told at the
// end. Holds no patient data.

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "fhir/json.h"
#include "plugin/batch/output.h"
#include "rules/knowledge.h"

namespace myoflag::batch {

using TierCounts = std::array<std::uint64_t, rules::kTiers.size()>;

struct Summary {
  std::uint64_t records = 0;
  std::uint64_t assessed = 0;  // in the output
  std::uint64_t warned = 0;    // of these, with warnings
  std::uint64_t rejected = 0;
  std::uint64_t repeated = 0;
  std::uint64_t submitted = 0;      // are in the outbox
  std::uint64_t undeliverable = 0;  // of the assessed ones, where an outbox was wanted
  TierCounts tiers{};
  std::map<std::string, std::uint64_t> fired;     // rule id
  std::map<std::string, std::uint64_t> missing;   // linkId
  std::map<std::string, std::uint64_t> problems;  // error code of what was rejected
  std::map<std::string, TierCounts> months;       // "2026-11"; "" when the date is unknown
  std::map<std::string, std::uint64_t> exports;   // what became of lines of exports (join.h)

  void count(const Tally& tally, bool repeated, const rules::Knowledge& knowledge);

  friend bool operator==(const Summary&, const Summary&) = default;
};

fhir::Json to_json(const Summary& summary);
// Of what to_json made; nothing when it is something else.
std::optional<Summary> summary_of(const fhir::Json& json);

// For a terminal: tiers, the rules that fired most, the answers that were missing most, months.
std::string to_text(const Summary& summary, const rules::Knowledge& knowledge);

// The same with plots, one page that needs nothing else.
std::string to_html(const Summary& summary, const rules::Knowledge& knowledge,
                    std::string_view when);

}  // namespace myoflag::batch
