#pragma once
// Seeded random forms in three manners: noise over the whole form, worked cases with a few answers
// changed, and nearly clear forms, so that every tier and every rule is met. The same seed gives
// the same forms everywhere.

#include <cstdint>
#include <string_view>
#include <vector>

#include "tests/support/knowledge_fixture.h"

namespace myoflag::rules::testing {

// SplitMix64: the standard distributions differ between libraries, this does not.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  std::size_t below(std::size_t count) { return static_cast<std::size_t>(next() % count); }
  bool chance(int percent) { return below(100) < static_cast<std::size_t>(percent); }
  template <typename Range>
  const auto& pick(const Range& range) {
    return range[below(range.size())];
  }

 private:
  std::uint64_t state_;
};

class RandomForms {
 public:
  RandomForms(const Knowledge& knowledge, std::uint64_t seed);

  enum class Manner { noise, mutated_case, nearly_clear };
  Form next();
  Form next(Manner manner);

  // One answer to the question: usually sensible, sometimes odd (none beside others, unsure,
  // invalid).
  NamedAnswer answer(const Item& item);
  // An answer that is complete: no unsure, nothing declined.
  NamedAnswer clear_answer(const Item& item);
  void add_record(Form& form);
  void add_previous(Form& form);
  void mutate(Form& form);
  const std::vector<const Item*>& questions() const { return questions_; }
  Random& random() { return random_; }

 private:
  Number number(const Item& item);

  const Knowledge& knowledge_;
  Random random_;
  std::vector<const Item*> questions_;
  std::vector<std::vector<Number>> numbers_;  // by item: around every limit the rules name
  std::vector<std::vector<Number>> lab_values_;
  std::vector<Form> cases_;
  Form clear_;
};

}  // namespace myoflag::rules::testing
