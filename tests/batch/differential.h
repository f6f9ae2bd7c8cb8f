#pragma once
// The quick way of a batch against the careful way, on invented responses, on changed ones, and on
// whatever else is given.

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "plugin/assess.h"
#include "plugin/batch/output.h"

namespace myoflag::batch {

// Sound responses as they come from forms and servers: of any age, answered by anybody, with and
// without texts, with awkward words.
class RandomResponses {
 public:
  explicit RandomResponses(std::uint64_t seed) : random_(seed) {}
  std::string sound();
  // Something in it changed: mostly a fault.
  std::string changed(std::string text);
  std::mt19937_64& random() { return random_; }

 private:
  bool chance(unsigned percent) { return random_() % 100 < percent; }
  void dress(fhir::Json& response);
  std::mt19937_64 random_;
};

// Both ways of one batch, ready for many records. One thread.
class BothWays {
 public:
  explicit BothWays(const Assessor& assessor);
  ~BothWays();

  // What differs; empty when nothing does.
  std::string disagreement(std::string_view record);
  std::uint64_t quick() const { return quick_count_; }  // how many the quick way took

 private:
  std::vector<InputFile> files_;
  OutputWriter quick_, careful_;
  std::shared_ptr<OutputWriter::Desk> desk_, no_desk_;
  struct Own;
  std::unique_ptr<Own> own_;
  std::uint64_t quick_count_ = 0;
};

}  // namespace myoflag::batch
