// Every rule over every combination of the answers that matter to it: unanswered, unsure, none,
// each option that the rule names, one that it does not name, both sides of each limit, and the
// record. Tree, tape and naive evaluation must agree on all of them. Where the product is larger
// than the bound, every pair of questions is combined in full while the others stand at one of
// several backgrounds, and random combinations fill up the bound.

#include <algorithm>
#include <functional>
#include <set>

#include <gtest/gtest.h>

#include "tests/rules/naive_evaluator.h"
#include "tests/support/random_forms.h"

namespace myoflag::rules::testing {
namespace {

#ifdef MYOFLAG_SANITIZED
constexpr std::size_t kBound = 1'500;
#else
constexpr std::size_t kBound = 30'000;
#endif

// One thing the rule reads, and the ways it can be.
using Setter = std::function<void(Form&)>;
struct Dimension {
  std::string name;
  std::vector<Setter> ways;
};

struct Named {
  std::set<std::string, std::less<>> options;
  std::set<std::int64_t> limits;
};

class Space {
 public:
  Space(const Knowledge& knowledge, const Rule& rule) : knowledge_(knowledge) {
    collect(rule.criterion);
    base_ = clear_form();
    base_.record.fetched = true;
    for (const auto& [link, named] : questions_) {
      make_shown(item(link));
    }
    for (const auto& [link, named] : questions_) {
      add_question(item(link), named);
    }
    for (const auto& [name, limits] : labs_) {
      add_lab(name, limits);
    }
  }

  const std::vector<Dimension>& dimensions() const { return dimensions_; }
  const Form& base() const { return base_; }

 private:
  const Item& item(std::string_view link) const {
    return knowledge_.items[static_cast<std::size_t>(knowledge_.item(link))];
  }
  const Item& bound(int index) const { return knowledge_.items[static_cast<std::size_t>(index)]; }

  void collect(const Criterion& criterion) {
    const auto name = [&](const Item& item) -> Named& { return questions_[item.link_id]; };
    const auto& bindings = knowledge_.bindings;
    switch (criterion.kind) {
      case Criterion::Kind::med:
        name(bound(bindings.medicines))
            .options.insert(criterion.options.begin(), criterion.options.end());
        break;
      case Criterion::Kind::cond:
        name(bound(bindings.conditions))
            .options.insert(criterion.options.begin(), criterion.options.end());
        break;
      case Criterion::Kind::age:
        name(bound(bindings.age)).limits.insert(criterion.limit.nano);
        break;
      case Criterion::Kind::is: {
        const auto& set = knowledge_.is_sets.at(criterion.names.front());
        const Item& about = bound(set.item);
        for (const auto& option : about.options) {
          name(about).options.insert(option.code);
        }
        break;
      }
      case Criterion::Kind::lab:
        labs_[criterion.names.front()].insert(criterion.limit.nano);
        break;
      case Criterion::Kind::fired_tier:
      case Criterion::Kind::all:
      case Criterion::Kind::any:
      case Criterion::Kind::is_false:
        break;
      default:
        for (const auto& link : criterion.names) {
          name(item(link)).options.insert(criterion.options.begin(), criterion.options.end());
          if (criterion.kind == Criterion::Kind::number) {
            name(item(link)).limits.insert(criterion.limit.nano);
          }
          if (criterion.kind == Criterion::Kind::sum) {
            for (const auto& option : item(link).options) {
              name(item(link)).options.insert(option.code);
            }
          }
        }
    }
    for (const auto& child : criterion.children) {
      collect(child);
    }
  }

  // Answers the leading questions so that this one is shown, unless the rule varies them itself.
  void make_shown(const Item& item) {
    for (const auto& when : item.enable) {
      const Item& leading = bound(when.item);
      if (questions_.contains(leading.link_id)) {
        continue;
      }
      make_shown(leading);
      auto& answer = base_.answers[leading.link_id];
      if (when.op == EnableWhen::Op::is) {
        for (std::size_t i = 0; i < leading.options.size(); ++i) {
          if ((when.options >> i & 1U) != 0) {
            answer.options = {leading.options[i].code};
            break;
          }
        }
      } else if (when.op == EnableWhen::Op::is_not) {
        answer.options = {"female"};
      }
      if (item.enable_any) {
        break;
      }
    }
    if (item.parent >= 0) {
      make_shown(bound(item.parent));
    }
  }

  void add_question(const Item& item, const Named& named) {
    Dimension dimension;
    dimension.name = item.link_id;
    const std::string_view link = item.link_id;
    const auto answer = [&](NamedAnswer given) {
      dimension.ways.push_back([link, given](Form& form) { form.answers[link] = given; });
    };
    dimension.ways.push_back([link](Form& form) { form.answers.erase(link); });
    for (const std::int64_t limit : named.limits) {
      for (const std::int64_t delta : {-1, 0, 1}) {
        answer({{}, Number{limit + delta * whole(1).nano}, false});
      }
    }
    if (item.type == ItemType::choice) {
      add_options(item, named, answer);
      add_record(item, named, dimension);
    }
    if (&item == &bound(knowledge_.bindings.age)) {
      for (const std::int64_t limit : named.limits) {
        dimension.ways.push_back([link, limit](Form& form) {
          form.record.says[link].number = Number{limit - whole(1).nano};
        });
      }
    }
    dimensions_.push_back(std::move(dimension));
  }

  template <typename Answer>
  void add_options(const Item& item, const Named& named, const Answer& answer) {
    std::string_view first;
    bool other = false;
    for (const auto& option : item.options) {
      const bool special =
          option.code == "none" || option.code == "unsure" || option.code == "prefer-not";
      if (special || named.options.contains(option.code)) {
        answer({{option.code}, {}, false});
        first = first.empty() && !special ? std::string_view(option.code) : first;
      } else if (!other) {
        other = true;
        answer({{option.code}, {}, false});
      }
    }
    if (!item.repeats || first.empty()) {
      return;
    }
    if (item.unsure != 0) {
      answer({{first, "unsure"}, {}, false});
    }
    add_together(item, named, answer);
  }

  // Several of the options at once: all of them, and, where they are few, each pair.
  template <typename Answer>
  void add_together(const Item& item, const Named& named, const Answer& answer) {
    std::vector<std::string_view> codes;
    for (const auto& option : item.options) {
      if (named.options.contains(option.code) && option.code != "none" && option.code != "unsure") {
        codes.push_back(option.code);
      }
    }
    if (codes.size() > 1) {
      answer({codes, {}, false});
    }
    for (std::size_t a = 0; a < codes.size() && codes.size() > 2 && codes.size() < 5; ++a) {
      for (std::size_t b = a + 1; b < codes.size(); ++b) {
        answer({{codes[a], codes[b]}, {}, false});
      }
    }
  }

  void add_record(const Item& item, const Named& named, Dimension& dimension) {
    const auto& bindings = knowledge_.bindings;
    for (const int index : {bindings.medicines, bindings.conditions, bindings.pregnancy}) {
      if (&bound(index) != &item) {
        continue;
      }
      for (const auto& option : item.options) {
        if (named.options.contains(option.code) &&
            (item.positive() >> item.option(option.code) & 1U) != 0 && option.code != "possible" &&
            option.code != "no") {
          const std::string_view link = item.link_id;
          const std::string_view code = option.code;
          dimension.ways.push_back(
              [link, code](Form& form) { form.record.says[link].options = {code}; });
          return;
        }
      }
    }
  }

  void add_lab(const std::string& name, const std::set<std::int64_t>& limits) {
    Dimension dimension;
    dimension.name = "lab " + name;
    const std::string_view lab =
        knowledge_.labs[static_cast<std::size_t>(knowledge_.lab(name))].name;
    dimension.ways.push_back([](Form&) {});
    for (const std::int64_t limit : limits) {
      for (const std::int64_t delta : {-1, 0, 1}) {
        for (const int days : {0, 8, 91}) {
          const NamedLab value{LabState::known, Number{limit + delta}, days};
          dimension.ways.push_back([lab, value](Form& form) { form.record.labs[lab] = value; });
        }
      }
    }
    dimension.ways.push_back([lab](Form& form) {
      form.record.labs[lab] = {LabState::unusable, Number{}, 0};
    });
    dimensions_.push_back(std::move(dimension));
  }

  const Knowledge& knowledge_;
  std::map<std::string, Named, std::less<>> questions_;
  std::map<std::string, std::set<std::int64_t>> labs_;
  Form base_;
  std::vector<Dimension> dimensions_;
};

std::size_t product(const std::vector<Dimension>& dimensions) {
  std::size_t size = 1;
  for (const auto& dimension : dimensions) {
    size = std::min(size * dimension.ways.size(), kBound * 10);
  }
  return size;
}

// Calls `use` with the ways chosen, one index for each dimension.
class Walk {
 public:
  Walk(const std::vector<Dimension>& dimensions,
       std::function<void(const std::vector<std::size_t>&)> use)
      : dimensions_(dimensions), use_(std::move(use)), at_(dimensions.size(), 0) {}

  void all() { all_from(0); }

  void pairs_and_random(std::uint64_t seed) {
    Random random(seed);
    std::size_t used = 0;
    while (used < kBound / 3) {
      // A new background: each question somewhere.
      randomise(random);
      const auto background = at_;
      for (std::size_t a = 0; a < dimensions_.size() && used < kBound; ++a) {
        for (std::size_t b = a + 1; b < dimensions_.size() && used < kBound; ++b) {
          for (std::size_t i = 0; i < dimensions_[a].ways.size(); ++i) {
            for (std::size_t j = 0; j < dimensions_[b].ways.size(); ++j) {
              at_[a] = i;
              at_[b] = j;
              use_(at_);
              ++used;
            }
          }
          at_ = background;
        }
      }
    }
    for (; used < kBound; ++used) {
      randomise(random);
      use_(at_);
    }
  }

 private:
  void randomise(Random& random) {
    for (std::size_t i = 0; i < at_.size(); ++i) {
      at_[i] = random.below(dimensions_[i].ways.size());
    }
  }

  void all_from(std::size_t index) {
    if (index == dimensions_.size()) {
      use_(at_);
      return;
    }
    for (at_[index] = 0; at_[index] < dimensions_[index].ways.size(); ++at_[index]) {
      all_from(index + 1);
    }
    at_[index] = 0;
  }

  const std::vector<Dimension>& dimensions_;
  std::function<void(const std::vector<std::size_t>&)> use_;
  std::vector<std::size_t> at_;
};

class RuleSpaceTest : public ::testing::TestWithParam<std::size_t> {};

TEST_P(RuleSpaceTest, CompiledAndNaiveAgreeOnEveryCombinationOfWhatTheRuleReads) {
  const auto& knowledge = *twitching();
  const Rule& rule = knowledge.rules[GetParam()];
  const Names names(knowledge);
  NaiveEvaluator naive(knowledge, {{"em-critical-electrolyte", 7}});
  const Space space(knowledge, rule);
  ASSERT_FALSE(space.dimensions().empty());

  std::array<std::size_t, 3> values{};
  std::size_t combinations = 0;
  const auto compare = [&](const std::vector<std::size_t>& ways) {
    Form form = space.base();
    for (std::size_t i = 0; i < ways.size(); ++i) {
      space.dimensions()[i].ways[ways[i]](form);
    }
    const Facts facts = names.facts(form);
    const Tri ours =
        knowledge.program.evaluate(rule.root, facts.answers, facts.record, FiredTiers{});
    const Tri theirs = naive.rule(GetParam(), form);
    TapeRun tape(knowledge, facts);
    tape.finish(FiredTiers{});
    EXPECT_EQ(tape.root(rule.root), ours) << "the tape differs\n" << to_text(form);
    ++values[static_cast<std::size_t>(ours)];
    ++combinations;
    if (ours != theirs) {
      ADD_FAILURE() << "compiled " << static_cast<int>(ours) << ", naive "
                    << static_cast<int>(theirs) << "\n"
                    << to_text(form);
    }
  };
  Walk walk(space.dimensions(), [&](const std::vector<std::size_t>& ways) {
    if (!HasFailure()) {
      compare(ways);
    }
  });
  const bool in_full = product(space.dimensions()) <= kBound;
  if (in_full) {
    walk.all();
  } else {
    walk.pairs_and_random(GetParam());
  }
  RecordProperty("combinations", std::to_string(combinations));
  RecordProperty("in-full", in_full ? "yes" : "no");
  EXPECT_GT(values[0], 0U) << "never no";
  // Reassurance needs more answers at once than random backgrounds give; the forms of the agreement
  // test make each of these fire.
  if (!rule.benign) {
    EXPECT_GT(values[2], 0U) << "never yes";
  }
}

std::vector<std::size_t> all_rules() {
  std::vector<std::size_t> rules(twitching()->rules.size());
  for (std::size_t i = 0; i < rules.size(); ++i) {
    rules[i] = i;
  }
  return rules;
}

INSTANTIATE_TEST_SUITE_P(Rules, RuleSpaceTest, ::testing::ValuesIn(all_rules()),
                         [](const ::testing::TestParamInfo<std::size_t>& test) {
                           std::string name = twitching()->rules[test.param].id;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace myoflag::rules::testing
