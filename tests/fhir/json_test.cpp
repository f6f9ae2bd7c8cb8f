#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "fhir/issue.h"
#include "fhir/json.h"

namespace myoflag::fhir {
namespace {

using namespace std::string_literals;

std::string round_trip(std::string_view text) {
  const auto value = read_json(text);
  return value ? write_json(*value) : value.error().code;
}

struct Refused {
  std::string name;
  std::string text;
  std::string code;
  std::size_t line;
  std::size_t column;
};

class RefusedJson : public testing::TestWithParam<Refused> {};

TEST_P(RefusedJson, NamesCodeAndPlace) {
  const auto result = read_json(GetParam().text);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, GetParam().code) << result.error().text;
  EXPECT_EQ(result.error().line, GetParam().line);
  EXPECT_EQ(result.error().column, GetParam().column);
  EXPECT_TRUE(result.error().text.ends_with('.')) << result.error().text;
}

const std::vector<Refused> refused{
    {"Empty", "", "MF-1004", 1, 1},
    {"OnlySpace", " \n ", "MF-1004", 2, 2},
    {"TruncatedObject", "{\"a\":1", "MF-1006", 1, 7},
    {"TruncatedString", "\"abc", "MF-1006", 1, 5},
    {"TruncatedEscape", "\"a\\", "MF-1006", 1, 4},
    {"TruncatedUnicodeEscape", "\"\\u12", "MF-1006", 1, 6},
    {"TruncatedWord", "[tru", "MF-1006", 1, 5},
    {"TruncatedAfterColon", "{\"a\":", "MF-1006", 1, 6},
    {"TruncatedAfterComma", "[1,", "MF-1006", 1, 4},
    {"TrailingComma", "[1,]", "MF-1005", 1, 4},
    {"TrailingCommaInObject", "{\"a\":1,}", "MF-1005", 1, 8},
    {"MissingComma", "[1 2]", "MF-1005", 1, 4},
    {"MissingColon", "{\"a\" 1}", "MF-1005", 1, 6},
    {"NameWithoutQuotes", "{a:1}", "MF-1005", 1, 2},
    {"SingleQuotes", "['a']", "MF-1005", 1, 2},
    {"Comment", "[1, // x\n2]", "MF-1005", 1, 5},
    {"WrongBracket", "[1}", "MF-1005", 1, 3},
    {"UnknownWord", "[yes]", "MF-1005", 1, 2},
    {"NotANumber", "{\"a\":\n NaN}", "MF-1013", 2, 2},
    {"Infinity", "[-Infinity]", "MF-1013", 1, 2},
    {"LeadingPlus", "+1", "MF-1013", 1, 1},
    {"LeadingZero", "[01]", "MF-1013", 1, 2},
    {"NoDigitAfterPoint", "1.", "MF-1013", 1, 1},
    {"NoDigitBeforePoint", ".5", "MF-1013", 1, 1},
    {"EmptyExponent", "1e", "MF-1013", 1, 1},
    {"Hexadecimal", "0x10", "MF-1013", 1, 1},
    {"TextAfterValue", "{} {}", "MF-1014", 1, 4},
    {"DuplicateName", "{\"a\":1,\n \"a\":2}", "MF-1008", 2, 2},
    {"DuplicateNameByEscape", "{\"a\":1,\"\\u0061\":2}", "MF-1008", 1, 8},
    {"UnknownEscape", "\"\\x41\"", "MF-1015", 1, 2},
    {"BadHexDigit", "\"\\u00g0\"", "MF-1015", 1, 2},
    {"LoneHighSurrogate", "\"\\ud800\"", "MF-1012", 1, 2},
    {"LoneLowSurrogate", "\"\\udc00\"", "MF-1012", 1, 2},
    {"TwoHighSurrogates", "\"\\ud800\\ud800\"", "MF-1012", 1, 2},
    {"RawControlCharacter", "\"a\x01\"", "MF-1011", 1, 3},
    {"RawLineBreakInString", "\"a\nb\"", "MF-1011", 1, 3},
    {"EscapedNul", "\"\\u0000\"", "MF-1011", 1, 2},
    {"EscapedFormFeed", "\"\\f\"", "MF-1011", 1, 2},
    {"NulByte", "{\"a\":\"x\0y\"}"s, "MF-1016", 1, 8},
    {"ByteOrderMark", "\xEF\xBB\xBF{}", "MF-1003", 1, 1},
    {"Utf16", "\xFF\xFE{\0}\0"s, "MF-1003", 1, 1},
    {"Utf16LittleWithoutMark", "{\0}\0"s, "MF-1003", 1, 1},
    {"Utf16BigWithoutMark", "\0{\0\"\0\xE9"s, "MF-1003", 1, 1},
    {"Utf32WithoutMark", "\0\0\0{"s, "MF-1003", 1, 1},
    {"InvalidUtf8", "[\"a\xC3(\"]", "MF-1002", 1, 4},
    {"OverlongUtf8", "\"\xC0\x80\"", "MF-1002", 1, 2},
    {"SurrogateInUtf8", "\"\xED\xA0\x80\"", "MF-1002", 1, 2},
    {"CutUtf8", "\"\xE2\x82", "MF-1002", 1, 2},
};

INSTANTIATE_TEST_SUITE_P(Json, RefusedJson, testing::ValuesIn(refused),
                         [](const auto& one) { return one.param.name; });

TEST(JsonReader, KeepsNumberText) {
  for (const std::string text :
       {"0", "-0", "1.10", "1e400", "18446744073709551616", "1E+2", "-0.0e-0",
        "0.1000000000000000055", "123456789012345678901234567890.10"}) {
    EXPECT_EQ(round_trip(text), text);
  }
}

TEST(JsonReader, ReadsEveryKindOfValue) {
  EXPECT_EQ(round_trip(R"( { "b" : [ true , false , null , "x" , { } , [ ] ] , "a" : -1.5 } )"),
            R"({"b":[true,false,null,"x",{},[]],"a":-1.5})");
}

TEST(JsonReader, DecodesEscapes) {
  const auto value = read_json(R"("\"\\\/\n\r\t\u00e9\ud83d\ude00")");
  ASSERT_TRUE(value);
  EXPECT_EQ(*value->as_string(), "\"\\/\n\r\t\xC3\xA9\xF0\x9F\x98\x80");
}

TEST(JsonReader, LimitsDepthWhileReading) {
  const auto nested = [](std::size_t levels) {
    return std::string(levels, '[') + std::string(levels, ']');
  };
  EXPECT_TRUE(read_json(nested(64)));
  const auto result = read_json(nested(65));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, "MF-1007");
  EXPECT_EQ(result.error().column, 65U);
  EXPECT_EQ(round_trip(nested(10'000)), "MF-1007");
  EXPECT_EQ(round_trip(std::string(10'000, '[')), "MF-1007");
}

TEST(JsonReader, LimitsSizeNodesAndStrings) {
  Limits limits;
  limits.bytes = 10;
  EXPECT_EQ(read_json("[1,2,3,4,5]", limits).error().code, "MF-1001");
  limits = {};
  limits.nodes = 3;
  EXPECT_TRUE(read_json("[1,2]", limits));
  EXPECT_EQ(read_json("[1,2,3]", limits).error().code, "MF-1009");
  limits = {};
  limits.string_bytes = 3;
  EXPECT_TRUE(read_json("[\"abc\"]", limits));
  EXPECT_EQ(read_json("[\"abcd\"]", limits).error().code, "MF-1010");
  EXPECT_EQ(read_json("{\"abcd\":1}", limits).error().code, "MF-1010");
  EXPECT_EQ(read_json("12345", limits).error().code, "MF-1010");
}

TEST(JsonReader, FindsDuplicatesInLargeObjects) {
  std::string text = "{";
  for (int i = 0; i < 5000; ++i) {
    text += "\"n" + std::to_string(i) + "\":1,";
  }
  EXPECT_TRUE(read_json(text + "\"last\":1}"));
  EXPECT_EQ(round_trip(text + "\"n7\":1}"), "MF-1008");
  EXPECT_EQ(round_trip(text + "\"n4999\":1}"), "MF-1008");
}

TEST(JsonReader, NeverQuotesTheText) {
  for (const std::string text : {"{\"Margaret\":1,\"Margaret\":2}", "[Margaret]",
                                 "{\"a\":\"Margaret\x01\"}", "\"Margaret\" Margaret"}) {
    const auto result = read_json(text);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().text.find("Margaret"), std::string::npos) << result.error().text;
  }
}

TEST(JsonValue, ComparesWithoutRegardToOrderButWithNumberText) {
  const auto same = [](std::string_view a, std::string_view b) {
    return *read_json(a) == *read_json(b);
  };
  EXPECT_TRUE(same(R"({"a":1,"b":[{}]})", R"({"b":[{}],"a":1})"));
  EXPECT_FALSE(same("1.0", "1"));
  EXPECT_FALSE(same("[1,2]", "[2,1]"));
  EXPECT_FALSE(same("{}", "[]"));
  EXPECT_FALSE(same("null", "false"));
  EXPECT_FALSE(same(R"({"a":1})", R"({"b":1})"));
  EXPECT_FALSE(same(R"({"a":1})", R"({"a":1,"b":1})"));
  EXPECT_FALSE(same("\"1\"", "1"));
}

TEST(JsonValue, StandsAnyDepth) {
  Json deep;
  for (int i = 0; i < 300'000; ++i) {
    Json outer;
    i % 2 == 0 ? outer.push(std::move(deep)) : outer.set("x", std::move(deep));
    deep = std::move(outer);
  }
  const Json copy = deep;
  EXPECT_TRUE(copy == deep);
  EXPECT_EQ(write_json(copy).size(), write_json(deep).size());
}

TEST(JsonValue, CanBeAssignedFromItsOwnPart) {
  auto value = *read_json(R"({"a":{"b":[1,2]}})");
  value = *value.find("a");
  EXPECT_EQ(write_json(value), R"({"b":[1,2]})");
  value = Json(*value.find("b"));
  EXPECT_EQ(write_json(value), "[1,2]");
  value = std::move((*value.as_array())[1]);
  EXPECT_EQ(write_json(value), "2");
}

TEST(JsonValue, SetKeepsThePlaceOfAMember) {
  auto value = Json::object({{"a", 1}, {"b", 2}});
  value.set("a", 3).set("c", std::int64_t{-9'000'000'000});
  EXPECT_EQ(write_json(value), R"({"a":3,"b":2,"c":-9000000000})");
  EXPECT_TRUE(value.erase("b"));
  EXPECT_FALSE(value.erase("b"));
  EXPECT_EQ(write_json(value), R"({"a":3,"c":-9000000000})");
}

TEST(JsonValue, SetIfLeavesEmptyThingsOut) {
  Json value = Json::object();
  value.set_if("a", "").set_if("b", Json()).set_if("c", Json::array()).set_if("d", Json::object());
  value.set_if("e", false).set_if("f", 0);
  EXPECT_EQ(write_json(value), R"({"e":false,"f":0})");
}

TEST(JsonValue, LookupsOnOtherKindsGiveNothing) {
  const Json number = 1;
  EXPECT_EQ(number.find("a"), nullptr);
  EXPECT_EQ(number.string_of("a"), "");
  EXPECT_TRUE(number.array_of("a").empty());
  const auto object = Json::object({{"a", 1}, {"b", "x"}, {"c", Json::array({1})}});
  EXPECT_EQ(object.string_of("a"), "");
  EXPECT_EQ(object.string_of("b"), "x");
  EXPECT_EQ(object.array_of("c").size(), 1U);
  EXPECT_TRUE(object.array_of("b").empty());
}

TEST(JsonWriter, PrettyStyleHasOneMemberALine) {
  EXPECT_EQ(write_json(*read_json(R"({"a":[1,{"b":[]}],"c":{}})"), JsonStyle::pretty),
            "{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    }\n  ],\n  \"c\": {}\n}\n");
}

TEST(Json, IsAddedToOnlyWhereNothingIsLost) {
  Json nothing;
  nothing.set("a", 1);
  EXPECT_EQ(write_json(nothing), R"({"a":1})");
  Json list;
  list.push(1);
  EXPECT_EQ(write_json(list), "[1]");
  for (const auto* kept : {"[1]", "\"text\"", "7", "true"}) {
    auto value = *read_json(kept);
    EXPECT_THROW(value.set("a", 1), std::logic_error) << kept;
    EXPECT_EQ(write_json(value), kept);
  }
  for (const auto* kept : {"{}", "\"text\"", "7", "false"}) {
    auto value = *read_json(kept);
    EXPECT_THROW(value.push(1), std::logic_error) << kept;
    EXPECT_EQ(write_json(value), kept);
  }
}

TEST(JsonWriter, EscapesWhatJsonDemands) {
  EXPECT_EQ(write_json(Json("\"\\\n\r\t\x01/\xC3\xA9")), "\"\\\"\\\\\\n\\r\\t\\u0001/\xC3\xA9\"");
}

TEST(JsonNumber, FollowsTheGrammar) {
  for (const auto* text : {"0", "-0", "10", "1.5", "1e5", "1E-5", "-1.50e+10"}) {
    EXPECT_TRUE(is_json_number(text)) << text;
  }
  for (const auto* text :
       {"", "-", "+1", "00", "01", "1.", ".1", "1e", "1e+", "1 ", "0x1", "1.e5", "--1"}) {
    EXPECT_FALSE(is_json_number(text)) << text;
  }
}

TEST(OperationOutcome, SaysAllOkWithoutIssues) {
  EXPECT_EQ(
      write_json(operation_outcome({})),
      R"({"resourceType":"OperationOutcome","issue":[{"severity":"information","code":"informational","details":{"text":"All OK"}}]})");
}

TEST(OperationOutcome, CarriesCodePlaceAndText) {
  Issue issue;
  issue.severity = Severity::warning;
  issue.type = "value";
  issue.code = "MF-1230";
  issue.text = "Odd.";
  issue.place = "Patient.birthDate";
  EXPECT_EQ(
      write_json(operation_outcome({issue})),
      R"({"resourceType":"OperationOutcome","issue":[{"severity":"warning","code":"value","details":{"coding":[{"system":"https://myoflag.org/fhir/CodeSystem/errors","code":"MF-1230"}],"text":"Odd."},"expression":["Patient.birthDate"]}]})");
}

TEST(IssueFromError, KeepsLineAndColumnInTheText) {
  const auto issue = to_issue(read_json("[1,]").error());
  EXPECT_EQ(issue.severity, Severity::fatal);
  EXPECT_EQ(issue.type, "structure");
  EXPECT_EQ(issue.code, "MF-1005");
  EXPECT_NE(issue.text.find("line 1, column 4"), std::string::npos);
  EXPECT_TRUE(has_errors({issue}));
  EXPECT_FALSE(has_errors({}));
}

TEST(IssueFromError, SaysTooLongForLimits) {
  EXPECT_EQ(to_issue(read_json(std::string(100, '[')).error()).type, "too-long");
}

TEST(IssueType, BelongsToTheCode) {
  const std::pair<const char*, const char*> cases[] = {
      {"MF-1001", "too-long"},     {"MF-1005", "structure"},  {"MF-1007", "too-long"},
      {"MF-1009", "too-long"},     {"MF-1010", "too-long"},   {"MF-1101", "too-long"},
      {"MF-1105", "structure"},    {"MF-1107", "too-long"},   {"MF-1114", "too-long"},
      {"MF-1116", "too-long"},     {"MF-1202", "structure"},  {"MF-1209", "too-long"},
      {"MF-1214", "value"},        {"MF-1230", "value"},      {"MF-1231", "required"},
      {"MF-1232", "code-invalid"}, {"MF-1234", "invariant"},  {"MF-1306", "invariant"},
      {"MF-1400", "structure"},    {"MF-2004", "processing"}, {"MF-3007", "business-rule"},
      {"MF-4001", "processing"},   {"", "processing"}};
  for (const auto& [code, type] : cases) {
    EXPECT_EQ(issue_type(code), type) << code;
  }
}

}  // namespace
}  // namespace myoflag::fhir
