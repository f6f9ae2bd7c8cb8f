#include "fhir/questionnaire_rules.h"

#include <algorithm>
#include <queue>

#include <fmt/format.h>

#include "fhir/decimal.h"

namespace myoflag::fhir {

namespace {

// One rule of one item.
using ItemRule = void (*)(const FormItem& item, const Json& json, FormReport& report);

bool is_choice(const FormItem& item) {
  return item.type == ItemType::choice || item.type == ItemType::open_choice;
}

void que_1(const FormItem& item, const Json& json, FormReport& report) {
  const bool has_children = !json.array_of("item").empty();
  if (item.type == ItemType::group && !has_children) {
    report.error("MF-1309", "invariant", item.place, item.link_id,
                 "A group must have at least one item (que-1).");
  }
  if (item.type == ItemType::display && has_children) {
    report.error("MF-1310", "invariant", item.place, item.link_id,
                 "A display item cannot have items below it (que-1).");
  }
}

void que_3(const FormItem& item, const Json& /*json*/, FormReport& report) {
  if (item.type == ItemType::display && !item.codes.empty()) {
    report.error("MF-1311", "invariant", item.place, item.link_id,
                 "A display item cannot have a code (que-3).");
  }
}

void que_4(const FormItem& item, const Json& json, FormReport& report) {
  if (json.find("answerOption") != nullptr && !item.answer_value_set.empty()) {
    report.error("MF-1312", "invariant", item.place, item.link_id,
                 "An item has either answerOption or answerValueSet (que-4).");
  }
}

bool may_have_options(ItemType type) {
  return type == ItemType::choice || type == ItemType::open_choice || type == ItemType::integer ||
         type == ItemType::date || type == ItemType::time || type == ItemType::string;
}

void que_5(const FormItem& item, const Json& json, FormReport& report) {
  const bool bad_options = json.find("answerOption") != nullptr && !may_have_options(item.type);
  const bool bad_value_set = !item.answer_value_set.empty() && !is_choice(item);
  if (bad_options || bad_value_set) {
    report.error("MF-1313", "invariant", item.place, item.link_id,
                 fmt::format("An item of type {} cannot have a list of answers (que-5).",
                             fhir_name(item.type)));
  }
}

void que_6(const FormItem& item, const Json& json, FormReport& report) {
  if (item.type == ItemType::display &&
      (json.find("required") != nullptr || json.find("repeats") != nullptr)) {
    report.error("MF-1314", "invariant", item.place, item.link_id,
                 "A display item is neither required nor repeating (que-6).");
  }
}

void que_8(const FormItem& item, const Json& json, FormReport& report) {
  if (!is_question(item.type) && json.find("initial") != nullptr) {
    report.error("MF-1317", "invariant", item.place, item.link_id,
                 "A group or display item has no initial value (que-8).");
  }
}

void que_9(const FormItem& item, const Json& json, FormReport& report) {
  if (item.type == ItemType::display && json.find("readOnly") != nullptr) {
    report.error("MF-1318", "invariant", item.place, item.link_id,
                 "A display item cannot be read-only (que-9).");
  }
}

void que_10(const FormItem& item, const Json& /*json*/, FormReport& report) {
  switch (item.type) {
    case ItemType::boolean:
    case ItemType::decimal:
    case ItemType::integer:
    case ItemType::string:
    case ItemType::text:
    case ItemType::url:
    case ItemType::open_choice:
      return;
    default:
      break;
  }
  if (item.limits.max_length) {
    report.error(
        "MF-1319", "invariant", item.place, item.link_id,
        fmt::format("An item of type {} has no maximum length (que-10).", fhir_name(item.type)));
  }
}

void que_11(const FormItem& item, const Json& json, FormReport& report) {
  if (json.find("answerOption") != nullptr && json.find("initial") != nullptr) {
    report.error("MF-1320", "invariant", item.place, item.link_id,
                 "With answer options the initial answer is marked by initialSelected (que-11).");
  }
}

void que_13(const FormItem& item, const Json& json, FormReport& report) {
  const auto selected = std::count_if(item.options.begin(), item.options.end(),
                                      [](const auto& option) { return option.initially_selected; });
  if (!item.repeats && (json.array_of("initial").size() > 1 || selected > 1)) {
    report.error("MF-1322", "invariant", item.place, item.link_id,
                 "Several initial values need an item that repeats (que-13).");
  }
}

template <typename T>
bool is_above(const std::optional<T>& low, const std::optional<T>& high) {
  return low && high && *low > *high;
}

void limits_agree(const FormItem& item, const Json& /*json*/, FormReport& report) {
  const auto& limits = item.limits;
  bool contradiction = is_above(limits.min_length, limits.max_length) ||
                       is_above(limits.min_occurs, limits.max_occurs);
  if (limits.min_value && limits.max_value) {
    const auto order = compare(limits.min_value->ref(), limits.max_value->ref());
    contradiction = contradiction || (order && std::is_gt(*order));
  }
  if (contradiction || (!item.repeats && limits.min_occurs.value_or(0) > 1)) {
    report.error("MF-1337", "invariant", item.place, item.link_id,
                 "The limits contradict each other, so that no answer could be valid.");
  }
}

void choice_has_answers(const FormItem& item, const Json& /*json*/, FormReport& report) {
  if (is_choice(item) && item.options.empty() && item.answer_value_set.empty()) {
    report.warning("MF-1339", "business-rule", item.place, item.link_id,
                   "The choice lists no answers; any Coding will be accepted.");
  }
}

constexpr ItemRule item_rules[] = {que_1, que_3,  que_4,  que_5,  que_6,        que_8,
                                   que_9, que_10, que_11, que_13, limits_agree, choice_has_answers};

}  // namespace

void check_item_rules(const FormItem& item, const Json& json, FormReport& report) {
  for (const auto rule : item_rules) {
    rule(item, json, report);
  }
}

namespace {

bool holds(const std::vector<FormItem>& items, std::size_t ancestor, std::size_t index) {
  return ancestor <= index && index < items[ancestor].end;
}

// The lowest item above `index` that is or holds `target`; no_item when only the form does.
std::size_t common_scope(const std::vector<FormItem>& items, std::size_t index,
                         std::size_t target) {
  auto scope = items[index].parent;
  while (scope != no_item && !holds(items, scope, target)) {
    scope = items[scope].parent;
  }
  return scope;
}

// Whether one scope can hold several answers to the target.
bool may_have_many_answers(const std::vector<FormItem>& items, const EnableCondition& condition) {
  if (items[condition.target].repeats) {
    return true;
  }
  auto above =
      condition.target == condition.scope ? condition.scope : items[condition.target].parent;
  while (above != condition.scope && above != no_item) {
    if (items[above].repeats) {
      return true;
    }
    above = items[above].parent;
  }
  return false;
}

bool is_ordering(EnableOperator op) {
  return op == EnableOperator::greater || op == EnableOperator::less ||
         op == EnableOperator::at_least || op == EnableOperator::at_most;
}

class ConditionRules {
 public:
  ConditionRules(std::vector<FormItem>& items, const Questionnaire& form, FormReport& report)
      : items_(items), form_(form), report_(report) {}

  void resolve(std::size_t index) {
    auto& conditions = items_[index].enable_when;
    for (std::size_t i = 0; i < conditions.size(); ++i) {
      place_ = fmt::format("{}.enableWhen[{}]", items_[index].place, i);
      link_id_ = items_[index].link_id;
      resolve_target(index, conditions[i]);
    }
  }

 private:
  void error(std::string_view code, std::string text) {
    report_.error(code, "invariant", place_, link_id_, std::move(text));
  }

  void resolve_target(std::size_t index, EnableCondition& condition) {
    const auto target = form_.index_of(condition.question);
    if (target == no_item) {
      error("MF-1323", fmt::format("The condition asks about \"{}\", which is not in the form.",
                                   condition.question));
      return;
    }
    if (holds(items_, index, target)) {
      error("MF-1324", "The condition depends on the item itself or on one below it.");
      return;
    }
    if (target > index) {
      report_.warning("MF-1329", "business-rule", place_, link_id_,
                      "The condition asks about a question that comes later in the form.");
    }
    condition.target = target;
    condition.scope = common_scope(items_, index, target);
    check_answer(items_[target], condition);
    check_many_answers(condition);
  }

  void check_answer(const FormItem& target, const EnableCondition& condition) {
    if (!is_question(target.type)) {
      error("MF-1326", fmt::format("The condition asks about \"{}\", which never has an answer.",
                                   condition.question));
    } else if (condition.op == EnableOperator::exists) {
      if (condition.answer.type != ValueType::boolean) {
        error("MF-1316", "The operator exists needs answerBoolean (que-7).");
      }
    } else if (!accepts(target, condition.answer.type) ||
               condition.answer.type == ValueType::attachment) {
      error("MF-1327", fmt::format("The condition compares answers of \"{}\" with a value of type "
                                   "{}, which they never have.",
                                   condition.question, fhir_name(condition.answer.type)));
    } else if (is_ordering(condition.op) && !has_order(condition.answer.type)) {
      error("MF-1328", fmt::format("Values of type {} are neither greater nor less.",
                                   fhir_name(condition.answer.type)));
    }
  }

  void check_many_answers(const EnableCondition& condition) {
    if (condition.op == EnableOperator::not_equals && may_have_many_answers(items_, condition)) {
      error("MF-1330",
            fmt::format("\"{}\" can have several answers; whether != then means none or not all of "
                        "them is read differently by different systems.",
                        condition.question));
    }
  }

  std::vector<FormItem>& items_;
  const Questionnaire& form_;
  FormReport& report_;
  std::string place_;
  std::string link_id_;
};

}  // namespace

void resolve_conditions(std::vector<FormItem>& items, const Questionnaire& form,
                        FormReport& report) {
  ConditionRules rules(items, form, report);
  for (std::size_t i = 0; i < items.size(); ++i) {
    rules.resolve(i);
  }
}

namespace {

// Edges from an item to those that can only be decided after it.
struct Graph {
  std::vector<std::vector<std::size_t>> after;
  std::vector<std::size_t> before;  // how many edges come in
};

Graph dependencies(const std::vector<FormItem>& items) {
  Graph graph{std::vector<std::vector<std::size_t>>(items.size()),
              std::vector<std::size_t>(items.size(), 0)};
  const auto add = [&graph](std::size_t from, std::size_t to) {
    if (from != no_item) {
      graph.after[from].push_back(to);
      ++graph.before[to];
    }
  };
  for (std::size_t i = 0; i < items.size(); ++i) {
    add(items[i].parent, i);
    for (const auto& condition : items[i].enable_when) {
      add(condition.target, i);
    }
  }
  return graph;
}

// Takes away again and again what only waits for a circle, so that its members remain.
std::vector<bool> on_circle(const Graph& graph, const std::vector<std::size_t>& waiting) {
  std::vector<std::vector<std::size_t>> before(graph.after.size());
  std::vector<std::size_t> leaving(graph.after.size(), 0);
  for (std::size_t from = 0; from < graph.after.size(); ++from) {
    for (const auto to : graph.after[from]) {
      before[to].push_back(from);
      leaving[from] += waiting[to] > 0 ? 1u : 0u;
    }
  }
  std::vector<bool> member(graph.after.size());
  std::queue<std::size_t> ends;
  for (std::size_t i = 0; i < member.size(); ++i) {
    member[i] = waiting[i] > 0;
    if (member[i] && leaving[i] == 0) {
      ends.push(i);
    }
  }
  for (; !ends.empty(); ends.pop()) {
    member[ends.front()] = false;
    for (const auto from : before[ends.front()]) {
      if (--leaving[from] == 0 && member[from]) {
        ends.push(from);
      }
    }
  }
  return member;
}

}  // namespace

std::vector<std::size_t> decision_order(const std::vector<FormItem>& items, FormReport& report) {
  const auto graph = dependencies(items);
  auto waiting = graph.before;
  // The earliest item first, so that the order is that of the form wherever it can be.
  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (waiting[i] == 0) {
      ready.push(i);
    }
  }
  std::vector<std::size_t> order;
  order.reserve(items.size());
  while (!ready.empty()) {
    order.push_back(ready.top());
    ready.pop();
    for (const auto next : graph.after[order.back()]) {
      if (--waiting[next] == 0) {
        ready.push(next);
      }
    }
  }
  if (order.size() < items.size()) {
    const auto member = on_circle(graph, waiting);
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (member[i] && !items[i].enable_when.empty()) {
        report.error("MF-1325", "invariant", items[i].place, items[i].link_id,
                     "The conditions of these items depend on each other in a circle.");
      }
    }
  }
  return order;
}

namespace {

const Json* find_contained(const Json& form, std::string_view type, std::string_view reference) {
  for (const auto& resource : form.array_of("contained")) {
    if (resource.string_of("resourceType") != type) {
      continue;
    }
    const bool by_id =
        reference.starts_with('#') && resource.string_of("id") == reference.substr(1);
    const auto url = resource.string_of("url");
    const bool by_url = !url.empty() && reference.substr(0, reference.find('|')) == url;
    if (by_id || by_url) {
      return &resource;
    }
  }
  return nullptr;
}

Json coding_of(std::string_view system, std::string_view version, const Json& one) {
  Json coding;
  coding.set_if("system", system);
  coding.set_if("version", version);
  coding.set_if("code", one.string_of("code"));
  coding.set_if("display", one.string_of("display"));
  return coding;
}

// The expansion is a tree; entries without code or marked abstract only group others.
void collect_expansion(const Json& parent, std::vector<Json>& out) {
  std::vector<const Json*> pending{&parent};
  while (!pending.empty()) {
    const auto& level = *pending.back();
    pending.pop_back();
    for (const auto& entry : level.array_of("contains")) {
      const auto* abstract = entry.find("abstract");
      const bool chosen = abstract == nullptr || !abstract->is_bool() || !*abstract->as_bool();
      if (chosen && !entry.string_of("code").empty()) {
        out.push_back(coding_of(entry.string_of("system"), entry.string_of("version"), entry));
      }
      pending.push_back(&entry);
    }
  }
}

void collect_concepts(const Json& owner, std::string_view system, std::string_view version,
                      std::vector<Json>& out) {
  std::vector<const Json*> pending{&owner};
  while (!pending.empty()) {
    const auto& level = *pending.back();
    pending.pop_back();
    for (const auto& entry : level.array_of("concept")) {
      out.push_back(coding_of(system, version, entry));
      pending.push_back(&entry);
    }
  }
}

// Only plain lists: a filter, an exclusion or a reference to another value set needs a terminology
// server.
bool collect_include(const Json& form, const Json& include, std::vector<Json>& out) {
  const auto system = include.string_of("system");
  const auto version = include.string_of("version");
  if (include.find("filter") != nullptr || include.find("valueSet") != nullptr || system.empty()) {
    return false;
  }
  if (include.find("concept") != nullptr) {
    collect_concepts(include, system, version, out);
    return true;
  }
  const auto* code_system = find_contained(form, "CodeSystem", system);
  if (code_system == nullptr || code_system->string_of("content") != "complete") {
    return false;
  }
  collect_concepts(*code_system, system, version, out);
  return true;
}

}  // namespace

std::optional<std::vector<Json>> contained_value_set(const Json& form, std::string_view reference) {
  const auto* value_set = find_contained(form, "ValueSet", reference);
  if (value_set == nullptr) {
    return std::nullopt;
  }
  std::vector<Json> codings;
  if (const auto* expansion = value_set->find("expansion")) {
    collect_expansion(*expansion, codings);
    return codings;
  }
  const auto* compose = value_set->find("compose");
  if (compose == nullptr || compose->find("exclude") != nullptr ||
      compose->array_of("include").empty()) {
    return std::nullopt;
  }
  for (const auto& include : compose->array_of("include")) {
    if (!collect_include(form, include, codings)) {
      return std::nullopt;
    }
  }
  return codings;
}

}  // namespace myoflag::fhir
