#pragma once
// The answer to one question among the fields that a browser posts.

#include <optional>
#include <string>
#include <string_view>

#include "plugin/browser/form.h"
#include "plugin/intake/flow.h"
#include "rules/knowledge.h"

namespace myoflag::intake {

inline constexpr std::size_t kMostText = 4'000;  // characters of one free text

enum class Slip {
  none,
  nothing_chosen,
  none_and_other,  // "none of these" beside something
  no_number,
  no_whole_number,
  out_of_range,
  text_too_long,
};

struct Given {
  Answer answer;
  Slip slip = Slip::none;
  std::string typed;  // of numbers and texts, as it came
};

// As typed, but for digits and the decimal sign of other scripts, which become ours.
std::string plain_digits(std::string_view typed);

// The answer to this question. Nothing: no form of ours sends that (an unknown option, two answers
// where one is possible). An empty free text is passed over.
std::optional<Given> read_answer(const rules::Item& item, const browser::Fields& fields);

}  // namespace myoflag::intake
