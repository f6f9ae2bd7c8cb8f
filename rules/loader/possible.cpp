// Criteria that can never hold, or always do: a rule that looks alive and is not is the worst slip
// an author can make, so knowledge with one is refused like knowledge that cannot be read.
#include <algorithm>

#include <fmt/format.h>

#include "rules/loader/context.h"
#include "rules/satisfiable.h"

namespace myoflag::rules::loading {
namespace {

using Kind = Criterion::Kind;
using Owner = PendingCriterion::Owner;

constexpr int kMaxEvaluations = 20'000'000;  // over all criteria: a few seconds

class Checker {
 public:
  explicit Checker(Context& context) : context_(context), k_(context.knowledge) {}

  void run() {
    for (auto& pending : context_.pending) {
      if (!is_sound(pending)) {
        continue;
      }
      pending.possible = true;
      const bool raw = context_.owner_of(pending).raw;
      const int root = context_.root_of(pending);
      check(pending, {{{root, Tri::yes}}, raw}, "MF-2200", "no answers make this criterion true");
      check(pending, {{{root, Tri::no}}, raw}, "MF-2201", "no answers make this criterion false");
      check_with_gate(pending);
    }
  }

 private:
  static std::size_t at(int index) { return static_cast<std::size_t>(index); }

  // Nothing is concluded from questions that could not be read as they are meant.
  bool is_sound(const PendingCriterion& pending) const {
    if (!pending.compiled) {
      return false;
    }
    const auto& program = k_.program;
    const std::size_t root = program.roots[at(context_.root_of(pending))];
    for (std::size_t op = root; op < program.ops[root].end; ++op) {
      if (!is_sound(program.ops[op])) {
        return false;
      }
    }
    return true;
  }

  bool is_sound(const Op& op) const {
    const Bindings& bindings = k_.bindings;
    switch (op.kind) {
      case Kind::all:
      case Kind::any:
      case Kind::is_false:
      case Kind::sum:
      case Kind::lab:
      case Kind::fired_tier:
        return true;
      case Kind::age:
        return bindings.age >= 0 && is_sound_item(bindings.age);
      case Kind::med:
        return bindings.medicines >= 0 && is_sound_item(bindings.medicines);
      case Kind::cond:
        return bindings.conditions >= 0 && is_sound_item(bindings.conditions);
      default:
        return is_sound_item(op.item);
    }
  }

  // The question and all that decide whether it is shown; those stand before it.
  bool is_sound_item(int index) const {
    for (; index >= 0; index = k_.items[at(index)].parent) {
      const auto& enable = k_.items[at(index)].enable;
      if (context_.doubtful.contains(index) ||
          !std::all_of(enable.begin(), enable.end(),
                       [&](const EnableWhen& when) { return is_sound_item(when.item); })) {
        return false;
      }
    }
    return true;
  }

  void check(PendingCriterion& pending, const SatisfiableQuery& query, std::string_view code,
             std::string_view text) {
    SatisfiableQuery bounded = query;
    bounded.max_evaluations = std::min(query.max_evaluations, evaluations_left_);
    const Satisfiable found = satisfiable(k_, bounded);
    evaluations_left_ -= std::min(found.evaluations, evaluations_left_);
    if (found.possibility == Possibility::impossible) {
      context_.report(*pending.node, code, std::string(text));
    }
    pending.possible = pending.possible && found.possibility == Possibility::possible;
    pending.undecided = pending.undecided || found.possibility == Possibility::undecided;
  }

  // A benign rule holds only together with the gate.
  void check_with_gate(PendingCriterion& pending) {
    const Rule& rule = context_.owner_of(pending);
    if (pending.owner != Owner::rule || !rule.benign || !gate_is_sound()) {
      return;
    }
    const int gate = k_.gaps[at(k_.benign_gate)].root;
    check(pending, {{{gate, Tri::yes}, {rule.root, Tri::yes}}}, "MF-2200",
          "no answers make this criterion and the benign gate true");
  }

  bool gate_is_sound() const {
    return std::any_of(context_.pending.begin(), context_.pending.end(), [&](const auto& pending) {
      return pending.owner == Owner::gap && static_cast<int>(pending.rule) == k_.benign_gate &&
             is_sound(pending);
    });
  }

  Context& context_;
  const Knowledge& k_;
  int evaluations_left_ = kMaxEvaluations;
};

}  // namespace

void check_possible(Context& context) {
  if (!context.too_large) {
    Checker(context).run();
  }
}

}  // namespace myoflag::rules::loading
