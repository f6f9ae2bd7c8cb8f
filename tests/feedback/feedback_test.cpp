// What became of cards: read strictly, kept once, told by rule.
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fhir/json.h"
#include "fhir/uuid.h"
#include "plugin/cds/assessment_card.h"
#include "plugin/cds/card_policy.h"
#include "plugin/feedback/report.h"
#include "plugin/feedback/request.h"
#include "plugin/feedback/store.h"
#include "plugin/knowledge/knowledge.h"

namespace myoflag::feedback {
namespace {

using fhir::Json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const rules::Knowledge& knowledge() {
  static const auto one = embedded_knowledge();
  return *one;
}

std::string uuid(int number) { return fmt::format("12345678-1234-5678-9234-{:012}", number); }

const Day today = std::chrono::year(2026) / 11 / 22;

// ---- reading

Json accepted() {
  return Json::object({{"card", uuid(1)},
                       {"outcome", "accepted"},
                       {"acceptedSuggestions", Json::array({Json::object({{"id", uuid(2)}})})},
                       {"outcomeTimestamp", "2026-11-22T09:00:00.5Z"}});
}

Json overridden(const char* code = "at-visit") {
  Json reason = Json::object({{"code", code}, {"system", cds::override_system(knowledge())}});
  return Json::object({{"card", uuid(1)},
                       {"outcome", "overridden"},
                       {"overrideReason", Json::object({{"reason", std::move(reason)}})},
                       {"outcomeTimestamp", "2026-11-22T09:00:00Z"}});
}

auto read(Json one) {
  return read_feedback(
      fhir::write_json(Json::object({{"feedback", Json::array({std::move(one)})}})), knowledge());
}

TEST(FeedbackRequest, TakesWhatTheStandardSends) {
  const auto one = read(accepted());
  ASSERT_TRUE(one) << one.error().front().text;
  EXPECT_EQ(one->front().card, uuid(1));
  EXPECT_EQ(one->front().outcome, Outcome::accepted);
  EXPECT_EQ(one->front().at, 1'795'338'000'500'000'000);
  EXPECT_THAT(one->front().suggestions, ElementsAre(uuid(2)));
  const auto other = read(overridden());
  ASSERT_TRUE(other);
  EXPECT_EQ(other->front().outcome, Outcome::overridden);
  EXPECT_EQ(other->front().reason, "at-visit");
  Json bare = overridden();
  bare.erase("overrideReason");
  EXPECT_EQ(read(bare)->front().reason, "");
  bare.set("more", "is for others");
  EXPECT_TRUE(read(bare));
}

TEST(FeedbackRequest, TheSameMomentHasOneForm) {
  for (const auto* text : {"2026-11-22T09:00:00.500Z", "2026-11-22T10:00:00.5+01:00"}) {
    Json one = accepted();
    one.set("outcomeTimestamp", text);
    EXPECT_EQ(read(one)->front().at, read(accepted())->front().at) << text;
  }
  Json upper = accepted();
  upper.set("card", "ABCDEF78-1234-5678-9234-567812345678");
  EXPECT_EQ(read(upper)->front().card, "abcdef78-1234-5678-9234-567812345678");
}

TEST(FeedbackRequest, NothingOfWhatAPersonWroteIsKept) {
  Json one = overridden();
  one.set("overrideReason",
          Json::object({{"reason", Json::object({{"code", "Canary-16180"}, {"system", "x"}})},
                        {"userComment", "Canary-16180"}}));
  const auto feedback = read(one);
  ASSERT_TRUE(feedback);
  EXPECT_EQ(feedback->front().reason, kOtherReason);
  EXPECT_TRUE(feedback->front().has_comment);
  one.set("overrideReason", Json::object({{"reason", Json::object({{"code", "at-visit"}})}}));
  EXPECT_EQ(read(one)->front().reason, kOtherReason) << "of no system, so not ours";
}

TEST(FeedbackRequest, RefusesTheRestWithItsPlaceAndQuotesNothing) {
  struct Wrong {
    const char* member;
    Json value;  // null: it is missing
    const char* place;
  };
  const Wrong accepts[] = {
      {"card", Json(), "feedback[0].card"},
      {"card", "Canary-16180", "feedback[0].card"},
      {"card", 1, "feedback[0].card"},
      {"outcome", "ignored", "feedback[0].outcome"},
      {"outcome", Json::array(), "feedback[0].outcome"},
      {"outcomeTimestamp", Json(), "feedback[0].outcomeTimestamp"},
      {"outcomeTimestamp", "2026-11-22", "feedback[0].outcomeTimestamp"},
      {"outcomeTimestamp", "2026-11-22T09:00:00", "feedback[0].outcomeTimestamp"},
      {"outcomeTimestamp", "9999-11-22T09:00:00Z", "feedback[0].outcomeTimestamp"},
      {"outcomeTimestamp", "0001-11-22T09:00:00Z", "feedback[0].outcomeTimestamp"},
      {"acceptedSuggestions", Json(), "feedback[0].acceptedSuggestions"},
      {"acceptedSuggestions", Json::array(), "feedback[0].acceptedSuggestions"},
      {"acceptedSuggestions", "x", "feedback[0].acceptedSuggestions"},
      {"acceptedSuggestions", Json(Json::Array(65, Json::object({{"id", uuid(2)}}))),
       "feedback[0].acceptedSuggestions"},
      {"acceptedSuggestions", Json::array({"x"}), "feedback[0].acceptedSuggestions[0].id"},
      {"acceptedSuggestions", Json::array({Json::object({{"id", "Canary-16180"}})}),
       "feedback[0].acceptedSuggestions[0].id"},
  };
  for (const auto& wrong : accepts) {
    Json one = accepted();
    one.set(wrong.member, wrong.value);
    const auto refused = read(one);
    ASSERT_FALSE(refused) << wrong.place;
    EXPECT_EQ(refused.error().front().place, wrong.place);
    EXPECT_THAT(refused.error().front().text, Not(HasSubstr("Canary")));
  }
  for (const auto& reason : {Json("x"), Json::array(), Json(), Json::object({{"reason", "x"}}),
                             Json::object({{"userComment", 1}})}) {
    Json one = overridden();
    one.set("overrideReason", reason);
    ASSERT_FALSE(read(one)) << fhir::write_json(reason);
    EXPECT_EQ(read(one).error().front().place, "feedback[0].overrideReason");
  }
  const auto code = [](std::string_view body) {
    const auto refused = read_feedback(body, knowledge());
    return refused ? std::string() : refused.error().front().code;
  };
  EXPECT_EQ(code("[]"), "MF-4220");
  EXPECT_EQ(code("{}"), "MF-4222");
  EXPECT_EQ(code(R"({"feedback":[]})"), "MF-4222");
  EXPECT_EQ(code(R"({"feedback":{}})"), "MF-4222");
  EXPECT_EQ(code(R"({"feedback":[1]})"), "MF-4222");
  EXPECT_THAT(code(R"({"feedback":[],"feedback":[]})"), HasSubstr("MF-1"));
  EXPECT_THAT(code(""), HasSubstr("MF-1"));
  EXPECT_THAT(code(std::string(100, '[')), HasSubstr("MF-1"));
  EXPECT_EQ(code(fhir::write_json(
                Json::object({{"feedback", Json(Json::Array(kMostOfACall + 1, accepted()))}}))),
            "MF-4228");
  EXPECT_TRUE(read_feedback(
      fhir::write_json(Json::object({{"feedback", Json(Json::Array(kMostOfACall, accepted()))}})),
      knowledge()));
}

// ---- keeping

class FeedbackStore : public ::testing::Test {
 protected:
  FeedbackStore()
      : folder_(std::filesystem::path(::testing::TempDir()) /
                fmt::format("feedback_{}", ::getpid())),
        path_((folder_ / "feedback.sqlite").string()) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~FeedbackStore() override { std::filesystem::remove_all(folder_); }

  Store open() {
    auto store = Store::open(path_);
    if (!store) {
      throw std::runtime_error(store.error().text);
    }
    return std::move(*store);
  }

  std::filesystem::path folder_;
  std::string path_;
};

cds::ShownCard shown(int number, std::vector<std::string> rules = {"a", "b"}) {
  return {uuid(number), cds::ShownCard::Kind::assessment, "urgent", std::move(rules), "1"};
}

Feedback feedback(int card, Outcome outcome, std::int64_t at = 1, std::string reason = "") {
  Feedback one;
  one.card = uuid(card);
  one.outcome = outcome;
  one.at = at;
  one.reason = std::move(reason);
  return one;
}

TEST_F(FeedbackStore, CountsTheSameOnceAndKeepsWhatEitherSays) {
  Store store = open();
  ASSERT_TRUE(store.show({shown(1)}, today));
  auto first = feedback(1, Outcome::accepted);
  first.suggestions = {uuid(7)};
  auto second = first;
  second.suggestions = {uuid(7), uuid(8)};
  EXPECT_EQ(store.keep({first}, today)->fresh, 1u);
  EXPECT_EQ(store.keep({first, second}, today)->fresh, 0u);
  EXPECT_EQ(store.taken(today)->size(), 2u);
  const auto bare = feedback(1, Outcome::overridden);
  const auto with_reason = feedback(1, Outcome::overridden, 1, "at-visit");
  EXPECT_EQ(store.keep({bare, with_reason, bare}, today)->fresh, 1u);
  ASSERT_EQ(store.reasons(today)->size(), 1u);
  EXPECT_EQ(store.reasons(today)->front().reason, "at-visit");
  const auto groups = store.groups(today);
  ASSERT_EQ(groups->size(), 1u);
  EXPECT_EQ(groups->front().accepted, 1u);
  EXPECT_EQ(groups->front().overridden, 1u);
  EXPECT_EQ(groups->front().answered, 1u) << "one card";
}

TEST_F(FeedbackStore, IsThereForTheNextProcessAndBesideAnother) {
  {
    Store one = open();
    Store other = open();
    ASSERT_TRUE(one.keep({feedback(1, Outcome::accepted)}, today));
    EXPECT_EQ(other.keep({feedback(1, Outcome::accepted)}, today)->fresh, 0u);
  }
  EXPECT_EQ(*open().strangers(), 1u);
}

TEST_F(FeedbackStore, ProcessesWriteAtOnceAndLoseNothing) {
  std::array<std::thread, 4> threads;
  for (std::size_t i = 0; i < threads.size(); ++i) {
    threads[i] = std::thread([&, i] {
      Store store = open();
      for (int at = 0; at < 20; ++at) {
        EXPECT_TRUE(store.keep({feedback(static_cast<int>(i), Outcome::accepted, at)}, today));
        EXPECT_TRUE(store.show({shown(static_cast<int>(i))}, today));
      }
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
  const auto groups = open().groups(today);
  ASSERT_EQ(groups->size(), 1u);
  EXPECT_EQ(groups->front().accepted, 4u);
}

TEST_F(FeedbackStore, CardsAndFeedbackFindEachOtherInAnyOrder) {
  Store store = open();
  EXPECT_EQ(store.keep({feedback(1, Outcome::accepted)}, today)->strangers, 1u);
  EXPECT_EQ(*store.strangers(), 1u);
  EXPECT_THAT(*store.answered(), IsEmpty());
  ASSERT_TRUE(store.show({shown(1)}, today));
  EXPECT_EQ(*store.strangers(), 0u);
  ASSERT_EQ(store.answered()->size(), 1u);
  EXPECT_EQ(store.answered()->front().rule, "a");
}

TEST_F(FeedbackStore, ForgetsWhatNobodyAnsweredAndNothingElse) {
  Store store = open();
  const auto later = today + std::chrono::days(10);
  ASSERT_TRUE(store.show({shown(1), shown(2)}, today));
  ASSERT_TRUE(store.show({shown(3)}, later));
  ASSERT_TRUE(store.keep({feedback(1, Outcome::accepted), feedback(9, Outcome::accepted)}, today));
  ASSERT_TRUE(store.forget_before(today));
  EXPECT_EQ(store.groups(today)->front().cards, 3u);
  ASSERT_TRUE(store.forget_before(later));
  EXPECT_EQ(store.groups(today)->front().cards, 2u) << "2 is gone";
  EXPECT_EQ(store.groups(later)->front().cards, 1u);
  EXPECT_EQ(*store.strangers(), 0u) << "9 is gone";
}

TEST_F(FeedbackStore, AFileOfAnotherProgramIsLeftAlone) {
  std::ofstream(path_) << "not a store, but long enough to be taken for the head of one ......"
                          "......................................................";
  std::filesystem::permissions(
      path_, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_FALSE(Store::open(path_));
}

// ---- telling

TEST_F(FeedbackStore, TheReportCountsForTheStrongestReason) {
  Store store = open();
  const auto& lead = knowledge().rules.front();
  const auto& other = knowledge().rules.at(1);
  const auto& workup = knowledge().workups.front();
  ASSERT_TRUE(store.show({shown(1, {lead.id, other.id}),
                          shown(2, {lead.id}),
                          shown(3, {other.id}),
                          shown(4, {}),
                          shown(5, {"gone"}),
                          {uuid(6), cds::ShownCard::Kind::offer, "", {}, "1"},
                          {uuid(7), cds::ShownCard::Kind::unreadable, "", {}, "1"}},
                         today));
  auto accepts = feedback(2, Outcome::accepted);
  accepts.suggestions = {
      fhir::to_string(cds::suggestion_uuid(*fhir::parse_uuid(uuid(2)), workup.code)), uuid(99)};
  ASSERT_TRUE(
      store.keep({feedback(1, Outcome::overridden, 1, "known-diagnosis"),
                  feedback(1, Outcome::overridden, 2, "known-diagnosis"), accepts,
                  feedback(3, Outcome::overridden, 1, "other"), feedback(5, Outcome::overridden),
                  feedback(6, Outcome::overridden), feedback(42, Outcome::accepted)},
                 today));
  const auto report = report_of(store, knowledge(), today);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->all.cards, 5u);
  EXPECT_EQ(report->all.answered, 4u);
  EXPECT_EQ(report->offers, 1u);
  EXPECT_EQ(report->unreadable, 1u);
  EXPECT_EQ(report->strangers, 1u);
  const auto found = std::find_if(report->rules.begin(), report->rules.end(),
                                  [&](const auto& rule) { return rule.rule == lead.id; });
  ASSERT_NE(found, report->rules.end());
  EXPECT_EQ(found->first.cards, 2u);
  EXPECT_EQ(found->first.overridden, 1u) << "one card, set aside twice";
  EXPECT_EQ(found->reasons.at("known-diagnosis"), 1u);
  EXPECT_EQ(found->tests.at(workup.code), 1u);
  EXPECT_EQ(found->tests.at(""), 1u);
  const auto beside = std::find_if(report->rules.begin(), report->rules.end(),
                                   [&](const auto& rule) { return rule.rule == other.id; });
  ASSERT_NE(beside, report->rules.end());
  EXPECT_EQ(beside->first.cards, 1u);
  EXPECT_EQ(beside->any.cards, 2u);

  const auto text = to_text(*report, knowledge());
  for (const auto& part : {std::string("since 2026-11-22: 5. Answered 4: accepted 1 (25 %"),
                           std::string("set aside 3 (75 %)"), lead.title,
                           cds::override_text(knowledge(), "known-diagnosis") + " (1)",
                           std::string("another reason (1)"), std::string("no reason given (1)"),
                           workup.text + " (1)", std::string("not in this knowledge")}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  const auto json = to_json(*report, knowledge());
  EXPECT_EQ(fhir::write_json(*json.find("assessments")),
            R"({"cards":5,"answered":4,"accepted":1,"overridden":3,"acceptRate":0.250,)"
            R"("overrideRate":0.750})");
  EXPECT_EQ(json.array_of("rules").size(), report->rules.size());
}

TEST_F(FeedbackStore, AnEmptyReportDividesByNothing) {
  Store store = open();
  const auto report = report_of(store, knowledge(), today);
  ASSERT_TRUE(report);
  EXPECT_THAT(to_text(*report, knowledge()), HasSubstr("Answered 0: accepted 0 (- of"));
  EXPECT_FALSE(to_json(*report, knowledge()).find("assessments")->has("acceptRate"));
}

}  // namespace
}  // namespace myoflag::feedback
