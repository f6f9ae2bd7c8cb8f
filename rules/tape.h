#pragma once
// The fast form of the program: every distinct criterion part once, leaves sorted by form, then the
// joins in an order in which parts come first. Evaluating it runs a few straight loops without
// branches that depend on the patient. It gives what Program::evaluate gives for Reading::given;
// tests hold both against each other.

#include <array>
#include <cstdint>
#include <vector>

#include "rules/answers.h"
#include "rules/program.h"
#include "rules/tier.h"
#include "rules/tri.h"

namespace myoflag::rules {

struct Knowledge;

inline constexpr std::size_t kMaxTape =
    49152;  // values; at most three times the parts of a program

struct Tape {
  struct Leaf {
    std::uint64_t mask = 0;
    std::uint64_t open = 0;
    std::uint16_t item = 0;
  };
  struct LabLeaf {
    Number limit;
    std::int32_t max_age = 0;  // days
    std::uint16_t lab = 0;
    Compare compare = Compare::at_least;
  };
  static constexpr std::size_t kWidth = 4;
  using Join = std::array<std::uint16_t, kWidth>;  // values joined; the last stands in what is left
  // Joins of one kind that stand together: none reads another of its run.
  struct Run {
    Criterion::Kind kind = Criterion::Kind::all;
    std::uint16_t length = 0;
  };
  // What deciding needs of a rule, close together in memory.
  struct Brief {
    std::int32_t root = -1;
    Tier tier = Tier::routine;
    bool last = false, benign = false, all_ages = false, raw = false;
    bool raises = false;  // counts for the tier
    bool change = false;  // decided outside the program
  };
  // Rules, or gaps: indices into `all` by what is done with them.
  struct RuleList {
    std::vector<Brief> all;
    std::vector<std::uint16_t> values;  // of each criterion; of `last` and `change` any value
    std::vector<std::uint16_t> last;    // those that wait for fired tiers
    std::vector<std::uint16_t> adult;   // of the others: not for children
    std::vector<std::uint16_t> raw;     // of the others: read the answers as given
    std::vector<std::uint16_t> change;  // decided outside the program
    // By tier, one for each of `all`: all bits set where a rule that is not last raises to it.
    // Empty where none does, else with nothing added up to whole blocks.
    std::array<std::vector<std::uint8_t>, kTiers.size()> raising;
  };
  struct Read {
    std::uint16_t lab = 0;
    std::int32_t max_age = 0;  // days; the longest that some criterion allows
  };
  RuleList rules, gaps;
  std::vector<Read> labs;                   // laboratory values that some criterion reads
  std::vector<std::uint64_t> open_of_item;  // answers that leave an item open
  // Values stand in this order: any_of, with_record, only, answered, unsure, lab, other; the
  // isFalse of each of them; fired; joins.
  std::vector<Leaf> any_of, with_record, answered, unsure;
  std::vector<Leaf> only;  // and isNone, which is only() of the option that says so
  std::vector<LabLeaf> lab;
  std::vector<std::uint32_t> other;  // index into Program::ops
  std::vector<std::uint64_t> fired;  // tier masks
  std::vector<Join> joins;           // first those that need no fired tiers
  std::vector<Run> early, late;      // the joins, run by run
  std::vector<std::uint16_t> roots;  // value of each root of the program

  std::size_t leaves() const {
    return any_of.size() + with_record.size() + only.size() + answered.size() + unsure.size() +
           lab.size() + other.size();
  }
  std::size_t first_fired() const { return 2 * leaves(); }
  std::size_t first_join() const { return first_fired() + fired.size(); }
  std::size_t size() const { return first_join() + joins.size(); }
};

// Built once, after all criteria are compiled.
Tape build_tape(const Knowledge& knowledge);

// One evaluation: first everything that does not depend on fired tiers, then the rest.
class TapeRun {
 public:
  TapeRun(const Knowledge& knowledge, const Facts& facts);
  void finish(const FiredTiers& fired);
  void read(const std::vector<std::uint16_t>& places, Tri* verdicts) const;
  Tri root(int index) const {
    return to_tri(values_[tape_.roots[static_cast<std::size_t>(index)]]);
  }

 private:
  static constexpr Tri to_tri(int value) { return static_cast<Tri>(value - value / 2); }
  void join(const std::vector<Tape::Run>& runs);

  const Tape& tape_;
  std::size_t joined_ = 0;                     // joins done
  std::array<std::uint8_t, kMaxTape> values_;  // left uninitialised: written before read
};

}  // namespace myoflag::rules
