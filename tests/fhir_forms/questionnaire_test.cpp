// Forms: what is read, and every rule of MF-13xx with a form that keeps it and one that breaks it.
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fhir/questionnaire.h"
#include "tests/fhir_forms/case_files.h"

namespace myoflag::fhir {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using namespace testing;

struct FormCase {
  std::string name;
  Json json;
};

std::vector<FormCase> form_cases() {
  std::vector<FormCase> cases;
  const auto file = read_case_file("form-rules.json");
  for (const auto& entry : *file.as_array()) {
    cases.push_back({std::string(entry.string_of("name")), entry});
  }
  return cases;
}

class FormRules : public ::testing::TestWithParam<FormCase> {};

TEST_P(FormRules, AreReportedWithPlaceAndLinkId) {
  const auto& json = GetParam().json;
  const auto loaded = load_questionnaire(form_with(*json.find("form")));
  EXPECT_THAT(lines(loaded.issues), ElementsAreArray(strings(*json.find("issues"))));
  EXPECT_EQ(loaded.form.has_value(), !has_errors(loaded.issues));
}

INSTANTIATE_TEST_SUITE_P(Cases, FormRules, ::testing::ValuesIn(form_cases()),
                         [](const auto& instance) { return instance.param.name; });

// A new rule without a case would go unnoticed; a code that no case expects is a rule nobody has
// seen working.
TEST(FormRules, EveryCodeIsExpectedBySomeCase) {
  std::set<std::string> expected;
  for (const auto& form_case : form_cases()) {
    for (const auto& text : strings(*form_case.json.find("issues"))) {
      expected.insert(text.substr(text.find("MF-"), 7));
    }
  }
  for (int code = 1301; code <= 1339; ++code) {
    EXPECT_TRUE(expected.count("MF-" + std::to_string(code))) << code;
  }
}

TEST(Questionnaire, OtherResourcesAreRefused) {
  for (const auto* text : {"null", "[]", "{}", R"({"resourceType": "Patient"})"}) {
    const auto loaded = load_questionnaire(parse(text));
    EXPECT_FALSE(loaded.form);
    EXPECT_THAT(lines(loaded.issues), ElementsAre("MF-1300 "));
  }
}

TEST(Questionnaire, ItemsAreFlattenedInOrderWithParentAndEnd) {
  const auto form = load(form_with(parse(R"({"item": [
      {"linkId": "g", "type": "group", "item": [
        {"linkId": "a", "type": "string", "item": [{"linkId": "b", "type": "date"}]},
        {"linkId": "c", "type": "integer"}]},
      {"linkId": "d", "type": "display"}]})")));
  std::vector<std::string> seen;
  for (const auto& item : form.items()) {
    const auto parent = item.parent == no_item ? "-" : form.item(item.parent).link_id;
    seen.push_back(item.link_id + " in " + parent + " to " + std::to_string(item.end) + " depth " +
                   std::to_string(item.depth));
  }
  EXPECT_THAT(seen, ElementsAre("g in - to 4 depth 0", "a in g to 3 depth 1", "b in a to 3 depth 2",
                                "c in g to 4 depth 1", "d in - to 5 depth 0"));
  EXPECT_EQ(form.index_of("c"), 3u);
  EXPECT_EQ(form.index_of("e"), no_item);
}

TEST(Questionnaire, ReadsWhatLaterStepsNeed) {
  const auto form = load(form_with(parse(R"({
    "title": "T", "language": "en", "effectivePeriod": {"start": "2024"},
    "extension": [{"url": "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-observationExtract",
                   "valueBoolean": true}],
    "item": [{"linkId": "a", "type": "choice", "text": "A?", "prefix": "1.", "required": true, "repeats": true,
      "readOnly": true, "definition": "http://example.org/d", "code": [{"system": "s", "code": "c"}],
      "_text": {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/translation", "extension": [
         {"url": "lang", "valueCode": "de"}, {"url": "content", "valueString": "A!"}]}]},
      "extension": [
        {"url": "http://hl7.org/fhir/StructureDefinition/questionnaire-hidden", "valueBoolean": true},
        {"url": "http://hl7.org/fhir/StructureDefinition/questionnaire-itemControl",
         "valueCodeableConcept": {"coding": [{"code": "check-box"}]}},
        {"url": "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-observationExtract",
         "valueCode": "member"}],
      "answerOption": [
        {"valueCoding": {"system": "s", "code": "x"}, "initialSelected": true,
         "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/ordinalValue", "valueDecimal": 1.0}]},
        {"valueCoding": {"system": "s", "code": "none",
           "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/itemWeight", "valueDecimal": 0}]},
         "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/questionnaire-optionExclusive",
                        "valueBoolean": true}]}]},
     {"linkId": "b", "type": "quantity", "extension": [
        {"url": "http://hl7.org/fhir/StructureDefinition/questionnaire-unit", "valueCoding": {"code": "mg"}}]}]})")));
  EXPECT_EQ(form.header().title, "T");
  EXPECT_EQ(form.header().effective_start, "2024");
  EXPECT_EQ(form.header().observation_extract, "true");
  const auto& item = form.item(0);
  EXPECT_TRUE(item.required && item.repeats && item.read_only && item.hidden);
  EXPECT_EQ(item.text + item.prefix + item.item_control + item.observation_extract,
            "A?1.check-boxmember");
  ASSERT_EQ(item.translations.size(), 1u);
  EXPECT_EQ(item.translations[0].language + item.translations[0].text, "deA!");
  ASSERT_EQ(item.options.size(), 2u);
  EXPECT_TRUE(item.options[0].initially_selected && !item.options[0].exclusive);
  EXPECT_TRUE(item.options[1].exclusive);
  EXPECT_EQ(item.options[0].ordinal, "1.0");
  EXPECT_EQ(item.options[1].ordinal, "0");
  EXPECT_EQ(form.item(1).unit.string_of("code"), "mg");
}

TEST(Questionnaire, ConditionsKnowTheirScope) {
  const auto form = load(form_with(parse(R"({"item": [
      {"linkId": "g", "type": "group", "item": [
        {"linkId": "h", "type": "group", "item": [{"linkId": "a", "type": "boolean"}]},
        {"linkId": "b", "type": "string", "enableWhen": [
           {"question": "a", "operator": "=", "answerBoolean": true}], "item": [
             {"linkId": "c", "type": "string", "enableWhen": [
               {"question": "b", "operator": "=", "answerString": "x"}]}]}]},
      {"linkId": "d", "type": "string", "enableWhen": [
         {"question": "a", "operator": "=", "answerBoolean": true}]}]})")));
  const auto scope = [&form](std::string_view link_id) {
    return form.item(form.index_of(link_id)).enable_when.front().scope;
  };
  EXPECT_EQ(scope("b"), form.index_of("g"));
  EXPECT_EQ(scope("c"), form.index_of("b"));
  EXPECT_EQ(scope("d"), no_item);
}

TEST(Questionnaire, DecisionOrderPutsQuestionsBeforeWhatDependsOnThem) {
  const auto form = load(form_with(parse(R"({"item": [
      {"linkId": "a", "type": "string", "enableWhen": [
        {"question": "b", "operator": "exists", "answerBoolean": true}]},
      {"linkId": "b", "type": "string", "enableWhen": [
        {"question": "c", "operator": "exists", "answerBoolean": true}]},
      {"linkId": "g", "type": "group", "item": [{"linkId": "c", "type": "string"}]}]})")));
  EXPECT_THAT(form.decision_order(), ElementsAre(2, 3, 1, 0));
}

TEST(Questionnaire, ContainedValueSetsAreListed) {
  const auto members = [](std::string_view value_set, std::string_view more = "") {
    auto text = R"({"contained": [{"resourceType": "ValueSet", "id": "v", )" +
                std::string(value_set) + "}" + std::string(more) +
                R"(], "item": [{"linkId": "a", "type": "choice", "answerValueSet": "#v"}]})";
    const auto form = load(form_with(parse(text)));
    std::string codes = form.item(0).value_set_resolved ? "=" : "?";
    for (const auto& coding : form.item(0).value_set_codings) {
      codes += std::string(coding.string_of("code")) + " ";
    }
    return codes;
  };
  EXPECT_EQ(
      members(
          R"("compose": {"include": [{"system": "s", "concept": [{"code": "a"}, {"code": "b"}]}]})"),
      "=a b ");
  EXPECT_EQ(members(R"("expansion": {"contains": [{"abstract": true, "code": "x", "contains": [
                       {"system": "s", "code": "a"}]}]})"),
            "=a ");
  EXPECT_EQ(members(R"("compose": {"include": [{"system": "http://s"}]})",
                    R"(, {"resourceType": "CodeSystem", "url": "http://s", "content": "complete",
                          "concept": [{"code": "a", "concept": [{"code": "b"}]}]})"),
            "=a b ");
  EXPECT_EQ(members(R"("compose": {"include": [{"system": "s"}]})"), "?");
  EXPECT_EQ(members(R"("compose": {"include": [{"system": "s", "filter": [{}], "concept": []}]})"),
            "?");
  EXPECT_EQ(members(R"("compose": {"include": [{"valueSet": ["x"]}]})"), "?");
  EXPECT_EQ(
      members(
          R"("compose": {"include": [{"system": "s", "concept": [{"code": "a"}]}], "exclude": [{}]})"),
      "?");
  EXPECT_EQ(members(R"("status": "active")"), "?");
}

TEST(Questionnaire, DeepNestingIsRefusedNotFollowed) {
  const auto loaded =
      load_questionnaire(form_with(nested_items({{"linkId", "a"}, {"type", "group"}}, 5000)));
  EXPECT_FALSE(loaded.form);
}

TEST(Pattern, MatchesTheWholeTextAndRefusesLookAround) {
  const auto pattern = Pattern::compile("a|bc");
  ASSERT_NE(pattern, nullptr);
  EXPECT_TRUE(pattern->matches("a") && pattern->matches("bc"));
  EXPECT_FALSE(pattern->matches("ab") || pattern->matches("xa"));
  EXPECT_EQ(Pattern::compile("(?=a)b"), nullptr);
  EXPECT_EQ(Pattern::compile("("), nullptr);
}

}  // namespace
}  // namespace myoflag::fhir
