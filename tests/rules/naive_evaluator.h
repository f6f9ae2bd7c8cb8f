#pragma once
// A second evaluator of the criteria as they were read, written from the description of the
// language: names, sets of strings, plain recursion. It shares the reader and the shape of the
// knowledge with the compiled program, nothing of the compiling and evaluating. It is slow and
// obvious, so that where the two differ, one of them is wrong.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rules/criterion.h"
#include "rules/knowledge.h"
#include "rules/tri.h"
#include "tests/support/knowledge_fixture.h"

namespace myoflag::rules::testing {

enum class Seen { not_shown, not_asked, skipped, invalid, answered };

struct SeenAnswer {
  Seen state = Seen::not_shown;
  std::vector<std::string_view> options;
  std::optional<Number> number;
};

struct NaiveVerdicts {
  std::vector<Tri> rules, gaps;  // as in Knowledge::rules, Knowledge::gaps
  Tier tier = Tier::routine;
  bool under_age = false;
};

class NaiveEvaluator {
 public:
  // Days for which a laboratory value counts, by rule; other rules use the staleness policy.
  NaiveEvaluator(const Knowledge& knowledge, std::map<std::string, int, std::less<>> lab_days);

  NaiveVerdicts evaluate(const Form& form);

  // Which questions were shown, and what of the answers counts; `raw` keeps none beside a positive.
  std::map<std::string_view, SeenAnswer> settle(const NamedAnswers& given, bool raw);

  // The criterion of one rule on its own, as if no other rule had fired.
  Tri rule(std::size_t index, const Form& form);

 private:
  struct Condition {
    std::size_t question = 0;
    EnableWhen::Op op = EnableWhen::Op::is;
    std::vector<std::string_view> options;
    Number limit;
  };
  struct Question {
    std::string_view name;
    std::optional<std::size_t> group;
    bool asks = false;
    bool any = true;
    std::vector<Condition> conditions;
  };
  // How a criterion is to be read, beside its words.
  struct Manner {
    bool benign = false;
    bool raw = false;
    int lab_days = 0;
  };
  // A criterion with its equal parts found once, so that a part in nine rules is read once a form.
  struct Node {
    Criterion::Kind kind = Criterion::Kind::all;
    std::vector<Node> children;
    std::size_t leaf = 0;
  };
  struct Leaf {
    const Criterion* criterion = nullptr;
    std::size_t question = 0;  // where the form names one
    Manner manner;
  };

  Node intern(const Criterion& criterion, const Manner& manner);
  Tri value(const Node& node);
  Tri leaf_value(const Leaf& leaf) const;

  Tri any_of(const SeenAnswer& answer, const std::vector<std::string>& options) const;
  Tri only(const SeenAnswer& answer, const std::vector<std::string>& options) const;
  Tri count(const SeenAnswer& answer, const Criterion& criterion) const;
  Tri is_none(const SeenAnswer& answer) const;
  Tri sum(const Criterion& criterion, bool raw) const;
  Tri age(const Criterion& criterion, const Manner& manner) const;
  Tri is(const std::string& name, bool raw) const;
  Tri lab(const Criterion& criterion, int days) const;
  Tri listed_or_recorded(std::size_t question, const std::vector<std::string>& options,
                         bool raw) const;
  Tri fired_tier(const std::vector<std::string>& tiers) const;
  std::vector<Number> ages() const;
  bool under_age() const;

  Tri changed() const;
  bool unusable_lab() const;

  const SeenAnswer& answer(std::size_t question, bool raw) const;
  std::size_t place_of(std::string_view question) const { return places_.at(question); }
  const std::vector<std::string_view>& recorded(std::size_t question) const;
  void read(const NamedAnswers& given);
  Tri condition_holds(const Condition& condition) const;
  Tri question_shown(const Question& question) const;

  const Knowledge& knowledge_;
  std::vector<Question> questions_;  // groups too
  std::unordered_map<std::string_view, std::size_t> places_;
  std::size_t age_ = 0;
  std::vector<Node> rules_, gaps_;
  Node gate_;
  bool has_gate_ = false;
  std::vector<Leaf> leaves_;
  std::map<std::string, std::size_t> leaf_ids_;

  // Of the form at hand.
  const Form* form_ = nullptr;
  std::vector<SeenAnswer> answers_, raw_;  // by place in the form
  std::vector<Tri> shown_;
  std::map<std::string, Tri, std::less<>> fired_;
  std::vector<std::optional<Tri>> known_;
};

}  // namespace myoflag::rules::testing
