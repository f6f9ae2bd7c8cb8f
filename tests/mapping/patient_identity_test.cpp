// Patients are not mixed, whatever says who they are; what is not this patient's, or says that it
// means something else, is left out and said.
#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugin/mapping/intake.h"
#include "tests/mapping/intake_support.h"
#include "tests/support/processor_time.h"

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

Json with(Json resource, std::string_view name, std::string_view json) {
  resource.set(name, parse(json));
  return resource;
}

Json about(std::string_view subject) {
  return with(testing::response_of(testing::harmless()), "subject", subject);
}

Json holding(std::string_view contained, std::string_view subject = R"({"reference":"#p"})") {
  return with(about(subject), "contained", "[" + std::string(contained) + "]");
}

Json patient(std::string_view more = "") {
  return parse(R"({"resourceType":"Patient","id":"p1")" + std::string(more) + "}");
}

Json condition(std::string_view subject = R"({"reference":"Patient/p1"})",
               std::string_view more = "") {
  return parse(R"({"resourceType":"Condition","id":"c1","subject":)" + std::string(subject) +
               R"(,"code":{"text":"Epilepsy"})" + std::string(more) + "}");
}

Json observation(std::string_view more) {
  return parse(
      R"({"resourceType":"Observation","id":"o1","status":"final","code":{"text":"Pulse"},"subject":{"reference":"Patient/p1"})" +
      std::string(more) + "}");
}

constexpr auto mary =
    R"({"resourceType":"Patient","id":"p","identifier":[{"system":"urn:mrn","value":"X"}]})";
constexpr auto nameless = R"({"resourceType":"Patient","id":"p","name":[{"text":"Mary"}]})";
constexpr auto identified_x = R"(,"identifier":[{"system":"urn:mrn","value":"X"}])";
constexpr auto identified_y = R"(,"identifier":[{"system":"urn:mrn","value":"Y"}])";

// The entries in order, each with its fullUrl; empty: none.
Json addressed(const std::vector<std::pair<std::string, Json>>& entries) {
  Json bundle = parse(R"({"resourceType":"Bundle","type":"collection","entry":[]})");
  for (const auto& [url, resource] : entries) {
    Json entry = Json::object({});
    if (!url.empty()) {
      entry.set("fullUrl", url);
    }
    entry.set("resource", resource);
    bundle.find("entry")->push(std::move(entry));
  }
  return bundle;
}

struct WhoseCase {
  const char* name;
  std::function<Json()> input;
  std::vector<std::string> codes;
};

class WhoseItIs : public ::testing::TestWithParam<WhoseCase> {};

TEST_P(WhoseItIs, IsTakenOrRefused) {
  EXPECT_EQ(codes(take(GetParam().input())), GetParam().codes);
}

INSTANTIATE_TEST_SUITE_P(
    Alone, WhoseItIs,
    ::testing::Values(
        WhoseCase{"patient", [] { return about(R"({"reference":"Patient/1"})"); }, {}},
        WhoseCase{"urn", [] { return about(R"({"reference":"urn:uuid:1"})"); }, {}},
        WhoseCase{"contained", [] { return holding(mary); }, {}},
        WhoseCase{"group", [] { return about(R"({"reference":"Group/1"})"); }, {"MF-3016"}},
        WhoseCase{"practitioner",
                  [] { return about(R"({"reference":"https://a.example/Practitioner/3"})"); },
                  {"MF-3016"}},
        WhoseCase{"other_type",
                  [] { return about(R"({"reference":"Patient/1","type":"Group"})"); },
                  {"MF-3016"}},
        WhoseCase{"contained_group",
                  [] {
                    return holding(
                        R"({"resourceType":"Group","id":"p","type":"person","actual":true})");
                  },
                  {"MF-3016"}}),
    [](const auto& one) { return std::string(one.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Beside, WhoseItIs,
    ::testing::Values(
        WhoseCase{"contained_same_identifier",
                  [] {
                    return bundle_of({patient(identified_x), condition(), holding(mary)});
                  },
                  {}},
        WhoseCase{"contained_other_identifier",
                  [] {
                    return bundle_of({patient(identified_y), holding(mary)});
                  },
                  {"MF-3016"}},
        WhoseCase{"contained_without_identifier",
                  [] {
                    return bundle_of({patient(identified_y), holding(nameless)});
                  },
                  {"MF-3016"}},
        WhoseCase{"contained_that_is_missing",
                  [] {
                    return bundle_of({patient(), about(R"({"reference":"#q"})")});
                  },
                  {"MF-3016"}},
        WhoseCase{"http_and_https_and_capitals_and_ports",
                  [] {
                    return addressed(
                        {{"HTTP://EHR.Example/fhir/Patient/p1", patient()},
                         {"https://ehr.example:443/fhir/QuestionnaireResponse/1",
                          with(about(R"({"reference":"Patient/p1"})"), "id", R"("1")")},
                         {"http://ehr.example:80/fhir/Condition/c1", condition()}});
                  },
                  {}},
        WhoseCase{"another_port",
                  [] {
                    return addressed({{"https://ehr.example/fhir/Patient/p1", patient()},
                                      {"", about(R"({"reference":"Patient/p1"})")},
                                      {"https://ehr.example:8443/fhir/Condition/c1", condition()}});
                  },
                  {"MF-3015"}},
        WhoseCase{"another_path_in_capitals",
                  [] {
                    return addressed({{"https://ehr.example/fhir/Patient/p1", patient()},
                                      {"", about(R"({"reference":"Patient/p1"})")},
                                      {"https://ehr.example/FHIR/Condition/c1", condition()}});
                  },
                  {"MF-3015"}},
        WhoseCase{"address_and_id_of_two",
                  [] {
                    return addressed({{"https://ehr.example/fhir/Patient/other", patient()},
                                      {"", about(R"({"reference":"Patient/other"})")}});
                  },
                  {"MF-3036"}},
        WhoseCase{"address_of_another_type",
                  [] {
                    return addressed({{"", about(R"({"reference":"Patient/p1"})")},
                                      {"https://other.example/fhir/Patient/zzz", condition()}});
                  },
                  {"MF-3036"}},
        WhoseCase{"address_of_another_type_and_the_same_id",
                  [] {
                    return addressed({{"", about(R"({"reference":"Patient/p1"})")},
                                      {"https://ehr.example/fhir/Observation/p1", patient()}});
                  },
                  {"MF-3036"}},
        WhoseCase{"one_address_of_two_resources",
                  [] {
                    return addressed({{"", about(R"({"reference":"Patient/p1"})")},
                                      {"https://ehr.example/fhir/Condition/c1", condition()},
                                      {"https://ehr.example/fhir/Condition/c1",
                                       condition(R"({"reference":"Patient/p1"})",
                                                 R"(,"recordedDate":"2026")")}});
                  },
                  {"MF-3036"}},
        WhoseCase{"one_urn_of_two_resources",
                  [] {
                    constexpr auto urn = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0";
                    return addressed({{"", about(R"({"reference":"Patient/p1"})")},
                                      {urn, condition()},
                                      {urn, patient()}});
                  },
                  {"MF-3036"}},
        WhoseCase{"one_address_twice_with_the_same",
                  [] {
                    return addressed({{"", about(R"({"reference":"Patient/p1"})")},
                                      {"https://ehr.example/fhir/Condition/c1", condition()},
                                      {"https://ehr.example/fhir/Condition/c1", condition()}});
                  },
                  {}},
        WhoseCase{"one_address_of_two_versions",
                  [] {
                    const auto version = [](const char* id) {
                      return condition(R"({"reference":"Patient/p1"})",
                                       std::string(R"(,"meta":{"versionId":")") + id + R"("})");
                    };
                    return addressed({{"", about(R"({"reference":"Patient/p1"})")},
                                      {"https://ehr.example/fhir/Condition/c1", version("1")},
                                      {"https://ehr.example/fhir/Condition/c1", version("2")}});
                  },
                  {}},
        WhoseCase{
            "subject_of_two_minds",
            [] {
              return bundle_of(
                  {patient(identified_y),
                   about(
                       R"({"reference":"Patient/p1","identifier":{"system":"urn:mrn","value":"X"}})")});
            },
            {"MF-3016"}},
        WhoseCase{
            "record_of_two_minds",
            [] {
              return bundle_of(
                  {patient(identified_y), about(R"({"reference":"Patient/p1"})"),
                   condition(
                       R"({"reference":"Patient/p1","identifier":{"system":"urn:mrn","value":"X"}})")});
            },
            {"MF-3015"}},
        WhoseCase{
            "identifier_of_an_unknown_system",
            [] {
              return bundle_of(
                  {patient(identified_y), about(R"({"reference":"Patient/p1"})"),
                   condition(
                       R"({"reference":"Patient/p1","identifier":{"system":"urn:nhs","value":"X"}})")});
            },
            {}},
        WhoseCase{"two_patients_of_one_id",
                  [] {
                    return bundle_of({patient(identified_x), patient(identified_y),
                                      about(R"({"reference":"Patient/p1"})")});
                  },
                  {"MF-3014"}},
        WhoseCase{
            "one_of_several_identifiers_agrees",
            [] {
              return bundle_of(
                  {patient(identified_x),
                   patient(
                       R"(,"identifier":[{"system":"urn:mrn","value":"X"},{"system":"urn:mrn","value":"old"}])"),
                   about(R"({"reference":"Patient/p1"})")});
            },
            {}},
        WhoseCase{"two_servers",
                  [] {
                    return addressed(
                        {{"", about(R"({"reference":"Patient/1"})")},
                         {"", condition(R"({"reference":"https://a.example/fhir/Patient/1"})")},
                         {"", condition(R"({"reference":"https://b.example/fhir/Patient/1"})")}});
                  },
                  {"MF-3015"}},
        WhoseCase{"two_servers_by_their_entries",
                  [] {
                    return addressed({{"", about(R"({"reference":"Patient/1"})")},
                                      {"https://a.example/fhir/Condition/c1",
                                       condition(R"({"reference":"Patient/1"})")},
                                      {"https://b.example/fhir/Condition/c1",
                                       condition(R"({"reference":"Patient/1"})")}});
                  },
                  {"MF-3015"}},
        WhoseCase{"one_server",
                  [] {
                    return addressed(
                        {{"", about(R"({"reference":"Patient/1"})")},
                         {"", condition(R"({"reference":"https://a.example/fhir/Patient/1"})")},
                         {"", condition(R"({"reference":"Patient/1"})")},
                         {"", condition(R"({"reference":"https://a.example/fhir/Patient/1"})")}});
                  },
                  {}}),
    [](const auto& one) { return std::string(one.param.name); });

struct LeftOutCase {
  const char* name;
  Json resource;
};

class LeftOut : public ::testing::TestWithParam<LeftOutCase> {};

TEST_P(LeftOut, IsSaidAndTheRecordIsIncomplete) {
  const auto intake =
      take(bundle_of({patient(), about(R"({"reference":"Patient/p1"})"), GetParam().resource}));
  ASSERT_TRUE(intake);
  EXPECT_THAT(intake->record, SizeIs(1));
  EXPECT_THAT(intake->record_problems, SizeIs(1));
  EXPECT_FALSE(intake->record_complete);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, LeftOut,
    ::testing::Values(
        LeftOutCase{"modified",
                    condition(R"({"reference":"Patient/p1"})",
                              R"(,"modifierExtension":[{"url":"urn:not","valueBoolean":true}])")},
        LeftOutCase{
            "modified_inside",
            observation(
                R"(,"component":[{"code":{"text":"x"},"modifierExtension":[{"url":"urn:not","valueBoolean":true}]}])")},
        LeftOutCase{"under_implicit_rules",
                    condition(R"({"reference":"Patient/p1"})", R"(,"implicitRules":"urn:rules")")},
        LeftOutCase{"focused_on_a_child",
                    observation(R"(,"focus":[{"reference":"Patient/baby"}])")},
        LeftOutCase{"focused_on_a_device", observation(R"(,"focus":[{"reference":"Device/1"}])")},
        LeftOutCase{"focused_on_words", observation(R"(,"focus":[{"display":"fetus"}])")},
        LeftOutCase{"of_a_group", condition(R"({"reference":"Group/1"})")},
        LeftOutCase{"of_a_contained_patient", condition(R"({"reference":"#x"})")},
        LeftOutCase{"dispense_of_nobody",
                    parse(R"({"resourceType":"MedicationDispense","id":"d","status":"completed",
                              "medicationCodeableConcept":{"text":"Lithium"}})")}),
    [](const auto& one) { return std::string(one.param.name); });

// Where nobody is named, what was set aside may be this patient's, whatever it is.
TEST(Intake, ARecordOfNobodyBesideAResponseOfNobodyForbidsReassurance) {
  Json response = about(R"({"display":"x"})");
  response.erase("subject");
  Json nail = condition("{}");
  nail.erase("subject");
  const auto intake = take(bundle_of({response, nail}));
  ASSERT_TRUE(intake);
  EXPECT_TRUE(intake->record_missing);
  EXPECT_THAT(intake->record_problems, SizeIs(1));
  const auto named = take(bundle_of({about(R"({"reference":"Patient/p1"})"), nail}));
  ASSERT_TRUE(named);
  EXPECT_FALSE(named->record_missing);
}

TEST(Intake, ADeviceOfNobodyIsNeitherUsedNorTold) {
  const auto device =
      parse(R"({"resourceType":"Device","deviceName":[{"name":"Myoflag","type":"other"}]})");
  const auto intake = take(bundle_of({about(R"({"reference":"Patient/p1"})"), device}));
  ASSERT_TRUE(intake);
  EXPECT_THAT(intake->record, IsEmpty());
  EXPECT_THAT(intake->set_aside, IsEmpty());
  EXPECT_THAT(intake->record_problems, IsEmpty());
}

TEST(Intake, AnObservationFocusedOnThePatientIsUsed) {
  const auto intake = take(bundle_of({patient(), about(R"({"reference":"Patient/p1"})"),
                                      observation(R"(,"focus":[{"reference":"Patient/p1"}])")}));
  ASSERT_TRUE(intake);
  EXPECT_THAT(intake->record, SizeIs(2));
  EXPECT_THAT(intake->record_problems, IsEmpty());
}

TEST(Intake, AModifiedPatientIsNotUsed) {
  const auto intake =
      take(bundle_of({patient(R"(,"birthDate":"1940-01-01","implicitRules":"urn:rules")"),
                      about(R"({"reference":"Patient/p1"})")}));
  ASSERT_TRUE(intake);
  EXPECT_THAT(intake->record, IsEmpty());
  EXPECT_FALSE(intake->record_complete);
}

TEST(Intake, EveryPatientResourceOfThePersonIsRead) {
  const auto intake = take(
      bundle_of({patient(R"(,"birthDate":"1996-01-01")"), patient(R"(,"birthDate":"1940-01-01")"),
                 about(R"({"reference":"Patient/p1"})")}));
  ASSERT_TRUE(intake);
  EXPECT_THAT(intake->record, SizeIs(2));
}

std::vector<std::string> references(const Json& bundle) {
  const auto intake = take(bundle);
  std::vector<std::string> out;
  for (const auto& resource : intake ? intake->record : std::vector<mapping::RecordResource>{}) {
    out.push_back(resource.reference);
  }
  return out;
}

TEST(Intake, ReferencesIntoAnotherServerAreAbsolute) {
  const auto response = about(R"({"reference":"https://a.example/fhir/Patient/p1"})");
  const auto record = condition(R"({"reference":"https://a.example/fhir/Patient/p1"})");
  EXPECT_THAT(references(addressed({{"https://a.example/fhir/QuestionnaireResponse/r1", response},
                                    {"https://lab.example/fhir/Condition/c1", record},
                                    {"https://a.example/fhir/Condition/c1", record},
                                    {"", record}})),
              ElementsAre("https://lab.example/fhir/Condition/c1", "Condition/c1", "Condition/c1"));
  EXPECT_THAT(references(addressed({{"", response},
                                    {"https://a.example/fhir/Patient/p1", patient()},
                                    {"https://a.example/fhir/Condition/c1", record}})),
              ElementsAre("Patient/p1", "Condition/c1"));
}

TEST(Intake, WhatIsAboutToBeCreatedHasNoIdYet) {
  Json bundle = addressed({{"urn:uuid:1", patient()},
                           {"urn:uuid:2", condition(R"({"reference":"urn:uuid:1"})")},
                           {"urn:uuid:3", about(R"({"reference":"urn:uuid:1"})")}});
  bundle.set("type", "transaction");
  for (auto& entry : *bundle.find("entry")->as_array()) {
    entry.set("request", parse(R"({"method":"POST","url":"x"})"));
  }
  const auto intake = take(bundle);
  ASSERT_TRUE(intake);
  EXPECT_EQ(intake->patient, "");
  EXPECT_THAT(references(bundle), ElementsAre("urn:uuid:1", "urn:uuid:2"));
  bundle.find("entry")->push(Json::object({{"resource", condition()}}));
  EXPECT_THAT(codes(take(bundle)), ElementsAre("MF-3015"));
}

// Pairwise comparison takes many times as long.
void expect_quick(const std::vector<Json>& resources) {
  Json bundle = bundle_of(resources);
  const double start = myoflag::timing::processor_seconds();
  (void)take(std::move(bundle));
  EXPECT_LT(myoflag::timing::processor_seconds() - start, 10 * myoflag::timing::kSlowness);
}

TEST(Intake, ManyIdentifiersAndManyPatientsAreQuick) {
  const auto identified = [](std::string_view prefix) {
    Json one = patient();
    Json list = Json::array();
    for (int i = 0; i < 60000; ++i) {
      list.push(Json::object({{"value", std::string(prefix) + std::to_string(i)}}));
    }
    one.set("identifier", std::move(list));
    return one;
  };
  const auto response = about(R"({"reference":"Patient/p1"})");
  expect_quick({identified("a"), identified("b"), response});
  std::vector<Json> many(20000, patient());
  many.push_back(identified("a"));
  many.push_back(response);
  expect_quick(many);
}

}  // namespace
}  // namespace myoflag
