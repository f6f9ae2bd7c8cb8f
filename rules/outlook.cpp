#include "rules/outlook.h"

#include <algorithm>
#include <bit>
#include <map>
#include <set>

#include "rules/settle.h"
#include "rules/trace.h"

namespace myoflag::rules {
namespace {

using Kind = Criterion::Kind;
constexpr std::size_t index_of(int value) { return static_cast<std::size_t>(value); }
constexpr int kMaxSearchSteps = 4'000;  // for one witness

bool is_question(const Item& item) {
  return item.type == ItemType::choice || item.type == ItemType::integer ||
         item.type == ItemType::decimal;
}

bool is_numeric(const Item& item) {
  return item.type == ItemType::integer || item.type == ItemType::decimal;
}

// Every number that a criterion or a display condition compares this item with.
std::set<std::int64_t> limits_of(const Knowledge& knowledge, int item) {
  std::set<std::int64_t> limits;
  for (const auto& op : knowledge.program.ops) {
    const bool reads = (op.kind == Kind::number || op.kind == Kind::age) && op.item == item;
    if (reads) {
      limits.insert(op.limit.nano);
    }
  }
  for (const auto& other : knowledge.items) {
    for (const auto& when : other.enable) {
      if (when.item == item) {
        limits.insert(when.limit.nano);
      }
    }
  }
  if (item == knowledge.bindings.age) {
    limits.insert(whole(knowledge.adult_age).nano);
  }
  return limits;
}

bool in_range(const Item& item, Number value) {
  return (!item.min || value >= *item.min) && (!item.max || value <= *item.max);
}

std::vector<Candidate> numeric_candidates(const Knowledge& knowledge, int item) {
  const Item& it = knowledge.items[index_of(item)];
  std::set<std::int64_t> values;
  for (const std::int64_t limit : limits_of(knowledge, item)) {
    for (const std::int64_t value : {limit - whole(1).nano, limit, limit + whole(1).nano}) {
      values.insert(value);
    }
  }
  std::vector<Candidate> out;
  for (const std::int64_t value : values) {
    if (in_range(it, {value})) {
      out.push_back({0, Number{value}});
    }
  }
  return out;
}

void put(AnswerRecord& answers, int item, const Candidate& candidate) {
  answers.state[index_of(item)] = ItemState::answered;
  answers.chosen[index_of(item)] = candidate.chosen;
  answers.number[index_of(item)] = candidate.number.value_or(Number{});
}

// Answers after which the question is still open: "not sure", "could be".
std::uint64_t open_options(const Knowledge& knowledge, int item) {
  std::uint64_t open = knowledge.items[index_of(item)].open();
  for (const auto& [name, set] : knowledge.is_sets) {
    if (set.item == item) {
      open |= set.unknown;
    }
  }
  return open;
}

bool is_open(const Knowledge& knowledge, const AnswerRecord& answers, int item) {
  const Item& it = knowledge.items[index_of(item)];
  switch (answers.state[index_of(item)]) {
    case ItemState::not_shown:
      return false;
    case ItemState::answered:
      return (answers.chosen[index_of(item)] & open_options(knowledge, item)) != 0;
    default:
      return is_question(it);
  }
}

// Answered, though it is not sure that the question applies: another answer may set this one aside.
bool in_doubt(const Knowledge& knowledge, const AnswerRecord& answers, int item) {
  const Item& it = knowledge.items[index_of(item)];
  const bool given = answers.state[index_of(item)] == ItemState::answered ||
                     answers.state[index_of(item)] == ItemState::invalid;
  const bool parent_open =
      it.parent >= 0 && answers.state[index_of(it.parent)] == ItemState::not_asked;
  return given && (parent_open || shown(knowledge, it, answers) == Tri::unknown);
}

// An open question answered for good: what was ticked beside "not sure" stays ticked.
void complete(const Knowledge& knowledge, const AnswerRecord& given, AnswerRecord& answers,
              int item, const Candidate& candidate) {
  const Item& it = knowledge.items[index_of(item)];
  put(answers, item, candidate);
  const std::uint64_t ticked = given.chosen[index_of(item)] & it.positive();
  if (it.repeats && ticked != 0) {
    answers.chosen[index_of(item)] = (candidate.chosen | ticked) & ~it.none;
  }
}

// `none` beside a positive option is a contradiction until that question is answered anew.
void keep_contradictions(const Knowledge& knowledge, const AnswerRecord& given,
                         std::span<const int> anew, AnswerRecord& raw) {
  for (std::size_t i = 0; i < knowledge.items.size(); ++i) {
    const Item& it = knowledge.items[i];
    const std::uint64_t ticked = given.chosen[i] & it.positive();
    const bool contradicted = (given.chosen[i] & it.none) != 0 && ticked != 0;
    if (contradicted && (raw.chosen[i] & ticked) == ticked &&
        std::find(anew.begin(), anew.end(), static_cast<int>(i)) == anew.end()) {
      raw.chosen[i] |= it.none;
    }
  }
}

Tier tier_with(const Knowledge& knowledge, const Facts& facts, const EvaluateFlags& flags,
               const AnswerRecord& answers, std::span<const int> anew = {}) {
  Facts changed = facts;
  changed.answers = answers;
  settle_in_place(knowledge, changed.answers);
  changed.raw = changed.answers;
  keep_contradictions(knowledge, facts.raw, anew, changed.raw);
  Verdicts verdicts;
  evaluate(knowledge, changed, flags, verdicts);
  return verdicts.tier;
}

// Completes the open questions with what calms: `none`, else the answer that gives the lowest tier,
// one question after the other in the order of the form.
AnswerRecord calmest_completion(const Knowledge& knowledge, const Facts& facts,
                                const EvaluateFlags& flags, AnswerRecord answers) {
  for (int item = 0; item < static_cast<int>(knowledge.items.size()); ++item) {
    settle_in_place(knowledge, answers);
    const Item& it = knowledge.items[index_of(item)];
    if (!is_question(it) || !is_open(knowledge, answers, item)) {
      continue;
    }
    if (it.none != 0) {
      complete(knowledge, facts.answers, answers, item, {it.none, std::nullopt});
      continue;
    }
    Candidate best;
    std::optional<Tier> lowest;
    for (const auto& candidate : candidates(knowledge, item)) {
      AnswerRecord tried = answers;
      complete(knowledge, facts.answers, tried, item, candidate);
      const Tier tier = tier_with(knowledge, facts, flags, tried);
      if (!lowest || tier < *lowest) {
        lowest = tier;
        best = candidate;
      }
    }
    if (lowest) {
      complete(knowledge, facts.answers, answers, item, best);
    }
  }
  settle_in_place(knowledge, answers);
  return answers;
}

// Searches a completion of the open questions in which one rule fires and the tier is the rule's.
class WitnessSearch {
 public:
  WitnessSearch(const Knowledge& knowledge, const Facts& facts, const EvaluateFlags& flags)
      : knowledge_(knowledge), facts_(facts), flags_(flags) {}

  enum class Result : std::uint8_t { found, none, undecided };

  Result find(const Rule& rule) {
    rule_ = &rule;
    steps_ = 0;
    answers_ = facts_.answers;
    open_.clear();
    collect_open(rule);
    candidates_.clear();
    for (const int item : open_) {
      candidates_.push_back(candidates_for_rule(item));
    }
    const bool found = choose(0);
    return found ? Result::found : steps_ > kMaxSearchSteps ? Result::undecided : Result::none;
  }

  // Of the completion found; another rule may make it more urgent than the rule searched for.
  Tier tier() const { return tier_; }

 private:
  // The open questions that the rule reads, and those that decide whether they are shown, in the
  // order of the form.
  void collect_open(const Rule& rule) {
    std::set<int> open;
    const auto& ops = knowledge_.program.ops;
    const std::size_t root = knowledge_.program.roots[index_of(rule.root)];
    for (std::size_t at = root; at < ops[root].end; ++at) {
      const Kind kind = ops[at].kind;
      if (kind != Kind::all && kind != Kind::any && kind != Kind::is_false && kind != Kind::sum &&
          kind != Kind::lab && kind != Kind::fired_tier) {
        add_open(ops[at].item, open);
      }
    }
    open_.assign(open.begin(), open.end());
  }

  void add_open(int item, std::set<int>& open) const {
    const bool doubtful = in_doubt(knowledge_, facts_.answers, item);
    const bool asked = is_open(knowledge_, facts_.answers, item) && open.insert(item).second;
    if (!asked && !doubtful) {
      return;
    }
    if (doubtful || facts_.answers.state[index_of(item)] == ItemState::not_asked) {
      const Item& it = knowledge_.items[index_of(item)];
      for (const auto& when : it.enable) {
        add_open(when.item, open);
      }
      for (int parent = it.parent; parent >= 0;
           parent = knowledge_.items[index_of(parent)].parent) {
        for (const auto& when : knowledge_.items[index_of(parent)].enable) {
          add_open(when.item, open);
        }
      }
    }
  }

  bool choose(std::size_t depth) {
    if (++steps_ > kMaxSearchSteps) {
      return false;
    }
    const Tri value =
        knowledge_.program.evaluate(rule_->root, answers_, facts_.record, kQuiet, Reading::open);
    if (value == Tri::no) {
      return false;
    }
    if (depth == open_.size()) {
      return value == Tri::yes && fires_when_complete();
    }
    const int item = open_[depth];
    const AnswerRecord before = answers_;
    for (const auto& candidate : candidates_[depth]) {
      complete(knowledge_, facts_.answers, answers_, item, candidate);
      if (choose(depth + 1)) {
        return true;
      }
      answers_ = before;
    }
    return false;
  }

  // Beside the usual candidates, one option from each group that the rule tells apart: a rule may
  // want one option without another.
  std::vector<Candidate> candidates_for_rule(int item) const {
    auto out = candidates(knowledge_, item);
    const Item& it = knowledge_.items[index_of(item)];
    if (!it.repeats) {
      return out;
    }
    std::vector<std::uint64_t> groups{it.positive()};
    const auto& ops = knowledge_.program.ops;
    const std::size_t root = knowledge_.program.roots[index_of(rule_->root)];
    for (std::size_t at = root; at < ops[root].end; ++at) {
      if (ops[at].end == at + 1 && ops[at].kind != Kind::lab && ops[at].item == item) {
        split(groups, ops[at].mask);
      }
    }
    if (groups.size() < 2 || groups.size() > kMaxGroups) {
      return out;
    }
    for (std::size_t subset = 1; subset < (std::size_t{1} << groups.size()); ++subset) {
      std::uint64_t one_each = 0;
      std::uint64_t all_of_each = 0;
      for (std::size_t group = 0; group < groups.size(); ++group) {
        if ((subset >> group & 1U) != 0) {
          one_each |= groups[group] & (~groups[group] + 1);
          all_of_each |= groups[group];
        }
      }
      out.push_back({one_each, std::nullopt});
      out.push_back({all_of_each, std::nullopt});
    }
    return out;
  }

  static void split(std::vector<std::uint64_t>& groups, std::uint64_t mask) {
    const std::size_t count = groups.size();
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t inside = groups[i] & mask;
      if (inside != 0 && inside != groups[i]) {
        groups[i] &= ~mask;
        groups.push_back(inside);
      }
    }
  }

  // With everything else answered too: answers to questions that would not be shown do not count.
  bool fires_when_complete() {
    AnswerRecord settled = answers_;
    settle_in_place(knowledge_, settled);
    if (knowledge_.program.evaluate(rule_->root, settled, facts_.record, kQuiet) != Tri::yes) {
      return false;
    }
    const AnswerRecord complete = calmest_completion(knowledge_, facts_, flags_, answers_);
    tier_ = tier_with(knowledge_, facts_, flags_, complete);
    return tier_ >= rule_->tier &&
           knowledge_.program.evaluate(rule_->root, complete, facts_.record, kQuiet) == Tri::yes;
  }

  static constexpr FiredTiers kQuiet{};
  static constexpr std::size_t kMaxGroups = 4;

  const Knowledge& knowledge_;
  const Facts& facts_;
  const EvaluateFlags& flags_;
  Tier tier_ = Tier::self_care;
  const Rule* rule_ = nullptr;
  std::vector<int> open_;
  std::vector<std::vector<Candidate>> candidates_;  // of each open question
  AnswerRecord answers_;
  int steps_ = 0;
};

// Rules that hold in every completion, and rules that may hold in some.
struct Span {
  std::optional<Tier> certain;  // highest tier of a rule that is sure to fire
  bool benign_possible = false;
};

bool counts(const Rule& rule) {
  return rule.kind == Rule::Kind::rule || rule.kind == Rule::Kind::gap ||
         rule.kind == Rule::Kind::change;
}

Span span_of(const Knowledge& knowledge, const Verdicts& open) {
  Span span;
  const auto look = [&](const std::vector<Rule>& rules, const auto& values) {
    for (std::size_t i = 0; i < rules.size(); ++i) {
      if (counts(rules[i]) && values[i] == Tri::yes) {
        span.certain = std::max(span.certain.value_or(rules[i].tier), rules[i].tier);
      }
      span.benign_possible =
          span.benign_possible || (rules[i].tier == Tier::self_care && values[i] != Tri::no);
    }
  };
  look(knowledge.rules, open.rules);
  look(knowledge.gaps, open.gaps);
  return span;
}

Tier lowest_tier(const Knowledge& knowledge, const EvaluateFlags& flags, const Span& span) {
  Tier lowest = span.certain.value_or(span.benign_possible
                                          ? std::min(Tier::self_care, knowledge.nothing_matched)
                                          : knowledge.nothing_matched);
  return flags.free_text ? std::max(lowest, Tier::routine) : lowest;
}

// From the most urgent rule that may still fire downward, until one is shown to fire.
void find_highest(const Knowledge& knowledge, const Facts& facts, const EvaluateFlags& flags,
                  const Verdicts& open, TierBounds& bounds) {
  WitnessSearch search(knowledge, facts, flags);
  for (auto tier = kTiers.rbegin(); tier != kTiers.rend() && *tier > bounds.highest; ++tier) {
    bool undecided = false;
    for (std::size_t i = 0; i < knowledge.rules.size(); ++i) {
      const Rule& rule = knowledge.rules[i];
      if (rule.tier != *tier || rule.last || open.rules[i] != Tri::unknown) {
        continue;
      }
      const auto result = search.find(rule);
      if (result == WitnessSearch::Result::found) {
        bounds.highest = search.tier();
        bounds.highest_reached = true;
        return;
      }
      undecided = undecided || result == WitnessSearch::Result::undecided;
    }
    if (undecided) {
      bounds.highest = *tier;
      bounds.highest_reached = false;
      return;
    }
  }
}

// Where no rule is sure to fire, none may fire at all.
void consider_no_match(const Knowledge& knowledge, const Facts& facts, const EvaluateFlags& flags,
                       const Span& span, TierBounds& bounds) {
  if (span.certain || bounds.highest >= knowledge.nothing_matched) {
    return;
  }
  bounds.highest = knowledge.nothing_matched;
  bounds.highest_reached = false;
  for (int item = 0; item < static_cast<int>(knowledge.items.size()); ++item) {
    if (!is_question(knowledge.items[index_of(item)]) || !is_open(knowledge, facts.answers, item)) {
      continue;
    }
    for (const auto& candidate : candidates(knowledge, item)) {
      AnswerRecord tried = facts.answers;
      complete(knowledge, facts.answers, tried, item, candidate);
      tried = calmest_completion(knowledge, facts, flags, tried);
      if (tier_with(knowledge, facts, flags, tried) == bounds.highest) {
        bounds.highest_reached = true;
        return;
      }
    }
  }
}

// Leaves of the answers only what holds in every completion: what was ticked, in questions that are
// sure to apply. A rule that counts "not sure" as a finding is not sure to fire.
AnswerRecord without_doubts(const Knowledge& knowledge, const AnswerRecord& given) {
  AnswerRecord answers = given;
  for (std::size_t i = 0; i < knowledge.items.size(); ++i) {
    const Item& it = knowledge.items[i];
    if (in_doubt(knowledge, given, static_cast<int>(i))) {
      answers.state[i] = ItemState::not_asked;
      answers.chosen[i] = 0;
    } else if (answers.state[i] == ItemState::answered && (answers.chosen[i] & it.open()) != 0) {
      answers.state[i] = ItemState::invalid;
      answers.chosen[i] &= it.positive();
    }
  }
  return answers;
}

TierBounds bounds_of(const Knowledge& knowledge, const Facts& facts, const EvaluateFlags& flags) {
  EvaluateFlags open_flags = flags;
  open_flags.reading = Reading::open;
  Facts open_facts = facts;
  open_facts.answers = without_doubts(knowledge, facts.answers);
  Verdicts open;
  evaluate(knowledge, open_facts, open_flags, open);
  const Span span = span_of(knowledge, open);
  TierBounds bounds;
  bounds.lowest = lowest_tier(knowledge, flags, span);
  const Tier calm = tier_with(knowledge, facts, flags,
                              calmest_completion(knowledge, facts, flags, facts.answers));
  bounds.lowest_reached = calm == bounds.lowest;
  bounds.highest = std::max(bounds.lowest, calm);
  bounds.highest_reached = calm == bounds.highest;
  if (flags.changed == Tri::unknown && knowledge.change.rule >= 0) {
    const Tier changed = knowledge.gaps[index_of(knowledge.change.rule)].tier;
    bounds.highest_reached = bounds.highest_reached && changed <= bounds.highest;
    bounds.highest = std::max(bounds.highest, changed);
  }
  find_highest(knowledge, facts, flags, open, bounds);
  consider_no_match(knowledge, facts, flags, span, bounds);
  return bounds;
}

// Nothing could make them wider.
bool widest(const TierBounds& bounds) {
  return bounds.lowest == kTiers.front() && bounds.lowest_reached &&
         bounds.highest == kTiers.back() && bounds.highest_reached;
}

void widen(TierBounds& all, const TierBounds& one) {
  if (one.lowest < all.lowest || (one.lowest == all.lowest && one.lowest_reached)) {
    all.lowest = one.lowest;
    all.lowest_reached = one.lowest_reached;
  }
  if (one.highest > all.highest || (one.highest == all.highest && one.highest_reached)) {
    all.highest = one.highest;
    all.highest_reached = one.highest_reached;
  }
}

// ---- changes

using Answers = AnswerRecord;

struct Alternative {
  int item = 0;
  Candidate answer;
};

// Alternatives to what was said: another option; one option more; only one of those ticked; none;
// a number beyond a limit. "Not sure" is settled by each of them.
std::vector<Candidate> alternatives(const Knowledge& knowledge, const Answers& answers, int item) {
  const Item& it = knowledge.items[index_of(item)];
  if (is_numeric(it) || !it.repeats) {
    return candidates(knowledge, item);
  }
  std::vector<Candidate> out;
  const std::uint64_t chosen = answers.chosen[index_of(item)];
  const std::uint64_t said = chosen & it.positive();
  if (it.none != 0 && chosen != it.none) {
    out.push_back({it.none, std::nullopt});
  }
  for (std::uint64_t left = it.positive(); left != 0; left &= left - 1) {
    const std::uint64_t option = std::uint64_t{1} << std::countr_zero(left);
    const std::uint64_t wanted = (said & option) != 0 ? option : said | option;
    if (wanted != chosen) {
      out.push_back({wanted, std::nullopt});
    }
  }
  return out;
}

// The options that a change is about: those gained, or, when none are, the whole new answer.
std::uint64_t shown_options(const Item& item, const Answers& answers, const Candidate& answer,
                            int index) {
  if (!item.repeats) {
    return answer.chosen;
  }
  const std::uint64_t gained = answer.chosen & ~answers.chosen[index_of(index)];
  return gained != 0 ? gained : answer.chosen;
}

class ChangeSearch {
 public:
  ChangeSearch(const Knowledge& knowledge, const Facts& facts, const EvaluateFlags& flags,
               const Verdicts& verdicts)
      : knowledge_(knowledge), facts_(facts), flags_(flags), verdicts_(verdicts) {}

  std::vector<TierChange> run() {
    const auto deciding = deciding_items();
    singles(changeable(), {deciding.begin(), deciding.end()});
    if (!found(false) && verdicts_.tier > Tier::self_care) {
      pairs(deciding);
    }
    std::stable_sort(out_.begin(), out_.end(),
                     [&](const TierChange& a, const TierChange& b) { return rank(a) < rank(b); });
    if (out_.size() > kMaxChanges) {
      out_.resize(kMaxChanges);
    }
    return std::move(out_);
  }

 private:
  bool found(bool raises) const {
    return std::any_of(out_.begin(), out_.end(),
                       [&](const TierChange& change) { return change.raises == raises; });
  }

  // What lowers the tier first, then answers that are missing, then the rest; the most urgent
  // first.
  std::array<int, 3> rank(const TierChange& change) const {
    const int item = static_cast<int>(change.answers.front().item - knowledge_.items.data());
    const bool missing = is_open(knowledge_, facts_.answers, item);
    return {change.raises ? (missing ? 1 : 2) : 0,
            change.raises ? -static_cast<int>(change.tier) : static_cast<int>(change.tier), item};
  }

  std::vector<int> changeable() const {
    std::vector<int> items;
    for (int item = 0; item < static_cast<int>(knowledge_.items.size()); ++item) {
      const ItemState state = facts_.answers.state[index_of(item)];
      const Item& it = knowledge_.items[index_of(item)];
      if (is_question(it) && !it.context_only && state != ItemState::not_shown &&
          state != ItemState::not_asked) {
        items.push_back(item);
      }
    }
    return items;
  }

  // Questions that the fired rules of the present tier read.
  std::vector<int> deciding_items() const {
    std::set<int> deciding;
    const auto look = [&](const std::vector<Rule>& rules, const auto& values) {
      for (std::size_t i = 0; i < rules.size(); ++i) {
        if (values[i] == Tri::yes && rules[i].tier == verdicts_.tier && counts(rules[i]) &&
            rules[i].root >= 0) {
          add_items(rules[i], deciding);
        }
      }
    };
    look(knowledge_.rules, verdicts_.rules);
    look(knowledge_.gaps, verdicts_.gaps);
    if (deciding.empty()) {
      add_items_of_lower_rules(deciding);
    }
    std::vector<int> items;
    for (const int item : changeable()) {
      if (deciding.contains(item)) {
        items.push_back(item);
      }
    }
    return items;
  }

  // Where nothing fired, a lower tier needs one of its rules to fire, and its gate to be open.
  void add_items_of_lower_rules(std::set<int>& items) const {
    for (const Rule& rule : knowledge_.rules) {
      if (rule.tier < verdicts_.tier) {
        add_items(rule, items);
      }
    }
    if (knowledge_.benign_gate >= 0) {
      add_items(knowledge_.gaps[index_of(knowledge_.benign_gate)], items);
    }
  }

  void add_items(const Rule& rule, std::set<int>& items) const {
    const auto& ops = knowledge_.program.ops;
    const std::size_t root = knowledge_.program.roots[index_of(rule.root)];
    for (std::size_t at = root; at < ops[root].end; ++at) {
      if (ops[at].end == at + 1 && ops[at].kind != Kind::lab && ops[at].kind != Kind::fired_tier) {
        items.insert(ops[at].item);
      }
    }
  }

  std::optional<Tier> try_out(const Alternative& first, const Alternative* second) {
    if (++evaluations_ > kMaxEvaluations) {
      return std::nullopt;
    }
    Answers answers = facts_.answers;
    put(answers, first.item, first.answer);
    if (second != nullptr) {
      put(answers, second->item, second->answer);
    }
    const std::array anew{first.item, second != nullptr ? second->item : first.item};
    return tier_with(knowledge_, facts_, flags_, answers, anew);
  }

  // A question that no deciding rule reads can lower the tier only by hiding what was answered:
  // that is no answer to "what would have to be different".
  void singles(const std::vector<int>& items, const std::set<int>& deciding) {
    for (const int item : items) {
      for (const auto& answer : alternatives(knowledge_, facts_.raw, item)) {
        const Alternative change{item, answer};
        const auto tier = try_out(change, nullptr);
        if (tier &&
            (*tier > verdicts_.tier || (*tier < verdicts_.tier && deciding.contains(item)))) {
          add_single(change, *tier);
        }
      }
    }
  }

  AnswerChange shown_change(const Alternative& change) const {
    AnswerChange shown;
    shown.item = &knowledge_.items[index_of(change.item)];
    shown.any_of = shown_options(*shown.item, facts_.answers, change.answer, change.item);
    shown.number = change.answer.number;
    return shown;
  }

  // Options of one question that lead to the same tier are one change: any of them.
  void add_single(const Alternative& change, Tier tier) {
    const AnswerChange shown = shown_change(change);
    for (auto& known : out_) {
      if (known.tier == tier && known.answers.size() == 1 &&
          known.answers.front().item == shown.item) {
        known.answers.front().any_of |= shown.any_of;
        return;
      }
    }
    out_.push_back({tier, tier > verdicts_.tier, {shown}});
  }

  void pairs(const std::vector<int>& items) {
    std::map<std::pair<int, int>, TierChange> best;
    for (std::size_t i = 0; i < items.size(); ++i) {
      for (std::size_t j = i + 1; j < items.size(); ++j) {
        try_pair(items[i], items[j], best);
      }
    }
    for (auto& [key, change] : best) {
      out_.push_back(std::move(change));
    }
  }

  // The lowest tier that changing these two answers reaches, if any is lower.
  void try_pair(int a, int b, std::map<std::pair<int, int>, TierChange>& best) {
    for (const auto& first : alternatives(knowledge_, facts_.raw, a)) {
      for (const auto& second : alternatives(knowledge_, facts_.raw, b)) {
        const Alternative one{a, first};
        const Alternative two{b, second};
        const auto tier = try_out(one, &two);
        if (!tier || *tier >= verdicts_.tier) {
          continue;
        }
        const auto known = best.find({a, b});
        if (known == best.end() || *tier < known->second.tier) {
          best[{a, b}] = {*tier, false, {shown_change(one), shown_change(two)}};
        }
      }
    }
  }

  const Knowledge& knowledge_;
  const Facts& facts_;
  const EvaluateFlags& flags_;
  const Verdicts& verdicts_;
  std::vector<TierChange> out_;
  int evaluations_ = 0;
};

}  // namespace

std::vector<Candidate> candidates(const Knowledge& knowledge, int item) {
  const Item& it = knowledge.items[index_of(item)];
  if (is_numeric(it)) {
    return numeric_candidates(knowledge, item);
  }
  std::vector<Candidate> out;
  if (it.none != 0) {
    out.push_back({it.none, std::nullopt});
  }
  for (std::uint64_t left = it.positive(); left != 0; left &= left - 1) {
    out.push_back({std::uint64_t{1} << std::countr_zero(left), std::nullopt});
  }
  if (it.repeats) {
    out.push_back({it.positive(), std::nullopt});
  }
  return out;
}

TierBounds tier_bounds(const Knowledge& knowledge, const Facts& facts, const EvaluateFlags& flags,
                       const Verdicts&) {
  const int age = knowledge.bindings.age;
  const bool age_known =
      facts.answers.state[index_of(age)] == ItemState::answered || facts.record.age.has_value();
  if (age_known) {
    return bounds_of(knowledge, facts, flags);
  }
  // Age switches whole rules on and off: one case for each side of every limit.
  std::optional<TierBounds> all;
  for (const auto& candidate : candidates(knowledge, age)) {
    Facts of_age = facts;
    put(of_age.answers, age, candidate);
    put(of_age.raw, age, candidate);
    settle_in_place(knowledge, of_age.answers);
    const TierBounds one = bounds_of(knowledge, of_age, flags);
    if (all) {
      widen(*all, one);
    } else {
      all = one;
    }
    if (widest(*all)) {
      break;
    }
  }
  return all.value_or(TierBounds{});
}

std::vector<TierChange> tier_changes(const Knowledge& knowledge, const Facts& facts,
                                     const EvaluateFlags& flags, const Verdicts& verdicts) {
  return ChangeSearch(knowledge, facts, flags, verdicts).run();
}

}  // namespace myoflag::rules
