// Responses to another form, read by the binding that docs/knowledge-authoring.md shows.
#include <algorithm>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugin/assess.h"
#include "plugin/mapping/assessment_json.h"
#include "plugin/mapping/bundle.h"
#include "plugin/mapping/code_system.h"
#include "plugin/mapping/quick_resources.h"
#include "rules/evaluate.h"
#include "rules/since_last.h"
#include "rules/snapshot.h"
#include "rules/wording.h"
#include "tests/mapping/intake_support.h"
#include "tests/rules/small_knowledge.h"
#include "tests/support/reassured.h"

namespace myoflag {
namespace {

using fhir::Json;
using rules::GapState;
using rules::ItemState;
using rules::Tier;
using testing::bundle_of;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::parse;

// What stands between the fences behind the mark.
std::string example() {
  const auto page = rules::bytes_of(rules::source_dir() / "docs/knowledge-authoring.md");
  const auto mark = page.find("<!-- example: forms -->");
  const auto begin = page.find("```yaml\n", mark) + 8;
  return page.substr(begin, page.find("```", begin) - begin);
}

const rules::KnowledgePtr& bound() {
  static const auto one = [] {
    auto files = rules::real_files();
    files["bindings.yaml"] += example();
    auto loaded = rules::load_knowledge(files);
    EXPECT_TRUE(loaded) << rules::listing(loaded.error());
    return std::move(loaded).value();
  }();
  return one;
}

const Assessor& assessor() {
  static const Assessor one(bound());
  return one;
}

AssessOptions options() {
  AssessOptions one;
  one.now = testing::now();
  return one;
}

Json response_with(std::string_view items, std::string_view version = "3") {
  return parse(R"({"resourceType":"QuestionnaireResponse","id":"n1",)"
               R"("questionnaire":"https://forms.example.org/Questionnaire/neurology-intake|)" +
               std::string(version) +
               R"(","status":"completed","subject":{"reference":"Patient/p1"},)"
               R"("authored":"2026-11-22T10:00:00Z","item":[)" +
               std::string(items) + "]}");
}

constexpr std::string_view calm = R"(
  {"linkId":"g","item":[
    {"linkId":"q-age","answer":[{"valueInteger":44}]},
    {"linkId":"q-sudden","answer":[{"valueCoding":{"system":"https://forms.example.org/signs","code":"NO"}}]}]},
  {"linkId":"q-insurance","answer":[{"valueString":"private"}]})";

constexpr std::string_view face = R"({"linkId":"q-sudden","answer":[
  {"valueCoding":{"system":"https://forms.example.org/signs","code":"FACE"}}]})";

tl::expected<Assessed, fhir::Issues> assess(const Json& resource) {
  return assessor().assess(fhir::write_json(resource), options());
}

std::size_t slot(std::string_view link_id) {
  return static_cast<std::size_t>(bound()->item(link_id));
}

std::vector<std::string> problems(const tl::expected<Assessed, fhir::Issues>& assessed) {
  std::vector<std::string> out;
  for (const auto& issue : assessed ? assessed->warnings : assessed.error()) {
    out.push_back(issue.code + " " + issue.place);
  }
  return out;
}

std::vector<std::string> notices(const Assessed& assessed) {
  std::vector<std::string> out;
  for (const auto& notice : assessed.assessment.notices) {
    out.push_back(notice.text);
  }
  return out;
}

std::string reason(const fhir::Issues& issues) {
  return issues.empty() ? "" : issues.front().code + " " + issues.front().place;
}

TEST(OtherForm, IsRefusedWithoutABinding) {
  const Assessor unbound(testing::knowledge());
  const auto refused = unbound.assess(fhir::write_json(response_with(calm)), options());
  ASSERT_FALSE(refused);
  EXPECT_EQ(reason(refused.error()), "MF-1403 QuestionnaireResponse.questionnaire");
  for (const auto* version : {"2", "3.0", ""}) {
    const auto other = assess(response_with(calm, version));
    ASSERT_FALSE(other) << version;
    EXPECT_EQ(reason(other.error()), "MF-1403 QuestionnaireResponse.questionnaire") << version;
  }
}

TEST(OtherForm, AnswersAreReadByTheBinding) {
  const auto assessed = assess(response_with(std::string(face) + R"(,
    {"linkId":"q-age","answer":[{"valueQuantity":{"value":61,"system":"http://unitsofmeasure.org","code":"a"}}]},
    {"linkId":"q-sex","answer":[{"valueCoding":{"system":"http://hl7.org/fhir/administrative-gender","code":"male"}}]},
    {"linkId":"q-muscle-loss","answer":[{"valueBoolean":true}]},
    {"linkId":"q-drinks","answer":[{"valueDecimal":2.0}]},
    {"linkId":"q-medicines","answer":[{"valueString":"my own words"}]})"));
  ASSERT_TRUE(assessed) << reason(assessed.error());
  const auto& k = *bound();
  const auto& given = assessed->assessment.input->facts.answers;
  EXPECT_EQ(given.number[slot("age-years")], rules::whole(61));
  EXPECT_EQ(given.number[slot("alcohol-units")], rules::whole(14));
  EXPECT_EQ(given.chosen[slot("course")],
            std::uint64_t{1} << k.items[slot("course")].option("slow-worse"));
  EXPECT_EQ(assessed->assessment.tier, Tier::emergency);
  ASSERT_EQ(assessed->assessment.input->free_text.size(), 1U);
  EXPECT_EQ(assessed->assessment.input->free_text.front().text, "my own words");
  EXPECT_EQ(assessed->assessment.input->response.questionnaire,
            "https://forms.example.org/Questionnaire/neurology-intake|3");
}

// "None of these" of three signs denies no fourth.
TEST(OtherForm, WhatIsNotAskedOrNotOfferedIsUnknown) {
  const auto assessed = assess(response_with(calm));
  ASSERT_TRUE(assessed) << reason(assessed.error());
  const auto& assessment = assessed->assessment;
  EXPECT_EQ(assessment.input->facts.answers.chosen[slot("em-sudden")], rules::kNotOffered);
  EXPECT_EQ(assessment.input->facts.answers.state[slot("em-now")], ItemState::skipped);
  EXPECT_EQ(assessment.bounds.highest, Tier::emergency);
  EXPECT_FALSE(rules::testing::is_reassured(assessment));
  const auto is_gap = [&](std::string_view link_id) {
    return std::any_of(assessment.gaps.begin(), assessment.gaps.end(), [&](const auto& gap) {
      return gap.item->link_id == link_id && gap.state == GapState::not_asked;
    });
  };
  EXPECT_TRUE(is_gap("em-sudden")) << "three of its signs were not offered";
  EXPECT_TRUE(is_gap("em-now"));
  EXPECT_THAT(notices(*assessed), Contains(HasSubstr("Neurology intake of Example Hospital")));
  rules::Evidence nothing;
  nothing.item = &bound()->items[slot("em-now")];
  EXPECT_THAT(rules::answer_lines(assessment, {nothing}),
              ElementsAre(HasSubstr("not asked, or not for every answer")));
}

// An emergency question of which a part was not offered is as open as "not sure".
TEST(OtherForm, AnEmergencySignThatIsNotOfferedIsAsked) {
  const auto& k = *bound();
  const auto gap = std::find_if(k.gaps.begin(), k.gaps.end(), [](const auto& rule) {
    return rule.id == "gap-emergency-unanswered";
  });
  ASSERT_NE(gap, k.gaps.end());
  rules::Facts facts;
  for (const auto* question : {"em-now", "em-sudden", "em-spreading", "em-context"}) {
    facts.answers.state[slot(question)] = ItemState::answered;
    facts.answers.chosen[slot(question)] = k.items[slot(question)].none;
  }
  const auto fires = [&] {
    rules::Verdicts verdicts;
    rules::evaluate(k, facts, {}, verdicts);
    return verdicts.gaps[static_cast<std::size_t>(gap - k.gaps.begin())];
  };
  EXPECT_EQ(fires(), rules::Tri::no);
  facts.answers.chosen[slot("em-sudden")] = rules::kNotOffered;
  EXPECT_EQ(fires(), rules::Tri::yes);
}

TEST(OtherForm, ANewerOneOfAVersionThatIsNotBoundIsNotPassedOver) {
  auto newer = response_with(face, "4");
  newer.set("authored", "2026-11-22T11:00:00Z");
  auto older = testing::response_of({{"em-now", {"none"}}});
  older.set("authored", "2026-11-22T08:00:00Z");
  const auto refused = assess(bundle_of({older, newer}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().front().code, "MF-1403");
}

// What the older form did not offer need not be new.
TEST(OtherForm, AChangeSinceAFormThatDidNotOfferTheAnswerIsUnknown) {
  const auto& k = *bound();
  const auto at = slot("muscle-changes");
  rules::AnswerRecord before;
  before.state[at] = ItemState::answered;
  before.chosen[at] = rules::kNotOffered;
  rules::AnswerRecord now;
  now.state[at] = ItemState::answered;
  now.chosen[at] = std::uint64_t{1} << k.items[at].option("thinner");
  EXPECT_EQ(rules::changed_since_last(k, &before, now), rules::Tri::unknown);
  now.chosen[at] = k.items[at].none;
  EXPECT_EQ(rules::changed_since_last(k, &before, now), rules::Tri::no);
}

TEST(OtherForm, AnswersThatTheBindingDoesNotKnowAreToldAndReassureNobody) {
  const auto assessed = assess(response_with(std::string(calm) + R"(,
    {"linkId":"q-new","text":"Do you feel unsafe?","answer":[{"valueCoding":{"code":"y","display":"At home"}},
      {"valueQuantity":{"value":3,"unit":"nights"}}]},
    {"linkId":"q-bare","answer":[{"valueBoolean":true}]},
    {"linkId":"q-empty"})"));
  ASSERT_TRUE(assessed) << reason(assessed.error());
  EXPECT_THAT(problems(assessed), ElementsAre("MF-3035 QuestionnaireResponse.item[2]",
                                              "MF-3035 QuestionnaireResponse.item[3]"));
  EXPECT_THAT(notices(*assessed), Contains(HasSubstr("Do you feel unsafe?: At home")));
  EXPECT_THAT(notices(*assessed), Contains(HasSubstr("Do you feel unsafe?: 3 nights")));
  EXPECT_THAT(notices(*assessed), Contains(HasSubstr("q-bare: true")));
  EXPECT_THAT(notices(*assessed), Not(Contains(HasSubstr("private")))) << "ignored on purpose";
  EXPECT_THAT(assessed->assessment.input->doubts, Contains(rules::Doubt::answers_unread));
}

TEST(OtherForm, OnlyAnswersThatNobodyReadsAreStillShown) {
  const auto assessed =
      assess(response_with(R"({"linkId":"q-new","answer":[{"valueString":"hello"}]})"));
  ASSERT_TRUE(assessed) << reason(assessed.error());
  EXPECT_THAT(notices(*assessed), Contains(HasSubstr("q-new: hello")));
}

TEST(OtherForm, ManyUnreadAnswersAreCounted) {
  std::string items(calm);
  for (int i = 0; i < 60; ++i) {
    items += R"(,{"linkId":"x)" + std::to_string(i) + R"(","answer":[{"valueInteger":1}]})";
  }
  const auto assessed = assess(response_with(items));
  ASSERT_TRUE(assessed);
  EXPECT_THAT(notices(*assessed), Contains(HasSubstr("10 answers more")));
}

TEST(OtherForm, EveryProblemIsLocatedInTheResponseAsGiven) {
  struct Row {
    const char *items, *problem;
  };
  const Row rows[] = {
      {R"({"linkId":"g","item":[{"linkId":"q-sudden","answer":[{"valueCoding":{"system":"https://forms.example.org/signs","code":"NEW"}}]}]})",
       "MF-3028 QuestionnaireResponse.item[0].item[0].answer[0]"},
      {R"({"linkId":"q-sudden","answer":[{"valueCoding":{"code":"FACE"}}]})",
       "MF-3028 QuestionnaireResponse.item[0].answer[0]"},
      {R"({"linkId":"q-sudden","answer":[{"valueString":"weak arm"}]})",
       "MF-3028 QuestionnaireResponse.item[0].answer[0]"},
      {R"({"linkId":"q-age","answer":[{"valueString":"44"}]})",
       "MF-3024 QuestionnaireResponse.item[0].answer[0]"},
      {R"({"linkId":"q-age","answer":[{"valueQuantity":{"value":44,"code":"mo"}}]})",
       "MF-3029 QuestionnaireResponse.item[0].answer[0]"},
      {R"({"linkId":"q-age","answer":[{"valueQuantity":{"value":44,"code":"a","comparator":"<"}}]})",
       "MF-3029 QuestionnaireResponse.item[0].answer[0]"},
      {R"({"linkId":"q-age","answer":[{"valueDecimal":44.5}]})",
       "MF-3029 QuestionnaireResponse.item[0].answer[0]"},
      {R"({"linkId":"q-age","answer":[{"valueInteger":4},{"valueInteger":44}]})",
       "MF-3023 QuestionnaireResponse.item[0].answer[1]"},
      {R"({"linkId":"q-age","answer":[{"valueInteger":4}]},{"linkId":"q-age","answer":[{"valueInteger":44}]})",
       "MF-3023 QuestionnaireResponse.item[1]"},
      {R"({"linkId":"q-medicines","answer":[{"valueBoolean":true}]})",
       "MF-3024 QuestionnaireResponse.item[0].answer[0]"},
  };
  for (const auto& row : rows) {
    const auto refused = assess(response_with(row.items));
    EXPECT_FALSE(refused) << row.items;
    EXPECT_THAT(problems(refused), Contains(row.problem)) << row.items;
    // `check` says the same.
    const auto checked = assessor().check(fhir::write_json(response_with(row.items)), options());
    EXPECT_TRUE(std::any_of(checked.begin(), checked.end(), [&](const auto& issue) {
      return issue.code + " " + issue.place == row.problem;
    })) << row.items;
  }
}

TEST(OtherForm, InABundleItIsLocatedThereAndComparedWithEarlierForms) {
  auto ours = testing::response_of(testing::harmless());
  ours.set("id", "before");
  ours.set("authored", "2026-11-20T10:00:00Z");
  const auto assessed = assess(bundle_of({ours, response_with(face)}));
  ASSERT_TRUE(assessed) << reason(assessed.error());
  EXPECT_EQ(assessed->assessment.tier, Tier::emergency);
  EXPECT_EQ(assessed->assessment.input->earlier.size(), 1U);
  const auto refused = assess(
      bundle_of({ours, response_with(R"({"linkId":"q-age","answer":[{"valueString":"44"}]})")}));
  EXPECT_THAT(problems(refused), Contains("MF-3024 Bundle.entry[1].resource.item[0].answer[0]"));
}

TEST(OtherForm, AnEarlierOneIsCompared) {
  auto earlier = response_with(face);
  earlier.set("id", "before");
  earlier.set("authored", "2026-11-20T10:00:00Z");
  const auto assessed = assess(bundle_of({earlier, testing::response_of(testing::harmless())}));
  ASSERT_TRUE(assessed) << reason(assessed.error());
  EXPECT_FALSE(assessed->assessment.vanished.empty()) << "the face that dropped two days before";
}

TEST(OtherForm, WhatIsWrittenKeepsTheResponseAsGiven) {
  const auto response = response_with(std::string(face) + "," + R"(
    {"linkId":"sleep-hours","text":"ours by accident","answer":[{"valueDecimal":3.50}]},
    {"linkId":"q-drinks","answer":[{"valueInteger":2}]})");
  const auto assessed = assess(response);
  ASSERT_TRUE(assessed) << reason(assessed.error());
  const auto bundle =
      mapping::transaction_bundle(assessed->assessment, assessed->response, assessed->record, {});
  const auto text = fhir::write_json(bundle);
  EXPECT_EQ(text, fhir::write_json(mapping::transaction_bundle(
                      assess(response)->assessment, assessed->response, assessed->record, {})));
  const Json* sent = nullptr;
  for (const auto& entry : bundle.array_of("entry")) {
    const auto* resource = entry.find("resource");
    if (resource->string_of("resourceType") == "QuestionnaireResponse") {
      sent = resource;
    }
  }
  ASSERT_NE(sent, nullptr);
  EXPECT_EQ(sent->string_of("questionnaire"),
            "https://forms.example.org/Questionnaire/neurology-intake|3");
  EXPECT_EQ(fhir::write_json(*sent->find("item")), fhir::write_json(*response.find("item")));
  EXPECT_THAT(text, HasSubstr("em-sudden.face-droop"));
  EXPECT_THAT(text, Not(HasSubstr("asked-unknown"))) << "nobody was asked";
}

TEST(OtherForm, TheQuickWayLeavesItToTheCarefulOne) {
  const mapping::QuickForms forms(bound());
  mapping::QuickDesk desk(forms, {testing::now(), true, {}});
  EXPECT_FALSE(desk.judge(fhir::write_json(response_with(calm))));
}

TEST(OtherForm, TheBindingSurvivesTheSnapshot) {
  const auto read = rules::read_snapshot(rules::write_snapshot(*bound()));
  ASSERT_TRUE(read);
  const auto* form =
      (*read)->other_form("https://forms.example.org/Questionnaire/neurology-intake", "3");
  ASSERT_NE(form, nullptr);
  EXPECT_EQ(form->questions.size(), 7U);
  EXPECT_TRUE(form->question("q-sudden")->partial);
  EXPECT_EQ(form->question("q-insurance")->item, -1);
}

TEST(OtherForm, WhatABindingMayNotSayIsToldWhereItStands) {
  struct Row {
    const char *before, *after, *problem, *excerpt;
  };
  // Each group is one folder with several mistakes that do not touch each other.
  const std::vector<std::vector<Row>> groups{
      {{"answers: age-years", "answers: age-year", "MF-2021", "age-year"},
       {"option: face-droop", "option: face-drop", "MF-2021", "face-drop"},
       {"{boolean: false,", "{boolean: true,", "MF-2020", "boolean: true, option: same"},
       {"factor: \"7\"", "factor: \"-7\"", "MF-2015", "-7"},
       {", reason: About payment.", "", "MF-2011", "q-insurance"}},
      {{"linkId: q-age", "linkId: q-sex", "MF-2020", "q-sex"},
       {"balance-sudden]", "face-droop]", "MF-2062", "face-droop"},
       {", unit: \"/d\", factor", ", factor", "MF-2011", "factor"},
       {"answers: medicine-list", "answers: g-about", "MF-2030", "g-about"},
       {"em-now, ", "", "MF-2062", "questionnaire"}},
      {{"linkId: q-insurance", "linkId: q-age", "MF-2020", "q-age"},
       {"answers: medicine-list", "answers: age-years", "MF-2020", "answers: age-years"},
       {"{boolean: false,", "{boolean: false, text: x,", "MF-2030", "text: x"},
       {"not-offered: [vision-sudden, headache-worst, balance-sudden]", "", "MF-2062", "q-sudden"},
       {", factor: \"7\"", "", "MF-2062", "unit"},
       {"em-now, ", "em-now, em-now, ", "MF-2020", "em-now"}},
      {{"answers: age-years}", "answers: age-years, values: []}", "MF-2030", "values"},
       {"em-now, ", "em-now, age-years, ", "MF-2020", "age-years"},
       {"https://forms.example.org/Questionnaire", "forms/Questionnaire", "MF-2014", "forms/"}},
      {{"neurology-intake\n", "neurology-intake|3\n", "MF-2014", "intake|3"}},
  };
  for (const auto& group : groups) {
    auto files = rules::real_files();
    files["bindings.yaml"] += example();
    for (const auto& row : group) {
      files = rules::with(files, "bindings.yaml", row.before, row.after);
    }
    const auto loaded = rules::load_knowledge(files);
    ASSERT_FALSE(loaded) << group.front().after;
    const auto& all = loaded.error();
    for (const auto& row : group) {
      EXPECT_TRUE(std::any_of(all.begin(), all.end(),
                              [&](const rules::Problem& problem) {
                                return problem.code == row.problem &&
                                       problem.file == "bindings.yaml" && problem.line > 0 &&
                                       problem.excerpt.find(row.excerpt) != std::string::npos;
                              }))
          << row.after << "\n"
          << rules::listing(all);
    }
  }
}

TEST(OtherForm, OurOwnFormNeedsNoBindingAndNoFormHasTwo) {
  const auto with_url = [](const std::string& url, const std::string& version) {
    auto files = rules::real_files();
    files["bindings.yaml"] +=
        rules::with({{"f", example()}}, "f",
                    "https://forms.example.org/Questionnaire/neurology-intake", url)
            .at("f");
    return rules::with(files, "bindings.yaml", "version: \"3\"", "version: \"" + version + "\"");
  };
  const auto& k = *testing::knowledge();
  const auto own = rules::load_knowledge(with_url(k.form_url(), k.version));
  ASSERT_FALSE(own);
  EXPECT_EQ(own.error().front().code, "MF-2061");
  EXPECT_TRUE(rules::load_knowledge(with_url(k.form_url(), "0.0.9"))) << "an older one of ours";
  auto twice = rules::real_files();
  const auto one = example();
  twice["bindings.yaml"] += one + one.substr(one.find('\n') + 1);
  const auto refused = rules::load_knowledge(twice);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().front().code, "MF-2020");
}

TEST(OtherForm, AnOlderVersionOfOursIsReadByItsBinding) {
  auto files = rules::real_files();
  files["bindings.yaml"] += example();
  const auto& k = *testing::knowledge();
  files = rules::with(files, "bindings.yaml",
                      "https://forms.example.org/Questionnaire/neurology-intake", k.form_url());
  const auto older = rules::load_knowledge(
      rules::with(files, "bindings.yaml", "version: \"3\"", "version: \"0.0.9\""));
  ASSERT_TRUE(older);
  auto response = response_with(face);
  response.set("questionnaire", k.form_url() + "|0.0.9");
  const auto assessed = Assessor(*older).assess(fhir::write_json(response), options());
  ASSERT_TRUE(assessed) << reason(assessed.error());
  EXPECT_EQ(assessed->assessment.tier, Tier::emergency);
  const auto refused = assess(response);
  EXPECT_EQ(reason(refused.error()), "MF-1404 QuestionnaireResponse.questionnaire");
}

TEST(OtherForm, ACodeOfOursIsOfTheVersionOfItsForm) {
  auto files = rules::real_files();
  files["bindings.yaml"] += example();
  const auto& k = *testing::knowledge();
  const auto change = [&](const std::string& before, const std::string& after) {
    files = rules::with(files, "bindings.yaml", before, after);
  };
  change("https://forms.example.org/Questionnaire/neurology-intake", k.form_url());
  change("version: \"3\"", "version: \"0.0.9\"");
  change("{system: \"https://forms.example.org/signs\", code: FACE,",
         "{system: \"" + mapping::answer_system(k) + "\", code: em-sudden.face-droop,");
  const auto older = rules::load_knowledge(files);
  ASSERT_TRUE(older) << rules::listing(older.error());
  const Assessor assessor(*older);
  const auto assess = [&](const std::string& version) {
    auto response = response_with(R"({"linkId":"q-sudden","answer":[{"valueCoding":{"system":")" +
                                  mapping::answer_system(k) + R"(","version":")" + version +
                                  R"(","code":"em-sudden.face-droop"}}]})");
    response.set("questionnaire", k.form_url() + "|0.0.9");
    return assessor.assess(fhir::write_json(response), options());
  };
  const auto same = assess("0.0.9");
  ASSERT_TRUE(same) << reason(same.error());
  EXPECT_EQ(same->assessment.tier, Tier::emergency);
  for (const auto& version : {k.version, std::string("9")}) {
    const auto refused = assess(version);
    ASSERT_FALSE(refused) << version;
    EXPECT_EQ(reason(refused.error()), "MF-3038 QuestionnaireResponse.item[0].answer[0]");
  }
}

}  // namespace
}  // namespace myoflag
