// Bounds and changes against brute force: on small knowledge every completion and every change is
// tried; on the real knowledge random completions must lie inside the bounds.

#include <algorithm>
#include <functional>
#include <set>

#include <gtest/gtest.h>

#include "rules/outlook.h"
#include "rules/settle.h"
#include "rules/since_last.h"
#include "tests/support/random_forms.h"

namespace myoflag::rules::testing {
namespace {

#ifdef MYOFLAG_SANITIZED
constexpr int kForms = 25;
#else
constexpr int kForms = 400;
#endif
constexpr int kCompletions = 60;

std::size_t at(int index) { return static_cast<std::size_t>(index); }

TierBounds bounds_of(const Names& names, const Form& form, Effort effort = {}) {
  const Facts facts = names.facts(form);
  const auto previous = names.previous(form);
  const Situation situation{names.knowledge(), facts, names.flags(form),
                            previous ? &*previous : nullptr};
  return tier_bounds(situation, effort);
}

TierChanges changes_of(const Names& names, const Form& form, Effort effort = {}) {
  const Facts facts = names.facts(form);
  const auto previous = names.previous(form);
  const Situation situation{names.knowledge(), facts, names.flags(form),
                            previous ? &*previous : nullptr};
  return tier_changes(situation, names.verdicts(form), effort);
}

// -- a small knowledge
// -----------------------------------------------------------------------------

std::string rule_text(const std::string& id, const std::string& criteria,
                      const std::string& more = "") {
  return "  - id: " + id + "\n    title: T\n    target: {text: t}\n    criteria: \"" + criteria +
         "\"\n    hypotheses: [stroke-or-tia]\n    workups: []\n    must-not: []\n"
         "    rationale: R\n    patient: \"Text of " +
         id + "\"\n    sources: [author]\n" + more +
         "    review: {owner: neurology, due: 2027-05-22}\n";
}

constexpr std::string_view kItems = R"yaml(
  - linkId: flags
    type: choice
    repeats: true
    text: Flags
    concept: Flags
    options: [{code: a, text: A}, {code: b, text: B}, {code: c, text: C}, {code: none, text: None}, {code: unsure, text: Unsure}]
  - linkId: speed
    type: choice
    text: Speed
    concept: Speed
    options: [{code: fast, text: Fast}, {code: slow, text: Slow}, {code: unsure, text: Unsure}]
    enable: {when: [{question: flags, is: [a, b]}]}
  - {linkId: units, type: integer, text: Units, concept: Units, min: 0, max: 100}
  - linkId: calm
    type: choice
    text: Calm
    concept: Calm
    options: [{code: calm-yes, text: "Yes"}, {code: calm-no, text: "No"}, {code: unsure, text: Unsure}]
  - linkId: extent
    type: choice
    text: Extent
    concept: Extent
    options: [{code: wide, text: Wide}, {code: narrow, text: Narrow}, {code: unsure, text: Unsure}]
    enable: {when: [{question: calm, is: [calm-no, unsure]}]}
)yaml";

std::string small_policies(bool with_gaps) {
  std::string text = R"yaml(
  - {id: change, kind: change, title: T, policy: P, reason: R, sources: [author], tier: soon, target: {text: t}, items: [flags], grew: [flags]}
  - {id: gate, kind: benign-gate, title: T, policy: P, sources: [author], criteria: "age >= 16 and isNone(flags) and isFalse(firedTier(emergency|urgent|soon))"}
)yaml";
  if (with_gaps) {
    text += R"yaml(
  - {id: gap-flags, kind: gap, title: T, policy: P, reason: R, sources: [author], patient: P, tier: soon, target: {text: t}, criteria: "isFalse(answered(flags)) or unsure(flags)"}
  - {id: gap-both, kind: contradiction, title: T, policy: P, reason: R, sources: [author], patient: P, tier: soon, target: {text: t}}
  - {id: gap-speed, kind: gap, title: T, policy: P, reason: R, sources: [author], patient: P, tier: urgent, target: {text: t}, criteria: "any(flags: a) and (isFalse(answered(speed)) or unsure(speed))"}
)yaml";
  }
  return text;
}

struct Variant {
  std::string name;
  std::map<std::string, std::string> rules;
};

std::vector<Variant> variants() {
  const std::string benign =
      rule_text("benign-one", "any(calm: calm-yes) and isFalse(firedTier(emergency|urgent|soon))",
                "    benign: true\n");
  return {
      {"Plain",
       {{"emergency", rule_text("em-one", "any(flags: a) and any(speed: fast)")},
        {"urgent",
         rule_text("urgent-one", "any(flags: b) or (any(flags: a) and any(speed: slow|unsure))")},
        {"soon", rule_text("soon-one", "num(units) >= 10 or cond(kidney)")},
        {"self-care", benign}}},
      {"Negated",
       {{"emergency",
         rule_text("em-one", "any(flags: a) and any(flags: b) and isFalse(any(flags: c))")},
        {"urgent", rule_text("urgent-one", "only(flags: c) and num(units) > 5")},
        {"soon", rule_text("soon-one", "isFalse(any(calm: calm-yes)) and isFalse(isNone(flags))")},
        {"self-care", benign}}},
      {"Counted",
       {{"emergency", rule_text("em-one", "count(flags: a|b|c) >= 2 and med(lithium)")},
        {"urgent", rule_text("urgent-one", "is(pregnant) and any(flags: c)")},
        {"routine", rule_text("routine-one", "isNone(flags) and any(calm: calm-no)")},
        {"self-care", benign}}},
      {"AgeMatters",
       {{"emergency", rule_text("em-one", "any(flags: a) and age < 5")},
        {"urgent", rule_text("urgent-one", "any(flags: a|b) and age >= 50")},
        {"soon", rule_text("soon-one", "age < 16", "    all-ages: true\n")},
        {"self-care", benign}}},
      {"LedByDoubt",
       {{"emergency", rule_text("em-one", "any(flags: a|b) and any(extent: wide)")},
        {"urgent", rule_text("urgent-one", "any(flags: c) and any(extent: narrow)")},
        {"soon", rule_text("soon-one", "any(extent: narrow|unsure) and num(units) <= 9")},
        {"self-care", benign}}},
  };
}

class SmallWorld {
 public:
  SmallWorld(const Variant& variant, bool with_gaps)
      : knowledge_(
            small_knowledge({std::string(kItems), variant.rules, small_policies(with_gaps)})),
        names_(*knowledge_) {}

  const Knowledge& knowledge() const { return *knowledge_; }
  const KnowledgePtr& shared() const { return knowledge_; }
  const Names& names() const { return names_; }

  // Every answer a question can have when nothing of it is open; `given` options stay.
  std::vector<NamedAnswer> clear_answers(const Item& item, std::uint64_t ticked) const {
    std::vector<NamedAnswer> out;
    if (item.type == ItemType::integer) {
      for (const int value : {0, 4, 5, 6, 9, 10, 11, 15, 16, 17, 49, 50, 60}) {
        out.push_back({{}, whole(value), false});
      }
      return out;
    }
    const std::uint64_t free = item.positive();
    for (std::uint64_t subset = 1; subset <= item.all; ++subset) {
      const bool single = (subset & (subset - 1)) == 0;
      if ((subset & ~free) != 0 || (!item.repeats && !single) || (subset & ticked) != ticked) {
        continue;
      }
      out.push_back({codes(item, subset), {}, false});
    }
    if (item.none != 0 && ticked == 0) {
      out.push_back({{"none"}, {}, false});
    }
    return out;
  }

  static std::vector<std::string_view> codes(const Item& item, std::uint64_t mask) {
    std::vector<std::string_view> codes;
    for (std::size_t i = 0; i < item.options.size(); ++i) {
      if ((mask >> i & 1U) != 0) {
        codes.push_back(item.options[i].code);
      }
    }
    return codes;
  }

 private:
  KnowledgePtr knowledge_;
  Names names_;
};

// "Could be pregnant" leaves the question open as "not sure" does.
bool is_open(const Item& item, const NamedAnswer& answer) {
  return std::any_of(answer.options.begin(), answer.options.end(),
                     [&](std::string_view option) {
                       return option == "unsure" || option == "prefer-not" ||
                              option == "possible" || option == "intersex";
                     }) ||
         answer.invalid || item.link_id.empty();
}

std::uint64_t chosen_of(const Item& item, const NamedAnswer& answer) {
  std::uint64_t mask = 0;
  for (const auto option : answer.options) {
    mask |= std::uint64_t{1} << item.option(option);
  }
  return mask;
}

std::uint64_t ticked(const Item& item, const NamedAnswer& answer) {
  return item.repeats ? chosen_of(item, answer) & item.positive() : 0;
}

bool contradicts(const NamedAnswer& answer) {
  return std::find(answer.options.begin(), answer.options.end(), "none") != answer.options.end();
}

// Walks the form in its order and gives every completion of what is open or not asked yet.
void every_completion(const SmallWorld& world, Form form, std::size_t index,
                      const std::function<void(const Form&)>& use) {
  const auto& items = world.knowledge().items;
  if (index == items.size()) {
    use(form);
    return;
  }
  const Item& item = items[index];
  const auto settled = settle(world.knowledge(), world.names().answers(form.answers));
  const auto state = settled.facts.answers.state[index];
  const auto found = form.answers.find(item.link_id);
  const bool settled_answer = found != form.answers.end() && !is_open(item, found->second);
  if (state == ItemState::not_shown || settled_answer) {
    every_completion(world, std::move(form), index + 1, use);
    return;
  }
  const NamedAnswer given = found == form.answers.end() ? NamedAnswer{} : found->second;
  const bool contradicted = ticked(item, given) != 0 && contradicts(given);
  for (auto answer : world.clear_answers(item, ticked(item, given))) {
    if (is_open(item, answer)) {
      continue;
    }
    if (contradicted) {
      answer.options.push_back("none");
    }
    Form next = form;
    next.answers[item.link_id] = answer;
    every_completion(world, std::move(next), index + 1, use);
  }
}

Form random_small_form(const SmallWorld& world, Random& random) {
  Form form;
  form.answers["age-years"] = {{}, whole(random.chance(70) ? 40 : 55), false};
  form.answers["sex-at-birth"] = {{"male"}, {}, false};
  form.answers["medicines"] = {{"none"}, {}, false};
  form.answers["conditions"] = {{"none"}, {}, false};
  for (const auto& item : world.knowledge().items) {
    const auto percent = form.answers.contains(item.link_id) ? 12 : 65;
    if (!random.chance(percent)) {
      continue;
    }
    if (item.type == ItemType::integer) {
      form.answers[item.link_id] = {{}, whole(static_cast<std::int64_t>(random.below(60))), false};
      continue;
    }
    NamedAnswer answer;
    const std::size_t count = item.repeats ? 1 + random.below(2) : 1;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string_view option = random.pick(item.options).code;
      if (std::find(answer.options.begin(), answer.options.end(), option) == answer.options.end()) {
        answer.options.push_back(option);
      }
    }
    form.answers[item.link_id] = answer;
  }
  // At most three questions stay open, so that all completions can be tried.
  if (random.chance(15)) {
    form.answers.erase("age-years");
  }
  if (random.chance(10)) {
    form.answers["sex-at-birth"] = {{"female"}, {}, false};
    form.answers["pregnancy-status"] = {{random.chance(50) ? "possible" : "pregnant"}, {}, false};
  }
  if (random.chance(20)) {
    form.record.fetched = true;
    form.record.says["age-years"].number = whole(random.chance(50) ? 12 : 40);
  }
  if (random.chance(25)) {
    const std::vector<std::string_view> before{"none", "none", "a", "unsure"};
    form.previous.emplace()["flags"].options = {random.pick(before)};
  }
  form.free_text = random.chance(5);
  form.stale = random.chance(5);
  return form;
}

// Without the answers that do not apply: a change starts from the answers that count.
Form applicable(const Names& names, Form form) {
  for (const auto& aside : settle(names.knowledge(), names.answers(form.answers)).set_aside) {
    form.answers.erase(names.knowledge().items[at(aside.item)].link_id);
  }
  return form;
}

class SmallOutlookTest : public ::testing::TestWithParam<std::tuple<std::size_t, bool>> {
 protected:
  // Of the numbers that lead to another tier one is told, and none is nearer to the given one.
  void expect_numbers_told(const Form& form, const Item& item,
                           const std::vector<TierChange>& changes, const Verdicts& verdicts) const;

  const SmallWorld world_{variants()[std::get<0>(GetParam())], std::get<1>(GetParam())};
};

TEST_P(SmallOutlookTest, BoundsHoldEveryCompletionAndWhatIsReachedExists) {
  Random random(31);
  int open_forms = 0;
  int exact = 0;
  for (int i = 0; i < kForms && !HasFailure(); ++i) {
    const Form form = applicable(world_.names(), random_small_form(world_, random));
    const TierBounds bounds = bounds_of(world_.names(), form);
    Tier lowest = Tier::emergency;
    Tier highest = Tier::self_care;
    int completions = 0;
    every_completion(world_, form, 0, [&](const Form& complete) {
      const Tier tier = world_.names().verdicts(complete).tier;
      lowest = std::min(lowest, tier);
      highest = std::max(highest, tier);
      ++completions;
    });
    ASSERT_GT(completions, 0) << to_text(form);
    open_forms += completions > 1 ? 1 : 0;
    EXPECT_GE(lowest, bounds.lowest) << to_text(form);
    EXPECT_LE(highest, bounds.highest) << to_text(form);
    if (bounds.lowest_reached) {
      EXPECT_EQ(lowest, bounds.lowest) << to_text(form);
    }
    if (bounds.highest_reached) {
      EXPECT_EQ(highest, bounds.highest) << to_text(form);
    }
    exact += bounds.lowest_reached && bounds.highest_reached ? 1 : 0;
  }
  EXPECT_GE(open_forms, kForms / 4);
  EXPECT_GT(exact, kForms * 3 / 4) << "bounds are sound but seldom shown to be exact";
}

// What a reported change means: a question with one answer is answered so; where several can be
// ticked, `none` and an option already ticked mean that alone, any other option is ticked too. Of a
// question in doubt only the doubt is settled: what was ticked stays, a contradiction too.
NamedAnswer changed_answer(const Item& item, const NamedAnswer& given, std::uint64_t option,
                           const std::optional<Number>& number) {
  if (number) {
    return {{}, number, false};
  }
  const std::uint64_t said = ticked(item, given);
  if (said != 0 && is_open(item, given)) {
    const std::uint64_t none = contradicts(given) ? item.none : 0;
    return {SmallWorld::codes(item, said | (option & ~item.none) | none), {}, false};
  }
  const bool adds = item.repeats && option != item.none && (said & option) == 0;
  return {SmallWorld::codes(item, adds ? said | option : option), {}, false};
}

std::vector<NamedAnswer> options_of(const AnswerChange& change, const Form& form) {
  const auto found = form.answers.find(change.item->link_id);
  const NamedAnswer given = found == form.answers.end() ? NamedAnswer{} : found->second;
  if (change.number) {
    return {changed_answer(*change.item, given, 0, change.number)};
  }
  std::vector<NamedAnswer> out;
  for (std::uint64_t left = change.any_of; left != 0; left &= left - 1) {
    out.push_back(changed_answer(*change.item, given, left & (~left + 1), {}));
  }
  return out;
}

void expect_changes_lead_where_they_say(const Names& names, const Form& form,
                                        const std::vector<TierChange>& changes, Tier present) {
  for (const auto& change : changes) {
    EXPECT_NE(change.tier, present);
    EXPECT_EQ(change.raises, change.tier > present);
    ASSERT_GE(change.answers.size(), 1U);
    ASSERT_LE(change.answers.size(), 2U);
    for (const auto& first : options_of(change.answers[0], form)) {
      Form changed = form;
      changed.answers[change.answers[0].item->link_id] = first;
      const auto second = change.answers.size() == 2 ? options_of(change.answers[1], form)
                                                     : std::vector<NamedAnswer>{{}};
      for (const auto& other : second) {
        Form both = changed;
        if (change.answers.size() == 2) {
          both.answers[change.answers[1].item->link_id] = other;
        }
        EXPECT_EQ(code_of(names.verdicts(both).tier), code_of(change.tier))
            << "changed to " << to_text(both) << "\nfrom " << to_text(form);
      }
    }
  }
}

TEST_P(SmallOutlookTest, EveryReportedChangeLeadsWhereItSays) {
  Random random(32);
  int changes_seen = 0;
  for (int i = 0; i < kForms && !HasFailure(); ++i) {
    const Form form = applicable(world_.names(), random_small_form(world_, random));
    const Tier present = world_.names().verdicts(form).tier;
    const auto changes = changes_of(world_.names(), form).list;
    changes_seen += static_cast<int>(changes.size());
    expect_changes_lead_where_they_say(world_.names(), form, changes, present);
  }
  EXPECT_GT(changes_seen, kForms / 8);
}

bool names_item(const Knowledge& knowledge, const Criterion& criterion, const Item& item) {
  const auto& bindings = knowledge.bindings;
  const auto is = [&](int index) { return &knowledge.items[at(index)] == &item; };
  switch (criterion.kind) {
    case Criterion::Kind::med:
      return is(bindings.medicines);
    case Criterion::Kind::cond:
      return is(bindings.conditions);
    case Criterion::Kind::age:
      return is(bindings.age);
    case Criterion::Kind::is:
      return is(knowledge.is_sets.at(criterion.names.front()).item);
    default:
      break;
  }
  return std::find(criterion.names.begin(), criterion.names.end(), item.link_id) !=
             criterion.names.end() ||
         std::any_of(criterion.children.begin(), criterion.children.end(),
                     [&](const Criterion& child) { return names_item(knowledge, child, item); });
}

// A lower tier by hiding what was answered is no change worth telling: the question must be one
// that a fired rule of the present tier reads. Where nothing fired, any question may do.
bool decides(const Knowledge& knowledge, const Verdicts& verdicts, const Item& item) {
  bool fired = false;
  bool named = false;
  const auto look = [&](const std::vector<Rule>& rules, const auto& values) {
    for (std::size_t i = 0; i < rules.size(); ++i) {
      if (values[i] != Tri::yes || rules[i].tier != verdicts.tier || !rules[i].raises()) {
        continue;
      }
      fired = true;
      const auto& compared = knowledge.change.items;
      named = named || (rules[i].kind == Rule::Kind::change
                            ? std::find(compared.begin(), compared.end(),
                                        knowledge.item(item.link_id)) != compared.end()
                            : names_item(knowledge, rules[i].criterion, item));
    }
  };
  look(knowledge.rules, verdicts.rules);
  look(knowledge.gaps, verdicts.gaps);
  return !fired || named;
}

void SmallOutlookTest::expect_numbers_told(const Form& form, const Item& item,
                                           const std::vector<TierChange>& changes,
                                           const Verdicts& verdicts) const {
  const auto found = form.answers.find(item.link_id);
  const std::optional<Number> given =
      found == form.answers.end() ? std::nullopt : found->second.number;
  const auto distance = [&](Number number) { return std::abs(number.nano - given->nano); };
  for (int value = 0; value <= 100; ++value) {
    Form changed = form;
    changed.answers[item.link_id] = {{}, whole(value), false};
    const Tier tier = world_.names().verdicts(changed).tier;
    const bool own_age = given && item.link_id == "age-years";
    if (tier == verdicts.tier ||
        (tier < verdicts.tier && (own_age || !decides(world_.knowledge(), verdicts, item)))) {
      continue;
    }
    const bool told = std::any_of(changes.begin(), changes.end(), [&](const auto& change) {
      return change.tier == tier && change.answers.size() == 1 && change.answers[0].item == &item &&
             (!given || distance(*change.answers[0].number) <= distance(whole(value)));
    });
    EXPECT_TRUE(told) << item.link_id << " = " << value << " gives " << code_of(tier) << "\n"
                      << to_text(form);
  }
}

// Every way to answer a question otherwise that the search tries, one option each.
std::vector<NamedAnswer> other_answers(const Knowledge& knowledge, const Form& form,
                                       const Item& item) {
  const auto found = form.answers.find(item.link_id);
  const NamedAnswer given = found == form.answers.end() ? NamedAnswer{} : found->second;
  const auto index = knowledge.item(item.link_id);
  std::vector<NamedAnswer> out;
  for (std::uint64_t left = item.positive() | item.none; left != 0; left &= left - 1) {
    const std::uint64_t option = left & (~left + 1);
    const bool settles_nothing =
        is_open(item, given) && ((option == item.none && ticked(item, given) != 0) ||
                                 (option & knowledge.open_options(index)) != 0);
    if (!settles_nothing) {
      out.push_back(changed_answer(item, given, option, {}));
    }
  }
  return out;
}

// Of a list that was cut, the first of each tier is there.
void expect_options_told(const Names& names, const Form& form, const Item& item,
                         const TierChanges& changes, const Verdicts& verdicts) {
  const Knowledge& knowledge = names.knowledge();
  const auto found = form.answers.find(item.link_id);
  const NamedAnswer given = found == form.answers.end() ? NamedAnswer{} : found->second;
  for (const NamedAnswer& answer : other_answers(knowledge, form, item)) {
    Form changed = form;
    changed.answers[item.link_id] = answer;
    const Tier tier = names.verdicts(changed).tier;
    if (tier == verdicts.tier || (tier < verdicts.tier && !decides(knowledge, verdicts, item))) {
      continue;
    }
    const std::uint64_t gained = chosen_of(item, answer) & ~chosen_of(item, given);
    const std::uint64_t option = gained != 0 ? gained : chosen_of(item, answer);
    const bool told = std::any_of(changes.list.begin(), changes.list.end(), [&](const auto& one) {
      const bool named = one.answers.size() == 1 && one.answers[0].item == &item &&
                         (one.answers[0].any_of & option) != 0;
      return one.tier == tier && (named || !changes.complete);
    });
    EXPECT_TRUE(told) << item.link_id << " gives " << code_of(tier) << "\n" << to_text(form);
  }
}

TEST_P(SmallOutlookTest, NoSingleAnswerThatMovesTheTierIsMissed) {
  Random random(33);
  for (int i = 0; i < kForms && !HasFailure(); ++i) {
    const Form form = applicable(world_.names(), random_small_form(world_, random));
    const Facts facts = world_.names().facts(form);
    const Verdicts verdicts = world_.names().verdicts(form);
    const TierChanges changes = changes_of(world_.names(), form);
    for (const auto& item : world_.knowledge().items) {
      const auto index = at(world_.knowledge().item(item.link_id));
      const auto state = facts.answers.state[index];
      if (!item.is_question() || state == ItemState::not_shown || state == ItemState::not_asked) {
        continue;
      }
      if (!item.is_numeric()) {
        expect_options_told(world_.names(), form, item, changes, verdicts);
      } else if (changes.complete) {
        expect_numbers_told(form, item, changes.list, verdicts);
      }
    }
  }
}

TEST_P(SmallOutlookTest, NoPairOfAnswersThatLowersTheTierIsMissed) {
  const Knowledge& knowledge = world_.knowledge();
  Random random(34);
  int pairs_seen = 0;
  for (int i = 0; i < kForms && !HasFailure(); ++i) {
    const Form form = applicable(world_.names(), random_small_form(world_, random));
    const Facts facts = world_.names().facts(form);
    const Verdicts verdicts = world_.names().verdicts(form);
    const auto [changes, complete] = changes_of(world_.names(), form);
    const bool lowered_by_one = std::any_of(changes.begin(), changes.end(), [](const auto& change) {
      return !change.raises && change.answers.size() == 1;
    });
    if (!complete || lowered_by_one) {
      continue;
    }
    std::vector<const Item*> deciding;
    for (const auto& item : knowledge.items) {
      const auto state = facts.answers.state[at(knowledge.item(item.link_id))];
      if (item.type == ItemType::choice && !item.context_only && state != ItemState::not_shown &&
          state != ItemState::not_asked && decides(knowledge, verdicts, item)) {
        deciding.push_back(&item);
      }
    }
    for (const Item* a : deciding) {
      for (const Item* b : deciding) {
        if (a >= b) {
          continue;
        }
        for (const auto& first : other_answers(knowledge, form, *a)) {
          for (const auto& second : other_answers(knowledge, form, *b)) {
            Form changed = form;
            changed.answers[a->link_id] = first;
            changed.answers[b->link_id] = second;
            const Tier tier = world_.names().verdicts(changed).tier;
            if (tier >= verdicts.tier) {
              continue;
            }
            ++pairs_seen;
            const bool told = std::any_of(changes.begin(), changes.end(), [&](const auto& change) {
              return change.tier <= tier && change.answers.size() == 2 &&
                     change.answers[0].item == a && change.answers[1].item == b;
            });
            EXPECT_TRUE(told) << a->link_id << " and " << b->link_id << " give " << code_of(tier)
                              << "\nfrom " << to_text(form);
          }
        }
      }
    }
  }
  EXPECT_GT(pairs_seen, 0);
}

INSTANTIATE_TEST_SUITE_P(Worlds, SmallOutlookTest,
                         ::testing::Combine(::testing::Range<std::size_t>(0, 5), ::testing::Bool()),
                         [](const auto& test) {
                           return variants()[std::get<0>(test.param)].name +
                                  (std::get<1>(test.param) ? "WithGaps" : "WithoutGaps");
                         });

// -- the real knowledge
// ----------------------------------------------------------------------------

// One random completion, question by question in the order of the form.
Form random_completion(const Names& names, RandomForms& random, Form form) {
  const auto& knowledge = names.knowledge();
  const bool calm = random.random().chance(40);
  for (std::size_t index = 0; index < knowledge.items.size(); ++index) {
    const Item& item = knowledge.items[index];
    if (item.type != ItemType::choice && item.type != ItemType::integer &&
        item.type != ItemType::decimal) {
      continue;
    }
    const auto found = form.answers.find(item.link_id);
    if (found != form.answers.end() && !is_open(item, found->second)) {
      continue;
    }
    const auto settled = settle(knowledge, names.answers(form.answers));
    if (settled.facts.answers.state[index] == ItemState::not_shown) {
      continue;
    }
    const NamedAnswer given = found == form.answers.end() ? NamedAnswer{} : found->second;
    const std::uint64_t kept = ticked(item, given);
    NamedAnswer answer;
    do {
      answer = random.clear_answer(item);
    } while (is_open(item, answer));
    if (calm && item.none != 0) {
      answer.options = {"none"};
    }
    if (kept != 0) {
      const bool contradicted = contradicts(given);
      auto options = SmallWorld::codes(item, kept | (ticked(item, answer) & item.positive()));
      if (contradicted) {
        options.push_back("none");
      }
      answer.options = options;
    }
    form.answers[item.link_id] = answer;
  }
  return form;
}

TEST(OutlookTest, RandomCompletionsOfTheRealFormLieInsideTheBounds) {
  const auto& knowledge = *twitching();
  const Names names(knowledge);
  RandomForms random(knowledge, 34);
  int wide = 0;
  int exact = 0;
  for (int i = 0; i < kForms; ++i) {
    const Form form = random.next();
    const TierBounds bounds = bounds_of(names, form);
    wide += bounds.lowest != bounds.highest ? 1 : 0;
    exact += bounds.lowest_reached && bounds.highest_reached ? 1 : 0;
    for (int c = 0; c < kCompletions && !::testing::Test::HasFailure(); ++c) {
      const Form complete = random_completion(names, random, form);
      const Tier tier = names.verdicts(complete).tier;
      EXPECT_GE(tier, bounds.lowest) << to_text(form) << "\n  " << to_text(complete);
      EXPECT_LE(tier, bounds.highest) << to_text(form) << "\n  " << to_text(complete);
      if (::testing::Test::HasFailure()) {
        return;
      }
    }
  }
  EXPECT_GE(wide, kForms / 5);
  EXPECT_GT(exact, kForms / 2);
}

TEST(OutlookTest, ChangesOfTheRealFormLeadWhereTheySay) {
  const auto& knowledge = *twitching();
  const Names names(knowledge);
  RandomForms random(knowledge, 35);
  for (int i = 0; i < kForms && !::testing::Test::HasFailure(); ++i) {
    const Form form = applicable(names, random.next());
    expect_changes_lead_where_they_say(names, form, changes_of(names, form).list,
                                       names.verdicts(form).tier);
  }
}

TEST(OutlookTest, NoOptionOfTheRealFormThatMovesTheTierIsMissed) {
  const auto& knowledge = *twitching();
  const Names names(knowledge);
  RandomForms random(knowledge, 37);
  for (int i = 0; i < kForms / 5 && !::testing::Test::HasFailure(); ++i) {
    const Form form = applicable(names, random.next());
    const Facts facts = names.facts(form);
    const Verdicts verdicts = names.verdicts(form);
    const TierChanges changes = changes_of(names, form, {.limit = 100'000});
    for (std::size_t index = 0; index < knowledge.items.size(); ++index) {
      const Item& item = knowledge.items[index];
      const auto state = facts.answers.state[index];
      if (item.is_question() && !item.is_numeric() && !item.context_only &&
          state != ItemState::not_shown && state != ItemState::not_asked) {
        expect_options_told(names, form, item, changes, verdicts);
      }
    }
  }
}

// What is said of open questions is one of the ways in which they may turn out.
TEST(OutlookTest, ChangesOfOpenQuestionsLieInsideTheBounds) {
  const auto& knowledge = *twitching();
  const Names names(knowledge);
  RandomForms random(knowledge, 36);
  int seen = 0;
  for (int i = 0; i < kForms && !::testing::Test::HasFailure(); ++i) {
    Form form = applicable(names, random.next());
    for (auto& [link, answer] : form.answers) {
      const Item& item = knowledge.items[at(knowledge.item(link))];
      if (item.unsure != 0 && item.repeats && random.random().chance(8) && !is_open(item, answer)) {
        answer.options.push_back("unsure");
      }
    }
    const TierBounds bounds = bounds_of(names, form);
    for (const TierChange& change : changes_of(names, form).list) {
      const bool open =
          std::all_of(change.answers.begin(), change.answers.end(), [&](const auto& one) {
            const auto found = form.answers.find(one.item->link_id);
            return found == form.answers.end() || is_open(*one.item, found->second);
          });
      if (open) {
        ++seen;
        EXPECT_GE(change.tier, bounds.lowest) << change.answers[0].item->link_id << "\n"
                                              << to_text(form);
        EXPECT_LE(change.tier, bounds.highest) << change.answers[0].item->link_id << "\n"
                                               << to_text(form);
      }
    }
  }
  EXPECT_GT(seen, kForms / 4);
}

TEST(OutlookTest, WhatWasTickedBesideNotSureIsNotOfferedToBeTakenBack) {
  const Names names(*twitching());
  Form form = clear_form();
  form.answers["em-now"].options = {"breathless-flat", "unsure"};
  form.answers["breathing-sleep"].options = {"none"};
  const TierBounds bounds = bounds_of(names, form);
  EXPECT_EQ(bounds.lowest, Tier::urgent);
  for (const TierChange& change : changes_of(names, form).list) {
    EXPECT_TRUE(change.raises || change.answers.front().item->link_id != "em-now");
  }
}

TEST(OutlookTest, AClearFormHasNothingOpen) {
  const Names names(*twitching());
  const TierBounds bounds = bounds_of(names, clear_form());
  EXPECT_EQ(bounds.lowest, Tier::self_care);
  EXPECT_EQ(bounds.highest, Tier::self_care);
  EXPECT_TRUE(bounds.lowest_reached && bounds.highest_reached);
}

TEST(OutlookTest, AnEmptyFormMayBeAnything) {
  const Names names(*twitching());
  const TierBounds bounds = bounds_of(names, Form{});
  EXPECT_EQ(bounds.lowest, Tier::self_care);
  EXPECT_EQ(bounds.highest, Tier::emergency);
  EXPECT_TRUE(bounds.lowest_reached && bounds.highest_reached);
}

TEST(OutlookTest, AnsweringNoneToAnEmergencyQuestionInDoubtIsAmongTheChangesThatLower) {
  const Names names(*twitching());
  Form form = clear_form();
  form.answers["em-now"].options = {"unsure"};
  const auto changes = changes_of(names, form).list;
  ASSERT_FALSE(changes.empty());
  EXPECT_FALSE(changes.front().raises);
  EXPECT_EQ(changes.front().tier, Tier::self_care);
  EXPECT_EQ(changes.front().answers.front().item->link_id, "em-now");
}

NamedAnswer options(std::vector<std::string_view> options) {
  return {std::move(options), {}, false};
}

// "Not sure" may lead to a question of its own, which another answer to the first hides again.
struct OpenRow {
  const char* name;
  NamedAnswers open;      // over the clear form
  NamedAnswers complete;  // a way it could turn out
  Tier tier;              // then
};

const std::vector<OpenRow>& open_rows() {
  static const std::vector<OpenRow> all{
      {"Conditions",
       {{"site-scope", options({"unsure"})},
        {"health-conditions", options({"unsure"})},
        {"head-neck-symptoms", options({"slurred"})},
        {"bulbar-course", options({"years-stable"})}},
       {{"site-scope", options({"one-spot"})}, {"health-conditions", options({"myasthenia"})}},
       Tier::emergency},
      {"BodyClues",
       {{"site-scope", options({"unsure"})},
        {"medicine-classes", options({"lithium"})},
        {"body-clues", options({"unsure"})}},
       {{"site-scope", options({"one-spot"})}, {"body-clues", options({"vomit-diarrhoea"})}},
       Tier::emergency},
      {"Pattern",
       {{"duration", options({"unsure"})},
        {"pattern", options({"unsure"})},
        {"body-clues", options({"heat-sweat"})}},
       {{"duration", options({"1-3-months"})}, {"pattern", options({"constant-in-sleep"})}},
       Tier::urgent},
      {"LowSide",
       {{"site-scope", options({"unsure"})},
        {"health-conditions", options({"myasthenia"})},
        {"head-neck-symptoms", options({"slurred"})},
        {"bulbar-course", options({"years-stable"})}},
       {{"site-scope", options({"eyelid-only"})}},
       Tier::soon},
  };
  return all;
}

Form laid_over(Form form, const NamedAnswers& answers) {
  for (const auto& [link, answer] : answers) {
    form.answers[link] = answer;
  }
  return form;
}

TEST(OutlookTest, AQuestionAskedBecauseOfNotSureStaysInsideTheBounds) {
  const Names names(*twitching());
  for (const auto& row : open_rows()) {
    const Form open = laid_over(clear_form(), row.open);
    const Form complete = laid_over(open, row.complete);
    EXPECT_EQ(code_of(names.verdicts(complete).tier), code_of(row.tier)) << row.name;
    const TierBounds bounds = bounds_of(names, open);
    EXPECT_LE(bounds.lowest, row.tier) << row.name;
    EXPECT_GE(bounds.highest, row.tier) << row.name;
  }
}

// The record says a child, the patient has not said; the patient's word would count as well.
TEST(OutlookTest, AnAgeThatIsOnlyInTheRecordMayStillTurnOutOtherwise) {
  const Names names(*twitching());
  Form form = clear_form();
  form.answers.erase("age-years");
  form.answers["muscle-changes"] = options({"thinner"});
  form.record.fetched = true;
  form.record.says["age-years"].number = whole(12);
  const TierBounds bounds = bounds_of(names, form);
  form.answers["age-years"] = {{}, whole(40), false};
  EXPECT_EQ(names.verdicts(form).tier, Tier::urgent);
  EXPECT_EQ(bounds.highest, Tier::urgent);
  EXPECT_TRUE(bounds.highest_reached);
}

TEST(OutlookTest, WhatWouldBeNewSinceLastTimeCountsInEveryAnswerTried) {
  const Names names(*twitching());
  Form form = clear_form();
  form.previous = form.answers;
  form.answers.erase("muscle-changes");
  expect_changes_lead_where_they_say(names, form, changes_of(names, form).list,
                                     names.verdicts(form).tier);
  EXPECT_EQ(bounds_of(names, form).lowest, Tier::self_care);

  // Something new now: taking it back lowers the tier.
  form.answers["muscle-changes"] = options({"bigger-calves"});
  EXPECT_EQ(names.verdicts(form).tier, Tier::soon);
  const auto lower = changes_of(names, form).list;
  ASSERT_FALSE(lower.empty());
  EXPECT_EQ(lower.front().tier, Tier::self_care);
  EXPECT_EQ(lower.front().answers.front().item->link_id, "muscle-changes");
}

TEST(OutlookTest, TooManyChangesAreCutSoThatEachTierStaysAndItIsSaid) {
  const Names names(*twitching());
  const TierChanges all = changes_of(names, clear_form());
  EXPECT_EQ(all.list.size(), kMaxChanges);
  EXPECT_FALSE(all.complete);
  std::set<Tier> tiers;
  for (const auto& change : all.list) {
    tiers.insert(change.tier);
  }
  EXPECT_EQ(tiers, (std::set<Tier>{Tier::routine, Tier::soon, Tier::urgent, Tier::emergency}));
}

// ---- what it may cost

// Many "not sure", no age: it took seconds when each age and each rule was searched on its own.
Form much_in_doubt() {
  Form form;
  const std::vector<std::pair<std::string_view, std::vector<std::string_view>>> answers{
      {"em-now", {"none"}},
      {"em-sudden", {"none"}},
      {"em-spreading", {"none"}},
      {"em-context", {"unsure"}},
      {"who-answers", {"interpreter"}},
      {"sex-at-birth", {"intersex"}},
      {"pregnancy-status", {"no"}},
      {"movement-type", {"unsure"}},
      {"site-scope", {"unsure"}},
      {"body-sites", {"upper-arm-left"}},
      {"eyelid-detail", {"both-eyes-shut"}},
      {"duration", {"over-1-year"}},
      {"course", {"unsure"}},
      {"onset-how", {"unsure"}},
      {"pattern", {"unsure"}},
      {"triggers", {"none"}},
      {"function-loss", {"unsure"}},
      {"weakness-sites", {"unsure"}},
      {"weakness-onset", {"unsure"}},
      {"weakness-course", {"better"}},
      {"weakness-symmetry", {"both-unequal"}},
      {"muscle-changes", {"unsure", "trunk-stiff"}},
      {"wasting-sites", {"unsure"}},
      {"head-neck-symptoms", {"unsure"}},
      {"bulbar-course", {"unsure"}},
      {"fatigue-pattern", {"unsure"}},
      {"breathing-sleep", {"unsure"}},
      {"sensory-sites", {"none"}},
      {"sensory-type", {"tingling"}},
      {"pain-sites", {"none"}},
      {"cord-clues", {"unsure"}},
      {"wider-changes", {"none"}},
      {"body-clues", {"unsure"}},
      {"lifestyle", {"none"}},
      {"recreational-drugs", {"ghb-ketamine"}},
      {"worry-level", {"none"}},
      {"worry-focus", {"mnd-als"}},
      {"gad2-nervous", {"not-at-all"}},
      {"gad2-control", {"not-at-all"}},
      {"phq2-interest", {"not-at-all"}},
      {"phq2-mood", {"not-at-all"}},
      {"medicine-classes", {"unsure"}},
      {"medicine-change", {"dose-down-stopped"}},
      {"health-conditions", {"unsure"}},
      {"family-history", {"none"}},
      {"hormone-features", {"unsure"}},
      {"recent-events", {"none"}},
      {"exposures", {"unsure", "solvents"}},
  };
  for (const auto& [link, given] : answers) {
    form.answers[link] = options(given);
  }
  form.answers["caffeine-drinks"] = {{}, whole(20), false};
  form.answers["alcohol-units"] = {{}, whole(20), false};
  return form;
}

int effort_of(const Names& names, const Form& form, TierBounds* bounds = nullptr) {
  const Facts facts = names.facts(form);
  const auto previous = names.previous(form);
  const Situation situation{names.knowledge(), facts, names.flags(form),
                            previous ? &*previous : nullptr};
  Effort effort;
  const TierBounds found = tier_bounds(situation, effort);
  if (bounds != nullptr) {
    *bounds = found;
  }
  return effort.spent;
}

TEST(OutlookTest, AFormFullOfDoubtIsBoundedWithinTheEffort) {
  const Names names(*twitching());
  TierBounds bounds;
  EXPECT_LT(effort_of(names, much_in_doubt(), &bounds), Effort{}.limit / 2);
  EXPECT_EQ(bounds.highest, Tier::emergency);
  EXPECT_TRUE(bounds.highest_reached);
}

// Looks for the dearest form it can find; no form costs much more than the limit.
TEST(OutlookTest, NoFormCostsMoreThanTheEffortAllowed) {
  const Names names(*twitching());
  RandomForms random(*twitching(), 36);
  Form dearest = much_in_doubt();
  int most = effort_of(names, dearest);
  for (int i = 0; i < kForms; ++i) {
    Form form = random.random().chance(10) ? random.next() : dearest;
    for (int change = 0; change < 2; ++change) {
      const Item& item = *random.random().pick(random.questions());
      if (item.unsure != 0 && random.random().chance(40)) {
        form.answers[item.link_id] = options({"unsure"});
      } else if (item.none != 0 && random.random().chance(40)) {
        form.answers[item.link_id] = options({"none"});
      } else {
        random.mutate(form);
      }
    }
    if (const int effort = effort_of(names, form); effort > most) {
      most = effort;
      dearest = form;
    }
  }
  RecordProperty("dearest", std::to_string(most));
  EXPECT_LE(most, Effort{}.limit + 100) << to_text(dearest);
}

TEST(OutlookTest, WithoutEffortTheBoundsAreTheWidest) {
  const Names names(*twitching());
  Effort none;
  none.limit = 0;
  const TierBounds bounds = bounds_of(names, much_in_doubt(), none);
  EXPECT_EQ(bounds.highest, Tier::emergency);
  EXPECT_FALSE(bounds.highest_reached);
}

}  // namespace
}  // namespace myoflag::rules::testing
