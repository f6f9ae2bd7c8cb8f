#pragma once
// The real knowledge, read once for each process, and forms written in names: the vocabulary in
// which the tests of the rules speak.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rules/assessment.h"
#include "rules/evaluate.h"
#include "rules/knowledge.h"
#include "rules/loader.h"

namespace myoflag::rules::testing {

// All YAML files below rules/knowledge/twitching.
const KnowledgeFiles& twitching_files();

// Throws std::runtime_error with the problems when the knowledge cannot be loaded.
const KnowledgePtr& twitching();
KnowledgePtr load_or_throw(const KnowledgeFiles& files);

// A knowledge of a few questions and rules: the settings, sentences and closed lists of the real
// one, with the given `items:`, `rules:` by tier ("urgent" -> text) and `policies:` lists. Each
// text is a YAML list, two blanks deep.
struct SmallKnowledge {
  std::string items;
  std::map<std::string, std::string> rules;
  std::string policies;
};
KnowledgePtr small_knowledge(const SmallKnowledge& parts);

// Names lead into the knowledge or are literals.
struct NamedAnswer {
  std::vector<std::string_view> options;
  std::optional<Number> number;
  bool invalid = false;

  friend bool operator==(const NamedAnswer&, const NamedAnswer&) = default;
};
using NamedAnswers = std::map<std::string_view, NamedAnswer>;

struct NamedLab {
  LabState state = LabState::known;
  Number value;
  int age_days = 0;
};

struct NamedRecord {
  bool fetched = false;
  NamedAnswers says;  // options the record asserts, by question; number for the age question
  std::map<std::string_view, NamedLab> labs;
};

struct Form {
  NamedAnswers answers;
  NamedRecord record;
  bool stale = false;
  bool free_text = false;
  std::optional<NamedAnswers> previous;  // of the last response
};

// Translates names; throws std::runtime_error on one that the knowledge does not have.
class Names {
 public:
  explicit Names(const Knowledge& knowledge);
  AnswerRecord answers(const NamedAnswers& answers) const;  // as given, not settled
  RecordFacts record(const NamedRecord& record) const;
  Facts facts(const Form& form) const;                           // settled
  std::optional<AnswerRecord> previous(const Form& form) const;  // settled
  EvaluateFlags flags(const Form& form) const;
  Verdicts verdicts(const Form& form) const;
  // Answered today, at `now()`; stale forms fifteen days ago.
  EvaluationInput input(const Form& form) const;
  const Knowledge& knowledge() const { return *knowledge_; }

 private:
  int item(std::string_view link) const;
  std::uint64_t mask(int item, const std::vector<std::string_view>& options) const;

  const Knowledge* knowledge_;
  std::unordered_map<std::string_view, int> items_;
  std::vector<std::unordered_map<std::string_view, std::uint64_t>> options_;
};

Instant now();

NamedAnswers answers_of(const Case& one);
Form form_of(const Case& one);
// The all-clear form that the worked cases start from: a brief flicker, every list answered none.
Form clear_form();

// For messages: "em-now=none+unsure; age-years=30 | record: ...".
std::string to_text(const Form& form);

// What the rules and gaps say, by id, for messages and comparison.
std::set<std::string> fired_ids(const Knowledge& knowledge, const Verdicts& verdicts);

}  // namespace myoflag::rules::testing
