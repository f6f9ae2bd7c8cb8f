#include "rules/explain/page.h"

#include <algorithm>

namespace myoflag::rules::explaining {

Line line(std::string text, std::string basis, int indent, Line::Style style) {
  return {std::move(text), std::move(basis), indent, style, {}};
}

Page::Page(const Assessment& assessment, const ExplainOptions& options)
    : assessment_(assessment), all_(options.all), groups_(group_fired(assessment)) {}

bool Page::words_come_first() const {
  return !assessment_.input->free_text.empty() && assessment_.tier <= knowledge().unread_words;
}

std::string Page::say(std::string_view key, std::initializer_list<Fill> values) const {
  return rules::say(knowledge(), key, values);
}

const std::string& Page::label(Tier tier) const {
  return knowledge().tiers[static_cast<std::size_t>(tier)].label;
}

std::size_t Page::shown(std::size_t total, std::size_t usual) const {
  return all_ || total <= usual + 1 ? total : usual;
}

std::string Page::more(std::size_t count) const {
  shortened_ = true;
  return say("explain-more", {{"count", std::to_string(count)}});
}

std::string Page::shortened(const Texts& parts, std::size_t usual, std::string_view between) const {
  const std::size_t count = shown(parts.size(), usual);
  Texts head(parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(count));
  if (count < parts.size()) {
    head.push_back(more(parts.size() - count));
  }
  return joined(head, between);
}

std::vector<std::size_t> Page::sorted_numbers(const std::vector<const Rule*>& rules) const {
  std::vector<std::size_t> numbers;
  for (const Rule* rule : rules) {
    if (const auto found = groups_.numbers.find(rule); found != groups_.numbers.end()) {
      numbers.push_back(found->second);
    }
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

std::string Page::numbers_of(const std::vector<const Rule*>& rules) const {
  return joined_numbers(sorted_numbers(rules));
}

std::string joined_numbers(const std::vector<std::size_t>& numbers) {
  Texts texts;
  for (const std::size_t number : numbers) {
    texts.push_back(std::to_string(number));
  }
  return joined(texts, ", ");
}

Texts option_list(const Item& item, std::uint64_t options) {
  Texts texts;
  for (std::size_t i = 0; i < item.options.size(); ++i) {
    if ((options >> i & 1U) != 0) {
      texts.push_back('"' + item.options[i].text + '"');
    }
  }
  return texts;
}

}  // namespace myoflag::rules::explaining
