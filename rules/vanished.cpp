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
    evaluate(knowledge, facts_of(knowledge, input, form), {}, then);
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
