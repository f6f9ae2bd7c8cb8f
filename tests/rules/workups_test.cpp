// The over-testing guard: what may be proposed, what is withheld and why, what was done already.

#include <algorithm>
#include <array>

#include <gtest/gtest.h>

#include "rules/evaluate.h"
#include "rules/workups.h"
#include "tests/support/random_forms.h"

namespace myoflag::rules::testing {
namespace {

using namespace std::chrono_literals;

class WorkupsTest : public ::testing::Test {
 protected:
  const Rule& rule(std::string_view id) const { return *twitching()->rule(id); }
  int workup(std::string_view code) const { return twitching()->workup(code); }

  Finding fired(std::string_view id) const {
    Finding finding;
    finding.rule = &rule(id);
    finding.status = FindingStatus::fired;
    finding.tier = finding.rule->tier;
    finding.target = finding.rule->target;
    return finding;
  }

  // Most urgent first, as an assessment has them.
  std::vector<WorkupRow> propose(const std::vector<std::string_view>& ids) const {
    std::vector<Finding> findings;
    for (const auto id : ids) {
      findings.push_back(fired(id));
    }
    return propose_workups(*twitching(), input_, findings);
  }

  const WorkupRow* row(const std::vector<WorkupRow>& rows, std::string_view code) const {
    for (const auto& one : rows) {
      if (one.workup->code == code) {
        return &one;
      }
    }
    return nullptr;
  }

  void done(std::string_view code, std::chrono::seconds ago) {
    RecordEntry entry;
    entry.kind = RecordEntry::Kind::test;
    entry.item = workup(code);
    entry.text = "the earlier test";
    entry.when = now() - ago;
    input_.record.push_back(std::move(entry));
  }

  void caution(std::string kind, std::string text) {
    RecordEntry entry;
    entry.kind = RecordEntry::Kind::caution;
    entry.caution = std::move(kind);
    entry.text = std::move(text);
    input_.record.push_back(std::move(entry));
  }

  EvaluationInput input_ = [] {
    EvaluationInput input;
    input.now = now();
    return input;
  }();
};

struct GuardRow {
  const char* name;
  std::vector<std::string_view> rules;  // most urgent first
  const char* workup;
  std::optional<WorkupStatus> status;  // empty: not in the list at all
};

TEST_F(WorkupsTest, OnlyAMoreUrgentRuleWithholdsWhatAnotherSuggests) {
  for (const auto& one : std::vector<GuardRow>{
           {"suggested and not opposed", {"mnd-limb-pattern"}, "emg", WorkupStatus::proposed},
           {"an emergency rule opposes",
            {"em-overdose", "mnd-limb-pattern"},
            "emg",
            WorkupStatus::withheld},
           {"a less urgent rule opposes",
            {"mnd-limb-pattern", "systemic-red-flag"},
            "emg",
            WorkupStatus::proposed},
           {"nobody suggests it", {"em-overdose"}, "emg", std::nullopt},
           {"emergency test", {"em-overdose"}, "tox-screen", WorkupStatus::proposed},
       }) {
    const auto rows = propose(one.rules);
    const auto* found = row(rows, one.workup);
    ASSERT_EQ(found != nullptr, one.status.has_value()) << one.name;
    if (found != nullptr) {
      EXPECT_EQ(found->status, *one.status) << one.name;
    }
  }
}

TEST_F(WorkupsTest, InTheSameTierTheSuggestionStandsAndBothReasonsAreShown) {
  bool met = false;
  for (const auto& a : twitching()->rules) {
    for (const auto& b : twitching()->rules) {
      if (&a == &b || a.tier != b.tier) {
        continue;
      }
      for (const int index : a.workups) {
        const bool against =
            std::find(b.must_not.begin(), b.must_not.end(), index) != b.must_not.end();
        const auto rows = propose({a.id, b.id});
        const auto* found = row(rows, twitching()->workups[static_cast<std::size_t>(index)].code);
        if (!against || found == nullptr) {
          continue;
        }
        met = true;
        EXPECT_EQ(found->status, WorkupStatus::proposed) << a.id << " " << b.id;
        EXPECT_EQ(found->because.front(), &a);
        EXPECT_NE(std::find(found->against.begin(), found->against.end(), &b),
                  found->against.end());
      }
    }
  }
  EXPECT_TRUE(met);
}

TEST_F(WorkupsTest, SomeTestsComeFromTheirOwnRulesOnlyAndScansNeverFromReassurance) {
  const std::map<std::string_view, std::vector<std::string_view>> only{
      {"lgi1-caspr2-ab", {"isaacs-morvan"}},
      {"lyme-serology", {"neuro-lyme"}},
      {"smn1", {"slow-symmetric-proximal"}},
      {"ar-cag", {"kennedy-sbma"}}};
  constexpr std::array<std::string_view, 8> scans{
      "emg",          "ncs",        "rns-sfemg",       "mri-brain",
      "mri-cervical", "mri-lumbar", "mri-whole-spine", "mri-plexus"};
  for (const auto& one : twitching()->rules) {
    for (const auto& proposal : propose({one.id})) {
      const auto found = only.find(proposal.workup->code);
      if (found != only.end()) {
        EXPECT_NE(std::find(found->second.begin(), found->second.end(), one.id),
                  found->second.end())
            << one.id << " proposes " << proposal.workup->code;
      }
      if (one.benign || one.tier == Tier::self_care) {
        EXPECT_EQ(std::find(scans.begin(), scans.end(), proposal.workup->code), scans.end())
            << one.id;
      }
    }
  }
}

TEST_F(WorkupsTest, EveryProposalOfARandomFormRestsOnAFiredRuleAndIsNotForbiddenByAMoreUrgentOne) {
  const Names names(*twitching());
  RandomForms random(*twitching(), 71);
  int withheld = 0;
  for (int i = 0; i < 300; ++i) {
    const Form form = random.next();
    const Assessment assessment = assess(twitching(), names.input(form));
    const auto fired_ones = fired_ids(*twitching(), names.verdicts(form));
    for (const auto& one : assessment.workups) {
      const int index = workup(one.workup->code);
      ASSERT_FALSE(one.because.empty());
      Tier most = Tier::self_care;
      for (const auto* by : one.because) {
        EXPECT_TRUE(fired_ones.contains(by->id));
        EXPECT_NE(std::find(by->workups.begin(), by->workups.end(), index), by->workups.end());
        most = std::max(most, by->tier);
      }
      EXPECT_EQ(one.tier, most);
      bool stronger = false;
      for (const auto& id : fired_ones) {
        const Rule& other = rule(id);
        stronger = stronger ||
                   (other.tier > most && std::find(other.must_not.begin(), other.must_not.end(),
                                                   index) != other.must_not.end());
      }
      EXPECT_EQ(one.status == WorkupStatus::withheld, stronger) << to_text(form);
      withheld += stronger ? 1 : 0;
    }
  }
  EXPECT_GT(withheld, 20);
}

TEST_F(WorkupsTest, ATestOfNinetyDaysIsNotRepeatedAndASecondOlderIs) {
  done("tsh", std::chrono::days(90));
  EXPECT_EQ(row(propose({"thyroid-features"}), "tsh")->status, WorkupStatus::already_done);
  input_.record.clear();
  done("tsh", std::chrono::days(90) + 1s);
  const auto rows = propose({"thyroid-features"});
  EXPECT_EQ(row(rows, "tsh")->status, WorkupStatus::proposed);
  EXPECT_EQ(row(rows, "tsh")->done, nullptr);
}

TEST_F(WorkupsTest, AnUrgentRuleMayRepeatARecentTestAndSaysSo) {
  done("ck", std::chrono::days(10));
  const auto rows = propose({"mnd-limb-pattern"});
  const auto* found = row(rows, "ck");
  EXPECT_EQ(found->status, WorkupStatus::proposed);
  ASSERT_NE(found->done, nullptr);
  ASSERT_FALSE(found->notes.empty());
  EXPECT_NE(found->notes.front().find("the earlier test"), std::string::npos);
}

TEST_F(WorkupsTest, ATestPlannedForLaterIsNotYetDone) {
  done("tsh", -std::chrono::days(5));
  EXPECT_EQ(row(propose({"thyroid-features"}), "tsh")->status, WorkupStatus::proposed);
}

TEST_F(WorkupsTest, OfSeveralEarlierTestsTheLatestIsNamed) {
  done("tsh", std::chrono::days(80));
  done("tsh", std::chrono::days(3));
  done("tsh", std::chrono::days(40));
  const auto rows = propose({"thyroid-features"});
  EXPECT_EQ(row(rows, "tsh")->done->when, now() - std::chrono::days(3));
}

TEST_F(WorkupsTest, SafetyNotesFollowTheCautionsOfTheRecord) {
  const auto has = [](const WorkupRow* one, std::string_view words) {
    return std::any_of(one->notes.begin(), one->notes.end(), [&](const std::string& note) {
      return note.find(words) != std::string::npos;
    });
  };
  auto rows = propose({"mnd-limb-pattern"});
  EXPECT_FALSE(has(row(rows, "emg"), "the record shows"));
  EXPECT_FALSE(has(row(rows, "mri-cervical"), "the record shows"));
  EXPECT_TRUE(has(row(rows, "emg"), "uninformative"));
  EXPECT_TRUE(has(row(rows, "mri-cervical"), "smallest region"));

  caution("emg", "warfarin");
  rows = propose({"mnd-limb-pattern"});
  EXPECT_TRUE(has(row(rows, "emg"), "the record shows warfarin"));
  EXPECT_TRUE(has(row(rows, "ncs"), "the record shows warfarin"));
  EXPECT_FALSE(has(row(rows, "mri-cervical"), "warfarin"));

  caution("mri", "a pacemaker");
  rows = propose({"mnd-limb-pattern"});
  EXPECT_TRUE(has(row(rows, "mri-cervical"), "the record shows a pacemaker"));
  EXPECT_FALSE(has(row(rows, "emg"), "pacemaker"));
  EXPECT_TRUE(has(row(propose({"kennedy-sbma"}), "ar-cag"), "counselling"));
}

// A pregnancy that only the patient told is as much a reason to look as one of the record, and a
// possible one, or an open question, is no "no".
TEST_F(WorkupsTest, BeforeMriThePregnancyOfTheAnswersIsSaidAndAnOpenOneIsAskedAbout) {
  struct Told {
    const char* name;
    ItemState state;
    const char* option;  // null: none
    const char* said;    // null: nothing
  };
  const std::vector<Told> kTold{
      {"early", ItemState::answered, "pregnant-under-20",
       "the patient answered \"Pregnant, less than 20 weeks\""},
      {"late", ItemState::answered, "pregnant-20-plus",
       "the patient answered \"Pregnant, 20 weeks or more\""},
      {"possible", ItemState::answered, "possible", "ask about pregnancy"},
      {"not said", ItemState::answered, "prefer-not", "ask about pregnancy"},
      {"left out", ItemState::skipped, nullptr, "ask about pregnancy"},
      {"unusable", ItemState::invalid, nullptr, "ask about pregnancy"},
      {"not reached", ItemState::not_asked, nullptr, "ask about pregnancy"},
      {"no", ItemState::answered, "no", nullptr},
      {"after birth", ItemState::answered, "birth-6-weeks", nullptr},
      {"a man", ItemState::not_shown, nullptr, nullptr},
  };
  const auto item = static_cast<std::size_t>(twitching()->bindings.pregnancy);
  const Item& question = twitching()->items[item];
  const auto count = [](const WorkupRow* found, const char* words) {
    return std::count_if(found->notes.begin(), found->notes.end(), [&](const std::string& note) {
      return note.find(words) != std::string::npos;
    });
  };
  for (const Told& told : kTold) {
    input_.facts.answers.state[item] = told.state;
    input_.facts.answers.chosen[item] =
        told.option == nullptr ? 0 : std::uint64_t{1} << question.option(told.option);
    input_.facts.record.chosen[item] = 0;
    auto rows = propose({"mnd-limb-pattern"});
    const char* said = told.said == nullptr ? "Check that the scan is safe" : told.said;
    EXPECT_EQ(count(row(rows, "mri-cervical"), said), told.said == nullptr ? 0 : 1) << told.name;
    EXPECT_EQ(count(row(rows, "emg"), "regnan"), 0) << told.name;

    // The quick way writes no such notes, so it must leave these to the careful one.
    EXPECT_EQ(tells_caution(*twitching(), input_.facts.answers), told.said != nullptr) << told.name;

    // What the record says is said anyway, and leaves nothing to ask.
    input_.facts.record.chosen[item] = std::uint64_t{1} << question.option("pregnant-20-plus");
    rows = propose({"mnd-limb-pattern"});
    EXPECT_EQ(count(row(rows, "mri-cervical"), "ask about pregnancy"), 0) << told.name;
  }
}

TEST_F(WorkupsTest, ProposalsStandBeforeWhatIsWithheldOrDoneMostUrgentFirst) {
  done("tsh", std::chrono::days(3));
  const auto rows = propose({"em-overdose", "mnd-limb-pattern", "thyroid-features"});
  for (std::size_t i = 1; i < rows.size(); ++i) {
    EXPECT_LE(rows[i - 1].status, rows[i].status);
    if (rows[i - 1].status == rows[i].status) {
      EXPECT_GE(rows[i - 1].tier, rows[i].tier);
    }
  }
  EXPECT_EQ(rows.front().tier, Tier::emergency);
}

}  // namespace
}  // namespace myoflag::rules::testing
