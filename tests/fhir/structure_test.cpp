#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "fhir/structure.h"
#include "tests/fhir/random_resource.h"

namespace myoflag::fhir {
namespace {

using r4::Primitive;

// "CODE place" of every finding.
std::vector<std::string> findings(std::string_view text) {
  const auto value = read_json(text);
  if (!value) {
    return {value.error().code};
  }
  std::vector<std::string> result;
  for (const auto& issue : check_structure(*value)) {
    result.push_back(issue.code + " " + issue.place);
  }
  return result;
}

struct Case {
  std::string name;
  std::string text;
  std::vector<std::string> expected;
};

class Structure : public testing::TestWithParam<Case> {};

TEST_P(Structure, IsJudgedWithItsPlace) {
  EXPECT_EQ(findings(GetParam().text), GetParam().expected);
}

const std::vector<Case> cases{
    {"EmptyResource", R"({"resourceType":"Patient"})", {}},
    {"TypeAnywhere", R"({"active":true,"resourceType":"Patient"})", {}},
    {"NotAnObject", "[]", {"MF-1200 Resource"}},
    {"NoType", R"({"id":"a"})", {"MF-1200 Resource"}},
    {"TypeIsNoString", R"({"resourceType":1})", {"MF-1200 Resource"}},
    {"UnknownType", R"({"resourceType":"Person2"})", {"MF-1201 Resource"}},
    {"AbstractType", R"({"resourceType":"DomainResource"})", {"MF-1201 Resource"}},
    {"DataTypeAsResource", R"({"resourceType":"HumanName"})", {"MF-1201 Resource"}},
    {"UnknownElement", R"({"resourceType":"Patient","nickname":"x"})", {"MF-1202 Patient"}},
    {"UnknownElementDeep",
     R"({"resourceType":"Patient","name":[{"family":"x"},{"middle":"x"}]})",
     {"MF-1202 Patient.name[1]"}},
    {"BareChoice",
     R"({"resourceType":"Observation","status":"final","code":{"text":"x"},"value":1})",
     {"MF-1202 Observation"}},
    {"StringForObject",
     R"({"resourceType":"Patient","maritalStatus":"M"})",
     {"MF-1203 Patient.maritalStatus"}},
    {"ObjectForString",
     R"({"resourceType":"Patient","birthDate":{"a":1}})",
     {"MF-1203 Patient.birthDate"}},
    {"StringForBoolean",
     R"({"resourceType":"Patient","active":"true"})",
     {"MF-1203 Patient.active"}},
    {"NumberForString",
     R"({"resourceType":"Patient","birthDate":1970})",
     {"MF-1203 Patient.birthDate"}},
    {"StringForNumber",
     R"({"resourceType":"Patient","multipleBirthInteger":"2"})",
     {"MF-1203 Patient.multipleBirth"}},
    {"ListExpected",
     R"({"resourceType":"Patient","name":{"family":"x"}})",
     {"MF-1204 Patient.name"}},
    {"PrimitiveListExpected",
     R"({"resourceType":"Patient","name":[{"given":"x"}]})",
     {"MF-1204 Patient.name[0].given"}},
    {"NoListExpected",
     R"({"resourceType":"Patient","maritalStatus":[{"text":"x"}]})",
     {"MF-1204 Patient.maritalStatus"}},
    {"NoPrimitiveListExpected",
     R"({"resourceType":"Patient","active":[true]})",
     {"MF-1204 Patient.active"}},
    {"EmptyObject",
     R"({"resourceType":"Patient","maritalStatus":{}})",
     {"MF-1205 Patient.maritalStatus"}},
    {"EmptyList", R"({"resourceType":"Patient","name":[]})", {"MF-1205 Patient.name"}},
    {"EmptyString", R"({"resourceType":"Patient","birthDate":""})", {"MF-1205 Patient.birthDate"}},
    {"NullElement", R"({"resourceType":"Patient","active":null})", {"MF-1206 Patient.active"}},
    {"NullInComplexList",
     R"({"resourceType":"Patient","name":[null]})",
     {"MF-1206 Patient.name[0]"}},
    {"NullWithoutSibling",
     R"({"resourceType":"Patient","name":[{"given":["a",null]}]})",
     {"MF-1206 Patient.name[0].given[1]"}},
    {"NullInBoth",
     R"({"resourceType":"Patient","name":[{"given":["a",null],"_given":[{"id":"x"},null]}]})",
     {"MF-1206 Patient.name[0].given[1]"}},
    {"Padding",
     R"({"resourceType":"Patient","name":[{"given":["a",null],"_given":[null,{"id":"x"}]}]})",
     {}},
    {"OnlySiblings", R"({"resourceType":"Patient","name":[{"_given":[{"id":"x"}]}]})", {}},
    {"UnequalLengths",
     R"({"resourceType":"Patient","name":[{"given":["a","b"],"_given":[{"id":"x"}]}]})",
     {"MF-1208 Patient.name[0].given"}},
    {"SiblingOfComplex", R"({"resourceType":"Patient","_name":[{"id":"x"}]})", {"MF-1208 Patient"}},
    {"SiblingOfElementId",
     R"({"resourceType":"Patient","name":[{"id":"a","_id":{"id":"x"}}]})",
     {"MF-1208 Patient.name[0]"}},
    {"SiblingOfResourceId", R"({"resourceType":"Patient","id":"a","_id":{"id":"x"}})", {}},
    {"SiblingWithValue",
     R"({"resourceType":"Patient","_active":{"value":true}})",
     {"MF-1202 Patient.active"}},
    {"SiblingIsNoObject",
     R"({"resourceType":"Patient","_active":"x"})",
     {"MF-1203 Patient.active"}},
    {"EmptySibling", R"({"resourceType":"Patient","_active":{}})", {"MF-1205 Patient.active"}},
    {"TwoChoices",
     R"({"resourceType":"Patient","deceasedBoolean":true,"deceasedDateTime":"2020"})",
     {"MF-1207 Patient.deceased"}},
    {"TwoChoicesBySibling",
     R"({"resourceType":"Patient","deceasedBoolean":true,"_deceasedDateTime":{"id":"x"}})",
     {"MF-1207 Patient.deceased"}},
    {"ChoiceWithSibling",
     R"({"resourceType":"Patient","deceasedDateTime":"2020","_deceasedDateTime":{"id":"x"}})",
     {}},
    {"MissingRequired",
     R"({"resourceType":"Observation","status":"final"})",
     {"MF-1231 Observation"}},
    {"RequiredBySibling",
     R"({"resourceType":"Observation","_status":{"extension":[{"url":"u","valueCode":"unknown"}]},"code":{"text":"x"}})",
     {}},
    {"MissingRequiredChoice",
     R"({"resourceType":"Group","type":"person","actual":true,"characteristic":[{"code":{"text":"x"},"exclude":false}]})",
     {"MF-1231 Group.characteristic[0]"}},
    {"NoncharacterInString",
     R"({"resourceType":"Patient","name":[{"family":"a\uffffb"}]})",
     {"MF-1210 Patient.name[0].family"}},
    {"BadDate",
     R"({"resourceType":"Patient","birthDate":"1970-02-30"})",
     {"MF-1230 Patient.birthDate"}},
    {"BadCode", R"({"resourceType":"Patient","gender":"x"})", {"MF-1232 Patient.gender"}},
    {"FractionForInteger",
     R"({"resourceType":"Patient","multipleBirthInteger":1.5})",
     {"MF-1230 Patient.multipleBirth"}},
    {"ExtensionWithBoth",
     R"({"resourceType":"Patient","extension":[{"url":"u","valueCode":"a","extension":[{"url":"v","valueCode":"b"}]}]})",
     {"MF-1234 Patient.extension[0]"}},
    {"ExtensionWithNeither",
     R"({"resourceType":"Patient","extension":[{"url":"u"}]})",
     {"MF-1234 Patient.extension[0]"}},
    {"ExtensionWithoutUrl",
     R"({"resourceType":"Patient","extension":[{"valueCode":"a"}]})",
     {"MF-1231 Patient.extension[0]"}},
    {"Contained",
     R"({"resourceType":"Patient","contained":[{"resourceType":"Patient","id":"a"},{"resourceType":"Zebra"},7]})",
     {"MF-1201 Patient.contained[1]", "MF-1200 Patient.contained[2]"}},
    {"BundleEntry",
     R"({"resourceType":"Bundle","type":"batch","entry":[{"resource":{"resourceType":"Patient","active":1}}]})",
     {"MF-1203 Bundle.entry[0].resource.active"}},
    {"RecursiveBackbone",
     R"({"resourceType":"Questionnaire","status":"draft","item":[{"linkId":"1","type":"group","item":[{"linkId":"2","type":"group","item":[{"type":"x","linkId":"3"}]}]}]})",
     {"MF-1232 Questionnaire.item[0].item[0].item[0].type"}},
    {"NarrativeNotWellFormed",
     R"({"resourceType":"Patient","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">"}})",
     {"MF-1211 Patient.text.div"}},
    {"NarrativeWithScript",
     R"({"resourceType":"Patient","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><script>x</script></div>"}})",
     {"MF-1235 Patient.text.div"}},
    {"NarrativeIsNoString",
     R"({"resourceType":"Patient","text":{"status":"generated","div":{"a":1}}})",
     {"MF-1203 Patient.text.div"}},
    {"ResourceTypeInElement",
     R"({"resourceType":"Patient","name":[{"resourceType":"HumanName","family":"x"}]})",
     {"MF-1202 Patient.name[0]"}},
};

INSTANTIATE_TEST_SUITE_P(R4, Structure, testing::ValuesIn(cases),
                         [](const auto& one) { return one.param.name; });

TEST(StructureIssues, HaveTypesOfTheStandard) {
  const auto value =
      read_json(R"({"resourceType":"Observation","status":"x","issued":"x","foo":1})");
  std::vector<std::string> types;
  for (const auto& issue : check_structure(*value)) {
    types.push_back(issue.type);
  }
  EXPECT_EQ(types, (std::vector<std::string>{"structure", "code-invalid", "value", "required"}));
}

TEST(StructureIssues, NeverQuoteTheData) {
  const auto value = read_json(
      R"({"resourceType":"Patient","Margaret":1,"gender":"Margaret","birthDate":"Margaret"})");
  for (const auto& issue : check_structure(*value)) {
    EXPECT_EQ((issue.text + issue.place).find("Margaret"), std::string::npos) << issue.text;
  }
}

TEST(StructureIssues, SayWhereAnUnknownMemberIsWithoutItsName) {
  const auto text_of = [](std::string_view json) {
    return check_structure(*read_json(json)).front().text;
  };
  EXPECT_EQ(
      text_of(R"({"resourceType":"Patient","_birthDate":{"id":"b"},"Margaret":1,"active":true})"),
      "Patient has a member that FHIR R4 does not define: its member 3 of 4, after birthDate.");
  EXPECT_EQ(text_of(R"({"Margaret":1,"resourceType":"Patient"})"),
            "Patient has a member that FHIR R4 does not define: its member 1 of 2.");
}

TEST(StructureIssues, AreBoundedInNumber) {
  Json patient = Json::object({{"resourceType", "Patient"}});
  for (int i = 0; i < 5000; ++i) {
    patient.as_object()->push_back({"x" + std::to_string(i), 1});
  }
  const auto issues = check_structure(patient);
  EXPECT_EQ(issues.size(), max_issues);
  EXPECT_EQ(issues.back().code, "MF-1213");
}

TEST(StructureDepth, IsBounded) {
  Json extension = Json::object({{"url", "u"}, {"valueCode", "a"}});
  for (int i = 0; i < 100'000; ++i) {
    Json outer = Json::object({{"url", "u"}});
    Json::Array list;
    list.push_back(std::move(extension));
    outer.set("extension", std::move(list));
    extension = std::move(outer);
  }
  Json patient = Json::object({{"resourceType", "Patient"}});
  patient.set("extension", Json::Array{});
  patient.find("extension")->push(std::move(extension));
  const auto issues = check_structure(patient);
  ASSERT_EQ(issues.size(), 1U);
  EXPECT_EQ(issues[0].code, "MF-1209");
}

TEST(CheckShape, LooksAtShapeOnly) {
  const auto value = read_json(R"({"resourceType":"Observation","status":"x","issued":"x"})");
  EXPECT_TRUE(check_shape(*value).empty());
  EXPECT_EQ(check_structure(*value).size(), 3U);
}

struct Form {
  Primitive primitive;
  std::vector<std::string> good;
  std::vector<std::string> bad;
};

TEST(PrimitiveForms, FollowTheStandard) {
  const std::vector<Form> forms{
      {Primitive::boolean, {"true", "false"}, {"", "True", "1", "yes"}},
      {Primitive::integer, {"0", "-1", "2147483647"}, {"2147483648", "01", "1.0", "-0", "+1", ""}},
      {Primitive::unsigned_int, {"0", "5"}, {"-1", "", "x"}},
      {Primitive::positive_int, {"1", "2147483647"}, {"0", "-1"}},
      {Primitive::decimal, {"0", "-1.50", "1e-7", "1E+400"}, {"1.", ".5", "+1", "NaN", "01", ""}},
      {Primitive::uri,
       {"a", "http://x/y?z#w", "urn:oid:1", "Patient.deceased[x]"},
       {"", "a b", "a\n"}},
      {Primitive::canonical, {"http://x|1.0"}, {"", "http://x |1"}},
      {Primitive::code, {"a", "two words", "\xC3\xA9"}, {"", " a", "a ", "a  b", " ", "a\n\nb"}},
      {Primitive::id,
       {"a", "A-1.b", std::string(64, 'x')},
       {"", "a_b", "a b", std::string(65, 'x'), "\xC3\xA9"}},
      {Primitive::oid,
       {"urn:oid:1.2.3", "urn:oid:0.0", "urn:oid:2.16.840"},
       {"1.2.3", "urn:oid:3.1", "urn:oid:1", "urn:oid:1.", "urn:oid:1..2", "urn:oid:1.02",
        "urn:oid:1.a"}},
      {Primitive::uuid,
       {"urn:uuid:c757873d-ec9a-4326-a141-556f43239520"},
       {"c757873d-ec9a-4326-a141-556f43239520", "urn:uuid:C757873D-EC9A-4326-A141-556F43239520"}},
      {Primitive::base64_binary,
       {"aGk=", "aGVsbG8=", "AAAA\n BBBB", "AA=="},
       {"", " ", "a", "aGk", "a===", "aG=k", "aGk-"}},
      {Primitive::date, {"2024", "2024-02-29"}, {"2023-02-29", "2024-02-29T00:00:00Z"}},
      {Primitive::date_time, {"2024", "2024-02-29T00:00:00Z"}, {"2024-02-29T00:00Z"}},
      {Primitive::instant, {"2024-02-29T00:00:00.1Z"}, {"2024"}},
      {Primitive::time, {"00:00:00"}, {"00:00", "24:00:00"}},
      {Primitive::string,
       {"a", " ", "a\nb", std::string(1'048'576, 'x')},
       {"", std::string(1'048'577, 'x')}},
      {Primitive::markdown, {"# a"}, {""}},
      {Primitive::sampled_data_data_type,
       {"1", "-1.5 E U L .5",
        "1."
        "0"},
       {"", "1  2", "x", "1 ", "-", ".", "1.2.3", "EU"}},
  };
  for (const auto& form : forms) {
    for (const auto& text : form.good) {
      EXPECT_TRUE(has_primitive_form(form.primitive, text))
          << static_cast<int>(form.primitive) << " " << text.substr(0, 80);
    }
    for (const auto& text : form.bad) {
      EXPECT_FALSE(has_primitive_form(form.primitive, text))
          << static_cast<int>(form.primitive) << " " << text.substr(0, 80);
    }
  }
}

TEST(Definitions, HoldTheStandard) {
  EXPECT_EQ(
      std::count_if(r4::types().begin(), r4::types().end(),
                    [](const r4::Type& type) { return r4::find_resource(type.name) != nullptr; }),
      146);
  EXPECT_EQ(r4::find_type("Nothing"), nullptr);
  EXPECT_EQ(r4::find_resource("Element"), nullptr);
  const auto* item = r4::find_element(*r4::find_type("Questionnaire.Item"), "item");
  ASSERT_NE(item, nullptr);
  EXPECT_EQ(r4::type_of(*item).name, "Questionnaire.Item");
  EXPECT_TRUE(item->repeats);
  const auto* gender = r4::find_element(*r4::find_resource("Patient"), "gender");
  ASSERT_NE(gender, nullptr);
  EXPECT_EQ(r4::codes(r4::type_of(*gender)).size(), 4U);
  EXPECT_TRUE(r4::find_element(*r4::find_type("Extension"), "url")->attribute);
  EXPECT_FALSE(r4::find_element(*r4::find_resource("Patient"), "id")->attribute);
}

TEST(RandomResources, OfEveryTypeAreFoundValid) {
  for (const auto& type : r4::types()) {
    if (r4::find_resource(type.name) == nullptr) {
      continue;
    }
    for (std::uint32_t seed = 0; seed < 10; ++seed) {
      const auto resource = test::random_resource(type.name, seed);
      const auto issues = check_structure(resource);
      EXPECT_TRUE(issues.empty()) << type.name << " " << seed << " " << issues.front().code << " "
                                  << issues.front().text << " " << issues.front().place;
    }
  }
}

}  // namespace
}  // namespace myoflag::fhir
