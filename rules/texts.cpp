#include "rules/texts.h"

#include <array>

namespace myoflag::rules {
namespace {

constexpr std::array<std::string_view, 19> kAssessmentKeys{
    "nothing-matched",  "informant",       "contradiction",
    "free-text-notice", "conflict",        "conflict-age",
    "stale-answers",    "undated-answers", "emergency-check-now",
    "lab-old",          "lab-unusable",    "record-missing",
    "record-problem",   "answer-disabled", "answer-out-of-range",
    "under-age",        "change",          "uncertain-list",
    "test-repeat",
};

constexpr std::array<std::string_view, 4> kResultKeys{"result-urgency-tier", "result-target-time",
                                                      "result-explanation", "result-method"};

}  // namespace

std::string fill(std::string_view text, std::initializer_list<Fill> values) {
  std::string out;
  while (!text.empty()) {
    const std::size_t open = text.find('{');
    out += text.substr(0, open);
    if (open == std::string_view::npos) {
      break;
    }
    text.remove_prefix(open);
    const std::size_t close = text.find('}');
    const std::string_view name = text.substr(1, close == std::string_view::npos ? 0 : close - 1);
    std::string_view value = text.substr(0, close == std::string_view::npos ? 1 : close + 1);
    const std::size_t used = value.size();
    for (const auto& [key, replacement] : values) {
      if (key == name) {
        value = replacement;
      }
    }
    out += value;
    text.remove_prefix(used);
  }
  return out;
}

std::span<const std::string_view> assessment_text_keys() { return kAssessmentKeys; }
std::span<const std::string_view> result_text_keys() { return kResultKeys; }

}  // namespace myoflag::rules
