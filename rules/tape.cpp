#include "rules/tape.h"

#include <algorithm>
#include <map>
#include <span>
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
    place(is(Kind::only, Kind::is_none), into(tape_.only));
    place(is(Kind::answered), into(tape_.answered));
    place(is(Kind::unsure), into(tape_.unsure));
    place(is(Kind::lab), [&](std::uint32_t at) {
      tape_.lab.push_back({op(at).limit, op(at).max_age, op(at).item, op(at).compare});
    });
    place(is(Kind::count, Kind::number, Kind::sum, Kind::age, Kind::is),
          [&](std::uint32_t at) { tape_.other.push_back(at); });
    next_ = static_cast<std::uint16_t>(next_ * 2);
    place(is(Kind::fired_tier), [&](std::uint32_t at) { tape_.fired.push_back(op(at).mask); });
  }

  bool is_early_leaf(std::uint32_t part) const {
    return parts_[part].children.empty() && parts_[part].kind != Kind::fired_tier;
  }

  // A join of values, by their numbers; leaves have their part's number.
  struct Joined {
    std::array<std::uint32_t, Tape::kWidth> in{};
    std::uint32_t made = 0;
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
      if (made.kind == Kind::is_false && is_early_leaf(made.children.front())) {
        place_[i] = static_cast<std::uint16_t>(place_[made.children.front()] + tape_.leaves());
      } else if (!made.children.empty()) {
        value_of_[i] = join_children(made);
      }
    }
  }

  // By levels rather than in a chain, so that few joins wait for another.
  std::uint32_t join_children(const Part& made) {
    std::vector<std::uint32_t> left;
    for (const std::uint32_t child : made.children) {
      left.push_back(value_of_[child]);
    }
    do {
      std::vector<std::uint32_t> next;
      for (std::size_t k = 0; k < left.size(); k += Tape::kWidth) {
        const std::size_t count = std::min(Tape::kWidth, left.size() - k);
        const bool single = count == 1 && made.kind != Kind::is_false;
        next.push_back(single ? left[k] : add_join({left.data() + k, count}, made));
      }
      left = std::move(next);
    } while (left.size() > 1);
    return left.front();
  }

  std::uint32_t add_join(std::span<const std::uint32_t> values, const Part& made) {
    const auto number = static_cast<std::uint32_t>(level_.size());
    Joined joined{{}, number, made.kind, 0, made.late};
    joined.in.fill(values.back());
    std::copy(values.begin(), values.end(), joined.in.begin());
    for (const std::uint32_t value : values) {
      joined.level = std::max(joined.level, level_[value] + 1);
    }
    level_.push_back(joined.level);
    joins_.push_back(joined);
    return number;
  }

  std::vector<Tape::Run> place_joins(bool late) {
    std::vector<Joined> mine;
    std::copy_if(joins_.begin(), joins_.end(), std::back_inserter(mine),
                 [&](const Joined& joined) { return joined.late == late; });
    std::stable_sort(mine.begin(), mine.end(), [](const Joined& x, const Joined& y) {
      return std::tie(x.level, x.kind) < std::tie(y.level, y.kind);
    });
    place_.resize(level_.size());
    std::vector<Tape::Run> runs;
    int level = -1;
    for (const Joined& joined : mine) {
      if (runs.empty() || joined.level != level || joined.kind != runs.back().kind) {
        runs.push_back({joined.kind, 0});
        level = joined.level;
      }
      ++runs.back().length;
      Tape::Join& join = tape_.joins.emplace_back();
      std::transform(joined.in.begin(), joined.in.end(), join.begin(),
                     [&](std::uint32_t value) { return place_[value]; });
      place_[joined.made] = next_++;
    }
    return runs;
  }

  const Knowledge& knowledge_;
  Tape tape_;
  std::vector<Part> parts_;
  std::map<Key, std::uint32_t> numbers_;
  std::vector<std::uint32_t> value_of_;  // of a part: itself, or the join that ends it
  std::vector<int> level_;               // of parts, then of joins
  std::vector<Joined> joins_;
  std::vector<std::uint16_t> place_;  // of parts and joins
  std::uint16_t next_ = 0;
};

constexpr std::size_t kBlock = 16;

Tape::RuleList rule_list(const std::vector<Rule>& rules, const Tape& tape) {
  Tape::RuleList list;
  for (std::uint16_t i = 0; i < rules.size(); ++i) {
    const Rule& rule = rules[i];
    const bool change = rule.kind == Rule::Kind::change;
    list.all.push_back({rule.root, rule.tier, rule.last, rule.benign, rule.holds_under_age(),
                        rule.raw, rule.raises(), change});
    const auto add_if = [&](bool wanted, std::vector<std::uint16_t>& to) {
      if (wanted) {
        to.push_back(i);
      }
    };
    const bool waits = rule.last || change;
    list.values.push_back(waits ? std::uint16_t{0}
                                : tape.roots[static_cast<std::size_t>(rule.root)]);
    add_if(rule.last, list.last);
    add_if(!rule.last && !rule.holds_under_age(), list.adult);
    add_if(!waits && rule.raw, list.raw);
    add_if(change, list.change);
    if (!rule.last && rule.raises()) {
      auto& raising = list.raising[static_cast<std::size_t>(rule.tier)];
      raising.resize((rules.size() + kBlock - 1) / kBlock * kBlock);
      raising[i] = 0xFF;
    }
  }
  return list;
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

// A value is two bits, "may be" and "is": and, or of truth values are those of their bits.
constexpr std::uint8_t kUnknown = 1;
constexpr std::uint8_t kYes = 3;

constexpr std::uint8_t value_of(bool is) { return static_cast<std::uint8_t>(kYes * is); }
constexpr std::uint8_t value_of(Tri tri) {
  return tri == Tri::unknown ? kUnknown : value_of(tri == Tri::yes);
}
constexpr std::uint8_t is_false(std::uint8_t value) { return value_of(value == 0); }

using Unchosen = std::array<std::uint8_t, kMaxItems>;

// What each item says of options that are not chosen.
void read_unchosen(const Tape& tape, const AnswerRecord& answers, Unchosen& unchosen) {
  for (std::size_t i = 0; i < tape.open_of_item.size(); ++i) {
    const bool open = (answers.chosen[i] & tape.open_of_item[i]) != 0;
    unchosen[i] = static_cast<std::uint8_t>(kUnknown * open);
  }
  for (std::size_t i = 0; i < tape.open_of_item.size(); ++i) {
    const bool answered = answers.state[i] == ItemState::answered;
    const bool applies = answers.state[i] != ItemState::not_shown;
    unchosen[i] =
        static_cast<std::uint8_t>((unchosen[i] | kUnknown * !answered) & kUnknown * applies);
  }
}

// A loop that the compiler does not unroll by itself.
template <typename Each>
void in_fours(std::size_t count, Each each) {
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    each(i);
    each(i + 1);
    each(i + 2);
    each(i + 3);
  }
  for (; i < count; ++i) {
    each(i);
  }
}

// Writes what is read of each leaf; returns where the next leaves go.
template <typename Leaf, typename Read>
std::uint8_t* put(const std::vector<Leaf>& leaves, std::uint8_t* out, Read read) {
  const auto put_one = [&](std::size_t i) { out[i] = static_cast<std::uint8_t>(read(leaves[i])); };
  in_fours(leaves.size(), put_one);
  return out + leaves.size();
}

void read_leaves(const Knowledge& knowledge, const Facts& facts, std::uint8_t* out) {
  using Leaf = Tape::Leaf;
  const Tape& tape = knowledge.tape;
  const AnswerRecord& answers = facts.answers;
  const RecordFacts& record = facts.record;
  Unchosen unchosen;
  read_unchosen(tape, answers, unchosen);
  out = put(tape.any_of, out, [&](const Leaf& leaf) {
    return unchosen[leaf.item] | value_of((answers.chosen[leaf.item] & leaf.mask) != 0);
  });
  out = put(tape.with_record, out, [&](const Leaf& leaf) {
    const std::uint64_t chosen = answers.chosen[leaf.item] | record.chosen[leaf.item];
    return unchosen[leaf.item] | value_of((chosen & leaf.mask) != 0);
  });
  out = put(tape.only, out, [&](const Leaf& leaf) {
    const std::uint64_t others = answers.chosen[leaf.item] & ~leaf.mask;
    const bool alone = (others == 0) & (answers.state[leaf.item] == ItemState::answered);
    const bool besides = (others & ~leaf.open) != 0;
    return (unchosen[leaf.item] | value_of(alone)) & value_of(!besides);
  });
  out = put(tape.answered, out, [&](const Leaf& leaf) {
    return value_of(answers.state[leaf.item] == ItemState::answered);
  });
  out = put(tape.unsure, out, [&](const Leaf& leaf) {
    return value_of((answers.chosen[leaf.item] & (leaf.mask | kNotOffered)) != 0);
  });
  out = put(tape.lab, out, [&](const Tape::LabLeaf& leaf) {
    const Lab& lab = record.labs[leaf.lab];
    const bool read = lab.state == LabState::known && lab.age_days <= leaf.max_age;
    return value_of(read && holds(lab.value, leaf.compare, leaf.limit));
  });
  put(tape.other, out, [&](std::uint32_t at) {
    return value_of(knowledge.program.evaluate_at(at, answers, record, FiredTiers{}));
  });
}

template <typename Joining>
void join_run(const Tape::Join* join, std::size_t length, const std::uint8_t* values,
              std::uint8_t* out, Joining joining) {
  for (std::size_t i = 0; i < length; ++i) {
    const auto& [a, b, c, d] = join[i];
    out[i] = static_cast<std::uint8_t>(joining(values[a], values[b], values[c], values[d]));
  }
}

}  // namespace

Tape build_tape(const Knowledge& knowledge) {
  Tape tape = Builder(knowledge).build();
  tape.rules = rule_list(knowledge.rules, tape);
  tape.gaps = rule_list(knowledge.gaps, tape);
  tape.labs = labs_read(knowledge.program);
  return tape;
}

TapeRun::TapeRun(const Knowledge& knowledge, const Facts& facts) : tape_(knowledge.tape) {
  const std::size_t leaves = tape_.leaves();
  read_leaves(knowledge, facts, values_.data());
  std::transform(values_.data(), values_.data() + leaves, values_.data() + leaves, is_false);
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
    *value++ = value_of(any);
  }
  join(tape_.late);
}

void TapeRun::read(const std::vector<std::uint16_t>& places, Tri* verdicts) const {
  const std::size_t count = places.size();
  in_fours(count, [&](std::size_t i) { verdicts[i] = static_cast<Tri>(values_[places[i]]); });
  for (std::size_t i = 0; i < count; ++i) {
    verdicts[i] = to_tri(static_cast<std::uint8_t>(verdicts[i]));
  }
}

void TapeRun::join(const std::vector<Tape::Run>& runs) {
  const Tape::Join* join = tape_.joins.data() + joined_;
  std::uint8_t* out = values_.data() + tape_.first_join() + joined_;
  for (const auto& run : runs) {
    switch (run.kind) {
      case Kind::all:
        join_run(join, run.length, values_.data(), out,
                 [](int a, int b, int c, int d) { return a & b & c & d; });
        break;
      case Kind::any:
        join_run(join, run.length, values_.data(), out,
                 [](int a, int b, int c, int d) { return a | b | c | d; });
        break;
      default:  // isFalse
        join_run(join, run.length, values_.data(), out,
                 [](std::uint8_t a, int, int, int) { return is_false(a); });
    }
    joined_ += run.length;
    join += run.length;
    out += run.length;
  }
}

}  // namespace myoflag::rules
