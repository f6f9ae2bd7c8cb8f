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

using Rules = Tape::RuleList;

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

  // The criteria of all rules that do not wait for fired tiers.
  void read_first(const Rules& rules, Tri* verdicts) const {
    if (tape_) {
      tape_->read(rules.values, verdicts);
    } else {
      std::transform(rules.all.begin(), rules.all.end(), verdicts, [&](const Tape::Brief& rule) {
        return rule.last || rule.change ? Tri::no : tree(rule, facts_.answers);
      });
    }
    for (const std::uint16_t rule : rules.raw) {
      verdicts[rule] = criterion(rules.all[rule]);
    }
    for (const std::uint16_t rule : rules.change) {
      verdicts[rule] = flags_.changed;
    }
  }

  Tri criterion(const Tape::Brief& rule) const {
    if (rule.change) {
      return flags_.changed;
    }
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

void cap(const std::vector<std::uint16_t>& rules, Tri most, Tri* verdicts) {
  for (const std::uint16_t rule : rules) {
    verdicts[rule] = most && verdicts[rule];
  }
}

void note_first(const Rules& rules, const Tri* verdicts, FiredTiers& fired) {
  for (std::size_t tier = 0; tier < fired.size(); ++tier) {
    const std::size_t count = rules.raising[tier].size();
    const std::uint8_t* const raising = rules.raising[tier].data();
    std::uint8_t any = 0;  // or of what raises; with a yes among it, the bit of yes
    for (std::size_t i = 0; i < count; ++i) {
      any = static_cast<std::uint8_t>(any | (static_cast<std::uint8_t>(verdicts[i]) & raising[i]));
    }
    fired[tier] = fired[tier] || static_cast<Tri>(std::min<std::uint8_t>(any, 2));
  }
}

void note_last(const Rules& rules, const Tri* verdicts, FiredTiers& fired) {
  for (const std::uint16_t rule : rules.last) {
    if (rules.all[rule].raises) {
      Tri& any = fired[index_of(rules.all[rule].tier)];
      any = any || verdicts[rule];
    }
  }
}

Tier final_tier(const Knowledge& knowledge, const Verdicts& verdicts) {
  FiredTiers fired = verdicts.fired;
  note_last(knowledge.tape.rules, verdicts.rules.data(), fired);
  note_last(knowledge.tape.gaps, verdicts.gaps.data(), fired);
  const auto highest = std::find(fired.rbegin(), fired.rend(), Tri::yes);
  return highest == fired.rend() ? knowledge.nothing_matched
                                 : kTiers[static_cast<std::size_t>(fired.rend() - highest) - 1];
}

}  // namespace

void evaluate(const Knowledge& knowledge, const Facts& facts, const EvaluateFlags& flags,
              Verdicts& verdicts) {
  const Rules& rules = knowledge.tape.rules;
  const Rules& gaps = knowledge.tape.gaps;
  const Tri under_age = is_under_age(knowledge, facts, flags.reading);
  verdicts.under_age = under_age == Tri::yes;
  verdicts.fired.fill(Tri::no);
  const Tri adult = negated(under_age);
  Values values(knowledge, facts, flags);
  values.read_first(rules, verdicts.rules.data());
  if (adult != Tri::yes) {
    cap(rules.adult, adult, verdicts.rules.data());
  }
  values.read_first(gaps, verdicts.gaps.data());
  note_first(rules, verdicts.rules.data(), verdicts.fired);
  note_first(gaps, verdicts.gaps.data(), verdicts.fired);
  values.set_fired(verdicts.fired);
  Tri gate = tri(!flags.stale && !flags.doubtful && !has_unusable_lab(knowledge, facts.record)) &&
             holds_still(flags, verdicts);
  verdicts.may_comfort = gate == Tri::yes && !flags.free_text;
  for (const std::uint16_t gap : gaps.last) {
    verdicts.gaps[gap] = values.criterion(gaps.all[gap]);
  }
  if (knowledge.benign_gate >= 0) {
    gate = gate && verdicts.gaps[static_cast<std::size_t>(knowledge.benign_gate)];
  }
  verdicts.may_reassure = gate == Tri::yes && !flags.free_text;
  for (const std::uint16_t i : rules.last) {
    const Tape::Brief& rule = rules.all[i];
    const Tri allowed = (rule.benign ? gate : Tri::yes) && (rule.all_ages ? Tri::yes : adult);
    verdicts.rules[i] = allowed && values.criterion(rule);
  }
  verdicts.tier = final_tier(knowledge, verdicts);
  if (flags.free_text) {
    verdicts.tier = std::max(verdicts.tier, knowledge.unread_words);
  }
}

}  // namespace myoflag::rules
