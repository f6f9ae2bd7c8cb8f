// One Assessor serves all threads of the sidecar and of a batch. For the thread sanitizer, too.
#include <algorithm>
#include <array>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "plugin/assess.h"
#include "plugin/mapping/assessment_json.h"
#include "tests/mapping/intake_support.h"

namespace myoflag {
namespace {

constexpr std::size_t kThreads = 8;
constexpr int kRounds = 4;  // a new Assessor each

std::string spanish_response() {
  const auto& languages = testing::knowledge()->languages;
  const auto spanish = std::find_if(languages.begin(), languages.end(),
                                    [](const auto& one) { return one.tag == "es"; });
  EXPECT_NE(spanish, languages.end());
  auto response = testing::response_of(testing::harmless());
  response.set("language", "es");
  testing::translate(response, *spanish);
  return fhir::write_json(response);
}

std::string judged(const Assessor& assessor, const std::string& response) {
  AssessOptions options;
  options.now = testing::now();
  const auto assessed = assessor.assess(response, options);
  return assessed ? fhir::write_json(mapping::assessment_json(assessed->assessment, true))
                  : assessed.error().front().code;
}

// The form in all languages is made when words are first met that are not English: here by all
// threads at once, and by those that ask for the form.
TEST(Assessor, MakesTheTranslatedFormOnceForAllThreads) {
  const auto response = spanish_response();
  const auto expected = judged(Assessor(testing::knowledge()), response);
  ASSERT_TRUE(expected.find("doubtful-answers") == std::string::npos) << "its words are known";
  for (int round = 0; round < kRounds; ++round) {
    const Assessor assessor(testing::knowledge());
    std::array<std::string, kThreads> results;
    std::latch begin(kThreads);
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        begin.arrive_and_wait();
        if (i % 4 == 3) {
          EXPECT_EQ(assessor.questionnaire().string_of("resourceType"), "Questionnaire");
        }
        results[i] = judged(assessor, response);
      });
    }
    threads.clear();  // joins them
    for (const auto& result : results) {
      EXPECT_EQ(result, expected);
    }
  }
}

}  // namespace
}  // namespace myoflag
