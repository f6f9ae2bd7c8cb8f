// From a response to the answers that the rules read.
#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugin/mapping/answers.h"
#include "plugin/mapping/code_system.h"
#include "tests/mapping/intake_support.h"

namespace myoflag {
namespace {

using fhir::Json;
using rules::ItemState;
using testing::Given;
using testing::knowledge;

std::size_t slot(std::string_view link_id) {
  return static_cast<std::size_t>(knowledge()->item(link_id));
}

std::uint64_t mask(std::string_view link_id, std::initializer_list<std::string_view> codes) {
  std::uint64_t bits = 0;
  for (const auto code : codes) {
    bits |= std::uint64_t{1} << knowledge()->items[slot(link_id)].option(code);
  }
  return bits;
}

tl::expected<mapping::Answers, fhir::Issues> read(const Json& response) {
  return mapping::read_answers(*knowledge(), fhir::Response::read(response).value());
}

TEST(Answers, ChoicesBecomeBitsAndNumbersStayExact) {
  const auto answers = read(testing::response_of(
      {{"em-now", {"seizure", "blackout"}}, {"age-years", {"41"}}, {"sleep-hours", {"6.50"}}}));
  ASSERT_TRUE(answers);
  EXPECT_EQ(answers->given.chosen[slot("em-now")], mask("em-now", {"seizure", "blackout"}));
  EXPECT_EQ(answers->given.state[slot("em-now")], ItemState::answered);
  EXPECT_EQ(answers->given.number[slot("age-years")], rules::whole(41));
  EXPECT_EQ(answers->given.number[slot("sleep-hours")], rules::read_number("6.5"));
  EXPECT_EQ(answers->given.state[slot("em-sudden")], ItemState::not_shown);
}

TEST(Answers, PatientsWordsAreKeptByteForByte) {
  const auto answers =
      read(testing::response_of({{"anything-else", {" Zuckt \"links\"\n\u00fcberall "}}}));
  ASSERT_TRUE(answers);
  ASSERT_EQ(answers->free_text.size(), 1u);
  EXPECT_EQ(answers->free_text[0].text, " Zuckt \"links\"\n\u00fcberall ");
}

TEST(Answers, NumbersBeyondTheLimitsAreSetAsideNotUsed) {
  for (const auto* age : {"-1", "121", "2000000000"}) {
    const auto answers = read(testing::response_of({{"age-years", {age}}}));
    ASSERT_TRUE(answers) << age;
    EXPECT_EQ(answers->given.state[slot("age-years")], ItemState::invalid);
    ASSERT_EQ(answers->out_of_range.size(), 1u);
    EXPECT_EQ(answers->out_of_range[0].number, rules::read_number(age));
  }
}

TEST(Answers, NumberTooLargeToHoldIsSetAside) {
  const auto answers = read(testing::response_of({{"sleep-hours", {"1e300"}}}));
  ASSERT_TRUE(answers);
  EXPECT_EQ(answers->given.state[slot("sleep-hours")], ItemState::invalid);
  EXPECT_FALSE(answers->out_of_range.at(0).number);
  EXPECT_EQ(answers->out_of_range.at(0).text, "1e300");
}

TEST(Answers, ANumberIsHeldAgainstItsLimitsExactly) {
  for (const auto* hours : {"24.0000000000001", "-0.00000000001", "-1e-30"}) {
    const auto answers = read(testing::response_of({{"sleep-hours", {hours}}}));
    ASSERT_TRUE(answers) << hours;
    EXPECT_EQ(answers->given.state[slot("sleep-hours")], ItemState::invalid) << hours;
    EXPECT_EQ(answers->out_of_range.at(0).text, hours);
  }
  for (const auto* hours : {"24.000", "0e99999", "-0", "7.12345678901234"}) {
    const auto answers = read(testing::response_of({{"sleep-hours", {hours}}}));
    ASSERT_TRUE(answers) << hours;
    EXPECT_EQ(answers->given.state[slot("sleep-hours")], ItemState::answered) << hours;
  }
}

// The item of "em-now" in the response made of it alone.
Json& em_now(Json& response) {
  return (*(*response.find("item")->as_array())[0].find("item")->as_array())[0];
}
Json& first_answer(Json& response) { return (*em_now(response).find("answer")->as_array())[0]; }

constexpr std::string_view kDeclined =
    R"([{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"asked-declined"}])";

// Where such an extension may stand beside a value.
std::vector<Json> declined_beside(std::string_view option) {
  const auto whole = testing::response_of({{"em-now", {std::string(option)}}});
  auto at_answer = whole, at_coding = whole, at_code = whole, at_item = whole;
  first_answer(at_answer).set("extension", testing::parse(kDeclined));
  first_answer(at_coding).find("valueCoding")->set("extension", testing::parse(kDeclined));
  first_answer(at_code)
      .find("valueCoding")
      ->set("_code", Json::object({{"extension", testing::parse(kDeclined)}}));
  em_now(at_item).set("extension", testing::parse(kDeclined));
  return {at_answer, at_coding, at_code, at_item};
}

TEST(Answers, ADenialThatIsAlsoSaidToBeMissingIsNotKnown) {
  for (const auto& response : declined_beside("none")) {
    const auto answers = read(response);
    ASSERT_TRUE(answers);
    EXPECT_EQ(answers->given.state[slot("em-now")], ItemState::invalid);
    EXPECT_EQ(answers->given.chosen[slot("em-now")], 0u);
    EXPECT_TRUE(answers->lacks_value);
  }
}

TEST(Answers, ADangerThatIsAlsoSaidToBeMissingStays) {
  for (const auto& response : declined_beside("seizure")) {
    const auto answers = read(response);
    ASSERT_TRUE(answers);
    EXPECT_EQ(answers->given.chosen[slot("em-now")], mask("em-now", {"seizure"}));
    EXPECT_TRUE(answers->lacks_value);
  }
}

TEST(Answers, AnAnswerThatOnlySaysWhyThereIsNoneIsNoAnswer) {
  auto response = testing::response_of({{"em-now", {"seizure"}}});
  first_answer(response) = testing::parse(
      R"({"_valueCoding":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"asked-declined"}]}})");
  const auto answers = read(response);
  ASSERT_TRUE(answers);
  EXPECT_EQ(answers->given.state[slot("em-now")], ItemState::not_shown);
}

TEST(Answers, BlankWordsAreNoAnswer) {
  const auto answers = read(testing::response_of({{"anything-else", {" \n"}}}));
  ASSERT_TRUE(answers);
  EXPECT_TRUE(answers->free_text.empty());
  EXPECT_EQ(answers->given.state[slot("anything-else")], ItemState::not_shown);
}

struct Fault {
  const char* name;
  std::function<void(Json&)> change;
  const char* code;
  const char* place;
};

class UnusableAnswer : public ::testing::TestWithParam<Fault> {};

TEST_P(UnusableAnswer, IsRefusedWithItsPlace) {
  auto response = testing::response_of({{"em-now", {"seizure"}}});
  GetParam().change(response);
  const auto answers = read(response);
  ASSERT_FALSE(answers);
  ASSERT_EQ(answers.error().size(), 1u);
  EXPECT_EQ(answers.error()[0].code, GetParam().code);
  EXPECT_EQ(answers.error()[0].place, GetParam().place);
}

constexpr const char* answer_place = "QuestionnaireResponse.item[0].item[0].answer[0]";

INSTANTIATE_TEST_SUITE_P(
    Cases, UnusableAnswer,
    ::testing::Values(
        Fault{"no_system", [](Json& r) { first_answer(r).find("valueCoding")->erase("system"); },
              "MF-3020", answer_place},
        Fault{"foreign_system",
              [](Json& r) {
                first_answer(r).find("valueCoding")->set("system", "http://snomed.info/sct");
              },
              "MF-3021", answer_place},
        Fault{"code_of_another_version",
              [](Json& r) { first_answer(r).find("valueCoding")->set("version", "0.0.9"); },
              "MF-3038", answer_place},
        Fault{"bare_option_code",
              [](Json& r) { first_answer(r).find("valueCoding")->set("code", "seizure"); },
              "MF-3022", answer_place},
        Fault{"option_of_another_question",
              [](Json& r) {
                first_answer(r).find("valueCoding")->set("code", "em-sudden.face-droop");
              },
              "MF-3022", answer_place},
        Fault{"text_for_a_choice",
              [](Json& r) {
                first_answer(r) = Json::object({{"valueString", "seizure"}});
              },
              "MF-3024", answer_place},
        Fault{"value_of_a_strange_type",
              [](Json& r) {
                first_answer(r) = Json::object({{"valueBogus", "seizure"}});
              },
              "MF-3024", answer_place},
        Fault{"two_values", [](Json& r) { first_answer(r).set("valueString", "seizure"); },
              "MF-3024", answer_place},
        Fault{"unknown_link_id", [](Json& r) { em_now(r).set("linkId", "em-noww"); }, "MF-3025",
              "QuestionnaireResponse.item[0].item[0].linkId"},
        Fault{"same_question_twice",
              [](Json& r) {
                const Json copy = em_now(r);
                (*r.find("item")->as_array())[0].find("item")->push(copy);
              },
              "MF-3023", "QuestionnaireResponse.item[0].item[1]"}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(Answers, ACodingMayNameTheVersionOfItsForm) {
  auto response = testing::response_of({{"em-now", {"seizure"}}});
  first_answer(response).find("valueCoding")->set("version", knowledge()->version);
  const auto answers = read(response);
  ASSERT_TRUE(answers);
  EXPECT_EQ(answers->given.chosen[slot("em-now")], mask("em-now", {"seizure"}));
}

TEST(Answers, TwoAnswersToAQuestionThatTakesOneAreRefused) {
  auto response = testing::response_of({{"sex-at-birth", {"female", "male"}}});
  const auto answers = read(response);
  ASSERT_FALSE(answers);
  EXPECT_EQ(answers.error()[0].code, "MF-3023");
  EXPECT_EQ(answers.error()[0].link_id, "sex-at-birth");
}

TEST(Answers, EveryFaultIsReportedAtOnce) {
  auto response = testing::response_of({{"em-now", {"seizure", "blackout", "none"}}});
  for (auto& answer : *em_now(response).find("answer")->as_array()) {
    answer.find("valueCoding")->erase("system");
  }
  EXPECT_EQ(read(response).error().size(), 3u);
}

TEST(Answers, ErrorsQuoteNothingOfTheResponse) {
  auto response = testing::response_of({{"em-now", {"seizure"}}});
  first_answer(response).find("valueCoding")->set("code", "CANARY-4711");
  first_answer(response).find("valueCoding")->set("display", "CANARY-4711");
  const auto refused = read(response);
  ASSERT_FALSE(refused);
  for (const auto& issue : refused.error()) {
    EXPECT_THAT(issue.text + issue.place + issue.link_id,
                ::testing::Not(::testing::HasSubstr("CANARY")));
  }
}

}  // namespace
}  // namespace myoflag
