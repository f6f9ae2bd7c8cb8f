#include "plugin/browser/accept_language.h"

#include <algorithm>
#include <optional>

namespace myoflag::browser {

namespace {

constexpr std::size_t kMostBytes = 1'000;  // far more than browsers send

std::string_view trimmed(std::string_view text) {
  const auto begin = std::min(text.find_first_not_of(" \t"), text.size());
  const auto end = text.find_last_not_of(" \t");
  return text.substr(begin, end == std::string_view::npos ? 0 : end + 1 - begin);
}

// Takes off what stands before the first `mark`.
std::string_view taken(std::string_view& text, char mark) {
  const auto at = std::min(text.find(mark), text.size());
  const auto front = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return trimmed(front);
}

// Thousandths of "q=0.8"; 1000 where nothing is said, 0 where it cannot be read.
int weight_of(std::string_view parameter) {
  if (parameter.empty()) {
    return 1'000;
  }
  if (parameter.size() < 3 || parameter.size() > 7 || !parameter.starts_with("q=")) {
    return 0;
  }
  int value = 0;
  int step = 1'000;
  for (const char c : parameter.substr(2)) {
    if (c == '.' && step == 100) {
      continue;
    }
    if (c < '0' || c > '9') {
      return 0;
    }
    value += (c - '0') * step;
    step /= 10;
  }
  return std::min(value, 1'000);
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

// The tag, or what is left of it without its last parts.
std::optional<std::string> served(std::string_view tag, std::span<const std::string> offered) {
  while (!tag.empty()) {
    const auto found = std::find_if(offered.begin(), offered.end(), [&](const std::string& one) {
      return std::equal(one.begin(), one.end(), tag.begin(), tag.end(),
                        [](char a, char b) { return lower(a) == lower(b); });
    });
    if (found != offered.end()) {
      return *found;
    }
    const auto dash = tag.rfind('-');
    tag = tag.substr(0, dash == std::string_view::npos ? 0 : dash);
  }
  return std::nullopt;
}

}  // namespace

std::string preferred_language(std::string_view field, std::span<const std::string> offered) {
  field = field.substr(0, kMostBytes);
  std::string best;
  int best_weight = 0;
  while (!field.empty()) {
    auto range = taken(field, ',');
    const auto tag = taken(range, ';');
    const int weight = weight_of(trimmed(range));
    const auto language = served(tag, offered);
    if (language && weight > best_weight) {
      best = *language;
      best_weight = weight;
    }
  }
  return best;
}

}  // namespace myoflag::browser
