// Values and their three-valued comparison.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fhir/answer_value.h"
#include "tests/fhir_forms/case_files.h"

namespace myoflag::fhir {
namespace {

using namespace testing;

TEST(Truth, AndOrNotHaveAllNineRows) {
  const auto no = Truth::no;
  const auto unknown = Truth::unknown;
  const auto yes = Truth::yes;
  const Truth all[] = {no, unknown, yes};
  const Truth both[3][3] = {{no, no, no}, {no, unknown, unknown}, {no, unknown, yes}};
  const Truth either[3][3] = {{no, unknown, yes}, {unknown, unknown, yes}, {yes, yes, yes}};
  for (std::size_t a = 0; a < 3; ++a) {
    for (std::size_t b = 0; b < 3; ++b) {
      EXPECT_EQ(truth_and(all[a], all[b]), both[a][b]);
      EXPECT_EQ(truth_or(all[a], all[b]), either[a][b]);
    }
  }
  EXPECT_EQ(truth_not(no), yes);
  EXPECT_EQ(truth_not(unknown), unknown);
  EXPECT_EQ(truth_not(yes), no);
}

struct Comparison {
  ValueType type;
  const char* a;
  const char* b;
  char order;  // < = > and ? for unknown
  Truth equal;
};

void PrintTo(const Comparison& row, std::ostream* out) {
  *out << row.a << ' ' << row.order << ' ' << row.b;
}

class Comparisons : public ::testing::TestWithParam<Comparison> {};

TEST_P(Comparisons, AreThreeValuedAndAntisymmetric) {
  const auto& row = GetParam();
  const auto a = parse(row.a);
  const auto b = parse(row.b);
  const auto sign = [](const std::optional<std::strong_ordering>& order) {
    return !order ? '?' : std::is_lt(*order) ? '<' : std::is_gt(*order) ? '>' : '=';
  };
  const auto mirrored = row.order == '<' ? '>' : row.order == '>' ? '<' : row.order;
  EXPECT_EQ(sign(compare(ValueRef{row.type, &a}, ValueRef{row.type, &b})), row.order);
  EXPECT_EQ(sign(compare(ValueRef{row.type, &b}, ValueRef{row.type, &a})), mirrored);
  EXPECT_EQ(equal(ValueRef{row.type, &a}, ValueRef{row.type, &b}), row.equal);
  EXPECT_EQ(equal(ValueRef{row.type, &b}, ValueRef{row.type, &a}), row.equal);
}

constexpr auto yes = Truth::yes;
constexpr auto no = Truth::no;
constexpr auto unknown = Truth::unknown;

INSTANTIATE_TEST_SUITE_P(
    Rows, Comparisons,
    ::testing::Values(
        Comparison{ValueType::boolean, "true", "true", '?', yes},
        Comparison{ValueType::boolean, "true", "false", '?', no},
        Comparison{ValueType::boolean, "true", "1", '?', unknown},
        Comparison{ValueType::integer, "2", "10", '<', no},
        Comparison{ValueType::decimal, "1.0", "1", '=', yes},
        Comparison{ValueType::decimal, "0.1000000000000000055", "0.1", '>', no},
        Comparison{ValueType::decimal, "-1", "0.5", '<', no},
        Comparison{ValueType::decimal, "1", "\"1\"", '?', unknown},
        Comparison{ValueType::date, "\"2024-01-31\"", "\"2024-02\"", '<', no},
        Comparison{ValueType::date, "\"2024\"", "\"2024-02\"", '?', unknown},
        Comparison{ValueType::date, "\"2024-02\"", "\"2024-02\"", '=', yes},
        Comparison{ValueType::date, "\"x\"", "\"2024-02\"", '?', unknown},
        Comparison{ValueType::date_time, "\"2024-01-01T00:00:00Z\"",
                   "\"2024-01-01T01:00:00+01:00\"", '=', yes},
        Comparison{ValueType::date_time, "\"2024-01-01\"", "\"2024-01-01T01:00:00Z\"", '?',
                   unknown},
        Comparison{ValueType::time, "\"09:00:00\"", "\"10:00:00\"", '<', no},
        Comparison{ValueType::time, "\"10:00:00\"", "\"10:00:00.000\"", '=', yes},
        Comparison{ValueType::string, "\"a\"", "\"a\"", '?', yes},
        Comparison{ValueType::string, "\"a\"", "\"A\"", '?', no},
        Comparison{ValueType::uri, "\"a\"", "\"b\"", '?', no},
        Comparison{ValueType::coding, R"({"system": "s", "code": "c"})",
                   R"({"system": "s", "code": "c", "display": "d"})", '?', yes},
        Comparison{ValueType::coding, R"({"system": "s", "code": "c"})", R"({"code": "c"})", '?',
                   no},
        Comparison{ValueType::coding, R"({"code": "c"})", R"({"code": "c"})", '?', yes},
        Comparison{ValueType::coding, R"({"code": "c", "version": "1"})", R"({"code": "c"})", '?',
                   yes},
        Comparison{ValueType::coding, R"({"code": "c", "version": "1"})",
                   R"({"code": "c", "version": "2"})", '?', no},
        Comparison{ValueType::quantity, R"({"value": 1, "system": "u", "code": "g"})",
                   R"({"value": 2, "system": "u", "code": "g"})", '<', no},
        Comparison{ValueType::quantity, R"({"value": 1, "system": "u", "code": "g"})",
                   R"({"value": 1, "system": "u", "code": "kg"})", '?', unknown},
        Comparison{ValueType::quantity, R"({"value": 1, "unit": "g"})",
                   R"({"value": 1.0, "unit": "g"})", '=', yes},
        Comparison{ValueType::quantity, R"({"value": 1, "comparator": "<"})", R"({"value": 1})",
                   '?', unknown},
        Comparison{ValueType::reference, R"({"reference": "Patient/1"})",
                   R"({"reference": "Patient/1"})", '?', yes},
        Comparison{ValueType::reference, R"({"reference": "Patient/1"})", R"({"display": "x"})",
                   '?', unknown},
        Comparison{ValueType::attachment, R"({"url": "x"})", R"({"url": "x"})", '?', unknown}));

TEST(AnswerValue, DifferentTypesAreUnknown) {
  const auto a = parse("1");
  EXPECT_EQ(equal({ValueType::integer, &a}, {ValueType::decimal, &a}), Truth::unknown);
  EXPECT_EQ(compare(ValueRef{ValueType::integer, &a}, ValueRef{ValueType::decimal, &a}),
            std::nullopt);
}

TEST(AnswerValue, ChoiceElementsAreCounted) {
  const auto read = [](const char* text) {
    const auto json = parse(text);
    const auto choice = choice_element(json, "value");
    return std::to_string(choice.members) +
           (choice.value ? fhir_name(choice.value->type).data() : "-") +
           (choice.extension_only ? "!" : "");
  };
  EXPECT_EQ(read(R"({"valueDateTime": "2024"})"), "1dateTime");
  EXPECT_EQ(read(R"({"valueString": "x", "_valueString": {"id": "1"}})"), "1string");
  EXPECT_EQ(read(R"({"_valueString": {"id": "1"}})"), "0-!");
  EXPECT_EQ(read(R"({"valueString": "x", "valueInteger": 1})"), "2string");
  EXPECT_EQ(read(R"({"valuePeriod": {}})"), "1-");
  EXPECT_EQ(read(R"({"value": 1})"), "0-");
  EXPECT_EQ(read("[]"), "0-");
}

TEST(AnswerValue, CharactersAreCodePoints) {
  EXPECT_EQ(count_characters(""), 0u);
  EXPECT_EQ(count_characters("aß€😀"), 4u);
}

TEST(AnswerValue, IdentityKeysTellValuesApart) {
  const auto key = [](ValueType type, const char* text) {
    const auto json = parse(text);
    return identity_key({type, &json});
  };
  EXPECT_EQ(key(ValueType::coding, R"({"code": "a", "display": "x"})"),
            key(ValueType::coding, R"({"code": "a"})"));
  EXPECT_NE(key(ValueType::coding, R"({"display": "x"})"),
            key(ValueType::coding, R"({"display": "y"})"));
  EXPECT_NE(key(ValueType::integer, "1"), key(ValueType::decimal, "1"));
}

}  // namespace
}  // namespace myoflag::fhir
