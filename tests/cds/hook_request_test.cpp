// Calls that are wrong, each in one way: refused with a code and the place, quoting nothing.
#include <functional>

#include <gtest/gtest.h>

#include "plugin/cds/hook_request.h"

namespace myoflag::cds {
namespace {

using fhir::Json;

constexpr std::string_view canary = "CANARY-27182";

Json call(std::string_view hook) {
  Json context = Json::object({{"userId", "Practitioner/7"}, {"patientId", "p1"}});
  if (hook == "encounter-start") {
    context.set("encounterId", "e1");
  }
  if (hook.starts_with("order")) {
    context.set("draftOrders", Json::object({{"resourceType", "Bundle"}}));
  }
  if (hook == "order-select") {
    context.set("selections", Json::array({"ServiceRequest/1"}));
  }
  if (hook == "appointment-book") {
    context.set("appointments", Json::array());
  }
  return Json::object({{"hook", hook},
                       {"hookInstance", "D1577C69-DFBE-44AD-BA6D-3E05E953B2EA"},
                       {"context", std::move(context)}});
}

Json authorization() {
  return Json::object({{"access_token", canary},
                       {"token_type", "Bearer"},
                       {"expires_in", 300},
                       {"scope", "patient/*.read"},
                       {"subject", "us"}});
}

TEST(HookRequest, EveryHookIsRead) {
  for (const auto hook : kHooks) {
    const auto request = read_hook_request(fhir::write_json(call(hook)));
    ASSERT_TRUE(request) << hook << request.error().front().text;
    EXPECT_EQ(request->hook, hook);
    EXPECT_EQ(request->patient_id, "p1");
    EXPECT_FALSE(request->reader_is_patient);
    EXPECT_TRUE(request->prefetch.is_object());
  }
}

TEST(HookRequest, WhatWeDoNotKnowIsIgnored) {
  Json json = call("patient-view");
  json.set("extension", Json::object({{"com.example", Json::object({{"a", nullptr}})}}));
  json.set("somethingNew", Json::array({1, 2}));
  json.set("fhirServer", "http://hooks.example/fhir");
  json.set("fhirAuthorization", authorization());
  EXPECT_TRUE(read_hook_request(fhir::write_json(json)));
}

TEST(HookRequest, ATokenForThePatientOfTheContextIsTaken) {
  Json json = call("patient-view");
  Json given = authorization();
  given.set("patient", "p1");
  json.set("fhirServer", "https://ehr.example/fhir");
  json.set("fhirAuthorization", given);
  EXPECT_TRUE(read_hook_request(fhir::write_json(json)));
}

TEST(HookRequest, AppointmentsComeAsListAndAsBundle) {
  Json json = call("appointment-book");
  json.find("context")->set("appointments", Json::object({{"resourceType", "Bundle"}}));
  EXPECT_TRUE(read_hook_request(fhir::write_json(json)));
}

TEST(HookRequest, PatientsAndRelativesAreReadersOfTheirOwn) {
  for (const auto* user : {"Patient/p1", "RelatedPerson/2"}) {
    Json json = call("appointment-book");
    json.find("context")->set("userId", user);
    EXPECT_TRUE(read_hook_request(fhir::write_json(json))->reader_is_patient) << user;
  }
}

struct Fault {
  std::string_view hook;
  std::string_view code, place;
  std::function<void(Json&)> change;
};

TEST(HookRequest, EachFaultIsToldWithItsPlace) {
  const auto in_context = [](std::string_view name, Json value) {
    return [name, value](Json& json) { json.find("context")->set(name, value); };
  };
  const auto without = [](std::string_view name) {
    return [name](Json& json) { json.find("context")->erase(name); };
  };
  const auto authorized = [](std::string_view name, Json value) {
    return [name, value](Json& json) {
      json.set("fhirServer", "https://ehr.example");
      Json given = authorization();
      given.set(name, value);
      json.set("fhirAuthorization", given);
    };
  };
  const std::string secret(canary);
  const Fault faults[] = {
      {"patient-view", "MF-4221", "hook", [](Json& json) { json.erase("hook"); }},
      {"patient-view", "MF-4223", "hook", [&](Json& json) { json.set("hook", secret); }},
      {"patient-view", "MF-4222", "hook", [](Json& json) { json.set("hook", 5); }},
      {"patient-view", "MF-4221", "hookInstance", [](Json& json) { json.erase("hookInstance"); }},
      {"patient-view", "MF-4222", "hookInstance",
       [&](Json& json) { json.set("hookInstance", secret); }},
      {"patient-view", "MF-4221", "context", [](Json& json) { json.erase("context"); }},
      {"patient-view", "MF-4222", "context",
       [](Json& json) { json.set("context", Json::array()); }},
      {"patient-view", "MF-4222", "prefetch", [&](Json& json) { json.set("prefetch", secret); }},
      {"patient-view", "MF-4222", "fhirServer",
       [&](Json& json) { json.set("fhirServer", secret); }},
      {"patient-view", "MF-4221", "fhirServer",
       [](Json& json) { json.set("fhirAuthorization", authorization()); }},
      {"patient-view", "MF-4222", "fhirAuthorization.token_type", authorized("token_type", "mac")},
      {"patient-view", "MF-4222", "fhirAuthorization.expires_in", authorized("expires_in", "300")},
      {"patient-view", "MF-4222", "fhirAuthorization.access_token", authorized("access_token", "")},
      {"patient-view", "MF-4222", "fhirAuthorization.patient", authorized("patient", 5)},
      {"patient-view", "MF-4224", "fhirAuthorization.patient", authorized("patient", "p2")},
      {"patient-view", "MF-4224", "fhirAuthorization.patient", authorized("patient", secret)},
      {"patient-view", "MF-4221", "context.userId", without("userId")},
      {"patient-view", "MF-4222", "context.userId", in_context("userId", secret)},
      {"patient-view", "MF-4222", "context.userId", in_context("userId", "Device/1")},
      {"patient-view", "MF-4222", "context.userId", in_context("userId", "Practitioner/")},
      {"patient-view", "MF-4222", "context.userId", in_context("userId", "Practitioner/a/b")},
      {"patient-view", "MF-4221", "context.patientId", without("patientId")},
      {"patient-view", "MF-4222", "context.patientId", in_context("patientId", "Patient/p1")},
      {"patient-view", "MF-4222", "context.patientId", in_context("patientId", nullptr)},
      {"patient-view", "MF-4222", "context.patientId",
       in_context("patientId", std::string(65, 'a'))},
      {"patient-view", "MF-4222", "context.encounterId", in_context("encounterId", "a b")},
      {"encounter-start", "MF-4221", "context.encounterId", without("encounterId")},
      {"order-sign", "MF-4221", "context.draftOrders", without("draftOrders")},
      {"order-sign", "MF-4222", "context.draftOrders",
       in_context("draftOrders", Json::object({{"resourceType", "List"}}))},
      {"order-select", "MF-4221", "context.selections", without("selections")},
      {"order-select", "MF-4222", "context.selections", in_context("selections", Json::array({1}))},
      {"appointment-book", "MF-4221", "context.appointments", without("appointments")},
      {"appointment-book", "MF-4222", "context.appointments", in_context("appointments", "none")},
  };
  for (const auto& fault : faults) {
    Json json = call(fault.hook);
    fault.change(json);
    const auto request = read_hook_request(fhir::write_json(json));
    ASSERT_FALSE(request) << fault.place;
    EXPECT_EQ(request.error().size(), 1u) << fault.place;
    EXPECT_EQ(request.error().front().code, fault.code) << fault.place;
    EXPECT_EQ(request.error().front().place, fault.place);
    EXPECT_EQ(request.error().front().text.find(canary), std::string::npos) << fault.place;
  }
}

TEST(HookRequest, AllFaultsAreToldAtOnce) {
  const auto request = read_hook_request("{}");
  ASSERT_FALSE(request);
  EXPECT_EQ(request.error().size(), 3u);
}

TEST(HookRequest, HostileTextsAreRefusedByTheGate) {
  for (const auto& text : {std::string(), std::string("null"), std::string("[]"), std::string("{"),
                           std::string(200'000, '['), std::string(R"({"hook":"a","hook":"b"})"),
                           std::string("{\"hook\":\"\xff\"}"), std::string("\xef\xbb\xbf{}x"),
                           std::string(R"({"hook":"\ud800"})")}) {
    EXPECT_FALSE(read_hook_request(text));
  }
}

}  // namespace
}  // namespace myoflag::cds
