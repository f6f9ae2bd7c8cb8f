// One response and one patient's record out of what came in.
#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fhir/convert.h"
#include "fhir/xml.h"
#include "plugin/mapping/intake.h"
#include "tests/mapping/intake_support.h"

namespace myoflag {
namespace {

using fhir::Json;
using testing::bundle_of;
using testing::codes;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::parse;
using ::testing::SizeIs;
using testing::take;

Json response() { return testing::response_of(testing::harmless()); }

Json patient(std::string_view id = "p1") {
  return Json::object({{"resourceType", "Patient"}, {"id", id}, {"birthDate", "1996-01-01"}});
}

Json condition(std::string_view subject = "Patient/p1") {
  return Json::object({{"resourceType", "Condition"},
                       {"id", "c1"},
                       {"subject", Json::object({{"reference", subject}})},
                       {"code", Json::object({{"text", "Epilepsy"}})}});
}

Json with(Json resource, std::string_view name, Json value) {
  resource.set(name, std::move(value));
  return resource;
}

TEST(Intake, AResponseAloneBringsNoRecord) {
  const auto intake = take(response());
  ASSERT_TRUE(intake);
  EXPECT_EQ(intake->place, "QuestionnaireResponse");
  EXPECT_EQ(intake->patient, "Patient/p1");
  EXPECT_THAT(intake->record, IsEmpty());
}

TEST(Intake, ABundleBringsTheRecordOfThePatient) {
  const auto intake = take(bundle_of({patient(), condition(), response()}));
  ASSERT_TRUE(intake);
  EXPECT_EQ(intake->place, "Bundle.entry[2].resource");
  ASSERT_THAT(intake->record, SizeIs(2));
  EXPECT_EQ(intake->record[1].reference, "Condition/c1");
  EXPECT_EQ(intake->record[1].place, "Bundle.entry[1].resource");
  EXPECT_TRUE(intake->record_complete);
  EXPECT_THAT(intake->record_problems, IsEmpty());
}

class BundleType : public ::testing::TestWithParam<std::pair<const char*, bool>> {};

TEST_P(BundleType, IsReadOrRefused) {
  auto bundle = bundle_of({response()});
  bundle.set("type", GetParam().first);
  EXPECT_EQ(take(std::move(bundle)).has_value(), GetParam().second);
}

INSTANTIATE_TEST_SUITE_P(
    All, BundleType,
    ::testing::Values(std::pair{"collection", true}, std::pair{"searchset", true},
                      std::pair{"batch", true}, std::pair{"batch-response", true},
                      std::pair{"transaction", true}, std::pair{"document", true},
                      std::pair{"message", true}, std::pair{"history", false},
                      std::pair{"transaction-response", false}, std::pair{"", false}));

TEST(Intake, SearchResultsInsideABatchAreOpened) {
  auto inner = bundle_of({condition()});
  inner.set("type", "searchset");
  const auto intake = take(bundle_of({patient(), response(), inner}));
  ASSERT_TRUE(intake);
  ASSERT_THAT(intake->record, SizeIs(2));
  EXPECT_EQ(intake->record[1].place, "Bundle.entry[2].resource.entry[0].resource");
}

TEST(Intake, BundlesInsideBundlesEndAtTheThird) {
  auto bundle = bundle_of({response()});
  for (int deep = 1; deep < 6; ++deep) {
    EXPECT_EQ(take(Json(bundle)).has_value(), deep <= 3) << deep;
    bundle = bundle_of({bundle});
  }
  EXPECT_THAT(codes(take(std::move(bundle))), ElementsAre("MF-3011"));
}

TEST(Intake, FailedPartsOfTheRecordAreSaid) {
  const Json failure = parse(
      R"({"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"timeout","diagnostics":"CANARY"}]})");
  const Json remark = parse(
      R"({"resourceType":"OperationOutcome","issue":[{"severity":"information","code":"informational"}]})");
  const auto failed = take(bundle_of({patient(), response(), failure}));
  ASSERT_TRUE(failed);
  EXPECT_FALSE(failed->record_complete);
  ASSERT_THAT(failed->record_problems, SizeIs(1));
  EXPECT_THAT(failed->record_problems[0].text, ::testing::Not(::testing::HasSubstr("CANARY")));
  const auto remarked = take(bundle_of({patient(), response(), remark}));
  ASSERT_TRUE(remarked);
  EXPECT_TRUE(remarked->record_complete);
}

TEST(Intake, FurtherPagesMakeTheRecordIncomplete) {
  auto bundle = bundle_of({patient(), response()});
  bundle.set("link", parse(R"([{"relation":"next","url":"https://ehr.example/page2"}])"));
  const auto intake = take(std::move(bundle));
  ASSERT_TRUE(intake);
  EXPECT_FALSE(intake->record_complete);
}

TEST(Intake, DeletedAndEmptyEntriesAreNotTheRecord) {
  auto bundle = bundle_of({patient(), response(), condition()});
  (*bundle.find("entry")->as_array())[2].set(
      "request", Json::object({{"method", "DELETE"}, {"url", "Condition/c1"}}));
  bundle.find("entry")->push(Json::object({{"fullUrl", "urn:x"}}));
  const auto intake = take(std::move(bundle));
  ASSERT_TRUE(intake);
  EXPECT_THAT(intake->record, SizeIs(1));
}

// ---- whose

struct WhoseCase {
  const char* name;
  std::function<Json()> bundle;
  std::vector<std::string> codes;
};

class Whose : public ::testing::TestWithParam<WhoseCase> {};

TEST_P(Whose, PatientsAreNeverMixed) {
  EXPECT_EQ(codes(take(GetParam().bundle())), GetParam().codes);
}

Json about(std::string_view reference) {
  return with(response(), "subject", Json::object({{"reference", reference}}));
}

Json by_identifier(std::string_view value) {
  Json identifier = Json::object({{"system", "urn:oid:1.2"}, {"value", value}});
  return Json::object({{"identifier", std::move(identifier)}});
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Whose,
    ::testing::Values(
        WhoseCase{"two_patients",
                  [] {
                    return bundle_of({patient(), patient("p2"), response()});
                  },
                  {"MF-3014"}},
        WhoseCase{"the_same_patient_twice",
                  [] {
                    return bundle_of({patient(), patient(), response()});
                  },
                  {}},
        WhoseCase{"another_patient",
                  [] {
                    return bundle_of({patient("p2"), response()});
                  },
                  {"MF-3016"}},
        WhoseCase{"record_of_another",
                  [] {
                    return bundle_of({patient(), condition("Patient/p2"), response()});
                  },
                  {"MF-3015"}},
        WhoseCase{"record_of_another_without_patient",
                  [] {
                    return bundle_of({condition("Patient/p2"), response()});
                  },
                  {"MF-3015"}},
        WhoseCase{
            "two_foreign_resources",
            [] {
              return bundle_of({condition("Patient/p2"), condition("Patient/p3"), response()});
            },
            {"MF-3015", "MF-3015"}},
        WhoseCase{"absolute_and_relative",
                  [] {
                    return bundle_of({patient(),
                                      condition("https://ehr.example/fhir/Patient/p1/_history/3"),
                                      response()});
                  },
                  {}},
        WhoseCase{"same_id_on_another_server",
                  [] {
                    return bundle_of({patient(), condition("https://other.example/fhir/Patient/p1"),
                                      response()});
                  },
                  {"MF-3015"}},
        WhoseCase{
            "response_about_a_group", [] { return bundle_of({about("Group/g1")}); }, {"MF-3016"}},
        WhoseCase{"record_without_anybody_to_hold_it_against",
                  [] {
                    auto nobody = response();
                    nobody.erase("subject");
                    return bundle_of({condition(), nobody});
                  },
                  {"MF-3019"}},
        WhoseCase{"earlier_response_of_another",
                  [] {
                    auto earlier = with(about("Patient/p2"), "authored", "2026-10-01T10:00:00Z");
                    return bundle_of({patient(), response(), earlier});
                  },
                  {"MF-3015"}},
        WhoseCase{"urn_of_the_patient",
                  [] {
                    Json bundle = bundle_of(
                        {patient(), condition("urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"),
                         about("urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0")});
                    (*bundle.find("entry")->as_array())[0].set(
                        "fullUrl", "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0");
                    return bundle;
                  },
                  {}},
        WhoseCase{"same_identifier",
                  [] {
                    auto known = with(
                        patient(), "identifier",
                        Json::array({Json::object({{"system", "urn:oid:1.2"}, {"value", "7"}})}));
                    return bundle_of({known, with(response(), "subject", by_identifier("7"))});
                  },
                  {}},
        WhoseCase{"another_identifier",
                  [] {
                    auto known = with(
                        patient(), "identifier",
                        Json::array({Json::object({{"system", "urn:oid:1.2"}, {"value", "8"}})}));
                    return bundle_of({known, with(response(), "subject", by_identifier("7"))});
                  },
                  {"MF-3016"}},
        WhoseCase{"appointment_of_another",
                  [] {
                    return bundle_of({patient(), response(),
                                      parse(R"({"resourceType":"Appointment","status":"booked",
                      "participant":[{"actor":{"reference":"Patient/p2"},"status":"accepted"}]})")});
                  },
                  {"MF-3015"}}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(Intake, AResponseWithoutSubjectTakesTheOnlyPatientWithAWarning) {
  auto nobody = response();
  nobody.erase("subject");
  const auto intake = take(bundle_of({patient(), nobody, condition()}));
  ASSERT_TRUE(intake);
  ASSERT_THAT(intake->warnings, SizeIs(1));
  EXPECT_EQ(intake->warnings[0].code, "MF-3017");
  EXPECT_EQ(intake->patient, "Patient/p1");
  EXPECT_THAT(intake->record, SizeIs(2));
}

TEST(Intake, ClinicalResourcesOfNobodyAreNotUsedAndSaid) {
  auto nobodys = condition();
  nobodys.erase("subject");
  const auto group = condition("Group/g1");
  const auto intake = take(bundle_of({patient(), response(), nobodys, group}));
  ASSERT_TRUE(intake);
  EXPECT_THAT(intake->record, SizeIs(1));
  EXPECT_THAT(intake->record_problems, SizeIs(2));
}

TEST(Intake, ResourcesOfTheWrongShapeAreNotUsedAndSaid) {
  const auto broken = with(condition(), "code", "Epilepsy");
  const auto intake = take(bundle_of({patient(), response(), broken}));
  ASSERT_TRUE(intake);
  EXPECT_THAT(intake->record, SizeIs(1));
  EXPECT_THAT(intake->record_problems, SizeIs(1));
  EXPECT_FALSE(intake->record_complete);
}

// ---- which response

Json dated(std::string_view authored, std::string_view status = "completed",
           std::string_view id = "r") {
  auto one = with(with(response(), "authored", authored), "status", status);
  one.set("id", id);
  return one;
}

struct CurrentCase {
  const char* name;
  std::vector<Json> responses;
  std::string current, previous;
  std::vector<std::string> codes;
};

class Current : public ::testing::TestWithParam<CurrentCase> {};

TEST_P(Current, IsTheLatestAndPreviousTheOneFinishedBefore) {
  auto resources = GetParam().responses;
  resources.push_back(patient());
  const auto intake = take(bundle_of(resources));
  ASSERT_EQ(codes(intake), GetParam().codes);
  if (intake) {
    EXPECT_EQ(intake->response.string_of("id"), GetParam().current);
    EXPECT_EQ(intake->previous ? intake->previous->json.string_of("id") : "", GetParam().previous);
  }
}

Json of_version(Json one, std::string_view version) {
  one.set("questionnaire",
          "https://myoflag.org/fhir/Questionnaire/twitching|" + std::string(version));
  return one;
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Current,
    ::testing::Values(
        CurrentCase{
            "order_does_not_matter",
            {dated("2026-11-01", "completed", "new"), dated("2026-10-01", "completed", "old")},
            "new",
            "old",
            {}},
        CurrentCase{"three",
                    {dated("2026-09-01", "completed", "a"), dated("2026-11-01", "completed", "c"),
                     dated("2026-10-01", "amended", "b")},
                    "c",
                    "b",
                    {}},
        CurrentCase{"unfinished_is_no_previous",
                    {dated("2026-09-01", "completed", "a"), dated("2026-11-01", "completed", "c"),
                     dated("2026-10-01", "in-progress", "b")},
                    "c",
                    "a",
                    {}},
        CurrentCase{
            "unfinished_stands_beside",
            {dated("2026-09-01", "completed", "a"), dated("2026-10-01", "in-progress", "b")},
            "a",
            "",
            {}},
        CurrentCase{"latest_of_unfinished_ones",
                    {dated("2026-09-01", "stopped", "a"), dated("2026-10-01", "in-progress", "b")},
                    "b",
                    "",
                    {}},
        CurrentCase{
            "void_is_ignored",
            {dated("2026-09-01", "completed", "a"), dated("2026-10-01", "entered-in-error", "b")},
            "a",
            "",
            {}},
        CurrentCase{"void_alone_is_kept_to_be_refused",
                    {dated("2026-10-01", "entered-in-error", "b")},
                    "b",
                    "",
                    {}},
        CurrentCase{"across_zones",
                    {dated("2026-10-01T23:30:00-05:00", "completed", "later"),
                     dated("2026-10-02T01:00:00Z", "completed", "earlier")},
                    "later",
                    "earlier",
                    {}},
        CurrentCase{"same_time",
                    {dated("2026-10-01T10:00:00Z"), dated("2026-10-01T12:00:00+02:00")},
                    "",
                    "",
                    {"MF-3013", "MF-3013"}},
        CurrentCase{"day_against_moment_of_that_day",
                    {dated("2026-10-01"), dated("2026-10-01T10:00:00Z")},
                    "",
                    "",
                    {"MF-3013", "MF-3013"}},
        CurrentCase{"day_against_moment_of_that_day_beside_a_form_begun",
                    {dated("2026-10-01"), dated("2026-10-01T10:00:00Z"),
                     dated("2026-10-03", "in-progress", "draft")},
                    "",
                    "",
                    {"MF-3013", "MF-3013"}},
        CurrentCase{"begun_at_a_time_that_is_not_certain",
                    {dated("2026-10-01", "in-progress", "draft"),
                     dated("2026-10-01T10:00:00Z", "completed", "done")},
                    "done",
                    "",
                    {}},
        CurrentCase{"other_version_before",
                    {of_version(dated("2026-09-01", "completed", "a"), "0.0.1"),
                     dated("2026-10-01", "completed", "b")},
                    "b",
                    "",
                    {}},
        CurrentCase{"no_date", {dated("2026-09-01"), dated("soon")}, "", "", {"MF-3013"}}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(Intake, AFormThatMayHaveBeenBegunLaterIsKeptBeside) {
  const auto intake =
      take(bundle_of({dated("2026-10-01", "in-progress", "draft"),
                      dated("2026-10-01T10:00:00Z", "completed", "done"), patient()}));
  ASSERT_TRUE(intake);
  ASSERT_EQ(intake->begun.size(), 1u);
  EXPECT_EQ(intake->begun[0].json.string_of("id"), "draft");
  EXPECT_FALSE(intake->previous);
}

TEST(Intake, AnswersInOurCodesAreOursWhateverFormTheyName) {
  for (const auto* form : {"", "http://myoflag.org/fhir/Questionnaire/twitching",
                           "https://ehr.example/fhir/Questionnaire/twitching", "twitching"}) {
    auto newer = testing::response_of({{"em-sudden", {"face-droop"}}});
    newer.set("questionnaire", form);
    if (*form == '\0') {
      newer.erase("questionnaire");
    }
    EXPECT_TRUE(mapping::is_to_our_form(*testing::knowledge(), newer)) << form;
  }
}

TEST(Intake, ResponsesToOtherFormsAreNotOurs) {
  auto other = with(response(), "questionnaire", "https://example.org/Questionnaire/other|1");
  other.set("item", parse(R"([{"linkId":"em-now","answer":[{"valueString":"none"}]}])"));
  EXPECT_THAT(codes(take(bundle_of({patient(), other}))), ElementsAre("MF-3012"));
  EXPECT_TRUE(take(bundle_of({patient(), other, response()})));
}

TEST(Intake, AnythingElseIsRefused) {
  EXPECT_THAT(codes(take(patient())), ElementsAre("MF-3010"));
  EXPECT_THAT(codes(take(parse("[]"))), ElementsAre("MF-3010"));
  EXPECT_THAT(codes(take(parse("null"))), ElementsAre("MF-3010"));
  EXPECT_THAT(codes(take(parse(R"({"resourceType":"CANARY"})"))), ElementsAre("MF-3010"));
  EXPECT_EQ(take(parse(R"({"resourceType":"CANARY"})")).error()[0].place, "");
  EXPECT_THAT(
      codes(take(parse(
          R"({"resourceType":"Bundle","type":"collection","entry":[{"resource":{"id":"x"}}]})"))),
      ElementsAre("MF-3018"));
  EXPECT_THAT(
      codes(take(parse(R"({"resourceType":"Bundle","type":"collection","entry":{"a":1}})"))),
      ElementsAre("MF-1204"));
}

TEST(Intake, WhatChangesTheMeaningOfABundleIsRefused) {
  const std::string modifier = R"([{"url":"u","valueBoolean":true}])";
  const auto in_entry = [&](std::string_view place) {
    auto bundle = bundle_of({patient(), condition(), response()});
    auto& entry = (*bundle.find("entry")->as_array())[1];
    if (place.empty()) {
      entry.set("modifierExtension", parse(modifier));
    } else {
      entry.set(place, Json::object({{"modifierExtension", parse(modifier)}}));
    }
    return codes(take(std::move(bundle)));
  };
  for (const auto* place : {"", "search", "request", "response"}) {
    EXPECT_THAT(in_entry(place), ::testing::Contains("MF-1415")) << place;
  }
  auto bundle = bundle_of({patient(), response()});
  bundle.set("implicitRules", "http://example.org/rules");
  EXPECT_THAT(codes(take(bundle)), ElementsAre("MF-1415"));
  EXPECT_THAT(codes(take(bundle_of({bundle, patient(), response()}))),
              ::testing::Contains("MF-1415"));
}

TEST(Intake, TheSameResponseTwiceIsOne) {
  auto bundle = bundle_of({patient(), response(), response()});
  EXPECT_TRUE(take(bundle));
  auto other = response();
  other.set("language", "de");
  EXPECT_THAT(codes(take(bundle_of({patient(), response(), other}))),
              ElementsAre("MF-3013", "MF-3013"));
}

TEST(Intake, XmlAndJsonGiveTheSame) {
  const auto bundle = bundle_of({patient(), condition(), response()});
  const auto xml = fhir::json_to_xml(bundle);
  ASSERT_TRUE(xml);
  EXPECT_TRUE(fhir::looks_like_xml("\xEF\xBB\xBF \n" + *xml));
  EXPECT_FALSE(fhir::looks_like_xml(fhir::write_json(bundle)));
  const auto back = mapping::read_resource(*xml, true, {});
  ASSERT_TRUE(back);
  EXPECT_EQ(back->json, bundle);
}

}  // namespace
}  // namespace myoflag
