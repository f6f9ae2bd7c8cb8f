// The quick way writes what the careful way writes, byte for byte, or leaves it to that.
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "fhir/r4/definitions.h"
#include "tests/batch/differential.h"
#include "tests/mapping/intake_support.h"

namespace myoflag::batch {
namespace {

namespace fs = std::filesystem;

#ifdef MYOFLAG_SANITIZED
constexpr int kResponses = 6;
#else
constexpr int kResponses = 40;
#endif

const Assessor& assessor() {
  static const Assessor one(testing::knowledge());
  return one;
}

class QuickWay : public ::testing::TestWithParam<int> {};

TEST_P(QuickWay, WritesTheSameOfSoundResponses) {
  RandomResponses responses(static_cast<std::uint64_t>(GetParam()));
  BothWays both(assessor());
  for (int i = 0; i < kResponses; ++i) {
    const auto json = responses.sound();
    ASSERT_EQ(both.disagreement(json), "") << json;
  }
  EXPECT_GT(both.quick(), static_cast<std::uint64_t>(kResponses) / 2);
}

TEST_P(QuickWay, WritesTheSameOfChangedOnes) {
  RandomResponses responses(100 + static_cast<std::uint64_t>(GetParam()));
  BothWays both(assessor());
  for (int i = 0; i < 2 * kResponses; ++i) {
    const auto json = responses.changed(responses.sound());
    ASSERT_EQ(both.disagreement(json), "") << json;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, QuickWay, ::testing::Values(1, 2, 3));

TEST(QuickWay, WritesTheSameOfSamplesAndOfTheCorporaOfTheFuzzers) {
  BothWays both(assessor());
  int read = 0;
  for (const char* folder :
       {"/samples", "/tests/fuzz/corpus/fuzz_assess", "/tests/fuzz/corpus/fuzz_response_check"}) {
    for (const auto& entry :
         fs::recursive_directory_iterator(std::string(MYOFLAG_SOURCE_DIR) + folder)) {
      if (entry.is_regular_file()) {
        std::ifstream file(entry.path(), std::ios::binary);
        const std::string bytes((std::istreambuf_iterator<char>(file)), {});
        ASSERT_EQ(both.disagreement(bytes), "") << entry.path();
        ++read;
      }
    }
  }
  EXPECT_GT(read, 50);
  EXPECT_GT(both.quick(), 0U);
}

TEST(QuickWay, WritesTheSameBesideAnyResource) {
  BothWays both(assessor());
  for (const auto& type : fhir::r4::types()) {
    if (fhir::r4::find_resource(type.name) != nullptr) {
      const auto resource = fhir::Json::object({{"resourceType", type.name}, {"id", "m"}});
      const auto bundle = fhir::write_json(
          testing::bundle_of({testing::response_of(testing::harmless()), resource}));
      ASSERT_EQ(both.disagreement(bundle), "") << type.name;
    }
  }
}

}  // namespace
}  // namespace myoflag::batch
