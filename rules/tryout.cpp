#include "rules/tryout.h"

#include <algorithm>
#include <bit>
#include <set>

#include "rules/satisfiable.h"
#include "rules/settle.h"
#include "rules/since_last.h"

namespace myoflag::rules {
namespace {

constexpr std::size_t index_of(int value) { return static_cast<std::size_t>(value); }

// Every number that a criterion or a display condition compares this item with.
std::set<std::int64_t> limits_of(const Knowledge& knowledge, int item) {
  std::set<std::int64_t> limits;
  for (const auto& op : knowledge.program.ops) {
    const bool compares = op.kind == Criterion::Kind::number || op.kind == Criterion::Kind::age;
    if (compares && op.item == item) {
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

std::vector<Candidate> candidates_of(const Knowledge& knowledge, int item) {
  const Item& it = knowledge.items[index_of(item)];
  std::vector<Candidate> out;
  if (it.is_numeric()) {
    for (const Number number : telling_numbers(it, limits_of(knowledge, item))) {
      out.push_back({0, number});
    }
    return out;
  }
  if (it.none != 0) {
    out.push_back({it.none, std::nullopt});
  }
  const std::uint64_t positive = it.positive() & ~knowledge.open_options(item);
  for (std::uint64_t left = positive; left != 0; left &= left - 1) {
    out.push_back({std::uint64_t{1} << std::countr_zero(left), std::nullopt});
  }
  if (it.repeats) {
    out.push_back({positive, std::nullopt});
  }
  return out;
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

}  // namespace

void put(AnswerRecord& answers, int item, const Candidate& candidate) {
  answers.state[index_of(item)] = ItemState::answered;
  answers.chosen[index_of(item)] = candidate.chosen;
  answers.number[index_of(item)] = candidate.number.value_or(Number{});
}

const std::vector<Candidate>& Tryout::candidates(int item) {
  const auto known = candidates_.find(item);
  return known != candidates_.end()
             ? known->second
             : candidates_.emplace(item, candidates_of(situation_.knowledge, item)).first->second;
}

bool Tryout::is_open(const AnswerRecord& answers, int item) const {
  const std::uint64_t chosen = answers.chosen[index_of(item)];
  switch (answers.state[index_of(item)]) {
    case ItemState::not_shown:
      return false;
    case ItemState::answered:
      return (chosen & situation_.knowledge.open_options(item)) != 0;
    default:
      return situation_.knowledge.items[index_of(item)].is_question();
  }
}

Verdicts Tryout::verdicts_of(const AnswerRecord& answers, std::span<const int> anew) {
  ++effort_.spent;
  const Knowledge& knowledge = situation_.knowledge;
  Facts facts;
  facts.record = situation_.facts.record;
  facts.answers = answers;
  settle_in_place(knowledge, facts.answers);
  facts.raw = facts.answers;
  keep_contradictions(knowledge, situation_.facts.raw, anew, facts.raw);
  EvaluateFlags flags = situation_.flags;
  flags.changed = changed_since_last(knowledge, situation_.previous, facts.answers);
  Verdicts verdicts;
  evaluate(knowledge, facts, flags, verdicts);
  return verdicts;
}

Tryout::Alarm Tryout::alarm_of(const AnswerRecord& answers) {
  const Verdicts verdicts = verdicts_of(answers, {});
  int count = 0;
  const auto look = [&](const std::vector<Rule>& rules, const auto& values) {
    for (std::size_t i = 0; i < rules.size(); ++i) {
      count += values[i] == Tri::yes && rules[i].tier == verdicts.tier && rules[i].raises() ? 1 : 0;
    }
  };
  look(situation_.knowledge.rules, verdicts.rules);
  look(situation_.knowledge.gaps, verdicts.gaps);
  return {verdicts.tier, count};
}

void Tryout::complete(AnswerRecord& answers, int item, const Candidate& candidate) const {
  const Item& it = situation_.knowledge.items[index_of(item)];
  put(answers, item, candidate);
  const std::uint64_t given = situation_.facts.answers.chosen[index_of(item)];
  const std::uint64_t ticked = given & it.positive() & ~situation_.knowledge.open_options(item);
  if (it.repeats && ticked != 0) {
    answers.chosen[index_of(item)] = (candidate.chosen | ticked) & ~it.none;
  }
}

std::vector<int> Tryout::fill(AnswerRecord& answers) {
  std::vector<int> chosen;
  AnswerRecord shown = answers;
  settle_in_place(situation_.knowledge, shown);
  for (int item = 0; item < static_cast<int>(situation_.knowledge.items.size()); ++item) {
    const Item& it = situation_.knowledge.items[index_of(item)];
    if (!it.is_question() || !is_open(shown, item) || candidates(item).empty()) {
      continue;
    }
    // What the question asks for may be what its answer hides: settled once more each time.
    complete(answers, item, candidates(item).front());
    shown = answers;
    settle_in_place(situation_.knowledge, shown);
    if (it.none == 0) {
      chosen.push_back(item);
    }
  }
  return chosen;
}

AnswerRecord Tryout::filled(AnswerRecord answers) {
  fill(answers);
  return answers;
}

AnswerRecord Tryout::calmed(const AnswerRecord& answers) {
  AnswerRecord best = answers;
  std::vector<int> open = fill(best);
  Alarm lowest = alarm_of(best);
  constexpr int kPasses = 3;
  for (int pass = 0; pass < kPasses && lowest.first != kTiers.front(); ++pass) {
    const Alarm before = lowest;
    for (std::size_t i = 0; i < open.size(); ++i) {
      for (const auto& candidate : candidates(open[i])) {
        if (!effort_.left()) {
          return best;
        }
        AnswerRecord tried = best;
        complete(tried, open[i], candidate);
        const std::vector<int> more = fill(tried);
        const Alarm alarm = alarm_of(tried);
        if (alarm < lowest) {
          lowest = alarm;
          best = tried;
          open.insert(open.end(), more.begin(), more.end());
        }
      }
    }
    if (lowest == before) {
      break;
    }
  }
  return best;
}

}  // namespace myoflag::rules
