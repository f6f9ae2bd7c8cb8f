// Evaluating all rules and gap policies from filled answer records. `patients` is the same mix of
// forms that peers_input writes for the other engines.

#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "plugin/mapping/fast_answers.h"
#include "rules/evaluate.h"
#include "tests/bench/invented_intakes.h"
#include "tests/support/plain_conditions.h"
#include "tests/support/random_forms.h"

namespace {

using namespace myoflag::rules;

std::vector<Facts> patients() {
  const auto& knowledge = *testing::twitching();
  const testing::Names names(knowledge);
  testing::RandomForms forms(knowledge, 1);
  std::vector<Facts> out;
  for (int i = 0; i < 200; ++i) {
    out.push_back(names.facts(forms.next()));
  }
  return out;
}

void evaluate_all(benchmark::State& state, const Knowledge& knowledge) {
  const auto all = patients();
  Verdicts verdicts;
  for (auto _ : state) {
    for (const auto& facts : all) {
      evaluate(knowledge, facts, {}, verdicts);
      benchmark::DoNotOptimize(verdicts);
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(all.size()));
}

void evaluate_all_rules(benchmark::State& state) { evaluate_all(state, *testing::twitching()); }
BENCHMARK(evaluate_all_rules);

// What rule engines are usually measured with: sixty conditions of one comparison each.
void evaluate_sixty_plain_conditions(benchmark::State& state) {
  evaluate_all(state, *testing::plain_conditions(*testing::twitching(), 60));
}
BENCHMARK(evaluate_sixty_plain_conditions);

// From the bytes of a response of 4 to 8 KB, as a registry holds it, to the same sixty verdicts.
void read_and_evaluate_sixty_plain_conditions(benchmark::State& state) {
  const auto knowledge = testing::plain_conditions(*testing::twitching(), 60);
  const myoflag::mapping::FastForm form(testing::twitching());
  myoflag::mapping::FastReader reader(form);
  myoflag::bench::InventedIntakes intakes(1);
  std::vector<std::string> lines(200);
  for (auto& line : lines) {
    intakes.next(line);
  }
  myoflag::mapping::FastResponse read;
  Facts facts;
  Verdicts verdicts;
  for (auto _ : state) {
    for (const auto& line : lines) {
      if (!reader.read(line, read)) {
        state.SkipWithError("an invented response is not plain");
        return;
      }
      facts.answers = facts.raw = read.given;
      evaluate(*knowledge, facts, {}, verdicts);
      benchmark::DoNotOptimize(verdicts);
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(lines.size()));
}
BENCHMARK(read_and_evaluate_sixty_plain_conditions);

void assess_with_reasons(benchmark::State& state) {
  const auto& knowledge = testing::twitching();
  const testing::Names names(*knowledge);
  testing::RandomForms forms(*knowledge, 1);
  std::vector<EvaluationInput> all;
  for (int i = 0; i < 50; ++i) {
    all.push_back(names.input(forms.next()));
  }
  for (auto _ : state) {
    for (const auto& input : all) {
      benchmark::DoNotOptimize(assess(knowledge, input));
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(all.size()));
}
BENCHMARK(assess_with_reasons)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
