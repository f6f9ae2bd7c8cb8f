// What people of the clinic do with a form: kept once, and by whom.

#include <algorithm>
#include <filesystem>
#include <string>
#include <unistd.h>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fhir/json.h"
#include "plugin/assess.h"
#include "plugin/delivery/submission.h"
#include "plugin/intake/response.h"
#include "plugin/review/desk.h"
#include "plugin/review/request.h"
#include "plugin/review/whose.h"
#include "plugin/store/sqlite.h"
#include "tests/intake/support.h"
#include "tests/support/postgres.h"

namespace myoflag::review {
namespace {

using fhir::Json;
using std::chrono::hours;

const rules::Instant kNow = std::chrono::sys_days(std::chrono::year(2026) / 11 / 22) + hours(9);

store::Submission submission_of(intake::Draft draft, const std::string& id, bool is_finished) {
  const Assessor assessor(testing::shared_knowledge());
  const auto form = intake::form_of(testing::knowledge(), draft);
  const auto response = intake::response_of(testing::knowledge(), draft, form,
                                            {id, "Patient/1", "en", kNow, is_finished});
  AssessOptions options;
  options.now = kNow;
  const auto assessed = assessor.assess_resource(response, options).value();
  return delivery::submission_of(assessed, fhir::write_json(response),
                                 {"", delivery::load_sites("").value().urgency, false})
      .value();
}

intake::Draft with(std::string_view question, std::string_view answer) {
  auto draft = testing::benign();
  draft.insert_or_assign(testing::item(question), testing::answer({question, answer}));
  return draft;
}

// Of a file and of a database.
class DeskTest : public ::testing::TestWithParam<bool> {
 protected:
  DeskTest()
      : path(GetParam()
                 ? new_database()
                 : (std::filesystem::temp_directory_path() / ("desk-" + std::to_string(::getpid())))
                       .string()),
        store(store::Store::open(path).value()),
        desk(Desk::open(path).value()) {}
  ~DeskTest() override {
    for (const auto* end : {"", "-wal", "-shm"}) {
      std::filesystem::remove(path + end);
    }
  }

  std::string path;
  store::Store store;
  Desk desk;
};

INSTANTIATE_TEST_SUITE_P(Of, DeskTest, ::testing::Bool(),
                         [](const auto& made) { return made.param ? "postgres" : "sqlite"; });

TEST_P(DeskTest, TheNewestStateOfAFormAndWhatIsUrgentUntilSomebodyLooksAfterIt) {
  ASSERT_TRUE(store.submit(submission_of(with("em-now", "seizure"), "form-1", false), kNow));
  ASSERT_TRUE(store.submit(submission_of(testing::benign(), "form-1", true), kNow + hours(1)));
  ASSERT_TRUE(store.submit(submission_of(testing::benign(), "form-2", true), kNow + hours(2)));
  auto forms = desk.forms(kNow - hours(1), 10).value();
  ASSERT_EQ(forms.size(), 3u) << "the emergency stays although the form was sent calmer";
  EXPECT_EQ(forms.front().tier, "emergency");
  EXPECT_TRUE(forms.front().is_urgent);
  const auto first = desk.form(forms.front().outcome).value().value();
  EXPECT_FALSE(first.newer.empty());
  EXPECT_TRUE(desk.form(first.newer).value()->newer.empty());

  EXPECT_TRUE(desk.acknowledge(forms.front().escalation, "Ng", kNow + hours(3)).value());
  EXPECT_TRUE(desk.acknowledge(forms.front().escalation, "Other", kNow + hours(4)).value());
  EXPECT_FALSE(desk.acknowledge(999, "Ng", kNow).value());
  const auto taken = desk.form(first.row.outcome).value().value().row;
  EXPECT_EQ(taken.acknowledged_by, "Ng") << "who was first stays";
  EXPECT_EQ(taken.acknowledged, kNow + hours(3));
  EXPECT_EQ(desk.forms(kNow - hours(1), 10).value().size(), 2u);
  EXPECT_EQ(desk.forms(kNow + hours(2), 10).value().size(), 1u);
  EXPECT_EQ(desk.forms(kNow - hours(1), 1).value().size(), 2u) << "one more says there are more";
}

TEST_P(DeskTest, AChosenTestIsOneDraftRequestHoweverOftenItIsChosen) {
  auto draft = with("em-now", "seizure");
  ASSERT_TRUE(store.submit(submission_of(draft, "form-1", true), kNow));
  const auto form = desk.form(desk.forms(kNow, 10).value().front().outcome).value().value();
  const auto bundle = fhir::read_json(form.bundle).value();
  int chosen = 0;
  for (const auto& workup : testing::knowledge().workups) {
    const auto request = request_for(form, testing::knowledge(), workup.code, "Chosen.");
    if (!request) {
      continue;
    }
    ++chosen;
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(desk.propose(form.row.item, workup.code, *request, kNow + hours(i)));
    }
    const auto sent = fhir::read_json(request->bundle).value();
    ASSERT_EQ(sent.array_of("entry").size(), 1u);
    const Json& resource = *sent.array_of("entry").front().find("resource");
    EXPECT_EQ(resource.string_of("status"), "draft");
    EXPECT_EQ(resource.string_of("intent"), "proposal") << "never an order";
    EXPECT_EQ(resource.find("subject")->string_of("reference"), "Patient/1");
    EXPECT_EQ(fhir::write_json(resource).find("urn:uuid:"), std::string::npos)
        << "nothing points into another transaction";
    EXPECT_EQ(resource.array_of("basedOn").front().string_of("type"), "ServiceRequest");
    EXPECT_EQ(resource.array_of("note").back().string_of("text"), "Chosen.");
  }
  const auto proposed = static_cast<int>(std::count_if(
      bundle.array_of("entry").begin(), bundle.array_of("entry").end(), [](const Json& entry) {
        return entry.find("resource")->string_of("resourceType") == "ServiceRequest";
      }));
  EXPECT_GT(chosen, 0);
  EXPECT_EQ(chosen, proposed) << "all that the form proposes, and nothing else";
  EXPECT_EQ(desk.proposals(form.row.item).value().size(), static_cast<std::size_t>(chosen));
  EXPECT_EQ(store.items(true).value().size(), static_cast<std::size_t>(chosen) + 1);
  EXPECT_EQ(desk.forms(kNow, 10).value().size(), 1u) << "a request is no form";
  EXPECT_FALSE(request_for(form, testing::knowledge(), "no-such-test", ""));
}

TEST_P(DeskTest, WhatDoesNotReachTheRecordLeadsToItsForm) {
  ASSERT_TRUE(store.submit(submission_of(with("em-now", "seizure"), "form-1", true), kNow));
  const auto form = desk.form(desk.forms(kNow, 10).value().front().outcome).value().value();
  EXPECT_TRUE(desk.troubles(10).value().empty());
  for (const auto& workup : testing::knowledge().workups) {
    if (const auto request = request_for(form, testing::knowledge(), workup.code, "")) {
      ASSERT_TRUE(desk.propose(form.row.item, workup.code, *request, kNow));
      break;
    }
  }
  const auto request = store.items(true).value().back().id;
  ASSERT_TRUE(store.park(request, "MF-3154", "refused"));
  ASSERT_EQ(*store.next(kNow), form.row.item);
  ASSERT_TRUE(store.postpone(form.row.item, kNow, kNow + hours(1), "MF-3150", "no answer"));
  const auto troubles = desk.troubles(10).value();
  ASSERT_EQ(troubles.size(), 2u);
  for (const auto& one : troubles) {
    EXPECT_EQ(one.outcome, form.row.outcome);
  }
  EXPECT_EQ(desk.proposals(form.row.item).value().front().state, store::ItemState::parked);
}

TEST_P(DeskTest, OfOnePatientTheNewestStatesAndWhatIsUrgentFirst) {
  const auto submit = [&](const std::string& id, intake::Draft draft, hours at, bool sent = true) {
    ASSERT_TRUE(store.submit(submission_of(std::move(draft), id, sent), kNow + at));
  };
  const Whose one{"https://ehr.example/fhir/", "Patient/1"};
  EXPECT_TRUE(desk.forms_of(one, true, 10).value().empty());
  submit("form-1", with("em-now", "seizure"), hours(0), false);
  submit("form-1", testing::benign(), hours(1));
  submit("form-2", testing::benign(), hours(2));
  ASSERT_TRUE(desk.catch_up());
  submit("form-3", testing::benign(), hours(3));  // since then
  const auto rows = desk.forms_of(one, true, 10).value();
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0].tier, "emergency") << "nobody looks after it, though the form was sent calmer";
  EXPECT_EQ(rows[1].made, kNow + hours(3));
  EXPECT_EQ(rows[3].made, kNow + hours(1));
  EXPECT_EQ(desk.forms_of(one, true, 2).value().size(), 3u) << "one more says there are more";
  EXPECT_TRUE(desk.forms_of(one, false, 10).value().empty()) << "of another server's patients";
  EXPECT_TRUE(desk.forms_of({one.server, "Patient/11"}, true, 10).value().empty());
  EXPECT_TRUE(desk.forms_of({one.server, ""}, true, 10).value().empty());
  for (const auto& workup : testing::knowledge().workups) {
    const auto form = desk.form(rows[0].outcome).value().value();
    if (const auto request = request_for(form, testing::knowledge(), workup.code, "")) {
      ASSERT_TRUE(desk.propose(form.row.item, workup.code, *request, kNow));
      break;
    }
  }
  EXPECT_EQ(desk.forms_of(one, true, 10).value().size(), 4u) << "a request is no form";
}

TEST_P(DeskTest, AFormWhoseAnswersAreDamagedStaysThePatients) {
  ASSERT_TRUE(store.submit(submission_of(with("em-now", "seizure"), "form-1", true), kNow));
  constexpr const char* kDamage = "UPDATE assessment SET input='damaged'";
  if (GetParam()) {
    run_in(path, kDamage);
  } else {
    store::Database db;
    ASSERT_TRUE(db.open(path) && db.run(kDamage));
  }
  const auto rows = desk.forms_of({"https://ehr.example/fhir/", "Patient/1"}, true, 10).value();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].tier, "emergency");
}

// ---- whose a form is

std::string response_of(const std::string& subject, const std::string& more = "") {
  return R"({"resourceType":"QuestionnaireResponse","status":"completed","subject":)" + subject +
         more + "}";
}

std::string entry(const std::string& url, const std::string& resource) {
  return R"({"fullUrl":")" + url + R"(","resource":)" + resource + "}";
}

std::string bundle_of(const std::vector<std::string>& entries) {
  std::string all;
  for (const auto& one : entries) {
    all += (all.empty() ? "" : ",") + one;
  }
  return R"({"resourceType":"Bundle","type":"collection","entry":[)" + all + "]}";
}

std::string whose(const std::string& input) {
  const auto found = whose_of(input);
  return found.server + " " + found.patient;
}

TEST(WhoseTest, WhatTheFormSaysItselfAndNothingThatIsNotClear) {
  const std::string one = R"({"reference":"Patient/1"})";
  const std::string patient = R"({"resourceType":"Patient","id":"1"})";
  const std::string ehr = "https://ehr.example/fhir/";
  EXPECT_EQ(whose(response_of(one)), " Patient/1");
  EXPECT_EQ(whose(response_of(R"({"reference":"https://ehr.example/fhir/Patient/1"})")),
            ehr + " Patient/1");
  EXPECT_EQ(whose(response_of(R"({"reference":"HTTP://EHR.example:80/fhir/Patient/1"})")),
            ehr + " Patient/1")
      << "http and https are one server";
  EXPECT_EQ(whose(response_of(R"({"reference":"Patient/1/_history/2"})")), " Patient/1");
  EXPECT_EQ(whose(bundle_of({entry(ehr + "QuestionnaireResponse/q", response_of(one))})),
            ehr + " Patient/1");
  EXPECT_EQ(
      whose(bundle_of({entry("urn:uuid:q", response_of(one)), entry(ehr + "Patient/1", patient)})),
      ehr + " Patient/1");
  EXPECT_EQ(whose(bundle_of({entry("urn:uuid:q", response_of(R"({"reference":"urn:uuid:p"})")),
                             entry("urn:uuid:p", patient)})),
            " Patient/1");
  EXPECT_EQ(
      whose("\n<QuestionnaireResponse xmlns=\"http://hl7.org/fhir\"><status value=\"completed\"/>"
            "<subject><reference value=\"Patient/1\"/></subject></QuestionnaireResponse>"),
      " Patient/1");
  for (const auto& unclear :
       {std::string(), std::string("{"), std::string("[]"), std::string("<x"), response_of("null"),
        response_of(R"({"reference":"#p"})", R"(,"contained":[)" + patient + "]"),
        response_of(R"({"identifier":{"system":"urn:x","value":"1"}})"),
        response_of(R"({"reference":"Practitioner/1"})"), response_of(R"({"reference":"1"})"),
        bundle_of({entry(ehr + "QuestionnaireResponse/q", response_of(one)),
                   entry("https://other.example/fhir/Patient/1", patient)}),
        bundle_of({entry("urn:uuid:q", response_of(one)),
                   entry(ehr + "Patient/2", R"({"resourceType":"Patient","id":"2"})")})}) {
    EXPECT_EQ(whose(unclear), " ") << unclear;
  }
}

}  // namespace
}  // namespace myoflag::review
