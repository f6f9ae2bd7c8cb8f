#pragma once
// Facts and knowledge in, assessment out: pure, deterministic, no clock, no files.

#include <array>
#include <span>
#include <vector>

#include "rules/assessment.h"
#include "rules/knowledge.h"
#include "rules/program.h"
#include "rules/tri.h"

namespace myoflag::rules {

inline constexpr std::size_t kMaxRules = 1024;  // rules and gaps together; the loader refuses more

// The bare verdicts: what the batch and the bounds need. Filling it allocates nothing.
struct Verdicts {
  std::array<Tri, kMaxRules> rules{};  // index: Knowledge::rules
  std::array<Tri, kMaxRules> gaps{};   // index: Knowledge::gaps
  FiredTiers fired{};                  // before the rules that run last
  Tier tier = Tier::routine;           // final
  bool under_age = false;
  bool may_comfort =
      true;  // false: the answers are too old, doubtful or not all read, a laboratory
             // value cannot be used, or a red flag of an earlier form is gone
  bool may_reassure = false;  // true: the benign gate is open, too
};

// Whether the patient reads the rule's own words, or only what is as neutral as can be.
inline bool may_say(const Rule& rule, const Verdicts& verdicts) {
  if (rule.comforts) {
    return verdicts.may_reassure;
  }
  return verdicts.may_comfort || rule.tier > Tier::routine;
}

struct EvaluateFlags {
  bool stale = false;      // answers too old to reassure: benign rules do not hold, as beside a
                           // laboratory value that rules read and that cannot be used
  bool doubtful = false;   // answers that may not be what they seem: the same
  bool free_text = false;  // words that nobody has read yet: the tier is at least routine
  Tri changed = Tri::no;   // the change policy, from comparing with the previous response
  // Indices of red flags that fired on earlier responses: where one no longer does, nobody is
  // reassured. They must outlive the flags.
  std::span<const int> earlier_flags;
  Reading reading = Reading::given;
};

void evaluate(const Knowledge& knowledge, const Facts& facts, const EvaluateFlags& flags,
              Verdicts& verdicts);

// The whole assessment with reasons, gaps, bounds, changes and notices. Without the outlook, which
// takes most of the time, the bounds are the widest and the changes not complete: nothing is
// claimed.
enum class Outlook { whole, none };
Assessment assess(const KnowledgePtr& knowledge, EvaluationInput input,
                  Outlook outlook = Outlook::whole);

}  // namespace myoflag::rules
