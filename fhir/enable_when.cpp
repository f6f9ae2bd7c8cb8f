#include "fhir/enable_when.h"

#include <algorithm>
#include <compare>

namespace myoflag::fhir {

namespace {

// Children of a group sit in the group, children of a question below its answers.
bool sits_right(const Response& response, const Questionnaire& form,
                const std::vector<std::size_t>& binding, std::size_t item, std::size_t form_item) {
  const auto& node = response.item(item);
  const auto expected = form.item(form_item).parent;
  if (expected == no_item) {
    return response.parent_of(item) == no_node;
  }
  const auto parent = response.parent_of(item);
  return parent != no_node && binding[parent] == expected &&
         (node.parent_answer != no_node) == is_question(form.item(expected).type);
}

}  // namespace

std::vector<std::size_t> bind_items(const Response& response, const Questionnaire& form) {
  std::vector<std::size_t> binding(response.items().size(), no_item);
  for (std::size_t i = 0; i < binding.size(); ++i) {
    const auto form_item = form.index_of(response.item(i).link_id());
    if (form_item != no_item && sits_right(response, form, binding, i, form_item)) {
      binding[i] = form_item;
    }
  }
  return binding;
}

Enablement::Enablement(const Response& response, const Questionnaire& form,
                       const std::vector<std::size_t>& binding)
    : response_(response),
      form_(form),
      binding_(binding),
      instances_(form.items().size()),
      decided_(response.items().size(), Truth::yes) {
  for (std::size_t i = 0; i < binding_.size(); ++i) {
    if (binding_[i] != no_item) {
      instances_[binding_[i]].push_back(i);
    }
  }
  for (const auto form_item : form_.decision_order()) {
    for (const auto instance : instances_[form_item]) {
      const auto& node = response_.item(instance);
      decided_[instance] = at(form_item, {node.parent_item, node.parent_answer});
    }
  }
}

Truth Enablement::parent_enabled(Position position) const {
  if (position.answer != no_node) {
    return decided_[response_.answer(position.answer).item];
  }
  return position.item == no_node ? Truth::yes : decided_[position.item];
}

Truth Enablement::at(std::size_t form_item, Position position) const {
  const auto parent = parent_enabled(position);
  return parent == Truth::no ? parent
                             : truth_and(parent, own_conditions(form_.item(form_item), position));
}

Truth Enablement::own_conditions(const FormItem& item, Position position) const {
  if (item.enable_when.empty()) {
    return Truth::yes;
  }
  const bool all = item.enable_behavior == EnableBehavior::all;
  auto result = all ? Truth::yes : Truth::no;
  for (const auto& condition : item.enable_when) {
    const auto truth = holds(condition, position);
    result = all ? truth_and(result, truth) : truth_or(result, truth);
  }
  return result;
}

// Climbs from the position to the instance of the scope. `include_self`: the scope is the question
// itself, whose answers count all together; otherwise only what sits below the same answer.
Enablement::Scope Enablement::scope_of(std::size_t form_scope, bool include_self,
                                       Position position) const {
  if (form_scope == no_item) {
    return {0, response_.items().size(), true};
  }
  for (;;) {
    const auto item =
        position.answer == no_node ? position.item : response_.answer(position.answer).item;
    if (item == no_node) {
      return {0, 0, false};
    }
    if (binding_[item] == form_scope) {
      if (position.answer != no_node && !include_self) {
        const auto& answer = response_.answer(position.answer);
        return {answer.first_item, answer.end_item, true};
      }
      return {item, response_.item(item).end, true};
    }
    position = {response_.item(item).parent_item, response_.item(item).parent_answer};
  }
}

namespace {

// Whether one answer satisfies the condition; for != whether it equals. A type that the form allows
// but the condition does not name (free text beside a Coding) is simply another answer; a type that
// the form forbids decides nothing.
Truth satisfies(ValueRef answer, const EnableCondition& condition, const FormItem& question) {
  const auto expected = condition.answer.ref();
  if (answer.type != expected.type) {
    return accepts(question, answer.type) ? Truth::no : Truth::unknown;
  }
  if (condition.op == EnableOperator::equals || condition.op == EnableOperator::not_equals) {
    return equal(answer, expected);
  }
  const auto order = compare(answer, expected);
  if (!order) {
    return Truth::unknown;
  }
  bool result = false;
  switch (condition.op) {
    case EnableOperator::greater:
      result = std::is_gt(*order);
      break;
    case EnableOperator::less:
      result = std::is_lt(*order);
      break;
    case EnableOperator::at_least:
      result = std::is_gteq(*order);
      break;
    case EnableOperator::at_most:
      result = std::is_lteq(*order);
      break;
    default:
      break;
  }
  return result ? Truth::yes : Truth::no;
}

}  // namespace

namespace {

struct Tally {
  Truth any_answer = Truth::no;
  Truth any_match = Truth::no;

  bool is_settled() const { return any_answer == Truth::yes && any_match == Truth::yes; }
};

Truth conclude(const EnableCondition& condition, const Tally& tally) {
  switch (condition.op) {
    case EnableOperator::exists: {
      const auto* wanted = condition.answer.json.as_bool();
      return wanted != nullptr && *wanted ? tally.any_answer : truth_not(tally.any_answer);
    }
    case EnableOperator::not_equals:
      return truth_and(tally.any_answer, truth_not(tally.any_match));
    default:
      return tally.any_match;
  }
}

}  // namespace

Truth Enablement::holds(const EnableCondition& condition, Position position) const {
  const auto scope = scope_of(condition.scope, condition.scope == condition.target, position);
  if (!scope.exists) {
    return conclude(condition, {});
  }
  const ConditionInScope key{&condition, scope.first, scope.last};
  const auto known = known_.find(key);
  return known != known_.end() ? known->second
                               : known_.emplace(key, holds_in(condition, scope)).first->second;
}

Truth Enablement::holds_in(const EnableCondition& condition, const Scope& scope) const {
  Tally tally;
  const auto& question = form_.item(condition.target);
  const auto& all = instances_[condition.target];
  auto instance = std::lower_bound(all.begin(), all.end(), scope.first);
  for (; instance != all.end() && *instance < scope.last; ++instance) {
    const auto& item = response_.item(*instance);
    const auto counts = decided_[*instance];
    for (auto a = item.first_answer; a < item.first_answer + item.answer_count; ++a) {
      const auto& answer = response_.answer(a);
      if (!answer.has_value()) {
        continue;
      }
      const auto match = satisfies(*answer.choice.value, condition, question);
      tally.any_answer = truth_or(tally.any_answer, counts);
      tally.any_match = truth_or(tally.any_match, truth_and(counts, match));
      if (tally.is_settled()) {
        return conclude(condition, tally);
      }
    }
  }
  return conclude(condition, tally);
}

}  // namespace myoflag::fhir
