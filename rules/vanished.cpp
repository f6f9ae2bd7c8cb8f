#include "rules/vanished.h"

#include <algorithm>

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

EvaluationInput as_answered(const Knowledge& knowledge, const EvaluationInput& input,
                            const EarlierForm& form) {
  EvaluationInput then;
  then.facts.answers = still_asked(knowledge, input, form);
  then.facts.raw = then.facts.answers;
  then.facts.record = input.facts.record;
  then.record = input.record;
  return then;
}

// Rules that wait for the tiers of others come too late to be compared.
bool is_red_flag(const Knowledge& knowledge, std::size_t rule) {
  return knowledge.is_red_flag(knowledge.rules[rule]) && !knowledge.tape.rules[rule].last;
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
    evaluate(knowledge, as_answered(knowledge, input, form).facts, {}, then);
    const auto more = flags_of(knowledge, then);
    flags.insert(flags.end(), more.begin(), more.end());
  }
  std::sort(flags.begin(), flags.end());
  flags.erase(std::unique(flags.begin(), flags.end()), flags.end());
  return flags;
}

std::vector<VanishedFlag> vanished_flags(const Knowledge& knowledge, const EvaluationInput& input,
                                         const Verdicts& verdicts) {
  std::vector<VanishedFlag> gone;
  for (const auto& form : input.earlier) {
    const auto then = as_answered(knowledge, input, form);
    Verdicts given;
    evaluate(knowledge, then.facts, {}, given);
    for (const int index : flags_of(knowledge, given)) {
      const auto at = static_cast<std::size_t>(index);
      const Rule* rule = &knowledge.rules[at];
      const bool told = std::any_of(gone.begin(), gone.end(),
                                    [rule](const auto& other) { return other.rule == rule; });
      if (verdicts.rules[at] != Tri::yes && !told) {
        auto because = trace(knowledge, *rule, then, given.fired, Reading::given).because;
        gone.push_back({rule, &form, std::move(because)});
      }
    }
  }
  std::stable_sort(gone.begin(), gone.end(), is_more_urgent);
  return gone;
}

}  // namespace myoflag::rules
