#include "tests/rules/naive_evaluator.h"

#include <algorithm>

namespace myoflag::rules::testing {
namespace {

template <typename Range, typename Value>
bool contains(const Range& range, const Value& value) {
  return std::find(std::begin(range), std::end(range), value) != std::end(range);
}

// The two answers that leave a question open.
bool is_open(std::string_view option) { return option == "unsure" || option == "prefer-not"; }

bool is_positive(std::string_view option) { return option != "none" && !is_open(option); }

bool has_open(const SeenAnswer& answer) {
  return std::any_of(answer.options.begin(), answer.options.end(), is_open);
}

std::vector<std::string_view> names_of(const Item& item, std::uint64_t mask) {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < item.options.size(); ++i) {
    if ((mask >> i & 1U) != 0) {
      names.push_back(item.options[i].code);
    }
  }
  return names;
}

std::vector<std::string_view> without_none(const std::vector<std::string_view>& options) {
  if (!std::any_of(options.begin(), options.end(), is_positive)) {
    return options;
  }
  std::vector<std::string_view> rest;
  std::copy_if(options.begin(), options.end(), std::back_inserter(rest),
               [](std::string_view option) { return option != "none"; });
  return rest;
}

Tri from(bool value) { return value ? Tri::yes : Tri::no; }

Tri both(Tri a, Tri b) {
  if (a == Tri::no || b == Tri::no) {
    return Tri::no;
  }
  return a == Tri::yes && b == Tri::yes ? Tri::yes : Tri::unknown;
}

Tri either(Tri a, Tri b) {
  if (a == Tri::yes || b == Tri::yes) {
    return Tri::yes;
  }
  return a == Tri::no && b == Tri::no ? Tri::no : Tri::unknown;
}

std::string key_of(const Criterion& criterion, bool benign, bool raw, int lab_days) {
  std::string key = std::to_string(static_cast<int>(criterion.kind));
  for (const auto& name : criterion.names) {
    key += "," + name;
  }
  key += ":";
  for (const auto& option : criterion.options) {
    key += option + "|";
  }
  key += std::to_string(static_cast<int>(criterion.compare)) + " " +
         std::to_string(criterion.limit.nano);
  key += benign ? " benign" : "";
  key += raw ? " raw" : "";
  return key + " " + std::to_string(lab_days);
}

}  // namespace

NaiveEvaluator::NaiveEvaluator(const Knowledge& knowledge,
                               std::map<std::string, int, std::less<>> lab_days)
    : knowledge_(knowledge) {
  for (const auto& item : knowledge.items) {
    Question question;
    question.name = item.link_id;
    if (item.parent >= 0) {
      question.group = static_cast<std::size_t>(item.parent);
    }
    question.asks = item.type != ItemType::group && item.type != ItemType::display;
    question.any = item.enable_any;
    for (const auto& when : item.enable) {
      const auto leading = static_cast<std::size_t>(when.item);
      question.conditions.push_back(
          {leading, when.op, names_of(knowledge.items[leading], when.options), when.limit});
    }
    places_.emplace(question.name, questions_.size());
    questions_.push_back(std::move(question));
  }
  answers_.resize(questions_.size());
  raw_.resize(questions_.size());
  shown_.resize(questions_.size());
  age_ = static_cast<std::size_t>(knowledge.bindings.age);

  const auto manner_of = [&](const Rule& rule) {
    const auto days = lab_days.find(rule.id);
    return Manner{rule.benign, rule.raw,
                  days == lab_days.end() ? knowledge.staleness.lab_days : days->second};
  };
  for (const auto& rule : knowledge.rules) {
    rules_.push_back(intern(rule.criterion, manner_of(rule)));
  }
  for (const auto& gap : knowledge.gaps) {
    gaps_.push_back(gap.kind == Rule::Kind::change ? Node{}
                                                   : intern(gap.criterion, manner_of(gap)));
  }
  if (knowledge.benign_gate >= 0) {
    has_gate_ = true;
    gate_ = intern(knowledge.gaps[static_cast<std::size_t>(knowledge.benign_gate)].criterion,
                   Manner{true, false, knowledge.staleness.lab_days});
  }
}

NaiveEvaluator::Node NaiveEvaluator::intern(const Criterion& criterion, const Manner& manner) {
  Node node;
  node.kind = criterion.kind;
  for (const auto& child : criterion.children) {
    node.children.push_back(intern(child, manner));
  }
  if (!node.children.empty()) {
    return node;
  }
  const auto key = key_of(criterion, manner.benign, manner.raw, manner.lab_days);
  const auto [found, added] = leaf_ids_.emplace(key, leaves_.size());
  if (added) {
    std::size_t question = 0;
    if (criterion.kind == Criterion::Kind::med) {
      question = static_cast<std::size_t>(knowledge_.bindings.medicines);
    } else if (criterion.kind == Criterion::Kind::cond) {
      question = static_cast<std::size_t>(knowledge_.bindings.conditions);
    } else if (!criterion.names.empty() && places_.contains(criterion.names.front())) {
      question = place_of(criterion.names.front());
    }
    leaves_.push_back({&criterion, question, manner});
  }
  node.leaf = found->second;
  return node;
}

// -- which questions were shown
// --------------------------------------------------------------------

Tri NaiveEvaluator::condition_holds(const Condition& condition) const {
  const auto& leading = answers_[condition.question];
  if (leading.state == Seen::not_shown) {
    return Tri::no;
  }
  if (leading.state != Seen::answered) {
    return Tri::unknown;
  }
  const auto chosen = [&](std::string_view option) { return contains(leading.options, option); };
  switch (condition.op) {
    case EnableWhen::Op::is:
      if (std::any_of(condition.options.begin(), condition.options.end(), chosen)) {
        return Tri::yes;
      }
      return has_open(leading) ? Tri::unknown : Tri::no;
    case EnableWhen::Op::is_not:
      return from(std::none_of(condition.options.begin(), condition.options.end(), chosen));
    case EnableWhen::Op::at_least:
      return from(leading.number.value() >= condition.limit);
    case EnableWhen::Op::at_most:
      return from(leading.number.value() <= condition.limit);
  }
  return Tri::unknown;
}

Tri NaiveEvaluator::question_shown(const Question& question) const {
  const Tri group = question.group ? shown_[*question.group] : Tri::yes;
  if (question.conditions.empty()) {
    return group;
  }
  Tri own = question.any ? Tri::no : Tri::yes;
  for (const auto& condition : question.conditions) {
    const Tri one = condition_holds(condition);
    own = question.any ? either(own, one) : both(own, one);
  }
  return both(group, own);
}

void NaiveEvaluator::read(const NamedAnswers& given) {
  for (std::size_t i = 0; i < questions_.size(); ++i) {
    const auto& question = questions_[i];
    shown_[i] = question_shown(question);
    SeenAnswer& seen = raw_[i];
    seen.options.clear();
    seen.number.reset();
    seen.state = Seen::not_shown;
    if (question.asks && shown_[i] != Tri::no) {
      const auto answer = given.find(question.name);
      if (answer == given.end()) {
        seen.state = shown_[i] == Tri::yes ? Seen::skipped : Seen::not_asked;
      } else if (answer->second.invalid) {
        seen.state = Seen::invalid;
      } else {
        seen.state = Seen::answered;
        seen.options = answer->second.options;
        seen.number = answer->second.number;
      }
    }
    answers_[i] = seen;
    answers_[i].options = without_none(seen.options);
  }
}

std::map<std::string_view, SeenAnswer> NaiveEvaluator::settle(const NamedAnswers& given, bool raw) {
  read(given);
  std::map<std::string_view, SeenAnswer> settled;
  for (std::size_t i = 0; i < questions_.size(); ++i) {
    if (questions_[i].asks) {
      settled[questions_[i].name] = raw ? raw_[i] : answers_[i];
    }
  }
  return settled;
}

// -- forms of the language
// ---------------------------------------------------------------------------

const SeenAnswer& NaiveEvaluator::answer(std::size_t question, bool raw) const {
  return (raw ? raw_ : answers_)[question];
}

const std::vector<std::string_view>& NaiveEvaluator::recorded(std::size_t question) const {
  static const std::vector<std::string_view> nothing;
  const auto found = form_->record.says.find(questions_[question].name);
  return found == form_->record.says.end() ? nothing : found->second.options;
}

Tri NaiveEvaluator::any_of(const SeenAnswer& answer,
                           const std::vector<std::string>& options) const {
  if (answer.state == Seen::not_shown) {
    return Tri::no;
  }
  if (answer.state != Seen::answered) {
    return Tri::unknown;
  }
  for (const auto& option : options) {
    if (contains(answer.options, option)) {
      return Tri::yes;
    }
  }
  return has_open(answer) ? Tri::unknown : Tri::no;
}

Tri NaiveEvaluator::only(const SeenAnswer& answer, const std::vector<std::string>& options) const {
  if (answer.state == Seen::not_shown) {
    return Tri::no;
  }
  if (answer.state != Seen::answered) {
    return Tri::unknown;
  }
  bool open = false;
  for (const auto option : answer.options) {
    if (contains(options, option)) {
      continue;
    }
    if (!is_open(option)) {
      return Tri::no;
    }
    open = true;
  }
  return open ? Tri::unknown : Tri::yes;
}

Tri NaiveEvaluator::count(const SeenAnswer& answer, const Criterion& criterion) const {
  if (answer.state == Seen::not_shown) {
    return Tri::no;
  }
  if (answer.state != Seen::answered) {
    return Tri::unknown;
  }
  std::int64_t chosen = 0;
  for (const auto& option : criterion.options) {
    chosen += contains(answer.options, option) ? 1 : 0;
  }
  const bool now = holds(whole(chosen), criterion.compare, criterion.limit);
  if (!has_open(answer)) {
    return from(now);
  }
  // What is open may add to the count, never take from it.
  const bool grows = criterion.compare == Compare::at_least || criterion.compare == Compare::more;
  return now == grows ? from(now) : Tri::unknown;
}

Tri NaiveEvaluator::is_none(const SeenAnswer& answer) const {
  if (answer.state == Seen::not_shown) {
    return Tri::no;
  }
  if (answer.state != Seen::answered) {
    return Tri::unknown;
  }
  if (std::any_of(answer.options.begin(), answer.options.end(), is_positive)) {
    return Tri::no;
  }
  return has_open(answer) ? Tri::unknown : Tri::yes;
}

Tri NaiveEvaluator::sum(const Criterion& criterion, bool raw) const {
  int low = 0;
  int high = 0;
  Tri any_shown = Tri::no;
  for (const auto& name : criterion.names) {
    const auto& part = answer(place_of(name), raw);
    if (part.state == Seen::not_shown) {
      continue;
    }
    any_shown = either(any_shown, part.state == Seen::not_asked ? Tri::unknown : Tri::yes);
    const auto& options = knowledge_.items[place_of(name)].options;
    int least = options.front().score;
    int most = least;
    int chosen = 0;
    for (const auto& option : options) {
      least = std::min(least, option.score);
      most = std::max(most, option.score);
      chosen += contains(part.options, option.code) ? option.score : 0;
    }
    const bool settled = part.state == Seen::answered && !has_open(part);
    low += settled ? chosen : least;
    high += settled ? chosen : most;
  }
  const bool at_low = holds(whole(low), criterion.compare, criterion.limit);
  const bool at_high = holds(whole(high), criterion.compare, criterion.limit);
  return both(any_shown, at_low == at_high ? from(at_low) : Tri::unknown);
}

std::vector<Number> NaiveEvaluator::ages() const {
  std::vector<Number> said;
  if (const auto& own = answer(age_, false); own.state == Seen::answered) {
    said.push_back(own.number.value());
  }
  const auto recorded = form_->record.says.find(questions_[age_].name);
  if (recorded != form_->record.says.end()) {
    said.push_back(recorded->second.number.value());
  }
  return said;
}

// Where patient and record differ, the riskier counts: for reassurance that is "no".
Tri NaiveEvaluator::age(const Criterion& criterion, const Manner& manner) const {
  const auto said = ages();
  const auto within = [&](Number age) { return holds(age, criterion.compare, criterion.limit); };
  if (said.empty()) {
    return Tri::unknown;
  }
  return from(manner.benign ? std::all_of(said.begin(), said.end(), within)
                            : std::any_of(said.begin(), said.end(), within));
}

bool NaiveEvaluator::under_age() const {
  const auto said = ages();
  const Number adult = whole(knowledge_.adult_age);
  return !said.empty() &&
         std::all_of(said.begin(), said.end(), [&](Number age) { return age < adult; });
}

Tri NaiveEvaluator::is(const std::string& name, bool raw) const {
  const auto& meaning = knowledge_.is_sets.at(name);
  const auto& item = knowledge_.items[static_cast<std::size_t>(meaning.item)];
  const auto yes = names_of(item, meaning.yes);
  const auto perhaps = names_of(item, meaning.unknown);
  const auto place = static_cast<std::size_t>(meaning.item);
  const auto& own = answer(place, raw);
  const auto& record = recorded(place);

  const auto says = [](const std::vector<std::string_view>& options,
                       const std::vector<std::string_view>& wanted) {
    return std::any_of(wanted.begin(), wanted.end(),
                       [&](std::string_view option) { return contains(options, option); });
  };
  if (says(own.options, yes) || says(record, yes)) {
    return Tri::yes;
  }
  if (says(own.options, perhaps)) {
    return Tri::unknown;
  }
  const bool own_open =
      own.state != Seen::not_shown && (own.state != Seen::answered || has_open(own));
  if (!own_open) {
    return Tri::no;
  }
  if (record.empty() || says(record, perhaps)) {
    return Tri::unknown;
  }
  return Tri::no;
}

Tri NaiveEvaluator::listed_or_recorded(std::size_t question,
                                       const std::vector<std::string>& options, bool raw) const {
  for (const auto option : recorded(question)) {
    if (contains(options, option)) {
      return Tri::yes;
    }
  }
  return any_of(answer(question, raw), options);
}

Tri NaiveEvaluator::lab(const Criterion& criterion, int days) const {
  const auto found = form_->record.labs.find(criterion.names.front());
  if (found == form_->record.labs.end() || found->second.state != LabState::known ||
      found->second.age_days > days) {
    return Tri::no;
  }
  return from(holds(found->second.value, criterion.compare, criterion.limit));
}

Tri NaiveEvaluator::fired_tier(const std::vector<std::string>& tiers) const {
  Tri value = Tri::no;
  for (const auto& tier : tiers) {
    const auto found = fired_.find(tier);
    value = either(value, found == fired_.end() ? Tri::no : found->second);
  }
  return value;
}

Tri NaiveEvaluator::leaf_value(const Leaf& leaf) const {
  const auto& criterion = *leaf.criterion;
  const bool raw = leaf.manner.raw;
  const auto own = [&]() -> const SeenAnswer& { return answer(leaf.question, raw); };
  switch (criterion.kind) {
    case Criterion::Kind::any_of:
      return any_of(own(), criterion.options);
    case Criterion::Kind::only:
      return only(own(), criterion.options);
    case Criterion::Kind::count:
      return count(own(), criterion);
    case Criterion::Kind::is_none:
      return is_none(own());
    case Criterion::Kind::answered:
      return from(own().state == Seen::answered);
    case Criterion::Kind::unsure:
      return from(own().state == Seen::answered && contains(own().options, "unsure"));
    case Criterion::Kind::number: {
      if (own().state == Seen::not_shown) {
        return Tri::no;
      }
      return own().state == Seen::answered
                 ? from(holds(own().number.value(), criterion.compare, criterion.limit))
                 : Tri::unknown;
    }
    case Criterion::Kind::sum:
      return sum(criterion, raw);
    case Criterion::Kind::age:
      return age(criterion, leaf.manner);
    case Criterion::Kind::is:
      return is(criterion.names.front(), raw);
    case Criterion::Kind::med:
      return listed_or_recorded(leaf.question, criterion.options, raw);
    case Criterion::Kind::cond:
      return listed_or_recorded(leaf.question, criterion.options, raw);
    case Criterion::Kind::lab:
      return lab(criterion, leaf.manner.lab_days);
    case Criterion::Kind::fired_tier:
      return fired_tier(criterion.options);
    case Criterion::Kind::all:
    case Criterion::Kind::any:
    case Criterion::Kind::is_false:
      break;
  }
  return Tri::unknown;
}

Tri NaiveEvaluator::value(const Node& node) {
  switch (node.kind) {
    case Criterion::Kind::all: {
      Tri result = Tri::yes;
      for (const auto& child : node.children) {
        result = both(result, value(child));
      }
      return result;
    }
    case Criterion::Kind::any: {
      Tri result = Tri::no;
      for (const auto& child : node.children) {
        result = either(result, value(child));
      }
      return result;
    }
    case Criterion::Kind::is_false:
      return from(value(node.children.front()) == Tri::no);
    default: {
      auto& known = known_[node.leaf];
      if (!known) {
        known = leaf_value(leaves_[node.leaf]);
      }
      return *known;
    }
  }
}

// -- policies
// ---------------------------------------------------------------------------------------

// From none to something, or, where growth counts, something that was not there before.
Tri NaiveEvaluator::changed() const {
  if (!form_->previous) {
    return Tri::no;
  }
  NaiveEvaluator earlier = *this;
  const auto before = earlier.settle(*form_->previous, false);
  Tri changed = Tri::no;
  for (const int index : knowledge_.change.items) {
    const auto place = static_cast<std::size_t>(index);
    const SeenAnswer& then = before.at(questions_[place].name);
    const SeenAnswer& now = answers_[place];
    const bool none_before = then.options == std::vector<std::string_view>{"none"};
    if (then.state != Seen::answered ||
        (!none_before && !contains(knowledge_.change.grew, index))) {
      continue;
    }
    const auto is_new = [&](std::string_view option) {
      return is_positive(option) && !contains(then.options, option);
    };
    const bool gained = std::any_of(now.options.begin(), now.options.end(), is_new);
    const auto& options = knowledge_.items[place].options;
    const bool can_gain = std::any_of(options.begin(), options.end(),
                                      [&](const Option& option) { return is_new(option.code); });
    const bool clear =
        now.state == Seen::not_shown || (now.state == Seen::answered && !has_open(now));
    changed = either(changed, gained ? Tri::yes : !clear && can_gain ? Tri::unknown : Tri::no);
  }
  return changed;
}

bool NaiveEvaluator::unusable_lab() const {
  return std::any_of(leaves_.begin(), leaves_.end(), [&](const Leaf& leaf) {
    if (leaf.criterion->kind != Criterion::Kind::lab) {
      return false;
    }
    const auto lab = form_->record.labs.find(leaf.criterion->names.front());
    if (lab == form_->record.labs.end()) {
      return false;
    }
    const bool recent = lab->second.age_days <= leaf.manner.lab_days;
    const bool would_hold =
        lab->second.state == LabState::known &&
        holds(lab->second.value, leaf.criterion->compare, leaf.criterion->limit);
    return recent ? lab->second.state == LabState::unusable : would_hold;
  });
}

// -- stages
// -----------------------------------------------------------------------------------------

NaiveVerdicts NaiveEvaluator::evaluate(const Form& form) {
  form_ = &form;
  read(form.answers);
  fired_.clear();
  known_.assign(leaves_.size(), std::nullopt);

  NaiveVerdicts verdicts;
  verdicts.under_age = under_age();
  verdicts.rules.assign(rules_.size(), Tri::no);
  verdicts.gaps.assign(gaps_.size(), Tri::no);

  std::map<Tier, Tri> tiers;
  const auto counts = [&](const Rule& rule) {
    return !verdicts.under_age || rule.all_ages || rule.tier == Tier::emergency;
  };
  for (std::size_t i = 0; i < gaps_.size(); ++i) {
    const auto& gap = knowledge_.gaps[i];
    if (static_cast<int>(i) == knowledge_.benign_gate) {
      continue;
    }
    verdicts.gaps[i] = gap.kind == Rule::Kind::change ? changed() : value(gaps_[i]);
    if (gap.kind == Rule::Kind::gap || gap.kind == Rule::Kind::change) {
      tiers[gap.tier] = either(tiers[gap.tier], verdicts.gaps[i]);
    }
  }
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    if (!knowledge_.rules[i].last && counts(knowledge_.rules[i])) {
      verdicts.rules[i] = value(rules_[i]);
      tiers[knowledge_.rules[i].tier] = either(tiers[knowledge_.rules[i].tier], verdicts.rules[i]);
    }
  }
  for (const auto& [tier, value] : tiers) {
    fired_[std::string(code_of(tier))] = value;
  }
  if (has_gate_) {
    verdicts.gaps[static_cast<std::size_t>(knowledge_.benign_gate)] = value(gate_);
  }
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    const auto& rule = knowledge_.rules[i];
    if (!rule.last || !counts(rule)) {
      continue;
    }
    Tri result = value(rules_[i]);
    if (rule.benign) {
      result = form.stale || unusable_lab() ? Tri::no : both(result, value(gate_));
    }
    verdicts.rules[i] = result;
    tiers[rule.tier] = either(tiers[rule.tier], result);
  }

  verdicts.tier = knowledge_.nothing_matched;
  for (const auto tier : kTiers) {
    if (const auto found = tiers.find(tier); found != tiers.end() && found->second == Tri::yes) {
      verdicts.tier = tier;
    }
  }
  if (form.free_text) {
    verdicts.tier = std::max(verdicts.tier, knowledge_.unread_words);
  }
  return verdicts;
}

Tri NaiveEvaluator::rule(std::size_t index, const Form& form) {
  form_ = &form;
  read(form.answers);
  fired_.clear();
  known_.assign(leaves_.size(), std::nullopt);
  return value(rules_[index]);
}

}  // namespace myoflag::rules::testing
