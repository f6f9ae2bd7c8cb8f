#include "rules/relevance.h"

#include <algorithm>
#include <bit>

#include "rules/settle.h"

namespace myoflag::rules {
namespace {

using Kind = Criterion::Kind;
constexpr std::size_t index_of(int value) { return static_cast<std::size_t>(value); }

// Of the values of a part those that it can take; never empty.
using Values = std::uint8_t;
constexpr Values just(Tri value) { return static_cast<Values>(1U << static_cast<unsigned>(value)); }
constexpr Values kNo = just(Tri::no);
constexpr Values kUnknown = just(Tri::unknown);
constexpr Values kYes = just(Tri::yes);
constexpr Values kAny = kNo | kUnknown | kYes;

constexpr bool has(Values values, Values one) { return (values & one) != 0; }
constexpr bool is_decided(Values values) { return values == kNo || values == kYes; }

constexpr Values negated_all(Values values) {
  return static_cast<Values>((has(values, kNo) ? kYes : 0) | (values & kUnknown) |
                             (has(values, kYes) ? kNo : 0));
}

constexpr Values either(Values a, Values b) {
  Values out = (a | b) & kYes;
  if ((has(a, kUnknown) && has(b, kNo | kUnknown)) ||
      (has(b, kUnknown) && has(a, kNo | kUnknown))) {
    out |= kUnknown;
  }
  return static_cast<Values>(out | (a & b & kNo));
}

constexpr Values both(Values a, Values b) {
  return negated_all(either(negated_all(a), negated_all(b)));
}

constexpr Values is_false(Values values, Reading reading) {
  if (reading != Reading::given) {
    return negated_all(values);
  }
  return static_cast<Values>((has(values, kNo) ? kYes : 0) |
                             (has(values, kUnknown | kYes) ? kNo : 0));
}

using FiredValues = std::array<Values, kTiers.size()>;

class Search {
 public:
  Search(const Knowledge& knowledge, const AnswerRecord& answers, const QuestionSet& open)
      : knowledge_(knowledge), program_(knowledge.program), answers_(answers), open_(open) {
    find_applying();
    leaves_.resize(program_.ops.size(), kAny);
    for (std::size_t at = 0; at < program_.ops.size(); ++at) {
      leaves_[at] = leaf(at);
    }
  }

  QuestionSet run() {
    for (const Reading reading : {Reading::given, Reading::unresolved}) {
      reading_ = reading;
      fired_.fill(kAny);
      join();
      fired_ = fired_values();
      join();
      mark_criteria();
    }
    mark_displays();
    mark_leading_questions();
    return open_ & shown_ & ~read_ & ~always_asked(knowledge_);
  }

 private:
  const Item& item_at(int index) const { return knowledge_.items[index_of(index)]; }
  std::size_t root_at(int root) const { return program_.roots[index_of(root)]; }
  Values value_of(int root) const { return values_[root_at(root)]; }

  void find_applying() {
    for (std::size_t i = 0; i < knowledge_.items.size(); ++i) {
      const Item& item = knowledge_.items[i];
      const Tri parent = item.parent < 0 ? Tri::yes : applies_[index_of(item.parent)];
      applies_[i] = parent && shown(knowledge_, item, answers_);
      shown_[i] = applies_[i] == Tri::yes;
    }
  }

  // ---- leaves: over everything that can be answered

  Values leaf(std::size_t at) const {
    const Op& op = program_.ops[at];
    switch (op.kind) {
      case Kind::all:
      case Kind::any:
      case Kind::is_false:
      case Kind::fired_tier:
        return kAny;  // joined later
      case Kind::lab:
        return kAny;
      case Kind::sum:
        return sum(at);
      case Kind::age:
        return age(at);
      case Kind::is:
      case Kind::med:
      case Kind::cond:
        return with_record(at);
      default:
        return is_open(op.item) ? over_answers(op) : given(at);
    }
  }

  // Also where nobody knows yet whether it applies.
  bool is_open(std::size_t item) const {
    return applies_[item] == Tri::unknown || (open_[item] && applies_[item] == Tri::yes);
  }

  Values value_for(std::size_t at, const AnswerRecord& answers, const RecordFacts& record) const {
    return just(program_.evaluate_at(at, answers, record, FiredTiers{}));
  }

  // Of a question that asks about a time: once that is over, as if it had not applied.
  Values given(std::size_t at) const {
    const std::size_t item = program_.ops[at].item;
    Values values = value_for(at, answers_, {});
    if (knowledge_.items[item].look_back_hours > 0) {
      AnswerRecord later = answers_;
      later.state[item] = ItemState::not_shown;
      later.chosen[item] = 0;
      values |= value_for(at, later, {});
    }
    return values;
  }

  Values over_answers(const Op& op) const {
    const Item& item = knowledge_.items[op.item];
    const std::uint64_t outside = item.all & ~op.mask & ~op.open;
    const Values left_out = applies_[op.item] == Tri::yes ? Values{kUnknown} : kUnknown | kNo;
    switch (op.kind) {
      case Kind::any_of:
        return values(left_out, op.mask != 0, outside != 0);
      case Kind::count:
        return values(left_out, whole(std::popcount(op.mask)) >= op.limit, true);
      case Kind::only:
      case Kind::is_none:
        return values(left_out, op.mask != 0, outside != 0);
      case Kind::answered:
        return kNo | kYes;
      case Kind::unsure:
        return op.mask != 0 ? kNo | kYes : kNo;
      default:
        return kAny;
    }
  }

  static Values values(Values left_out, bool can_be_yes, bool can_be_no) {
    return static_cast<Values>(left_out | (can_be_yes ? kYes : 0) | (can_be_no ? kNo : 0));
  }

  // Whatever the record says: that it is so, or, of sex and pregnancy, that it is not.
  Values with_record(std::size_t at) const {
    const Op& op = program_.ops[at];
    if (is_open(op.item)) {
      return kAny;
    }
    Values values = given(at) | kYes;
    if (has(values, kUnknown) && op.kind == Kind::is) {
      values |= kNo;
    }
    return value_for(at, answers_, {}) == kYes && values == kYes ? Values{kYes} : values;
  }

  // The record may name another age, above or below.
  Values age(std::size_t at) const {
    const Op& op = program_.ops[at];
    if (answers_.state[op.item] != ItemState::answered) {
      return kAny;
    }
    const bool by_patient = holds(answers_.number[op.item], op.compare, op.limit);
    if (op.benign) {
      return by_patient ? kNo | kYes : kNo;
    }
    return by_patient ? kYes : kNo | kYes;
  }

  // Whether an answer adds nothing or the most, the sum stays on one side of the limit.
  Values sum(std::size_t at) const {
    const Op& op = program_.ops[at];
    AnswerRecord least = answers_;
    AnswerRecord most = answers_;
    bool is_any_open = false;
    for (std::size_t child = at + 1; child < op.end; ++child) {
      const Op& part = program_.ops[child];
      if (is_open(part.item)) {
        is_any_open = true;
        least.state[part.item] = ItemState::not_shown;
        most.state[part.item] = ItemState::skipped;
      }
    }
    if (!is_any_open) {
      return value_for(at, answers_, {});
    }
    const Values high = value_for(at, most, {});
    return is_decided(high) && high == value_for(at, least, {}) ? high : kAny;
  }

  // ---- from leaves to criteria

  void join() {
    values_ = leaves_;
    for (std::size_t at = program_.ops.size(); at-- > 0;) {
      const Op& op = program_.ops[at];
      switch (op.kind) {
        case Kind::all:
        case Kind::any:
          values_[at] = joined(op, at);
          break;
        case Kind::is_false:
          values_[at] = is_false(values_[at + 1], reading_);
          break;
        case Kind::fired_tier:
          values_[at] = fired_tier(op);
          break;
        default:
          break;
      }
    }
  }

  Values joined(const Op& op, std::size_t at) const {
    const bool is_all = op.kind == Kind::all;
    Values out = is_all ? kYes : kNo;
    for (std::size_t child = at + 1; child < op.end; child = program_.ops[child].end) {
      out = is_all ? both(out, values_[child]) : either(out, values_[child]);
    }
    return out;
  }

  Values fired_tier(const Op& op) const {
    Values out = kNo;
    for (std::size_t tier = 0; tier < fired_.size(); ++tier) {
      if ((op.mask >> tier & 1U) != 0) {
        out = either(out, fired_[tier]);
      }
    }
    return out;
  }

  bool is_adult() const {
    const std::size_t age = index_of(knowledge_.bindings.age);
    return answers_.state[age] == ItemState::answered &&
           answers_.number[age] >= whole(knowledge_.adult_age);
  }

  // What the rules before those that run last bring to each tier.
  FiredValues fired_values() const {
    FiredValues fired;
    fired.fill(kNo);
    const auto add = [&](const Rule& rule) {
      if (rule.raises() && !rule.last) {
        Values& tier = fired[static_cast<std::size_t>(rule.tier)];
        tier = either(tier, verdict_of(rule));
      }
    };
    std::for_each(knowledge_.rules.begin(), knowledge_.rules.end(), add);
    std::for_each(knowledge_.gaps.begin(), knowledge_.gaps.end(), add);
    return fired;
  }

  Values verdict_of(const Rule& rule) const {
    if (rule.root < 0 || rule.raw) {
      return kAny;
    }
    const bool always_holds = rule.kind != Rule::Kind::rule || rule.holds_under_age();
    return always_holds || is_adult() ? value_of(rule.root)
                                      : static_cast<Values>(value_of(rule.root) | kNo);
  }

  // ---- what is still read

  void mark_criteria() {
    for (const Rule& rule : knowledge_.rules) {
      mark_rule(rule);
    }
    for (const Rule& gap : knowledge_.gaps) {
      mark_rule(gap);
    }
    if (reading_ == Reading::given) {
      mark_cautions();
    }
  }

  bool gate_is_shut() const {
    const int gate = knowledge_.benign_gate;
    return gate >= 0 && reading_ == Reading::given &&
           value_of(knowledge_.gaps[index_of(gate)].root) == kNo;
  }

  void mark_rule(const Rule& rule) {
    if (rule.root < 0 || rule.raw ||
        (rule.benign && (reading_ != Reading::given || gate_is_shut()))) {
      return;
    }
    if (rule.kind == Rule::Kind::notice) {
      mark_every_part(root_at(rule.root));
    }
    mark(root_at(rule.root));
    for (const auto& when : rule.target_when) {
      if (value_of(rule.root) != kNo) {
        mark(root_at(when.criterion));
      }
    }
  }

  void mark(std::size_t at) {
    const Op& op = program_.ops[at];
    if (is_decided(values_[at])) {
      return;
    }
    if (op.kind != Kind::all && op.kind != Kind::any && op.kind != Kind::is_false) {
      mark_leaf(at);
      return;
    }
    for (std::size_t child = at + 1; child < op.end; child = program_.ops[child].end) {
      mark(child);
    }
  }

  void mark_leaf(std::size_t at) {
    const Op& op = program_.ops[at];
    if (op.kind == Kind::lab || op.kind == Kind::fired_tier) {
      return;
    }
    const std::size_t first = op.kind == Kind::sum ? at + 1 : at;
    const std::size_t last = op.kind == Kind::sum ? op.end : at + 1;
    for (std::size_t node = first; node < last; ++node) {
      read_.set(program_.ops[node].item);
    }
  }

  // A notice says each of its parts on its own.
  void mark_every_part(std::size_t root) {
    for (std::size_t at = root; at < program_.ops[root].end; ++at) {
      const Op& op = program_.ops[at];
      if (op.end == at + 1 && !is_decided(values_[at])) {
        mark_leaf(at);
      }
    }
  }

  bool may_be_proposed(int workup) const {
    return std::any_of(knowledge_.rules.begin(), knowledge_.rules.end(), [&](const Rule& rule) {
      const auto& named = rule.workups;
      return std::find(named.begin(), named.end(), workup) != named.end() &&
             has(verdict_of(rule), kYes);
    });
  }

  // What a proposed test is to be safe with, as far as a question tells it.
  void mark_cautions() {
    for (const CodeBinding& caution : knowledge_.bindings.cautions) {
      if (caution.question < 0 || read_[index_of(caution.question)]) {
        continue;
      }
      for (std::size_t i = 0; i < knowledge_.workups.size(); ++i) {
        const auto& notes = knowledge_.workups[i].notes;
        const bool warns = std::any_of(notes.begin(), notes.end(), [&](const auto& note) {
          return note.caution == caution.caution;
        });
        if (warns && may_be_proposed(static_cast<int>(i))) {
          read_.set(index_of(caution.question));
        }
      }
    }
  }

  void mark_displays() {
    for (std::size_t i = 0; i < knowledge_.items.size(); ++i) {
      if (knowledge_.items[i].type == ItemType::display && applies_[i] == Tri::unknown) {
        mark_what_enables(static_cast<int>(i));
      }
    }
  }

  // Questions come after those that lead to them.
  void mark_leading_questions() {
    for (std::size_t i = knowledge_.items.size(); i-- > 0;) {
      if (read_[i] && applies_[i] == Tri::unknown) {
        mark_what_enables(static_cast<int>(i));
      }
    }
  }

  void mark_what_enables(int item) {
    for (int at = item; at >= 0; at = item_at(at).parent) {
      for (const EnableWhen& when : item_at(at).enable) {
        read_.set(index_of(when.item));
      }
    }
  }

  const Knowledge& knowledge_;
  const Program& program_;
  const AnswerRecord& answers_;
  const QuestionSet& open_;
  std::array<Tri, kMaxItems> applies_{};
  QuestionSet shown_;  // for certain
  Reading reading_ = Reading::given;
  FiredValues fired_{};
  std::vector<Values> leaves_, values_;  // by part of the program
  QuestionSet read_;                     // by a part that is not decided
};

// Whether any rule or policy reads the item, in a criterion or by name.
QuestionSet read_by_rules(const Knowledge& knowledge) {
  QuestionSet read;
  const auto& ops = knowledge.program.ops;
  for (std::size_t at = 0; at < ops.size(); ++at) {
    const Kind kind = ops[at].kind;
    const bool is_join = kind == Kind::all || kind == Kind::any || kind == Kind::is_false ||
                         kind == Kind::sum || kind == Kind::fired_tier || kind == Kind::lab;
    if (!is_join) {
      read.set(ops[at].item);
    }
  }
  return read;
}

// What a policy asks to be answered.
void add_gaps(const Knowledge& knowledge, QuestionSet& out) {
  const auto& ops = knowledge.program.ops;
  for (std::size_t i = 0; i < knowledge.gaps.size(); ++i) {
    const Rule& gap = knowledge.gaps[i];
    if (gap.kind != Rule::Kind::gap || gap.root < 0 || gap.raw) {
      continue;
    }
    const std::size_t root = knowledge.program.roots[index_of(gap.root)];
    for (std::size_t at = root; at < ops[root].end; ++at) {
      if (ops[at].kind == Kind::answered || ops[at].kind == Kind::unsure) {
        out.set(ops[at].item);
      }
    }
  }
}

void add_bound(const Knowledge& knowledge, QuestionSet& out) {
  const Bindings& bound = knowledge.bindings;
  for (const int item :
       {bound.medicines, bound.conditions, bound.age, bound.sex, bound.pregnancy}) {
    if (item >= 0) {
      out.set(index_of(item));
    }
  }
  for (const int item : knowledge.change.items) {
    out.set(index_of(item));
  }
}

}  // namespace

QuestionSet always_asked(const Knowledge& knowledge) {
  QuestionSet out = ~read_by_rules(knowledge);
  add_gaps(knowledge, out);
  add_bound(knowledge, out);
  for (std::size_t i = 0; i < knowledge.items.size(); ++i) {
    const Item& item = knowledge.items[i];
    if (item.required || item.context_only || item.lasting || !item.is_question()) {
      out.set(i);
    }
    if (item.type == ItemType::display) {
      for (const EnableWhen& when : item.enable) {
        out.set(index_of(when.item));
      }
    }
  }
  return out;
}

QuestionSet without_effect(const Knowledge& knowledge, const AnswerRecord& answers,
                           const QuestionSet& open) {
  return Search(knowledge, answers, open).run();
}

}  // namespace myoflag::rules
