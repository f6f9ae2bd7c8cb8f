#include "rules/satisfiable.h"

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "rules/settle.h"

namespace myoflag::rules {
namespace {

using Kind = Criterion::Kind;
using TriSet = unsigned;  // bit of each value of Tri
constexpr TriSet kAnything = 7;
constexpr std::size_t kMaxCandidates = 2048;    // of one variable
constexpr std::size_t kMaxCombinations = 8192;  // looked at for one leaf
// What these cost beside looking at a part, as measured.
constexpr std::int64_t kCollecting = 16, kEvaluating = 8;

constexpr TriSet bit_of(Tri value) { return 1U << static_cast<unsigned>(value); }

// What one variable may be.
struct Value {
  ItemState state = ItemState::answered;
  std::uint64_t chosen = 0;
  std::optional<Number> number;
  bool known = false;  // of the record: it says something
  Tri fired = Tri::no;
};

struct Variable {
  enum class Kind { answer, record, record_age, lab, fired };
  Kind kind = Kind::answer;
  std::size_t index = 0;  // item, lab, tier
  std::vector<Value> values;
  bool all_listed = true;  // otherwise nothing may be concluded from finding none
};

struct Leaf {
  std::size_t op = 0;
  std::vector<std::size_t> variables;
};

TriSet join(TriSet a, TriSet b, bool any) {
  TriSet out = 0;
  for (unsigned x = 0; x < 3; ++x) {
    for (unsigned y = 0; y < 3; ++y) {
      if (((a >> x) & 1U) != 0 && ((b >> y) & 1U) != 0) {
        out |= 1U << (any ? std::max(x, y) : std::min(x, y));
      }
    }
  }
  return out;
}

TriSet negated(TriSet a) {
  TriSet out = (a & bit_of(Tri::no)) != 0 ? bit_of(Tri::yes) : 0;
  return (a & ~bit_of(Tri::no)) != 0 ? out | bit_of(Tri::no) : out;
}

bool reads_item(Kind kind) {
  return kind != Kind::all && kind != Kind::any && kind != Kind::is_false && kind != Kind::sum &&
         kind != Kind::lab && kind != Kind::fired_tier;
}

// A limit and its neighbours stand for all numbers of the record.
std::set<std::int64_t> around(const std::set<std::int64_t>& limits, std::int64_t step) {
  std::set<std::int64_t> out;
  for (const std::int64_t limit : limits) {
    out.insert({limit - step, limit, limit + step});
  }
  return out;
}

std::int64_t floor_to(std::int64_t number, std::int64_t step) {
  const std::int64_t rest = number % step;
  return number - (rest < 0 ? rest + step : rest);
}

std::int64_t middle(std::int64_t a, std::int64_t b) { return a + (b - a) / 2; }

class Search {
 public:
  Search(const Knowledge& knowledge, const SatisfiableQuery& query)
      : knowledge_(knowledge), query_(query) {
    if (query.fixed != nullptr) {
      answers_ = *query.fixed;
    }
    if (query.record != nullptr) {
      record_ = *query.record;
    }
    if (query.fired != nullptr) {
      fired_ = *query.fired;
    }
    record_.fetched = record_.fetched || query.record == nullptr;
    collect();
  }

  Satisfiable run() {
    Satisfiable result;
    for (auto& leaf : leaves_) {
      leaf_values_[leaf.op] = values_of(leaf);
    }
    const bool found = wanted_possible() && choose(0);
    if (found) {
      result.possibility = Possibility::possible;
      result.answers = answers_;
      result.record = record_;
      result.fired = fired_;
      settle_rest(result.answers);
    } else if (!out_of_steps_ && all_listed()) {
      result.possibility = Possibility::impossible;
    }
    result.evaluations = evaluations_;
    result.work = looked_at_ + kEvaluating * evaluations_;
    return result;
  }

 private:
  const Item& item(std::size_t index) const { return knowledge_.items[index]; }
  const std::vector<Op>& ops() const { return knowledge_.program.ops; }

  std::size_t root_of(const WantedValue& wanted) const {
    return wanted.part ? *wanted.part
                       : knowledge_.program.roots[static_cast<std::size_t>(wanted.root)];
  }

  bool all_listed() const {
    return std::all_of(variables_.begin(), variables_.end(),
                       [](const Variable& v) { return v.all_listed; });
  }

  // ---- what matters
  // -----------------------------------------------------------------------------------------

  void collect() {
    std::set<std::size_t> items;
    for (const auto& wanted : query_.wanted) {
      const std::size_t root = root_of(wanted);
      size_ += static_cast<std::int64_t>(ops()[root].end - root);
      for (std::size_t at = root; at < ops()[root].end; ++at) {
        collect_op(at, items);
      }
    }
    if (query_.adult) {
      const auto age = static_cast<std::size_t>(knowledge_.bindings.age);
      limits_[age].insert(whole(knowledge_.adult_age).nano);
      add_item(age, items);
    }
    // In the order of the form: whether a question is shown is settled by those before it.
    for (const std::size_t index : items) {
      add_answer_variable(index);
    }
    for (const std::size_t index : record_items_) {
      add_record_variable(index);
    }
    if (reads_age_ && query_.record == nullptr) {
      add_age_variable();
    }
    for (const auto& [lab, limits] : lab_limits_) {
      add_lab_variable(lab, limits);
    }
    for (std::size_t tier = 0; query_.fired == nullptr && tier < kTiers.size(); ++tier) {
      if (((tiers_ >> tier) & 1U) != 0) {
        variables_.push_back({Variable::Kind::fired, tier, {}, true});
        for (const Tri value : {Tri::no, Tri::yes, Tri::unknown}) {
          Value each;
          each.fired = value;
          variables_.back().values.push_back(each);
        }
      }
    }
    add_leaves();
    looked_at_ = kCollecting * size_;
  }

  void collect_op(std::size_t at, std::set<std::size_t>& items) {
    const Op& op = ops()[at];
    if (reads_item(op.kind)) {
      add_item(op.item, items);
      note_masks(op);
    }
    if (op.kind == Kind::lab) {
      lab_limits_[op.item].insert(op.limit.nano);
    }
    if (op.kind == Kind::fired_tier) {
      tiers_ |= op.mask;
    }
    reads_age_ = reads_age_ || op.kind == Kind::age;
    if (query_.record == nullptr &&
        (op.kind == Kind::med || op.kind == Kind::cond || op.kind == Kind::is)) {
      record_items_.insert(op.item);
    }
  }

  void note_masks(const Op& op) {
    if (op.kind == Kind::number || op.kind == Kind::age) {
      const Item& it = item(op.item);
      if (it.is_numeric()) {
        limits_[op.item].insert(op.limit.nano);
        return;
      }
      // Below a sum: every option has a score of its own.
      for (std::size_t i = 0; i < it.options.size(); ++i) {
        masks_[op.item].insert(std::uint64_t{1} << i);
      }
      return;
    }
    masks_[op.item].insert({op.mask, op.open, op.could_be});
    if (op.kind == Kind::count) {
      const auto limit = std::max<std::int64_t>(op.limit.nano / whole(1).nano + 1, 1);
      counted_[op.item] =
          std::max(counted_[op.item], static_cast<std::size_t>(std::min<std::int64_t>(limit, 64)));
    }
  }

  // The question, and those that decide whether it is shown.
  void add_item(std::size_t index, std::set<std::size_t>& items) {
    if (!items.insert(index).second) {
      return;
    }
    for (int at = static_cast<int>(index); at >= 0;
         at = item(static_cast<std::size_t>(at)).parent) {
      for (const auto& when : item(static_cast<std::size_t>(at)).enable) {
        const auto source = static_cast<std::size_t>(when.item);
        if (item(source).is_numeric()) {
          limits_[source].insert(when.limit.nano);
        } else {
          masks_[source].insert(when.options);
        }
        add_item(source, items);
      }
    }
  }

  // ---- what each variable may be
  // ----------------------------------------------------------------------------

  // Options that no mask tells apart are one class; of each class only how many are chosen matters.
  std::vector<std::uint64_t> classes_of(std::size_t index) const {
    std::map<std::vector<bool>, std::uint64_t> classes;
    std::set<std::uint64_t> masks{item(index).none, item(index).open(), open(index)};
    if (const auto own = masks_.find(index); own != masks_.end()) {
      masks.insert(own->second.begin(), own->second.end());
    }
    for (std::size_t i = 0; i < item(index).options.size(); ++i) {
      std::vector<bool> signature;
      for (const std::uint64_t mask : masks) {
        signature.push_back(((mask >> i) & 1U) != 0);
      }
      classes[signature] |= std::uint64_t{1} << i;
    }
    std::vector<std::uint64_t> out;
    for (const auto& [signature, options] : classes) {
      out.push_back(options);
    }
    return out;
  }

  static std::uint64_t lowest(std::uint64_t options, std::size_t count) {
    std::uint64_t out = 0;
    for (; count > 0 && options != 0; --count) {
      out |= options & (~options + 1);
      options &= options - 1;
    }
    return out;
  }

  // Every set of options that the criteria can tell from the others.
  std::set<std::uint64_t> option_sets(std::size_t index, bool repeats, bool& all_listed) const {
    std::set<std::uint64_t> sets{0};
    const auto counted = counted_.find(index);
    const std::size_t most = counted == counted_.end() ? 1 : counted->second;
    for (const std::uint64_t options : classes_of(index)) {
      std::set<std::uint64_t> next;
      for (const std::uint64_t set : sets) {
        next.insert(set);
        const auto size = static_cast<std::size_t>(std::popcount(options));
        // One more than is counted, or all of the class: `only` and `isNone` see no difference
        // beyond one.
        for (std::size_t n = 1; n <= std::min(size, repeats ? most : 1); ++n) {
          if (repeats || set == 0) {
            next.insert(set | lowest(options, n));
          }
        }
      }
      if (next.size() > kMaxCandidates) {
        all_listed = false;
        return sets;
      }
      sets = std::move(next);
    }
    return sets;
  }

  bool is_fixed(std::size_t index) const {
    return query_.fixed != nullptr && query_.fixed->state[index] == ItemState::answered &&
           (query_.fixed->chosen[index] & open(index)) == 0;
  }

  // Answers that leave the question open, which it must not stay.
  std::uint64_t open(std::size_t index) const {
    return query_.may_stay_open ? item(index).open()
                                : knowledge_.open_options(static_cast<int>(index));
  }

  // What stays chosen, whatever is chosen beside it.
  std::uint64_t kept(std::size_t index) const {
    const Item& it = item(index);
    if (query_.fixed == nullptr || !it.repeats) {
      return 0;
    }
    const std::uint64_t ticked = query_.fixed->chosen[index] & it.positive() & ~open(index);
    const std::uint64_t none = query_.raw ? query_.fixed->chosen[index] & it.none : 0;
    return ticked == 0 ? 0 : ticked | none;
  }

  std::uint64_t settled(std::size_t index, std::uint64_t chosen) const {
    const Item& it = item(index);
    const bool contradicts = (chosen & it.positive()) != 0 && (chosen & it.none) != 0;
    const bool may = query_.raw && (query_.fixed == nullptr || (kept(index) & it.none) != 0);
    return contradicts && !may ? chosen & ~it.none : chosen;
  }

  void add_answer_variable(std::size_t index) {
    const Item& it = item(index);
    Variable variable{Variable::Kind::answer, index, {}, true};
    if (is_fixed(index)) {
      Value value;
      value.chosen = query_.fixed->chosen[index];
      value.number = query_.fixed->number[index];
      variable.values.push_back(value);
    } else if (it.type == ItemType::choice) {
      add_choices(variable, it);
    } else if (it.is_numeric()) {
      add_numbers(variable, it);
    } else {
      variable.values.emplace_back();
    }
    const bool free_text = it.type == ItemType::text;
    if (!is_fixed(index) && (query_.may_stay_open || free_text)) {
      Value skipped;
      skipped.state = ItemState::skipped;
      variable.values.push_back(skipped);
    }
    answer_variables_[index] = variables_.size();
    variables_.push_back(std::move(variable));
  }

  void add_choices(Variable& variable, const Item& it) {
    const std::size_t index = variable.index;
    std::set<std::uint64_t> seen;
    for (const std::uint64_t set : option_sets(index, it.repeats, variable.all_listed)) {
      const std::uint64_t chosen = settled(index, set | kept(index));
      const bool clear = (chosen & open(index)) == 0;
      if (chosen != 0 && (clear || query_.may_stay_open) && seen.insert(chosen).second) {
        Value value;
        value.chosen = chosen;
        variable.values.push_back(value);
      }
    }
  }

  void add_numbers(Variable& variable, const Item& it) {
    for (const Number number : telling_numbers(it, limits_[variable.index])) {
      if (may_be_age(variable.index, number)) {
        Value value;
        value.number = number;
        variable.values.push_back(value);
      }
    }
  }

  bool may_be_age(std::size_t index, Number number) const {
    const Number adult = whole(knowledge_.adult_age);
    return !query_.adult || static_cast<int>(index) != knowledge_.bindings.age || number >= adult ||
           query_.record->age.value_or(Number{}) >= adult;
  }

  void add_record_variable(std::size_t index) {
    Variable variable{Variable::Kind::record, index, {}, true};
    variable.values.emplace_back();
    for (const std::uint64_t set : option_sets(index, item(index).repeats, variable.all_listed)) {
      Value value;
      value.chosen = set;
      value.known = true;
      variable.values.push_back(value);
    }
    record_variables_[index] = variables_.size();
    variables_.push_back(std::move(variable));
  }

  void add_age_variable() {
    Variable variable{Variable::Kind::record_age, 0, {}, true};
    variable.values.emplace_back();
    for (const std::int64_t number :
         around(limits_[static_cast<std::size_t>(knowledge_.bindings.age)], whole(1).nano)) {
      Value value;
      value.number = Number{number};
      variable.values.push_back(value);
    }
    age_variable_ = variables_.size();
    variables_.push_back(std::move(variable));
  }

  void add_lab_variable(std::size_t lab, const std::set<std::int64_t>& limits) {
    if (query_.record != nullptr) {
      return;
    }
    Variable variable{Variable::Kind::lab, lab, {}, true};
    variable.values.emplace_back();
    for (const std::int64_t number : around(limits, 1)) {
      Value value;
      value.number = Number{number};
      variable.values.push_back(value);
    }
    lab_variables_[lab] = variables_.size();
    variables_.push_back(std::move(variable));
  }

  // ---- the parts of the criteria that read variables
  // --------------------------------------------------------

  void add_leaves() {
    leaf_values_.resize(ops().size(), kAnything);
    leaves_of_.resize(variables_.size());
    for (const auto& wanted : query_.wanted) {
      const std::size_t root = root_of(wanted);
      for (std::size_t at = root; at < ops()[root].end;) {
        const Kind kind = ops()[at].kind;
        if (kind == Kind::all || kind == Kind::any || kind == Kind::is_false) {
          ++at;
          continue;
        }
        add_leaf(at);
        at = ops()[at].end;
      }
    }
  }

  void add_leaf(std::size_t at) {
    Leaf leaf{at, {}};
    const auto add = [&](const auto& map, std::size_t key) {
      if (const auto found = map.find(key); found != map.end()) {
        leaf.variables.push_back(found->second);
      }
    };
    for (std::size_t part = at; part < ops()[at].end; ++part) {
      const Op& op = ops()[part];
      if (reads_item(op.kind)) {
        add(answer_variables_, op.item);
      }
      if (op.kind == Kind::med || op.kind == Kind::cond || op.kind == Kind::is) {
        add(record_variables_, op.item);
      }
      if (op.kind == Kind::lab) {
        add(lab_variables_, op.item);
      }
      if (op.kind == Kind::age && age_variable_) {
        leaf.variables.push_back(*age_variable_);
      }
    }
    for (std::size_t i = 0; ops()[at].kind == Kind::fired_tier && i < variables_.size(); ++i) {
      const Variable& variable = variables_[i];
      if (variable.kind == Variable::Kind::fired &&
          ((ops()[at].mask >> variable.index) & 1U) != 0) {
        leaf.variables.push_back(i);
      }
    }
    for (const std::size_t variable : leaf.variables) {
      leaves_of_[variable].push_back(leaves_.size());
    }
    leaves_.push_back(std::move(leaf));
  }

  // ---- values of leaves and criteria
  // ------------------------------------------------------------------------

  void put(std::size_t variable_index, const Value& value) {
    const Variable& variable = variables_[variable_index];
    switch (variable.kind) {
      case Variable::Kind::answer:
        answers_.state[variable.index] = value.state;
        answers_.chosen[variable.index] = value.chosen;
        answers_.number[variable.index] = value.number.value_or(Number{});
        break;
      case Variable::Kind::record:
        record_.chosen[variable.index] = value.chosen;
        record_.known[variable.index] = value.known;
        break;
      case Variable::Kind::record_age:
        record_.age = value.number;
        break;
      case Variable::Kind::lab:
        record_.labs[variable.index].state = value.number ? LabState::known : LabState::none;
        record_.labs[variable.index].value = value.number.value_or(Number{});
        record_.labs[variable.index].age_days = 0;
        break;
      case Variable::Kind::fired:
        fired_[variable.index] = value.fired;
        break;
    }
  }

  bool is_assigned(std::size_t variable) const { return variable < assigned_; }

  // Every value the leaf can take over what its open variables may be; more than that where there
  // are too many.
  TriSet values_of(const Leaf& leaf) {
    std::size_t combinations = 1;
    for (const std::size_t variable : leaf.variables) {
      combinations *= is_assigned(variable) ? 1 : variables_[variable].values.size() + 2;
      if (combinations > kMaxCombinations) {
        return kAnything;
      }
    }
    TriSet out = 0;
    values_over(leaf, 0, out);
    return out;
  }

  void values_over(const Leaf& leaf, std::size_t position, TriSet& out) {
    if (out == kAnything) {
      return;
    }
    if (position == leaf.variables.size()) {
      ++evaluations_;
      out |= bit_of(knowledge_.program.evaluate_at(leaf.op, answers_, record_, fired_));
      return;
    }
    const std::size_t variable = leaf.variables[position];
    if (is_assigned(variable)) {
      values_over(leaf, position + 1, out);
      return;
    }
    for (const Value& value : variables_[variable].values) {
      put(variable, value);
      values_over(leaf, position + 1, out);
    }
    if (variables_[variable].kind == Variable::Kind::answer) {
      for (const ItemState state : {ItemState::not_shown, ItemState::not_asked}) {
        Value value;
        value.state = state;
        put(variable, value);
        values_over(leaf, position + 1, out);
      }
    }
  }

  TriSet value_at(std::size_t at) const {
    const Op& op = ops()[at];
    switch (op.kind) {
      case Kind::is_false:
        return negated(value_at(at + 1));
      case Kind::all:
      case Kind::any: {
        const bool any = op.kind == Kind::any;
        TriSet value = bit_of(any ? Tri::no : Tri::yes);
        for (std::size_t child = at + 1; child < op.end; child = ops()[child].end) {
          value = join(value, value_at(child), any);
        }
        return value;
      }
      default:
        return leaf_values_[at];
    }
  }

  bool wanted_possible() {
    looked_at_ += size_;
    return std::all_of(query_.wanted.begin(), query_.wanted.end(), [&](const WantedValue& wanted) {
      return (value_at(root_of(wanted)) & bit_of(wanted.value)) != 0;
    });
  }

  // ---- the search
  // -------------------------------------------------------------------------------------------

  Tri visible(std::size_t index) const {
    Tri value = Tri::yes;
    for (int at = static_cast<int>(index); at >= 0;
         at = item(static_cast<std::size_t>(at)).parent) {
      value = value && shown(knowledge_, item(static_cast<std::size_t>(at)), answers_);
    }
    return value;
  }

  std::vector<Value> values_now(std::size_t variable_index) const {
    const Variable& variable = variables_[variable_index];
    if (variable.kind != Variable::Kind::answer) {
      return variable.values;
    }
    Value unseen;
    switch (visible(variable.index)) {
      case Tri::yes:
        return variable.values;
      case Tri::no:
        unseen.state = ItemState::not_shown;
        return {unseen};
      case Tri::unknown:
        break;
    }
    // Not asked, but an answer that was given all the same stays.
    std::vector<Value> values = variable.values;
    if (!is_fixed(variable.index)) {
      unseen.state = ItemState::not_asked;
      std::erase_if(values, [](const Value& v) { return v.state == ItemState::skipped; });
      values.push_back(unseen);
    }
    return values;
  }

  bool choose(std::size_t variable) {
    if (variable == variables_.size()) {
      return true;
    }
    std::vector<TriSet> before;
    for (const std::size_t leaf : leaves_of_[variable]) {
      before.push_back(leaf_values_[leaves_[leaf].op]);
    }
    assigned_ = variable + 1;
    for (const Value& value : values_now(variable)) {
      if (++steps_ > query_.max_steps || evaluations_ > query_.max_evaluations) {
        out_of_steps_ = true;
        break;
      }
      put(variable, value);
      for (const std::size_t leaf : leaves_of_[variable]) {
        leaf_values_[leaves_[leaf].op] = values_of(leaves_[leaf]);
      }
      // Looking at open variables has written over them; the assigned ones stay.
      if (wanted_possible() && choose(variable + 1)) {
        return true;
      }
      assigned_ = variable + 1;
      if (out_of_steps_) {
        break;
      }
    }
    assigned_ = variable;
    for (std::size_t i = 0; i < before.size(); ++i) {
      leaf_values_[leaves_[leaves_of_[variable][i]].op] = before[i];
    }
    return false;
  }

  // Questions outside the search keep what they have; what is shown is decided once more over the
  // whole form.
  void settle_rest(AnswerRecord& answers) const {
    AnswerRecord whole_form = answers;
    settle_in_place(knowledge_, whole_form);
    for (std::size_t i = 0; i < knowledge_.items.size(); ++i) {
      if (!answer_variables_.contains(i)) {
        answers.state[i] = whole_form.state[i];
        answers.chosen[i] = whole_form.chosen[i];
      }
    }
  }

  const Knowledge& knowledge_;
  const SatisfiableQuery& query_;
  AnswerRecord answers_;
  RecordFacts record_;
  FiredTiers fired_{};

  std::map<std::size_t, std::set<std::uint64_t>> masks_;
  std::map<std::size_t, std::set<std::int64_t>> limits_;
  std::map<std::size_t, std::size_t> counted_;
  std::map<std::size_t, std::set<std::int64_t>> lab_limits_;
  std::set<std::size_t> record_items_;
  std::uint64_t tiers_ = 0;
  bool reads_age_ = false;

  std::vector<Variable> variables_;
  std::map<std::size_t, std::size_t> answer_variables_, record_variables_, lab_variables_;
  std::optional<std::size_t> age_variable_;
  std::vector<Leaf> leaves_;
  std::vector<std::vector<std::size_t>> leaves_of_;  // by variable
  std::vector<TriSet> leaf_values_;                  // by op
  std::size_t assigned_ = 0;
  int steps_ = 0;
  int evaluations_ = 0;
  std::int64_t size_ = 0;       // of the criteria, in parts
  std::int64_t looked_at_ = 0;  // parts of the criteria, again and again
  bool out_of_steps_ = false;
};

}  // namespace

std::vector<Number> telling_numbers(const Item& item, const std::set<std::int64_t>& limits) {
  const std::int64_t one = whole(1).nano;
  const bool only_whole = item.type == ItemType::integer;
  std::set<std::int64_t> numbers;
  const auto add = [&](std::int64_t number) {
    const bool in_range =
        (!item.min || number >= item.min->nano) && (!item.max || number <= item.max->nano);
    if (in_range && (!only_whole || number % one == 0)) {
      numbers.insert(number);
    }
  };
  for (auto limit = limits.begin(); limit != limits.end(); ++limit) {
    const auto next = std::next(limit);
    const std::int64_t below = only_whole ? floor_to(*limit - 1, one) : *limit - one;
    const std::int64_t above = only_whole ? floor_to(*limit, one) + one : *limit + one;
    const bool room_below = limit == limits.begin() || *std::prev(limit) < below;
    const bool room_above = next == limits.end() || above < *next;
    add(*limit);
    add(room_below ? below : middle(*std::prev(limit), *limit));
    add(room_above ? above : middle(*limit, *next));
  }
  for (const auto& bound : {item.min, item.max}) {
    if (bound) {
      add(bound->nano);
    }
  }
  if (numbers.empty()) {
    numbers.insert(item.min.value_or(item.max.value_or(Number{})).nano);
  }
  std::vector<Number> out;
  for (const std::int64_t number : numbers) {
    out.push_back({number});
  }
  return out;
}

Satisfiable satisfiable(const Knowledge& knowledge, const SatisfiableQuery& query) {
  return Search(knowledge, query).run();
}

}  // namespace myoflag::rules
