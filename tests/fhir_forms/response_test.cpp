// Responses as lists of items and answers, with places.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fhir/issue.h"
#include "fhir/response.h"
#include "tests/fhir_forms/case_files.h"

namespace myoflag::fhir {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace testing;

TEST(Response, HeaderIsRead) {
  const auto json = parse(R"({"resourceType": "QuestionnaireResponse", "id": "r1",
    "identifier": {"value": "7"}, "questionnaire": "http://example.org/form|1.2#frag", "status": "amended",
    "subject": {"reference": "Patient/1"}, "encounter": {"reference": "Encounter/2"}, "authored": "2024-05",
    "author": {"reference": "Device/3"}, "source": {"reference": "Patient/1"}})");
  const auto header = Response::read(json)->header();
  EXPECT_EQ(header.id, "r1");
  EXPECT_EQ(header.identifier.string_of("value"), "7");
  EXPECT_EQ(header.questionnaire, (Canonical{"http://example.org/form", "1.2"}));
  EXPECT_EQ(header.status, ResponseStatus::amended);
  EXPECT_EQ(header.subject + header.encounter + header.authored + header.author + header.source,
            "Patient/1Encounter/22024-05Device/3Patient/1");
}

TEST(Response, CanonicalsAreSplit) {
  EXPECT_EQ(split_canonical("u|v"), (Canonical{"u", "v"}));
  EXPECT_EQ(split_canonical("u"), (Canonical{"u", ""}));
  EXPECT_EQ(split_canonical("u|"), (Canonical{"u", ""}));
  EXPECT_EQ(split_canonical("u#f"), (Canonical{"u", ""}));
  EXPECT_EQ(split_canonical(""), (Canonical{"", ""}));
}

TEST(Response, ItemsAndAnswersKeepOrderPlaceAndRange) {
  const auto json = response_with(parse(R"({"item": [
    {"linkId": "g", "item": [{"linkId": "a", "answer": [
       {"valueString": "x", "item": [{"linkId": "b", "answer": [{"valueInteger": 1}]}]},
       {"valueString": "y", "item": [{"linkId": "c"}]}]}]},
    {"linkId": "d"}]})"));
  const auto response = *Response::read(json);
  std::vector<std::string> items;
  for (std::size_t i = 0; i < response.items().size(); ++i) {
    items.push_back(std::string(response.item(i).link_id()) + " " + response.place_of_item(i) +
                    " " + std::to_string(response.item(i).end));
  }
  EXPECT_THAT(items, ElementsAre("g QuestionnaireResponse.item[0] 4",
                                 "a QuestionnaireResponse.item[0].item[0] 4",
                                 "b QuestionnaireResponse.item[0].item[0].answer[0].item[0] 3",
                                 "c QuestionnaireResponse.item[0].item[0].answer[1].item[0] 4",
                                 "d QuestionnaireResponse.item[1] 5"));
  ASSERT_EQ(response.answers().size(), 3u);
  EXPECT_EQ(response.place_of_answer(1), "QuestionnaireResponse.item[0].item[0].answer[1]");
  EXPECT_EQ(response.answer(0).first_item, 2u);
  EXPECT_EQ(response.answer(0).end_item, 3u);
  EXPECT_EQ(response.parent_of(2), 1u);
  EXPECT_EQ(response.parent_of(0), no_node);
  EXPECT_EQ(response.item(1).answer_count, 2u);
  EXPECT_EQ(response.answer(2).choice.value->type, ValueType::integer);
  EXPECT_THAT(response.misfits(), IsEmpty());
}

TEST(Response, WhatCannotBeReadIsListed) {
  const auto json = response_with(parse(R"({"item": [5, {"linkId": "a", "answer": {}},
      {"linkId": "b", "answer": [null, {"item": "x"}]}, {"linkId": "c", "item": {}}]})"));
  EXPECT_THAT(Response::read(json)->misfits(),
              ElementsAre("QuestionnaireResponse.item[0]", "QuestionnaireResponse.item[1].answer",
                          "QuestionnaireResponse.item[2].answer[0]",
                          "QuestionnaireResponse.item[2].answer[1].item",
                          "QuestionnaireResponse.item[3].item"));
}

TEST(Response, NoMoreMisfitsAreListedThanFindings) {
  Json::Array many(3 * max_issues, Json(5));
  const auto json = response_with(Json::object({{"item", many}}));
  const auto response = *Response::read(json);
  EXPECT_EQ(response.misfits().size(), max_issues);
  EXPECT_EQ(response.misfits().back(), "QuestionnaireResponse.item[999]");
}

TEST(Response, OtherResourcesAreRefused) {
  const auto response = Response::read(parse(R"({"resourceType": "Bundle"})"));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, "MF-1400");
}

}  // namespace
}  // namespace myoflag::fhir
