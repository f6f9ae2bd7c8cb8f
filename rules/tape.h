#pragma once
// The fast form of the program: every distinct criterion part once, leaves sorted by form, then the
// joins in an order in which parts come first. Evaluating it runs a few straight loops without
// branches that depend on the patient. It gives what Program::evaluate gives for Reading::given;
// tests hold both against each other.

#include <cstdint>
#include <vector>

#include "rules/answers.h"
#include "rules/program.h"
#include "rules/tier.h"
#include "rules/tri.h"

namespace myoflag::rules {

struct Knowledge;

inline constexpr std::size_t kMaxTape = 32768;  // values; below twice the parts of a program

struct Tape {
  struct Leaf {
    std::uint64_t mask = 0;
    std::uint64_t open = 0;
    std::uint16_t item = 0;
  };
  struct Join {
    std::uint16_t a = 0, b = 0;  // values joined; isFalse has a == b
  };
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
  struct Read {
    std::uint16_t lab = 0;
    std::int32_t max_age = 0;  // days; the longest that some criterion allows
  };
  std::vector<Brief> rules, gaps;
  std::vector<Read> labs;                   // laboratory values that some criterion reads
  std::vector<std::uint64_t> open_of_item;  // answers that leave an item open
  // Values stand in this order: any_of, with_record, is_none, answered, unsure, other, fired,
  // joins.
  std::vector<Leaf> any_of, with_record, is_none, answered, unsure;
  std::vector<std::uint32_t> other;  // index into Program::ops
  std::vector<std::uint64_t> fired;  // tier masks
  std::vector<Join> joins;           // first those that need no fired tiers
  std::vector<Run> early, late;      // the joins, run by run
  std::vector<std::uint16_t> roots;  // value of each root of the program

  std::size_t first_fired() const {
    return any_of.size() + with_record.size() + is_none.size() + answered.size() + unsure.size() +
           other.size();
  }
  std::size_t size() const { return first_fired() + fired.size() + joins.size(); }
};

// Built once, after all criteria are compiled.
Tape build_tape(const Knowledge& knowledge);

// One evaluation: first everything that does not depend on fired tiers, then the rest.
class TapeRun {
 public:
  TapeRun(const Knowledge& knowledge, const Facts& facts);
  void finish(const FiredTiers& fired);
  Tri root(int index) const;

 private:
  void join(const std::vector<Tape::Run>& runs);

  const Knowledge& knowledge_;
  const Tape& tape_;
  std::size_t joined_ = 0;                     // joins done
  std::array<std::uint8_t, kMaxTape> values_;  // left uninitialised: written before read
};

}  // namespace myoflag::rules
