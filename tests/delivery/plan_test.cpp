// Which rung, which steps, and that nothing is dropped.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugin/delivery/plan.h"
#include "tests/delivery/fake_ehr.h"
#include "tests/delivery/small_bundle.h"

namespace myoflag::delivery {
namespace {

using fhir::Json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

Site site(const std::string& name) { return *site_of(*load_sites(""), name); }

Plan plan(const Json& statement, const std::string& name) {
  return *plan_of(small_bundle("1"), ability_of(statement), site(name));
}

std::vector<std::string> types(const Plan& plan) {
  std::vector<std::string> out;
  for (const auto& step : plan.steps) {
    out.push_back(step.type);
  }
  return out;
}

Json document_of(const Plan& plan) {
  for (const auto& step : plan.steps) {
    if (step.type == "DocumentReference") {
      return *fhir::read_json(step.body);
    }
  }
  return {};
}

TEST(PlanTest, AServerThatTakesEverythingGetsOneTransaction) {
  const Plan made = plan(generous_statement(), "generic");
  EXPECT_EQ(made.rung, Rung::transaction);
  EXPECT_EQ(made.steps.size(), 8u);
  EXPECT_EQ(made.folded, "");
  EXPECT_EQ(plan(generous_statement(), "hapi").rung, Rung::transaction);
}

TEST(PlanTest, EachRungAsksLessOfTheServer) {
  const std::string all = "create,update,search-type,conditionalCreate,conditionalUpdate";
  const auto statement = [&](bool transaction, bool batch, const std::string& can) {
    std::vector<std::string> list;
    for (const char* type : {"Device", "QuestionnaireResponse", "Observation", "ServiceRequest",
                             "DocumentReference", "Provenance"}) {
      list.push_back(std::string(type) + ":" + can);
    }
    return statement_of(transaction, batch, list);
  };
  EXPECT_EQ(plan(statement(true, true, all), "generic").rung, Rung::transaction);
  EXPECT_EQ(plan(statement(false, true, all), "generic").rung, Rung::batch);
  EXPECT_EQ(plan(statement(false, false, all), "generic").rung, Rung::conditional);
  EXPECT_EQ(plan(statement(false, false, "create,search-type"), "generic").rung, Rung::plain);
  EXPECT_EQ(plan(statement(true, true, "create,search-type"), "generic").rung, Rung::plain)
      << "a transaction whose entries may not be repeated is not sent";
  EXPECT_EQ(plan(statement_of(false, false, {"DocumentReference:create"}), "generic").rung,
            Rung::document);
  EXPECT_EQ(plan(Json::object(), "file").rung, Rung::file);
}

TEST(PlanTest, EpicLikeTakesSingleCreatesAndTheDocumentCarriesTheRest) {
  const Plan made = plan(epic_statement(), "epic-like");
  EXPECT_EQ(made.rung, Rung::plain);
  EXPECT_THAT(types(made), ElementsAre("QuestionnaireResponse", "Observation", "Observation",
                                       "Observation", "ServiceRequest", "DocumentReference"));
  EXPECT_EQ(made.folded, "Device 1, Provenance 1");
}

TEST(PlanTest, MillenniumLikeTakesFewerAndAProfileNeverAdds) {
  const Plan made = plan(millennium_statement(), "millennium-like");
  EXPECT_EQ(made.rung, Rung::plain);
  EXPECT_EQ(made.folded, "Device 1, QuestionnaireResponse 1, ServiceRequest 1");
  EXPECT_EQ(plan(millennium_statement(), "epic-like").folded,
            "Device 1, Provenance 1, QuestionnaireResponse 1, ServiceRequest 1");
}

TEST(PlanTest, WhatIsFoldedIsInTheDocumentAndNamedOnItsPage) {
  const Json document = document_of(plan(epic_statement(), "epic-like"));
  ASSERT_EQ(document.array_of("content").size(), 2u);
  const auto bytes = [&](std::size_t at) {
    const auto text = document.array_of("content")[at].find("attachment")->string_of("data");
    return unbase64_for_test(text);
  };
  EXPECT_THAT(bytes(0), HasSubstr("Device 1, Provenance 1."));
  EXPECT_THAT(bytes(0), HasSubstr("</section>\n</main>"));
  const auto folded = fhir::read_json(bytes(1));
  ASSERT_TRUE(folded);
  EXPECT_EQ(folded->array_of("entry").size(), 2u);
}

TEST(PlanTest, WithoutADocumentNothingIsDroppedSilently) {
  const auto made =
      plan_of(small_bundle("1"), ability_of(statement_of(false, false, {"Observation:create"})),
              site("generic"));
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().text, HasSubstr("MF-3154"));
  EXPECT_FALSE(plan_of(small_bundle("1"), Ability(), site("generic")));
}

TEST(PlanTest, AnElementThatASiteRefusesKeepsItsResourceBack) {
  Json bundle = small_bundle("1");
  Json& first = (*bundle.find("entry")->as_array())[2];
  first.find("resource")->set("modifierExtension", Json::array({Json::object({{"url", "x"}})}));
  const auto made = plan_of(bundle, ability_of(millennium_statement()), site("millennium-like"));
  EXPECT_THAT(made->folded, HasSubstr("Observation 1"));
}

TEST(PlanTest, WavesPutWhatIsReferredToFirst) {
  std::map<std::string, int> waves;
  for (const auto& step : plan(generous_statement(), "generic").steps) {
    waves[step.type] = std::max(waves[step.type], step.wave);
  }
  EXPECT_LT(waves["QuestionnaireResponse"], waves["Observation"]);
  EXPECT_LT(waves["Observation"], waves["Provenance"]);
}

TEST(PlanTest, ACircleOfReferencesEnds) {
  Json bundle = small_bundle("1");
  Json& device = (*bundle.find("entry")->as_array())[0];
  device.find("resource")->set("parent", Json::object({{"reference", urn_of("1", 7)}}));
  EXPECT_EQ(plan_of(bundle, ability_of(generous_statement()), site("generic"))->steps.size(), 8u);
}

TEST(PlanTest, WhatIsNoBundleOfOursIsRefused) {
  for (const Json& bad : {Json(), Json::object(), Json::object({{"entry", Json::array()}}),
                          Json::object({{"entry", Json::array({Json::object()})}})}) {
    EXPECT_FALSE(plan_of(bad, ability_of(generous_statement()), site("generic")));
  }
  Json twice = small_bundle("1");
  const Json first = twice.array_of("entry").front();
  twice.find("entry")->push(first);
  EXPECT_FALSE(plan_of(twice, ability_of(generous_statement()), site("generic")));
}

TEST(PlanTest, TheServersOwnAddressesBecomeRelative) {
  const auto renamed = [](const std::string& reference, const std::string& base) {
    Names names;
    names.base = base;
    Json value = Json::object(
        {{"what", Json::array({Json::object({{"reference", reference}, {"display", "x"}})})}});
    rename(value, names);
    return std::string(value.array_of("what").front().string_of("reference"));
  };
  const struct {
    const char *reference, *base, *expected;
  } cases[] = {
      {"https://ehr/fhir/Observation/1", "https://ehr/fhir", "Observation/1"},
      {"https://ehr/fhir/Observation/1/_history/2", "https://ehr/fhir/",
       "Observation/1/_history/2"},
      {"http://ehr/fhir/Observation/1", "https://ehr/fhir", "Observation/1"},
      {"ftp://ehr/fhir/Observation/1", "https://ehr/fhir", "ftp://ehr/fhir/Observation/1"},
      {"https://ehr/fhir2/Observation/1", "https://ehr/fhir", "https://ehr/fhir2/Observation/1"},
      {"https://other/fhir/Observation/1", "https://ehr/fhir", "https://other/fhir/Observation/1"},
      {"https://ehr/fhir/", "https://ehr/fhir", "https://ehr/fhir/"},
      {"https://ehr/fhir", "https://ehr/fhir", "https://ehr/fhir"},
      {"https://ehr/fhir/Observation/1", "", "https://ehr/fhir/Observation/1"},
      {"/Observation/1", "/", "/Observation/1"},
      {"https:///Observation/1", "https:///", "https:///Observation/1"},
      {"Patient/p1", "https://ehr/fhir", "Patient/p1"},
      {"#p", "https://ehr/fhir", "#p"},
  };
  for (const auto& one : cases) {
    EXPECT_EQ(renamed(one.reference, one.base), one.expected) << one.base;
  }
}

TEST(PlanTest, SearchesAreTakenApart) {
  EXPECT_THAT(parameters_of("identifier=https%3A%2F%2Fx%7C1&status=completed,amended"),
              ElementsAre(Pair("identifier", "https://x|1"), Pair("status", "completed,amended")));
  EXPECT_THAT(parameters_of(""), IsEmpty());
  EXPECT_THAT(parameters_of("a&b=%4&%zz=1"),
              ElementsAre(Pair("a", ""), Pair("b", "%4"), Pair("%zz", "1")));
}

TEST(PlanTest, OnlyWhatCarriesOurNameAnswersASearch) {
  const Json ours = *fhir::read_json(
      R"({"resourceType":"Observation","identifier":[{"value":"1"},{"system":"s","value":"2"}]})");
  EXPECT_TRUE(answers_to(ours, "identifier=s%7C2"));
  EXPECT_FALSE(answers_to(ours, "identifier=s%7C1"));
  EXPECT_FALSE(answers_to(ours, "identifier=s%7C2&status=final"));
  EXPECT_FALSE(answers_to(ours, "code=2")) << "what we do not check ourselves is not believed";
  EXPECT_FALSE(answers_to(ours, ""));
}

TEST(SiteTest, FaultsInAFileAreToldWithTheirLine) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"sites: {}\n", "escalation is missing"},
      {"a: 1\n", ":1: nothing here is called a"},
      {"escalation: {tiers: [x], under-hours: x}\nfolded: {title: a, text: b}\nsites: {}\n", ":1:"},
      {"escalation: {tiers: [x], under-hours: 1}\nfolded: {title: a, text: b}\nsites:\n  a: "
       "{highest: X}\n",
       ":4: the rungs are"},
      {"escalation: {tiers: [x], under-hours: 1}\nfolded: {title: a, text: b}\nsites:\n  a: "
       "{highest: T, takes: {Observation: [delete]}}\n",
       ":4: a server takes create or update"},
      {"escalation: [\n", ":"},
      {"- 1\n", ":1: a map"},
      {"escalation: {tiers: [x], under-hours: 1}\nfolded: {title: a, text: b}\nsites: [1]\n",
       ":3: a map"},
      {"escalation: {tiers: [x], under-hours: 1}\nfolded: {title: a, text: b}\nsites: {a: 1}\n",
       ":3: a map"}};
  for (const auto& [text, expected] : cases) {
    const auto read = read_sites(text, "f.yaml");
    ASSERT_FALSE(read) << text;
    EXPECT_THAT(read.error().text, HasSubstr("MF-3152: f.yaml")) << text;
    EXPECT_THAT(read.error().text, HasSubstr(expected)) << text;
  }
  EXPECT_FALSE(load_sites("/nowhere"));
  EXPECT_FALSE(site_of(*load_sites(""), "unknown"));
}

TEST(SiteTest, UrgentIsWhatTheFileSays) {
  const Urgency urgency = load_sites("")->urgency;
  EXPECT_TRUE(urgency.holds("emergency", std::nullopt));
  EXPECT_TRUE(urgency.holds("urgent", 71));
  EXPECT_FALSE(urgency.holds("urgent", 72));
  EXPECT_FALSE(urgency.holds("soon", std::nullopt));
}

}  // namespace
}  // namespace myoflag::delivery
