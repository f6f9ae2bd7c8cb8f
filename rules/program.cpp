#include "rules/program.h"

#include <bit>

#include <fmt/format.h>

#include "rules/knowledge.h"
#include "rules/problem.h"

namespace myoflag::rules {
namespace {

using Kind = Criterion::Kind;

struct View {
  const Op* ops;
  const AnswerRecord& answers;
  const RecordFacts& record;
  const FiredTiers& fired;
  Reading reading;
};

// What an item says of options that are not chosen.
Tri unchosen(const Op& op, const View& view) {
  switch (view.answers.state[op.item]) {
    case ItemState::not_shown:
      return Tri::no;
    case ItemState::answered:
      return (view.answers.chosen[op.item] & op.open) != 0 ? Tri::unknown : Tri::no;
    default:
      return Tri::unknown;
  }
}

Tri any_of(const Op& op, const View& view) {
  return (view.answers.chosen[op.item] & op.mask) != 0 ? Tri::yes : unchosen(op, view);
}

Tri any_or_record(const Op& op, const View& view) {
  return (view.record.chosen[op.item] & op.mask) != 0 ? Tri::yes : any_of(op, view);
}

// Sex and pregnancy: where the patient gave no clear answer, the record stands in.
Tri is(const Op& op, const View& view) {
  if (((view.answers.chosen[op.item] | view.record.chosen[op.item]) & op.mask) != 0) {
    return Tri::yes;
  }
  const Tri said = unchosen(op, view);
  const bool could_be = (view.answers.chosen[op.item] & op.could_be) != 0;
  const bool record_decides = view.record.known[op.item] && view.reading != Reading::open;
  return said == Tri::unknown && !could_be && record_decides ? Tri::no : said;
}

Tri only(const Op& op, const View& view) {
  const std::uint64_t outside = view.answers.chosen[op.item] & ~op.mask;
  if ((outside & ~op.open) != 0) {
    return Tri::no;
  }
  switch (view.answers.state[op.item]) {
    case ItemState::not_shown:
      return Tri::no;
    case ItemState::answered:
      return outside != 0 ? Tri::unknown : Tri::yes;
    default:
      return Tri::unknown;
  }
}

Tri count(const Op& op, const View& view) {
  const auto chosen = std::popcount(view.answers.chosen[op.item] & op.mask);
  if (whole(chosen) >= op.limit) {
    return Tri::yes;
  }
  return whole(std::popcount(op.mask)) >= op.limit ? unchosen(op, view) : Tri::no;
}

Tri is_none(const Op& op, const View& view) {
  const std::uint64_t others = view.answers.chosen[op.item] & ~op.mask;
  if ((others & ~op.open) != 0) {
    return Tri::no;
  }
  switch (view.answers.state[op.item]) {
    case ItemState::not_shown:
      return Tri::no;
    case ItemState::answered:
      return others != 0 ? Tri::unknown : Tri::yes;
    default:
      return Tri::unknown;
  }
}

Tri answered(const Op& op, const View& view) {
  const ItemState state = view.answers.state[op.item];
  if (state == ItemState::answered || state == ItemState::not_shown ||
      view.reading != Reading::open) {
    return tri(state == ItemState::answered);
  }
  return state == ItemState::not_asked ? Tri::unknown : Tri::yes;
}

// Of a question of another form that does not offer all of ours, what is not offered is as open as
// "not sure".
Tri unsure(const Op& op, const View& view) {
  const std::uint64_t open = op.mask | kNotOffered;
  return tri(view.reading != Reading::open && (view.answers.chosen[op.item] & open) != 0);
}

Tri number(const Op& op, const View& view) {
  switch (view.answers.state[op.item]) {
    case ItemState::not_shown:
      return Tri::no;
    case ItemState::answered:
      return tri(holds(view.answers.number[op.item], op.compare, op.limit));
    default:
      return Tri::unknown;
  }
}

Tri age(const Op& op, const View& view) {
  const ItemState state = view.answers.state[op.item];
  const bool said = state == ItemState::answered;
  if (!said && !view.record.age) {
    return Tri::unknown;
  }
  if (!said && view.reading == Reading::open && state != ItemState::not_shown) {
    const bool by_record = holds(*view.record.age, op.compare, op.limit);
    return by_record == op.benign ? Tri::unknown : tri(by_record);
  }
  const Number patient = said ? view.answers.number[op.item] : *view.record.age;
  const Number record = view.record.age.value_or(patient);
  const bool by_patient = holds(patient, op.compare, op.limit);
  const bool by_record = holds(record, op.compare, op.limit);
  return tri(op.benign ? by_patient && by_record : by_patient || by_record);
}

Tri lab(const Op& op, const View& view) {
  const Lab& lab = view.record.labs[op.item];
  return tri(lab.state == LabState::known && lab.age_days <= op.max_age &&
             holds(lab.value, op.compare, op.limit));
}

Tri is_shown(ItemState state) {
  return state == ItemState::not_asked ? Tri::unknown : tri(state != ItemState::not_shown);
}

std::int64_t score(std::uint64_t nibbles, int option) {
  return static_cast<std::int64_t>((nibbles >> (4 * option)) & 0xF);
}

// Between the sum of what is answered and that sum with the highest score for each missing answer;
// no, as of any question that does not apply, when none of the questions was shown.
Tri sum(const View& view, std::size_t at) {
  const Op& op = view.ops[at];
  std::int64_t low = 0;
  std::int64_t high = 0;
  Tri any_shown = Tri::no;
  for (std::size_t child = at + 1; child < op.end; ++child) {
    const Op& part = view.ops[child];
    const ItemState state = view.answers.state[part.item];
    any_shown = any_shown || is_shown(state);
    const std::uint64_t chosen = view.answers.chosen[part.item];
    if (state == ItemState::answered && chosen != 0 && (chosen & part.open) == 0) {
      const auto points = score(part.mask, std::countr_zero(chosen));
      low += points;
      high += points;
    } else if (state != ItemState::not_shown) {
      high += part.limit.nano / whole(1).nano;
    }
  }
  const bool at_low = holds(whole(low), op.compare, op.limit);
  const bool at_high = holds(whole(high), op.compare, op.limit);
  return any_shown && (at_low == at_high ? tri(at_low) : Tri::unknown);
}

Tri fired_tier(const Op& op, const View& view) {
  Tri value = Tri::no;
  for (const Tier tier : kTiers) {
    if (((op.mask >> static_cast<unsigned>(tier)) & 1U) != 0) {
      value = value || view.fired[static_cast<std::size_t>(tier)];
    }
  }
  return value;
}

// As written, isFalse asks what is known; when asked what is open, it may yet hold.
Tri is_false(Tri value, Reading reading) {
  return reading != Reading::given && value == Tri::unknown ? Tri::unknown : known_false(value);
}

Tri run(const View& view, std::size_t at) {
  const Op& op = view.ops[at];
  switch (op.kind) {
    case Kind::all: {
      Tri value = Tri::yes;
      for (std::size_t child = at + 1; child < op.end && value != Tri::no;
           child = view.ops[child].end) {
        value = value && run(view, child);
      }
      return value;
    }
    case Kind::any: {
      Tri value = Tri::no;
      for (std::size_t child = at + 1; child < op.end && value != Tri::yes;
           child = view.ops[child].end) {
        value = value || run(view, child);
      }
      return value;
    }
    case Kind::is_false:
      return is_false(run(view, at + 1), view.reading);
    case Kind::any_of:
      return any_of(op, view);
    case Kind::only:
      return only(op, view);
    case Kind::count:
      return count(op, view);
    case Kind::is_none:
      return is_none(op, view);
    case Kind::answered:
      return answered(op, view);
    case Kind::unsure:
      return unsure(op, view);
    case Kind::number:
      return number(op, view);
    case Kind::sum:
      return sum(view, at);
    case Kind::age:
      return age(op, view);
    case Kind::is:
      return is(op, view);
    case Kind::med:
    case Kind::cond:
      return any_or_record(op, view);
    case Kind::lab:
      return lab(op, view);
    case Kind::fired_tier:
      return fired_tier(op, view);
  }
  return Tri::unknown;
}

class Compiler {
 public:
  Compiler(const CompileOptions& options, Knowledge& knowledge, std::vector<CompileError>& errors)
      : options_(options), knowledge_(knowledge), errors_(errors) {}

  void add(const Criterion& criterion) {
    auto& ops = knowledge_.program.ops;
    const std::size_t at = ops.size();
    ops.push_back(leaf(criterion));
    for (const auto& child : criterion.children) {
      add(child);
    }
    if (criterion.kind == Kind::sum) {
      for (std::size_t i = 0; i < criterion.names.size(); ++i) {
        ops.push_back(sum_part(criterion.names[i], criterion.name_offsets[i]));
        ops.back().end = static_cast<std::uint32_t>(ops.size());
      }
    }
    ops[at].end = static_cast<std::uint32_t>(ops.size());
  }

 private:
  void fail(std::size_t offset, std::string text, int item = -1) {
    errors_.push_back({offset, std::move(text), item});
  }
  int index_of(const Item& item) const { return static_cast<int>(&item - knowledge_.items.data()); }

  // Where the question of the form is named; `age`, med() and cond() name none.
  static std::size_t question_offset(const Criterion& criterion) {
    return criterion.name_offsets.empty() ? criterion.offset : criterion.name_offsets.front();
  }

  template <typename List, typename NameOf>
  std::string nearest(std::string_view wrong, const List& list, NameOf name_of) const {
    constexpr std::size_t kMostSuggestions = 100;
    std::vector<std::string_view> known;
    if (errors_.size() >= kMostSuggestions) {
      return "";
    }
    for (const auto& each : list) {
      known.push_back(name_of(each));
    }
    return suggestion(wrong, known);
  }

  Op leaf(const Criterion& criterion) {
    Op op;
    op.kind = criterion.kind;
    op.compare = criterion.compare;
    op.limit = criterion.limit;
    op.benign = options_.benign;
    op.max_age = options_.lab_max_age;
    switch (criterion.kind) {
      case Kind::all:
      case Kind::any:
      case Kind::is_false:
      case Kind::sum:
        break;
      case Kind::fired_tier:
        set_tiers(op, criterion);
        break;
      case Kind::lab:
        set_lab(op, criterion);
        break;
      case Kind::is:
        set_is(op, criterion);
        break;
      case Kind::age:
        set_item(op, criterion, knowledge_.bindings.age);
        break;
      case Kind::med:
        set_item(op, criterion, knowledge_.bindings.medicines);
        break;
      case Kind::cond:
        set_item(op, criterion, knowledge_.bindings.conditions);
        break;
      default:
        set_item(op, criterion, find_item(criterion.names.front(), criterion.name_offsets.front()));
    }
    return op;
  }

  int find_item(std::string_view name, std::size_t offset) {
    const int item = knowledge_.item(name);
    if (item < 0) {
      fail(offset, fmt::format("there is no question `{}`{}", name,
                               nearest(name, knowledge_.items, [](const Item& each) {
                                 return std::string_view(each.link_id);
                               })));
    }
    return item;
  }

  void set_item(Op& op, const Criterion& criterion, int index) {
    if (index < 0) {
      return;
    }
    const Item& item = knowledge_.items[static_cast<std::size_t>(index)];
    op.item = static_cast<std::uint16_t>(index);
    check_type(criterion, item);
    switch (criterion.kind) {
      case Kind::is_none:
        op.mask = item.none;
        op.open = item.open();
        if (item.none == 0) {
          fail(question_offset(criterion),
               fmt::format("question `{}` has no option `none`", item.link_id), index);
        }
        break;
      case Kind::unsure:
        op.mask = item.unsure;
        if (item.unsure == 0) {
          fail(question_offset(criterion),
               fmt::format("question `{}` has no option `unsure`", item.link_id), index);
        }
        break;
      default:
        op.mask = options_of(criterion, item);
        op.open = item.open() & ~op.mask;
    }
  }

  std::uint64_t options_of(const Criterion& criterion, const Item& item) {
    std::uint64_t mask = 0;
    for (std::size_t i = 0; i < criterion.options.size(); ++i) {
      const std::string& code = criterion.options[i];
      const int option = item.option(code);
      if (option < 0) {
        const auto code_of_option = [](const Option& each) { return std::string_view(each.code); };
        fail(criterion.option_offsets[i],
             fmt::format("question `{}` has no option `{}`{}", item.link_id, code,
                         nearest(code, item.options, code_of_option)),
             index_of(item));
      } else {
        mask |= std::uint64_t{1} << option;
      }
    }
    return mask;
  }

  void check_type(const Criterion& criterion, const Item& item) {
    const bool numeric = item.type == ItemType::integer || item.type == ItemType::decimal;
    const bool wants_number = criterion.kind == Kind::number || criterion.kind == Kind::age;
    const bool any_type = criterion.kind == Kind::answered;
    const bool is_question = item.type != ItemType::group && item.type != ItemType::display;
    if (!is_question || (!any_type && wants_number != numeric) ||
        (!any_type && !wants_number && item.type != ItemType::choice)) {
      fail(question_offset(criterion),
           fmt::format("question `{}` is not of the type this form needs", item.link_id),
           index_of(item));
    }
  }

  void set_tiers(Op& op, const Criterion& criterion) {
    for (std::size_t i = 0; i < criterion.options.size(); ++i) {
      const std::string& code = criterion.options[i];
      if (const auto tier = tier_of(code)) {
        op.mask |= std::uint64_t{1} << static_cast<unsigned>(*tier);
      } else {
        fail(criterion.option_offsets[i],
             fmt::format("there is no tier `{}`{}", code,
                         nearest(code, kTiers, [](Tier each) { return code_of(each); })));
      }
    }
  }

  void set_lab(Op& op, const Criterion& criterion) {
    const std::string& name = criterion.names.front();
    const int lab = knowledge_.lab(name);
    if (lab < 0) {
      fail(question_offset(criterion),
           fmt::format("there is no laboratory value `{}`{}", name,
                       nearest(name, knowledge_.labs, [](const LabBinding& each) {
                         return std::string_view(each.name);
                       })));
    } else {
      op.item = static_cast<std::uint16_t>(lab);
    }
  }

  void set_is(Op& op, const Criterion& criterion) {
    const std::string& name = criterion.names.front();
    const auto set = knowledge_.is_sets.find(name);
    if (set == knowledge_.is_sets.end()) {
      fail(question_offset(criterion),
           fmt::format("is() knows no `{}`{}", name,
                       nearest(name, knowledge_.is_sets,
                               [](const auto& each) { return std::string_view(each.first); })));
      return;
    }
    if (set->second.item < 0) {
      return fail(question_offset(criterion), {});
    }
    const Item& item = knowledge_.items[static_cast<std::size_t>(set->second.item)];
    op.item = static_cast<std::uint16_t>(set->second.item);
    op.mask = set->second.yes;
    op.open = item.open() | set->second.unknown;
    op.could_be = set->second.unknown;
  }

  Op sum_part(std::string_view name, std::size_t offset) {
    Op op;
    op.kind = Kind::number;
    const int index = find_item(name, offset);
    if (index < 0) {
      return op;
    }
    const Item& item = knowledge_.items[static_cast<std::size_t>(index)];
    op.item = static_cast<std::uint16_t>(index);
    op.open = item.open();
    if (item.type != ItemType::choice || item.repeats || item.options.size() > 16) {
      fail(offset, fmt::format("question `{}` has no scores to add up", name), index);
      return op;
    }
    int highest = 0;
    for (std::size_t i = 0; i < item.options.size(); ++i) {
      op.mask |= static_cast<std::uint64_t>(item.options[i].score & 0xF) << (4 * i);
      highest = std::max(highest, item.options[i].score);
    }
    op.limit = whole(highest);
    return op;
  }

  const CompileOptions& options_;
  Knowledge& knowledge_;
  std::vector<CompileError>& errors_;
};

}  // namespace

Tri Program::evaluate(int root, const AnswerRecord& answers, const RecordFacts& record,
                      const FiredTiers& fired, Reading reading) const {
  return evaluate_at(roots[static_cast<std::size_t>(root)], answers, record, fired, reading);
}

Tri Program::evaluate_at(std::size_t node, const AnswerRecord& answers, const RecordFacts& record,
                         const FiredTiers& fired, Reading reading) const {
  return run({ops.data(), answers, record, fired, reading}, node);
}

int compile(const Criterion& criterion, const CompileOptions& options, Knowledge& knowledge,
            std::vector<CompileError>& errors) {
  Program& program = knowledge.program;
  program.roots.push_back(static_cast<std::uint32_t>(program.ops.size()));
  Compiler(options, knowledge, errors).add(criterion);
  return static_cast<int>(program.roots.size()) - 1;
}

}  // namespace myoflag::rules
