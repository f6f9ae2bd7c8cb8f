// usage: quick_compare COUNT [SEED [THREADS]]
// Compares the quick and the careful way of a batch on COUNT random responses, every third of them
// changed. Prints how many the quick way took; 1 when any differed.

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <thread>

#include "tests/batch/differential.h"
#include "tests/mapping/intake_support.h"

int main(int count, char** arguments) {
  using namespace myoflag;
  const auto number = [&](int at, std::uint64_t otherwise) {
    return count > at ? std::strtoull(arguments[at], nullptr, 10) : otherwise;
  };
  const auto wanted = number(1, 1000);
  const auto seed = number(2, 1);
  const auto threads = number(3, 1);
  const Assessor assessor(testing::knowledge());
  std::atomic<std::uint64_t> done{0}, quick{0}, wrong{0};
  std::mutex output;
  const auto work = [&](std::uint64_t thread) {
    batch::RandomResponses responses(seed * 1000 + thread);
    batch::BothWays both(assessor);
    while (done++ < wanted) {
      auto json = responses.sound();
      if (responses.random()() % 3 == 0) {
        json = responses.changed(std::move(json));
      }
      if (const auto differs = both.disagreement(json); !differs.empty() && wrong++ < 5) {
        const std::lock_guard lock(output);
        std::cout << differs << "\n" << json << "\n";
      }
    }
    quick += both.quick();
  };
  std::vector<std::thread> all;
  for (std::uint64_t i = 0; i < threads; ++i) {
    all.emplace_back(work, i);
  }
  for (auto& one : all) {
    one.join();
  }
  std::cout << wanted << " responses, seed " << seed << ": " << quick << " by the quick way, "
            << wrong << " differ\n";
  return wrong == 0 ? 0 : 1;
}
