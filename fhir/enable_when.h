#pragma once
// Which items of a form are live, given the answers so far. Three-valued: where a quantity has
// another unit or a date is partial, the standard's operators cannot decide, and an undecided item
// is neither demanded nor refused.
//
// Which answers count for a condition: go up from the item to the lowest item of the form that
// holds both it and the question; its instance in the response, on the path of the item being
// decided, is the scope; all answers to the question inside that scope count, as long as they are
// not disabled themselves. So a repeated group looks at its own repetition, and an item below an
// answer at that answer's own children. Where the question is an ancestor of the item, all its
// answers count.
//
// Operators over that set A: exists = A is not empty; = some answer equals; != no answer equals; >
// < >= <= some answer satisfies; an empty A makes everything but exists false. Source:
// hl7.org/fhir/R4/questionnaire.html (enableWhen), with the wording of R5 for != over several
// answers.

#include <map>
#include <tuple>
#include <vector>

#include "fhir/questionnaire.h"
#include "fhir/response.h"

namespace myoflag::fhir {

// Which form item each response item is an instance of: its linkId is in the form and it sits where
// the form puts it. no_item otherwise, and for everything below such an item.
std::vector<std::size_t> bind_items(const Response& response, const Questionnaire& form);

// Decides every item that is in the response at construction, and on request those that are not.
// Holds references: form, response and binding must outlive it. Every answer is compared once with
// every condition about it, however many items depend on it. For one thread.
class Enablement {
 public:
  Enablement(const Response& response, const Questionnaire& form,
             const std::vector<std::size_t>& binding);

  // Of a response item; unbound items count as enabled, they are somebody else's problem.
  Truth of(std::size_t response_item) const { return decided_[response_item]; }

  // Where an item would sit: below a response item, below an answer, or at the top.
  struct Position {
    std::size_t item = no_node;
    std::size_t answer = no_node;
  };
  // Of a form item at a position, whether or not the response has it there.
  Truth at(std::size_t form_item, Position position) const;

  // The instances of a form item in the response, in order.
  const std::vector<std::size_t>& instances(std::size_t form_item) const {
    return instances_[form_item];
  }

 private:
  struct Scope {
    std::size_t first = 0;  // response items [first, last)
    std::size_t last = 0;
    bool exists = true;
  };

  using ConditionInScope = std::tuple<const EnableCondition*, std::size_t, std::size_t>;

  Scope scope_of(std::size_t form_scope, bool include_self, Position position) const;
  Truth holds(const EnableCondition& condition, Position position) const;
  Truth holds_in(const EnableCondition& condition, const Scope& scope) const;
  Truth own_conditions(const FormItem& item, Position position) const;
  Truth parent_enabled(Position position) const;

  const Response& response_;
  const Questionnaire& form_;
  const std::vector<std::size_t>& binding_;
  std::vector<std::vector<std::size_t>> instances_;
  std::vector<Truth> decided_;
  // Scopes of the same form item do not overlap, so filling this looks at each answer once per
  // condition. Nothing in it changes later: what a condition asks about is decided before it.
  mutable std::map<ConditionInScope, Truth> known_;
};

}  // namespace myoflag::fhir
