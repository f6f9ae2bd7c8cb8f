// $validate, $extract and $assess as handlers: what goes in, what comes out, what is refused.
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fhir/convert.h"
#include "fhir/datetime.h"
#include "fhir/structure.h"
#include "plugin/knowledge/knowledge.h"
#include "plugin/sidecar/operations.h"
#include "plugin/sidecar/routes.h"

namespace myoflag::sidecar {
namespace {

using fhir::Json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::string assess_path = "/fhir/$assess";
const std::string extract_path = "/fhir/QuestionnaireResponse/$extract";
const std::string validate_path = "/fhir/QuestionnaireResponse/$validate";

const Current& current() {
  static const Current one(
      std::make_shared<const Serving>(embedded_knowledge(), cds::CardSettings()));
  return one;
}

Parts parts() {
  static const auto now = *fhir::to_sys_seconds(*fhir::parse_instant("2026-11-22T09:00:00Z"));
  return {current(), nullptr, nullptr, [] { return now; }, "1.2.3", "http://here"};
}

std::string file(const std::string& name) {
  std::ifstream in(std::string(MYOFLAG_SOURCE_DIR) + "/samples/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

const std::string& sample() {
  static const std::string text = file("eyelid-coffee/response.json");
  return text;
}

Json changed(const std::function<void(Json&)>& change) {
  Json response = *fhir::read_json(sample());
  change(response);
  return response;
}

http::Response post(const http::Router& router, const std::string& path, const std::string& body,
                    const std::string& type = "application/fhir+json",
                    const std::string& accept = "") {
  const auto match = router.match("POST", path);
  http::Request request;
  request.method = "POST";
  request.path = path;
  request.parameters = match.parameters;
  request.fields = {{"content-type", type}};
  if (!accept.empty()) {
    request.fields.push_back({"accept", accept});
  }
  request.body = body;
  return match.route->handler(request);
}

http::Response post(const std::string& path, const std::string& body,
                    const std::string& type = "application/fhir+json",
                    const std::string& accept = "") {
  static const http::Router router = routes(parts());
  return post(router, path, body, type, accept);
}

Json parameters(std::vector<std::pair<std::string, Json>> resources) {
  Json list = Json::array();
  for (auto& [name, resource] : resources) {
    list.push(Json::object({{"name", name}, {"resource", std::move(resource)}}));
  }
  return Json::object({{"resourceType", "Parameters"}, {"parameter", std::move(list)}});
}

Json part(const http::Response& answer, std::string_view name) {
  const auto json = fhir::read_json(answer.body);
  EXPECT_TRUE(json);
  EXPECT_EQ(json->string_of("resourceType"), "Parameters");
  EXPECT_THAT(fhir::check_structure(*json), IsEmpty());
  for (const auto& parameter : json->array_of("parameter")) {
    if (parameter.string_of("name") == name) {
      return *parameter.find("resource");
    }
  }
  return {};
}

// Every place in `path` refuses this with the status and the code, as an OperationOutcome.
void expect_refused(const std::string& path, const std::string& body, int status,
                    const std::string& code) {
  SCOPED_TRACE(path + " " + code);
  const auto answer = post(path, body);
  EXPECT_EQ(answer.status, status);
  EXPECT_THAT(answer.body, HasSubstr("\"OperationOutcome\""));
  EXPECT_THAT(answer.body, HasSubstr(code));
  EXPECT_THAT(answer.body, Not(HasSubstr("Canary")));
  const auto outcome = fhir::read_json(answer.body);
  ASSERT_TRUE(outcome);
  EXPECT_THAT(fhir::check_structure(*outcome), IsEmpty());
}

TEST(Assess, GivesTheTransactionForAResponseAloneInParametersAndAsXml) {
  const auto alone = post(assess_path, sample());
  EXPECT_EQ(alone.status, 200);
  const Json bundle = part(alone, "return");
  EXPECT_EQ(bundle.string_of("type"), "transaction");
  EXPECT_GT(bundle.array_of("entry").size(), 5u);
  const Json wrapped = parameters({{"input", *fhir::read_json(sample())}});
  EXPECT_EQ(part(post(assess_path, fhir::write_json(wrapped)), "return"), bundle);
  const auto xml = fhir::write_xml(wrapped);
  EXPECT_EQ(part(post(assess_path, xml, "application/fhir+xml; charset=utf-8"), "return"), bundle);
  const auto answered_in_xml =
      post(assess_path, sample(), "application/fhir+json", "application/fhir+xml");
  EXPECT_THAT(answered_in_xml.content_type, HasSubstr("application/fhir+xml"));
  EXPECT_TRUE(fhir::xml_to_json(answered_in_xml.body));
}

TEST(Assess, GivesNoXmlWithALeapSecondWhichItsSchemaForbids) {
  const auto given = fhir::write_json(
      changed([](Json& response) { response.set("authored", "2016-12-31T23:59:60Z"); }));
  EXPECT_EQ(post(assess_path, given).status, 200);
  const auto answer = post(assess_path, given, "application/fhir+json", "application/fhir+xml");
  EXPECT_EQ(answer.status, 406);
  EXPECT_THAT(answer.content_type, HasSubstr("application/fhir+xml"));
  EXPECT_THAT(answer.body, HasSubstr("MF-1214"));
}

TEST(Assess, TakesTheRecordAlong) {
  const auto answer = post(assess_path, file("critical-calcium/bundle.json"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(fhir::write_json(part(answer, "return")), HasSubstr("emergency"));
}

TEST(Assess, WhatWasToleratedIsTold) {
  const auto answer = post(assess_path, file("contradiction/response.json"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_FALSE(part(answer, "issues").array_of("issue").empty());
}

TEST(Assess, SameInputSameBytes) {
  EXPECT_EQ(post(assess_path, sample()).body, post(assess_path, sample()).body);
}

TEST(Extract, GivesAnObservationForEachAnswerAndNothingElse) {
  const auto answer = post(extract_path, sample());
  EXPECT_EQ(answer.status, 200);
  const Json bundle = part(answer, "return");
  EXPECT_EQ(bundle.string_of("type"), "transaction");
  ASSERT_FALSE(bundle.array_of("entry").empty());
  for (const auto& entry : bundle.array_of("entry")) {
    EXPECT_THAT(fhir::write_json(entry), HasSubstr("CodeSystem/twitching-questions"));
    EXPECT_EQ(entry.find("resource")->string_of("resourceType"), "Observation");
    EXPECT_THAT(fhir::check_structure(*entry.find("resource")), IsEmpty());
  }
}

TEST(Extract, NamesItsSourceOnlyWhereOthersCanKnowIt) {
  const auto source = [](const std::function<void(Json&)>& change) {
    const auto answer = post(extract_path, fhir::write_json(changed(change)));
    const Json bundle = part(answer, "return");
    const auto* from = bundle.array_of("entry").front().find("resource")->find("derivedFrom");
    return from == nullptr ? std::string() : fhir::write_json(*from);
  };
  EXPECT_EQ(source([](Json& response) { response.set("id", "r7"); }),
            R"([{"reference":"QuestionnaireResponse/r7"}])");
  EXPECT_THAT(source([](Json& response) {
                response.erase("id");
                response.set("identifier", Json::object({{"system", "https://s"}, {"value", "1"}}));
              }),
              HasSubstr(R"("identifier":{"system":"https://s","value":"1"})"));
  EXPECT_EQ(source([](Json& response) {
              response.erase("id");
              response.erase("identifier");
            }),
            "");
}

TEST(Extract, NothingAnsweredIsNoError) {
  const auto answer = post(extract_path, fhir::write_json(changed([](Json& r) {
                             r.set("item", Json::array());
                             r.erase("item");
                           })));
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(part(answer, "return").is_null());
  EXPECT_THAT(fhir::write_json(part(answer, "issues")), HasSubstr("MF-4154"));
}

TEST(Extract, AnotherFormIsRefused) {
  const Json response = *fhir::read_json(sample());
  Json form = current().get()->assessor.questionnaire();
  EXPECT_EQ(post(extract_path, fhir::write_json(parameters({{"questionnaire-response", response},
                                                            {"questionnaire", form}})))
                .status,
            200);
  form.set("url", "https://other/Questionnaire/x");
  expect_refused(
      extract_path,
      fhir::write_json(parameters({{"questionnaire-response", response}, {"questionnaire", form}})),
      422, "MF-4153");
}

TEST(Validate, AnswersWithAnOutcomeWhateverItFinds) {
  const auto good = post(validate_path, sample());
  EXPECT_EQ(good.status, 200);
  EXPECT_THAT(good.body, Not(HasSubstr(R"("severity":"error")")));
  const auto bad = post(validate_path, file("broken-on-purpose/response.json"));
  EXPECT_EQ(bad.status, 200);
  EXPECT_THAT(bad.body, HasSubstr(R"("severity":"error")"));
  EXPECT_THAT(bad.body, HasSubstr("QuestionnaireResponse.item"));
}

TEST(Validate, TakesTheModesThatItCanJudge) {
  const auto with_mode = [](const std::string& mode) {
    Json given = parameters({{"resource", *fhir::read_json(sample())}});
    given.find("parameter")->push(Json::object({{"name", "mode"}, {"valueCode", mode}}));
    return post(validate_path, fhir::write_json(given)).status;
  };
  EXPECT_EQ(with_mode("create"), 200);
  EXPECT_EQ(with_mode("update"), 200);
  EXPECT_EQ(with_mode("delete"), 422);
}

TEST(Operations, RefuseWhatTheyCannotRead) {
  const Json patient = Json::object({{"resourceType", "Patient"}, {"id", "Canary-31415"}});
  const Json response = *fhir::read_json(sample());
  for (const auto& path : {assess_path, extract_path, validate_path}) {
    expect_refused(path, "", 400, "MF-10");
    expect_refused(path, "{\"Canary-31415\"", 400, "MF-10");
    expect_refused(path, "[]", 400, "MF-");
    expect_refused(path, fhir::write_json(patient), 400, "MF-4151");
    expect_refused(path, R"({"resourceType":"Parameters"})", 400, "MF-4151");
    expect_refused(path, R"({"resourceType":"Parameters","parameter":[7]})", 400, "MF-4152");
    expect_refused(path, fhir::write_json(parameters({{"Canary-31415", response}})), 400,
                   "MF-4152");
  }
  const auto twice = fhir::write_json(parameters({{"input", response}, {"input", response}}));
  expect_refused(assess_path, twice, 400, "MF-4152");
  const auto inner = parameters({{"input", parameters({{"input", response}})}});
  expect_refused(assess_path, fhir::write_json(inner), 400, "MF-4151");
}

TEST(Operations, RefuseWhatCannotBeJudgedWithItsPlace) {
  const auto wrong =
      fhir::write_json(changed([](Json& response) { response.set("status", "entered-in-error"); }));
  for (const auto& path : {assess_path, extract_path}) {
    expect_refused(path, wrong, 422, "MF-3007");
    EXPECT_THAT(post(path, wrong).body, HasSubstr("QuestionnaireResponse.status"));
  }
  EXPECT_THAT(post(assess_path, wrong, "application/fhir+json", "application/fhir+xml").body,
              HasSubstr("<OperationOutcome"));
}

TEST(Operations, WhereCallersAreCheckedNobodyComesInWithoutAToken) {
  trust::Gate gate("https://here", {});
  Parts closed = parts();
  closed.gate = &gate;
  std::string denied;
  closed.denied = [&](const std::string&, std::string_view why) { denied = why; };
  const http::Router router = routes(closed);
  for (const auto& path : {assess_path, extract_path, validate_path}) {
    const auto match = router.match("POST", path);
    ASSERT_TRUE(match.route->admission) << path;
    http::Request request;
    request.path = path;
    const auto refused = match.route->admission(request);
    ASSERT_TRUE(refused) << path;
    EXPECT_EQ(refused->status, 401);
    EXPECT_THAT(refused->body, IsEmpty());
  }
  EXPECT_FALSE(denied.empty());
}

TEST(Operations, TheirDefinitionIsReadAndSound) {
  static const http::Router router = routes(parts());
  const auto read = [](const std::string& id) {
    const auto match = router.match("GET", "/fhir/OperationDefinition/" + id);
    http::Request request;
    request.parameters = match.parameters;
    return match.route->handler(request);
  };
  const auto definition = fhir::read_json(read("assess").body);
  ASSERT_TRUE(definition);
  EXPECT_THAT(fhir::check_structure(*definition), IsEmpty());
  EXPECT_EQ(read("other").status, 404);
}

}  // namespace
}  // namespace myoflag::sidecar
