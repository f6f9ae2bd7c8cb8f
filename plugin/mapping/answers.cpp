#include "plugin/mapping/answers.h"

#include <algorithm>
#include <array>
#include <compare>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "fhir/answer_value.h"
#include "fhir/decimal.h"
#include "plugin/mapping/code_system.h"
#include "plugin/mapping/one_of.h"
#include "plugin/mapping/vocabulary.h"

namespace myoflag::mapping {

namespace {

using fhir::Json;
using fhir::ValueType;
using rules::Item;
using rules::ItemState;
using rules::ItemType;

// The reason given for a missing value is that there was none, not that it got lost.
bool is_left_open(const Json& element) {
  constexpr std::array<std::string_view, 6> open{"unknown",   "asked-unknown",  "temp-unknown",
                                                 "not-asked", "asked-declined", "not-applicable"};
  const auto& extensions = element.array_of("extension");
  return std::any_of(extensions.begin(), extensions.end(), [&](const Json& extension) {
    return extension.string_of("url") == kDataAbsentReasonExtension &&
           is_one_of(extension.string_of("valueCode"), open);
  });
}

// Why a value is missing, wherever it stands beside one; not in what stands below the answer.
bool says_absent(const Json& element) {
  if (const auto* list = element.as_array()) {
    return std::any_of(list->begin(), list->end(), says_absent);
  }
  const auto* members = element.as_object();
  return members != nullptr &&
         (element.string_of("url") == kDataAbsentReasonExtension ||
          std::any_of(members->begin(), members->end(), [](const Json::Member& member) {
            return member.name != "item" && says_absent(member.value);
          }));
}

}  // namespace

bool was_left_open(const Json& answer) {
  const auto* members = answer.as_object();
  return is_left_open(answer) ||
         (members != nullptr &&
          std::any_of(members->begin(), members->end(), [](const Json::Member& member) {
            const std::string_view name = member.name;
            return (name.starts_with("_value") || name.starts_with("value")) &&
                   is_left_open(member.value);
          }));
}

bool is_within(const Item& item, std::string_view number) {
  const auto compared = [number](const rules::Number& limit) {
    return fhir::compare_decimals(number, rules::to_text(limit));
  };
  const auto low = item.min ? compared(*item.min) : std::strong_ordering::equal;
  const auto high = item.max ? compared(*item.max) : std::strong_ordering::equal;
  return low && high && *low >= 0 && *high <= 0;
}

void put_number(const Item& item, int index, std::optional<rules::Number> number,
                std::string_view written, Answers& answers) {
  const auto slot = static_cast<std::size_t>(index);
  const bool inside = number && is_within(item, written);
  answers.given.state[slot] = inside ? ItemState::answered : ItemState::invalid;
  if (inside) {
    answers.given.number[slot] = *number;
    return;
  }
  constexpr std::size_t most_shown = 40;
  const bool is_exact = number && fhir::compare_decimals(written, rules::to_text(*number)) ==
                                      std::strong_ordering::equal;
  std::string as_text = is_exact ? "" : std::string(written.substr(0, most_shown));
  answers.out_of_range.push_back({rules::SetAside::Why::out_of_range, index, 0,
                                  is_exact ? number : std::nullopt, std::move(as_text)});
}

namespace {

class Reader {
 public:
  Reader(const rules::Knowledge& knowledge, const fhir::Response& response)
      : knowledge_(knowledge), response_(response), answer_system_(answer_system(knowledge)) {}

  tl::expected<Answers, fhir::Issues> read() {
    for (std::size_t i = 0; i < response_.items().size(); ++i) {
      read_item(i);
    }
    if (!issues_.empty()) {
      return tl::unexpected(std::move(issues_));
    }
    for (std::size_t i = 0; i < knowledge_.items.size(); ++i) {
      if (contradicted_[i] && answers_.given.state[i] == ItemState::answered) {
        leave_open(i);
      }
    }
    std::stable_sort(answers_.free_text.begin(), answers_.free_text.end(),
                     [](const auto& a, const auto& b) { return a.item < b.item; });
    return std::move(answers_);
  }

 private:
  void read_item(std::size_t node) {
    const auto& found = response_.item(node);
    if (found.answer_count == 0) {
      return;  // says nothing, as the form's own words do that some clients send along
    }
    const int index = knowledge_.item(found.link_id());
    if (index < 0) {
      fail("MF-3025", "not-found", response_.place_of_item(node) + ".linkId", {},
           "The form has no item with this linkId.");
      return;
    }
    const auto& item = knowledge_.items[static_cast<std::size_t>(index)];
    if (seen_[static_cast<std::size_t>(index)]) {
      fail("MF-3023", "structure", response_.place_of_item(node), item.link_id,
           "The same question stands twice in the response.");
      return;
    }
    seen_[static_cast<std::size_t>(index)] = true;
    const auto& about_all = found.json->array_of("extension");
    contradicted_[static_cast<std::size_t>(index)] =
        std::any_of(about_all.begin(), about_all.end(), says_absent);
    for (std::size_t i = 0; i < found.answer_count; ++i) {
      read_answer(found.first_answer + i, found.answer_count == 1, index, item);
    }
  }

  // An `only` answer without a value can say that the question was left open. Beside others it is
  // something that got lost.
  void read_answer(std::size_t node, bool only, int index, const Item& item) {
    const auto& answer = response_.answer(node);
    if (answer.choice.members > 1) {
      fail_answer(node, item, "MF-3024", "structure", "An answer has two values.");
      return;
    }
    if (!answer.has_value()) {
      if (answer.choice.members > 0 && !answer.choice.extension_only) {
        fail_kind(node, item);
      }
      answers_.lacks_value = answers_.lacks_value || !only || !was_left_open(*answer.json);
      return;
    }
    const auto slot = static_cast<std::size_t>(index);
    const bool again = answers_.given.state[slot] != ItemState::not_shown;
    if (again && !item.repeats) {
      fail_answer(node, item, "MF-3023", "structure",
                  "The question takes one answer and has several.");
      return;
    }
    read_value(node, index, item, *answer.choice.value);
    contradicted_[slot] = contradicted_[slot] || says_absent(*answer.json);
  }

  void read_value(std::size_t node, int index, const Item& item, fhir::ValueRef value) {
    switch (item.type) {
      case ItemType::choice:
        read_choice(node, index, item, value);
        return;
      case ItemType::integer:
      case ItemType::decimal:
        read_number_value(node, index, item, value);
        return;
      case ItemType::text:
        read_text(node, index, item, value);
        return;
      case ItemType::group:
      case ItemType::display:
        fail_kind(node, item);
        return;
    }
  }

  // An answer that also says why it is missing: what it says to be there stays, what it denies is
  // not known.
  void leave_open(std::size_t slot) {
    const auto& item = knowledge_.items[slot];
    const bool is_positive = (answers_.given.chosen[slot] & item.positive()) != 0;
    answers_.lacks_value = true;
    if (item.type != ItemType::text && !is_positive) {
      answers_.given.state[slot] = ItemState::invalid;
      answers_.given.chosen[slot] = 0;
    }
  }

  void read_choice(std::size_t node, int index, const Item& item, fhir::ValueRef value) {
    if (value.type != ValueType::coding) {
      fail_kind(node, item);
      return;
    }
    const auto system = value.json->string_of("system");
    if (system.empty()) {
      fail_answer(node, item, "MF-3020", "code-invalid",
                  "The answer's coding has no system, so its code means nothing.");
      return;
    }
    if (system != answer_system_) {
      fail_answer(node, item, "MF-3021", "code-invalid",
                  fmt::format("The answer's coding is not from {}.", answer_system_));
      return;
    }
    const auto version = value.json->string_of("version");
    if (!version.empty() && version != knowledge_.version) {
      fail_answer(node, item, "MF-3038", "code-invalid",
                  "The answer's coding is of another version than the form; what its code means "
                  "there is not known.");
      return;
    }
    const int option = option_of_answer_code(item, value.json->string_of("code"));
    if (option < 0) {
      fail_answer(node, item, "MF-3022", "code-invalid",
                  "The answer's code is not an option of this question.");
      return;
    }
    const auto slot = static_cast<std::size_t>(index);
    answers_.given.state[slot] = ItemState::answered;
    answers_.given.chosen[slot] |= std::uint64_t{1} << option;
  }

  void read_number_value(std::size_t node, int index, const Item& item, fhir::ValueRef value) {
    const auto wanted = item.type == ItemType::integer ? ValueType::integer : ValueType::decimal;
    const auto* number = value.json->as_number();
    const bool fits = value.type == wanted && number != nullptr &&
                      (wanted == ValueType::decimal || fhir::to_integer(number->text));
    if (!fits) {
      fail_kind(node, item);
      return;
    }
    put_number(item, index, rules::read_number(number->text), number->text, answers_);
  }

  void read_text(std::size_t node, int index, const Item& item, fhir::ValueRef value) {
    const auto* text = value.json->as_string();
    if (value.type != ValueType::string || text == nullptr) {
      fail_kind(node, item);
      return;
    }
    if (fhir::is_blank(*text)) {
      return;
    }
    answers_.given.state[static_cast<std::size_t>(index)] = ItemState::answered;
    answers_.free_text.push_back({index, *text});
  }

  void fail_kind(std::size_t node, const Item& item) {
    fail_answer(node, item, "MF-3024", "structure",
                "The answer's value is of another kind than the question asks for.");
  }

  void fail_answer(std::size_t node, const Item& item, std::string_view code, std::string_view type,
                   std::string text) {
    fail(code, type, response_.place_of_answer(node), item.link_id, std::move(text));
  }

  void fail(std::string_view code, std::string_view type, std::string place, std::string link_id,
            std::string text) {
    issues_.push_back({fhir::Severity::error, std::string(type), std::string(code), std::move(text),
                       std::move(place), std::move(link_id)});
  }

  const rules::Knowledge& knowledge_;
  const fhir::Response& response_;
  std::string answer_system_;
  Answers answers_;
  std::array<bool, rules::kMaxItems> seen_{};
  std::array<bool, rules::kMaxItems> contradicted_{};  // answered, and said to be missing
  fhir::Issues issues_;
};

}  // namespace

tl::expected<Answers, fhir::Issues> read_answers(const rules::Knowledge& knowledge,
                                                 const fhir::Response& response) {
  return Reader(knowledge, response).read();
}

}  // namespace myoflag::mapping
