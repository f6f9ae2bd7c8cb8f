#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fhir/convert.h"
#include "tests/fhir/random_resource.h"

namespace myoflag::fhir {
namespace {

constexpr std::string_view head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

Json json(std::string_view text) {
  auto read = read_json(text);
  EXPECT_TRUE(read);
  return read ? std::move(*read) : Json();
}

std::string to_xml(std::string_view text) {
  const auto xml = json_to_xml(json(text));
  return xml ? xml->substr(head.size()) : xml.error().code + " " + xml.error().place;
}

// Compact JSON, or the code and place of the error.
std::string to_json(std::string_view xml) {
  const auto result = xml_to_json(xml);
  return result ? write_json(result->resource) : result.error().code + " " + result.error().place;
}

std::string patient(std::string_view content) {
  return "<Patient xmlns=\"http://hl7.org/fhir\">" + std::string(content) + "</Patient>";
}

TEST(JsonToXml, WritesInDefinitionOrderWithAttributesWhereFhirWantsThem) {
  EXPECT_EQ(
      to_xml(
          R"({"birthDate":"1970","name":[{"given":["A","B"],"id":"n1","family":"<C>"}],"active":true,
                       "extension":[{"valueDecimal":1.10,"url":"http://x/?a&b"}],"id":"p","resourceType":"Patient"})"),
      R"(<Patient xmlns="http://hl7.org/fhir">
  <id value="p"/>
  <extension url="http://x/?a&amp;b">
    <valueDecimal value="1.10"/>
  </extension>
  <active value="true"/>
  <name id="n1">
    <family value="&lt;C&gt;"/>
    <given value="A"/>
    <given value="B"/>
  </name>
  <birthDate value="1970"/>
</Patient>
)");
}

TEST(JsonToXml, JoinsPrimitivesWithTheirSiblings) {
  EXPECT_EQ(
      to_xml(
          R"({"resourceType":"Patient","_birthDate":{"id":"b","extension":[{"url":"u","valueCode":"c"}]},
                       "name":[{"given":["A",null,"C"],"_given":[null,{"id":"g2"},{"id":"g3"}]}]})"),
      R"(<Patient xmlns="http://hl7.org/fhir">
  <name>
    <given value="A"/>
    <given id="g2"/>
    <given id="g3" value="C"/>
  </name>
  <birthDate id="b">
    <extension url="u">
      <valueCode value="c"/>
    </extension>
  </birthDate>
</Patient>
)");
}

TEST(JsonToXml, WrapsContainedResourcesAndCopiesNarrative) {
  EXPECT_EQ(
      to_xml(
          R"({"resourceType":"Patient","text":{"status":"generated","div":" <div xmlns='http://www.w3.org/1999/xhtml'>a\n <b>b</b></div>\n"},
                       "contained":[{"resourceType":"Basic","id":"b"},{"resourceType":"Parameters"}]})"),
      R"(<Patient xmlns="http://hl7.org/fhir">
  <text>
    <status value="generated"/>
    <div xmlns='http://www.w3.org/1999/xhtml'>a
 <b>b</b></div>
  </text>
  <contained>
    <Basic>
      <id value="b"/>
    </Basic>
  </contained>
  <contained>
    <Parameters/>
  </contained>
</Patient>
)");
}

TEST(JsonToXml, RefusesWhatXmlCannotCarry) {
  EXPECT_EQ(to_xml(R"({"resourceType":"Patient","foo":1})"), "MF-1202 Patient");
  EXPECT_EQ(to_xml(R"({"resourceType":"Patient","name":[{"family":"\uffff"}]})"),
            "MF-1210 Patient.name[0].family");
  EXPECT_EQ(to_xml("{}"), "MF-1200 Resource");
  EXPECT_EQ(to_xml("null"), "MF-1200 Resource");
}

TEST(JsonToXml, RefusesALeapSecondThatItsSchemaForbids) {
  EXPECT_EQ(
      to_xml(
          R"({"resourceType":"QuestionnaireResponse","status":"completed","authored":"2016-12-31T23:59:60Z"})"),
      "MF-1214 QuestionnaireResponse.authored");
  EXPECT_EQ(
      to_xml(R"({"resourceType":"Patient","meta":{"lastUpdated":"2016-12-31T23:59:60.5+00:00"}})"),
      "MF-1214 Patient.meta.lastUpdated");
  EXPECT_EQ(
      to_xml(R"({"resourceType":"Patient","extension":[{"url":"u","valueTime":"23:59:60"}]})"),
      "MF-1214 Patient.extension[0].value");
  EXPECT_EQ(
      to_json(
          patient("<extension url='u'><valueString value='2016-12-31T23:59:60Z'/></extension>"
                  "<extension url='u'><valueDateTime value='2016-12-31T23:59:60Z'/></extension>")),
      R"({"resourceType":"Patient","extension":[{"url":"u","valueString":"2016-12-31T23:59:60Z"},{"url":"u","valueDateTime":"2016-12-31T23:59:60Z"}]})");
}

TEST(JsonToXml, ConvertsWrongContentAsItIs) {
  EXPECT_EQ(
      to_json(*json_to_xml(json(R"({"resourceType":"Patient","gender":"x","birthDate":"never"})"))),
      R"({"resourceType":"Patient","gender":"x","birthDate":"never"})");
}

TEST(XmlToJson, RestoresArraysNumbersAndSiblings) {
  EXPECT_EQ(
      to_json(
          R"(<f:Observation xmlns:f="http://hl7.org/fhir"><f:status value="final"/><f:category><f:text value="a&#10;b"/></f:category>
                       <f:code><f:text id="t" value="x"/></f:code><f:valueQuantity><f:value value="1.50"/></f:valueQuantity></f:Observation>)"),
      R"({"resourceType":"Observation","status":"final","category":[{"text":"a\nb"}],"code":{"text":"x","_text":{"id":"t"}},"valueQuantity":{"value":1.50}})");
  EXPECT_EQ(
      to_json(patient("<name><given value='A'/><given><extension url='u'><valueBoolean "
                      "value='false'/></extension></given></name>")),
      R"({"resourceType":"Patient","name":[{"given":["A",null],"_given":[null,{"extension":[{"url":"u","valueBoolean":false}]}]}]})");
  EXPECT_EQ(to_json(patient("<multipleBirthInteger value=' 2 '/>")),
            R"({"resourceType":"Patient","multipleBirthInteger":2})");
}

struct Refused {
  std::string name;
  std::string content;
  std::string expected;
};

class RefusedXmlContent : public testing::TestWithParam<Refused> {};

TEST_P(RefusedXmlContent, NamesCodePlaceAndLine) {
  const auto result = xml_to_json(patient("\n" + GetParam().content));
  ASSERT_FALSE(result) << write_json(result->resource);
  EXPECT_EQ(result.error().code + " " + result.error().place, GetParam().expected);
  EXPECT_EQ(result.error().line, 2U);
}

const std::vector<Refused> refused{
    {"UnknownElement", "<nickname value='x'/>", "MF-1202 Patient"},
    {"UnknownAttribute", "<name use='x'><family value='x'/></name>", "MF-1202 Patient.name[0]"},
    {"ValueOnComplex", "<name value='x'/>", "MF-1202 Patient.name[0]"},
    {"ChildOfPrimitive", "<active value='true'><family value='x'/></active>",
     "MF-1202 Patient.active"},
    {"AttributeOfPrimitive", "<active value='true' url='x'/>", "MF-1202 Patient.active"},
    {"UrlAsElement", "<extension><url value='x'/><valueCode value='x'/></extension>",
     "MF-1202 Patient.extension[0]"},
    {"IdAsElementOfType", "<name><id value='x'/></name>", "MF-1202 Patient.name[0]"},
    {"Repeats", "<active value='true'/><active value='true'/>", "MF-1204 Patient.active"},
    {"EmptyComplex", "<name/>", "MF-1205 Patient.name[0]"},
    {"EmptyPrimitive", "<active/>", "MF-1205 Patient.active"},
    {"EmptyValue", "<birthDate value=''/>", "MF-1205 Patient.birthDate"},
    {"EmptyId", "<name id=''><family value='x'/></name>", "MF-1205 Patient.name[0]"},
    {"TwoChoices", "<deceasedBoolean value='true'/><deceasedDateTime value='2020'/>",
     "MF-1207 Patient.deceased"},
    {"NoBoolean", "<active value='yes'/>", "MF-1203 Patient.active"},
    {"NoNumber", "<multipleBirthInteger value='two'/>", "MF-1203 Patient.multipleBirth"},
    {"InfiniteNumber", "<multipleBirthInteger value='INF'/>", "MF-1203 Patient.multipleBirth"},
    {"UnknownContained", "<contained><Zebra/></contained>", "MF-1201 Patient.contained[0]"},
    {"EmptyContained", "<contained/>", "MF-1212 Patient.contained[0]"},
    {"TwoContained", "<contained><Basic/><Basic/></contained>", "MF-1212 Patient.contained[0]"},
    {"DivInWrongNamespace", "<text><status value='generated'/><div>a</div></text>", "MF-1113 "},
    {"StrayDiv", "<div xmlns='http://www.w3.org/1999/xhtml'>a</div>", "MF-1202 Patient"},
    {"DivAsResource", "<contained><div xmlns='http://www.w3.org/1999/xhtml'>a</div></contained>",
     "MF-1201 Patient.contained[0]"},
};

INSTANTIATE_TEST_SUITE_P(Convert, RefusedXmlContent, testing::ValuesIn(refused),
                         [](const auto& one) { return one.param.name; });

TEST(XmlToJson, RefusesUnknownRoots) {
  EXPECT_EQ(to_json("<Zebra xmlns=\"http://hl7.org/fhir\"/>"), "MF-1201 Resource");
  EXPECT_EQ(to_json("<Element xmlns=\"http://hl7.org/fhir\"/>"), "MF-1201 Resource");
  EXPECT_EQ(to_json("<Patient/>"), "MF-1113 ");
}

TEST(XmlToJson, TellsWhatItDropped) {
  const auto result = xml_to_json(
      "<!-- a --><Patient xmlns=\"http://hl7.org/fhir\" "
      "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
      "xsi:schemaLocation=\"a b\">\n<!-- b --><?c d?><active value=\"true\"/></Patient>");
  ASSERT_TRUE(result);
  std::vector<std::string> texts;
  for (const auto& notice : result->notices) {
    EXPECT_EQ(notice.severity, Severity::information);
    texts.push_back(notice.text);
  }
  EXPECT_EQ(texts,
            (std::vector<std::string>{
                "Dropped, because JSON has no place for it: 2 comments (line 1, 2).",
                "Dropped, because JSON has no place for it: 1 processing instruction (line 2).",
                "Dropped, because JSON has no place for it: 1 schema location (line 1)."}));
}

TEST(XmlToJson, PutsElementsIntoOrderAndSaysSo) {
  const auto result =
      xml_to_json(patient("<birthDate value='1970'/>\n<name><given value='a'/><family "
                          "value='c'/><given value='b'/></name>"));
  ASSERT_TRUE(result);
  EXPECT_EQ(
      write_json(result->resource),
      R"({"resourceType":"Patient","name":[{"family":"c","given":["a","b"]}],"birthDate":"1970"})");
  ASSERT_EQ(result->notices.size(), 1U);
  EXPECT_EQ(result->notices[0].severity, Severity::warning);
  EXPECT_EQ(result->notices[0].code, "MF-1251");
}

TEST(XmlToJson, HasNoNoticesForPlainXml) {
  EXPECT_TRUE(xml_to_json(patient("<active value='true'/>"))->notices.empty());
}

TEST(Depth, JsonAtTheLimitSurvivesAndXmlBeyondItIsRefused) {
  // Each level of extension is two levels of JSON and one of XML.
  const auto nested = [](int levels) {
    std::string open;
    std::string close;
    for (int i = 0; i < levels; ++i) {
      open += "<extension url='u'>";
      close += "</extension>";
    }
    return patient(open + "<valueCode value='x'/>" + close);
  };
  const auto deepest = xml_to_json(nested(31));
  ASSERT_TRUE(deepest);
  const auto text = write_json(deepest->resource);
  ASSERT_TRUE(read_json(text));
  const auto back = json_to_xml(deepest->resource);
  ASSERT_TRUE(back);
  EXPECT_EQ(xml_to_json(*back)->resource, deepest->resource);
  EXPECT_EQ(xml_to_json(nested(32)).error().code, "MF-1209");
  EXPECT_EQ(xml_to_json(nested(60)).error().code, "MF-1209");
  EXPECT_EQ(xml_to_json(nested(1000)).error().code, "MF-1107");
}

TEST(DefinitionOrder, IsThatOfTheConversionFromXml) {
  const auto resource = json(
      R"({"birthDate":"1970","_birthDate":{"extension":[{"valueCode":"c","url":"u"}],"id":"b"},
          "name":[{"_given":[null,{"id":"g"}],"given":["A",null],"id":"n"},{"given":["B"],"_given":[null]}],
          "contained":[{"id":"q","resourceType":"Basic"}],"id":"p","resourceType":"Patient"})");
  const auto ordered = write_json(in_definition_order(resource));
  EXPECT_EQ(
      ordered,
      R"({"resourceType":"Patient","id":"p","contained":[{"resourceType":"Basic","id":"q"}],"name":[{"id":"n","given":["A",null],"_given":[null,{"id":"g"}]},{"given":["B"]}],"birthDate":"1970","_birthDate":{"id":"b","extension":[{"url":"u","valueCode":"c"}]}})");
  EXPECT_EQ(ordered, to_json(*json_to_xml(resource)));
}

// The div of JSON is XHTML source: what a reader makes of its line ends is that reader's business.
TEST(CarriageReturns, SurviveInNarrative) {
  const auto resource = json(
      R"({"resourceType":"Patient","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">a\r\nb&#13;<p\rid=\"i\"/></div>"}})");
  const auto xml = json_to_xml(resource);
  ASSERT_TRUE(xml);
  EXPECT_NE(xml->find(">a\r\nb&#13;<p\rid"), std::string::npos) << *xml;
  EXPECT_EQ(to_json(*xml), write_json(resource));
}

TEST(RoundTrip, KeepsRandomResourcesOfEveryType) {
  for (const auto& type : r4::types()) {
    if (r4::find_resource(type.name) == nullptr) {
      continue;
    }
    for (std::uint32_t seed = 0; seed < 6; ++seed) {
      const auto resource = test::random_resource(type.name, seed);
      const auto reread = read_json(write_json(resource, JsonStyle::pretty));
      ASSERT_TRUE(reread) << type.name << " " << seed << " " << reread.error().text;
      EXPECT_EQ(*reread == resource, true) << type.name << " " << seed;
      const auto xml = json_to_xml(resource);
      ASSERT_TRUE(xml) << type.name << " " << seed << " " << xml.error().text << xml.error().place;
      const auto back = xml_to_json(*xml);
      ASSERT_TRUE(back) << type.name << " " << seed << " " << back.error().text
                        << back.error().place << "\n"
                        << *xml;
      EXPECT_TRUE(back->resource == resource) << type.name << " " << seed << "\n" << *xml;
      EXPECT_EQ(write_json(back->resource), write_json(in_definition_order(resource)));
      EXPECT_TRUE(back->notices.empty());
      EXPECT_EQ(json_to_xml(back->resource), *xml) << "same resource, same bytes";
    }
  }
}

}  // namespace
}  // namespace myoflag::fhir
