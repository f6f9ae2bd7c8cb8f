// Time grows with the size of the response and not with its square, whatever a sender repeats. The
// bounds leave room for a busy machine; a quadratic step takes sixteen times as long for four times
// as much.
#include <algorithm>
#include <functional>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "fhir/response_check.h"
#include "tests/fhir_forms/case_files.h"
#include "tests/support/processor_time.h"

namespace myoflag::fhir {
namespace {

using namespace testing;

// An item that depends on numbers, as a question about pregnancy depends on the age.
const Questionnaire& form() {
  static const auto loaded = load(form_with(parse(R"({"item": [
    {"linkId": "age", "type": "decimal", "extension": [
      {"url": "http://hl7.org/fhir/StructureDefinition/minValue", "valueDecimal": 0},
      {"url": "http://hl7.org/fhir/StructureDefinition/maxValue", "valueDecimal": 130}]},
    {"linkId": "pregnant", "type": "boolean", "enableBehavior": "all", "enableWhen": [
      {"question": "age", "operator": ">=", "answerDecimal": 500},
      {"question": "age", "operator": "<", "answerDecimal": 600}]},
    {"linkId": "group", "type": "group", "repeats": true, "item": [
      {"linkId": "in", "type": "integer"},
      {"linkId": "then", "type": "string",
       "enableWhen": [{"question": "in", "operator": ">", "answerInteger": 3}]}]}]})")));
  return loaded;
}

std::string repeated(std::size_t count, std::string_view part) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    text += i == 0 ? "" : ",";
    text += part;
  }
  return text;
}

Json response_of(std::string_view items) {
  return response_with(parse(fmt::format("{{\"item\": [{}]}}", items)));
}

std::string ages(std::size_t count) {
  return fmt::format(R"({{"linkId": "age", "answer": [{}]}})",
                     repeated(count, R"({"valueDecimal": 30.5})"));
}

Json answers_and_copies(std::size_t count) {
  return response_of(ages(count) + "," + repeated(count, R"({"linkId": "pregnant"})"));
}

Json answers_of_one_question(std::size_t count) { return response_of(ages(count)); }

Json copies_of_the_question(std::size_t count) {
  return response_of(repeated(
      count, R"({"linkId": "age", "answer": [{"valueDecimal": 1}]},{"linkId": "pregnant"})"));
}

Json groups(std::size_t count) {
  return response_of(repeated(count, R"({"linkId": "group", "item": [
      {"linkId": "in", "answer": [{"valueInteger": 5}]}, {"linkId": "then"}]})"));
}

Json elements_that_are_no_objects(std::size_t count) {
  return response_of(fmt::format(R"({{"linkId": "age", "answer": [{}]}},{})", repeated(count, "1"),
                                 repeated(count, "1")));
}

Json unknown_items(std::size_t count) { return response_of(repeated(count, R"({"linkId": "x"})")); }

using Maker = Json (*)(std::size_t);

class Growth : public ::testing::TestWithParam<Maker> {};

double seconds(const Json& response) {
  double best = 1e9;
  for (int run = 0; run < 3; ++run) {
    const double start = myoflag::timing::processor_seconds();
    (void)check_response(response, form());
    best = std::min(best, myoflag::timing::processor_seconds() - start);
  }
  return best;
}

TEST_P(Growth, IsNotQuadratic) {
  constexpr std::size_t few = 10'000;
  const auto small = seconds(GetParam()(few));
  const auto large = seconds(GetParam()(4 * few));
  EXPECT_LT(large, 9 * std::max(small, 0.002));
}

TEST_P(Growth, SeveralMegabytesTakeAMoment) {
  EXPECT_LT(seconds(GetParam()(150'000)), 10 * myoflag::timing::kSlowness);
}

INSTANTIATE_TEST_SUITE_P(Responses, Growth,
                         ::testing::Values(answers_and_copies, answers_of_one_question,
                                           copies_of_the_question, groups,
                                           elements_that_are_no_objects, unknown_items));

}  // namespace
}  // namespace myoflag::fhir
