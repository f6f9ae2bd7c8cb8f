#include "plugin/mapping/other_form_answers.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "plugin/mapping/code_system.h"
#include "plugin/mapping/vocabulary.h"

namespace myoflag::mapping {

namespace {

using fhir::Json;
using fhir::ValueType;
using rules::Item;
using rules::ItemState;
using rules::ItemType;
using rules::OtherForm;
using Question = OtherForm::Question;
using Value = OtherForm::Value;

std::string text_of(const Json& value) {
  if (const auto* number = value.as_number()) {
    return number->text;
  }
  const auto* text = value.as_string();
  return text != nullptr ? *text : std::string();
}

// The first of these members that says something.
std::string first_of(const Json& value, std::initializer_list<std::string_view> names) {
  for (const auto name : names) {
    if (const auto text = value.string_of(name); !fhir::is_blank(text)) {
      return std::string(text);
    }
  }
  return {};
}

std::string words_of(fhir::ValueRef value) {
  const auto& json = *value.json;
  switch (value.type) {
    case ValueType::coding:
      return first_of(json, {"display", "code"});
    case ValueType::quantity: {
      const auto* number = json.find("value");
      const auto unit = first_of(json, {"unit", "code"});
      const auto text = number == nullptr ? std::string() : text_of(*number);
      return text.empty() || unit.empty() ? text + unit : text + " " + unit;
    }
    case ValueType::reference:
      return first_of(json, {"display", "reference"});
    case ValueType::attachment:
      return first_of(json, {"title", "url", "contentType"});
    case ValueType::boolean: {
      const auto* flag = json.as_bool();
      return flag != nullptr ? (*flag ? "true" : "false") : "";
    }
    default:
      return text_of(json);
  }
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n";
  const auto first = text.find_first_not_of(blank);
  return first == std::string_view::npos
             ? std::string_view()
             : text.substr(first, text.find_last_not_of(blank) - first + 1);
}

bool means(const Value& known, fhir::ValueRef given) {
  switch (known.kind) {
    case Value::Kind::coding:
      return given.type == ValueType::coding && given.json->string_of("system") == known.system &&
             given.json->string_of("code") == known.value;
    case Value::Kind::text:
      return given.type == ValueType::string &&
             trimmed(text_of(*given.json)) == trimmed(known.value);
    case Value::Kind::boolean:
      return given.type == ValueType::boolean && words_of(given) == known.value;
  }
  return false;
}

class Reader {
 public:
  Reader(const rules::Knowledge& knowledge, const OtherForm& form, const fhir::Response& response)
      : knowledge_(knowledge), form_(form), response_(response) {}

  tl::expected<OtherFormAnswers, fhir::Issues> read() {
    for (std::size_t node = 0; node < response_.items().size(); ++node) {
      read_item(node);
    }
    if (!issues_.empty()) {
      return tl::unexpected(std::move(issues_));
    }
    auto& words = out_.answers.free_text;
    std::stable_sort(words.begin(), words.end(),
                     [](const auto& a, const auto& b) { return a.item < b.item; });
    return std::move(out_);
  }

 private:
  void read_item(std::size_t node) {
    const auto& found = response_.item(node);
    if (found.answer_count == 0) {
      return;
    }
    const auto* question = form_.question(found.link_id());
    if (question == nullptr) {
      hand_on(node);
    } else if (question->item >= 0) {
      read_question(node, *question);
    }
  }

  // The question in the words of the response; where it has none, its linkId.
  void hand_on(std::size_t node) {
    const auto& found = response_.item(node);
    const auto question = first_of(*found.json, {"text", "linkId"});
    bool said = false;
    for (std::size_t i = 0; i < found.answer_count; ++i) {
      const auto& answer = response_.answer(found.first_answer + i);
      const bool empty = answer.choice.members == 0 || answer.choice.extension_only;
      if (empty && was_left_open(*answer.json)) {
        continue;
      }
      said = true;
      out_.unread.push_back({question, answer.has_value() ? words_of(*answer.choice.value) : ""});
    }
    if (said) {
      out_.warnings.push_back({fhir::Severity::warning,
                               "not-supported",
                               "MF-3035",
                               "The binding of the form does not know this item; no rule reads its "
                               "answer.",
                               response_.place_of_item(node),
                               {}});
    }
  }

  void read_question(std::size_t node, const Question& question) {
    const auto& found = response_.item(node);
    const auto& item = knowledge_.items[static_cast<std::size_t>(question.item)];
    if (!seen_.insert(question.item).second) {
      fail("MF-3023", "structure", response_.place_of_item(node),
           "The same question stands twice in the response.");
      return;
    }
    for (std::size_t i = 0; i < found.answer_count; ++i) {
      read_answer(found.first_answer + i, found.answer_count == 1, question, item);
    }
  }

  void read_answer(std::size_t node, bool only, const Question& question, const Item& item) {
    const auto& answer = response_.answer(node);
    const auto place = response_.place_of_answer(node);
    if (answer.choice.members > 1) {
      fail("MF-3024", "structure", place, "An answer has two values.");
      return;
    }
    if (!answer.has_value()) {
      if (answer.choice.members > 0 && !answer.choice.extension_only) {
        fail_kind(place);
      }
      auto& lacks = out_.answers.lacks_value;
      lacks = lacks || !only || !was_left_open(*answer.json);
      return;
    }
    const auto slot = static_cast<std::size_t>(question.item);
    if (out_.answers.given.state[slot] != ItemState::not_shown && !item.repeats) {
      fail("MF-3023", "structure", place, "The question takes one answer and has several.");
      return;
    }
    read_value(place, question, item, *answer.choice.value);
  }

  void read_value(const std::string& place, const Question& question, const Item& item,
                  fhir::ValueRef value) {
    switch (item.type) {
      case ItemType::choice:
        read_choice(place, question, item, value);
        return;
      case ItemType::integer:
      case ItemType::decimal:
        read_number(place, question, item, value);
        return;
      case ItemType::text:
        read_text(place, question, value);
        return;
      case ItemType::group:
      case ItemType::display:
        fail_kind(place);
        return;
    }
  }

  // "None of these" of a form that offers only some of our options denies no others.
  void read_choice(const std::string& place, const Question& question, const Item& item,
                   fhir::ValueRef value) {
    const auto known = std::find_if(question.values.begin(), question.values.end(),
                                    [&](const Value& one) { return means(one, value); });
    if (known == question.values.end()) {
      fail("MF-3028", "code-invalid", place,
           "The binding of the form does not say what this value means.");
      return;
    }
    if (is_of_another_version(*value.json)) {
      fail("MF-3038", "code-invalid", place,
           "The answer's coding is of another version than the form; what its code means there is "
           "not known.");
      return;
    }
    const auto slot = static_cast<std::size_t>(question.item);
    auto& chosen = out_.answers.given.chosen[slot];
    out_.answers.given.state[slot] = ItemState::answered;
    chosen |= std::uint64_t{1} << static_cast<unsigned>(known->option);
    if (question.partial) {
      chosen = (chosen & ~item.none) | rules::kNotOffered;
    }
  }

  // An earlier version of our own form has the version of our codes.
  bool is_of_another_version(const Json& coding) const {
    const auto version = coding.string_of("version");
    return !version.empty() && !form_.version.empty() && version != form_.version &&
           form_.url == knowledge_.form_url() &&
           coding.string_of("system") == answer_system(knowledge_);
  }

  void read_number(const std::string& place, const Question& question, const Item& item,
                   fhir::ValueRef value) {
    const bool is_quantity = value.type == ValueType::quantity;
    const auto* json = is_quantity ? value.json->find("value") : value.json;
    const auto* number = json == nullptr ? nullptr : json->as_number();
    const bool is_plain = value.type == ValueType::integer || value.type == ValueType::decimal;
    if (number == nullptr || !(is_plain || is_quantity)) {
      fail_kind(place);
      return;
    }
    if (is_quantity && !is_in_unit(*value.json, question, item)) {
      fail("MF-3029", "not-supported", place,
           "The number is in another unit than the binding of the form names, or not exact.");
      return;
    }
    const auto given = rules::read_number(number->text);
    const auto ours = given ? rules::product(*given, question.factor) : std::nullopt;
    const bool whole = ours && ours->nano % rules::whole(1).nano == 0;
    if (ours && !whole && item.type == ItemType::integer) {
      fail("MF-3029", "not-supported", place,
           "Our question asks for whole numbers, and this one is none.");
      return;
    }
    put_number(item, question.item, ours, ours ? rules::to_text(*ours) : number->text,
               out_.answers);
  }

  static bool is_in_unit(const Json& quantity, const Question& question, const Item& item) {
    const auto system = quantity.string_of("system");
    const auto& unit = question.unit.empty() ? item.unit : question.unit;
    const bool is_ucum = system.empty() || system == kUcum;
    return is_ucum && !quantity.has("comparator") && first_of(quantity, {"code", "unit"}) == unit;
  }

  void read_text(const std::string& place, const Question& question, fhir::ValueRef value) {
    if (value.type != ValueType::string) {
      fail_kind(place);
      return;
    }
    const auto text = text_of(*value.json);
    if (!fhir::is_blank(text)) {
      out_.answers.given.state[static_cast<std::size_t>(question.item)] = ItemState::answered;
      out_.answers.free_text.push_back({question.item, text});
    }
  }

  void fail_kind(const std::string& place) {
    fail("MF-3024", "structure", place,
         "The answer's value is of another kind than the question asks for.");
  }

  // The linkIds of another form are no words of ours: they stay out of errors.
  void fail(std::string_view code, std::string_view type, std::string place, std::string text) {
    issues_.push_back({fhir::Severity::error,
                       std::string(type),
                       std::string(code),
                       std::move(text),
                       std::move(place),
                       {}});
  }

  const rules::Knowledge& knowledge_;
  const OtherForm& form_;
  const fhir::Response& response_;
  OtherFormAnswers out_;
  std::set<int> seen_;
  fhir::Issues issues_;
};

}  // namespace

const OtherForm* other_form_of(const rules::Knowledge& knowledge, const Json& response) {
  const auto canonical = fhir::split_canonical(response.string_of("questionnaire"));
  return knowledge.other_form(canonical.url, canonical.version);
}

tl::expected<OtherFormAnswers, fhir::Issues> read_other_form(const rules::Knowledge& knowledge,
                                                             const OtherForm& form,
                                                             const fhir::Response& response) {
  return Reader(knowledge, form, response).read();
}

}  // namespace myoflag::mapping
