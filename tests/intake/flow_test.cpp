// The walk through the form: what is asked, in which order, what interrupts, and what is believed.

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugin/assess.h"
#include "plugin/intake/flow.h"
#include "plugin/intake/response.h"
#include "tests/intake/support.h"

namespace myoflag::intake {
namespace {

using testing::benign;
using testing::draft;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::item;
using testing::knowledge;
using testing::presentation;

const rules::Instant kNow = std::chrono::sys_days(std::chrono::year(2026) / 11 / 22);

std::vector<std::string> pages(const Draft& given) {
  std::vector<std::string> out;
  for (const int index : form_of(knowledge(), given).pages) {
    out.push_back(knowledge().items[static_cast<std::size_t>(index)].link_id);
  }
  return out;
}

bool asks(const Draft& given, std::string_view link_id) {
  return has_page(form_of(knowledge(), given), item(link_id));
}

std::vector<std::string> reasons(const Draft& given) {
  const Form form = form_of(knowledge(), given);
  const Assessor assessor(testing::shared_knowledge());
  AssessOptions options;
  options.now = kNow;
  options.outlook = rules::Outlook::none;
  const auto response =
      response_of(knowledge(), given, form, {"r", "Patient/1", "en", kNow, false});
  const auto assessed = assessor.assess_resource(response, options);
  std::vector<std::string> out;
  for (const auto& trigger :
       triggers_of(knowledge(), presentation(), form, assessed ? &assessed->assessment : nullptr)) {
    out.push_back(trigger.reason);
  }
  return out;
}

TEST(FlowTest, EmergenciesAreAskedFirstAndNothingThatDependsOnAnAnswerBeforeIt) {
  const auto asked = pages({});
  ASSERT_GT(asked.size(), 5u);
  EXPECT_EQ(std::vector(asked.begin(), asked.begin() + 4),
            (std::vector<std::string>{"em-now", "em-sudden", "em-spreading", "em-context"}));
  for (const auto& link_id : asked) {
    EXPECT_TRUE(knowledge().items[static_cast<std::size_t>(item(link_id))].enable.empty())
        << link_id;
  }
}

TEST(FlowTest, EveryBranchOpensWithItsAnswerAndClosesWithAnother) {
  struct Case {
    testing::Said opens, closes;
    std::string_view page;
  };
  const Case cases[] = {
      {{"site-scope", "eyelid-only"}, {"site-scope", "one-spot"}, "eyelid-detail"},
      {{"site-scope", "one-spot"}, {"site-scope", "eyelid-only"}, "body-sites"},
      {{"muscle-changes", "thinner"}, {"muscle-changes", "none"}, "wasting-sites"},
      {{"lifestyle", "caffeine"}, {"lifestyle", "none"}, "caffeine-drinks"},
      {{"medicine-classes", "lithium"}, {"medicine-classes", "none"}, "medicine-change"},
      {{"medicine-classes", "unsure"}, {"medicine-classes", "none"}, "medicine-list"},
  };
  for (const auto& one : cases) {
    EXPECT_TRUE(asks(draft({one.opens}), one.page)) << one.page;
    EXPECT_FALSE(asks(draft({one.closes}), one.page)) << one.page;
    EXPECT_FALSE(asks({}, one.page)) << one.page;
  }
}

TEST(FlowTest, APregnancyIsAskedWhereItCanBeAndWhereNobodyKnows) {
  EXPECT_TRUE(asks(draft({{"age-years", "30"}, {"sex-at-birth", "female"}}), "pregnancy-status"));
  EXPECT_TRUE(
      asks(draft({{"age-years", "30"}, {"sex-at-birth", "prefer-not"}}), "pregnancy-status"));
  EXPECT_FALSE(asks(draft({{"age-years", "30"}, {"sex-at-birth", "male"}}), "pregnancy-status"));
  EXPECT_FALSE(asks(draft({{"age-years", "80"}, {"sex-at-birth", "female"}}), "pregnancy-status"));
}

// A question inside a group that does not apply.
TEST(FlowTest, AGroupThatDoesNotApplyHidesItsQuestions) {
  EXPECT_FALSE(
      asks(draft({{"sex-at-birth", "male"}, {"function-loss", "none"}}), "hormone-features"));
  EXPECT_TRUE(
      asks(draft({{"sex-at-birth", "male"}, {"function-loss", "grip"}}), "hormone-features"));
}

TEST(FlowTest, AnswersToHiddenQuestionsAreKeptAndNeverBelieved) {
  auto given = benign();
  given[item("pregnancy-status")] = testing::answer({"pregnancy-status", "pregnant-20-plus"});
  const Form form = form_of(knowledge(), given);
  const auto at = static_cast<std::size_t>(item("pregnancy-status"));
  EXPECT_THAT(form.hidden, ElementsAre(item("pregnancy-status")));
  EXPECT_EQ(form.answers.chosen[at], 0u);
  EXPECT_EQ(form.answers.state[at], rules::ItemState::not_shown);
  const auto sent =
      fhir::write_json(response_of(knowledge(), given, form, {"r", "Patient/1", "en", kNow, true}));
  EXPECT_EQ(sent.find("pregnan"), std::string::npos) << sent;
  EXPECT_EQ(form_of(knowledge(), *read_draft(knowledge(), draft_text(knowledge(), given))).hidden,
            form.hidden);
}

// What a hidden answer would open stays closed, too.
TEST(FlowTest, AHiddenAnswerOpensNothing) {
  auto given = draft({{"site-scope", "eyelid-only"}, {"body-sites", "tongue"}});
  given.erase(item("site-scope"));
  EXPECT_FALSE(asks(given, "body-sites"));
  EXPECT_FALSE(asks(given, "eyelid-detail"));
}

TEST(FlowTest, PassedOverIsNeitherNoNorNeverAsked) {
  auto given = benign();
  const Form form = form_of(knowledge(), given);
  EXPECT_EQ(first_open(form, given), std::nullopt) << "passed over is done";
  EXPECT_EQ(form.answers.state[static_cast<std::size_t>(item("anything-else"))],
            rules::ItemState::skipped);
  const auto sent =
      fhir::write_json(response_of(knowledge(), given, form, {"r", "Patient/1", "en", kNow, true}));
  EXPECT_NE(sent.find(R"("linkId":"anything-else","text":"Is there anything else you want your )"
                      R"(clinician to know?"})"),
            std::string::npos)
      << sent;
  given.erase(item("anything-else"));
  EXPECT_EQ(first_open(form_of(knowledge(), given), given), item("anything-else"));
}

TEST(FlowTest, PagesFollowEachOtherBothWays) {
  const auto given = benign();
  const Form form = form_of(knowledge(), given);
  EXPECT_EQ(page_before(form, form.pages.front()), std::nullopt);
  EXPECT_EQ(page_after(form, form.pages.back()), std::nullopt);
  for (std::size_t i = 1; i < form.pages.size(); ++i) {
    EXPECT_EQ(page_after(form, form.pages[i - 1]), form.pages[i]);
    EXPECT_EQ(page_before(form, form.pages[i]), form.pages[i - 1]);
  }
}

TEST(FlowTest, DisplaysStandWithTheQuestionAfterThem) {
  EXPECT_THAT(notes_of(knowledge(), presentation(), item("em-now")), ElementsAre(item("em-intro")));
  EXPECT_THAT(notes_of(knowledge(), presentation(), item("em-sudden")), IsEmpty());
  EXPECT_THAT(notes_of(knowledge(), presentation(), item("who-answers")), IsEmpty())
      << "what interrupts is a page of its own";
  EXPECT_THAT(notes_of(knowledge(), presentation(), -1), ElementsAre(item("safety-net")));
}

TEST(FlowTest, APartIsItsTopGroup) {
  const auto first = part_of(knowledge(), item("em-now"));
  EXPECT_EQ(first.number, 1);
  const auto nested = part_of(knowledge(), item("hormone-features"));
  EXPECT_EQ(nested.group, item("g-history"));
  const auto last = part_of(knowledge(), item("anything-else"));
  EXPECT_EQ(last.number, last.of);
}

// ---- drafts

TEST(DraftTest, ComesBackAsItWas) {
  auto given = benign();
  given[item("medicine-list")] = {0, "<b>\"x\"\n\xc3\xa9"};
  EXPECT_EQ(read_draft(knowledge(), draft_text(knowledge(), given)), given);
  EXPECT_EQ(read_draft(knowledge(), ""), Draft());
}

TEST(DraftTest, WhatThisFormDoesNotKnowIsAskedAgain) {
  const auto read = read_draft(
      knowledge(),
      R"({"answers":[{"linkId":"em-now","options":["none","new-sign"]},{"linkId":"gone","text":"x"},)"
      R"({"linkId":"g-about","text":"x"},{"linkId":"age-years","text":"old"},)"
      R"({"linkId":"duration","options":["unsure"]},{"linkId":"course","options":[]}]})");
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, draft({{"duration", "unsure"}}))
      << "an answer with an option nobody knows is no answer, and never \"none\"";
}

TEST(DraftTest, DamageIsToldFromEmptiness) {
  for (const auto* text : {"x", "{", "[]", R"({"a":1})"}) {
    EXPECT_FALSE(read_draft(knowledge(), text)) << text;
  }
}

// ---- interruptions

TEST(TriggerTest, EveryAnswerThatTheFormCallsAnEmergencyInterrupts) {
  int tried = 0;
  for (const auto& what : presentation().interruptions) {
    const auto& display = knowledge().items[static_cast<std::size_t>(item(what.display))];
    for (const auto& when : display.enable) {
      const auto& asked = knowledge().items[static_cast<std::size_t>(when.item)];
      for (std::size_t i = 0; i < asked.options.size(); ++i) {
        if ((when.options >> i & 1U) == 0) {
          continue;
        }
        const auto& code = asked.options[i].code;
        const auto found = reasons(draft({{asked.link_id, code}}));
        EXPECT_THAT(found, ::testing::Contains(what.display + " " + asked.link_id + "." + code));
        ++tried;
      }
    }
  }
  EXPECT_GT(tried, 25);
}

TEST(TriggerTest, NothingInterruptsWhoHasNothing) {
  EXPECT_THAT(reasons({}), IsEmpty());
  EXPECT_THAT(reasons(benign()), IsEmpty());
  // Questions that were not asked yet are no reason.
  EXPECT_THAT(reasons(draft({{"em-now", "none"}})), IsEmpty());
}

TEST(TriggerTest, OneAnswerInterruptsOnceThoughARuleFiresOnItToo) {
  EXPECT_THAT(reasons(draft({{"em-sudden", "face-droop"}})),
              ElementsAre("em-stop em-sudden.face-droop"));
}

TEST(TriggerTest, TheStrongestComesFirst) {
  const auto found =
      reasons(draft({{"em-now", "breathless-flat"}, {"em-spreading", "cannot-walk"}}));
  ASSERT_GE(found.size(), 2u);
  EXPECT_EQ(found.front(), "em-stop em-spreading.cannot-walk");
}

// Every rule of that urgency interrupts wherever in the form it fires: no case of the knowledge
// that ends in an emergency gets through without a page.
TEST(TriggerTest, NoEmergencyOfTheWorkedCasesGetsThrough) {
  int tried = 0;
  for (const auto& one : knowledge().cases) {
    Draft given;
    for (const auto& [link_id, values] : one.answers) {
      std::string joined;
      for (const auto& value : values) {
        joined += (joined.empty() ? "" : ",") + value;
      }
      given.insert_or_assign(item(link_id), testing::answer({link_id, joined}));
    }
    const bool by_answers = one.labs.empty() && one.medicines.empty() && one.conditions.empty();
    if (one.tier != rules::Tier::emergency || !by_answers || given.empty()) {
      continue;
    }
    ++tried;
    const auto found = reasons(given);
    ASSERT_FALSE(found.empty()) << one.name;
    EXPECT_TRUE(found.front().starts_with("em-stop ")) << one.name << ": " << found.front();
  }
  EXPECT_GT(tried, 0);
}

// ---- the response

// Any walk, whatever is answered: the response is valid for the form, and the rules judge it.
TEST(ResponseTest, AnyWalkGivesAValidResponse) {
  const Assessor assessor(testing::shared_knowledge());
  AssessOptions options;
  options.now = kNow;
#ifdef MYOFLAG_SANITIZED
  constexpr int kWalks = 20;
#else
  constexpr int kWalks = 150;
#endif
  std::mt19937 random(20261122);
  for (int walk = 0; walk < kWalks; ++walk) {
    Draft given;
    while (const auto open = first_open(form_of(knowledge(), given), given)) {
      const auto& asked = knowledge().items[static_cast<std::size_t>(*open)];
      Answer answer;
      const bool passes = !asked.required && random() % 4 == 0;
      if (!passes && asked.type == rules::ItemType::choice) {
        answer.chosen = std::uint64_t{1} << (random() % asked.options.size());
        if (asked.repeats && answer.chosen != asked.none) {
          answer.chosen |= (std::uint64_t{1} << (random() % asked.options.size())) & ~asked.none;
        }
      } else if (!passes) {
        answer.text = asked.is_numeric() ? std::to_string(random() % 25) : "words <&>";
      }
      given.insert_or_assign(*open, answer);
    }
    const auto response = response_of(knowledge(), given, form_of(knowledge(), given),
                                      {"r", "Patient/1", "en", kNow, true});
    auto issues = assessor.check(fhir::write_json(response), options);
    std::erase_if(issues,
                  [](const auto& issue) { return issue.code == "MF-1406"; });  // a draft form
    for (const auto& issue : issues) {
      ADD_FAILURE() << issue.code << " " << issue.place << " " << issue.text;
    }
    ASSERT_TRUE(issues.empty()) << "walk " << walk;
  }
}

// ---- adaptive order

// What a page takes, by chance.
Answer some_answer(const rules::Item& asked, std::mt19937& random) {
  Answer answer;
  if (!asked.required && random() % 4 == 0) {
    return answer;
  }
  if (asked.type != rules::ItemType::choice) {
    answer.text = asked.is_numeric() ? std::to_string(random() % 25) : "words";
    return answer;
  }
  // Often none, so that not everything is an emergency.
  const bool is_none = asked.none != 0 && random() % 3 != 0;
  answer.chosen = is_none ? asked.none : std::uint64_t{1} << (random() % asked.options.size());
  if (asked.repeats && answer.chosen != asked.none) {
    answer.chosen |= (std::uint64_t{1} << (random() % asked.options.size())) & ~asked.none;
  }
  return answer;
}

Draft walked(const Draft& truth, Order order) {
  Draft given;
  while (const auto open = first_open(form_of(knowledge(), given, order), given)) {
    given.insert_or_assign(*open, truth.at(*open));
  }
  return given;
}

// Through the response, as the record gets it.
rules::Assessment judged_as_sent(const Assessor& assessor, const Draft& given, Order order) {
  AssessOptions options;
  options.now = kNow;
  const auto response = response_of(knowledge(), given, form_of(knowledge(), given, order),
                                    {"r", "Patient/1", "en", kNow, true});
  return assessor.assess(fhir::write_json(response), options).value().assessment;
}

std::string told(const rules::Assessment& assessment) {
  std::string out = std::string(code_of(assessment.tier)) + " " + assessment.target.text;
  for (const auto& finding : assessment.findings) {
    out += "\n" + finding.rule->id + std::to_string(static_cast<int>(finding.status));
  }
  for (const auto& row : assessment.workups) {
    out += "\n" + row.workup->code + std::to_string(static_cast<int>(row.status));
    for (const auto& note : row.notes) {
      out += " " + note;
    }
  }
  for (const auto& text : assessment.patient_advice) {
    out += "\n" + text;
  }
  return out;
}

TEST(AdaptiveTest, FewerQuestionsAndTheSameResult) {
  const Assessor assessor(testing::shared_knowledge());
#ifdef MYOFLAG_SANITIZED
  constexpr int kWalks = 10;
#else
  constexpr int kWalks = 300;
#endif
  std::mt19937 random(20261123);
  std::size_t left_out = 0;
  for (int walk = 0; walk < kWalks; ++walk) {
    Draft truth;
    for (int i = 0; i < static_cast<int>(knowledge().items.size()); ++i) {
      truth.insert_or_assign(i,
                             some_answer(knowledge().items[static_cast<std::size_t>(i)], random));
    }
    const Draft all = walked(truth, Order::whole);
    const Draft fewer = walked(truth, Order::adaptive);
    const Form form = form_of(knowledge(), fewer, Order::adaptive);
    const auto assessment = judged_as_sent(assessor, fewer, Order::adaptive);
    ASSERT_EQ(told(assessment), told(judged_as_sent(assessor, all, Order::whole)));
    // What the response lacks is found again from the response alone.
    std::vector<int> found;
    for (const auto* item : assessment.not_needed) {
      found.push_back(static_cast<int>(item - knowledge().items.data()));
    }
    EXPECT_EQ(found, form.not_needed);
    for (const int index : form.not_needed) {
      EXPECT_FALSE(fewer.contains(index));
      EXPECT_TRUE(takes_answer(form, index));
      EXPECT_FALSE(has_page(form, index));
    }
    left_out += form.not_needed.size();
  }
  EXPECT_GT(left_out, static_cast<std::size_t>(kWalks) / 5);
}

TEST(AdaptiveTest, OnlyWhereItIsAskedFor) {
  auto given = benign();
  given.erase(item("anything-else"));
  given[item("worry-level")] = testing::answer({"worry-level", "very"});
  EXPECT_TRUE(asks(given, "gad2-nervous"));
  EXPECT_TRUE(form_of(knowledge(), given).not_needed.empty());
  const Form form = form_of(knowledge(), given, Order::adaptive);
  EXPECT_THAT(form.not_needed, ElementsAre(item("gad2-nervous"), item("gad2-control"),
                                           item("phq2-interest"), item("phq2-mood")));
  EXPECT_TRUE(has_page(form, item("worry-focus"))) << "read by people";
  EXPECT_TRUE(has_page(form, item("anything-else"))) << "free text";
}

// Left out, passed over and denied are three things, and stay so in the response.
TEST(AdaptiveTest, LeftOutIsNotPassedOverAndNotNo) {
  auto given = benign();
  given[item("worry-level")] = testing::answer({"worry-level", "very"});
  given[item("worry-focus")] = Answer{};
  const auto sent =
      fhir::write_json(response_of(knowledge(), given, form_of(knowledge(), given, Order::adaptive),
                                   {"r", "Patient/1", "en", kNow, true}));
  EXPECT_NE(sent.find(R"("worry-focus")"), std::string::npos) << "passed over: without an answer";
  EXPECT_EQ(sent.find("gad2-nervous"), std::string::npos) << "left out: not there";
  given[item("worry-level")] = testing::answer({"worry-level", "little"});
  given[item("lifestyle")] = testing::answer({"lifestyle", "stress"});
  EXPECT_TRUE(has_page(form_of(knowledge(), given, Order::adaptive), item("gad2-nervous")))
      << "another answer brings it back";
}

}  // namespace
}  // namespace myoflag::intake
