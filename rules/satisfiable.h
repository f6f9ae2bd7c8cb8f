#pragma once
// Whether criteria can come out a wanted way for some patient: a search over the answers that the
// criteria tell apart, bounded by a step count. "impossible" is a proof, "possible" comes with a
// witness, "undecided" means the bound was reached. Display conditions of the form are kept: an
// answer stands only where its question can be shown.

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "rules/answers.h"
#include "rules/knowledge.h"
#include "rules/program.h"

namespace myoflag::rules {

struct WantedValue {
  int root = -1;  // index into Knowledge::program roots
  Tri value = Tri::yes;
  std::optional<std::size_t> part = {};  // index into its ops: this part instead of a root
};

struct SatisfiableQuery {
  std::vector<WantedValue> wanted;  // all of them at once
  bool raw = false;  // `none` may stand beside a positive option; with `fixed` where it does there
  // Whether questions may be skipped and "not sure", "could be" be chosen; otherwise every shown
  // question gets a clear answer.
  bool may_stay_open = true;
  bool adult = false;  // only for patients who are not known to be under age; needs `record`
  // Clear answers in it stay as they are, chosen options stay chosen; null: nothing is answered
  // yet. Settled.
  const AnswerRecord* fixed = nullptr;
  const RecordFacts* record = nullptr;  // null: any record
  const FiredTiers* fired = nullptr;  // null: each tier may have fired or not, whatever the answers
  int max_steps = 20'000;             // values tried
  int max_evaluations = 1'000'000;    // of parts of the criteria
};

enum class Possibility : std::uint8_t { possible, impossible, undecided };

struct Satisfiable {
  Possibility possibility = Possibility::undecided;
  AnswerRecord answers;  // the witness, settled; questions that do not matter are as `fixed` has
                         // them, or not answered
  RecordFacts record;
  FiredTiers fired{};
  int evaluations = 0;    // that it took
  std::int64_t work = 0;  // the same, with what looking for them took: parts of criteria looked at
};

// Numbers that stand for all others when an answer is compared with these limits: each limit and
// both ends of every stretch beside them; whole for whole-number questions, inside the range.
std::vector<Number> telling_numbers(const Item& item, const std::set<std::int64_t>& limits);

Satisfiable satisfiable(const Knowledge& knowledge, const SatisfiableQuery& query);

}  // namespace myoflag::rules
