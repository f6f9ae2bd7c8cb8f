#include <algorithm>
#include <array>
#include <bit>
#include <bitset>
#include <map>
#include <set>

#include "rules/settle.h"
#include "rules/tryout.h"

namespace myoflag::rules {
namespace {

using Kind = Criterion::Kind;
constexpr std::size_t index_of(int value) { return static_cast<std::size_t>(value); }

struct Alternative {
  int item = 0;
  Candidate answer;
};

// Another option; where several can be ticked one option more, only one of those ticked, none.
std::vector<Candidate> other_options(const Item& item, std::uint64_t chosen) {
  std::vector<Candidate> out;
  const std::uint64_t said = chosen & item.positive();
  if (item.none != 0 && chosen != item.none) {
    out.push_back({item.none, std::nullopt});
  }
  for (std::uint64_t left = item.positive(); left != 0; left &= left - 1) {
    const std::uint64_t option = std::uint64_t{1} << std::countr_zero(left);
    const bool adds = item.repeats && (said & option) == 0;
    const std::uint64_t wanted = adds ? said | option : option;
    if (wanted != chosen) {
      out.push_back({wanted, std::nullopt});
    }
  }
  return out;
}

std::int64_t distance(Number a, Number b) { return a < b ? b.nano - a.nano : a.nano - b.nano; }

// A rule of a higher tier. None is reached before one of them fires.
struct Raiser {
  const Rule* rule = nullptr;
  std::bitset<kMaxItems> items;  // no other question can make it fire

  // Its criterion alone tells whether it fires.
  bool is_plain() const { return !rule->last && !rule->raw && rule->kind != Rule::Kind::change; }
};

// A fired rule of the present tier. No lower tier is reached before each of them is silent.
struct Holder {
  bool gap = false;
  std::size_t index = 0;
  std::bitset<kMaxItems> items;  // no other question can silence it
};

class ChangeSearch {
 public:
  ChangeSearch(const Situation& situation, const Verdicts& verdicts, Effort& effort)
      : knowledge_(situation.knowledge),
        facts_(situation.facts),
        verdicts_(verdicts),
        effort_(effort),
        tryout_(situation, effort) {}

  TierChanges run() {
    find_holders();
    const auto deciding = deciding_items();
    singles(changeable(), {deciding.begin(), deciding.end()});
    const bool lowers = std::any_of(out_.list.begin(), out_.list.end(),
                                    [](const TierChange& change) { return !change.raises; });
    if (!lowers && verdicts_.tier > kTiers.front()) {
      pairs(deciding);
    }
    std::stable_sort(out_.list.begin(), out_.list.end(),
                     [&](const TierChange& a, const TierChange& b) { return rank(a) < rank(b); });
    cut();
    return std::move(out_);
  }

 private:
  // What lowers the tier first, then answers that are missing, then the rest; the most urgent
  // first.
  std::array<int, 3> rank(const TierChange& change) const {
    const int item = static_cast<int>(change.answers.front().item - knowledge_.items.data());
    const bool missing = is_open(item);
    return {change.raises ? (missing ? 1 : 2) : 0,
            change.raises ? -static_cast<int>(change.tier) : static_cast<int>(change.tier), item};
  }

  // Of too many, the first of each tier stays in any case.
  void cut() {
    auto& list = out_.list;
    if (list.size() <= kMaxChanges) {
      return;
    }
    out_.complete = false;
    std::set<Tier> tiers;
    std::vector<TierChange> kept, rest;
    for (auto& change : list) {
      (tiers.insert(change.tier).second ? kept : rest).push_back(std::move(change));
    }
    for (std::size_t i = 0; kept.size() < kMaxChanges; ++i) {
      kept.push_back(std::move(rest[i]));
    }
    std::stable_sort(kept.begin(), kept.end(),
                     [&](const TierChange& a, const TierChange& b) { return rank(a) < rank(b); });
    list = std::move(kept);
  }

  std::vector<int> changeable() const {
    std::vector<int> items;
    for (int item = 0; item < static_cast<int>(knowledge_.items.size()); ++item) {
      const ItemState state = facts_.answers.state[index_of(item)];
      const Item& it = knowledge_.items[index_of(item)];
      if (it.is_question() && !it.context_only && state != ItemState::not_shown &&
          state != ItemState::not_asked) {
        items.push_back(item);
      }
    }
    return items;
  }

  void find_holders() {
    const auto look = [&](const std::vector<Rule>& rules, const auto& values, bool gap) {
      for (std::size_t i = 0; i < rules.size(); ++i) {
        if (!rules[i].raises() || rules[i].tier < verdicts_.tier) {
          continue;
        }
        if (rules[i].tier > verdicts_.tier) {
          raisers_.push_back({&rules[i], moving_items(rules[i])});
        } else if (values[i] == Tri::yes) {
          holders_.push_back({gap, i, moving_items(rules[i])});
        }
      }
    };
    look(knowledge_.rules, verdicts_.rules, false);
    look(knowledge_.gaps, verdicts_.gaps, true);
  }

  const Rule& rule_of(const Holder& holder) const {
    return (holder.gap ? knowledge_.gaps : knowledge_.rules)[holder.index];
  }

  // The only questions whose answers can change whether it fires: those that the rule reads, those
  // by which they are shown, and the age. What hangs on other rules may hang on any question.
  std::bitset<kMaxItems> moving_items(const Rule& rule) const {
    std::bitset<kMaxItems> items;
    if (rule.last) {
      return items.set();
    }
    std::set<int> read{knowledge_.bindings.age};
    add_items(rule, read);
    std::vector<int> left(read.begin(), read.end());
    while (!left.empty()) {
      const int item = left.back();
      left.pop_back();
      if (item < 0 || items[index_of(item)]) {
        continue;
      }
      items.set(index_of(item));
      const Item& it = knowledge_.items[index_of(item)];
      left.push_back(it.parent);
      for (const auto& when : it.enable) {
        left.push_back(when.item);
      }
    }
    return items;
  }

  bool can_silence(int item) const {
    return std::all_of(holders_.begin(), holders_.end(),
                       [&](const Holder& holder) { return holder.items[index_of(item)]; });
  }

  // False: with this answer no rule of a higher tier fires that another answer to it can move.
  bool may_raise(const Alternative& change) const {
    AnswerRecord answers = facts_.answers;
    put(answers, change.item, change.answer);
    settle_in_place(knowledge_, answers);
    return std::any_of(raisers_.begin(), raisers_.end(), [&](const Raiser& raiser) {
      return raiser.items[index_of(change.item)] &&
             (!raiser.is_plain() || knowledge_.program.evaluate(raiser.rule->root, answers,
                                                                facts_.record, {}) == Tri::yes);
    });
  }

  // Which of the holders do not fire by these verdicts.
  std::vector<bool> silenced(const Verdicts& verdicts) const {
    std::vector<bool> silent;
    for (const auto& holder : holders_) {
      silent.push_back((holder.gap ? verdicts.gaps : verdicts.rules)[holder.index] != Tri::yes);
    }
    return silent;
  }

  // Questions that the fired rules of the present tier read. A given age is what it is.
  std::vector<int> deciding_items() const {
    std::set<int> deciding;
    for (const auto& holder : holders_) {
      add_items(rule_of(holder), deciding);
    }
    if (deciding.empty()) {
      add_items_of_lower_rules(deciding);
    }
    if (!tryout_.is_open(facts_.answers, knowledge_.bindings.age)) {
      deciding.erase(knowledge_.bindings.age);
    }
    std::vector<int> items;
    for (const int item : changeable()) {
      if (deciding.contains(item)) {
        items.push_back(item);
      }
    }
    return items;
  }

  // Where nothing fired, a lower tier needs one of its rules to fire, its gate to be open, and no
  // danger to be left open.
  void add_items_of_lower_rules(std::set<int>& items) const {
    for (std::size_t i = 0; i < knowledge_.rules.size(); ++i) {
      if (knowledge_.rules[i].tier < verdicts_.tier || verdicts_.rules[i] == Tri::unknown) {
        add_items(knowledge_.rules[i], items);
      }
    }
    if (knowledge_.benign_gate >= 0) {
      add_items(knowledge_.gaps[index_of(knowledge_.benign_gate)], items);
    }
  }

  void add_items(const Rule& rule, std::set<int>& items) const {
    if (rule.kind == Rule::Kind::change) {
      items.insert(knowledge_.change.items.begin(), knowledge_.change.items.end());
      return;
    }
    const auto& ops = knowledge_.program.ops;
    const std::size_t root = knowledge_.program.roots[index_of(rule.root)];
    for (std::size_t at = root; at < ops[root].end; ++at) {
      if (ops[at].end == at + 1 && ops[at].kind != Kind::lab && ops[at].kind != Kind::fired_tier) {
        items.insert(ops[at].item);
      }
    }
  }

  bool is_open(int item) const { return tryout_.is_open(facts_.answers, item); }

  // Alternatives to what was said; of an open question, what it may yet turn out to be.
  std::vector<Candidate> alternatives(int item) {
    const Item& it = knowledge_.items[index_of(item)];
    if (it.is_numeric()) {
      return tryout_.candidates(item);
    }
    auto others = other_options(it, facts_.raw.chosen[index_of(item)]);
    return is_open(item) ? completions(item, others) : others;
  }

  // What was ticked beside "not sure" stays ticked, as in the bounds.
  std::vector<Candidate> completions(int item, const std::vector<Candidate>& others) const {
    std::vector<Candidate> out;
    for (const Candidate& other : others) {
      AnswerRecord answers = facts_.answers;
      tryout_.complete(answers, item, other);
      const std::uint64_t chosen = answers.chosen[index_of(item)];
      const bool known = std::any_of(out.begin(), out.end(),
                                     [&](const Candidate& one) { return one.chosen == chosen; });
      if (!known && (chosen & knowledge_.open_options(item)) == 0) {
        out.push_back({chosen, std::nullopt});
      }
    }
    return out;
  }

  std::optional<Verdicts> try_out(const Alternative& first, const Alternative* second) {
    if (!effort_.left()) {
      out_.complete = false;
      return std::nullopt;
    }
    AnswerRecord answers = facts_.answers;
    std::vector<int> anew;  // what completes an answer leaves a contradiction in it
    for (const Alternative* change : {&first, second}) {
      if (change != nullptr) {
        put(answers, change->item, change->answer);
        if (!is_open(change->item)) {
          anew.push_back(change->item);
        }
      }
    }
    return tryout_.verdicts_of(answers, anew);
  }

  // A question that no deciding rule reads can lower the tier only by hiding what was answered:
  // that is no answer to "what would have to be different".
  void singles(const std::vector<int>& items, const std::set<int>& deciding) {
    for (const int item : items) {
      const bool lowers = deciding.contains(item) || can_silence(item);
      const bool moves_raiser =
          std::any_of(raisers_.begin(), raisers_.end(),
                      [&](const Raiser& raiser) { return raiser.items[index_of(item)]; });
      if (!lowers && !moves_raiser) {
        continue;
      }
      for (const auto& answer : alternatives(item)) {
        const Alternative change{item, answer};
        if (!lowers && !may_raise(change)) {
          continue;
        }
        const auto verdicts = try_out(change, nullptr);
        if (!verdicts) {
          return;
        }
        const Tier tier = verdicts->tier;
        if (tier > verdicts_.tier || (tier < verdicts_.tier && deciding.contains(item))) {
          add_single(change, tier);
        }
        if (deciding.contains(item)) {
          tried_[item].push_back({answer, silenced(*verdicts)});
        }
      }
    }
  }

  // The options that a change is about: those gained, or, when none are, the whole new answer.
  AnswerChange shown_change(const Alternative& change) const {
    AnswerChange shown;
    shown.item = &knowledge_.items[index_of(change.item)];
    shown.number = change.answer.number;
    const std::uint64_t gained =
        change.answer.chosen & ~facts_.answers.chosen[index_of(change.item)];
    shown.any_of = shown.item->repeats && gained != 0 ? gained : change.answer.chosen;
    return shown;
  }

  // Options of one question that lead to the same tier are one change: any of them; of numbers the
  // one nearest to what was said.
  void add_single(const Alternative& change, Tier tier) {
    const AnswerChange shown = shown_change(change);
    for (auto& known : out_.list) {
      if (known.tier != tier || known.answers.size() != 1 ||
          known.answers.front().item != shown.item) {
        continue;
      }
      AnswerChange& same = known.answers.front();
      same.any_of |= shown.any_of;
      if (shown.number && is_nearer(change.item, *shown.number, *same.number)) {
        same.number = shown.number;
      }
      return;
    }
    out_.list.push_back({tier, tier > verdicts_.tier, {shown}});
  }

  bool is_nearer(int item, Number number, Number than) const {
    const Number said = facts_.answers.number[index_of(item)];
    return facts_.answers.state[index_of(item)] == ItemState::answered &&
           distance(number, said) < distance(than, said);
  }

  void pairs(const std::vector<int>& items) {
    std::map<std::pair<int, int>, TierChange> best;
    for (std::size_t i = 0; i < items.size(); ++i) {
      for (std::size_t j = i + 1; j < items.size(); ++j) {
        try_pair(items[i], items[j], best);
      }
    }
    for (auto& [key, change] : best) {
      out_.list.push_back(std::move(change));
    }
  }

  // One answer tried alone.
  struct Tried {
    Candidate answer;
    std::vector<bool> silenced;  // of the holders
  };

  // What only one of the two questions can silence, its answer silenced alone.
  bool may_lower(int a, const Tried& first, int b, const Tried& second) const {
    for (std::size_t i = 0; i < holders_.size(); ++i) {
      const bool by_a = holders_[i].items[index_of(a)];
      const bool by_b = holders_[i].items[index_of(b)];
      const bool silent = by_a ? by_b || first.silenced[i] : by_b && second.silenced[i];
      if (!silent) {
        return false;
      }
    }
    return true;
  }

  // The lowest tier that changing these two answers reaches, if any is lower.
  void try_pair(int a, int b, std::map<std::pair<int, int>, TierChange>& best) {
    for (const auto& first : tried_[a]) {
      for (const auto& second : tried_[b]) {
        if (!may_lower(a, first, b, second)) {
          continue;
        }
        const Alternative one{a, first.answer};
        const Alternative two{b, second.answer};
        const auto verdicts = try_out(one, &two);
        if (!verdicts || verdicts->tier >= verdicts_.tier) {
          continue;
        }
        const auto known = best.find({a, b});
        if (known == best.end() || verdicts->tier < known->second.tier) {
          best[{a, b}] = {verdicts->tier, false, {shown_change(one), shown_change(two)}};
        }
      }
    }
  }

  const Knowledge& knowledge_;
  const Facts& facts_;
  const Verdicts& verdicts_;
  Effort& effort_;
  Tryout tryout_;
  std::vector<Holder> holders_;
  std::vector<Raiser> raisers_;
  std::map<int, std::vector<Tried>> tried_;  // of the deciding questions
  TierChanges out_;
};

}  // namespace

TierChanges tier_changes(const Situation& situation, const Verdicts& verdicts, Effort& effort) {
  return ChangeSearch(situation, verdicts, effort).run();
}

}  // namespace myoflag::rules
