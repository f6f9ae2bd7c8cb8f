// Responses: case tables for every validator, the header rules, and what depends on the status.
#include <chrono>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fhir/response_check.h"
#include "tests/fhir_forms/case_files.h"
#include "tests/support/processor_time.h"
#include "tests/support/without_disabled.h"

namespace myoflag::fhir {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using namespace testing;

const char* const case_files[] = {"structure.json", "types.json", "options.json", "limits.json",
                                  "enable-when.json"};

struct ResponseCase {
  std::string name;
  Json form;
  Json json;
};

std::vector<ResponseCase> response_cases() {
  std::vector<ResponseCase> cases;
  for (const std::string file : case_files) {
    const auto groups = read_case_file(file);
    const auto stem = file.substr(0, file.find_first_of(".-"));
    for (std::size_t i = 0; i < groups.as_array()->size(); ++i) {
      const auto& group = (*groups.as_array())[i];
      for (const auto& entry : group.array_of("cases")) {
        cases.push_back(
            {fmt::format("{}{}_{}", stem, i, entry.string_of("name")), *group.find("form"), entry});
      }
    }
  }
  return cases;
}

Json response_of(const Json& entry) {
  auto parts = entry;
  for (const auto* name : {"name", "issues", "disabled"}) {
    parts.erase(name);
  }
  return response_with(parts);
}

Questionnaire form_of(Json parts) {
  parts.erase("warnings");
  return load(form_with(parts));
}

std::vector<std::string> disabled_lines(const CheckResult& result) {
  std::vector<std::string> found;
  for (const auto& entry : result.disabled) {
    found.push_back(fmt::format("{} {} {}", entry.place, entry.link_id, entry.answers));
  }
  return found;
}

class ResponseRules : public ::testing::TestWithParam<ResponseCase> {};

TEST_P(ResponseRules, AreReportedWithPlaceAndLinkId) {
  const auto form = form_of(GetParam().form);
  const auto result = check_response(response_of(GetParam().json), form);
  EXPECT_THAT(lines(result.issues), ElementsAreArray(strings(*GetParam().json.find("issues"))));
  const auto* disabled = GetParam().json.find("disabled");
  EXPECT_THAT(
      disabled_lines(result),
      ElementsAreArray(disabled == nullptr ? std::vector<std::string>{} : strings(*disabled)));
}

TEST_P(ResponseRules, HoldAfterPruningWhatIsDisabled) {
  const auto form = form_of(GetParam().form);
  const auto response = response_of(GetParam().json);
  const auto result = check_response(response, form);
  if (result.disabled.empty()) {
    EXPECT_EQ(without_disabled(response, result.disabled), response);
    return;
  }
  const auto again = check_response(without_disabled(response, result.disabled), form);
  EXPECT_THAT(again.disabled, IsEmpty());
  for (const auto& issue : again.issues) {
    EXPECT_NE(issue.code, disabled_item);
  }
}

// What was expected for each element, so that a person reading an error sees one for one defect.
TEST(AllFindings, NameADefectOnce) {
  const auto form = load(form_with(parse(
      R"({"item": [{"linkId": "d", "type": "date"}, {"linkId": "i", "type": "integer"},
                   {"linkId": "t", "type": "string"}, {"linkId": "q", "type": "quantity"}]})")));
  const auto response = response_with(parse(R"({"authored": "today", "item": [
      {"linkId": "d", "answer": [{"valueDate": "2023-02-29"}]}, {"linkId": "i", "answer": [{"valueInteger": 1.5}]},
      {"linkId": "t", "answer": [{"valueString": " "}]}, {"linkId": "q", "answer": [7]}]})"));
  EXPECT_THAT(lines(check_all(response, form)),
              ElementsAre("MF-1230 QuestionnaireResponse.authored",
                          "MF-1230 QuestionnaireResponse.item[0].answer[0].value",
                          "MF-1230 QuestionnaireResponse.item[1].answer[0].value",
                          "MF-1203 QuestionnaireResponse.item[3].answer[0]",
                          "MF-1443 QuestionnaireResponse.item[2].answer[0].value t"));
}

// A modifier in an item that would not be looked at otherwise counts as well.
TEST(Modifiers, AreRefusedAtEveryLevel) {
  const auto form = load(form_with(parse(
      R"({"item": [{"linkId": "a", "type": "boolean"},
                   {"linkId": "b", "type": "string", "enableWhen": [
                     {"question": "a", "operator": "=", "answerBoolean": true}]}]})")));
  const auto found = [&form](std::string_view parts) {
    return lines(check_response(response_with(parse(parts)), form).issues);
  };
  EXPECT_THAT(found(R"({"modifierExtension": [{"url": "u", "valueBoolean": true}], "item": []})"),
              ElementsAre("MF-1415 QuestionnaireResponse.modifierExtension"));
  EXPECT_THAT(found(R"({"implicitRules": "u", "item": []})"),
              ElementsAre("MF-1415 QuestionnaireResponse.implicitRules"));
  EXPECT_THAT(found(R"({"_implicitRules": {"id": "x"}, "item": []})"),
              ElementsAre("MF-1415 QuestionnaireResponse.implicitRules"));
  EXPECT_THAT(found(R"({"item": [{"linkId": "a", "modifierExtension": [{"url": "u"}]}]})"),
              ElementsAre("MF-1415 QuestionnaireResponse.item[0].modifierExtension"));
  EXPECT_THAT(
      found(
          R"({"item": [{"linkId": "a", "answer": [{"valueBoolean": true, "modifierExtension": [{"url": "u"}]}]}]})"),
      ElementsAre("MF-1415 QuestionnaireResponse.item[0].answer[0].modifierExtension"));
  EXPECT_THAT(
      found(
          R"({"item": [{"linkId": "b", "answer": [{"valueString": "x", "modifierExtension": [{"url": "u"}]}]}]})"),
      ElementsAre("MF-1415 QuestionnaireResponse.item[0].answer[0].modifierExtension",
                  "MF-1432 QuestionnaireResponse.item[0] b"));
}

TEST(Modifiers, OfAContainedResourceAreRefused) {
  const auto form = load(form_with(parse(R"({"item": [{"linkId": "a", "type": "boolean"}]})")));
  for (const auto* more :
       {R"("modifierExtension": [{"url": "u"}])", R"("implicitRules": "u")",
        R"("contact": [{"name": {"text": "x"}, "modifierExtension": [{"url": "u"}]}])"}) {
    const auto parts = fmt::format(
        R"({{"subject": {{"reference": "#p"}}, "contained": [{{"resourceType": "Patient", "id": "p", {}}}], "item": []}})",
        more);
    EXPECT_THAT(lines(check_response(response_with(parse(parts)), form).issues),
                ElementsAre("MF-1415 QuestionnaireResponse.contained[0]"));
  }
}

struct ReferenceCase {
  const char* reference;
  bool good;
};

TEST(References, AreWrittenAsFhirWritesThem) {
  const auto form = load(form_with(parse(R"({"item": [{"linkId": "a", "type": "boolean"}]})")));
  const ReferenceCase cases[] = {{"Patient/1", true},
                                 {"Patient/1/_history/2", true},
                                 {"https://ehr.example/fhir/Patient/1", true},
                                 {"HTTP://ehr.example/Patient/1", true},
                                 {"urn:uuid:5a9d4b5e-7e5c-4a6c-8f8a-0a8a7a1f4c11", true},
                                 {"urn:uuid:5A9D4B5E-7E5C-4A6C-8F8A-0A8A7A1F4C11", true},
                                 {"urn:uuid:x", false},
                                 {"urn:uuid:", false},
                                 {"urn:oid:1.2.3", true},
                                 {"urn:oid:x", false},
                                 {"urn:isbn:1", false},
                                 {"#p", true},
                                 {"#", false},
                                 {"#q", false},
                                 {"Patient", false},
                                 {"Patient/", false},
                                 {"/Patient/1", false},
                                 {"Patient/has space", false},
                                 {"Patient/a_b", false},
                                 {"Patient/1#frag", false},
                                 {"Patient/1/_history/", false},
                                 {"Person of mine/1", false},
                                 {"Patient?identifier=urn:x|1", false},
                                 {"javascript:alert(1)", false},
                                 {"https://ehr.example/fhir/Patient/ 1", false}};
  for (const auto& one : cases) {
    for (const auto* place : {"subject", "basedOn"}) {
      const bool is_list = place == std::string_view("basedOn");
      auto parts = parse(R"({"contained": [{"resourceType": "Patient", "id": "p",
          "link": [{"other": {"reference": "#"}, "type": "seealso"}]}], "item": []})");
      std::string text = one.reference;
      if (const auto type = text.find("Patient/"); is_list && type != std::string::npos) {
        text.replace(type, 7, "CarePlan");
      }
      parts.find("contained")
          ->as_array()
          ->front()
          .set("resourceType", is_list ? "ServiceRequest" : "Patient");
      Json reference = Json::object({{"reference", text}});
      parts.set(place, is_list ? Json::array({reference}) : reference);
      const auto found = lines(check_response(response_with(parts), form).issues);
      const auto expected =
          fmt::format("MF-1416 QuestionnaireResponse.{}{}.reference", place, is_list ? "[0]" : "");
      EXPECT_EQ(found, one.good ? std::vector<std::string>{} : std::vector{expected})
          << one.reference << " as " << place;
    }
  }
}

// A server refuses all of a transaction for one reference that it cannot resolve.
TEST(References, AreLookedAtWhereverTheyStand) {
  const auto form = load(form_with(parse(
      R"({"item": [{"linkId": "g", "type": "group", "item": [{"linkId": "a", "type": "boolean"}]}]})")));
  const struct {
    const char *parts, *place;
  } cases[] = {
      {R"("extension": [{"url": "u", "valueReference": @}], "item": [])", "extension[0].value"},
      {R"("extension": [{"url": "u", "extension": [{"url": "v", "valueReference": @}]}], "item": [])",
       "extension[0].extension[0].value"},
      {R"("_authored": {"extension": [{"url": "u", "valueReference": @}]}, "item": [])",
       "authored.extension[0].value"},
      {R"("identifier": {"system": "s", "value": "v", "assigner": @}, "item": [])",
       "identifier.assigner"},
      {R"("subject": {"identifier": {"value": "v", "assigner": @}}, "item": [])",
       "subject.identifier.assigner"},
      {R"("meta": {"extension": [{"url": "u", "valueReference": @}]}, "item": [])",
       "meta.extension[0].value"},
      {R"("author": {"reference": "#p"}, "contained": [{"resourceType": "PractitionerRole", "id": "p", "practitioner": @}], "item": [])",
       "contained[0].practitioner"},
      {R"("item": [{"linkId": "g", "extension": [{"url": "u", "valueReference": @}]}])",
       "item[0].extension[0].value"},
      {R"("item": [{"linkId": "g", "_linkId": {"extension": [{"url": "u", "valueReference": @}]}}])",
       "item[0].linkId.extension[0].value"},
      {R"("item": [{"linkId": "g", "item": [{"linkId": "a", "answer": [{"valueBoolean": true, "extension": [{"url": "u", "valueReference": @}]}]}]}])",
       "item[0].item[0].answer[0].extension[0].value"}};
  for (const auto& one : cases) {
    for (const auto* reference :
         {"Organization?name=x", "#none", "not a reference", "Organization/1"}) {
      std::string parts = one.parts;
      parts.replace(parts.find('@'), 1, fmt::format(R"({{"reference": "{}"}})", reference));
      const auto found =
          lines(check_response(response_with(parse("{" + parts + "}")), form).issues);
      const bool good = reference == std::string_view("Organization/1");
      const auto expected = fmt::format("MF-1416 QuestionnaireResponse.{}.reference", one.place);
      EXPECT_EQ(found, good ? std::vector<std::string>{} : std::vector{expected})
          << one.place << " " << reference;
    }
  }
}

TEST(References, ToTheResourceThatContainsStandInContainedOnesOnly) {
  const auto form = load(form_with(parse(R"({"item": [{"linkId": "a", "type": "boolean"}]})")));
  EXPECT_THAT(
      lines(
          check_response(
              response_with(parse(
                  R"({"extension": [{"url": "u", "valueReference": {"reference": "#"}}], "item": []})")),
              form)
              .issues),
      ElementsAre("MF-1416 QuestionnaireResponse.extension[0].value.reference"));
}

TEST(Contained, ResourcesHaveIdsOfTheirOwn) {
  const auto form = load(form_with(parse(R"({"item": [{"linkId": "a", "type": "boolean"}]})")));
  EXPECT_THAT(
      lines(check_response(response_with(parse(R"({"subject": {"reference": "#p"}, "contained": [
                  {"resourceType": "Patient", "id": "p"}, {"resourceType": "Patient", "id": "p"}],
                  "item": []})")),
                           form)
                .issues),
      ElementsAre("MF-1417 QuestionnaireResponse.contained[1]"));
}

TEST(Contained, ResourcesFollowTheRulesOfFhir) {
  const auto form = load(form_with(parse(R"({"item": [{"linkId": "a", "type": "boolean"}]})")));
  const auto found = [&form](std::string_view subject, std::string_view more) {
    return lines(
        check_response(
            response_with(parse(fmt::format(
                R"({{"subject": {{"reference": "{}"}}, "contained": [{{"resourceType": "Patient", "id": "p" {}}}], "item": []}})",
                subject, more))),
            form)
            .issues);
  };
  EXPECT_THAT(found("#p", ""), IsEmpty());
  const auto is_refused = ElementsAre("MF-1417 QuestionnaireResponse.contained[0]");
  const auto is_told = ElementsAre("warning MF-1417 QuestionnaireResponse.contained[0]");
  EXPECT_THAT(found("Patient/1", ""), is_told);
  EXPECT_THAT(found("#p", R"(, "contained": [{"resourceType": "Patient", "id": "q"}])"),
              is_refused);
  EXPECT_THAT(found("#p", R"(, "meta": {"versionId": "1"})"), is_told);
}

// The answers of a form are judged, whatever a formality of what stands beside them.
TEST(Contained, FormalitiesAreWarnings) {
  const auto form = load(form_with(parse(R"({"item": [{"linkId": "a", "type": "boolean"}]})")));
  struct Case {
    const char* subject;
    const char* more;
    Severity severity;
  };
  const Case cases[] = {
      {"Patient/1", "", Severity::warning},
      {"#p", R"(, "meta": {"versionId": "1"})", Severity::warning},
      {"#p", R"(, "meta": {"lastUpdated": "2026-11-20T08:00:00Z"})", Severity::warning},
      {"Patient/1", R"(, "meta": {"versionId": "1"})", Severity::warning},
      {"#p", R"(, "meta": {"versionId": "1", "security": [{"code": "R"}]})", Severity::error},
      {"Patient/1", R"(, "contained": [{"resourceType": "Patient", "id": "q"}])", Severity::error}};
  for (const auto& one : cases) {
    const auto issues =
        check_response(
            response_with(parse(fmt::format(
                R"({{"subject": {{"reference": "{}"}}, "contained": [{{"resourceType": "Patient", "id": "p" {}}}], "item": []}})",
                one.subject, one.more))),
            form)
            .issues;
    ASSERT_EQ(issues.size(), 1u) << one.more;
    EXPECT_EQ(issues[0].code, "MF-1417");
    EXPECT_EQ(issues[0].severity, one.severity) << one.subject << one.more;
  }
}

TEST(References, ToManyContainedResourcesAreQuick) {
  const auto form = load(form_with(parse(R"({"item": [{"linkId": "a", "type": "boolean"}]})")));
  constexpr int count = 60000;
  Json contained = Json::array(), references = Json::array();
  for (int i = 0; i < count; ++i) {
    const auto id = "r" + std::to_string(i);
    contained.push(Json::object({{"resourceType", "CarePlan"}, {"id", id}}));
    references.push(Json::object({{"reference", "#" + id}}));
  }
  auto parts = parse(R"({"item": []})");
  parts.set("contained", std::move(contained));
  parts.set("basedOn", std::move(references));
  const auto response = response_with(parts);
  const double start = timing::processor_seconds();
  EXPECT_THAT(lines(check_response(response, form).issues), IsEmpty());
  EXPECT_LT(timing::processor_seconds() - start, 5 * timing::kSlowness);
}

TEST(Answers, ThatOnlySayWhyThereIsNoneAreWarnings) {
  const auto form = load(form_with(parse(
      R"({"item": [{"linkId": "a", "type": "choice", "answerOption": [{"valueCoding": {"system": "s", "code": "x"}}]}]})")));
  const std::string reason =
      R"("extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}])";
  for (const auto& answer :
       {fmt::format("{{{}}}", reason), fmt::format(R"({{"valueCoding": {{{}}}}})", reason),
        fmt::format(R"({{"valueCoding": {{"system": "s", {}}}}})", reason),
        fmt::format(R"({{"_valueString": {{{}}}}})", reason)}) {
    const auto issues =
        check_response(response_with(parse(fmt::format(
                           R"({{"item": [{{"linkId": "a", "answer": [{}]}}]}})", answer))),
                       form)
            .issues;
    ASSERT_EQ(issues.size(), 1u) << answer;
    EXPECT_EQ(issues[0].code, "MF-1440");
    EXPECT_EQ(issues[0].severity, Severity::warning) << answer;
  }
}

TEST(Modifiers, OfAFormAreRefused) {
  const auto issues =
      load_questionnaire(
          form_with(
              parse(R"({"implicitRules": "u", "item": [{"linkId": "a", "type": "string"}]})")))
          .issues;
  EXPECT_THAT(lines(issues), ElementsAre("MF-1336 Questionnaire.implicitRules"));
}

TEST(Words, BesideACodeAreThoseOfItsOption) {
  const auto form =
      load(form_with(parse(R"({"item": [{"linkId": "a", "type": "choice", "answerOption": [
      {"valueCoding": {"system": "s", "code": "x", "display": "None of these",
        "_display": {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/translation", "extension": [
          {"url": "lang", "valueCode": "de"}, {"url": "content", "valueString": "Nichts Übles"}]}]}}},
      {"valueCoding": {"system": "s", "code": "y"}}]}]})")));
  const auto found = [&form](std::string_view coding) {
    return lines(
        check_response(
            response_with(parse(fmt::format(
                R"({{"item": [{{"linkId": "a", "answer": [{{"valueCoding": {{"system": "s", {}}}}}]}}]}})",
                coding))),
            form)
            .issues);
  };
  for (const auto* same :
       {R"("code": "x", "display": "None of these")", R"("code": "x")",
        R"("code": "x", "display": " none  of\tTHESE ")",
        R"("code": "x", "display": "NICHTS ÜBLES")", R"("code": "x", "display": "nichts übles")",
        R"("code": "y", "display": "anything")"}) {
    EXPECT_THAT(found(same), IsEmpty()) << same;
  }
  for (const auto* other : {R"j("code": "x", "display": "A fit (seizure)")j",
                            R"("code": "x", "display": "Noneofthese")"}) {
    EXPECT_THAT(found(other),
                ElementsAre("warning MF-1449 QuestionnaireResponse.item[0].answer[0].value a"))
        << other;
  }
  EXPECT_THAT(found(R"("code": "y", "display": "Nichts übles")"), IsEmpty());  // has no words
}

// Nobody can say which was meant, and one of them may be an emergency.
TEST(Words, BesideACodeThatAreThoseOfAnotherOptionRefuseTheAnswer) {
  const auto form =
      load(form_with(parse(R"j({"item": [{"linkId": "a", "type": "choice", "answerOption": [
      {"valueCoding": {"system": "s", "code": "none", "display": "None of these"}},
      {"valueCoding": {"system": "s", "code": "fit", "display": "A fit (seizure)"}}]}]})j")));
  const auto found = [&form](std::string_view code, std::string_view display) {
    return lines(
        check_response(
            response_with(parse(fmt::format(
                R"({{"item": [{{"linkId": "a", "answer": [{{"valueCoding": {{"system": "s", "code": "{}", "display": "{}"}}}}]}}]}})",
                code, display))),
            form)
            .issues);
  };
  EXPECT_THAT(found("none", "A FIT (seizure)"),
              ElementsAre("MF-1458 QuestionnaireResponse.item[0].answer[0].value a"));
  EXPECT_THAT(found("fit", "None of these"),
              ElementsAre("MF-1458 QuestionnaireResponse.item[0].answer[0].value a"));
  EXPECT_THAT(found("fit", "A fit (seizure)"), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Cases, ResponseRules, ::testing::ValuesIn(response_cases()),
                         [](const auto& instance) { return instance.param.name; });

TEST(ResponseRules, EveryCodeAboutItemsIsExpectedBySomeCase) {
  std::set<std::string> expected;
  for (const auto& entry : response_cases()) {
    for (const auto& text : strings(*entry.json.find("issues"))) {
      expected.insert(text.substr(text.find("MF-"), 7));
    }
  }
  for (const int code :
       {1401, 1420, 1421, 1422, 1423, 1424, 1425, 1426, 1427, 1428, 1429, 1430, 1431, 1432,
        1433, 1434, 1435, 1436, 1440, 1441, 1442, 1443, 1444, 1445, 1446, 1447, 1448, 1450,
        1451, 1452, 1454, 1455, 1456, 1457, 1460, 1461, 1462, 1463, 1464, 1465, 1466}) {
    EXPECT_TRUE(expected.count("MF-" + std::to_string(code))) << code;
  }
}

// ---- the response as a whole
// -------------------------------------------------------------------------------------

using std::chrono::sys_days;
using namespace std::chrono_literals;
const std::chrono::sys_seconds noon = sys_days(2024y / 5 / 12) + 12h;

const Questionnaire& small_form() {
  static const auto form =
      load(form_with(parse(R"({"item": [{"linkId": "a", "type": "string", "required": true}]})")));
  return form;
}

Json small_response(std::string_view parts) {
  auto json = parse(parts);
  if (json.find("item") == nullptr) {
    json.set("item", parse(R"([{"linkId": "a", "answer": [{"valueString": "x"}]}])"));
  }
  return response_with(json);
}

std::vector<std::string> header_lines(std::string_view parts) {
  return lines(check_response(small_response(parts), small_form(), {noon}).issues);
}

struct HeaderCase {
  const char* name;
  const char* parts;
  std::vector<std::string> issues;
};

class HeaderRules : public ::testing::TestWithParam<HeaderCase> {};

TEST_P(HeaderRules, AreReported) {
  EXPECT_THAT(header_lines(GetParam().parts), ElementsAreArray(GetParam().issues));
}

#define SUBJECT "\"subject\": {\"reference\": \"Patient/1\"}"
#define AT "QuestionnaireResponse."
INSTANTIATE_TEST_SUITE_P(
    Cases, HeaderRules,
    ::testing::Values(
        HeaderCase{"Good", "{" SUBJECT "}", {}},
        HeaderCase{
            "NoForm", "{\"questionnaire\": null, " SUBJECT "}", {"MF-1402 " AT "questionnaire"}},
        HeaderCase{"OtherForm",
                   "{\"questionnaire\": \"http://example.org/other|1\", \"item\": [], " SUBJECT "}",
                   {"MF-1403 " AT "questionnaire"}},
        HeaderCase{"OtherVersion",
                   "{\"questionnaire\": \"http://example.org/form|2\", \"item\": [], " SUBJECT "}",
                   {"MF-1404 " AT "questionnaire"}},
        HeaderCase{"NoVersion",
                   "{\"questionnaire\": \"http://example.org/form\", \"item\": [], " SUBJECT "}",
                   {"MF-1405 " AT "questionnaire", "MF-1430 QuestionnaireResponse a"}},
        HeaderCase{"FragmentIsIgnored",
                   "{\"questionnaire\": \"http://example.org/form|1#x\", " SUBJECT "}",
                   {}},
        HeaderCase{"NoStatus", "{\"status\": null, " SUBJECT "}", {"MF-1407 " AT "status"}},
        HeaderCase{
            "UnknownStatus", "{\"status\": \"final\", " SUBJECT "}", {"MF-1407 " AT "status"}},
        HeaderCase{
            "NotDated", "{\"authored\": null, " SUBJECT "}", {"warning MF-1409 " AT "authored"}},
        HeaderCase{"NoDate", "{\"authored\": \"today\", " SUBJECT "}", {"MF-1410 " AT "authored"}},
        HeaderCase{"DateIsNoString", "{\"authored\": 5, " SUBJECT "}", {"MF-1410 " AT "authored"}},
        HeaderCase{"DayThatDoesNotExist",
                   "{\"authored\": \"2023-02-29\", " SUBJECT "}",
                   {"MF-1410 " AT "authored"}},
        HeaderCase{"WithinTheSkew", "{\"authored\": \"2024-05-12T12:05:00Z\", " SUBJECT "}", {}},
        HeaderCase{"InTheFuture",
                   "{\"authored\": \"2024-05-12T12:05:01Z\", " SUBJECT "}",
                   {"MF-1411 " AT "authored"}},
        HeaderCase{"InTheFutureElsewhere",
                   "{\"authored\": \"2024-05-12T12:05:01+01:00\", " SUBJECT "}",
                   {}},
        HeaderCase{"TodayWithoutTime", "{\"authored\": \"2024-05-12\", " SUBJECT "}", {}},
        HeaderCase{"ThisYear", "{\"authored\": \"2024\", " SUBJECT "}", {}},
        HeaderCase{"TomorrowSomewhere", "{\"authored\": \"2024-05-13\", " SUBJECT "}", {}},
        HeaderCase{"DayAfterTomorrow",
                   "{\"authored\": \"2024-05-14\", " SUBJECT "}",
                   {"MF-1411 " AT "authored"}},
        HeaderCase{"SourceIsADevice",
                   "{\"source\": {\"reference\": \"Device/1\"}, " SUBJECT "}",
                   {"MF-1414 " AT "source"}},
        HeaderCase{
            "AuthorIsADevice", "{\"author\": {\"reference\": \"Device/1\"}, " SUBJECT "}", {}},
        HeaderCase{"AuthorIsAGroup",
                   "{\"author\": {\"reference\": \"http://example.org/Group/1\"}, " SUBJECT "}",
                   {"MF-1414 " AT "author"}},
        HeaderCase{"BasedOnAGroup",
                   "{\"basedOn\": [{\"reference\": \"CarePlan/1\"}, {\"reference\": "
                   "\"Group/1\"}], " SUBJECT "}",
                   {"MF-1414 " AT "basedOn[1]"}},
        HeaderCase{
            "BasedOnARequest",
            "{\"basedOn\": [{\"reference\": \"ServiceRequest/1\"}, {\"display\": \"x\"}], " SUBJECT
            "}",
            {}},
        HeaderCase{"PartOfACondition",
                   "{\"partOf\": [{\"reference\": \"Condition/1\"}], " SUBJECT "}",
                   {"MF-1414 " AT "partOf[0]"}},
        HeaderCase{"PartOfAProcedure",
                   "{\"partOf\": [{\"reference\": \"https://a.example/Procedure/1\"}], " SUBJECT
                   "}",
                   {}},
        HeaderCase{
            "PartOfWhatSaysItIsAGroup",
            "{\"partOf\": [{\"identifier\": {\"value\": \"1\"}, \"type\": \"Group\"}], " SUBJECT
            "}",
            {"MF-1414 " AT "partOf[0]"}},
        HeaderCase{"EncounterIsAContainedPatient",
                   "{\"encounter\": {\"reference\": \"#p\"}, \"contained\": [{\"resourceType\": "
                   "\"Patient\", \"id\": \"p\"}], " SUBJECT "}",
                   {"MF-1414 " AT "encounter"}},
        HeaderCase{"EncounterIsAPatient",
                   "{\"encounter\": {\"reference\": \"Patient/1\"}, " SUBJECT "}",
                   {"MF-1414 " AT "encounter"}}),
    [](const auto& instance) { return std::string(instance.param.name); });

struct StatusCase {
  const char* status;
  bool demands;  // what is missing is an error
  bool looks;    // answers are checked
};

void PrintTo(const StatusCase& row, std::ostream* out) { *out << row.status; }

class StatusMatrix : public ::testing::TestWithParam<StatusCase> {};

TEST_P(StatusMatrix, DecidesWhatIsDemanded) {
  const auto status = fmt::format("\"status\": \"{}\"", GetParam().status);
  const auto missing =
      check_response(small_response("{" + status + ", \"item\": []}"), small_form()).issues;
  EXPECT_EQ(has_errors(missing), GetParam().demands);
  const auto wrong = check_response(
      small_response("{" + status +
                     R"(, "item": [{"linkId": "a", "answer": [{"valueInteger": 1}]}]})"),
      small_form());
  EXPECT_EQ(has_errors(wrong.issues), GetParam().looks);
}

INSTANTIATE_TEST_SUITE_P(All, StatusMatrix,
                         ::testing::Values(StatusCase{"completed", true, true},
                                           StatusCase{"amended", true, true},
                                           StatusCase{"in-progress", false, true},
                                           StatusCase{"stopped", false, true},
                                           StatusCase{"entered-in-error", false, false}));

TEST(ResponseCheck, EnteredInErrorIsSaid) {
  EXPECT_THAT(
      lines(
          check_response(small_response(R"({"status": "entered-in-error"})"), small_form()).issues),
      ElementsAre("warning MF-1408 QuestionnaireResponse.status"));
}

TEST(ResponseCheck, FormThatIsNotInUseIsAWarning) {
  const auto issues = [](const char* parts, std::chrono::sys_seconds now) {
    auto json = parse(parts);
    json.set("item", parse(R"([{"linkId": "a", "type": "string"}])"));
    return lines(check_response(small_response("{}"), load(form_with(json)), {now}).issues);
  };
  const auto warning = ElementsAre("warning MF-1406 QuestionnaireResponse.questionnaire");
  EXPECT_THAT(issues(R"({"status": "draft"})", noon), warning);
  EXPECT_THAT(issues(R"({"status": "retired"})", noon), warning);
  EXPECT_THAT(issues(R"({"status": "unknown"})", noon), warning);
  EXPECT_THAT(issues(R"({"effectivePeriod": {"end": "2023"}})", noon), warning);
  EXPECT_THAT(issues(R"({"effectivePeriod": {"start": "2025"}})", noon), warning);
  EXPECT_THAT(issues(R"({"effectivePeriod": {"start": "2024-05-12", "end": "2024-05-12"}})", noon),
              IsEmpty());
}

TEST(ResponseCheck, WithoutAVersionInTheFormNoneIsDemanded) {
  const auto form =
      load(form_with(parse(R"({"version": null, "item": [{"linkId": "a", "type": "string"}]})")));
  EXPECT_THAT(check_response(small_response("{}"), form).issues, IsEmpty());
  EXPECT_THAT(
      check_response(small_response(R"({"questionnaire": "http://example.org/form"})"), form)
          .issues,
      IsEmpty());
}

TEST(ResponseCheck, OtherResourcesAreRefused) {
  for (const auto* text : {"null", "[]", "5", "{}", R"({"resourceType": "Questionnaire"})"}) {
    EXPECT_THAT(lines(check_response(parse(text), small_form()).issues),
                ElementsAre("fatal MF-1400 "));
  }
}

TEST(ResponseCheck, IssuesNeverQuoteTheResponse) {
  const std::string canary = "Xyzzy7Canary";
  for (const auto& entry : response_cases()) {
    // Every string that the patient's side could have put there becomes the canary, one after the
    // other.
    auto response = response_of(entry.json);
    const auto poison = [&canary](auto&& self, Json& json) -> void {
      if (auto* array = json.as_array()) {
        for (auto& element : *array) {
          self(self, element);
        }
      } else if (auto* object = json.as_object()) {
        for (auto& member : *object) {
          if (member.value.is_string() && member.name != "resourceType" &&
              member.name != "questionnaire" && member.name != "status" &&
              !(member.name == "linkId" && member.value.as_string()->size() < 4)) {
            member.value = canary;
          } else {
            self(self, member.value);
          }
        }
      }
    };
    poison(poison, response);
    const auto result = check_response(response, form_of(entry.form), {noon});
    const auto text = write_json(operation_outcome(result.issues));
    EXPECT_THAT(text, Not(HasSubstr(canary))) << entry.name;
  }
  const auto unknown = small_response(R"({"item": [{"linkId": "Xyzzy7Canary"}]})");
  EXPECT_THAT(write_json(operation_outcome(check_response(unknown, small_form()).issues)),
              Not(HasSubstr(canary)));
}

TEST(ResponseCheck, ListsNoMoreThanTheMostIssues) {
  Json items;
  for (std::size_t i = 0; i < 3 * max_issues; ++i) {
    items.push(Json::object({{"linkId", "nowhere"}}));
  }
  const auto issues =
      check_response(response_with(Json::object({{"item", items}})), small_form()).issues;
  EXPECT_EQ(issues.size(), max_issues);
  EXPECT_EQ(issues.back().code, "MF-1499");
  EXPECT_EQ(issues.back().severity, Severity::error);
  // Of each kind of check as many.
  const Json::Array many(3 * max_issues, Json(5));
  const auto all =
      check_all(response_with(Json::object({{"item", items}, {"extension", many}})), small_form());
  EXPECT_EQ(all.size(), max_issues);
  EXPECT_EQ(all.back().code, "MF-1499");
}

TEST(ResponseCheck, DeepNestingIsReportedNotFollowed) {
  const auto result =
      check_response(response_with(nested_items({{"linkId", "a"}}, 5000)), small_form());
  EXPECT_TRUE(has_errors(result.issues));
}

}  // namespace
}  // namespace myoflag::fhir
