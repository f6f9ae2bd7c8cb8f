#include "rules/tape.h"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <tuple>

#include "rules/knowledge.h"

namespace myoflag::rules {
namespace {

using Kind = Criterion::Kind;

// Equal parts have equal keys; children are named by their value.
struct Key {
  Kind kind = Kind::all;
  Compare compare = Compare::at_least;
  bool benign = false;  // of age
  std::uint16_t item = 0;
  std::uint64_t mask = 0, open = 0, could_be = 0;
  std::int64_t limit = 0;
  std::int32_t max_age = 0;  // of lab
  std::uint32_t sum = 0;     // the parts of a sum stand behind it; its place names it
  std::vector<std::uint32_t> children;

  auto operator<=>(const Key&) const = default;
};

// First pass: numbers of distinct parts, in the order met. Second pass: places by form.
class Builder {
 public:
  explicit Builder(const Knowledge& knowledge) : knowledge_(knowledge) {}

  Tape build() {
    for (const auto& item : knowledge_.items) {
      tape_.open_of_item.push_back(item.open());
    }
    std::vector<std::uint32_t> roots;
    for (const std::uint32_t root : knowledge_.program.roots) {
      roots.push_back(part(root));
    }
    place_leaves();
    expand_joins();
    tape_.early = place_joins(false);
    tape_.late = place_joins(true);
    if (tape_.size() > kMaxTape) {
      throw std::logic_error("the loader bounds the number of criterion parts");
    }
    for (const std::uint32_t root : roots) {
      tape_.roots.push_back(place_[value_of_[root]]);
    }
    return std::move(tape_);
  }

 private:
  struct Part {
    std::uint32_t op = 0;  // of leaves
    Kind kind = Kind::all;
    std::vector<std::uint32_t> children;
    bool late = false;  // depends on fired tiers
  };

  const Op& op(std::uint32_t at) const { return knowledge_.program.ops[at]; }

  std::uint32_t part(std::uint32_t at) {
    Part made;
    made.op = at;
    made.kind = op(at).kind;
    made.late = made.kind == Kind::fired_tier;
    const bool joins =
        made.kind == Kind::all || made.kind == Kind::any || made.kind == Kind::is_false;
    for (std::uint32_t child = at + 1; joins && child < op(at).end; child = op(child).end) {
      made.children.push_back(part(child));
      made.late = made.late || parts_[made.children.back()].late;
    }
    if (made.kind != Kind::is_false && made.children.size() == 1) {
      return made.children.front();
    }
    const auto [known, fresh] =
        numbers_.try_emplace(key(at, made), static_cast<std::uint32_t>(parts_.size()));
    if (fresh) {
      parts_.push_back(std::move(made));
    }
    return known->second;
  }

  Key key(std::uint32_t at, const Part& made) const {
    const Op& o = op(at);
    Key key{made.kind,  o.compare,    false, o.item, o.mask,       o.open,
            o.could_be, o.limit.nano, 0,     0,      made.children};
    key.benign = made.kind == Kind::age && o.benign;
    key.max_age = made.kind == Kind::lab ? o.max_age : 0;
    key.sum = made.kind == Kind::sum ? at : 0;
    return key;
  }

  void place_leaves() {
    place_.assign(parts_.size(), 0);
    const auto place = [&](auto wanted, auto add) {
      for (std::uint32_t i = 0; i < parts_.size(); ++i) {
        if (parts_[i].children.empty() && wanted(parts_[i].kind)) {
          place_[i] = next_++;
          add(parts_[i].op);
        }
      }
    };
    const auto is = [](auto... kinds) { return [=](Kind k) { return ((k == kinds) || ...); }; };
    const auto into = [&](std::vector<Tape::Leaf>& list) {
      return [&](std::uint32_t at) { list.push_back({op(at).mask, op(at).open, op(at).item}); };
    };
    place(is(Kind::any_of), into(tape_.any_of));
    place(is(Kind::med, Kind::cond), into(tape_.with_record));
    place(is(Kind::is_none), into(tape_.is_none));
    place(is(Kind::answered), into(tape_.answered));
    place(is(Kind::unsure), into(tape_.unsure));
    place(is(Kind::only, Kind::count, Kind::number, Kind::sum, Kind::age, Kind::is, Kind::lab),
          [&](std::uint32_t at) { tape_.other.push_back(at); });
    place(is(Kind::fired_tier), [&](std::uint32_t at) { tape_.fired.push_back(op(at).mask); });
  }

  // A join of two values, by their numbers; leaves have their part's number.
  struct Pair {
    std::uint32_t a = 0, b = 0, made = 0;
    Kind kind = Kind::all;
    int level = 0;  // above all it reads
    bool late = false;
  };

  // Children come before parents in parts_, so one pass in order is enough.
  void expand_joins() {
    value_of_.resize(parts_.size());
    level_.resize(parts_.size(), 0);
    for (std::uint32_t i = 0; i < parts_.size(); ++i) {
      const Part& made = parts_[i];
      value_of_[i] = i;
      if (made.children.empty()) {
        continue;
      }
      std::uint32_t value = value_of_[made.children.front()];
      if (made.kind == Kind::is_false) {
        value = add_pair(value, value, made);
      }
      // Halves rather than a chain, so that few joins wait for another.
      std::vector<std::uint32_t> left;
      for (const std::uint32_t child : made.children) {
        left.push_back(value_of_[child]);
      }
      while (made.kind != Kind::is_false && left.size() > 1) {
        std::vector<std::uint32_t> next;
        for (std::size_t k = 0; k + 1 < left.size(); k += 2) {
          next.push_back(add_pair(left[k], left[k + 1], made));
        }
        if (left.size() % 2 != 0) {
          next.push_back(left.back());
        }
        left = std::move(next);
        value = left.front();
      }
      value_of_[i] = value;
    }
  }

  std::uint32_t add_pair(std::uint32_t a, std::uint32_t b, const Part& made) {
    const auto number = static_cast<std::uint32_t>(level_.size());
    level_.push_back(std::max(level_[a], level_[b]) + 1);
    pairs_.push_back({a, b, number, made.kind, level_.back(), made.late});
    return number;
  }

  std::vector<Tape::Run> place_joins(bool late) {
    std::vector<Pair> mine;
    std::copy_if(pairs_.begin(), pairs_.end(), std::back_inserter(mine),
                 [&](const Pair& pair) { return pair.late == late; });
    std::stable_sort(mine.begin(), mine.end(), [](const Pair& x, const Pair& y) {
      return std::tie(x.level, x.kind) < std::tie(y.level, y.kind);
    });
    place_.resize(level_.size());
    std::vector<Tape::Run> runs;
    int level = -1;
    for (const Pair& pair : mine) {
      if (runs.empty() || pair.level != level || pair.kind != runs.back().kind) {
        runs.push_back({pair.kind, 0});
        level = pair.level;
      }
      ++runs.back().length;
      tape_.joins.push_back({place_[pair.a], place_[pair.b]});
      place_[pair.made] = next_++;
    }
    return runs;
  }

  const Knowledge& knowledge_;
  Tape tape_;
  std::vector<Part> parts_;
  std::map<Key, std::uint32_t> numbers_;
  std::vector<std::uint32_t> value_of_;  // of a part: itself, or the pair that ends it
  std::vector<int> level_;               // of parts, then of pairs
  std::vector<Pair> pairs_;
  std::vector<std::uint16_t> place_;  // of parts and pairs
  std::uint16_t next_ = 0;
};

std::vector<Tape::Brief> briefs(const std::vector<Rule>& rules) {
  std::vector<Tape::Brief> out;
  for (const auto& rule : rules) {
    out.push_back({rule.root, rule.tier, rule.last, rule.benign, rule.holds_under_age(), rule.raw,
                   rule.raises(), rule.kind == Rule::Kind::change});
  }
  return out;
}

std::vector<Tape::Read> labs_read(const Program& program) {
  std::map<std::uint16_t, std::int32_t> days;
  for (const Op& op : program.ops) {
    if (op.kind == Kind::lab) {
      days[op.item] = std::max(days[op.item], op.max_age);
    }
  }
  std::vector<Tape::Read> out;
  for (const auto& [lab, max_age] : days) {
    out.push_back({lab, max_age});
  }
  return out;
}

constexpr std::uint8_t kNo = 0;
constexpr std::uint8_t kUnknown = 1;
constexpr std::uint8_t kYes = 2;

}  // namespace

Tape build_tape(const Knowledge& knowledge) {
  Tape tape = Builder(knowledge).build();
  tape.rules = briefs(knowledge.rules);
  tape.gaps = briefs(knowledge.gaps);
  tape.labs = labs_read(knowledge.program);
  return tape;
}

TapeRun::TapeRun(const Knowledge& knowledge, const Facts& facts)
    : knowledge_(knowledge), tape_(knowledge.tape) {
  const AnswerRecord& answers = facts.answers;
  // What each item says of options that are not chosen.
  std::array<std::uint8_t, kMaxItems> unchosen;
  for (std::size_t i = 0; i < tape_.open_of_item.size(); ++i) {
    const bool answered = answers.state[i] == ItemState::answered;
    const bool open = (answers.chosen[i] & tape_.open_of_item[i]) != 0;
    const bool closed = (answered && !open) || answers.state[i] == ItemState::not_shown;
    unchosen[i] = closed ? kNo : kUnknown;
  }
  std::uint8_t* value = values_.data();
  for (const auto& leaf : tape_.any_of) {
    *value++ = (answers.chosen[leaf.item] & leaf.mask) != 0 ? kYes : unchosen[leaf.item];
  }
  for (const auto& leaf : tape_.with_record) {
    const std::uint64_t chosen = answers.chosen[leaf.item] | facts.record.chosen[leaf.item];
    *value++ = (chosen & leaf.mask) != 0 ? kYes : unchosen[leaf.item];
  }
  for (const auto& leaf : tape_.is_none) {
    const std::uint64_t others = answers.chosen[leaf.item] & ~leaf.mask;
    const bool only_none = others == 0 && answers.state[leaf.item] == ItemState::answered;
    *value++ = (others & ~leaf.open) != 0 ? kNo : only_none ? kYes : unchosen[leaf.item];
  }
  for (const auto& leaf : tape_.answered) {
    *value++ = answers.state[leaf.item] == ItemState::answered ? kYes : kNo;
  }
  for (const auto& leaf : tape_.unsure) {
    *value++ = (answers.chosen[leaf.item] & (leaf.mask | kNotOffered)) != 0 ? kYes : kNo;
  }
  constexpr FiredTiers kNone{};
  for (const std::uint32_t at : tape_.other) {
    *value++ =
        static_cast<std::uint8_t>(knowledge.program.evaluate_at(at, answers, facts.record, kNone));
  }
  join(tape_.early);
}

void TapeRun::finish(const FiredTiers& fired) {
  std::uint8_t* value = values_.data() + tape_.first_fired();
  for (const std::uint64_t mask : tape_.fired) {
    Tri any = Tri::no;
    for (const Tier tier : kTiers) {
      const bool named = ((mask >> static_cast<unsigned>(tier)) & 1U) != 0;
      any = any || (named ? fired[static_cast<std::size_t>(tier)] : Tri::no);
    }
    *value++ = static_cast<std::uint8_t>(any);
  }
  join(tape_.late);
}

void TapeRun::join(const std::vector<Tape::Run>& runs) {
  const Tape::Join* join = tape_.joins.data() + joined_;
  std::uint8_t* value = values_.data() + tape_.first_fired() + tape_.fired.size() + joined_;
  const std::uint8_t* const values = values_.data();
  for (const auto& run : runs) {
    const Tape::Join* const end = join + run.length;
    joined_ += run.length;
    switch (run.kind) {
      case Kind::all:
        for (; join != end; ++join) {
          *value++ = std::min(values[join->a], values[join->b]);
        }
        break;
      case Kind::any:
        for (; join != end; ++join) {
          *value++ = std::max(values[join->a], values[join->b]);
        }
        break;
      default:  // isFalse
        for (; join != end; ++join) {
          *value++ = values[join->a] == kNo ? kYes : kNo;
        }
    }
  }
}

Tri TapeRun::root(int index) const {
  return static_cast<Tri>(values_[tape_.roots[static_cast<std::size_t>(index)]]);
}

}  // namespace myoflag::rules
