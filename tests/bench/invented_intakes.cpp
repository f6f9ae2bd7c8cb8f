#include "tests/bench/invented_intakes.h"

#include <random>
#include <utility>

#include <fmt/format.h>

#include "fhir/json.h"
#include "plugin/mapping/quick_resources.h"
#include "tests/mapping/intake_support.h"

namespace myoflag::bench {
namespace {

constexpr std::size_t kPool = 500;
constexpr std::size_t kLeast = 4096, kMost = 8192;

// A calm form in which one answer in eight is another.
fhir::Json invented(std::mt19937_64& random) {
  auto given = testing::harmless();
  for (const auto& [link, answers] : testing::random_given(random)) {
    if (random() % 8 == 0) {
      given[link] = answers;
    }
  }
  return testing::response_of(given);
}

// Whether the form holds together: nothing answered that was not asked, nothing left out that was.
bool is_sound(mapping::QuickDesk& desk, const fhir::Json& response) {
  return desk.judge(fhir::write_json(response));
}

}  // namespace

InventedIntakes::InventedIntakes(std::uint64_t seed) : state_(seed) {
  std::mt19937_64 random(seed);
  const mapping::QuickForms forms(testing::knowledge());
  mapping::QuickDesk desk(forms, {testing::now(), true, {}});
  while (pool_.size() < kPool) {
    auto response = invented(random);
    if (!is_sound(desk, response)) {
      continue;
    }
    response.set("id", "@id@");
    response.set("subject", fhir::Json::object({{"reference", "Patient/@patient@"}}));
    response.set("authored", "@date@");
    const auto text = fhir::write_json(response);
    if (text.size() < kLeast || text.size() > kMost) {
      continue;
    }
    const auto id = text.find("@id@"), patient = text.find("@patient@"), date = text.find("@date@");
    pool_.push_back({text.substr(0, id), text.substr(id + 4, patient - id - 4),
                     text.substr(patient + 9, date - patient - 9), text.substr(date + 6)});
  }
}

void InventedIntakes::next(std::string& out) {
  state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
  const auto& one = pool_[(state_ >> 33U) % pool_.size()];
  const auto n = count_++;
  fmt::format_to(std::back_inserter(out), "{}r{}{}p{}{}2026-{:02}-{:02}T{:02}:{:02}:00Z{}\n",
                 one.before_id, n, one.before_patient, n / 3, one.before_date, 1 + n % 10,
                 1 + n % 28, n % 24, n % 60, one.rest);
}

}  // namespace myoflag::bench
