// From bytes to an assessment: what is refused, what is tolerated, and that every way in gives the
// same.
#include <algorithm>
#include <atomic>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fhir/convert.h"
#include "plugin/assess.h"
#include "plugin/mapping/assessment_json.h"
#include "plugin/mapping/bundle.h"
#include "plugin/mapping/code_system.h"
#include "plugin/mapping/record_place.h"
#include "rules/languages.h"
#include "tests/mapping/intake_support.h"
#include "tests/support/reassured.h"

namespace myoflag {
namespace {

using fhir::Json;
using rules::ItemState;
using rules::Tier;
using testing::bundle_of;
using ::testing::Contains;
using ::testing::ElementsAre;
using testing::Given;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::knowledge;
using ::testing::Not;
using testing::parse;
using ::testing::SizeIs;

const Assessor& assessor() {
  static const Assessor one(knowledge());
  return one;
}

AssessOptions options() {
  AssessOptions one;
  one.now = testing::now();
  return one;
}

tl::expected<Assessed, fhir::Issues> assess(const Json& resource) {
  return assessor().assess(fhir::write_json(resource), options());
}

std::size_t slot(std::string_view link_id) {
  return static_cast<std::size_t>(knowledge()->item(link_id));
}

std::vector<std::string> codes(const fhir::Issues& issues) {
  std::vector<std::string> out;
  for (const auto& issue : issues) {
    out.push_back(issue.code);
  }
  return out;
}

Given but(std::string_view link_id, std::vector<std::string> answer) {
  auto given = testing::harmless();
  given[std::string(link_id)] = std::move(answer);
  return given;
}

Json patient(std::string_view more = "") {
  return parse(R"({"resourceType":"Patient","id":"p1")" + std::string(more) + "}");
}

TEST(Assess, AStrokeSignIsAnEmergencyHoweverItComesIn) {
  const auto response = testing::response_of(but("em-sudden", {"face-droop"}));
  const auto json = fhir::write_json(response);
  const auto xml = fhir::json_to_xml(response).value();
  const auto bundle = fhir::write_json(bundle_of({patient(), response}));
  const auto bundle_xml = fhir::json_to_xml(parse(bundle)).value();
  for (const auto& text : {json, xml, bundle, bundle_xml}) {
    const auto assessed = assessor().assess(text, options());
    ASSERT_TRUE(assessed) << assessed.error()[0].text;
    EXPECT_EQ(assessed->assessment.tier, Tier::emergency);
    EXPECT_EQ(assessed->response, response);
    EXPECT_THAT(assessed->warnings, IsEmpty());
    EXPECT_EQ(assessed->assessment.input->response.id, "r1");
    EXPECT_EQ(assessed->assessment.input->response.subject, "Patient/p1");
  }
}

TEST(Assess, QuickAndCarefulWayGiveTheSame) {
#ifdef MYOFLAG_SANITIZED
  constexpr int kForms = 40;
#else
  constexpr int kForms = 200;
#endif
  std::mt19937_64 random(11);
  for (int i = 0; i < kForms; ++i) {
    auto response = testing::response_of(testing::random_given(random));
    const auto plain = assess(response);
    response.set("_status", Json::object({{"id", "s"}}));  // not plain any more
    const auto careful = assess(response);
    ASSERT_TRUE(plain);
    ASSERT_TRUE(careful);
    const auto& a = *plain->assessment.input;
    const auto& b = *careful->assessment.input;
    EXPECT_EQ(plain->assessment.tier, careful->assessment.tier);
    EXPECT_EQ(a.facts.answers.state, b.facts.answers.state);
    EXPECT_EQ(a.facts.answers.chosen, b.facts.answers.chosen);
    EXPECT_EQ(a.facts.answers.number, b.facts.answers.number);
    ASSERT_EQ(a.free_text.size(), b.free_text.size());
    for (std::size_t k = 0; k < a.free_text.size(); ++k) {
      EXPECT_EQ(a.free_text[k].text, b.free_text[k].text);
    }
    EXPECT_EQ(a.response.authored, b.response.authored);
    EXPECT_EQ(plain->warnings, careful->warnings);
    EXPECT_EQ(mapping::assessment_json(plain->assessment, true),
              mapping::assessment_json(careful->assessment, true));
  }
}

TEST(Assess, AFormWithoutAnyAnswerIsRefused) {
  auto without_items = testing::response_of({});
  without_items.erase("item");
  for (const auto& response : {testing::response_of({}), without_items}) {
    const auto assessed = assess(response);
    ASSERT_FALSE(assessed);
    EXPECT_THAT(codes(assessed.error()), ElementsAre("MF-3009"));
  }
}

TEST(Assess, AFormWithOneAnswerIsEvaluatedAndIsNotCalm) {
  for (const auto& given : {Given{{"anything-else", {"my leg"}}}, Given{{"em-now", {"unsure"}}},
                            Given{{"em-now", {"none"}}}}) {
    const auto assessed = assess(testing::response_of(given));
    ASSERT_TRUE(assessed) << assessed.error()[0].text;
    EXPECT_GE(assessed->assessment.tier, Tier::urgent);
    EXPECT_THAT(codes(assessed->warnings), Contains("MF-1430"));
  }
}

// ---- results inside a report

Json report(const std::string& contained, const std::string& more) {
  return parse(
      R"({"resourceType":"DiagnosticReport","id":"d1","status":"final","subject":{"reference":"Patient/p1"},"effectiveDateTime":"2026-11-22T08:00:00Z","code":{"text":"Electrolytes"},"contained":[)" +
      contained + R"(],"result":[{"reference":"#c1"}])" + more + "}");
}

std::string inner_potassium(const std::string& more = "") {
  const auto& code = knowledge()->labs[static_cast<std::size_t>(knowledge()->lab("k"))].codes.at(0);
  return R"({"resourceType":"Observation","id":"c1","status":"final","effectiveDateTime":"2026-11-22T08:00:00Z","code":{"coding":[{"system":")" +
         code.system + R"(","code":")" + code.code +
         R"("}]},"valueQuantity":{"value":2.1,"unit":"mmol/L"})" + more + "}";
}

TEST(Assess, AResultInsideAReportIsReadAsOneOfThePatient) {
  const auto response = testing::response_of(testing::harmless());
  auto panel = report(inner_potassium(), "");
  panel.set("resourceType", "Observation");
  panel.set("hasMember", *panel.find("result"));
  panel.erase("result");
  for (const auto& outer :
       {report(inner_potassium(), ""), panel,
        report(inner_potassium(R"(,"subject":{"reference":"Patient/p1"})"), "")}) {
    const auto assessed = assess(bundle_of({patient(), response, outer}));
    ASSERT_TRUE(assessed) << assessed.error()[0].text;
    EXPECT_EQ(assessed->assessment.tier, Tier::emergency);
    EXPECT_THAT(assessed->assessment.input->record_problems,
                ElementsAre("a result of potassium is abnormal"));
  }
}

TEST(Assess, AResultInsideAReportThatMayBeSomebodyElsesIsNotRead) {
  const auto response = testing::response_of(testing::harmless());
  const auto foreign =
      assess(bundle_of({patient(), response,
                        report(inner_potassium(R"(,"subject":{"reference":"Patient/p2"})"), "")}));
  ASSERT_FALSE(foreign);
  EXPECT_THAT(codes(foreign.error()), ElementsAre("MF-3015"));
  for (const auto& outer :
       {report(inner_potassium(R"(,"subject":{"reference":"#p"})"), ""),
        report(inner_potassium(R"(,"focus":[{"reference":"RelatedPerson/1"}])"), ""),
        report(inner_potassium(),
               R"(,"modifierExtension":[{"url":"https://x.example","valueBoolean":true}])")}) {
    const auto assessed = assess(bundle_of({patient(), response, outer}));
    ASSERT_TRUE(assessed) << assessed.error()[0].text;
    EXPECT_NE(assessed->assessment.tier, Tier::emergency);
    EXPECT_THAT(assessed->assessment.input->record_problems, Not(IsEmpty()));
    EXPECT_FALSE(rules::testing::is_reassured(assessed->assessment));
  }
  auto withdrawn = report(inner_potassium(), "");
  withdrawn.set("status", "entered-in-error");
  const auto assessed = assess(bundle_of({patient(), response, withdrawn}));
  ASSERT_TRUE(assessed);
  EXPECT_NE(assessed->assessment.tier, Tier::emergency);
}

TEST(Assess, ATestOfWhichOnlyWordsAreThereStaysProposedWithANote) {
  const auto response = testing::response_of(but("function-loss", {"grip"}));
  int noted = 0;
  for (const auto& workup : knowledge()->workups) {
    if (workup.codes.empty()) {
      continue;
    }
    auto words = parse(
        R"({"resourceType":"DiagnosticReport","id":"d1","status":"final","subject":{"reference":"Patient/p1"},"effectiveDateTime":"2026-11-21","conclusion":"low","code":{"coding":[{"system":")" +
        workup.codes[0].system + R"(","code":")" + workup.codes[0].code + R"("}]}})");
    const auto assessed = assess(bundle_of({patient(), response, words}));
    ASSERT_TRUE(assessed) << assessed.error()[0].text;
    for (const auto& row : assessed->assessment.workups) {
      EXPECT_NE(row.status, rules::WorkupStatus::already_done);
      if (row.workup == &workup && row.status == rules::WorkupStatus::proposed) {
        EXPECT_THAT(row.notes, Contains(HasSubstr("Reported recently")));
        ++noted;
      }
    }
  }
  EXPECT_GT(noted, 0);
}

bool notes_doubt(const rules::Assessment& assessment) {
  return std::any_of(assessment.notices.begin(), assessment.notices.end(), [](const auto& notice) {
    return notice.kind == rules::Notice::Kind::doubtful_answers;
  });
}

Json& first_answer(Json& response) {
  return (*(*(*response.find("item")->as_array())[0].find("item")->as_array())[0]
               .find("answer")
               ->as_array())[0];
}

bool says(const rules::Assessment& assessment, std::string_view words) {
  return std::any_of(assessment.notices.begin(), assessment.notices.end(), [&](const auto& notice) {
    return notice.text.find(words) != std::string::npos;
  });
}

// The first answer to the question, at any depth; null: there is none.
Json* answer_of(Json& owner, std::string_view link_id) {
  auto* items = owner.find("item");
  if (items == nullptr) {
    return nullptr;
  }
  for (auto& item : *items->as_array()) {
    auto* answers = item.find("answer");
    if (item.string_of("linkId") == link_id && answers != nullptr) {
      return &answers->as_array()->front();
    }
    if (auto* found = answer_of(item, link_id)) {
      return found;
    }
  }
  return nullptr;
}

// A flicker in both calves that comes and goes, and nothing else.
Given self_care() {
  auto given = testing::harmless();
  given["site-scope"] = {"moves-around"};
  given["body-sites"] = {"calf-left", "calf-right"};
  given["duration"] = {"1-4-weeks"};
  given["course"] = {"comes-goes"};
  for (const auto* link_id : {"body-clues", "worry-level", "health-conditions"}) {
    given[link_id] = {"none"};
  }
  return given;
}

TEST(Assess, DoubtfulAnswersNeverReassure) {
  const auto calm = self_care();
  ASSERT_EQ(assess(testing::response_of(calm))->assessment.tier, Tier::self_care);
  auto unfinished = testing::response_of(calm);
  unfinished.set("status", "in-progress");
  auto stopped = testing::response_of(calm);
  stopped.set("status", "stopped");
  auto other_words = testing::response_of(calm);
  other_words.find("item")->as_array()->front().find("item")->as_array()->front().set("text",
                                                                                      "All well?");
  auto other_option = testing::response_of(calm);
  first_answer(other_option).find("valueCoding")->set("display", "Nothing at all");
  auto nobody = testing::response_of(calm);
  nobody.erase("subject");
  for (const auto& input :
       {unfinished, stopped, other_words, other_option, bundle_of({patient(), nobody})}) {
    const auto assessed = assess(input);
    ASSERT_TRUE(assessed) << assessed.error()[0].text;
    EXPECT_GE(assessed->assessment.tier, Tier::routine);
    EXPECT_TRUE(notes_doubt(assessed->assessment));
  }
}

TEST(Assess, TheWordsOfACatalogueAreThoseOfTheForm) {
  ASSERT_GE(testing::knowledge()->languages.size(), 3U);
  for (const auto& language : testing::knowledge()->languages) {
    auto response = testing::response_of(self_care());
    response.set("language", language.tag);
    testing::translate(response, language);
    const auto assessed = assess(response);
    ASSERT_TRUE(assessed) << assessed.error()[0].text;
    EXPECT_EQ(assessed->assessment.tier, Tier::self_care) << language.tag;
    EXPECT_FALSE(notes_doubt(assessed->assessment));
    // A word more, and nobody knows what was asked.
    auto& question = response.find("item")->as_array()->front().find("item")->as_array()->front();
    question.set("text", std::string(question.string_of("text")) + " x");
    EXPECT_TRUE(notes_doubt(assess(response)->assessment)) << language.tag;
  }
}

Given self_care_but(std::string_view link_id, std::vector<std::string> answer) {
  auto given = self_care();
  given[std::string(link_id)] = std::move(answer);
  return given;
}

TEST(Assess, AnswersThatAreSetAsideNeverReassure) {
  auto coffee = self_care_but("lifestyle", {"caffeine"});
  coffee["caffeine-drinks"] = {"3"};
  ASSERT_EQ(assess(testing::response_of(coffee))->assessment.tier, Tier::self_care);
  coffee["caffeine-drinks"] = {"900"};
  for (const auto& given : {coffee, self_care_but("weakness-onset", {"minutes"})}) {
    const auto assessed = assess(testing::response_of(given));
    ASSERT_TRUE(assessed) << assessed.error()[0].text;
    EXPECT_EQ(assessed->assessment.tier, Tier::routine);
    EXPECT_FALSE(rules::testing::is_reassured(assessed->assessment));
    EXPECT_TRUE(says(assessed->assessment, "cannot support reassurance"));
  }
}

// A record holds no answers to questions that do not apply; what it holds says that there were
// some.
TEST(Assess, WhatWasSentWithoutSuchAnswersReassuresNobodyEither) {
  const auto given = assess(testing::response_of(self_care_but("weakness-onset", {"minutes"})));
  ASSERT_TRUE(given);
  const auto bundle_of_it = [](const Assessed& assessed) {
    return mapping::transaction_bundle(assessed.assessment, assessed.response, assessed.record);
  };
  const auto sent = bundle_of_it(*given);
  const auto& entries = sent.array_of("entry");
  const auto response = std::find_if(entries.begin(), entries.end(), [](const Json& entry) {
    return entry.find("resource")->string_of("resourceType") == "QuestionnaireResponse";
  });
  ASSERT_NE(response, entries.end());
  const auto again = assess(*response->find("resource"));
  ASSERT_TRUE(again) << again.error()[0].text;
  EXPECT_THAT(again->assessment.input->set_aside, IsEmpty());
  EXPECT_EQ(again->assessment.tier, Tier::routine);
  EXPECT_TRUE(says(again->assessment, "cannot support reassurance"));
  const auto sent_again = bundle_of_it(*again);
  ASSERT_EQ(sent_again.array_of("entry").size(), entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    EXPECT_EQ(sent_again.array_of("entry")[i].string_of("fullUrl"),
              entries[i].string_of("fullUrl"));
  }
}

TEST(Assess, AnAnswerThatSaysThatNobodyKnowsIsOnlyLeftOpen) {
  for (const auto& [reason, tier] :
       {std::pair("asked-declined", Tier::self_care), std::pair("error", Tier::routine)}) {
    auto response = testing::response_of(self_care_but("who-answers", {"self"}));
    auto* answer = answer_of(response, "who-answers");
    ASSERT_NE(answer, nullptr);
    answer->erase("valueCoding");
    answer->set("extension",
                Json::array({Json::object(
                    {{"url", "http://hl7.org/fhir/StructureDefinition/data-absent-reason"},
                     {"valueCode", reason}})}));
    const auto assessed = assess(response);
    ASSERT_TRUE(assessed) << assessed.error()[0].text;
    EXPECT_EQ(assessed->assessment.tier, tier) << reason;
  }
}

// The words of the form itself, as clients send them along.
TEST(Assess, ItemsThatOnlyDisplayAreNoAnswers) {
  auto response = testing::response_of(but("em-now", {"breathless-rest"}));
  const auto nest = [](auto& self, Json& json) -> bool {
    if (auto* list = json.as_array()) {
      return std::any_of(list->begin(), list->end(), [&](Json& one) { return self(self, one); });
    }
    if (json.string_of("linkId") == "em-now") {
      auto& answer = json.find("answer")->as_array()->front();
      answer.set("item", parse(R"([{"linkId":"em-now-help","text":"Help"}])"));
      return true;
    }
    auto* items = json.find("item");
    return items != nullptr && self(self, *items);
  };
  ASSERT_TRUE(nest(nest, response));
  const auto assessed = assess(response);
  ASSERT_TRUE(assessed) << assessed.error().front().text;
  EXPECT_EQ(assessed->assessment.tier, Tier::emergency);
}

TEST(Assess, ACodingThatOnlySaysWhyItIsMissingIsNoAnswer) {
  const auto left_open = parse(
      R"([{"valueCoding":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"asked-declined"}]}}])");
  auto response = testing::response_of(but("em-sudden", {"face-droop"}));
  const auto given = testing::response_of(testing::harmless());
  ASSERT_NE(fhir::write_json(response), fhir::write_json(given));
  const auto replace = [&](auto& self, Json& json) -> void {
    if (auto* list = json.as_array()) {
      for (auto& one : *list) {
        self(self, one);
      }
    } else if (json.string_of("linkId") == "em-now") {
      json.set("answer", left_open);
    } else if (auto* items = json.find("item")) {
      self(self, *items);
    }
  };
  replace(replace, response);
  const auto assessed = assess(response);
  ASSERT_TRUE(assessed) << assessed.error().front().text;
  EXPECT_EQ(assessed->assessment.tier, Tier::emergency);
  EXPECT_EQ(assessed->assessment.input->facts.answers.state[slot("em-now")], ItemState::skipped);
  const auto sent = fhir::write_json(
      mapping::transaction_bundle(assessed->assessment, assessed->response, assessed->record));
  EXPECT_THAT(sent, Not(HasSubstr(R"("valueCoding":{"extension")")));
  EXPECT_THAT(sent, HasSubstr("asked-declined"));
}

TEST(Assess, ReferencesIntoTheFileLeaveWithTheirExtensions) {
  auto response = testing::response_of(testing::harmless());
  response.set(
      "extension",
      parse(
          R"([{"url":"https://a.example/x","valueReference":{"reference":"urn:uuid:5b3f9d1e-0000-4000-8000-000000000001"}},
    {"url":"https://a.example/y","valueReference":{"reference":"Patient/p1"}}])"));
  const auto assessed = assess(response);
  ASSERT_TRUE(assessed);
  const auto sent = fhir::write_json(
      mapping::transaction_bundle(assessed->assessment, assessed->response, assessed->record));
  EXPECT_THAT(sent, Not(HasSubstr("urn:uuid:5b3f9d1e-0000-4000-8000-000000000001")));
  EXPECT_THAT(sent, HasSubstr("https://a.example/y"));
}

TEST(Assess, AnAnswerWithoutValueBesideAnotherOneIsLost) {
  auto response = testing::response_of(self_care());
  auto* answer = answer_of(response, "em-now");
  ASSERT_NE(answer, nullptr);
  auto text = fhir::write_json(response);
  const auto one = fhir::write_json(*answer);
  const auto at = text.find(one, text.find("\"em-now\""));
  ASSERT_NE(at, std::string::npos);
  text.insert(
      at + one.size(),
      R"(,{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason",)"
      R"("valueCode":"asked-declined"}]})");
  const auto assessed = assess(parse(text));
  ASSERT_TRUE(assessed) << assessed.error()[0].text;
  EXPECT_EQ(assessed->assessment.tier, Tier::routine);
}

TEST(Assess, AnUnusableResultWithholdsReassuranceWhileARuleWouldReadIt) {
  const auto tier_beside = [](std::string_view day) {
    const auto potassium = parse(
        R"({"resourceType":"Observation","status":"final","subject":{"reference":"Patient/p1"},)"
        R"("code":{"coding":[{"system":"http://loinc.org","code":"2823-3"}]},"effectiveDateTime":")" +
        std::string(day) + R"(","valueQuantity":{"value":2.1,"unit":"drops"}})");
    const auto assessed =
        assess(bundle_of({patient(), testing::response_of(self_care()), potassium}));
    return assessed.value().assessment.tier;
  };
  EXPECT_EQ(tier_beside("2026-11-20"), Tier::routine);
  EXPECT_EQ(tier_beside("2021-11-20"), Tier::self_care);
}

// ---- what of the record is missing

TEST(Assess, APartOfTheRecordThatDidNotComeReassuresNobody) {
  const auto whole = [] { return bundle_of({patient(), testing::response_of(self_care())}); };
  ASSERT_EQ(assess(whole())->assessment.tier, Tier::self_care);
  auto paged = whole();
  paged.set("link", parse(R"([{"relation":"next","url":"https://ehr.example/page2"}])"));
  auto failed = whole();
  failed.find("entry")->push(parse(
      R"({"resource":{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"timeout"}]}})"));
  auto refused = whole();
  refused.find("entry")->push(parse(R"({"response":{"status":"503 Service Unavailable"}})"));
  auto empty = whole();
  empty.find("entry")->push(parse(R"({"fullUrl":"urn:x"})"));
  auto short_search = whole();
  short_search.set("type", "searchset");
  short_search.set("total", Json::Number{"3"});
  auto incomplete = whole();
  incomplete.find("entry")->push(parse(
      R"({"resource":{"resourceType":"OperationOutcome","issue":[{"severity":"warning","code":"incomplete"}]}})"));
  auto includes = short_search;
  includes.find("entry")->push(
      parse(R"({"resource":{"resourceType":"Medication","id":"m"},"search":{"mode":"include"}})"));
  auto unchanged = whole();
  unchanged.find("entry")->push(parse(R"({"response":{"status":"304 Not Modified"}})"));
  auto asked = whole();
  asked.find("entry")->push(parse(R"({"request":{"method":"GET","url":"Condition"}})"));
  auto in_part = whole();
  in_part.find("entry")->push(parse(
      R"({"resource":{"resourceType":"DiagnosticReport","status":"final","subject":{"reference":"Patient/p1"},
          "code":{"text":"MRI"},"meta":{"tag":[{"code":"SUBSETTED"}]}}})"));
  for (const auto& input : {paged, failed, refused, empty, short_search, incomplete, includes,
                            unchanged, asked, in_part}) {
    const auto assessed = assess(input);
    ASSERT_TRUE(assessed) << assessed.error()[0].text;
    EXPECT_EQ(assessed->assessment.tier, Tier::routine);
    EXPECT_FALSE(rules::testing::is_reassured(assessed->assessment));
    EXPECT_TRUE(says(assessed->assessment, "cannot support reassurance"));
  }
}

TEST(Assess, AResponseSentInPartIsRefused) {
  auto response = testing::response_of(testing::harmless());
  response.set("meta", parse(R"({"tag":[{"code":"SUBSETTED"}]})"));
  const auto assessed = assess(response);
  ASSERT_FALSE(assessed);
  EXPECT_THAT(codes(assessed.error()), ElementsAre("MF-3037"));
}

Json born(std::string_view date) { return patient(R"(,"birthDate":")" + std::string(date) + "\""); }

TEST(Assess, OfSeveralDatesOfBirthTheMoreUrgentReadingHolds) {
  const auto form = testing::response_of(testing::harmless());
  const auto tier_of = [&](std::initializer_list<std::string_view> dates) {
    std::vector<Json> resources{form};
    for (const auto date : dates) {
      resources.push_back(born(date));
    }
    const auto assessed = assess(bundle_of(resources));
    EXPECT_TRUE(assessed);
    return assessed ? assessed->assessment.tier : Tier::self_care;
  };
  EXPECT_GT(tier_of({"2016-05-01"}), Tier::routine);
  EXPECT_EQ(tier_of({"2016-05-01", "1966-05-01"}), tier_of({"2016-05-01"}));
  EXPECT_EQ(tier_of({"1966-05-01", "2016-05-01"}), tier_of({"2016-05-01"}));
}

// ---- what of the record could not be used

TEST(Place, IsNamedByTheNumbersOfTheEntries) {
  const auto words = [](std::string_view place) {
    return mapping::place_in_words(*knowledge(), place);
  };
  EXPECT_EQ(words("Bundle.entry[2].resource"), "entry 3 of what was sent");
  EXPECT_EQ(words("Bundle.entry[2].resource.entry[10].resource.code"),
            "entry 3.11 of what was sent");
  EXPECT_EQ(words("Bundle"), "what was sent");
}

struct AsideCase {
  const char* name;
  const char* resource;  // without subject
  Tier tier;
};

class SetAside : public ::testing::TestWithParam<AsideCase> {};

TEST_P(SetAside, WithholdsReassuranceWhereItMayHaveMattered) {
  const auto assessed =
      assess(bundle_of({patient(), testing::response_of(self_care()), parse(GetParam().resource)}));
  ASSERT_TRUE(assessed) << assessed.error()[0].text;
  EXPECT_EQ(assessed->assessment.tier, GetParam().tier);
  EXPECT_EQ(rules::testing::is_reassured(assessed->assessment), GetParam().tier == Tier::self_care);
  EXPECT_TRUE(says(assessed->assessment, "entry 3 of what was sent"));
}

#define OBSERVATION R"({"resourceType":"Observation","status":"final",)"
#define POTASSIUM R"("code":{"coding":[{"system":"http://loinc.org","code":"2823-3"}]})"
#define TO_P1 R"("subject":{"reference":"Patient/p1"})"
#define MND R"("reasonCode":[{"text":"Motor neurone disease"}])"
INSTANTIATE_TEST_SUITE_P(
    Cases, SetAside,
    ::testing::Values(
        AsideCase{"potassium_of_nobody", OBSERVATION POTASSIUM R"(,"effectiveDateTime":"2026-11-20",
                    "valueQuantity":{"value":2.1,"unit":"mmol/L"}})",
                  Tier::routine},
        AsideCase{"potassium_without_date", OBSERVATION POTASSIUM "}", Tier::routine},
        AsideCase{"old_potassium_of_nobody",
                  OBSERVATION POTASSIUM R"(,"effectiveDateTime":"2021-11-20"})", Tier::self_care},
        AsideCase{"withdrawn_potassium_of_nobody",
                  R"({"resourceType":"Observation","status":"entered-in-error",)" POTASSIUM
                  R"(,"effectiveDateTime":"2026-11-20"})",
                  Tier::self_care},
        AsideCase{"unreadable_potassium",
                  OBSERVATION TO_P1 "," POTASSIUM R"(,"effectiveDateTime":"2026-11-20",
                    "valueQuantity":[{"value":2.1,"unit":"mmol/L"}]})",
                  Tier::routine},
        AsideCase{"potassium_in_a_component_of_nobody",
                  OBSERVATION R"("code":{"text":"panel"},"effectiveDateTime":"2026-11-20",
                    "component":[{)" POTASSIUM R"(}]})",
                  Tier::routine},
        AsideCase{"modified_potassium",
                  OBSERVATION TO_P1 "," POTASSIUM R"(,"effectiveDateTime":"2026-11-20",
                    "modifierExtension":[{"url":"https://ehr.example/x","valueBoolean":true}]})",
                  Tier::routine},
        AsideCase{"another_result_of_nobody",
                  OBSERVATION R"("code":{"coding":[{"system":"http://loinc.org","code":"8302-2"}]},
                    "effectiveDateTime":"2026-11-20"})",
                  Tier::self_care},
        AsideCase{"unreadable_result_of_another_kind",
                  OBSERVATION TO_P1 R"(,"code":{"text":"height"},"effectiveDateTime":"2026-11-20",
                    "valueQuantity":[1]})",
                  Tier::self_care},
        AsideCase{"result_with_a_code_of_the_wrong_shape",
                  OBSERVATION TO_P1 R"(,"code":{"text":"panel","coding":{"code":"2823-3"}},
                    "effectiveDateTime":"2026-11-20"})",
                  Tier::routine},
        AsideCase{"result_with_a_misspelt_code", OBSERVATION TO_P1 R"(,"cod":{"text":"potassium"},
                    "effectiveDateTime":"2026-11-20"})",
                  Tier::routine},
        AsideCase{"old_result_with_a_misspelt_code",
                  OBSERVATION TO_P1 R"(,"cod":{"text":"potassium"},
                    "effectiveDateTime":"2021-11-20"})",
                  Tier::self_care},
        AsideCase{"lithium_of_nobody",
                  R"({"resourceType":"MedicationRequest","status":"active","intent":"order",
                    "medicationCodeableConcept":{"text":"Lithium carbonate 400 mg"}})",
                  Tier::routine},
        AsideCase{"stopped_lithium_of_nobody",
                  R"({"resourceType":"MedicationRequest","status":"stopped","intent":"order",
                    "medicationCodeableConcept":{"text":"Lithium carbonate 400 mg"}})",
                  Tier::self_care},
        AsideCase{"another_medicine_of_nobody",
                  R"({"resourceType":"MedicationRequest","status":"active","intent":"order",
                    "medicationCodeableConcept":{"text":"Emollient cream"}})",
                  Tier::routine},
        AsideCase{"medicine_that_is_not_there",
                  R"({"resourceType":"MedicationRequest","status":"active","intent":"order",)" TO_P1
                  R"(,"medicationReference":{"reference":"Medication/m9"}})",
                  Tier::routine},
        AsideCase{"kidney_disease_of_nobody",
                  R"({"resourceType":"Condition","code":{"text":"Chronic kidney disease"}})",
                  Tier::routine},
        AsideCase{"another_condition_of_nobody",
                  R"({"resourceType":"Condition","code":{"text":"Bulbar palsy"}})", Tier::routine},
        AsideCase{"another_condition_of_nobody_that_is_over",
                  R"({"resourceType":"Condition","code":{"text":"Bulbar palsy"},
                    "clinicalStatus":{"coding":[{"code":"resolved"}]}})",
                  Tier::self_care},
        AsideCase{"note_on_a_known_condition_of_nobody",
                  R"({"resourceType":"Condition","code":{"text":"Anxiety disorder"},
                    "note":[{"text":"cannot swallow"}]})",
                  Tier::routine},
        AsideCase{"condition_contained_in_what_is_of_nobody",
                  R"({"resourceType":"Provenance","recorded":"2026-11-20T00:00:00Z",
                    "target":[{"reference":"Patient/p1"}],"agent":[{"who":{"display":"x"}}],
                    "contained":[{"resourceType":"Condition","code":{"text":"Bulbar palsy"}}]})",
                  Tier::routine},
        AsideCase{"visit_of_nobody_long_ago_for_something_known",
                  R"({"resourceType":"Encounter","status":"finished","class":{"code":"AMB"},
                    "period":{"start":"2016-01-05","end":"2016-01-05"},)" MND "}",
                  Tier::routine},
        AsideCase{"visit_of_nobody_long_ago_for_something_else",
                  R"({"resourceType":"Encounter","status":"finished","class":{"code":"AMB"},
                    "period":{"start":"2016-01-05","end":"2016-01-05"},
                    "reasonCode":[{"text":"Bulbar palsy"}]})",
                  Tier::self_care},
        AsideCase{"completed_order_of_nobody_for_something_known",
                  R"({"resourceType":"ServiceRequest","status":"completed","intent":"order",)" MND
                  "}",
                  Tier::routine},
        AsideCase{"withdrawn_order_of_nobody",
                  R"({"resourceType":"ServiceRequest","status":"revoked","intent":"order",)" MND
                  "}",
                  Tier::self_care},
        AsideCase{"old_procedure_of_nobody_for_something_known",
                  R"({"resourceType":"Procedure","status":"completed",
                    "performedDateTime":"2016-01-05","code":{"text":"Gastrostomy"},)" MND "}",
                  Tier::routine},
        AsideCase{"old_procedure_of_nobody",
                  R"({"resourceType":"Procedure","status":"completed",
                    "performedDateTime":"2016-01-05","code":{"text":"Gastrostomy"}})",
                  Tier::self_care},
        AsideCase{"procedure_of_nobody",
                  R"({"resourceType":"Procedure","status":"completed",
                    "performedDateTime":"2026-11-05","code":{"text":"Gastrostomy"}})",
                  Tier::routine},
        AsideCase{"stopped_medicine_of_nobody_for_something_known",
                  R"({"resourceType":"MedicationRequest","status":"stopped","intent":"order",
                    "medicationCodeableConcept":{"text":"Paracetamol"},)" MND "}",
                  Tier::routine},
        AsideCase{"draft_for_something_known",
                  R"({"resourceType":"MedicationRequest","status":"draft","intent":"order",
                    "medicationCodeableConcept":{"text":"Paracetamol"},)" MND "}",
                  Tier::self_care},
        AsideCase{"condition_without_code", R"({"resourceType":"Condition",)" TO_P1 "}",
                  Tier::routine},
        AsideCase{"appointment_of_nobody", R"({"resourceType":"Appointment","status":"booked"})",
                  Tier::self_care}),
    [](const auto& one) { return std::string(one.param.name); });
#undef OBSERVATION
#undef POTASSIUM
#undef MND
#undef TO_P1

TEST(Assess, OfAResultThatMayBeSomebodyElsesNothingIsShown) {
  const auto potassium = parse(
      R"({"resourceType":"Observation","id":"k7","status":"final","effectiveDateTime":"2026-11-20",)"
      R"("code":{"coding":[{"system":"http://loinc.org","code":"2823-3"}]},)"
      R"("valueQuantity":{"value":2.171,"unit":"mmol/L"}})");
  const auto assessed =
      assess(bundle_of({patient(), testing::response_of(self_care()), potassium}));
  ASSERT_TRUE(assessed);
  const auto out = fhir::write_json(mapping::assessment_json(assessed->assessment, true));
  EXPECT_THAT(out, Not(HasSubstr("2.171")));
  EXPECT_THAT(out, Not(HasSubstr("Observation/k7")));
}

TEST(Assess, AUsableResultAfterTheOneSetAsideReassures) {
  const auto result = [](std::string_view day, std::string_view more) {
    return parse(R"({"resourceType":"Observation","status":"final","effectiveDateTime":")" +
                 std::string(day) + R"(","code":{"coding":[{"system":"http://loinc.org",)" +
                 R"("code":"2823-3"}]},"valueQuantity":{"value":4.1,"unit":"mmol/L"})" +
                 std::string(more) + "}");
  };
  constexpr auto to_p1 =
      R"(,"referenceRange":[{"low":{"value":3.5},"high":{"value":5.3}}],"subject":{"reference":"Patient/p1"})";
  const auto tier = [&](std::string_view aside, std::string_view used) {
    return assess(bundle_of({patient(), testing::response_of(self_care()), result(aside, ""),
                             result(used, to_p1)}))
        .value()
        .assessment.tier;
  };
  EXPECT_EQ(tier("2026-11-10", "2026-11-20"), Tier::self_care);
  EXPECT_EQ(tier("2026-11-20", "2026-11-10"), Tier::routine);
}

Json at_hour(std::string_view hour, std::string_view status, const Given& given) {
  auto response = testing::response_of(given);
  response.set("id", "r" + std::string(hour));
  response.set("authored", "2026-11-22T" + std::string(hour) + ":00:00Z");
  response.set("status", status);
  return response;
}

TEST(Assess, OfAFinishedFormAndANewerBegunOneTheMoreUrgentCounts) {
  const auto stroke = but("em-sudden", {"face-droop"});
  const auto calm = testing::harmless();
  const auto finished_stroke = assess(bundle_of(
      {at_hour("08", "completed", stroke), at_hour("09", "in-progress", calm), patient()}));
  const auto begun_stroke = assess(bundle_of(
      {at_hour("08", "completed", calm), at_hour("09", "in-progress", stroke), patient()}));
  ASSERT_TRUE(finished_stroke);
  ASSERT_TRUE(begun_stroke);
  EXPECT_EQ(finished_stroke->response.string_of("id"), "r08");
  EXPECT_EQ(begun_stroke->response.string_of("id"), "r09");
  for (const auto& one : {*finished_stroke, *begun_stroke}) {
    EXPECT_EQ(one.assessment.tier, Tier::emergency);
    EXPECT_TRUE(notes_doubt(one.assessment));
  }
}

TEST(Assess, EveryFormBegunSinceIsJudged) {
  const auto stroke = but("em-sudden", {"face-droop"});
  for (const auto* dangerous : {"09", "10", "11"}) {
    std::vector<Json> resources{patient(), at_hour("08", "completed", self_care())};
    for (const auto* hour : {"11", "09", "10"}) {
      resources.push_back(
          at_hour(hour, "in-progress", std::string_view(hour) == dangerous ? stroke : self_care()));
    }
    const auto assessed = assess(bundle_of(resources));
    ASSERT_TRUE(assessed);
    EXPECT_EQ(assessed->assessment.tier, Tier::emergency) << dangerous;
    EXPECT_EQ(assessed->response.string_of("id"), "r" + std::string(dangerous));
  }
}

TEST(Assess, MoreFormsBegunSinceThanCanBeJudgedAreRefused) {
  for (const auto& [begun, judged] : {std::pair(20, true), std::pair(21, false)}) {
    std::vector<Json> resources{patient(), at_hour("00", "completed", self_care())};
    for (int i = 0; i < begun; ++i) {
      auto draft = at_hour("09", "in-progress", self_care());
      draft.set("authored", "2026-11-22T09:" + std::to_string(10 + i) + ":00Z");
      resources.push_back(std::move(draft));
    }
    const auto assessed = assess(bundle_of(resources));
    ASSERT_EQ(assessed.has_value(), judged) << begun;
    if (!judged) {
      EXPECT_THAT(codes(assessed.error()), Contains("MF-3026"));
    }
  }
}

TEST(Assess, AFormBegunSinceByAnotherPatientRefusesTheInput) {
  auto other = at_hour("09", "in-progress", self_care());
  other.set("subject", Json::object({{"reference", "Patient/other"}}));
  const auto refused = assess(bundle_of({patient(), at_hour("08", "completed", self_care()), other,
                                         at_hour("10", "in-progress", self_care())}));
  ASSERT_FALSE(refused);
  EXPECT_THAT(codes(refused.error()), Contains("MF-3015"));
}

TEST(Assess, AResultOrProcedureWithoutACodeMayBeAnything) {
  for (
      const auto* resource :
      {R"({"resourceType":"Observation","status":"final","subject":{"reference":"Patient/p1"},)"
       R"("valueQuantity":{"value":7.5,"unit":"mmol/L"}})",
       R"({"resourceType":"Procedure","status":"completed","subject":{"reference":"Patient/p1"}})"}) {
    const auto assessed =
        assess(bundle_of({patient(), testing::response_of(self_care()), parse(resource)}));
    ASSERT_TRUE(assessed) << assessed.error()[0].text;
    EXPECT_EQ(assessed->assessment.tier, Tier::routine);
  }
}

TEST(Assess, ANewerBegunFormThatCannotBeReadIsSaid) {
  auto broken = at_hour("09", "in-progress", self_care());
  broken.find("item")->push(parse(R"({"linkId":"nowhere","answer":[{"valueString":"x"}]})"));
  const auto assessed =
      assess(bundle_of({at_hour("08", "completed", self_care()), broken, patient()}));
  ASSERT_TRUE(assessed);
  EXPECT_EQ(assessed->response.string_of("id"), "r08");
  EXPECT_EQ(assessed->assessment.tier, Tier::urgent);
  EXPECT_EQ(assessed->assessment.bounds.highest, Tier::emergency);
  EXPECT_TRUE(notes_doubt(assessed->assessment));
  ASSERT_THAT(assessed->warnings, Not(IsEmpty()));
  EXPECT_EQ(assessed->warnings.front().code, "MF-1421");
  EXPECT_THAT(assessed->warnings.front().place, HasSubstr("Bundle.entry[1].resource.item["));
}

// What it said to be there stays, and its denials are open: nothing gets calmer.
TEST(Assess, BesideANewerFormThatCannotBeReadNothingGetsCalmer) {
  auto broken = at_hour("09", "in-progress", self_care());
  broken.erase("status");
  std::mt19937_64 random(23);
  for (int i = 0; i < 60; ++i) {
    auto finished = testing::response_of(testing::random_given(random));
    finished.set("id", "r08");
    finished.set("authored", "2026-11-22T08:00:00Z");
    const auto alone = assess(bundle_of({finished, patient()}));
    const auto beside = assess(bundle_of({finished, broken, patient()}));
    ASSERT_TRUE(alone);
    ASSERT_TRUE(beside);
    EXPECT_GE(beside->assessment.tier, alone->assessment.tier);
    EXPECT_GE(beside->assessment.tier, Tier::urgent);
  }
}

// ---- a danger that is no longer answered

TEST(Assess, ADangerOfAnEarlierFormDoesNotVanishSilently) {
  auto weakness = self_care_but("function-loss", {"grip"});
  weakness["weakness-onset"] = {"weeks"};
  weakness["weakness-course"] = {"slow-worse"};
  weakness["weakness-symmetry"] = {"one-side"};
  for (const auto& danger : {self_care_but("em-sudden", {"face-droop"}), weakness}) {
    for (const auto* status : {"completed", "in-progress", "stopped"}) {
      const auto before = assess(at_hour("08", "completed", danger));
      ASSERT_TRUE(before);
      ASSERT_GE(before->assessment.tier, Tier::urgent);
      const auto now = assess(bundle_of(
          {at_hour("08", status, danger), at_hour("09", "completed", self_care()), patient()}));
      ASSERT_TRUE(now) << now.error()[0].text;
      EXPECT_EQ(now->assessment.tier, Tier::routine) << status;
      EXPECT_FALSE(rules::testing::is_reassured(now->assessment));
      EXPECT_TRUE(says(now->assessment, "No longer answered as on the form of 2026-11-22 08:00"));
      EXPECT_THAT(now->assessment.vanished, Not(IsEmpty()));
      EXPECT_LE(now->assessment.bounds.lowest, now->assessment.tier);
    }
  }
}

struct DeniedCase {
  const char* name;
  const char* item;
  const char* option;
  const char* authored;  // of the earlier form; that of now is of 2026-11-22 09:00
  const char* said;      // empty: nothing
};

class Denied : public ::testing::TestWithParam<DeniedCase> {};

// No red flag rested on it: it kept the benign gate closed, and alone.
TEST_P(Denied, ThatHeldBackReassuranceIsToldAndMovesNothing) {
  const auto& param = GetParam();
  auto given = self_care_but(param.item, {param.option});
  given["duration"] = {"1-3-months"};  // so that the family is asked for
  auto now = self_care();
  now["duration"] = {"1-3-months"};
  now["family-history"] = {"none"};
  if (param.item != std::string_view("family-history")) {
    given["family-history"] = {"none"};
  }
  auto before = testing::response_of(given);
  before.set("id", "r0");
  before.set("authored", param.authored);
  const auto alone = assess(bundle_of({at_hour("09", "completed", now), patient()}));
  const auto assessed = assess(bundle_of({before, at_hour("09", "completed", now), patient()}));
  ASSERT_TRUE(alone);
  ASSERT_TRUE(assessed) << assessed.error()[0].text;
  EXPECT_EQ(assessed->assessment.tier, alone->assessment.tier);
  EXPECT_EQ(rules::testing::is_reassured(assessed->assessment),
            rules::testing::is_reassured(alone->assessment));
  EXPECT_FALSE(says(alone->assessment, "It held back reassurance then"));
  EXPECT_EQ(says(assessed->assessment, "It held back reassurance then"), *param.said != '\0');
  EXPECT_TRUE(*param.said == '\0' || says(assessed->assessment, param.said));
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Denied,
    ::testing::Values(
        DeniedCase{
            "tick_bite", "wider-changes", "tick-bite", "2026-11-12T08:00:00Z",
            "Answered on the form of 2026-11-12 08:00 UTC, and not on this one of 2026-11-22 "
            "09:00 UTC: General symptoms: A tick bite."},
        DeniedCase{"tick_bite_long_ago", "wider-changes", "tick-bite", "2026-10-01T08:00:00Z", ""},
        DeniedCase{"family", "family-history", "muscular-dystrophy", "2026-11-12T08:00:00Z",
                   "2026-11-22 09:00 UTC: Family history: Muscular dystrophy."},
        DeniedCase{"family_long_ago", "family-history", "muscular-dystrophy",
                   "2024-11-12T08:00:00Z", "Answered on the form of 2024-11-12 08:00 UTC"},
        DeniedCase{"what_the_gate_allows", "sensory-sites", "moves-around", "2026-11-12T08:00:00Z",
                   ""}),
    [](const auto& one) { return std::string(one.param.name); });

// Not asked again, because the twitching is new: a relative is ill all the same.
TEST(Assess, AFamilyHistoryIsToldWhereItIsNotAskedAgain) {
  auto given = self_care_but("family-history", {"muscular-dystrophy"});
  given["duration"] = {"1-3-months"};
  const auto assessed = assess(bundle_of(
      {at_hour("08", "completed", given), at_hour("09", "completed", self_care()), patient()}));
  ASSERT_TRUE(assessed);
  EXPECT_TRUE(says(assessed->assessment, "Family history: Muscular dystrophy. It held back"));
}

// It is named once, as the red flag that is gone.
TEST(Assess, ADangerThatVanishedIsNotAlsoCalledDenied) {
  const auto stroke = self_care_but("em-sudden", {"face-droop"});
  const auto assessed = assess(bundle_of(
      {at_hour("08", "completed", stroke), at_hour("09", "completed", self_care()), patient()}));
  ASSERT_TRUE(assessed);
  EXPECT_TRUE(says(assessed->assessment, "No longer answered"));
  EXPECT_FALSE(says(assessed->assessment, "It held back reassurance then"));
}

TEST(Assess, AnEarlierFormWithoutDangerChangesNothing) {
  for (const auto* status : {"completed", "in-progress"}) {
    const auto assessed = assess(bundle_of(
        {at_hour("08", status, self_care()), at_hour("09", "completed", self_care()), patient()}));
    ASSERT_TRUE(assessed);
    EXPECT_EQ(assessed->assessment.tier, Tier::self_care);
    EXPECT_THAT(assessed->assessment.vanished, IsEmpty());
  }
}

TEST(Assess, ADangerThatIsStillAnsweredHasNotVanished) {
  const auto stroke = self_care_but("em-sudden", {"face-droop"});
  const auto assessed = assess(bundle_of(
      {at_hour("08", "completed", stroke), at_hour("09", "completed", stroke), patient()}));
  ASSERT_TRUE(assessed);
  EXPECT_THAT(assessed->assessment.vanished, IsEmpty());
  EXPECT_FALSE(says(assessed->assessment, "No longer answered"));
}

TEST(Assess, ADangerDeniedTwiceIsStillNoLongerAnswered) {
  const auto stroke = self_care_but("em-sudden", {"face-droop"});
  for (const auto* status : {"completed", "stopped"}) {
    const auto assessed =
        assess(bundle_of({at_hour("07", status, stroke), at_hour("08", "completed", self_care()),
                          at_hour("09", "completed", self_care()), patient()}));
    ASSERT_TRUE(assessed);
    EXPECT_EQ(assessed->assessment.tier, Tier::routine);
    EXPECT_FALSE(rules::testing::is_reassured(assessed->assessment));
    EXPECT_TRUE(
        says(assessed->assessment, "No longer answered as on the form of 2026-11-22 07:00"));
  }
}

tl::expected<Assessed, fhir::Issues> after_two_denials(const Given& danger,
                                                       std::string_view authored) {
  auto first = testing::response_of(danger);
  first.set("id", "r0");
  first.set("authored", authored);
  return assess(bundle_of({first, at_hour("08", "completed", self_care()),
                           at_hour("09", "completed", self_care()), patient()}));
}

// The question about sudden signs asks about 7 days, so the form of today need not name what was
// earlier; the question about lost function names no time.
TEST(Assess, AFormBeforeTheLastCountsAsLongAsItsQuestionsLookBack) {
  const auto stroke = self_care_but("em-sudden", {"face-droop"});
  auto weakness = self_care_but("function-loss", {"grip"});
  weakness["weakness-onset"] = {"weeks"};
  weakness["weakness-course"] = {"slow-worse"};
  weakness["weakness-symmetry"] = {"one-side"};
  struct Row {
    const Given& danger;
    const char* authored;
    bool counts;
  };
  for (const Row& row :
       {Row{stroke, "2026-11-15T09:00:00Z", true}, Row{stroke, "2026-11-15T08:59:59Z", false},
        Row{stroke, "2026-11-15", true}, Row{stroke, "2026-11-13", false},
        Row{weakness, "2025-01-01T09:00:00Z", true}}) {
    const auto assessed = after_two_denials(row.danger, row.authored);
    ASSERT_TRUE(assessed) << row.authored;
    EXPECT_EQ(!assessed->assessment.vanished.empty(), row.counts) << row.authored;
    EXPECT_EQ(assessed->assessment.tier, row.counts ? Tier::routine : Tier::self_care)
        << row.authored;
  }
}

// It may have named a disease that stays, however long ago that was.
TEST(Assess, AFormBeforeTheLastThatCannotBeComparedCountsHoweverOldItIs) {
  for (const auto* authored : {"2026-11-21T09:00:00Z", "2020-09-01T09:00:00Z"}) {
    auto first = testing::response_of(self_care());
    first.set("id", "r0");
    first.set("authored", authored);
    first.set("questionnaire", "https://myoflag.org/fhir/Questionnaire/twitching|0.0.1");
    const auto assessed = assess(bundle_of({first, at_hour("08", "completed", self_care()),
                                            at_hour("09", "completed", self_care()), patient()}));
    ASSERT_TRUE(assessed);
    EXPECT_TRUE(notes_doubt(assessed->assessment)) << authored;
  }
}

TEST(Assess, RecentWordsOfAnEarlierFormAreSaidAndReassureNobody) {
  const auto beside = [](std::string_view authored, Given given) {
    auto earlier = testing::response_of(std::move(given));
    earlier.set("id", "earlier");
    earlier.set("authored", authored);
    return assess(bundle_of({earlier, testing::response_of(testing::harmless()), patient()}));
  };
  const auto with_words = but("anything-else", {"I cannot swallow"});
  const auto recent = beside("2026-11-21T20:00:00Z", with_words);
  const auto old = beside("2026-05-21T20:00:00Z", with_words);
  const auto silent = beside("2026-11-21T20:00:00Z", testing::harmless());
  ASSERT_TRUE(recent && old && silent);
  constexpr std::string_view words = "words that only a person can read";
  EXPECT_TRUE(says(recent->assessment, words));
  EXPECT_FALSE(rules::testing::is_reassured(recent->assessment));
  EXPECT_FALSE(says(old->assessment, words));
  EXPECT_FALSE(says(silent->assessment, words));
}

TEST(Assess, AnEarlierFormThatSaysItMeansSomethingElseIsNotCompared) {
  auto modified = at_hour("08", "completed", self_care());
  modified.set("implicitRules", "https://example.org/rules");
  const auto assessed =
      assess(bundle_of({modified, at_hour("09", "completed", self_care()), patient()}));
  ASSERT_TRUE(assessed);
  EXPECT_TRUE(notes_doubt(assessed->assessment));
  EXPECT_FALSE(rules::testing::is_reassured(assessed->assessment));
}

// ---- a form begun since the finished one

// What the finished one said is an earlier answer for it.
TEST(Assess, AFormBegunSinceIsHeldAgainstTheFinishedOne) {
  auto falls = self_care_but("function-loss", {"falls"});
  falls["pain-sites"] = falls["cord-clues"] = falls["recent-events"] =
      falls["exposures"] = {"none"};
  const auto known = self_care_but("health-conditions", {"cancer"});
  const auto assessed = assess(bundle_of(
      {at_hour("08", "completed", known), at_hour("09", "in-progress", falls), patient()}));
  ASSERT_TRUE(assessed);
  EXPECT_EQ(assessed->response.string_of("id"), "r09");
  EXPECT_EQ(assessed->assessment.tier, Tier::urgent);
}

TEST(Assess, ADraftWithoutAnAnswerChangesNothing) {
  auto draft = at_hour("09", "in-progress", self_care());
  draft.erase("item");
  const auto assessed =
      assess(bundle_of({at_hour("08", "completed", self_care()), draft, patient()}));
  ASSERT_TRUE(assessed);
  EXPECT_EQ(assessed->assessment.tier, Tier::self_care);
  EXPECT_THAT(assessed->warnings, Not(Contains(::testing::Field(&fhir::Issue::code, "MF-3009"))));
}

TEST(Assess, ADraftThatOnlySaysWhyAnswersAreMissingIsNotBlank) {
  auto draft = at_hour("09", "in-progress", self_care());
  *draft.find("item") = parse(
      R"([{"linkId":"g-emergency","item":[{"linkId":"em-now","answer":[{"_valueCoding":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"asked-declined"}]}}]}]}])");
  const auto assessed =
      assess(bundle_of({at_hour("08", "completed", self_care()), draft, patient()}));
  ASSERT_TRUE(assessed);
  EXPECT_GE(assessed->assessment.tier, Tier::urgent);
}

TEST(Assess, AFaultOfOneBegunFormIsSaidBesideTheOtherWhateverTheirOrder) {
  const auto stroke = self_care_but("em-sudden", {"face-droop"});
  for (const auto& [hour, other] : {std::pair{"09", "10"}, std::pair{"10", "09"}}) {
    auto broken = at_hour(hour, "in-progress", self_care());
    broken.find("item")->push(parse(R"({"linkId":"nowhere","answer":[{"valueString":"x"}]})"));
    const auto assessed = assess(bundle_of({at_hour("08", "completed", self_care()), broken,
                                            at_hour(other, "in-progress", stroke), patient()}));
    ASSERT_TRUE(assessed);
    EXPECT_EQ(assessed->assessment.tier, Tier::emergency) << hour;
    EXPECT_THAT(assessed->warnings, Contains(::testing::Field(&fhir::Issue::code, "MF-1421")))
        << hour;
    EXPECT_TRUE(says(assessed->assessment, "cannot be read")) << hour;
  }
}

// Where one limb was ticked, the other may be weak now.
TEST(Assess, BesideANewerFormThatCannotBeReadOtherOptionsAreOpenToo) {
  auto broken = at_hour("09", "in-progress", self_care());
  broken.erase("status");
  const auto finished = at_hour("08", "completed", self_care_but("muscle-changes", {"thinner"}));
  const auto assessed = assess(bundle_of({finished, broken, patient()}));
  ASSERT_TRUE(assessed);
  const auto& answers = assessed->assessment.input->facts.answers;
  const auto slot = static_cast<std::size_t>(testing::knowledge()->item("muscle-changes"));
  EXPECT_NE(answers.chosen[slot] & rules::kNotOffered, 0U);
  EXPECT_NE(answers.chosen[slot] & testing::knowledge()->items[slot].positive(), 0U);
  EXPECT_TRUE(assessed->assessment.input->denied_earlier.test(slot));
}

// "Not sure" denied nothing: it stays what was answered, also where it stands beside "none".
TEST(Assess, BesideANewerFormThatCannotBeReadWhatWasLeftOpenIsStillSaid) {
  auto broken = at_hour("09", "in-progress", self_care());
  broken.erase("status");
  for (const auto& [given, state] : {std::pair<std::vector<std::string>, rules::GapState>{
                                         {"none"}, rules::GapState::denied_earlier},
                                     {{"unsure"}, rules::GapState::unsure},
                                     {{"none", "unsure"}, rules::GapState::unsure},
                                     {{"thinner", "none"}, rules::GapState::contradicted}}) {
    const auto finished = at_hour("08", "completed", self_care_but("muscle-changes", given));
    const auto assessed = assess(bundle_of({finished, broken, patient()}));
    ASSERT_TRUE(assessed) << given.front();
    const auto& gaps = assessed->assessment.gaps;
    const auto gap = std::find_if(gaps.begin(), gaps.end(), [](const rules::Gap& one) {
      return one.item->link_id == "muscle-changes";
    });
    ASSERT_NE(gap, gaps.end()) << given.front();
    EXPECT_EQ(gap->state, state) << given.front();
    const auto& answers = assessed->assessment.input->facts.answers;
    const auto& item = *gap->item;
    const auto at = static_cast<std::size_t>(testing::knowledge()->item("muscle-changes"));
    EXPECT_EQ(answers.chosen[at] & item.none, 0U) << given.front();
  }
}

TEST(Assess, ManyResponsesOfOneAddressAreTakenInShortTime) {
  std::vector<Json> resources;
  for (int i = 0; i < 4'000; ++i) {
    resources.push_back(parse(
        R"({"resourceType":"QuestionnaireResponse","id":"r","status":"completed","questionnaire":"https://myoflag.org/fhir/Questionnaire/twitching|0.1.0","item":[{"linkId":"a)" +
        std::to_string(i) + R"("}]})"));
  }
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(assess(bundle_of(resources)));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
}

// ---- a disease that an earlier form named

TEST(Assess, ADiseaseOfAnyEarlierFormIsNotGoneWhenItIsDenied) {
  for (const auto* disease : {"mnd", "myasthenia", "cancer"}) {
    const auto known = self_care_but("health-conditions", {disease});
    const auto assessed = assess(
        bundle_of({at_hour("07", "completed", known), at_hour("08", "completed", self_care()),
                   at_hour("09", "completed", self_care()), patient()}));
    ASSERT_TRUE(assessed);
    EXPECT_EQ(assessed->assessment.tier, Tier::routine) << disease;
    EXPECT_FALSE(rules::testing::is_reassured(assessed->assessment)) << disease;
    EXPECT_TRUE(says(assessed->assessment, "(form of 2026-11-22 07:00 UTC)")) << disease;
    EXPECT_THAT(assessed->assessment.input->record, SizeIs(1)) << disease;
  }
}

TEST(Assess, ADiseaseOfAnEarlierFormCountsForTheRulesThatAskForIt) {
  auto falls = self_care_but("function-loss", {"falls"});
  falls["pain-sites"] = falls["cord-clues"] = falls["recent-events"] =
      falls["exposures"] = {"none"};
  const auto alone = assess(bundle_of({at_hour("09", "completed", falls), patient()}));
  const auto known = self_care_but("health-conditions", {"cancer"});
  const auto assessed = assess(
      bundle_of({at_hour("08", "completed", known), at_hour("09", "completed", falls), patient()}));
  ASSERT_TRUE(alone && assessed);
  EXPECT_EQ(alone->assessment.tier, Tier::soon);
  EXPECT_EQ(assessed->assessment.tier, Tier::urgent);
}

TEST(Assess, ADiseaseThatIsStillAnsweredIsNotSaidTwice) {
  const auto known = self_care_but("health-conditions", {"diabetes"});
  const auto assessed = assess(
      bundle_of({at_hour("08", "completed", known), at_hour("09", "completed", known), patient()}));
  ASSERT_TRUE(assessed);
  EXPECT_THAT(assessed->assessment.input->record, IsEmpty());
}

TEST(Assess, AnEarlierFormThatCannotBeComparedWithholdsReassurance) {
  auto broken = at_hour("08", "completed", self_care());
  broken.find("item")->push(parse(R"({"linkId":"nowhere","answer":[{"valueString":"x"}]})"));
  auto older = at_hour("08", "completed", self_care());
  older.set("questionnaire", "https://myoflag.org/fhir/Questionnaire/twitching|0.0.1");
  auto nobodys = at_hour("08", "completed", self_care());
  nobodys.erase("subject");
  for (const auto& before : {broken, older, nobodys}) {
    const auto assessed =
        assess(bundle_of({before, at_hour("09", "completed", self_care()), patient()}));
    ASSERT_TRUE(assessed) << assessed.error()[0].text;
    EXPECT_EQ(assessed->assessment.tier, Tier::routine);
    EXPECT_TRUE(notes_doubt(assessed->assessment));
  }
}

// The response of what we send, as the record gives it back later.
Json sent_response(const Assessed& assessed) {
  const auto bundle =
      mapping::transaction_bundle(assessed.assessment, assessed.response, assessed.record);
  for (const auto& entry : bundle.array_of("entry")) {
    if (entry.find("resource")->string_of("resourceType") == "QuestionnaireResponse") {
      return *entry.find("resource");
    }
  }
  return {};
}

TEST(Assess, AResponseThatWasSentReadsBackAlike) {
  auto gaps = testing::harmless();
  gaps.erase("em-now");
  gaps.erase("duration");
  for (const auto& given :
       {Given{{"age-years", {"40"}}}, gaps, testing::harmless(), but("em-now", {"none", "seizure"}),
        but("anything-else", {"since Tuesday"})}) {
    const auto before = assess(testing::response_of(given));
    ASSERT_TRUE(before);
    const auto after = assess(sent_response(*before));
    ASSERT_TRUE(after) << after.error()[0].text;
    EXPECT_EQ(after->assessment.tier, before->assessment.tier);
    EXPECT_EQ(after->assessment.input->facts.raw.state, before->assessment.input->facts.raw.state);
    EXPECT_EQ(after->assessment.input->facts.raw.chosen,
              before->assessment.input->facts.raw.chosen);
  }
}

TEST(Assess, AnUnfinishedFormIsEvaluatedWithAWarning) {
  for (const auto* status : {"in-progress", "stopped"}) {
    auto response = testing::response_of({{"em-now", {"seizure"}}});
    response.set("status", status);
    const auto assessed = assess(response);
    ASSERT_TRUE(assessed);
    EXPECT_EQ(assessed->assessment.tier, Tier::emergency);
    EXPECT_THAT(codes(assessed->warnings), Contains("MF-3008"));
  }
}

TEST(Assess, NoneBesideAPositiveOptionIsKeptAndThePositiveCounts) {
  const auto assessed = assess(testing::response_of(but("em-now", {"none", "seizure"})));
  ASSERT_TRUE(assessed);
  EXPECT_EQ(assessed->assessment.tier, Tier::emergency);
  EXPECT_THAT(codes(assessed->warnings), Contains("MF-1447"));
  const auto& facts = assessed->assessment.input->facts;
  const auto none = knowledge()->items[slot("em-now")].none;
  EXPECT_NE(facts.raw.chosen[slot("em-now")] & none, 0u);
  EXPECT_EQ(facts.answers.chosen[slot("em-now")] & none, 0u);
}

TEST(Assess, ANumberOutOfRangeIsSetAside) {
  const auto assessed = assess(testing::response_of(but("age-years", {"130"})));
  ASSERT_TRUE(assessed);
  EXPECT_THAT(codes(assessed->warnings), Contains("MF-1455"));
  ASSERT_THAT(assessed->assessment.input->set_aside, SizeIs(1));
  EXPECT_EQ(assessed->assessment.input->set_aside[0].why, rules::SetAside::Why::out_of_range);
  EXPECT_EQ(assessed->assessment.input->facts.answers.state[slot("age-years")], ItemState::invalid);
}

TEST(Assess, AnAnswerThatDoesNotApplyIsSetAside) {
  const auto assessed = assess(testing::response_of(but("pregnancy-status", {"pregnant-20-plus"})));
  ASSERT_TRUE(assessed);
  EXPECT_THAT(codes(assessed->warnings), Contains("MF-1432"));
  ASSERT_THAT(assessed->assessment.input->set_aside, SizeIs(1));
  EXPECT_EQ(assessed->assessment.input->set_aside[0].why, rules::SetAside::Why::disabled);
}

TEST(Assess, WordsGivenToAQuestionThatDoesNotApplyStayReadable) {
  const auto assessed = assess(testing::response_of(but("medicine-list", {"aspirin"})));
  ASSERT_TRUE(assessed);
  const auto& input = *assessed->assessment.input;
  ASSERT_THAT(input.free_text, SizeIs(1));
  EXPECT_EQ(input.free_text[0].text, "aspirin");
  for (const auto& aside : input.set_aside) {
    EXPECT_EQ(aside.text, "aspirin");
  }
}

// ---- what is refused

struct Refused {
  const char* name;
  std::function<void(Json&)> change;
  const char* code;
};

class Refusal : public ::testing::TestWithParam<Refused> {};

TEST_P(Refusal, HasAReasonAndNoPartialResult) {
  auto response = testing::response_of(testing::harmless());
  GetParam().change(response);
  const auto assessed = assess(response);
  ASSERT_FALSE(assessed);
  EXPECT_THAT(codes(assessed.error()), Contains(GetParam().code));
  EXPECT_THAT(codes(assessor().check(fhir::write_json(response), options())),
              Contains(GetParam().code));
  for (const auto& issue : assessed.error()) {
    EXPECT_THAT(issue.text + issue.place + issue.link_id, Not(HasSubstr("CANARY")));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Refusal,
    ::testing::Values(
        Refused{"other_form",
                [](Json& r) { r.set("questionnaire", "https://example.org/CANARY|1"); }, "MF-1403"},
        Refused{"other_version",
                [](Json& r) {
                  r.set("questionnaire", "https://myoflag.org/fhir/Questionnaire/twitching|0.0.9");
                },
                "MF-1404"},
        Refused{"no_version",
                [](Json& r) {
                  r.set("questionnaire", "https://myoflag.org/fhir/Questionnaire/twitching");
                },
                "MF-1405"},
        Refused{"no_form", [](Json& r) { r.erase("questionnaire"); }, "MF-1402"},
        Refused{"in_error", [](Json& r) { r.set("status", "entered-in-error"); }, "MF-3007"},
        Refused{"future", [](Json& r) { r.set("authored", "2026-11-22T12:06:00Z"); }, "MF-1411"},
        Refused{"unknown_option",
                [](Json& r) { first_answer(r).find("valueCoding")->set("code", "CANARY"); },
                "MF-1444"},
        Refused{"no_system", [](Json& r) { first_answer(r).find("valueCoding")->erase("system"); },
                "MF-1444"},
        Refused{"wrong_type",
                [](Json& r) {
                  first_answer(r) = Json::object({{"valueString", "CANARY"}});
                },
                "MF-1442"},
        Refused{"unknown_link_id",
                [](Json& r) { (*r.find("item")->as_array())[0].set("linkId", "CANARY"); },
                "MF-1421"},
        Refused{"item_outside_its_group",
                [](Json& r) {
                  Json moved = (*(*r.find("item")->as_array())[0].find("item")->as_array())[0];
                  r.find("item")->push(moved);
                },
                "MF-1422"}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(Assess, WhatIsRefusedInAQuestionThatDoesNotApplyIsAFindingOfTheCheckToo) {
  // Nobody who sees no wasting is asked where.
  auto text = fhir::write_json(testing::response_of(but("wasting-sites", {"thigh"})));
  const std::string_view chosen = R"("code":"wasting-sites.thigh")";
  const auto at = text.find(chosen);
  ASSERT_NE(at, std::string::npos);
  text.replace(at, chosen.size(), R"("code":"wasting-sites.CANARY")");
  const auto assessed = assessor().assess(text, options());
  ASSERT_FALSE(assessed);
  const auto issues = assessor().check(text, options());
  for (const auto& refused : assessed.error()) {
    EXPECT_THAT(issues, Contains(refused));
  }
}

TEST(Assess, AFaultOfANewerFormIsAFindingOfTheCheckToo) {
  auto newer = at_hour("09", "in-progress", testing::harmless());
  newer.set("questionnaire", "https://myoflag.org/fhir/Questionnaire/twitching");
  const auto bundle =
      bundle_of({at_hour("08", "completed", testing::harmless()), newer, patient()});
  const auto issues = assessor().check(fhir::write_json(bundle), options());
  EXPECT_THAT(codes(issues), Contains("MF-1405"));
  EXPECT_FALSE(fhir::has_errors(issues));
}

TEST(Assess, ASmallSkewOfTheClockIsTolerated) {
  auto response = testing::response_of(testing::harmless());
  response.set("authored", "2026-11-22T12:04:00Z");
  EXPECT_TRUE(assess(response));
}

TEST(Assess, FaultsInABundleAreLocatedInTheBundle) {
  auto response = testing::response_of(testing::harmless());
  first_answer(response).find("valueCoding")->set("code", "x");
  const auto assessed = assess(bundle_of({patient(), response}));
  ASSERT_FALSE(assessed);
  EXPECT_EQ(assessed.error()[0].place, "Bundle.entry[1].resource.item[0].item[0].answer[0].value");
  EXPECT_EQ(assessed.error()[0].link_id, "em-now");
}

TEST(Assess, UnreadableTextIsRefusedWithItsPlace) {
  const std::string deep = std::string(10000, '[') + std::string(10000, ']');
  for (const auto& text :
       {std::string(), std::string("{"), std::string("{\"a\":1,\"a\":2}"),
        std::string("{\"a\":NaN}"), std::string("\xFF\xFE{"),
        std::string("<!DOCTYPE x [<!ENTITY e \"e\">]><Patient/>"), std::string("<Bundle"),
        std::string("<Bundle/>"), deep, std::string("\0\0\0", 3)}) {
    const auto assessed = assessor().assess(text, options());
    ASSERT_FALSE(assessed) << text.substr(0, 30);
    EXPECT_FALSE(assessed.error()[0].text.empty());
    EXPECT_TRUE(fhir::has_errors(assessor().check(text, options())));
  }
}

TEST(Assess, SizeIsLimited) {
  auto tight = options();
  tight.limits.bytes = 1000;
  const auto assessed = assessor().assess(testing::json_of(testing::harmless()), tight);
  ASSERT_FALSE(assessed);
  EXPECT_THAT(codes(assessed.error()), Contains("MF-1001"));
}

TEST(Assess, EveryTruncationIsRefused) {
  const auto json = testing::json_of(testing::harmless());
  for (std::size_t i = 0; i < json.size(); i += 37) {
    EXPECT_FALSE(assessor().assess(std::string_view(json).substr(0, i), options()));
  }
}

// ---- patient and record together

struct Conflict {
  const char* name;
  const char* link_id;
  std::vector<std::string> said;
  const char* resource;
  std::function<bool(const rules::EvaluationInput&)> holds;
};

class Conflicts : public ::testing::TestWithParam<Conflict> {};

TEST_P(Conflicts, BothSidesReachTheRules) {
  const auto& param = GetParam();
  auto extra = parse(param.resource);
  const auto given = but(param.link_id, param.said);
  std::vector<Json> resources{testing::response_of(given)};
  if (extra.string_of("resourceType") == "Patient") {
    resources.push_back(extra);
  } else {
    extra.set("subject", Json::object({{"reference", "Patient/p1"}}));
    resources.push_back(extra);
    resources.push_back(patient());
  }
  const auto assessed = assess(bundle_of(resources));
  ASSERT_TRUE(assessed) << assessed.error()[0].text;
  const auto& input = *assessed->assessment.input;
  EXPECT_TRUE(param.holds(input));
  EXPECT_TRUE(input.facts.record.fetched);
  bool conflict = false;
  for (const auto& notice : assessed->assessment.notices) {
    conflict = conflict || notice.kind == rules::Notice::Kind::conflict;
  }
  EXPECT_TRUE(conflict);
}

bool record_says(const rules::EvaluationInput& input, std::string_view link_id,
                 std::string_view option) {
  const auto& item = knowledge()->items[slot(link_id)];
  return (input.facts.record.chosen[slot(link_id)] >> item.option(option) & 1) != 0;
}

INSTANTIATE_TEST_SUITE_P(
    Table, Conflicts,
    ::testing::Values(
        Conflict{"age",
                 "age-years",
                 {"30"},
                 R"({"resourceType":"Patient","id":"p1","birthDate":"1950-01-01"})",
                 [](const auto& input) {
                   return input.facts.record.age == rules::whole(76) &&
                          input.facts.answers.number[slot("age-years")] == rules::whole(30);
                 }},
        // 49 or 50: the rules tell these apart
        Conflict{"year_of_birth_of_an_older_person",
                 "age-years",
                 {"30"},
                 R"({"resourceType":"Patient","id":"p1","birthDate":"1976"})",
                 [](const auto& input) { return input.facts.record.age == rules::whole(50); }},
        Conflict{"year_of_birth_of_a_younger_person",
                 "age-years",
                 {"70"},
                 R"({"resourceType":"Patient","id":"p1","birthDate":"1976"})",
                 [](const auto& input) { return input.facts.record.age == rules::whole(49); }},
        Conflict{"sex",
                 "sex-at-birth",
                 {"male"},
                 R"({"resourceType":"Patient","id":"p1","gender":"female"})",
                 [](const auto& input) { return record_says(input, "sex-at-birth", "female"); }},
        Conflict{
            "medicine_denied",
            "medicine-classes",
            {"none"},
            R"({"resourceType":"MedicationRequest","status":"active","intent":"order","medicationCodeableConcept":{"text":"Lithium"}})",
            [](const auto& input) { return record_says(input, "medicine-classes", "lithium"); }},
        Conflict{
            "another_medicine",
            "medicine-classes",
            {"statin"},
            R"({"resourceType":"MedicationStatement","status":"active","medicationCodeableConcept":{"text":"Lithium"}})",
            [](const auto& input) {
              return record_says(input, "medicine-classes", "lithium") &&
                     !record_says(input, "medicine-classes", "statin");
            }}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(Assess, AYearOfBirthAgreesWithEveryAgeThatItAllows) {
  for (const auto* years : {"49", "50"}) {
    auto born = patient();
    born.set("birthDate", "1976");
    const auto assessed =
        assess(bundle_of({testing::response_of(but("age-years", {years})), born}));
    ASSERT_TRUE(assessed);
    for (const auto& notice : assessed->assessment.notices) {
      EXPECT_NE(notice.kind, rules::Notice::Kind::conflict) << years;
    }
  }
}

bool is_of_two_people(const tl::expected<Assessed, fhir::Issues>& assessed) {
  const auto& doubts = assessed.value().assessment.input->doubts;
  return std::find(doubts.begin(), doubts.end(), rules::Doubt::person_differs) != doubts.end();
}

struct AgeCase {
  const char* name;
  const char* birth_date;
  const char* authored;
  const char* said;
  bool differs;
};

class TwoPeople : public ::testing::TestWithParam<AgeCase> {};

TEST_P(TwoPeople, AreTheFormAndTheRecordWhoseAgesNoDateExplains) {
  auto born = patient();
  born.set("birthDate", GetParam().birth_date);
  auto response = testing::response_of(but("age-years", {GetParam().said}));
  response.set("authored", GetParam().authored);
  EXPECT_EQ(is_of_two_people(assess(bundle_of({response, born}))), GetParam().differs);
}

// Evaluated on 2026-11-22.
INSTANTIATE_TEST_SUITE_P(
    Table, TwoPeople,
    ::testing::Values(AgeCase{"same", "1996-05-01", "2026-11-22T08:00:00Z", "30", false},
                      AgeCase{"rounded_up", "1996-05-01", "2026-11-22T08:00:00Z", "31", false},
                      AgeCase{"before_the_birthday", "1996-05-01", "2026-04-30T08:00:00Z", "29",
                              false},
                      AgeCase{"of_years_ago", "1996-05-01", "2023-04-30T08:00:00Z", "26", false},
                      AgeCase{"too_young_then", "1996-05-01", "2023-04-30T08:00:00Z", "25", true},
                      AgeCase{"older", "1996-05-01", "2026-11-22T08:00:00Z", "32", true},
                      AgeCase{"younger", "1996-05-01", "2026-11-22T08:00:00Z", "28", true},
                      AgeCase{"far_apart", "1946-05-01", "2026-11-22T08:00:00Z", "30", true},
                      AgeCase{"a_year_that_allows_it", "1996", "2026-11-22T08:00:00Z", "29", false},
                      AgeCase{"a_year_that_does_not", "1996", "2026-11-22T08:00:00Z", "27", true}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(TwoPeople, AreTheFormAndTheRecordOfTwoSexes) {
  const auto differs = [](std::string_view said, std::initializer_list<std::string_view> genders) {
    std::vector<Json> resources{testing::response_of(but("sex-at-birth", {std::string(said)}))};
    for (const auto gender : genders) {
      resources.push_back(patient(R"(,"gender":")" + std::string(gender) + "\""));
    }
    return is_of_two_people(assess(bundle_of(resources)));
  };
  EXPECT_TRUE(differs("male", {"female"}));
  EXPECT_TRUE(differs("female", {"male"}));
  EXPECT_TRUE(differs("prefer-not", {"male", "female"}));
  EXPECT_FALSE(differs("male", {"male"}));
  EXPECT_FALSE(differs("male", {"other"}));
  EXPECT_FALSE(differs("intersex", {"male"}));
}

// ---- what the response carries beside its answers

std::vector<std::string> unread_of(const tl::expected<Assessed, fhir::Issues>& assessed) {
  std::vector<std::string> texts;
  for (const auto& notice : assessed.value().assessment.notices) {
    if (notice.kind == rules::Notice::Kind::unread_answer) {
      texts.push_back(notice.text);
    }
  }
  return texts;
}

struct ExtensionCase {
  const char* name;
  std::function<void(Json& response, const Json& extensions)> put;
};

class Extensions : public ::testing::TestWithParam<ExtensionCase> {};

TEST_P(Extensions, ThatNobodyReadsAreSaidByTheirAddress) {
  const auto with = [](std::string_view url) {
    auto response = testing::response_of(testing::harmless());
    GetParam().put(response, parse(R"([{"url":")" + std::string(url) + R"(","valueString":"x"}])"));
    return assess(response);
  };
  const auto strange = with("http://x.example/y");
  EXPECT_THAT(unread_of(strange),
              ElementsAre("The form carries extensions that are not read: http://x.example/y"));
  EXPECT_FALSE(rules::is_doubtful(*strange.value().assessment.input));
  EXPECT_THAT(unread_of(with("http://hl7.org/fhir/StructureDefinition/translation")), IsEmpty());
}

TEST(ManyExtensions, AreNamedUpToALimitAndItIsSaid) {
  auto response = testing::response_of(testing::harmless());
  Json list = Json::array();
  for (int i = 0; i < 200; ++i) {
    list.push(
        Json::object({{"url", "http://x.example/" + std::to_string(i)}, {"valueString", "x"}}));
  }
  response.set("extension", std::move(list));
  const auto said = unread_of(assess(response));
  ASSERT_THAT(said, SizeIs(1));
  EXPECT_THAT(said.front(), HasSubstr("http://x.example/9;"));
  EXPECT_THAT(said.front(), Not(HasSubstr("http://x.example/10")));
  EXPECT_THAT(said.front(), HasSubstr("there is more to say"));
}

Json& first_item(Json& owner) { return owner.find("item")->as_array()->front(); }

INSTANTIATE_TEST_SUITE_P(
    Table, Extensions,
    ::testing::Values(
        ExtensionCase{"of_the_response",
                      [](Json& response, const Json& list) { response.set("extension", list); }},
        ExtensionCase{"of_its_date",
                      [](Json& response, const Json& list) {
                        response.set("_authored", Json::object({{"extension", list}}));
                      }},
        ExtensionCase{
            "of_a_group",
            [](Json& response, const Json& list) { first_item(response).set("extension", list); }},
        ExtensionCase{"of_an_item",
                      [](Json& response, const Json& list) {
                        first_item(first_item(response)).set("extension", list);
                      }},
        ExtensionCase{"of_an_answer",
                      [](Json& response, const Json& list) {
                        auto& item = first_item(first_item(response));
                        item.find("answer")->as_array()->front().set("extension", list);
                      }},
        ExtensionCase{"of_a_value",
                      [](Json& response, const Json& list) {
                        auto& item = first_item(first_item(response));
                        auto& answer = item.find("answer")->as_array()->front();
                        answer.find("valueCoding")->set("extension", list);
                      }}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(Assess, ANarrativeThatSaysMoreThanTheAnswersWithholdsReassurance) {
  for (const auto& [status, says_more] :
       {std::pair("generated", false), {"extensions", false}, {"additional", true}}) {
    auto response = testing::response_of(testing::harmless());
    response.set("text",
                 parse(R"({"status":")" + std::string(status) +
                       R"(","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"})"));
    const auto assessed = assess(response);
    ASSERT_TRUE(assessed) << status;
    const auto& doubts = assessed->assessment.input->doubts;
    EXPECT_EQ(std::count(doubts.begin(), doubts.end(), rules::Doubt::narrative), says_more ? 1 : 0)
        << status;
  }
}

TEST(Assess, WithoutARecordThatIsSaid) {
  const auto assessed = assess(testing::response_of(testing::harmless()));
  ASSERT_TRUE(assessed);
  bool said = false;
  for (const auto& notice : assessed->assessment.notices) {
    said = said || notice.kind == rules::Notice::Kind::record_missing;
  }
  EXPECT_TRUE(said);
}

TEST(Assess, AFailedPartOfTheRecordIsSaid) {
  const auto failure = parse(
      R"({"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"timeout"}]})");
  const auto assessed =
      assess(bundle_of({patient(), testing::response_of(testing::harmless()), failure}));
  ASSERT_TRUE(assessed);
  EXPECT_THAT(assessed->assessment.input->record_problems, SizeIs(1));
  EXPECT_EQ(assessed->assessment.input->facts.record.labs[0].state, rules::LabState::not_fetched);
}

// A misspelt name must not make a critical result disappear.
TEST(Assess, APartOfABundleThatFhirDoesNotKnowIsRefused) {
  const auto json = fhir::write_json(bundle_of(
      {patient(), testing::response_of(testing::harmless()),
       parse(R"({"resourceType":"Observation","status":"final","code":{"text":"potassium"},)"
             R"("subject":{"reference":"Patient/p1"}})")}));
  const auto with = [&](std::string_view from, std::string_view to) {
    auto changed = json;
    return changed.replace(changed.rfind(from), from.size(), to);
  };
  ASSERT_TRUE(assessor().assess(json, options()));
  for (const auto& [text, code] : {std::pair(with("\"resource\":", "\"resouce\":"), "MF-1202"),
                                   std::pair(with("\"Observation\"", "\"observation\""), "MF-3018"),
                                   std::pair(with("\"entry\":", "\"entries\":"), "MF-1202")}) {
    const auto assessed = assessor().assess(text, options());
    ASSERT_FALSE(assessed) << code;
    EXPECT_THAT(codes(assessed.error()), Contains(code));
  }
}

TEST(Assess, ARecordEntryThatCannotBeReadIsSaid) {
  const auto one = assess(bundle_of(
      {patient(R"(,"birthDat":"1940-01-01")"), testing::response_of(testing::harmless())}));
  ASSERT_TRUE(one) << one.error()[0].text;
  EXPECT_THAT(one->assessment.input->record_problems, SizeIs(1));
  const auto empty = assessor().assess(
      R"({"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"urn:x:y"},{"resource":)" +
          testing::json_of(testing::harmless()) + "}]}",
      options());
  ASSERT_TRUE(empty) << empty.error()[0].text;
  EXPECT_THAT(empty->assessment.input->record_problems, SizeIs(1));
}

TEST(Check, TellsAfterTheResponseWhatOfTheRecordCannotBeUsed) {
  auto response = testing::response_of(testing::harmless());
  response.set("status", "in-progress");
  const auto broken =
      parse(R"({"resourceType":"Condition","subject":{"reference":"Patient/p1"},"code":"CANARY"})");
  const auto drops = parse(
      R"({"resourceType":"Observation","status":"final","subject":{"reference":"Patient/p1"},)"
      R"("code":{"coding":[{"system":"http://loinc.org","code":"2823-3"}]},)"
      R"("effectiveDateTime":"2026-11-20","valueQuantity":{"value":2.1,"unit":"CANARY"}})");
  const auto preliminary = parse(
      R"({"resourceType":"Observation","status":"preliminary","subject":{"reference":"Patient/p1"},)"
      R"("code":{"coding":[{"system":"http://loinc.org","code":"2823-3"}]},)"
      R"("effectiveDateTime":"2026-11-21","valueQuantity":{"value":2.1,"unit":"mmol/L"}})");
  const auto json = fhir::write_json(bundle_of({patient(), response, broken, drops, preliminary}));
  const auto issues = assessor().check(json, options());
  EXPECT_THAT(codes(issues), ElementsAre("MF-1406", "MF-3008", "MF-3031", "MF-3034", "MF-3034"));
  ASSERT_THAT(issues, SizeIs(5));
  EXPECT_EQ(issues[2].place, "Bundle.entry[2].resource.code");
  EXPECT_THAT(issues[3].text, HasSubstr("abnormal"));
  EXPECT_EQ(issues[3].place, "Bundle.entry[4].resource");
  EXPECT_THAT(issues[4].text, HasSubstr("not final"));
  EXPECT_EQ(issues[4].place, "Bundle.entry[4].resource");
  for (const auto& issue : issues) {
    EXPECT_EQ(issue.severity, fhir::Severity::warning);
    EXPECT_THAT(issue.text, Not(HasSubstr("CANARY")));
  }
}

TEST(Assess, ManyProblemsOfTheRecordStayReadable) {
  std::vector<Json> resources{patient(), testing::response_of(testing::harmless())};
  for (int i = 0; i < 100; ++i) {
    resources.push_back(parse(R"({"resourceType":"Condition","code":{"text":"x"}})"));
  }
  const auto assessed = assess(bundle_of(resources));
  ASSERT_TRUE(assessed);
  EXPECT_LE(assessed->assessment.input->record_problems.size(), 20u);
}

TEST(Assess, TheEarlierResponseIsComparedAndTheAppointmentKnown) {
  auto before = testing::response_of(testing::harmless());
  before.set("id", "r0");
  before.set("authored", "2026-10-22T10:00:00Z");
  const auto appointment = parse(
      R"({"resourceType":"Appointment","id":"a1","status":"booked","start":"2026-12-01T09:00:00Z","participant":[{"actor":{"reference":"Patient/p1"},"status":"accepted"}]})");
  const auto after = testing::response_of(but("function-loss", {"grip"}));
  const auto assessed = assess(bundle_of({before, after, patient(), appointment}));
  ASSERT_TRUE(assessed) << assessed.error()[0].text;
  const auto& input = *assessed->assessment.input;
  ASSERT_TRUE(input.previous);
  EXPECT_EQ(input.previous->state[slot("function-loss")], ItemState::answered);
  ASSERT_EQ(input.earlier.size(), 1U);
  EXPECT_EQ(input.earlier[0].response.authored, testing::now() - std::chrono::hours(31 * 24 + 2));
  EXPECT_TRUE(input.appointment);
  EXPECT_THAT(assessed->record, SizeIs(2));
}

TEST(Assess, IsSafeFromManyThreads) {
  const auto json = testing::json_of(but("em-sudden", {"face-droop"}));
  std::vector<std::thread> threads;
  std::atomic<int> emergencies = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5; ++i) {
        const auto assessed = assessor().assess(json, options());
        emergencies += assessed && assessed->assessment.tier == Tier::emergency ? 1 : 0;
      }
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(emergencies, 20);
}

TEST(Assess, AFormThatFhirCannotSayRefusesEverything) {
  auto changed = *knowledge();
  auto& item = changed.items[slot("anything-else")];
  rules::EnableWhen when;
  when.item = static_cast<int>(slot("em-now"));
  when.options = 3;
  rules::EnableWhen other = when;
  item.enable = {when, other};
  item.enable_any = false;
  const Assessor broken(std::make_shared<const rules::Knowledge>(std::move(changed)));
  const auto assessed = broken.assess(testing::json_of(testing::harmless()), options());
  ASSERT_FALSE(assessed);
  EXPECT_THAT(codes(assessed.error()), Contains("MF-3001"));
}

TEST(Check, WarnsWhereNobodyIsNamed) {
  auto response = testing::response_of(testing::harmless());
  const auto found = [&] {
    std::vector<fhir::Issue> of_subject;
    for (const auto& issue : assessor().check(fhir::write_json(response), options())) {
      if (issue.code == "MF-3027") {
        of_subject.push_back(issue);
      }
    }
    return of_subject;
  };
  EXPECT_THAT(found(), IsEmpty());
  response.erase("subject");
  ASSERT_THAT(found(), SizeIs(1));
  EXPECT_EQ(found()[0].severity, fhir::Severity::warning);
  EXPECT_EQ(found()[0].place, "QuestionnaireResponse.subject");
}

}  // namespace
}  // namespace myoflag
