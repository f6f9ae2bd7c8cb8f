// What only the whole shows: criteria against all names, the order in which rules run, limits.
#include <algorithm>

#include <fmt/format.h>

#include "rules/evaluate.h"
#include "rules/loader/context.h"

namespace myoflag::rules::loading {
namespace {

// A tier that holds a rule which itself runs last is not settled when firedTier asks for it.
void check_fired_tier(Context& context, const PendingCriterion& pending,
                      const Criterion& criterion) {
  if (criterion.kind == Criterion::Kind::fired_tier) {
    for (const auto* list : {&context.knowledge.rules, &context.knowledge.gaps}) {
      for (const Rule& rule : *list) {
        const std::string_view code = code_of(rule.tier);
        if (rule.last && rule.raises() &&
            std::find(criterion.options.begin(), criterion.options.end(), code) !=
                criterion.options.end()) {
          context.report_inside(
              *pending.node, criterion.offset, "MF-2042",
              fmt::format("firedTier({}): rule `{}` of that tier itself waits for fired tiers",
                          code, rule.id));
          return;
        }
      }
    }
  }
  for (const Criterion& child : criterion.children) {
    check_fired_tier(context, pending, child);
  }
}

void check_age(Context& context, const PendingCriterion& pending, const Criterion& criterion,
               bool negated) {
  if (negated && criterion.kind == Criterion::Kind::age) {
    context.report_inside(*pending.node, criterion.offset, "MF-2043",
                          "age cannot stand under isFalse: write the opposite limit instead");
  }
  for (const Criterion& child : criterion.children) {
    check_age(context, pending, child, negated || criterion.kind == Criterion::Kind::is_false);
  }
}

void compile_one(Context& context, PendingCriterion& pending) {
  if (pending.options.lab_max_age == 0) {
    pending.options.lab_max_age = context.knowledge.staleness.lab_days;
  }
  std::vector<CompileError> errors;
  const int root = compile(pending.criterion, pending.options, context.knowledge, errors);
  pending.compiled = errors.empty();
  if (context.items.complete && context.option_sets.complete && context.labs.complete) {
    for (const auto& error : errors) {
      if (error.text.empty() || context.untyped.contains(error.item)) {
        continue;
      }
      context.report_inside(*pending.node, error.offset, "MF-2041", error.text);
    }
  }
  context.root_of(pending) = root;
  // Joined two by two, and leaves with their isFalse, n parts are less than 3 n values of the tape.
  constexpr std::size_t most = kMaxTape / 3;
  if (context.knowledge.program.ops.size() > most) {
    context.too_large = true;
    context.report(*pending.node, "MF-2022",
                   fmt::format("with this criterion there are more than {} parts", most));
  }
}

void check_benign(Context& context) {
  const Knowledge& k = context.knowledge;
  for (std::size_t i = 0; i < k.rules.size(); ++i) {
    const bool waits = k.rules[i].benign || k.rules[i].comforts;
    if (waits && k.benign_gate < 0 && context.policies.complete) {
      context.report(*context.rule_nodes[i], "MF-2046",
                     fmt::format("a {} rule needs a policy of kind benign-gate",
                                 k.rules[i].benign ? "benign" : "comforting"));
    }
  }
}

// What an earlier form says counts as the record does, so the question must be one it speaks to.
void check_lasting(Context& context) {
  const Knowledge& k = context.knowledge;
  for (std::size_t i = 0; i < k.items.size(); ++i) {
    const int item = static_cast<int>(i);
    const bool known = k.bindings.medicines >= 0 && k.bindings.conditions >= 0;
    if (k.items[i].lasting && known && item != k.bindings.medicines &&
        item != k.bindings.conditions) {
      context.report(*context.items.places[i], "MF-2030",
                     "`lasting` is for the questions of `record: med` and `record: cond` only");
    }
  }
}

void check_limits(Context& context) {
  const std::size_t rules = context.rule_nodes.size();
  if (rules + context.gap_nodes.size() > kMaxRules) {
    const Node& first_too_many =
        rules > kMaxRules ? *context.rule_nodes[kMaxRules] : *context.gap_nodes[kMaxRules - rules];
    context.too_large = true;
    context.report(first_too_many, "MF-2022",
                   fmt::format("there are at most {} rules and policies together", kMaxRules));
  }
}

}  // namespace

void compile_criteria(Context& context) {
  for (auto& pending : context.pending) {
    if (context.too_large) {
      return;
    }
    compile_one(context, pending);
    check_fired_tier(context, pending, pending.criterion);
    check_age(context, pending, pending.criterion, false);
  }
}

void check_whole(Context& context) {
  check_benign(context);
  check_lasting(context);
  check_silences(context);
  check_limits(context);
}

}  // namespace myoflag::rules::loading
