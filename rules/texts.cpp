#include "rules/texts.h"

#include <array>

namespace myoflag::rules {
namespace {

constexpr std::array<std::string_view, 24> kAssessmentKeys{
    "doubt-unfinished",
    "doubt-newer-begun",
    "doubt-newer-unreadable",
    "doubt-other-words",
    "doubt-subject-assumed",
    "nothing-matched",
    "informant",
    "contradiction",
    "free-text-notice",
    "conflict",
    "conflict-age",
    "stale-answers",
    "undated-answers",
    "emergency-check-now",
    "lab-old",
    "lab-unusable",
    "record-missing",
    "record-problem",
    "answer-disabled",
    "answer-out-of-range",
    "under-age",
    "change",
    "uncertain-list",
    "test-repeat",
};

constexpr std::array<std::string_view, 4> kResultKeys{"result-urgency-tier", "result-target-time",
                                                      "result-explanation", "result-method"};

constexpr std::array<std::string_view, 31> kRecordKeys{"record-page",
                                                       "record-nothing",
                                                       "record-request",
                                                       "record-outcome",
                                                       "record-whose",
                                                       "record-modified",
                                                       "record-elsewhere",
                                                       "record-unreadable",
                                                       "record-earlier-version",
                                                       "record-earlier-whose",
                                                       "record-earlier-unreadable",
                                                       "record-more",
                                                       "record-birth-date",
                                                       "record-ages",
                                                       "record-died",
                                                       "record-no-medicine",
                                                       "record-no-start",
                                                       "record-cut",
                                                       "record-ordered",
                                                       "record-lab-unused",
                                                       "record-lab-bound",
                                                       "record-lab-differ",
                                                       "record-lab-undated",
                                                       "record-lab-future",
                                                       "record-lab-not-final",
                                                       "record-lab-no-value",
                                                       "record-lab-no-quantity",
                                                       "record-lab-comparator",
                                                       "record-lab-unit",
                                                       "record-lab-no-limit",
                                                       "record-lab-number"};

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
std::span<const std::string_view> record_text_keys() { return kRecordKeys; }

}  // namespace myoflag::rules
