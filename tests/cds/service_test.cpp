// Whole calls: every state of every part of the record, the cards of the samples as golden files.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fhir/convert.h"
#include "fhir/datetime.h"
#include "plugin/cds/hook_request.h"
#include "plugin/cds/service.h"
#include "plugin/knowledge/knowledge.h"
#include "plugin/mapping/code_system.h"
#include "tests/cds/card_rules.h"

namespace myoflag::cds {
namespace {

using fhir::Json;
using myoflag::testing::faults_of_cards;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::string root = MYOFLAG_SOURCE_DIR;
const rules::Instant now = fhir::earliest(*fhir::parse_instant("2026-11-22T09:00:00Z"));

const Assessor& assessor() {
  static const Assessor one(embedded_knowledge());
  return one;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The resource of a sample, whatever its form.
Json sample(const std::string& name) {
  for (const auto* file : {"response.json", "bundle.json"}) {
    const auto text = read_file(fmt::format("{}/samples/{}/{}", root, name, file));
    if (!text.empty()) {
      return *fhir::read_json(text);
    }
  }
  for (const auto* file : {"response.xml", "bundle.xml"}) {
    const auto text = read_file(fmt::format("{}/samples/{}/{}", root, name, file));
    if (!text.empty()) {
      return fhir::xml_to_json(text)->resource;
    }
  }
  throw std::runtime_error("no such sample: " + name);
}

Json searchset(Json::Array resources) {
  Json entries = Json::array();
  for (auto& resource : resources) {
    entries.push(Json::object({{"resource", std::move(resource)}}));
  }
  Json bundle = Json::object({{"resourceType", "Bundle"}, {"type", "searchset"}});
  bundle.set_if("entry", std::move(entries));
  return bundle;
}

std::string_view key_of(const Json& resource) {
  const auto type = resource.string_of("resourceType");
  if (type == "Observation") {
    return "labs";
  }
  for (const auto& asked : kTemplates) {
    if (asked.type == type) {
      return asked.key;
    }
  }
  return {};
}

// The service asks for prescriptions; a statement stands for one of the same medicine.
Json as_asked(Json resource) {
  if (resource.string_of("resourceType") == "MedicationStatement") {
    resource.set("resourceType", "MedicationRequest");
    resource.set("intent", "order");
  }
  return resource;
}

std::string patient_of(const Json& resource) {
  const auto reference = resource.find("subject")->string_of("reference");
  return std::string(reference.substr(reference.rfind('/') + 1));
}

struct Call {
  std::string patient;
  std::map<std::string_view, Json::Array> resources;

  // What an EHR sends that has just these resources.
  Json prefetch() const {
    Json result = Json::object();
    for (const auto& asked : kTemplates) {
      const auto found = resources.find(asked.key);
      if (asked.key == "patient") {
        result.set("patient", found == resources.end()
                                  ? Json::object({{"resourceType", "Patient"}, {"id", patient}})
                                  : found->second.front());
      } else {
        result.set(asked.key, found == resources.end() ? Json() : searchset(found->second));
      }
    }
    return result;
  }
};

Call call_of(const std::string& name) {
  Call call;
  Json resource = sample(name);
  Json::Array all{resource};
  if (resource.string_of("resourceType") == "Bundle") {
    all.clear();
    for (const auto& entry : resource.array_of("entry")) {
      all.push_back(as_asked(*entry.find("resource")));
    }
  }
  for (auto& one : all) {
    if (one.string_of("resourceType") == "QuestionnaireResponse") {
      call.patient = patient_of(one);
    }
    const auto key = key_of(one);
    if (!key.empty()) {
      call.resources[key].push_back(std::move(one));
    }
  }
  return call;
}

Json request(std::string_view hook, const std::string& patient, Json prefetch) {
  Json context = Json::object({{"userId", "Practitioner/7"},
                               {"patientId", patient},
                               {"encounterId", "e1"},
                               {"selections", Json::array()},
                               {"draftOrders", searchset({})},
                               {"appointments", Json::array()}});
  return Json::object({{"hook", hook},
                       {"hookInstance", "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"},
                       {"context", std::move(context)},
                       {"prefetch", std::move(prefetch)}});
}

CardSettings site() {
  return {"", "https://intake.example/form", "https://myoflag.example/launch"};
}

Answer ask(const Json& json, const CardSettings& settings = site()) {
  const auto answer = Service(assessor(), settings).answer(fhir::write_json(json), now);
  if (answer.status == 200) {
    EXPECT_THAT(faults_of_cards(answer.cards), IsEmpty());
  }
  return answer;
}

// The only card; an empty object where there is none.
Json card_of(const Answer& answer) {
  EXPECT_EQ(answer.status, 200) << fhir::write_json(fhir::operation_outcome(answer.issues));
  const auto& cards = answer.cards.array_of("cards");
  EXPECT_EQ(cards.size(), 1u);
  return cards.empty() ? Json::object() : cards.front();
}

std::string code_of(const Answer& answer) {
  return answer.issues.empty() ? "" : answer.issues.front().code;
}

// ---- the samples

class SampleCards : public ::testing::TestWithParam<const char*> {};

TEST_P(SampleCards, AreAsTheGoldenFileSays) {
  const auto call = call_of(GetParam());
  const auto answer = ask(request("patient-view", call.patient, call.prefetch()));
  ASSERT_EQ(answer.status, 200);
  const auto text = fhir::write_json(answer.cards, fhir::JsonStyle::pretty);
  const auto path = fmt::format("{}/tests/cds/golden/{}.json", root, GetParam());
  if (std::getenv("MYOFLAG_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << text;
  }
  EXPECT_EQ(text, read_file(path));
}

INSTANTIATE_TEST_SUITE_P(Cds, SampleCards,
                         ::testing::Values("child", "contradiction", "critical-calcium",
                                           "eyelid-coffee", "free-text", "hand-weakness",
                                           "left-open", "lithium-conflict", "night-cramps",
                                           "not-sure", "old-answers", "something-new",
                                           "stroke-signs", "worried-student"));

TEST(CdsService, TheSameCallGivesTheSameCardOnEveryHook) {
  const auto call = call_of("critical-calcium");
  const auto first = ask(request("patient-view", call.patient, call.prefetch()));
  for (const auto hook : kHooks) {
    EXPECT_EQ(ask(request(hook, call.patient, call.prefetch())).cards, first.cards) << hook;
  }
}

TEST(CdsService, IndicatorsFollowTheUrgency) {
  const std::pair<const char*, const char*> expected[] = {{"stroke-signs", "critical"},
                                                          {"hand-weakness", "warning"},
                                                          {"worried-student", "info"},
                                                          {"eyelid-coffee", "info"}};
  for (const auto& [name, indicator] : expected) {
    const auto call = call_of(name);
    const auto card = card_of(ask(request("patient-view", call.patient, call.prefetch())));
    EXPECT_EQ(card.string_of("indicator"), indicator) << name;
  }
}

// ---- the states of the record

Json outcome() {
  return Json::object(
      {{"resourceType", "OperationOutcome"},
       {"issue", Json::array({Json::object({{"severity", "error"}, {"code", "timeout"}})})}});
}

Json paged(Json bundle) {
  bundle.set(
      "link",
      Json::array({Json::object({{"relation", "next"}, {"url", "https://ehr.example/next"}})}));
  return bundle;
}

struct Way {
  const char* name;
  State state;
  std::function<void(Json& prefetch, std::string_view key)> make;
};

std::vector<Way> ways() {
  const auto bundle = [](const Json& prefetch, std::string_view key) {
    const auto* value = prefetch.find(key);
    return value->string_of("resourceType") == "Bundle" ? *value
           : value->is_null()                           ? searchset({})
                                                        : searchset({*value});
  };
  return {
      {"given", State::given, [](Json&, std::string_view) {}},
      {"no data", State::no_data,
       [](Json& prefetch, std::string_view key) { prefetch.set(key, nullptr); }},
      {"key missing", State::not_provided,
       [](Json& prefetch, std::string_view key) { prefetch.erase(key); }},
      {"bare string", State::not_provided,
       [](Json& prefetch, std::string_view key) { prefetch.set(key, "123"); }},
      {"outcome", State::failed,
       [](Json& prefetch, std::string_view key) { prefetch.set(key, outcome()); }},
      {"outcome in a Bundle", State::failed,
       [](Json& prefetch, std::string_view key) { prefetch.set(key, searchset({outcome()})); }},
      {"further pages", State::paged,
       [bundle](Json& prefetch, std::string_view key) {
         prefetch.set(key, paged(bundle(prefetch, key)));
       }},
      {"another type", State::unusable,
       [](Json& prefetch, std::string_view key) {
         prefetch.set(key, Json::object({{"resourceType", "Basic"}}));
       }},
      {"another Bundle", State::unusable,
       [](Json& prefetch, std::string_view key) {
         prefetch.set(key, Json::object({{"resourceType", "Bundle"}, {"type", "history"}}));
       }},
      {"no FHIR", State::unusable,
       [](Json& prefetch, std::string_view key) {
         prefetch.set(key, Json::object({{"a", 1}}));
       }},
  };
}

const Template& template_of(std::string_view key) {
  return *std::find_if(kTemplates.begin(), kTemplates.end(),
                       [&](const Template& one) { return one.key == key; });
}

TEST(CdsService, EveryStateOfEveryPartIsSaidOnTheCard) {
  const auto call = call_of("critical-calcium");
  const auto& knowledge = *assessor().knowledge();
  for (const auto& asked : kTemplates) {
    if (asked.key == "intake") {
      continue;
    }
    for (const auto& way : ways()) {
      auto prefetch = call.prefetch();
      way.make(prefetch, asked.key);
      SCOPED_TRACE(fmt::format("{}: {}", asked.key, way.name));
      const bool untouched = way.state == State::given;
      if (!untouched) {
        EXPECT_EQ(read_source(prefetch, asked).state, way.state);
      }
      const auto card = card_of(ask(request("patient-view", call.patient, prefetch)));
      const std::string detail(card.string_of("detail"));
      const auto& name = knowledge.text(asked.name);
      EXPECT_THAT(detail, HasSubstr(name));
      if (is_missing(way.state)) {
        EXPECT_THAT(detail, HasSubstr("nothing of it is known here"));
      }
      if (way.state == State::paged) {
        EXPECT_THAT(detail, HasSubstr("further pages"));
      }
      EXPECT_THAT(detail, Not(HasSubstr("Bundle.entry")));
    }
  }
}

TEST(CdsService, WithoutTheRecordTheAnswersStillCountAndAllIsNamed) {
  const auto call = call_of("stroke-signs");
  for (const auto& way : ways()) {
    auto prefetch = call.prefetch();
    for (const auto& asked : kTemplates) {
      if (asked.key != "intake") {
        way.make(prefetch, asked.key);
      }
    }
    const auto card = card_of(ask(request("patient-view", call.patient, prefetch)));
    EXPECT_EQ(card.string_of("indicator"), "critical") << way.name;
    if (is_missing(way.state)) {
      for (const auto& asked : kTemplates) {
        if (asked.key != "intake") {
          EXPECT_THAT(std::string(card.string_of("detail")),
                      HasSubstr(assessor().knowledge()->text(asked.name)))
              << way.name;
        }
      }
    }
  }
}

TEST(CdsService, WhatCannotBeKnownAboutTheAnswersIs412) {
  const auto call = call_of("stroke-signs");
  for (const auto& way : ways()) {
    auto prefetch = call.prefetch();
    way.make(prefetch, "intake");
    const auto answer = ask(request("patient-view", call.patient, prefetch));
    SCOPED_TRACE(way.name);
    if (way.state == State::given || way.state == State::paged) {
      EXPECT_EQ(card_of(answer).string_of("indicator"), "critical");
    } else if (way.state == State::no_data) {
      EXPECT_EQ(answer.status, 200);
      EXPECT_TRUE(answer.cards.array_of("cards").empty());
    } else {
      EXPECT_EQ(answer.status, 412);
      EXPECT_EQ(code_of(answer), way.state == State::not_provided ? "MF-4225" : "MF-4226");
      EXPECT_EQ(answer.issues.front().place, "prefetch.intake");
    }
  }
}

TEST(CdsService, OtherFormsAreNoAnswersUnlessThereMayBeMore) {
  const Json other = Json::object({{"resourceType", "QuestionnaireResponse"},
                                   {"status", "completed"},
                                   {"questionnaire", "https://other.example/form"}});
  Json prefetch = Json::object({{"intake", searchset({other})}});
  EXPECT_TRUE(ask(request("patient-view", "p1", prefetch)).cards.array_of("cards").empty());
  prefetch.set("intake", paged(searchset({other})));
  EXPECT_EQ(ask(request("patient-view", "p1", prefetch)).status, 412);
  prefetch.set("intake", searchset({other, outcome()}));
  EXPECT_EQ(ask(request("patient-view", "p1", prefetch)).status, 412);
}

TEST(CdsService, NoPrefetchAtAllIs412) {
  Json json = request("patient-view", "p1", Json::object());
  json.erase("prefetch");
  EXPECT_EQ(ask(json).status, 412);
}

TEST(CdsService, BeforeAVisitTheFormIsOfferedWhereASiteHasOne) {
  const Json prefetch = Json::object({{"intake", nullptr}});
  for (const auto hook : kHooks) {
    const bool before = hook == "appointment-book" || hook == "encounter-start";
    const auto answer = ask(request(hook, "p1", prefetch));
    ASSERT_EQ(answer.cards.array_of("cards").size(), before ? 1u : 0u) << hook;
    if (before) {
      const auto card = card_of(answer);
      EXPECT_EQ(card.string_of("indicator"), "info");
      EXPECT_EQ(card.array_of("links").front().string_of("url"), "https://intake.example/form");
    }
    EXPECT_TRUE(ask(request(hook, "p1", prefetch), {}).cards.array_of("cards").empty()) << hook;
  }
}

TEST(CdsService, PatientsGetNoClinicianCard) {
  const auto call = call_of("stroke-signs");
  for (const auto* user : {"Patient/1", "RelatedPerson/1"}) {
    Json json = request("patient-view", call.patient, call.prefetch());
    json.find("context")->set("userId", user);
    const auto answer = ask(json);
    EXPECT_EQ(fhir::write_json(answer.cards), R"({"cards":[]})");
  }
}

// ---- two patients

TEST(CdsService, TwoPatientsAreNeverMixed) {
  const auto call = call_of("critical-calcium");
  const auto answer = ask(request("patient-view", "somebody-else", call.prefetch()));
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(code_of(answer), "MF-4224");

  auto without_patient = call.prefetch();
  without_patient.erase("patient");
  const auto foreign = ask(request("patient-view", "somebody-else", without_patient));
  EXPECT_EQ(foreign.status, 400);
  EXPECT_EQ(code_of(foreign), "MF-4224");
  EXPECT_EQ(foreign.issues.front().place, "prefetch.intake.entry[0].resource.subject");

  auto with_foreign = call.prefetch();
  with_foreign.set(
      "conditions",
      searchset({Json::object({{"resourceType", "Condition"},
                               {"subject", Json::object({{"reference", "Patient/other"}})}})}));
  const auto mixed = ask(request("patient-view", call.patient, with_foreign));
  EXPECT_EQ(mixed.status, 400);
  EXPECT_EQ(code_of(mixed), "MF-3015");
  EXPECT_EQ(mixed.issues.front().place, "prefetch.conditions.entry[0].resource");
}

// ---- what cannot be judged

TEST(CdsService, AnswersThatCannotBeJudgedAreACardThatSaysSo) {
  const auto call = call_of("broken-on-purpose");
  const auto card = card_of(ask(request("patient-view", call.patient, call.prefetch())));
  EXPECT_EQ(card.string_of("indicator"), "warning");
  EXPECT_THAT(std::string(card.string_of("detail")), HasSubstr("nothing is excluded"));
  EXPECT_THAT(std::string(card.string_of("detail")), HasSubstr("MF-14"));
  EXPECT_FALSE(card.has("suggestions"));
}

TEST(CdsService, APartOfTheRecordThatIsNoFhirDoesNotHideTheAnswers) {
  const auto call = call_of("stroke-signs");
  auto prefetch = call.prefetch();
  Json bundle = searchset({});
  bundle.set("surprise", "x");
  prefetch.set("labs", bundle);
  prefetch.set("meds", searchset({Json::object({{"resourceType", "Nonsense"}})}));
  const auto card = card_of(ask(request("patient-view", call.patient, prefetch)));
  EXPECT_EQ(card.string_of("indicator"), "critical");
  EXPECT_THAT(std::string(card.string_of("detail")), HasSubstr("what came as laboratory results"));
  EXPECT_THAT(std::string(card.string_of("detail")), HasSubstr("what came as active medicines"));
}

// However much else is wrong: what did not come at all is the larger doubt.
TEST(CdsService, ManyBrokenEntriesHideNoPartThatIsMissing) {
  const auto call = call_of("worried-student");
  auto prefetch = call.prefetch();
  Json::Array broken;
  for (int i = 0; i < 40; ++i) {
    broken.push_back(Json::object({{"resourceType", "Observation"}, {"odd", i}}));
  }
  Json labs = searchset(broken);
  labs.set("odd", "x");
  prefetch.set("labs", std::move(labs));
  prefetch.set("meds", Json::object({{"resourceType", "OperationOutcome"}}));
  prefetch.set("conditions", paged(searchset({})));
  prefetch.erase("orders");
  const auto card = card_of(ask(request("patient-view", call.patient, prefetch)));
  const std::string detail(card.string_of("detail"));
  EXPECT_THAT(detail, HasSubstr("the record could not give active medicines"));
  EXPECT_THAT(detail, HasSubstr("active orders did not come with the request"));
  EXPECT_THAT(detail, HasSubstr("a search result has further pages"));
  EXPECT_THAT(detail, HasSubstr("more to say about it than is listed"));
}

// ---- a Bundle with something odd in it

void add_entry(Json& prefetch, std::string_view key, Json entry) {
  Json bundle = *prefetch.find(key);
  if (!bundle.is_object()) {
    bundle = searchset({});
  }
  Json entries = bundle.has("entry") ? *bundle.find("entry") : Json::array();
  entries.push(std::move(entry));
  bundle.set("entry", std::move(entries));
  prefetch.set(key, std::move(bundle));
}

Json entry_of(Json resource) { return Json::object({{"resource", std::move(resource)}}); }

// One sure way from an emergency to calm is to lose the result with the Bundle around it.
TEST(CdsService, OneOddMemberOfABundleLosesNothingElse) {
  const auto call = call_of("critical-calcium");
  const std::pair<const char*, std::function<void(Json & labs, Json & prefetch)>> odd[] = {
      {"total", [](Json& labs, Json&) { labs.set("total", "1"); }},
      {"Bundle", [](Json& labs, Json&) { labs.set("surprise", "x"); }},
      {"entry 1)",
       [](Json& labs, Json&) {
         labs.find("entry")->as_array()->front().set("search", Json::object({{"score", "1"}}));
       }},
      {"entry 3)",
       [](Json&, Json& prefetch) {
         add_entry(prefetch, "labs", entry_of(Json::object({{"resourceType", "Nonsense"}})));
       }},
      {"entry 3)",
       [](Json&, Json& prefetch) {
         add_entry(prefetch, "labs", entry_of(Json::object({{"resourceType", "Practitioner"}})));
       }},
      {"entry 3)", [](Json&, Json& prefetch) { add_entry(prefetch, "labs", Json::object({})); }},
      {"entry 3)", [](Json&, Json& prefetch) { add_entry(prefetch, "labs", "text"); }},
  };
  for (const auto& [part, make] : odd) {
    auto prefetch = call.prefetch();
    make(*prefetch.find("labs"), prefetch);
    EXPECT_EQ(read_source(prefetch, template_of("labs")).state, State::partial) << part;
    const auto card = card_of(ask(request("patient-view", call.patient, prefetch)));
    EXPECT_EQ(card.string_of("indicator"), "critical") << part;
    EXPECT_THAT(std::string(card.string_of("summary")), HasSubstr("Emergency")) << part;
    // The detail escapes brackets.
    std::string detail(card.string_of("detail"));
    std::erase(detail, '\\');
    EXPECT_THAT(detail, HasSubstr(fmt::format("laboratory results ({}", part)));
    EXPECT_THAT(detail, HasSubstr("cannot support reassurance")) << part;
  }
}

// An entry that cannot be used is named by what was asked for, not by its number in our input.
TEST(CdsService, WhatCouldNotBeUsedIsNamedByWhatWasAskedFor) {
  const auto call = call_of("worried-student");
  auto prefetch = call.prefetch();
  add_entry(prefetch, "labs", entry_of(*fhir::read_json(R"({"resourceType":"Observation",
      "id":"o1","status":"final","code":{"text":"potassium"}})")));
  const auto card = card_of(ask(request("patient-view", call.patient, prefetch)));
  const std::string detail(card.string_of("detail"));
  EXPECT_THAT(detail, HasSubstr("laboratory results was not used, because it does not say"));
  EXPECT_THAT(detail, Not(HasSubstr("of what was sent")));
}

TEST(CdsService, WhatDidNotComeForbidsReassuranceUnlessItWasNotAsked) {
  const auto call = call_of("worried-student");
  for (const auto& asked : kTemplates) {
    for (const auto& way : ways()) {
      if (asked.key == "intake" && way.state != State::paged) {
        continue;
      }
      auto prefetch = call.prefetch();
      way.make(prefetch, asked.key);
      const auto card = card_of(ask(request("patient-view", call.patient, prefetch)));
      const bool warned =
          std::string(card.string_of("detail")).find("form cannot support reassurance") !=
          std::string::npos;
      EXPECT_EQ(warned, is_doubtful(way.state)) << asked.key << ": " << way.name;
    }
  }
}

Json with_total(Json bundle, int total) {
  bundle.set("total", total);
  return bundle;
}

Json remark() {
  return *fhir::read_json(
      R"({"resourceType":"OperationOutcome","issue":[{"severity":"warning","code":"informational"}]})");
}

TEST(CdsService, StatesOfSearches) {
  const Json lab = Json::object({{"resourceType", "Observation"}});
  const Json condition = Json::object({{"resourceType", "Condition"}});
  const Json patient = Json::object({{"resourceType", "Patient"}, {"id", "p1"}});
  const auto included = [&](Json bundle) {
    Json prefetch = Json::object({{"labs", std::move(bundle)}});
    Json entry = entry_of(patient);
    entry.set("search", Json::object({{"mode", "include"}}));
    add_entry(prefetch, "labs", std::move(entry));
    return *prefetch.find("labs");
  };
  const std::tuple<const char*, Json, State> cases[] = {
      {"labs", searchset({}), State::no_data},
      {"labs", searchset({remark()}), State::no_data},
      {"labs", searchset({remark(), outcome()}), State::failed},
      {"labs", searchset({lab, remark()}), State::given},
      {"labs", searchset({lab, outcome()}), State::partial},
      {"labs", searchset({condition}), State::unusable},
      {"labs", searchset({condition, lab}), State::partial},
      {"labs", searchset({patient, lab}), State::partial},
      {"labs", included(searchset({lab})), State::given},
      {"labs", with_total(included(searchset({lab})), 1), State::given},
      {"labs", with_total(included(searchset({lab})), 2), State::paged},
      {"labs", with_total(searchset({}), 1), State::paged},
      {"patient", searchset({patient}), State::given},
      {"patient", searchset({}), State::unusable},
      {"patient", searchset({patient, patient}), State::unusable},
  };
  int number = 0;
  for (const auto& [key, bundle, state] : cases) {
    EXPECT_EQ(read_source(Json::object({{key, bundle}}), template_of(key)).state, state)
        << "case " << number;
    ++number;
  }
}

TEST(CdsService, NoAnswersOnlyWhereAllThatCameIsReadAndAnotherForms) {
  const auto form = [](const char* text) { return *fhir::read_json(text); };
  const Json other = form(
      R"({"resourceType":"QuestionnaireResponse","status":"completed","questionnaire":"https://other.example/form"})");
  const Json unnamed = form(R"({"resourceType":"QuestionnaireResponse","status":"completed"})");
  const Json broken = form(
      R"({"resourceType":"QuestionnaireResponse","status":"completed","questionnaire":"https://other.example/form","item":7})");
  const std::pair<Json, int> cases[] = {
      {other, 200},
      {searchset({other, remark()}), 200},
      {searchset({remark()}), 200},
      {with_total(searchset({other}), 1), 200},
      {with_total(searchset({other}), 2), 412},
      {searchset({other, unnamed}), 412},
      {unnamed, 412},
      {searchset({broken}), 412},
      {searchset({other, Json::object({{"resourceType", "Nonsense"}})}), 412},
      {searchset({other, Json::object({{"resourceType", "Observation"}})}), 412},
  };
  int number = 0;
  for (const auto& [intake, status] : cases) {
    const auto answer = ask(request("patient-view", "p1", Json::object({{"intake", intake}})));
    EXPECT_EQ(answer.status, status) << "case " << number;
    EXPECT_TRUE(answer.cards.array_of("cards").empty()) << "case " << number;
    ++number;
  }
}

// Whether the patient came with the call or not.
TEST(CdsService, AnswersAreTheContextsPatients) {
  auto call = call_of("worried-student");
  const std::pair<std::string, int> cases[] = {
      {"Patient/" + call.patient, 200},
      {"https://ehr.example/fhir/Patient/" + call.patient, 200},
      {"https://ehr.example/fhir/Patient/" + call.patient + "/_history/2", 200},
      {"https://other.example/fhir/Patient/" + call.patient, 400},
      {"Patient/other", 400},
      {"Group/" + call.patient, 400},
      {"#" + call.patient, 400},
      {"urn:uuid:d1577c69-dfbe-44ad-ba6d-3e05e953b2ea", 400},
  };
  for (const auto& [reference, status] : cases) {
    for (const bool with_patient : {true, false}) {
      call.resources["intake"].front().set("subject", Json::object({{"reference", reference}}));
      auto prefetch = call.prefetch();
      if (!with_patient) {
        prefetch.erase("patient");
      }
      Json json = request("patient-view", call.patient, prefetch);
      json.set("fhirServer", "https://ehr.example/fhir");
      const auto answer = ask(json);
      EXPECT_EQ(answer.status, status) << reference;
      EXPECT_EQ(code_of(answer), status == 200 ? "" : "MF-4224") << reference;
    }
  }
}

// The same number may be anybody's where nobody says who gave it.
TEST(CdsService, AnIdentifierWithoutASystemIdentifiesNobody) {
  auto call = call_of("worried-student");
  const Json number = Json::object({{"value", "1"}});
  call.resources["intake"].front().set("subject", Json::object({{"identifier", number}}));
  call.resources["patient"] = {Json::object(
      {{"resourceType", "Patient"}, {"id", call.patient}, {"identifier", Json::array({number})}})};
  const auto card = card_of(ask(request("patient-view", call.patient, call.prefetch())));
  EXPECT_THAT(std::string(card.string_of("detail")), HasSubstr("does not say whom it is about"));
}

TEST(CdsService, OtherUnreadableAnswersAreAnotherCard) {
  auto call = call_of("broken-on-purpose");
  const auto uuid = [&] {
    return std::string(
        card_of(ask(request("patient-view", call.patient, call.prefetch()))).string_of("uuid"));
  };
  const auto first = uuid();
  EXPECT_EQ(first, uuid());
  call.resources["intake"].front().set("id", "another");
  EXPECT_NE(first, uuid());
}

// ---- suggestions

std::vector<std::string> labels(const Json& card) {
  std::vector<std::string> result;
  for (const auto& suggestion : card.array_of("suggestions")) {
    result.emplace_back(suggestion.string_of("label"));
  }
  return result;
}

Json order_like(const Json& card, std::size_t index) {
  return *card.array_of("suggestions")[index].array_of("actions").front().find("resource");
}

TEST(CdsService, WhatIsOrderedOrDraftedIsNotSuggestedAgain) {
  const auto call = call_of("hand-weakness");
  const auto before = card_of(ask(request("patient-view", call.patient, call.prefetch())));
  ASSERT_GE(labels(before).size(), 3u);
  const auto taken = labels(before)[0];

  Json order = order_like(before, 0);
  order.set("id", "o1");
  order.set("status", "active");
  order.set("intent", "order");
  order.set("authoredOn", "2026-11-21T09:00:00Z");
  auto prefetch = call.prefetch();
  prefetch.set("orders", searchset({order}));
  const auto ordered = labels(card_of(ask(request("patient-view", call.patient, prefetch))));
  EXPECT_THAT(ordered, Not(::testing::Contains(taken)));
  EXPECT_LT(ordered.size(), labels(before).size());

  Json signing = request("order-sign", call.patient, call.prefetch());
  signing.find("context")->set("draftOrders", searchset({order_like(before, 0)}));
  const auto signed_card = card_of(ask(signing));
  EXPECT_THAT(labels(signed_card), Not(::testing::Contains(taken)));
  EXPECT_THAT(std::string(signed_card.string_of("detail")),
              HasSubstr("ordered already, or among the draft orders"));
}

TEST(CdsService, OnlyPendingOrdersOfThePatientSilenceASuggestion) {
  const auto call = call_of("hand-weakness");
  const auto before = card_of(ask(request("patient-view", call.patient, call.prefetch())));
  const auto taken = labels(before)[0];
  const auto sign = [&](const char* status, Json subject) {
    Json order = order_like(before, 0);
    order.set("status", status);
    order.set("subject", std::move(subject));
    Json signing = request("order-sign", call.patient, call.prefetch());
    signing.find("context")->set("draftOrders", searchset({order}));
    return ask(signing);
  };
  const auto ours = Json::object({{"reference", "Patient/" + call.patient}});
  for (const auto* status : {"draft", "active", "on-hold"}) {
    EXPECT_THAT(labels(card_of(sign(status, ours))), Not(::testing::Contains(taken))) << status;
  }
  for (const auto* status : {"revoked", "completed", "entered-in-error", "unknown", "x"}) {
    EXPECT_THAT(labels(card_of(sign(status, ours))), ::testing::Contains(taken)) << status;
  }
  EXPECT_THAT(labels(card_of(sign("draft", Json::object({{"display", "somebody"}})))),
              ::testing::Contains(taken));
  const auto foreign = sign("draft", Json::object({{"reference", "Patient/other"}}));
  EXPECT_EQ(foreign.status, 400);
  EXPECT_EQ(code_of(foreign), "MF-4224");
  EXPECT_EQ(foreign.issues.front().place, "context.draftOrders.entry[0].resource.subject");
}

TEST(CdsService, SuggestionsAreThePatientsAndTheEncounters) {
  const auto call = call_of("hand-weakness");
  const auto card = card_of(ask(request("encounter-start", call.patient, call.prefetch())));
  for (std::size_t i = 0; i < labels(card).size(); ++i) {
    const auto order = order_like(card, i);
    EXPECT_EQ(order.find("subject")->string_of("reference"), "Patient/" + call.patient);
    EXPECT_EQ(order.find("encounter")->string_of("reference"), "Encounter/e1");
    EXPECT_FALSE(order.array_of("reasonCode").empty());
  }
}

// ---- names and words

TEST(CdsService, AnotherResultOrSiteIsAnotherCard) {
  const auto call = call_of("hand-weakness");
  const auto uuid = [&](const Json& prefetch, const CardSettings& settings) {
    return std::string(
        card_of(ask(request("patient-view", call.patient, prefetch), settings)).string_of("uuid"));
  };
  const auto first = uuid(call.prefetch(), site());
  EXPECT_EQ(first, uuid(call.prefetch(), site()));
  EXPECT_NE(first, uuid(call.prefetch(), {"another site", "", ""}));
  const auto other = call_of("worried-student");
  EXPECT_NE(
      first,
      card_of(ask(request("patient-view", other.patient, other.prefetch()))).string_of("uuid"));
}

// The link id of a question for free text, and a response with so much of it.
TEST(CdsService, LongWordsOfThePatientAreCutWithNotice) {
  auto call = call_of("free-text");
  auto text = fhir::write_json(call.resources["intake"].front());
  const auto from = text.find("\"valueString\":\"") + 15;
  const auto end = text.find('"', from);
  std::string words = "# <b>first</b> [x](http://evil) ";
  for (int i = 0; i < 900; ++i) {
    words += "w\xc3\xb6rt ";
  }
  text.replace(from, end - from, words);
  call.resources["intake"].front() = *fhir::read_json(text);
  const auto card = card_of(ask(request("patient-view", call.patient, call.prefetch())));
  const std::string detail(card.string_of("detail"));
  EXPECT_THAT(detail, HasSubstr("more: please read the response itself"));
  EXPECT_THAT(detail, HasSubstr("\\# \\<b\\>first\\</b\\> \\[x\\](http\\://evil)"));
}

// Not "there are no answers": that would be no card beside a danger.
TEST(CdsService, AnAnswerToAFormThatIsBoundIsOneToOurs) {
  const auto embedded = embedded_knowledge();
  const auto& ours = *embedded;
  auto bound = std::make_shared<rules::Knowledge>(ours);
  rules::OtherForm form;
  form.url = "https://clinic.example/Questionnaire/twitch";
  form.version = "3";
  form.title = "Twitching, short";
  rules::OtherForm::Question question;
  question.link_id = "q1";
  question.item = ours.item("em-sudden");
  const auto& item = ours.items[static_cast<std::size_t>(question.item)];
  question.values.push_back(
      {rules::OtherForm::Value::Kind::boolean, "", "true", item.option("face-droop")});
  question.partial = true;
  form.questions.push_back(question);
  bound->other_forms.push_back(form);
  auto call = call_of("stroke-signs");
  Json response = *fhir::read_json(R"({"resourceType":"QuestionnaireResponse","id":"r1",
      "questionnaire":"https://clinic.example/Questionnaire/twitch|3","status":"completed",
      "authored":"2026-11-22T08:00:00Z","item":[{"linkId":"q1","answer":[{"valueBoolean":true}]}]})");
  response.set("subject", Json::object({{"reference", "Patient/" + call.patient}}));
  call.resources["intake"] = {response};
  const auto cards_by = [&](const Assessor& judge) {
    const auto body = request("patient-view", call.patient, call.prefetch());
    return Service(judge, site()).answer(fhir::write_json(body), now);
  };
  const auto answer = cards_by(Assessor(bound));
  ASSERT_EQ(answer.status, 200);
  ASSERT_EQ(answer.cards.array_of("cards").size(), 1u);
  EXPECT_EQ(answer.cards.array_of("cards")[0].string_of("indicator"), "critical");
  EXPECT_THAT(cards_by(assessor()).cards.array_of("cards"), IsEmpty()) << "nobody bound it";
}

TEST(CdsService, DiscoveryListsOneServiceOnFiveHooks) {
  const auto json = discovery(*assessor().knowledge());
  ASSERT_EQ(json.array_of("services").size(), kHooks.size());
  for (std::size_t i = 0; i < kHooks.size(); ++i) {
    const auto& service = json.array_of("services")[i];
    EXPECT_EQ(service.string_of("hook"), kHooks[i]);
    EXPECT_EQ(service.string_of("id"), kServiceId);
    EXPECT_FALSE(service.string_of("title").empty());
    EXPECT_FALSE(service.string_of("description").empty());
    EXPECT_EQ(service.find("prefetch")->as_object()->size(), kTemplates.size());
  }
}

TEST(CdsService, EveryTemplateKeepsToThePortableSubset) {
  for (const auto& asked : kTemplates) {
    const std::string query(asked.query);
    EXPECT_TRUE(query.starts_with(std::string(asked.type))) << query;
    EXPECT_NE(query.find("{{context.patientId}}"), std::string::npos) << query;
    EXPECT_EQ(query.find(":desc"), std::string::npos) << query;
    EXPECT_EQ(&template_of(asked.key), &asked);
  }
}

// ---- without a call

Json card_without_call(const Json& response) {
  AssessOptions options;
  options.now = now;
  const auto assessed = assessor().assess(fhir::write_json(response), options);
  if (!assessed) {
    throw std::runtime_error(assessed.error().front().text);
  }
  return cards_of(assessor(), *assessed, now);
}

// Of the first draft request; null where there is none.
Json subject_of_drafts(const Json& cards) {
  const auto& suggestions = cards.array_of("cards").at(0).array_of("suggestions");
  return suggestions.empty()
             ? Json()
             : *suggestions[0].array_of("actions").at(0).find("resource")->find("subject");
}

TEST(CardWithoutCall, ProposesForThePatientWhoIsNamedAndForNobodyElse) {
  const std::string urn = R"({"reference": "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0")";
  const std::string number = R"("identifier": {"system": "https://h.example", "value": "m1"})";
  const struct {
    std::string subject, contained, expected;
  } cases[] = {
      {R"({"reference": "Patient/1"})", "", R"({"reference":"Patient/1"})"},
      {R"({"reference": "Patient/1/_history/2", "display": "x"})", "",
       R"({"reference":"Patient/1"})"},
      {R"({"reference": "https://ehr.example/fhir/Patient/1"})", "",
       R"({"reference":"https://ehr.example/fhir/Patient/1"})"},
      {"{" + number + "}", "",
       R"({"type":"Patient","identifier":{"system":"https://h.example","value":"m1"}})"},
      {urn + ", " + number + "}", "",
       R"({"type":"Patient","identifier":{"system":"https://h.example","value":"m1"}})"},
      {R"({"reference": "#p"})",
       R"({"resourceType": "Patient", "id": "p", "identifier": [{"value": "m1"}]})",
       R"({"type":"Patient","identifier":{"value":"m1"}})"},
      {R"({"reference": "#p"})", R"({"resourceType": "Patient", "id": "p"})", "null"},
      {urn + "}", "", "null"},
      {R"({"reference": "urn:oid:1.2.3"})", "", "null"},
      {R"({"display": "Somebody"})", "", "null"},
      {R"({"type": "Patient"})", "", "null"},
      {R"({"_reference": {"extension": [{"url": "https://a.example", "valueCode": "x"}]}})", "",
       "null"},
      {"", "", "null"}};
  const std::string words = "No draft requests are offered";
  for (const auto& one : cases) {
    auto response = sample("hand-weakness");
    response.erase("subject");
    if (!one.subject.empty()) {
      response.set("subject", *fhir::read_json(one.subject));
    }
    if (!one.contained.empty()) {
      response.set("contained", Json::array({*fhir::read_json(one.contained)}));
    }
    const auto cards = card_without_call(response);
    EXPECT_THAT(faults_of_cards(cards), IsEmpty()) << one.subject;
    EXPECT_EQ(fhir::write_json(subject_of_drafts(cards)), one.expected) << one.subject;
    const bool says_so =
        cards.array_of("cards").at(0).string_of("detail").find(words) != std::string_view::npos;
    EXPECT_EQ(says_so, one.expected == "null") << one.subject;
  }
}

}  // namespace
}  // namespace myoflag::cds
