#include "rules/evaluate.h"

#include <algorithm>
#include <optional>

#include "rules/unjudged.h"

namespace myoflag::rules {
namespace {

constexpr std::size_t index_of(Tier tier) { return static_cast<std::size_t>(tier); }

// Known to be a child: no source of the age says otherwise. Without any age adult rules hold.
Tri is_under_age(const Knowledge& knowledge, const Facts& facts, Reading reading) {
  const auto item = static_cast<std::size_t>(knowledge.bindings.age);
  const Number adult = whole(knowledge.adult_age);
  const ItemState state = facts.answers.state[item];
  if (facts.record.age && *facts.record.age >= adult) {
    return Tri::no;
  }
  if (state == ItemState::answered) {
    return tri(facts.answers.number[item] < adult);
  }
  const bool may_be_said = reading == Reading::open && state != ItemState::not_shown;
  return may_be_said ? Tri::unknown : tri(facts.record.age.has_value());
}

// A value that some criterion would read, had it been usable, or would hold for, had it been
// measured later: nobody is reassured beside it.
bool has_unusable_lab(const Knowledge& knowledge, const RecordFacts& record) {
  return std::any_of(knowledge.tape.labs.begin(), knowledge.tape.labs.end(), [&](const auto& read) {
    const Lab& lab = record.labs[read.lab];
    return (lab.state == LabState::unusable && lab.age_days <= read.max_age) ||
           has_outlived(knowledge, read.lab, lab);
  });
}

// Every red flag of earlier responses still fires.
Tri holds_still(const EvaluateFlags& flags, const Verdicts& verdicts) {
  Tri all = Tri::yes;
  for (const int rule : flags.earlier_flags) {
    all = all && verdicts.rules[static_cast<std::size_t>(rule)];
  }
  return all;
}

using Rules = std::vector<Tape::Brief>;

// Where the values of criteria come from: the tape for what was given, the tree for everything
// else.
class Values {
 public:
  Values(const Knowledge& knowledge, const Facts& facts, const EvaluateFlags& flags)
      : knowledge_(knowledge), facts_(facts), flags_(flags) {
    if (flags.reading == Reading::given) {
      tape_.emplace(knowledge, facts);
      as_given_ = facts.raw == facts.answers;
    }
  }

  void set_fired(const FiredTiers& fired) {
    fired_ = fired;
    if (tape_) {
      tape_->finish(fired);
    }
  }

  Tri criterion(const Tape::Brief& rule) const {
    if (rule.raw && !as_given_) {
      return tree(rule, facts_.raw);
    }
    return tape_ ? tape_->root(rule.root) : tree(rule, facts_.answers);
  }

 private:
  Tri tree(const Tape::Brief& rule, const AnswerRecord& answers) const {
    return knowledge_.program.evaluate(rule.root, answers, facts_.record, fired_, flags_.reading);
  }

  const Knowledge& knowledge_;
  const Facts& facts_;
  const EvaluateFlags& flags_;
  FiredTiers fired_{};
  std::optional<TapeRun> tape_;
  bool as_given_ = false;  // no contradiction was taken out, so the tape tells of raw rules, too
};

struct Stage {
  const Values& values;
  const EvaluateFlags& flags;
  Tri adult;

  Tri rule(const Tape::Brief& rule) const {
    const Tri applies = rule.all_ages ? Tri::yes : adult;
    return applies == Tri::no ? Tri::no : applies && values.criterion(rule);
  }

  Tri gap(const Tape::Brief& rule) const {
    return rule.change ? flags.changed : values.criterion(rule);
  }
};

void note_fired(const Tape::Brief& rule, Tri value, FiredTiers& fired) {
  if (rule.raises) {
    fired[index_of(rule.tier)] = fired[index_of(rule.tier)] || value;
  }
}

Tier final_tier(const Knowledge& knowledge, const Verdicts& verdicts) {
  Tier tier = Tier::self_care;
  bool any = false;
  const auto look = [&](const Rules& rules, const auto& values) {
    for (std::size_t i = 0; i < rules.size(); ++i) {
      if (values[i] == Tri::yes && rules[i].raises) {
        tier = std::max(tier, rules[i].tier);
        any = true;
      }
    }
  };
  look(knowledge.tape.rules, verdicts.rules);
  look(knowledge.tape.gaps, verdicts.gaps);
  return any ? tier : knowledge.nothing_matched;
}

}  // namespace

void evaluate(const Knowledge& knowledge, const Facts& facts, const EvaluateFlags& flags,
              Verdicts& verdicts) {
  const Rules& rules = knowledge.tape.rules;
  const Rules& gaps = knowledge.tape.gaps;
  const Tri under_age = is_under_age(knowledge, facts, flags.reading);
  verdicts.under_age = under_age == Tri::yes;
  verdicts.fired.fill(Tri::no);
  Values values(knowledge, facts, flags);
  const Stage stage{values, flags, negated(under_age)};
  FiredTiers fired{};
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const Tape::Brief& rule = rules[i];
    if (!rule.last) {
      verdicts.rules[i] = stage.rule(rule);
      note_fired(rule, verdicts.rules[i], fired);
    }
  }
  for (std::size_t i = 0; i < gaps.size(); ++i) {
    const Tape::Brief& gap = gaps[i];
    if (!gap.last) {
      verdicts.gaps[i] = stage.gap(gap);
      note_fired(gap, verdicts.gaps[i], fired);
    }
  }
  verdicts.fired = fired;
  values.set_fired(fired);
  Tri gate = tri(!flags.stale && !flags.doubtful && !has_unusable_lab(knowledge, facts.record)) &&
             holds_still(flags, verdicts);
  verdicts.may_comfort = gate == Tri::yes && !flags.free_text;
  for (std::size_t i = 0; i < gaps.size(); ++i) {
    if (gaps[i].last) {
      verdicts.gaps[i] = stage.gap(gaps[i]);
    }
    if (static_cast<int>(i) == knowledge.benign_gate) {
      gate = gate && verdicts.gaps[i];
    }
  }
  verdicts.may_reassure = gate == Tri::yes && !flags.free_text;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const Tape::Brief& rule = rules[i];
    if (rule.last) {
      const Tri allowed = rule.benign ? gate : Tri::yes;
      verdicts.rules[i] = allowed == Tri::no ? Tri::no : allowed && stage.rule(rule);
    }
  }
  verdicts.tier = final_tier(knowledge, verdicts);
  if (flags.free_text) {
    verdicts.tier = std::max(verdicts.tier, knowledge.unread_words);
  }
}

}  // namespace myoflag::rules
