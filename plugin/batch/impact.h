#pragma once
// What a change of the knowledge does to given responses: each is judged by both versions, and the
// two results are held against each other. A response that one of them refuses is a result too.
// Pure; nothing of a patient but the place and the id of the response is kept.

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "plugin/assess.h"
#include "plugin/batch/records.h"
#include "rules/tier.h"

namespace myoflag::batch {

// What one version says of one response.
struct Verdict {
  std::optional<rules::Tier> tier;             // nothing: refused
  std::optional<int> hours;                    // of the target
  std::map<std::string, rules::Tier> fired;    // rules and policies that raise the tier, by id
  std::map<std::string, std::string> workups;  // code -> proposed, withheld, already-done
  std::set<std::string> not_excluded;          // rules that the answers leave open, by id
  std::set<std::string> hypotheses;            // codes
  std::set<std::string> advice;                // what the patient is told: rule, policy, advice ids
  std::set<std::string> notices;               // kinds
  std::vector<std::string> problems;           // refused: the codes, each once

  friend bool operator==(const Verdict&, const Verdict&) = default;
};

enum class Move : std::uint8_t {
  none,
  within,  // as urgent as before, and something else of the verdict differs
  raised,  // to a more urgent tier, or a shorter target
  lowered,
  refused_by_old,  // and judged by the new one
  refused_by_new,
  refused_by_both,
};

struct Impact {
  Place place;
  std::string response;  // its id, as far as one of the versions could read it
  Verdict before, after;

  Move move() const;
};

// What is in these and not in those, in order.
std::vector<std::string> only_in(const std::set<std::string>& these,
                                 const std::set<std::string>& those);
std::set<std::string> fired_rules(const Verdict& verdict);

// Const use is safe from many threads.
class Comparer {
 public:
  Comparer(const Assessor& before, const Assessor& after, rules::Instant now);

  // A response to the form of the one version is read as a response to that of the other: where a
  // question is gone or new, the check of the answers says so.
  Impact compare(const Record& record) const;

 private:
  Verdict judge(const Assessor& assessor, const Assessor& other, const Record& record,
                std::string& id) const;

  const Assessor& before_;
  const Assessor& after_;
  rules::Instant now_;
};

struct ImpactCounts {
  static constexpr std::size_t kRefused = rules::kTiers.size();  // stands behind the tiers
  struct Rule {
    std::uint64_t came = 0, went = 0;
  };

  std::uint64_t records = 0;
  std::map<Move, std::uint64_t> moves;
  std::array<std::array<std::uint64_t, kRefused + 1>, kRefused + 1> tiers{};  // [old][new]
  std::map<std::string, Rule> rules;

  void count(const Impact& impact);
  std::uint64_t of(Move move) const;
  std::uint64_t refused() const;  // by one or by both
};

}  // namespace myoflag::batch
