#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fhir/xml.h"
#include "tests/support/processor_time.h"

namespace myoflag::fhir {
namespace {

using namespace std::string_literals;

constexpr std::string_view ns = "xmlns=\"http://hl7.org/fhir\"";
constexpr std::string_view xhtml = "xmlns=\"http://www.w3.org/1999/xhtml\"";

std::string patient(std::string_view content) {
  return "<Patient " + std::string(ns) + ">" + std::string(content) + "</Patient>";
}

std::string narrative(std::string_view content) {
  return patient("<text><status value=\"generated\"/><div " + std::string(xhtml) + ">" +
                 std::string(content) + "</div></text>");
}

std::string verdict(std::string_view text) {
  const auto result = read_xml(text);
  return result ? "ok" : result.error().code;
}

struct Refused {
  std::string name;
  std::string text;
  std::string code;
};

class RefusedXml : public testing::TestWithParam<Refused> {};

TEST_P(RefusedXml, NamesCodeAndPlace) {
  const auto result = read_xml(GetParam().text);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, GetParam().code) << result.error().text;
  EXPECT_GE(result.error().line, 1U);
  EXPECT_GE(result.error().column, 1U);
  EXPECT_TRUE(result.error().text.ends_with('.')) << result.error().text;
}

const std::string bomb =
    "<?xml version=\"1.0\"?><!DOCTYPE lolz [<!ENTITY lol \"lol\"><!ENTITY lol2 "
    "\"&lol;&lol;&lol;\">]>" +
    patient("");

const std::vector<Refused> refused{
    {"Empty", "", "MF-1112"},
    {"OnlySpace", " \n", "MF-1112"},
    {"OnlyComment", "<!-- x -->", "MF-1112"},
    {"OnlyDeclaration", "<?xml version=\"1.0\"?>", "MF-1112"},
    {"Json", "{\"resourceType\":\"Patient\"}", "MF-1111"},
    {"Doctype", "<!DOCTYPE Patient>" + patient(""), "MF-1108"},
    {"DoctypeAfterDeclaration",
     "<?xml version=\"1.0\"?>\n<!DOCTYPE Patient SYSTEM \"file:///etc/passwd\">" + patient(""),
     "MF-1108"},
    {"EntityBomb", bomb, "MF-1108"},
    {"EntityDeclaration", "<!ENTITY a \"b\">" + patient(""), "MF-1108"},
    {"UnknownEntity", patient("<id value=\"&nbsp;\"/>"), "MF-1109"},
    {"UnknownEntityInNarrative", narrative("&nbsp;"), "MF-1109"},
    {"LoneAmpersand", patient("<id value=\"a & b\"/>"), "MF-1105"},
    {"NulReference", patient("<id value=\"&#0;\"/>"), "MF-1104"},
    {"ControlReference", patient("<id value=\"&#x1B;\"/>"), "MF-1104"},
    {"SurrogateReference", patient("<id value=\"&#xD800;\"/>"), "MF-1104"},
    {"NoncharacterReference", patient("<id value=\"&#xFFFE;\"/>"), "MF-1104"},
    {"HugeReference", patient("<id value=\"&#99999999999999999999;\"/>"), "MF-1104"},
    {"EmptyReference", patient("<id value=\"&#;\"/>"), "MF-1104"},
    {"UpperCaseX", patient("<id value=\"&#X41;\"/>"), "MF-1104"},
    {"NulByte", patient("<id value=\"a\0b\"/>"s), "MF-1104"},
    {"ControlByte", patient("<id value=\"\x1B\"/>"), "MF-1104"},
    {"Noncharacter", patient("<id value=\"\xEF\xBF\xBF\"/>"), "MF-1104"},
    {"InvalidUtf8", patient("<id value=\"\xC3(\"/>"), "MF-1102"},
    {"Utf16", "\xFF\xFE<\0P\0"s, "MF-1103"},
    {"Utf16WithoutMark", "<\0P\0"s, "MF-1103"},
    {"Latin1Declared", "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>" + patient(""), "MF-1103"},
    {"Utf7Declared", "<?xml version=\"1.0\" encoding=\"UTF-7\"?>" + patient(""), "MF-1103"},
    {"Xml11", "<?xml version=\"1.1\"?>" + patient(""), "MF-1103"},
    {"DeclarationWithoutVersion", "<?xml encoding=\"UTF-8\"?>" + patient(""), "MF-1105"},
    {"DeclarationOutOfOrder",
     "<?xml version=\"1.0\" standalone=\"yes\" encoding=\"UTF-8\"?>" + patient(""), "MF-1105"},
    {"LateDeclaration", " <?xml version=\"1.0\"?>" + patient(""), "MF-1105"},
    {"DeclarationInside", patient("<?xml version=\"1.0\"?>"), "MF-1105"},
    {"TwoRoots", patient("") + patient(""), "MF-1112"},
    {"TextBefore", "x" + patient(""), "MF-1111"},
    {"TextAfter", patient("") + "x", "MF-1111"},
    {"TextBetween", patient("<id value=\"a\"/>x"), "MF-1111"},
    {"ReferenceBetween", patient("&#65;"), "MF-1111"},
    {"CdataBetween", patient("<![CDATA[x]]>"), "MF-1111"},
    {"CdataOutside", patient("") + "<![CDATA[]]>", "MF-1111"},
    {"NoNamespace", "<Patient/>", "MF-1113"},
    {"WrongNamespace", "<Patient xmlns=\"http://hl7.org/fhir/\"/>", "MF-1113"},
    {"ChildInOtherNamespace", patient("<id xmlns=\"urn:x\" value=\"a\"/>"), "MF-1113"},
    {"ChildOutOfNamespace", patient("<id xmlns=\"\" value=\"a\"/>"), "MF-1113"},
    {"XhtmlOutsideNarrative", patient("<p " + std::string(xhtml) + "/>"), "MF-1113"},
    {"FhirInNarrative", narrative("<id " + std::string(ns) + "/>"), "MF-1113"},
    {"SvgInNarrative", narrative("<svg xmlns=\"http://www.w3.org/2000/svg\"/>"), "MF-1113"},
    {"UndeclaredPrefix", "<f:Patient/>", "MF-1117"},
    {"PrefixOutOfScope",
     patient("<id xmlns:a=\"http://hl7.org/fhir\" value=\"x\"/><a:active value=\"true\"/>"),
     "MF-1117"},
    {"PrefixUndeclared", patient("<id xmlns:a=\"\" value=\"x\"/>"), "MF-1113"},
    {"XmlPrefixRedeclared", patient("<id xmlns:xml=\"http://hl7.org/fhir\" value=\"x\"/>"),
     "MF-1113"},
    {"ForeignAttribute", "<Patient " + std::string(ns) + " xmlns:x=\"urn:x\" x:y=\"1\"/>",
     "MF-1115"},
    {"XmlLang", patient("<id xml:lang=\"en\" value=\"a\"/>"), "MF-1115"},
    {"XsiType",
     "<Patient " + std::string(ns) +
         " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"x\"/>",
     "MF-1115"},
    {"DuplicateAttribute", patient("<id value=\"a\" value=\"b\"/>"), "MF-1110"},
    {"DuplicateNamespace", "<Patient " + std::string(ns) + " " + std::string(ns) + "/>", "MF-1110"},
    {"Unclosed", "<Patient " + std::string(ns) + ">", "MF-1106"},
    {"UnclosedTag", "<Patient " + std::string(ns), "MF-1106"},
    {"UnclosedValue", "<Patient xmlns=\"http", "MF-1106"},
    {"UnclosedComment", patient("<!-- x"), "MF-1106"},
    {"CommentWithHyphens", patient("<!-- a -- b -->"), "MF-1105"},
    {"MismatchedTags", patient("<id value=\"a\"></active>"), "MF-1105"},
    {"CrossedTags", narrative("<b><i></b></i>"), "MF-1105"},
    {"EndTagFirst", "</Patient>", "MF-1105"},
    {"NoQuotes", patient("<id value=a/>"), "MF-1105"},
    {"NoValue", patient("<id value/>"), "MF-1105"},
    {"NoSpaceBetweenAttributes", patient("<id id=\"a\"value=\"a\"/>"), "MF-1105"},
    {"LessInValue", patient("<id value=\"<\"/>"), "MF-1105"},
    {"SpaceBeforeName", patient("< id value=\"a\"/>"), "MF-1105"},
    {"NameStartsWithDigit", patient("<1d value=\"a\"/>"), "MF-1105"},
    {"ColonAtStart", patient("<:id value=\"a\"/>"), "MF-1105"},
    {"TwoColons", patient("<a:b:c value=\"a\"/>"), "MF-1105"},
    {"CdataEndInText", narrative("a ]]> b"), "MF-1105"},
    {"PrefixedAttributeInNarrative",
     narrative("<a xmlns:xlink=\"http://www.w3.org/1999/xlink\" xlink:href=\"x\"/>"), "MF-1115"},
};

INSTANTIATE_TEST_SUITE_P(Xml, RefusedXml, testing::ValuesIn(refused),
                         [](const auto& one) { return one.param.name; });

TEST(XmlGate, AcceptsWhatFhirAllows) {
  const std::vector<std::string> accepted{
      patient(""),
      "<Patient " + std::string(ns) + "/>",
      "\xEF\xBB\xBF<?xml version='1.0' encoding='utf-8' standalone='no'?>\r\n" + patient("\r\n") +
          "\n",
      "<!-- a --><?pi b?>" + patient("<!-- c --><?d?>") + "<!-- e -->",
      "<f:Patient xmlns:f=\"http://hl7.org/fhir\"><f:active value=\"true\"/></f:Patient>",
      patient("<id value='&lt;&gt;&amp;&quot;&apos;&#65;&#x1F600;&#10;'/>"),
      patient("<id\n\tvalue = \"a\"\r/ >")
          .replace(patient("<id\n\tvalue = \"a\"\r/ >").find("/ >"), 3, "/>"),
      "<Patient " + std::string(ns) +
          " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:schemaLocation=\"a b\"/>",
      narrative("a &#160; <b>b</b><![CDATA[<x>]]><!-- kept -->"),
  };
  for (const auto& text : accepted) {
    const auto result = read_xml(text);
    EXPECT_TRUE(result) << text << "\n"
                        << (result ? "" : result.error().code + " " + result.error().text);
  }
}

TEST(XmlGate, PlacesErrorsByLineAndColumn) {
  const auto result =
      read_xml("<Patient " + std::string(ns) + ">\n  <id value=\"a\"/>\n  junk</Patient>");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().line, 3U);
  EXPECT_EQ(result.error().column, 3U);
}

TEST(XmlGate, SaysOfEveryCutThatTheTextEndsTooEarly) {
  const auto text =
      "<?xml version='1.0' ?><?a b?><!-- c --><f:Patient xmlns:f='http://hl7.org/fhir'>"
      "<!--d--><?e?><![CDATA[ ]]><f:id value='&amp;'/><f:text>\n<div " +
      std::string(xhtml) + ">g &#160; <b>h</b><![CDATA[i]]></div></f:text></f:Patient>";
  ASSERT_TRUE(read_xml(text));
  const auto root = text.find("<f:Patient");
  for (std::size_t size = 1; size < text.size(); ++size) {
    const auto result = read_xml(text.substr(0, size));
    ASSERT_FALSE(result) << size;
    const bool no_root = size <= root && result.error().code == "MF-1112";
    EXPECT_TRUE(no_root || result.error().code == "MF-1106")
        << text.substr(0, size) << " " << result.error().code << " " << result.error().text;
    EXPECT_TRUE(no_root || size <= text.find('\n') || result.error().line == 2) << size;
  }
}

TEST(XmlGate, NeverQuotesTheText) {
  for (const auto& text :
       {patient("Margaret"), patient("<Margaret>"), patient("<id value=\"&Margaret;\"/>"),
        patient("<id Margaret=\"a\" Margaret=\"b\"/>")}) {
    const auto result = read_xml(text);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().text.find("Margaret"), std::string::npos) << result.error().text;
  }
}

std::string nested(std::size_t levels, std::string_view name) {
  std::string open;
  std::string close;
  for (std::size_t i = 0; i < levels; ++i) {
    open += "<" + std::string(name) + ">";
    close += "</" + std::string(name) + ">";
  }
  return open + close;
}

TEST(XmlGate, LimitsDepthWhileReading) {
  EXPECT_EQ(verdict(patient(nested(64, "a"))), "ok");
  EXPECT_EQ(verdict(patient(nested(65, "a"))), "MF-1107");
  EXPECT_EQ(verdict(narrative(nested(63, "b"))), "ok");
  EXPECT_EQ(verdict(narrative(nested(64, "b"))), "MF-1107");
  std::string open;
  for (int i = 0; i < 1'000'000; ++i) {
    open += "<a>";
  }
  EXPECT_EQ(verdict(patient(open)), "MF-1107");
}

TEST(XmlGate, LimitsSizeNodesAttributesAndValues) {
  Limits limits;
  limits.bytes = 20;
  EXPECT_EQ(read_xml(patient(""), limits).error().code, "MF-1101");
  limits = {};
  limits.nodes = 10;
  EXPECT_EQ(read_xml(patient("<a/><a/><a/><a/><a/><a/><a/><a/><a/>"), limits).error().code,
            "MF-1114");
  limits = {};
  limits.string_bytes = 30;
  EXPECT_EQ(read_xml(patient("<a value=\"" + std::string(31, 'x') + "\"/>"), limits).error().code,
            "MF-1116");
  std::string many = "<a";
  for (int i = 0; i < 100; ++i) {
    many += " a" + std::to_string(i) + "=\"\"";
  }
  EXPECT_EQ(verdict(patient(many + "/>")), "MF-1114");
}

TEST(XmlGate, LimitsNarrativeAsJsonLimitsItsString) {
  Limits limits;
  const std::string start = "<div " + std::string(xhtml) + ">";
  limits.string_bytes = start.size() + 16;
  EXPECT_TRUE(read_xml(narrative(std::string(10, 'x')), limits)) << "10 and 6 of the end tag";
  EXPECT_EQ(read_xml(narrative(std::string(11, 'x')), limits).error().code, "MF-1116");
  const auto inherited = "<f:Patient xmlns:f=\"http://hl7.org/fhir\" " + std::string(xhtml) +
                         "><f:text><div>" + std::string(11, 'x') + "</div></f:text></f:Patient>";
  EXPECT_EQ(read_xml(inherited, limits).error().code, "MF-1116") << "its namespace counts too";
}

double seconds_to_read(const std::string& text) {
  const double start = myoflag::timing::processor_seconds();
  EXPECT_EQ(verdict(text), "ok");
  return myoflag::timing::processor_seconds() - start;
}

// Sixty open elements with sixty prefixes each, and many elements that must look one up.
TEST(XmlGate, OpenPrefixesCostLittle) {
  std::string open;
  std::string close;
  for (int level = 0; level < 60; ++level) {
    open += "<a";
    for (int i = 0; i < 60; ++i) {
      open += " xmlns:p" + std::to_string(level * 60 + i) + "=\"u\"";
    }
    open += ">";
    close += "</a>";
  }
  std::string many;
  for (int i = 0; i < 500'000; ++i) {
    many += "<b/>";
  }
  EXPECT_LT(seconds_to_read(patient(open + many + close)),
            0.5 + 4 * seconds_to_read(patient("<a>" + many + "</a>")));
}

TEST(XmlGate, PrefixesHoldInsideTheirElementOnly) {
  EXPECT_EQ(verdict(patient("<f:a xmlns:f=\"http://hl7.org/fhir\"><f:b/></f:a>")), "ok");
  EXPECT_EQ(verdict(patient("<f:a xmlns:f=\"http://hl7.org/fhir\"/><f:b/>")), "MF-1117");
  EXPECT_EQ(verdict(patient("<f:a xmlns:f=\"http://hl7.org/fhir\"><b xmlns:f=\"u\"/><f:c/></f:a>")),
            "ok");
  EXPECT_EQ(
      verdict(patient("<f:a xmlns:f=\"http://hl7.org/fhir\"><b xmlns:f=\"u\"><f:c/></b></f:a>")),
      "MF-1113");
}

TEST(XmlDocument, HasAsManyElementsAsPassedTheGate) {
  const auto document = read_xml(narrative("<b>x</b>"));
  ASSERT_TRUE(document);
  EXPECT_EQ(document->elements(), 4U) << "Patient, text, status, div";
}

TEST(LooksLikeXml, InEveryEncoding) {
  using std::string_view;
  for (const auto text :
       {string_view("<a/>"), string_view(" \n<a/>"), string_view("\xEF\xBB\xBF<a/>"),
        string_view("\xFF\xFE<\0a\0", 6), string_view("\xFE\xFF\0<\0a", 6),
        string_view("<\0a\0", 4), string_view("\0<\0a", 4), string_view("\0\0\0<", 4),
        string_view("\xFF\xFE\0\0<\0\0\0", 8)}) {
    EXPECT_TRUE(looks_like_xml(text)) << text;
    if (text.front() != '<' && text.front() != ' ' && text.front() != '\xEF') {
      EXPECT_EQ(verdict(text), "MF-1103") << text;
    }
  }
  for (const auto text : {string_view(""), string_view(" "), string_view("{\"a\":\"<\"}"),
                          string_view("\xFF\xFE{\0", 4), string_view("\xEF\xBB\xBF[]")}) {
    EXPECT_FALSE(looks_like_xml(text)) << text;
  }
}

TEST(XmlDocument, GivesNamesWithoutPrefixAndDecodedValues) {
  const auto document = read_xml(
      "<f:Patient xmlns:f=\"http://hl7.org/fhir\"><f:id f='x' "
      "value=\"a&#10;&lt;\tb\"/></f:Patient>");
  ASSERT_TRUE(document);
  EXPECT_EQ(document->root().name(), "Patient");
  EXPECT_TRUE(document->root().attributes().empty());
  const auto children = document->root().children();
  ASSERT_EQ(children.size(), 1U);
  EXPECT_EQ(children[0].name(), "id");
  ASSERT_EQ(children[0].attributes().size(), 2U);
  EXPECT_EQ(children[0].attributes()[1].value, "a\n<\tb") << "line breaks and tabs are data";
}

std::string div_of(std::string_view text) {
  const auto document = read_xml(text);
  if (!document) {
    return document.error().code;
  }
  for (const auto& child : document->root().children().front().children()) {
    if (child.is_narrative()) {
      EXPECT_TRUE(child.children().empty());
      return child.narrative();
    }
  }
  return "none";
}

TEST(XmlNarrative, IsKeptByteForByte) {
  const std::string div =
      "<div  xmlns='http://www.w3.org/1999/xhtml' class = \"a\">\r\n\t&#160;&#13;<!-- x --><b "
      ">y</b "
      "><br\n/></div>";
  EXPECT_EQ(div_of(patient("<text>" + div + "</text>")), div);
}

TEST(XmlNarrative, BecomesPrefixFree) {
  EXPECT_EQ(div_of("<Patient " + std::string(ns) +
                   " xmlns:h=\"http://www.w3.org/1999/xhtml\"><text><h:div>a<h:b "
                   "title=\"h:x\">c</h:b></h:div></text></Patient>"),
            "<div xmlns=\"http://www.w3.org/1999/xhtml\">a<b title=\"h:x\">c</b></div>");
}

TEST(XmlNarrative, BringsItsNamespaceAlong) {
  EXPECT_EQ(
      div_of("<f:Patient xmlns:f=\"http://hl7.org/fhir\" xmlns=\"http://www.w3.org/1999/xhtml\">"
             "<f:text><div>a</div></f:text></f:Patient>"),
      "<div xmlns=\"http://www.w3.org/1999/xhtml\">a</div>");
}

TEST(XmlNarrative, FormMustBeOneDivWithItsNamespace) {
  EXPECT_FALSE(check_narrative_form("<div " + std::string(xhtml) + ">a<br/></div>"));
  EXPECT_FALSE(check_narrative_form(" \n<div " + std::string(xhtml) + "/>\n"));
  for (const std::string text :
       {"", "text", "<div>a</div>", "<p xmlns=\"http://www.w3.org/1999/xhtml\"/>",
        "<div xmlns=\"http://www.w3.org/1999/xhtml\">",
        "<div xmlns=\"http://www.w3.org/1999/xhtml\"/><div "
        "xmlns=\"http://www.w3.org/1999/xhtml\"/>",
        "<?xml version=\"1.0\"?><div xmlns=\"http://www.w3.org/1999/xhtml\"/>",
        "<!-- x --><div xmlns=\"http://www.w3.org/1999/xhtml\"/>",
        "<div xmlns=\"http://www.w3.org/1999/xhtml\">&nbsp;</div>",
        "<h:div xmlns:h=\"http://www.w3.org/1999/xhtml\"/>",
        "<!DOCTYPE div><div xmlns=\"http://www.w3.org/1999/xhtml\"/>"}) {
    EXPECT_TRUE(check_narrative_form(text)) << text;
  }
}

TEST(XmlNarrative, ContentFollowsTheAllowedList) {
  const auto content = [](std::string_view inner) {
    return check_narrative_content("<div " + std::string(xhtml) + ">" + std::string(inner) +
                                   "</div>")
        .has_value();
  };
  for (const auto* fine :
       {"a", "<table border=\"1\"><tr><td colspan=\"2\">x</td></tr></table>",
        "<img src=\"#a\" alt=\"\"/>", "<p style=\"color: red\" xml:lang=\"en\">x</p>"}) {
    EXPECT_FALSE(content(fine)) << fine;
  }
  for (const auto* bad : {"", " <b> </b>", "<script>x</script>", "<p onclick=\"x()\">a</p>",
                          "<form>a</form>", "<iframe>a</iframe>", "<body>a</body>",
                          "<style>a</style>", "a<object>b</object>", "a<?php x?>", "<P>a</P>"}) {
    EXPECT_TRUE(content(bad)) << bad;
  }
}

TEST(XmlDocument, ListsWhatIsDropped) {
  const auto document =
      read_xml("<!-- a -->\n" + patient("\n<?b c?>\n<!-- d --><![CDATA[ ]]>") + "\n<!-- e -->");
  ASSERT_TRUE(document);
  std::vector<std::pair<XmlExtra, std::size_t>> found;
  for (const auto& one : document->dropped()) {
    found.emplace_back(one.kind, one.line);
  }
  const std::vector<std::pair<XmlExtra, std::size_t>> expected{
      {XmlExtra::comment, 1},
      {XmlExtra::processing_instruction, 3},
      {XmlExtra::comment, 4},
      {XmlExtra::cdata, 4},
      {XmlExtra::comment, 5}};
  EXPECT_EQ(found, expected);
}

TEST(XmlCharacters, AreThoseOfXml10) {
  EXPECT_TRUE(has_xml_characters_only("a\t\n\r\x7F\xC2\x85\xEF\xBF\xBD\xF0\x9F\x98\x80"));
  for (const auto& text : {"\x01"s, "\0"s, "\x1F"s, "\xEF\xBF\xBE"s, "\xEF\xBF\xBF"s}) {
    EXPECT_FALSE(has_xml_characters_only("a" + text));
  }
}

}  // namespace
}  // namespace myoflag::fhir
