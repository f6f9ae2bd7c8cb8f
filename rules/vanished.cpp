#include "rules/vanished.h"

#include <algorithm>
#include <utility>

#include "rules/trace.h"
#include "rules/wording.h"

namespace myoflag::rules {
namespace {

// The question asks about a time that was over when the present form was answered.
bool has_run_out(const Item& item, const EvaluationInput& input, const EarlierForm& form) {
  if (item.look_back_hours == 0 || !input.response.authored || !form.response.authored) {
    return false;
  }
  return *input.response.authored - latest_authored(form.response) >
         std::chrono::hours(item.look_back_hours);
}

// Longer ago than any question asks about.
bool is_long_ago(const Knowledge& knowledge, const EvaluationInput& input,
                 const EarlierForm& form) {
  Item longest;
  for (const auto& item : knowledge.items) {
    longest.look_back_hours = std::max(longest.look_back_hours, item.look_back_hours);
  }
  return has_run_out(longest, input, form);
}

// Of a form before the last completed one only what this one was still asked about.
AnswerRecord still_asked(const Knowledge& knowledge, const EvaluationInput& input,
                         const EarlierForm& form) {
  AnswerRecord answers = form.answers;
  for (std::size_t i = 0; form.before_last && i < knowledge.items.size(); ++i) {
    if (has_run_out(knowledge.items[i], input, form)) {
      answers.state[i] = ItemState::not_shown;
      answers.chosen[i] = 0;
    }
  }
  return answers;
}

Facts facts_of(const Knowledge& knowledge, const EvaluationInput& input, const EarlierForm& form) {
  Facts then;
  then.answers = still_asked(knowledge, input, form);
  then.raw = then.answers;
  then.record = input.facts.record;
  return then;
}

std::vector<Evidence> because_of(const Knowledge& knowledge, const Rule& rule, Facts facts,
                                 const FiredTiers& fired, const EvaluationInput& input) {
  EvaluationInput then;
  then.facts = std::move(facts);
  then.record = input.record;
  return trace(knowledge, rule, then, fired, Reading::given).because;
}

// Rules that wait for the tiers of others come too late to be compared.
bool is_red_flag(const Knowledge& knowledge, std::size_t rule) {
  return knowledge.is_red_flag(knowledge.rules[rule]) && !knowledge.rules[rule].last;
}

std::vector<int> flags_of(const Knowledge& knowledge, const Verdicts& verdicts) {
  std::vector<int> fired;
  for (std::size_t i = 0; i < knowledge.rules.size(); ++i) {
    if (is_red_flag(knowledge, i) && verdicts.rules[i] == Tri::yes) {
      fired.push_back(static_cast<int>(i));
    }
  }
  return fired;
}

bool is_more_urgent(const VanishedFlag& a, const VanishedFlag& b) {
  if (a.rule->tier != b.rule->tier) {
    return a.rule->tier > b.rule->tier;
  }
  return a.rule->id < b.rule->id;
}

}  // namespace

std::vector<int> earlier_flags(const Knowledge& knowledge, const EvaluationInput& input) {
  std::vector<int> flags;
  for (const auto& form : input.earlier) {
    Verdicts then;
    evaluate(knowledge, facts_of(knowledge, input, form), {}, then);
    const auto more = flags_of(knowledge, then);
    flags.insert(flags.end(), more.begin(), more.end());
  }
  std::sort(flags.begin(), flags.end());
  flags.erase(std::unique(flags.begin(), flags.end()), flags.end());
  return flags;
}

namespace {

using Options = std::vector<std::uint64_t>;  // by item

// The ticks that close the benign gate, of questions that can be denied. What counts for good
// (lasting) is in the record.
Options closing_options(const Knowledge& knowledge) {
  using Kind = Criterion::Kind;
  Options closing(knowledge.items.size(), 0), allowed(knowledge.items.size(), 0);
  if (knowledge.benign_gate < 0) {
    return closing;
  }
  const auto& gate = knowledge.gaps[static_cast<std::size_t>(knowledge.benign_gate)];
  const auto& ops = knowledge.program.ops;
  const std::size_t root = knowledge.program.roots[static_cast<std::size_t>(gate.root)];
  for (std::size_t at = root; at < ops[root].end; ++at) {
    const Op& op = ops[at];
    const bool is_denial = op.kind == Kind::is_none || op.kind == Kind::any_of;
    if (!is_denial && op.kind != Kind::only) {
      continue;
    }
    const Item& item = knowledge.items[op.item];
    if (item.none != 0 && !item.lasting) {
      closing[op.item] |= op.kind == Kind::any_of ? op.mask & item.positive() : item.positive();
      allowed[op.item] |= op.kind == Kind::only ? op.mask : 0;
    }
  }
  for (std::size_t i = 0; i < closing.size(); ++i) {
    closing[i] &= ~allowed[i];
  }
  return closing;
}

// What red flags rested on then is told with them, or they fire still.
void leave_out_signs(const Knowledge& knowledge, const EvaluationInput& input,
                     const EarlierForm& form, Options& options) {
  const auto then = facts_of(knowledge, input, form);
  Verdicts given;
  evaluate(knowledge, then, {}, given);
  for (const int index : flags_of(knowledge, given)) {
    const Rule& rule = knowledge.rules[static_cast<std::size_t>(index)];
    for (const auto& one : because_of(knowledge, rule, then, given.fired, input)) {
      if (one.origin == Origin::patient && is_sign(one) && !one.item->stays_true) {
        options[static_cast<std::size_t>(one.item - knowledge.items.data())] &= ~one.options;
      }
    }
  }
}

// Of what was ticked then.
std::uint64_t denied_now(const Item& item, ItemState state, std::uint64_t now, bool is_long_ago) {
  const bool is_denied = state == ItemState::answered && (now & item.open()) == 0;
  return item.stays_true || (is_denied && !is_long_ago) ? ~now : 0;
}

}  // namespace

std::vector<DeniedAnswers> denied_answers(const Knowledge& knowledge,
                                          const EvaluationInput& input) {
  std::vector<DeniedAnswers> denied;
  Options untold = closing_options(knowledge);
  const auto& now = input.facts.answers;
  for (const auto& form : input.earlier) {
    Options options = untold;
    const bool is_old = is_long_ago(knowledge, input, form);
    DeniedAnswers of_form{&form, {}};
    for (std::size_t i = 0; i < options.size(); ++i) {
      const Item& item = knowledge.items[i];
      options[i] &= form.answers.chosen[i] & denied_now(item, now.state[i], now.chosen[i], is_old);
    }
    if (std::any_of(options.begin(), options.end(), [](auto one) { return one != 0; })) {
      leave_out_signs(knowledge, input, form, options);
    }
    for (std::size_t i = 0; i < options.size(); ++i) {
      if (options[i] != 0) {
        of_form.options.emplace_back(&knowledge.items[i], options[i]);
        untold[i] &= ~options[i];
      }
    }
    if (!of_form.options.empty()) {
      denied.push_back(std::move(of_form));
    }
  }
  return denied;
}

std::vector<VanishedFlag> vanished_flags(const Knowledge& knowledge, const EvaluationInput& input,
                                         const Verdicts& verdicts) {
  std::vector<VanishedFlag> gone;
  for (const auto& form : input.earlier) {
    const auto then = facts_of(knowledge, input, form);
    Verdicts given;
    evaluate(knowledge, then, {}, given);
    for (const int index : flags_of(knowledge, given)) {
      const auto at = static_cast<std::size_t>(index);
      const Rule* rule = &knowledge.rules[at];
      const bool told = std::any_of(gone.begin(), gone.end(),
                                    [rule](const auto& other) { return other.rule == rule; });
      if (verdicts.rules[at] != Tri::yes && !told) {
        gone.push_back({rule, &form, because_of(knowledge, *rule, then, given.fired, input)});
      }
    }
  }
  std::stable_sort(gone.begin(), gone.end(), is_more_urgent);
  return gone;
}

}  // namespace myoflag::rules
