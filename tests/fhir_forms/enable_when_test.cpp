// Operators of enableWhen over no, one and several answers; hl7.org/fhir/R4/questionnaire.html,
// operator definitions with the wording of R5 for several answers.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fhir/enable_when.h"
#include "tests/fhir_forms/case_files.h"

namespace myoflag::fhir {
namespace {

using namespace testing;

constexpr auto yes = Truth::yes;
constexpr auto no = Truth::no;
constexpr auto unknown = Truth::unknown;

// Whether an item with one condition is enabled when its question has these answers.
Truth decide(std::string_view type, bool repeats, std::string_view condition,
             const std::vector<std::string>& answers) {
  const auto json = form_with(parse(fmt::format(
      R"({{"item": [{{"linkId": "a", "type": "{}", "repeats": {}}},
                    {{"linkId": "b", "type": "string", "enableWhen": [{{"question": "a", {}}}]}}]}})",
      type, repeats, condition)));
  const auto form = load(json);
  Json given;
  for (const auto& answer : answers) {
    given.push(parse(answer));
  }
  Json item = Json::object({{"linkId", "a"}});
  item.set_if("answer", given);
  const auto resource = response_with(Json::object({{"item", Json::array({item})}}));
  const auto response = *Response::read(resource);
  const auto binding = bind_items(response, form);
  return Enablement(response, form, binding).at(form.index_of("b"), {});
}

struct Row {
  const char* condition;
  Truth none;      // no answer
  Truth two;       // 2
  Truth three;     // 3
  Truth two_four;  // 2 and 4
  Truth three_three;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.condition; }

class IntegerOperators : public ::testing::TestWithParam<Row> {};

TEST_P(IntegerOperators, OverNoOneAndSeveralAnswers) {
  const auto& row = GetParam();
  const std::string two = R"({"valueInteger": 2})";
  const std::string three = R"({"valueInteger": 3})";
  const std::string four = R"({"valueInteger": 4})";
  EXPECT_EQ(decide("integer", true, row.condition, {}), row.none);
  EXPECT_EQ(decide("integer", true, row.condition, {two}), row.two);
  EXPECT_EQ(decide("integer", true, row.condition, {three}), row.three);
  EXPECT_EQ(decide("integer", true, row.condition, {two, four}), row.two_four);
  EXPECT_EQ(decide("integer", true, row.condition, {three, three}), row.three_three);
}

INSTANTIATE_TEST_SUITE_P(
    TruthTable, IntegerOperators,
    ::testing::Values(Row{R"("operator": "exists", "answerBoolean": true)", no, yes, yes, yes, yes},
                      Row{R"("operator": "exists", "answerBoolean": false)", yes, no, no, no, no},
                      Row{R"("operator": "=", "answerInteger": 3)", no, no, yes, no, yes},
                      Row{R"("operator": ">", "answerInteger": 3)", no, no, no, yes, no},
                      Row{R"("operator": "<", "answerInteger": 3)", no, yes, no, yes, no},
                      Row{R"("operator": ">=", "answerInteger": 3)", no, no, yes, yes, yes},
                      Row{R"("operator": "<=", "answerInteger": 3)", no, yes, yes, yes, yes}));

// != cannot be authored for a repeating question, but a response may still hold several answers.
TEST(NotEqual, AsksThatThereAreAnswersAndNoneEquals) {
  const auto* condition = R"("operator": "!=", "answerInteger": 3)";
  EXPECT_EQ(decide("integer", false, condition, {}), no);
  EXPECT_EQ(decide("integer", false, condition, {R"({"valueInteger": 2})"}), yes);
  EXPECT_EQ(decide("integer", false, condition, {R"({"valueInteger": 3})"}), no);
  EXPECT_EQ(
      decide("integer", false, condition, {R"({"valueInteger": 2})", R"({"valueInteger": 3})"}),
      no);
}

TEST(Exists, CountsOnlyAnswersWithAValue) {
  const auto* condition = R"("operator": "exists", "answerBoolean": true)";
  EXPECT_EQ(decide("integer", false, condition, {R"({"_valueInteger": {"extension": []}})"}), no);
  EXPECT_EQ(decide("integer", false, condition, {R"({"item": []})"}), no);
}

TEST(OtherTypes, AreComparedAsTheStandardSays) {
  const auto mg = [](int n) {
    return fmt::format(R"({{"valueQuantity": {{"value": {}, "system": "u", "code": "mg"}}}})", n);
  };
  const auto* heavier =
      R"("operator": ">", "answerQuantity": {"value": 5, "system": "u", "code": "mg"})";
  EXPECT_EQ(decide("quantity", false, heavier, {mg(6)}), yes);
  EXPECT_EQ(decide("quantity", false, heavier, {mg(5)}), no);
  EXPECT_EQ(decide("quantity", false, heavier,
                   {R"({"valueQuantity": {"value": 6, "system": "u", "code": "g"}})"}),
            unknown);
  const auto* later = R"("operator": ">", "answerDate": "2024-06")";
  EXPECT_EQ(decide("date", false, later, {R"({"valueDate": "2024-07-01"})"}), yes);
  EXPECT_EQ(decide("date", false, later, {R"({"valueDate": "2024-05-31"})"}), no);
  EXPECT_EQ(decide("date", false, later, {R"({"valueDate": "2024"})"}), unknown);
  EXPECT_EQ(decide("decimal", false, R"("operator": "=", "answerDecimal": 1.0)",
                   {R"({"valueDecimal": 1.00})"}),
            yes);
  EXPECT_EQ(decide("string", false, R"("operator": "=", "answerString": "x")",
                   {R"({"valueString": "X"})"}),
            no);
  EXPECT_EQ(decide("open-choice", false,
                   R"("operator": "!=", "answerCoding": {"system": "s", "code": "x"})",
                   {R"({"valueString": "something else"})"}),
            yes);
  EXPECT_EQ(decide("boolean", false, R"("operator": "!=", "answerBoolean": true)",
                   {R"({"valueString": "x"})"}),
            unknown);
}

TEST(SeveralConditions, CombineByKleeneLogic) {
  const auto with = [](std::string_view behavior, std::string_view first, std::string_view second) {
    const auto json = form_with(parse(fmt::format(
        R"({{"item": [{{"linkId": "a", "type": "date"}}, {{"linkId": "b", "type": "date"}},
             {{"linkId": "c", "type": "string", "enableBehavior": "{}", "enableWhen": [
               {{"question": "a", "operator": ">", "answerDate": "2024-06"}},
               {{"question": "b", "operator": ">", "answerDate": "2024-06"}}]}}]}})",
        behavior)));
    const auto resource = response_with(parse(fmt::format(
        R"({{"item": [{{"linkId": "a", "answer": [{{"valueDate": "{}"}}]}},
                      {{"linkId": "b", "answer": [{{"valueDate": "{}"}}]}}]}})",
        first, second)));
    const auto form = load(json);
    const auto response = *Response::read(resource);
    const auto binding = bind_items(response, form);
    return Enablement(response, form, binding).at(2, {});
  };
  EXPECT_EQ(with("all", "2025", "2024"), unknown);
  EXPECT_EQ(with("all", "2023", "2024"), no);
  EXPECT_EQ(with("any", "2025", "2024"), yes);
  EXPECT_EQ(with("any", "2023", "2024"), unknown);
}

TEST(Undecided, AnswersOfAnUndecidedItemLeaveWhatDependsOnThemUndecided) {
  const auto form = load(form_with(parse(R"({"item": [{"linkId": "a", "type": "date"},
      {"linkId": "b", "type": "boolean", "enableWhen": [{"question": "a", "operator": ">", "answerDate": "2024-06"}]},
      {"linkId": "c", "type": "string", "enableWhen": [{"question": "b", "operator": "=", "answerBoolean": true}]},
      {"linkId": "d", "type": "string", "enableWhen": [{"question": "b", "operator": "=", "answerBoolean": false}]}]})")));
  const auto resource =
      response_with(parse(R"({"item": [{"linkId": "a", "answer": [{"valueDate": "2024"}]},
      {"linkId": "b", "answer": [{"valueBoolean": true}]}]})"));
  const auto response = *Response::read(resource);
  const auto binding = bind_items(response, form);
  const Enablement enablement(response, form, binding);
  EXPECT_EQ(enablement.of(1), unknown);
  EXPECT_EQ(enablement.at(2, {}), unknown);
  EXPECT_EQ(enablement.at(3, {}), no);  // false either way: the answer is true or does not count
}

}  // namespace
}  // namespace myoflag::fhir
