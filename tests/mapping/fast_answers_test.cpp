// The quick way agrees with the careful way wherever it answers at all.
#include <functional>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fhir/questionnaire.h"
#include "fhir/response.h"
#include "fhir/response_check.h"
#include "fhir/structure.h"
#include "plugin/mapping/fast_answers.h"
#include "plugin/mapping/questionnaire.h"
#include "tests/mapping/intake_support.h"

namespace myoflag {
namespace {

using fhir::Json;
using testing::knowledge;

const mapping::FastForm& fast_form() {
  static const mapping::FastForm one(knowledge());
  return one;
}

const fhir::Questionnaire& form() {
  static const fhir::Questionnaire one =
      fhir::load_questionnaire(mapping::questionnaire_resource(*knowledge())).form.value();
  return one;
}

std::optional<mapping::FastResponse> read_fast(std::string_view json) {
  mapping::FastReader reader(fast_form());
  return reader.read(json);
}

// Empty when the careful way finds no error and the same answers.
std::string disagreement(const mapping::FastResponse& fast, std::string_view json) {
  const auto tree = fhir::read_json(json);
  if (!tree) {
    return "gate: " + tree.error().text;
  }
  auto issues = fhir::check_structure(*tree);
  for (auto& issue : fhir::check_response(*tree, form()).issues) {
    issues.push_back(issue);
  }
  for (const auto& issue : issues) {
    if (issue.severity == fhir::Severity::error || issue.severity == fhir::Severity::fatal) {
      return issue.code + " " + issue.place + " " + issue.text;
    }
  }
  const auto answers = mapping::read_answers(*knowledge(), fhir::Response::read(*tree).value());
  if (!answers) {
    return answers.error()[0].code;
  }
  if (!answers->out_of_range.empty() || answers->given.state != fast.given.state ||
      answers->given.chosen != fast.given.chosen || answers->given.number != fast.given.number) {
    return "other answers";
  }
  if (answers->free_text.size() != fast.free_text.size()) {
    return "other words";
  }
  for (std::size_t i = 0; i < fast.free_text.size(); ++i) {
    if (answers->free_text[i].item != fast.free_text[i].item ||
        answers->free_text[i].text != fast.free_text[i].text) {
      return "other words";
    }
  }
  return {};
}

TEST(FastAnswers, PlainResponsesAreReadQuicklyAndAlike) {
  std::mt19937_64 random(7);
  mapping::FastReader reader(fast_form());
  for (int i = 0; i < 3000; ++i) {
    const auto json = testing::json_of(testing::random_given(random));
    const auto fast = reader.read(json);
    ASSERT_TRUE(fast) << json;
    ASSERT_EQ(disagreement(*fast, json), "") << json;
  }
}

// One byte changed, removed, inserted or doubled; a member name or value swapped for another of the
// text.
std::string mutated(std::string text, std::mt19937_64& random) {
  const auto place = [&] { return random() % text.size(); };
  constexpr std::string_view bytes = "\"{}[]:,0123456789.-+eEtfn\\ \n\x01\x7f";
  constexpr std::string_view pieces[] = {"null",
                                         "true",
                                         "\"\"",
                                         "1e1",
                                         "-0",
                                         "\"valueInteger\":3,",
                                         "\"valueString\":\"x\",",
                                         "\"id\":\"x\",",
                                         "\"linkId\":\"em-now\",",
                                         "\\u0000",
                                         "\\ud800",
                                         "\xC3\x28",
                                         "7.50",
                                         ".none",
                                         "{},",
                                         "\"extension\":[],",
                                         "\"text\":\"x\",",
                                         "\"item\":[],"};
  switch (random() % 7) {
    case 0:
      text[place()] = bytes[random() % bytes.size()];
      break;
    case 1:
      text.erase(place(), 1 + random() % 3);
      break;
    case 2:
      text.insert(place(), 1, bytes[random() % bytes.size()]);
      break;
    case 3:
      text.insert(place(), pieces[random() % std::size(pieces)]);
      break;
    case 4: {  // another answer: a digit or an option
      const auto at = text.find_first_of("0123456789", place());
      if (at != std::string::npos) {
        text[at] = static_cast<char>('0' + random() % 10);
      }
      break;
    }
    case 5: {  // a stretch from one comma to another, doubled or removed
      const auto from = text.find(',', place());
      const auto to = from == std::string::npos ? from : text.find(',', from + 1);
      if (to != std::string::npos) {
        const auto stretch = text.substr(from, to - from);
        random() % 2 == 0 ? text.insert(from, stretch) : text.erase(from, to - from);
      }
      break;
    }
    default: {  // two stretches of the same kind swapped
      const auto a = text.find("\"code\"", place());
      const auto b = text.find("\"code\"", place());
      if (a != std::string::npos && b != std::string::npos && a < b) {
        const auto end_a = text.find_first_of(",}", a);
        const auto end_b = text.find_first_of(",}", b);
        const auto code_b = text.substr(b, end_b - b);
        text.replace(a, end_a - a, code_b);
      }
    }
  }
  return text;
}

class Mutations : public ::testing::TestWithParam<int> {};

TEST_P(Mutations, NeverMakeTheTwoWaysDisagree) {
  std::mt19937_64 random(static_cast<std::uint64_t>(GetParam()));
  mapping::FastReader reader(fast_form());
  int plain = 0;
  for (int i = 0; i < 500; ++i) {
    const auto sound = testing::json_of(testing::random_given(random));
    for (int k = 0; k < 50; ++k) {
      const auto json = mutated(sound, random);
      if (const auto fast = reader.read(json)) {
        ++plain;
        ASSERT_EQ(disagreement(*fast, json), "") << json;
      }
    }
  }
  EXPECT_GT(plain, 100);    // white space, other numbers, other options
  EXPECT_LT(plain, 12500);  // most mutations are faults
}

INSTANTIATE_TEST_SUITE_P(Seeds, Mutations, ::testing::Values(1, 2, 3, 4, 5));

struct Unusual {
  const char* name;
  std::function<void(Json&)> change;
};

Json& item_at(Json& response, std::size_t group, std::size_t item) {
  return (*(*response.find("item")->as_array())[group].find("item")->as_array())[item];
}
Json& answer_at(Json& response, std::size_t group, std::size_t item) {
  return (*item_at(response, group, item).find("answer")->as_array())[0];
}

class NotPlain : public ::testing::TestWithParam<Unusual> {};

TEST_P(NotPlain, IsLeftToTheCarefulWay) {
  auto response = testing::response_of(testing::harmless());
  ASSERT_TRUE(read_fast(fhir::write_json(response)));
  GetParam().change(response);
  EXPECT_FALSE(read_fast(fhir::write_json(response)));
}

// harmless(): group 0 is g-emergency (em-now first), group 1 g-about (age-years second).
INSTANTIATE_TEST_SUITE_P(
    Cases, NotPlain,
    ::testing::Values(
        Unusual{"unfinished", [](Json& r) { r.set("status", "in-progress"); }},
        Unusual{"no_status", [](Json& r) { r.erase("status"); }},
        Unusual{"other_form", [](Json& r) { r.set("questionnaire", "https://example.org/q|1"); }},
        Unusual{"no_version", [](Json& r) { r.set("questionnaire", "https://myoflag.org/fhir/Questionnaire/twitching"); }},
        Unusual{"no_date", [](Json& r) { r.erase("authored"); }},
        Unusual{"day_only", [](Json& r) { r.set("authored", "2026-11-22"); }},
        Unusual{"impossible_day", [](Json& r) { r.set("authored", "2026-02-30T10:00:00Z"); }},
        Unusual{"bad_id", [](Json& r) { r.set("id", "not an id"); }},
        Unusual{"subject_elsewhere", [](Json& r) { r.set("subject", Json::object({{"reference", "https://e/Patient/1"}})); }},
        Unusual{"subject_with_more", [](Json& r) { r.find("subject")->set("display", "x"); }},
        Unusual{"unknown_member", [](Json& r) { r.set("foo", "bar"); }},
        Unusual{"extension", [](Json& r) { r.set("extension", Json::array({Json::object({{"url", "http://x"}, {"valueString", "y"}})})); }},
        Unusual{"no_items", [](Json& r) { r.erase("item"); }},
        Unusual{"empty_items", [](Json& r) { r.set("item", Json::array()); }},
        Unusual{"empty_group", [](Json& r) { (*r.find("item")->as_array())[0].erase("item"); }},
        Unusual{"required_missing", [](Json& r) { (*r.find("item")->as_array())[0].find("item")->as_array()->pop_back(); }},
        Unusual{"out_of_order", [](Json& r) { std::swap(item_at(r, 0, 0), item_at(r, 0, 1)); }},
        Unusual{"groups_out_of_order", [](Json& r) { std::swap((*r.find("item")->as_array())[0], (*r.find("item")->as_array())[1]); }},
        Unusual{"twice", [](Json& r) { const Json copy = item_at(r, 0, 0); (*r.find("item")->as_array())[0].find("item")->push(copy); }},
        Unusual{"other_text", [](Json& r) { item_at(r, 0, 0).set("text", "Another question?"); }},
        Unusual{"item_with_id", [](Json& r) { item_at(r, 0, 0).set("id", "x"); }},
        Unusual{"no_answers", [](Json& r) { item_at(r, 0, 0).set("answer", Json::array()); }},
        Unusual{"two_answers_to_one", [](Json& r) { const Json copy = answer_at(r, 1, 0); item_at(r, 1, 0).find("answer")->push(copy); }},
        Unusual{"same_option_twice", [](Json& r) { const Json copy = answer_at(r, 0, 0); item_at(r, 0, 0).find("answer")->push(copy); }},
        Unusual{"none_beside_another", [](Json& r) {
                  Json more = answer_at(r, 0, 0);
                  more.find("valueCoding")->set("code", "em-now.seizure");
                  more.find("valueCoding")->erase("display");
                  item_at(r, 0, 0).find("answer")->push(more); }},
        Unusual{"other_display", [](Json& r) { answer_at(r, 0, 0).find("valueCoding")->set("display", "x"); }},
        Unusual{"other_system", [](Json& r) { answer_at(r, 0, 0).find("valueCoding")->set("system", "x"); }},
        Unusual{"no_system", [](Json& r) { answer_at(r, 0, 0).find("valueCoding")->erase("system"); }},
        Unusual{"version_of_the_coding", [](Json& r) { answer_at(r, 0, 0).find("valueCoding")->set("version", "1"); }},
        Unusual{"unknown_option", [](Json& r) { answer_at(r, 0, 0).find("valueCoding")->set("code", "em-now.x"); }},
        Unusual{"option_of_another", [](Json& r) { answer_at(r, 0, 0).find("valueCoding")->set("code", "em-sudden.none"); }},
        Unusual{"wrong_type", [](Json& r) { answer_at(r, 0, 0) = Json::object({{"valueString", "none"}}); }},
        Unusual{"age_as_decimal", [](Json& r) { answer_at(r, 1, 1) = Json::object({{"valueInteger", Json::Number{"30.0"}}}); }},
        Unusual{"age_minus_zero", [](Json& r) { answer_at(r, 1, 1) = Json::object({{"valueInteger", Json::Number{"-0"}}}); }},
        Unusual{"age_too_high", [](Json& r) { answer_at(r, 1, 1) = Json::object({{"valueInteger", Json::Number{"121"}}}); }},
        Unusual{"age_beyond_64_bits", [](Json& r) { answer_at(r, 1, 1) = Json::object({{"valueInteger", Json::Number{"18446744073709551616"}}}); }},
        Unusual{"age_as_text", [](Json& r) { answer_at(r, 1, 1) = Json::object({{"valueInteger", "30"}}); }},
        Unusual{"question_not_asked", [](Json& r) {
                  auto given = testing::harmless();
                  given["pregnancy-status"] = {"no"};
                  r = testing::response_of(given); }}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(FastAnswers, NothingAtAllIsLeftToTheCarefulWay) {
  mapping::FastReader reader(fast_form());
  EXPECT_FALSE(reader.read({}));
  EXPECT_FALSE(reader.read(" "));
}

TEST(FastAnswers, TextsThatOnlyTheCharactersMakeUnusual) {
  const auto plain = testing::json_of(testing::harmless());
  ASSERT_TRUE(read_fast(plain));
  EXPECT_TRUE(read_fast(" \n" + plain + "\n"));
  EXPECT_FALSE(read_fast("\xEF\xBB\xBF" + plain));
  EXPECT_FALSE(read_fast(plain + "x"));
  EXPECT_FALSE(read_fast(plain + plain));
  EXPECT_FALSE(read_fast(plain.substr(0, plain.size() - 1)));
  EXPECT_FALSE(read_fast(""));
  EXPECT_FALSE(read_fast("[]"));
  EXPECT_FALSE(read_fast(std::string(100000, '[')));
  auto twice = plain;
  twice.insert(1, "\"status\":\"completed\",");
  EXPECT_FALSE(read_fast(twice));
}

TEST(FastAnswers, EscapedNamesDoNotShiftNumbers) {
  auto given = testing::harmless();
  auto json = testing::json_of(given);
  const auto at = json.find("valueInteger");
  ASSERT_NE(at, std::string::npos);
  json.replace(at, 12, "valueIntege\\u0072");
  EXPECT_FALSE(read_fast(json));
}

TEST(FastAnswers, DecimalsKeepTheirDigits) {
  auto given = testing::harmless();
  given["lifestyle"] = {"poor-sleep"};
  const auto hours = [&](std::string text) {
    given["sleep-hours"] = {std::move(text)};
    const auto read = read_fast(testing::json_of(given));
    return read
               ? rules::to_text(
                     read->given.number[static_cast<std::size_t>(knowledge()->item("sleep-hours"))])
               : "";
  };
  EXPECT_EQ(hours("6.50"), "6.5");
  EXPECT_EQ(hours("7"), "7");
  EXPECT_EQ(hours("24.00000000001"), "");
  EXPECT_EQ(hours("24.1"), "");
  EXPECT_EQ(hours("7e0"), "");
}

TEST(FastAnswers, WordsThatSpellMemberNamesDoNotShiftNumbers) {
  auto given = testing::harmless();
  given["anything-else"] = {"he said \"valueInteger\": 99, valueInteger"};
  const auto json = testing::json_of(given);
  const auto read = read_fast(json);
  ASSERT_TRUE(read);
  EXPECT_EQ(disagreement(*read, json), "");
}

TEST(FastAnswers, LimitsOfTheCallerHold) {
  const auto plain = testing::json_of(testing::harmless());
  fhir::Limits limits;
  limits.bytes = plain.size() - 1;
  EXPECT_FALSE(mapping::FastReader(fast_form(), limits).read(plain));
  limits = {};
  limits.depth = 3;
  EXPECT_FALSE(mapping::FastReader(fast_form(), limits).read(plain));
  limits = {};
  limits.nodes = 10;
  EXPECT_FALSE(mapping::FastReader(fast_form(), limits).read(plain));
}

TEST(FastAnswers, OneReaderServesManyResponses) {
  mapping::FastReader reader(fast_form());
  const auto plain = testing::json_of(testing::harmless());
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(reader.read(plain));
    EXPECT_FALSE(reader.read("{"));
  }
}

}  // namespace
}  // namespace myoflag
