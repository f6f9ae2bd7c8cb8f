// Rules about one answer: one value, of the right type, among the options and within the limits.
#include <algorithm>

#include <fmt/format.h>

#include "fhir/decimal.h"
#include "fhir/response_check/validators.h"

namespace myoflag::fhir::response_check {

void add_at_answer(const Context& context, std::size_t answer, Finding finding, Report& report) {
  if (report.is_full()) {
    return;
  }
  const auto& node = context.response.answer(answer);
  auto place = context.response.place_of_answer(answer);
  if (node.has_value()) {
    place += ".value";
  }
  report.add(std::move(finding), std::move(place), context.form_item(node.item).link_id);
}

const FormItem& item_of(const Context& context, std::size_t answer) {
  return context.form_item(context.response.answer(answer).item);
}

ValueRef value_of(const Context& context, std::size_t answer) {
  return *context.response.answer(answer).choice.value;
}

namespace {

bool has_data_absent_reason(const Json& element) {
  const auto& extensions = element.array_of("extension");
  return std::any_of(extensions.begin(), extensions.end(), [](const Json& extension) {
    return extension.string_of("url") == data_absent_reason_url;
  });
}

// The rules that decide whether there is a value to look at at all; the first that fails ends the
// matter.
using UsableRule = bool (*)(const Context&, std::size_t answer, Report&);

bool has_one_value(const Context& context, std::size_t answer, Report& report) {
  const auto& choice = context.response.answer(answer).choice;
  if (choice.members == 1 && choice.value) {
    return true;
  }
  if (choice.members > 0) {
    add_at_answer(context, answer,
                  {Severity::error, "structure", "MF-1441",
                   "An answer has exactly one value, of a type that questionnaires know."},
                  report);
    return false;
  }
  // What says why there is no value is legal, and as good as not answered.
  const bool is_explained =
      choice.extension_only || has_data_absent_reason(*context.response.answer(answer).json);
  add_at_answer(context, answer,
                {is_explained ? Severity::warning : Severity::error, "required", "MF-1440",
                 "The answer has no value."},
                report);
  return false;
}

bool has_right_type(const Context& context, std::size_t answer, Report& report) {
  const auto& item = item_of(context, answer);
  if (accepts(item, value_of(context, answer).type)) {
    return true;
  }
  add_at_answer(context, answer,
                {Severity::error, "value", "MF-1442",
                 fmt::format("An answer of type {} does not fit a question of type {}.",
                             fhir_name(value_of(context, answer).type), fhir_name(item.type))},
                report);
  return false;
}

bool is_well_formed(const Context& context, std::size_t answer, Report& report) {
  auto problem = format_problem(value_of(context, answer));
  if (!problem) {
    return true;
  }
  add_at_answer(context, answer, {Severity::error, "value", "MF-1443", *std::move(problem)},
                report);
  return false;
}

constexpr UsableRule usable_rules[] = {has_one_value, has_right_type, is_well_formed};

// ---- options
// -----------------------------------------------------------------------------------------------------

bool is_free_text(const FormItem& item, ValueRef value) {
  return item.type == ItemType::open_choice && value.type == ValueType::string;
}

bool is_among(const std::vector<std::string>& words, std::string_view display) {
  return std::find(words.begin(), words.end(), loose_form(display)) != words.end();
}

// The code counts, but a person may have seen the words. Those of another option of the question
// leave it open which was meant.
void has_the_words_of(const Context& context, std::size_t answer, const AnswerOption& option,
                      Report& report) {
  const auto value = value_of(context, answer);
  const auto display = value.json->string_of("display");
  if (value.type != ValueType::coding || display.empty() || option.words.empty() ||
      is_among(option.words, display)) {
    return;
  }
  const auto& options = item_of(context, answer).options;
  if (std::any_of(options.begin(), options.end(), [display](const AnswerOption& other) {
        return is_among(other.words, display);
      })) {
    add_at_answer(context, answer,
                  {Severity::error, "business-rule", "MF-1458",
                   "The words beside the code are those of another option."},
                  report);
  } else {
    add_at_answer(context, answer,
                  {Severity::warning, "business-rule", "MF-1449",
                   "The words beside the code are not those of the option; the code counts."},
                  report);
  }
}

void is_one_of_the_options(const Context& context, std::size_t answer, Report& report) {
  const auto& item = item_of(context, answer);
  const auto value = value_of(context, answer);
  if (item.options.empty() || is_free_text(item, value)) {
    return;
  }
  const auto found =
      std::find_if(item.options.begin(), item.options.end(), [value](const AnswerOption& option) {
        return equal(value, option.value.ref()) == Truth::yes;
      });
  if (found != item.options.end()) {
    has_the_words_of(context, answer, *found, report);
    return;
  }
  add_at_answer(context, answer,
                {Severity::error, "code-invalid", "MF-1444",
                 "The answer is not among those that the form offers."},
                report);
}

void is_in_the_value_set(const Context& context, std::size_t answer, Report& report) {
  const auto& item = item_of(context, answer);
  const auto value = value_of(context, answer);
  if (!item.value_set_resolved || value.type != ValueType::coding) {
    return;
  }
  const bool found =
      std::any_of(item.value_set_codings.begin(), item.value_set_codings.end(),
                  [value](const Json& coding) { return same_coding(*value.json, coding); });
  if (!found) {
    add_at_answer(context, answer,
                  {Severity::error, "code-invalid", "MF-1445",
                   "The code is not in the value set of the question."},
                  report);
  }
}

// ---- texts
// -------------------------------------------------------------------------------------------------------

// What the patient would have typed; nullopt for values that are not typed.
std::optional<std::string_view> typed_text(ValueRef value) {
  if (const auto* text = value.json->as_string()) {
    return *text;
  }
  if (const auto* number = value.json->as_number()) {
    return number->text;
  }
  if (const auto* flag = value.json->as_bool()) {
    return *flag ? "true" : "false";
  }
  return std::nullopt;
}

void has_a_fitting_length(const Context& context, std::size_t answer, Report& report) {
  const auto& limits = item_of(context, answer).limits;
  const auto text = typed_text(value_of(context, answer));
  if (!text || (!limits.max_length && !limits.min_length)) {
    return;
  }
  const auto length = static_cast<std::int64_t>(count_characters(*text));
  if (limits.max_length && length > *limits.max_length) {
    add_at_answer(context, answer,
                  {Severity::error, "too-long", "MF-1450",
                   fmt::format("The answer is longer than {} characters.", *limits.max_length)},
                  report);
  }
  if (limits.min_length && length < *limits.min_length) {
    add_at_answer(context, answer,
                  {Severity::error, "value", "MF-1451",
                   fmt::format("The answer is shorter than {} characters.", *limits.min_length)},
                  report);
  }
}

void matches_the_pattern(const Context& context, std::size_t answer, Report& report) {
  const auto& pattern = item_of(context, answer).limits.pattern;
  const auto text = typed_text(value_of(context, answer));
  if (pattern != nullptr && text && !pattern->matches(*text)) {
    add_at_answer(context, answer,
                  {Severity::error, "value", "MF-1452",
                   "The answer is not written in the way the form asks for."},
                  report);
  }
}

// ---- limits
// ------------------------------------------------------------------------------------------------------

// Nullopt when there is no such limit, or a reason to say that it cannot be decided.
std::optional<std::strong_ordering> order_to(ValueRef value, const std::optional<OwnedValue>& limit,
                                             bool& undecided) {
  const auto order = limit ? compare(value, limit->ref()) : std::nullopt;
  undecided = undecided || (limit && !order);
  return order;
}

void is_within_the_limits(const Context& context, std::size_t answer, Report& report) {
  const auto& limits = item_of(context, answer).limits;
  const auto value = value_of(context, answer);
  bool undecided = false;
  const auto low = order_to(value, limits.min_value, undecided);
  const auto high = order_to(value, limits.max_value, undecided);
  if (low && std::is_lt(*low)) {
    add_at_answer(
        context, answer,
        {Severity::error, "value", "MF-1454", "The answer is below the smallest allowed."}, report);
  } else if (high && std::is_gt(*high)) {
    add_at_answer(context, answer,
                  {Severity::error, "value", "MF-1455", "The answer is above the largest allowed."},
                  report);
  } else if (undecided) {
    add_at_answer(context, answer,
                  {Severity::warning, "value", "MF-1460",
                   "Whether the answer is within the limit cannot be decided: the units differ, or "
                   "a date is partial."},
                  report);
  }
}

const Json::Number* number_of(ValueRef value) {
  const auto* number = value.type == ValueType::quantity ? value.json->find("value") : value.json;
  return number == nullptr ? nullptr : number->as_number();
}

void has_few_decimal_places(const Context& context, std::size_t answer, Report& report) {
  const auto& limit = item_of(context, answer).limits.max_decimal_places;
  const auto* number = number_of(value_of(context, answer));
  if (!limit || number == nullptr) {
    return;
  }
  const auto places = decimal_places(number->text);
  if (!places || *places > *limit) {
    add_at_answer(context, answer,
                  {Severity::error, "value", "MF-1456",
                   fmt::format("The answer has more than {} digits after the point.", *limit)},
                  report);
  }
}

constexpr AnswerValidator rules[] = {is_one_of_the_options, is_in_the_value_set,
                                     has_a_fitting_length,  matches_the_pattern,
                                     is_within_the_limits,  has_few_decimal_places};

}  // namespace

std::span<const AnswerValidator> value_rules() { return rules; }

void check_answer(const Context& context, std::size_t answer, Report& report) {
  for (const auto is_usable : usable_rules) {
    if (!is_usable(context, answer, report)) {
      return;
    }
  }
  for (const auto list : {value_rules(), complex_value_rules()}) {
    for (const auto validate : list) {
      validate(context, answer, report);
    }
  }
}

}  // namespace myoflag::fhir::response_check
