// Rules about items: where they sit, how often, in which order, and what must not be missing.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "fhir/response_check/validators.h"

namespace myoflag::fhir::response_check {

namespace {

std::string place_of(const Context& context, Enablement::Position position) {
  return position.answer != no_node ? context.response.place_of_answer(position.answer)
                                    : context.response.place_of_item(position.item);
}

void add_at(const Context& context, std::size_t item, Finding finding, Report& report) {
  if (report.is_full()) {
    return;
  }
  const auto bound = context.binding[item];
  report.add(std::move(finding), context.response.place_of_item(item),
             bound == no_item ? std::string() : context.form.item(bound).link_id);
}

bool has_both(const Json& item) {
  return item.find("answer") != nullptr && item.find("item") != nullptr;
}

}  // namespace

void report_misplaced(const Context& context, std::size_t item, Report& report) {
  if (report.is_full()) {
    return;
  }
  const auto& node = context.response.item(item);
  const auto parent = context.response.parent_of(item);
  const auto form_item = context.form.index_of(node.link_id());
  const auto place = context.response.place_of_item(item);
  if (node.link_id().empty()) {
    report.add({Severity::error, "required", "MF-1420", "The item has no linkId."}, place);
    return;
  }
  if (form_item == no_item) {
    report.add({Severity::error, "structure", "MF-1421",
                "The form has no item with the linkId given here."},
               place);
    return;
  }
  const auto& known = context.form.item(form_item);
  const bool right_parent = parent != no_node && context.binding[parent] == known.parent;
  if (!right_parent || known.parent == no_item) {
    report.add(
        {Severity::error, "structure", "MF-1422", "The form has this item in another place."},
        place, known.link_id);
  } else if (!has_both(*context.response.item(parent).json)) {
    report.add({Severity::error, "structure", "MF-1423",
                "Items below a question sit in its answers, items below a group in the group."},
               place, known.link_id);
  }
}

namespace {

// ---- one container
// -----------------------------------------------------------------------------------------------

void keeps_form_order(const Context& context, const Container& container, Report& report) {
  std::size_t highest = 0;
  for (auto i = container.first; i < container.last; i = context.response.item(i).end) {
    const auto bound = context.binding[i];
    if (bound == no_item) {
      continue;
    }
    if (bound < highest) {
      add_at(context, i,
             {Severity::warning, "structure", "MF-1427",
              "The items are not in the order of the form."},
             report);
      return;
    }
    highest = bound;
  }
}

struct Occurrences {
  std::size_t items = 0;
  std::size_t answers = 0;  // with a value
  std::size_t first = no_node;
  Truth enabled = Truth::yes;
  bool filled = false;  // an instance has something below it
};

// Instances of a child of the container's form item inside the container. A form item never holds
// itself, so every instance in the range is a direct child.
Occurrences count(const Context& context, const Container& container, std::size_t child) {
  Occurrences found;
  const auto& all = context.enablement.instances(child);
  auto instance = std::lower_bound(all.begin(), all.end(), container.first);
  for (; instance != all.end() && *instance < container.last; ++instance) {
    const auto& node = context.response.item(*instance);
    if (found.items++ == 0) {
      found.first = *instance;
      found.enabled = context.enablement.of(*instance);
    }
    found.filled = found.filled || node.end > *instance + 1;
    for (auto a = node.first_answer; a < node.first_answer + node.answer_count; ++a) {
      found.answers += context.response.answer(a).has_value() ? 1u : 0u;
    }
  }
  if (found.items == 0) {
    found.enabled = context.enablement.at(child, container.position);
  }
  return found;
}

std::string place_of(const Context& context, const Container& container, const Occurrences& found) {
  return found.first == no_node ? place_of(context, container.position)
                                : context.response.place_of_item(found.first);
}

void occurs_once(const FormItem& item, const Occurrences& found, const std::string& place,
                 Report& report) {
  if (found.items < 2) {
    return;
  }
  if (is_question(item.type)) {
    report.add({Severity::error, "structure", "MF-1426",
                "A question with several answers is one item with several answers, not several "
                "items."},
               place, item.link_id);
  } else if (!item.repeats) {
    report.add({Severity::error, "structure", "MF-1425", "The item occurs more than once."}, place,
               item.link_id);
  }
}

// Whether the answers so far leave anything that could stand in the group at this position.
bool has_live_children(const Context& context, std::size_t group, Enablement::Position position) {
  const auto& items = context.form.items();
  for (auto child = group + 1; child < items[group].end; child = items[child].end) {
    if (items[child].type != ItemType::display &&
        context.enablement.at(child, position) != Truth::no) {
      return true;
    }
  }
  return false;
}

bool is_owed(const Context& context, const Container& container, std::size_t form_item,
             const Occurrences& found) {
  const auto& item = context.form.item(form_item);
  if (item.type != ItemType::group || !item.required) {
    return item.required;
  }
  const auto inside =
      found.first == no_node ? container.position : Enablement::Position{found.first, no_node};
  return has_live_children(context, form_item, inside);
}

void occurs_often_enough(const FormItem& item, const Occurrences& found, bool owed,
                         const std::string& place, Report& report) {
  const auto number = is_question(item.type) ? found.answers : found.items;
  if (number == 0) {
    if (owed) {
      report.add(
          {Severity::error, "required", "MF-1430",
           is_question(item.type) ? "The question must be answered." : "The group must be there."},
          place, item.link_id);
    }
    return;
  }
  if (item.type == ItemType::group && owed && !found.filled) {
    report.add({Severity::error, "required", "MF-1431", "The group must hold at least one item."},
               place, item.link_id);
  }
  if (item.limits.min_occurs && number < static_cast<std::size_t>(*item.limits.min_occurs)) {
    report.add({Severity::error, "required", "MF-1434",
                fmt::format("At least {} are needed.", *item.limits.min_occurs)},
               place, item.link_id);
  }
}

void occurs_not_too_often(const FormItem& item, const Occurrences& found, const std::string& place,
                          Report& report) {
  const auto number = is_question(item.type) ? found.answers : found.items;
  if (item.limits.max_occurs && number > static_cast<std::size_t>(*item.limits.max_occurs)) {
    report.add({Severity::error, "business-rule", "MF-1435",
                fmt::format("No more than {} are allowed.", *item.limits.max_occurs)},
               place, item.link_id);
  }
}

void children_occur(const Context& context, const Container& container, Report& report);

void child_occurs(const Context& context, const Container& container, std::size_t child,
                  Report& report) {
  const auto& item = context.form.item(child);
  const auto found = count(context, container, child);
  if (found.enabled == Truth::no || item.type == ItemType::display) {
    if (item.type == ItemType::display && found.items > 1) {
      occurs_once(item, found, place_of(context, container, found), report);
    }
    return;
  }
  const auto place = place_of(context, container, found);
  occurs_once(item, found, place, report);
  occurs_not_too_often(item, found, place, report);
  if (!context.complete || found.enabled != Truth::yes) {
    return;
  }
  occurs_often_enough(item, found, is_owed(context, container, child, found), place, report);
  // Empty groups may be left out, so their required questions are as missing as in a group that is
  // there. A group that repeats may truly occur zero times.
  if (item.type == ItemType::group && found.items == 0 && !item.repeats && !item.required) {
    children_occur(context, {child, container.position, container.first, container.first}, report);
  }
}

void children_occur(const Context& context, const Container& container, Report& report) {
  const auto& items = context.form.items();
  const auto parent = container.form_parent;
  const auto end = parent == no_item ? items.size() : items[parent].end;
  for (auto child = parent == no_item ? 0 : parent + 1; child < end; child = items[child].end) {
    child_occurs(context, container, child, report);
  }
}

constexpr ContainerValidator container_validators[] = {keeps_form_order, children_occur};

// ---- one item
// ----------------------------------------------------------------------------------------------------

void has_answers_or_items(const Context& context, std::size_t item, Report& report) {
  if (has_both(*context.response.item(item).json)) {
    add_at(
        context, item,
        {Severity::error, "invariant", "MF-1424",
         "An item has either answers or items (qrs-1); items below a question sit in its answers."},
        report);
  }
}

void only_questions_have_answers(const Context& context, std::size_t item, Report& report) {
  if (!is_question(context.form_item(item).type) &&
      context.response.item(item).json->find("answer") != nullptr) {
    add_at(context, item,
           {Severity::error, "structure", "MF-1429", "A group or display item has no answer."},
           report);
  }
}

void several_answers_are_allowed(const Context& context, std::size_t item, Report& report) {
  if (!context.form_item(item).repeats && context.response.item(item).answer_count > 1) {
    add_at(context, item,
           {Severity::error, "structure", "MF-1433", "The question takes one answer only."},
           report);
  }
}

bool is_text_of(const FormItem& item, std::string_view text) {
  return text == item.text ||
         std::any_of(item.translations.begin(), item.translations.end(),
                     [text](const Translation& translation) { return translation.text == text; });
}

void text_is_that_of_the_form(const Context& context, std::size_t item, Report& report) {
  const auto* text = context.response.item(item).json->find("text");
  if (text == nullptr) {
    return;
  }
  if (!text->is_string() || !is_text_of(context.form_item(item), *text->as_string())) {
    report.add({Severity::warning, "business-rule", "MF-1428",
                "The text is not that of the form, so another question may have been asked."},
               context.response.place_of_item(item) + ".text", context.form_item(item).link_id);
  }
}

void is_decided(const Context& context, std::size_t item, Report& report) {
  const auto parent = context.response.parent_of(item);
  const bool first = parent == no_node || context.enablement.of(parent) == Truth::yes;
  if (context.enablement.of(item) == Truth::unknown && first) {
    add_at(
        context, item,
        {Severity::warning, "business-rule", "MF-1436",
         "Whether the form asks for this item cannot be decided: units differ, a date is partial, "
         "or the answer it depends on is not valid."},
        report);
  }
}

std::vector<ValueRef> values_of(const Context& context, std::size_t item) {
  std::vector<ValueRef> values;
  const auto& node = context.response.item(item);
  for (auto a = node.first_answer; a < node.first_answer + node.answer_count; ++a) {
    if (context.response.answer(a).has_value()) {
      values.push_back(*context.response.answer(a).choice.value);
    }
  }
  return values;
}

void exclusive_option_stands_alone(const Context& context, std::size_t item, Report& report) {
  if (context.response.item(item).answer_count < 2) {
    return;
  }
  const auto values = values_of(context, item);
  for (const auto& option : context.form_item(item).options) {
    if (!option.exclusive || values.size() < 2) {
      continue;
    }
    for (const auto value : values) {
      if (equal(value, option.value.ref()) == Truth::yes) {
        add_at(context, item,
               {Severity::error, "business-rule", "MF-1447",
                "An answer that excludes all others is chosen together with others."},
               report);
        return;
      }
    }
  }
}

void answers_differ(const Context& context, std::size_t item, Report& report) {
  if (context.form_item(item).options.empty() || context.response.item(item).answer_count < 2) {
    return;
  }
  std::set<std::string> seen;
  for (const auto value : values_of(context, item)) {
    if (!seen.insert(identity_key(value)).second) {
      add_at(context, item,
             {Severity::warning, "duplicate", "MF-1448", "The same option is chosen twice."},
             report);
      return;
    }
  }
}

void value_set_is_known(const Context& context, std::size_t item, Report& report) {
  const auto& form_item = context.form_item(item);
  if (!form_item.answer_value_set.empty() && !form_item.value_set_resolved &&
      context.response.item(item).answer_count > 0) {
    add_at(context, item,
           {Severity::warning, "not-supported", "MF-1446",
            "The value set is not known here; the codes were not checked against it."},
           report);
  }
}

constexpr ItemValidator item_validators[] = {
    has_answers_or_items,
    only_questions_have_answers,
    several_answers_are_allowed,
    text_is_that_of_the_form,
    is_decided,
    exclusive_option_stands_alone,
    answers_differ,
    value_set_is_known,
};

}  // namespace

void check_container(const Context& context, const Container& container, Report& report) {
  for (const auto validate : container_validators) {
    validate(context, container, report);
  }
}

void check_item(const Context& context, std::size_t item, Report& report) {
  for (const auto validate : item_validators) {
    validate(context, item, report);
  }
}

}  // namespace myoflag::fhir::response_check
