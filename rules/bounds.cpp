#include <algorithm>
#include <array>

#include "rules/satisfiable.h"
#include "rules/settle.h"
#include "rules/since_last.h"
#include "rules/tryout.h"

namespace myoflag::rules {
namespace {

constexpr std::size_t index_of(int value) { return static_cast<std::size_t>(value); }
constexpr int kPartsForOneRule = 40'000;

// Leaves of the answers only what holds in every completion: what was ticked, in questions that are
// sure to apply. A rule that counts "not sure" as a finding is not sure to fire, and a question
// that is asked because of "not sure" may yet not apply.
AnswerRecord without_doubts(const Knowledge& knowledge, const AnswerRecord& given) {
  AnswerRecord sure = given;
  std::array<Tri, kMaxItems> visible{};
  for (std::size_t i = 0; i < knowledge.items.size(); ++i) {
    const Item& it = knowledge.items[i];
    const std::uint64_t open = knowledge.open_options(static_cast<int>(i));
    visible[i] =
        (it.parent < 0 ? Tri::yes : visible[index_of(it.parent)]) && shown(knowledge, it, sure);
    const std::uint64_t ticked = given.chosen[i] & it.positive() & ~open;
    if (visible[i] == Tri::unknown) {
      sure.state[i] = ItemState::not_asked;
      sure.chosen[i] = 0;
    } else if (given.state[i] == ItemState::answered && (given.chosen[i] & open) != 0) {
      sure.state[i] = ItemState::invalid;
      sure.chosen[i] = ticked == 0 ? 0 : ticked | (given.chosen[i] & it.none);
    }
  }
  return sure;
}

class BoundsSearch {
 public:
  BoundsSearch(const Situation& situation, Effort& effort)
      : situation_(situation),
        knowledge_(situation.knowledge),
        facts_(situation.facts),
        effort_(effort),
        tryout_(situation, effort) {
    sure_.record = facts_.record;
    sure_.answers = without_doubts(knowledge_, facts_.answers);
    sure_.raw = without_doubts(knowledge_, facts_.raw);
    open_ = open_verdicts(sure_);
  }

  TierBounds run() {
    const Tier calm = tryout_.verdicts_of(tryout_.calmed(facts_.answers)).tier;
    bounds_.lowest = lowest_tier();
    bounds_.lowest_reached = calm == bounds_.lowest;
    bounds_.highest = calm;
    bounds_.highest_reached = true;
    find_highest();
    return bounds_;
  }

 private:
  enum class Found : std::uint8_t { yes, no, undecided };

  template <typename Use>
  void each_rule(const Verdicts& verdicts, Use use) const {
    const auto look = [&](const std::vector<Rule>& rules, const auto& values) {
      for (std::size_t i = 0; i < rules.size(); ++i) {
        if (rules[i].raises()) {
          use(rules[i], values[i]);
        }
      }
    };
    look(knowledge_.rules, verdicts.rules);
    look(knowledge_.gaps, verdicts.gaps);
  }

  // Yes: in every completion; unknown: perhaps in some; no: in none.
  Verdicts open_verdicts(const Facts& sure) {
    ++effort_.spent;
    EvaluateFlags flags = situation_.flags;
    flags.reading = Reading::open;
    flags.changed = changed_since_last(knowledge_, situation_.previous, sure.answers);
    Verdicts verdicts;
    evaluate(knowledge_, sure, flags, verdicts);
    return verdicts;
  }

  // ---- the lower side

  // No completion is lower than the most urgent rule that is sure to fire, or, where none is, than
  // the lowest that can come of it.
  Tier lowest_of(const Verdicts& open) const {
    std::optional<Tier> certain;
    Tier possible = knowledge_.nothing_matched;
    each_rule(open, [&](const Rule& rule, Tri value) {
      if (value == Tri::yes) {
        certain = std::max(certain.value_or(rule.tier), rule.tier);
      }
      if (value != Tri::no) {
        possible = std::min(possible, rule.tier);
      }
    });
    const Tier lowest = certain.value_or(possible);
    return situation_.flags.free_text ? std::max(lowest, knowledge_.unread_words) : lowest;
  }

  // An open age is looked at case by case: it switches whole rules on and off.
  Tier lowest_tier() {
    const int age = knowledge_.bindings.age;
    if (sure_.answers.state[index_of(age)] == ItemState::not_asked ||
        !tryout_.is_open(facts_.answers, age)) {
      return lowest_of(open_);
    }
    Tier lowest = kTiers.back();
    for (const Candidate& candidate : tryout_.candidates(age)) {
      Facts of_age = sure_;
      put(of_age.answers, age, candidate);
      put(of_age.raw, age, candidate);
      lowest = std::min(lowest, lowest_of(open_verdicts(of_age)));
    }
    return lowest;
  }

  // ---- the upper side

  // From the most urgent tier downward, until a completion with that tier is found.
  void find_highest() {
    for (auto tier = kTiers.rbegin(); tier != kTiers.rend() && *tier > bounds_.highest; ++tier) {
      const Found found = find(*tier);
      if (found != Found::no) {
        bounds_.highest_reached = found == Found::yes;
        bounds_.highest = bounds_.highest_reached ? reached_ : *tier;
        return;
      }
    }
  }

  Found find(Tier tier) {
    bool undecided = false;
    bool found = false;
    const auto note = [&](Found one) {
      found = found || one == Found::yes;
      undecided = undecided || one == Found::undecided;
    };
    each_rule(open_, [&](const Rule& rule, Tri value) {
      if (!found && rule.tier == tier && value != Tri::no) {
        note(rule.kind == Rule::Kind::change ? find_change(tier) : find_rule(rule));
      }
    });
    if (!found && tier == knowledge_.nothing_matched) {
      note(find_no_match());
    }
    return found ? Found::yes : undecided ? Found::undecided : Found::no;
  }

  bool reaches(const AnswerRecord& complete, Tier tier) {
    reached_ = tryout_.verdicts_of(complete).tier;
    return reached_ >= tier;
  }

  Found find_rule(const Rule& rule) {
    if (!effort_.left()) {
      return Found::undecided;
    }
    SatisfiableQuery query;
    query.wanted = {{rule.root, Tri::yes}};
    if (rule.benign && knowledge_.benign_gate >= 0) {
      query.wanted.push_back({knowledge_.gaps[index_of(knowledge_.benign_gate)].root, Tri::yes});
    }
    query.raw = rule.raw;
    query.may_stay_open = false;
    query.adult = rule.kind == Rule::Kind::rule && !rule.holds_under_age();
    query.fixed = rule.raw ? &facts_.raw : &facts_.answers;
    query.record = &facts_.record;
    query.max_evaluations =
        std::min(kPartsForOneRule, (effort_.limit - effort_.spent) * kPartsPerEvaluation);
    const Satisfiable answer = satisfiable(knowledge_, query);
    effort_.spent += answer.evaluations / kPartsPerEvaluation + 1;
    if (answer.possibility != Possibility::possible) {
      return answer.possibility == Possibility::impossible ? Found::no : Found::undecided;
    }
    if (reaches(tryout_.filled(answer.answers), rule.tier) ||
        (rule.last && reaches(tryout_.calmed(answer.answers), rule.tier))) {
      return Found::yes;
    }
    return Found::undecided;
  }

  // Something new in one of the questions that are compared, the rest as it comes.
  Found find_change(Tier tier) {
    for (const int item : knowledge_.change.items) {
      if (tryout_.is_open(facts_.answers, item) && find_with(item, tier)) {
        return Found::yes;
      }
    }
    return Found::undecided;
  }

  // Where no rule is sure to fire, none may fire at all.
  Found find_no_match() {
    bool certain = false;
    each_rule(open_, [&](const Rule&, Tri value) { certain = certain || value == Tri::yes; });
    for (int item = 0; !certain && item < static_cast<int>(knowledge_.items.size()); ++item) {
      if (tryout_.is_open(facts_.answers, item) && find_with(item, knowledge_.nothing_matched)) {
        return Found::yes;
      }
    }
    return certain ? Found::no : Found::undecided;
  }

  bool find_with(int item, Tier tier) {
    for (const Candidate& candidate : tryout_.candidates(item)) {
      if (!effort_.left()) {
        return false;
      }
      AnswerRecord answers = facts_.answers;
      tryout_.complete(answers, item, candidate);
      if (reaches(tryout_.filled(answers), tier)) {
        return true;
      }
    }
    return false;
  }

  const Situation& situation_;
  const Knowledge& knowledge_;
  const Facts& facts_;
  Effort& effort_;
  Tryout tryout_;
  Facts sure_;     // what holds in every completion
  Verdicts open_;  // of it
  TierBounds bounds_;
  Tier reached_ = Tier::self_care;  // by the completion tried last
};

}  // namespace

TierBounds tier_bounds(const Situation& situation, Effort& effort) {
  return BoundsSearch(situation, effort).run();
}

}  // namespace myoflag::rules
