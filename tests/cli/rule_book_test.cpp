// The rule book holds everything that a clinician must see to sign the knowledge off.
#include <string>

#include <gtest/gtest.h>

#include "plugin/cli/rule_book.h"
#include "tests/rules/small_knowledge.h"

namespace myoflag::cli {
namespace {

using rules::Knowledge;
using rules::Rule;

std::string folded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\n';
    if (!space) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  return out;
}

class RuleBook : public testing::Test {
 protected:
  RuleBook() : k_(rules::load_knowledge(rules::real_files()).value()), book_(rule_book(*k_)) {}

  // What stands between the heading of an entry and the next one.
  std::string entry(const std::string& id) const {
    const std::size_t begin = book_.find("<a id=\"" + id + "\"></a>");
    if (begin == std::string::npos) {
      return "";
    }
    return book_.substr(begin, book_.find("<a id=", begin + 1) - begin);
  }

  void expect_in(const std::string& id, std::string_view text) const {
    EXPECT_NE(folded(entry(id)).find(folded(text)), std::string::npos) << id << ": " << text;
  }

  rules::KnowledgePtr k_;
  std::string book_;
};

TEST_F(RuleBook, HasAllOfEveryRule) {
  for (const Rule& rule : k_->rules) {
    for (const std::string& text :
         {rule.criterion_text, rule.rationale, rule.patient, rule.beside, rule.beside_emergency,
          rule.note, rule.target.text, rule.owner, rule.due}) {
      expect_in(rule.id, text);
    }
    for (const auto& shorter : rule.target_when) {
      ASSERT_FALSE(shorter.criterion_text.empty()) << rule.id;
      expect_in(rule.id, shorter.target.text + " when `" + shorter.criterion_text + "`");
      expect_in(rule.id, shorter.patient);
    }
    for (const int source : rule.sources) {
      expect_in(rule.id, "(#source-" + k_->sources[static_cast<std::size_t>(source)].id + ")");
    }
  }
}

TEST_F(RuleBook, HasEveryPolicyWithItsTier) {
  for (const rules::Policy& policy : k_->policies) {
    expect_in(policy.id, policy.text);
    const Rule* rule = k_->rule(policy.id);
    if (rule == nullptr) {
      continue;
    }
    expect_in(policy.id, rule->criterion_text);
    expect_in(policy.id, rule->patient);
    expect_in(policy.id, rule->beside);
    expect_in(policy.id, rule->rationale);
    if (policy.kind == "gap" || policy.kind == "change") {
      expect_in(policy.id, std::string("at least ") + std::string(code_of(rule->tier)) + ", " +
                               rule->target.text);
    }
  }
}

TEST_F(RuleBook, HasWhatPatientsAreToldByTierAndAdvice) {
  for (const rules::TierInfo& tier : k_->tiers) {
    for (const rules::Headline& headline : tier.patient) {
      EXPECT_NE(folded(book_).find(folded(headline.text)), std::string::npos) << tier.label;
    }
  }
  for (const rules::Advice& advice : k_->advice) {
    expect_in("advice-" + advice.id, advice.text);
    for (const int rule : advice.rules) {
      expect_in("advice-" + advice.id, k_->rules[static_cast<std::size_t>(rule)].id);
    }
  }
}

TEST_F(RuleBook, HasWhatIsStillSaidBesideAMoreUrgentFinding) {
  std::size_t count = 0;
  for (const Rule& rule : k_->rules) {
    count += entry(rule.id).find("beside a more urgent finding:** ") != std::string::npos ? 1U : 0U;
  }
  EXPECT_GT(count, 4U);
}

TEST_F(RuleBook, HasTheLimitsAndNotesOfEveryTest) {
  std::size_t limits = 0;
  for (const rules::Workup& workup : k_->workups) {
    for (const auto* list : {&workup.only_from, &workup.never_from}) {
      for (const int rule : *list) {
        ++limits;
        expect_in("workup-" + workup.code, k_->rules[static_cast<std::size_t>(rule)].id);
      }
    }
    for (const auto& note : workup.notes) {
      expect_in("workup-" + workup.code, note.text);
    }
  }
  EXPECT_GT(limits, 10U);
}

TEST_F(RuleBook, ExplainsTheNamesThatCriteriaUse) {
  for (const auto& [name, set] : k_->option_sets) {
    EXPECT_NE(book_.find("- `" + name + "`: `" + set.item + ": "), std::string::npos) << name;
  }
  for (const rules::Item& item : k_->items) {
    if (item.type != rules::ItemType::group) {  // the text of a group is a heading
      expect_in("question-" + item.link_id, item.text);
    }
    if (!item.enable.empty()) {
      expect_in("question-" + item.link_id, "Shown when: ");
    }
  }
}

TEST(SeedTrace, SaysWhatCoversAFactAndWhereThatComesFrom) {
  const auto knowledge = rules::load_knowledge(rules::real_files()).value();
  const std::string trace = seed_trace(*knowledge);
  EXPECT_NE(trace.find("text of the form [safety-net]"), std::string::npos);
  EXPECT_NE(trace.find("policy ["), std::string::npos);
  EXPECT_EQ(trace.find("question [safety-net]"), std::string::npos);
  // Named in the explanation of the fact only.
  const std::size_t row = trace.find("| S-002 |");
  ASSERT_NE(row, std::string::npos);
  EXPECT_LT(trace.find("[leite14](rule-book.md#source-leite14)", row), trace.find('\n', row));
}

}  // namespace
}  // namespace myoflag::cli
