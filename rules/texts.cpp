#include "rules/texts.h"

#include <algorithm>

namespace myoflag::rules {
namespace {

constexpr TextKey kKeys[] = {
    // about the result
    {"nothing-matched"},
    {"patient-neutral"},
    {"under-age", "age"},
    {"emergency-check-old", "", "hours"},
    {"emergency-check-vague", "when", "hours"},
    {"emergency-check-undated"},
    {"emergency-check-batch"},
    {"change", "question answer"},
    {"vanished", "flags answers when"},
    {"vanished-undated", "flags answers"},
    {"denied", "answers when now"},
    {"denied-undated", "answers"},
    {"test-repeat", "test"},
    {"test-unread", "test"},
    // about the answers
    {"stale-answers", "", "days"},
    {"stale-answers-vague", "when", "days"},
    {"undated-answers", "", "days"},
    {"doubt-unfinished"},
    {"doubt-newer-begun"},
    {"doubt-newer-unreadable"},
    {"doubt-other-words"},
    {"doubt-subject-assumed"},
    {"doubt-no-value"},
    {"doubt-narrative"},
    {"doubt-not-applying"},
    {"doubt-person-differs"},
    {"doubt-record-set-aside"},
    {"doubt-earlier-unread"},
    {"doubt-answers-unread"},
    {"other-form", "title"},
    {"unread-answer", "question answer"},
    {"unread-more", "", "count"},
    {"unread-extensions", "extensions"},
    {"contradiction", "question answer"},
    {"uncertain-list", "question"},
    {"informant", "question answer"},
    {"free-text-notice", "question"},
    {"answer-disabled", "question answer"},
    {"answer-out-of-range", "question answer"},
    // about the record
    {"record-missing"},
    {"record-unused"},
    {"record-problem", "problem"},
    {"record-page"},
    {"record-place", "number"},
    {"record-place-whole"},
    {"record-nothing", "place"},
    {"record-request", "place"},
    {"record-outcome", "place"},
    {"record-whose", "place"},
    {"record-modified", "place"},
    {"record-subsetted", "place"},
    {"record-elsewhere", "place"},
    {"record-unreadable", "place"},
    {"record-earlier-version"},
    {"record-earlier-whose"},
    {"record-earlier-unreadable"},
    {"record-earlier-words"},
    {"record-more"},
    {"record-types-unread", "types", "count"},
    {"record-birth-date"},
    {"record-ages", "lowest highest"},
    {"record-died"},
    {"record-inactive", "place"},
    {"record-replaced", "place"},
    {"record-no-code", "place"},
    {"record-status-unknown", "place"},
    {"record-no-medicine", "place"},
    {"record-no-start", "place"},
    {"record-cut", "", "count"},
    {"record-not-judged", "count"},
    {"record-value-dated", "value date"},
    {"record-values", "values"},
    {"record-values-more", "values count"},
    {"record-ordered", "test"},
    {"record-lab-unused", "lab reason"},
    {"record-lab-bound", "lab"},
    {"record-lab-differ", "lab"},
    {"record-lab-undated"},
    {"record-lab-lasting"},
    {"record-lab-future"},
    {"record-lab-not-final"},
    {"record-lab-survey"},
    {"record-lab-other-kind"},
    {"record-pregnancy-unread", "place"},
    {"record-lab-abnormal", "lab"},
    {"record-lab-negative"},
    {"record-lab-not-judged", "lab"},
    {"record-lab-note", "lab"},
    {"record-lab-limits", "lab"},
    {"record-family", "relative conditions"},
    {"record-lab-doubtful", "lab reason"},
    {"record-no-rule-reads"},
    {"record-lab-set-aside"},
    {"record-lab-empty"},
    {"record-lab-no-value"},
    {"record-lab-no-quantity"},
    {"record-lab-comparator"},
    {"record-lab-unit"},
    {"record-lab-no-limit"},
    {"record-lab-number"},
    {"record-result-missing", "place"},
    {"record-report-unread", "place"},
    {"record-report-words", "place"},
    {"record-device-unread", "device"},
    {"record-statement", "type words"},
    {"record-unnamed"},
    {"record-medicine-ended", "medicine"},
    {"record-response-inside", "place"},
    {"record-response-nameless", "place"},
    {"record-parameters", "place"},
    {"record-joins"},
    {"record-qualifiers"},
    {"record-urgent-visits"},
    {"record-instruments"},
    {"record-unknown-code", "place"},
    {"record-lab-two-units"},
    {"conflict", "question patient record"},
    {"conflict-age", "patient record"},
    {"lab-old", "lab result", "days"},
    {"lab-old-partly", "lab result", "days"},
    {"lab-unusable", "lab result"},
    // what written results are called
    {"result-urgency-tier"},
    {"result-target-time"},
    {"result-explanation"},
    {"result-method"},
    // the explanation
    {"explain-headline", "tier target"},
    {"earlier-answer", "answer when"},
    {"earlier-answer-undated", "answer"},
    {"explain-headline-by", "tier target when"},
    {"explain-headline-day", "tier target day"},
    {"explain-why-line", "title answer"},
    {"explain-subject-years", "years"},
    {"explain-subject-ages", "patient record"},
    {"explain-authored", "when"},
    {"explain-appointment", "when"},
    {"explain-appointment-late", "when"},
    {"explain-title-why"},
    {"explain-title-not-excluded"},
    {"explain-title-words"},
    {"explain-title-conflicts"},
    {"explain-title-answers"},
    {"explain-title-notices"},
    {"explain-title-hypotheses"},
    {"explain-title-workups"},
    {"explain-title-withheld"},
    {"explain-title-changes"},
    {"explain-title-advice"},
    {"explain-title-excluded"},
    {"explain-title-sources"},
    {"explain-title-provenance"},
    {"explain-finding", "number title when"},
    {"explain-when", "tier target"},
    {"explain-also", "finding"},
    {"explain-more", "count"},
    {"explain-answer", "question answer"},
    {"explain-answer-record", "question answer"},
    {"explain-answer-unread", "question answer"},
    {"explain-record-unread", "answer"},
    {"explain-excluded-unread", "entries"},
    {"explain-dated", "answer date"},
    {"explain-answer-lab", "test value unit", "days"},
    {"explain-answer-lab-as", "record test value unit", "days"},
    {"explain-answer-lab-plain", "record test", "days"},
    {"explain-answer-lab-times", "record test value", "days"},
    {"explain-answered-none", "questions"},
    {"explain-no-answer"},
    {"explain-ask", "label state"},
    {"explain-could-be", "tier findings"},
    {"explain-waiting", "findings"},
    {"explain-question", "question"},
    {"explain-question-options", "question answers"},
    {"explain-hypotheses", "hypotheses findings"},
    {"explain-gap-skipped"},
    {"explain-gap-unsure"},
    {"explain-gap-declined"},
    {"explain-gap-contradicted"},
    {"explain-gap-invalid"},
    {"explain-gap-not-asked"},
    {"explain-gap-denied-earlier"},
    {"explain-gap-denied-in-part"},
    {"explain-words-unread"},
    {"explain-workup", "test findings"},
    {"explain-workup-against", "findings"},
    {"explain-workup-note", "tests note"},
    {"explain-withheld", "test findings against"},
    {"explain-done", "test done"},
    {"explain-done-when", "when"},
    {"explain-bounds", "lowest highest"},
    {"explain-change", "tier answers"},
    {"explain-changes-cut"},
    {"explain-change-answer", "question answer"},
    {"explain-or"},
    {"explain-and"},
    {"explain-knowledge", "version digest when", "title"},
    {"explain-response", "id"},
    {"explain-not-needed", "questions"},
    {"explain-disclaimer"},
    {"explain-source", "id grade title address"},
    {"explain-not-judged"},
    {"explain-not-asked-for"},
    {"explain-named-in-record"},
    // cards
    {"card-source", "title"},
    {"card-summary", "tier reason when"},
    {"card-summary-undated", "tier reason"},
    {"card-reason-none"},
    {"card-reason-words"},
    {"card-reason-check", "reason"},
    {"card-title-data"},
    {"card-answers", "when", "days"},
    {"card-answers-today", "when"},
    {"card-answers-undated"},
    {"card-record-read", "data"},
    {"card-record-none", "data"},
    {"card-data-patient"},
    {"card-data-intake"},
    {"card-data-flags"},
    {"card-data-labs"},
    {"card-data-conditions"},
    {"card-data-meds"},
    {"card-data-orders"},
    {"card-missing-not-provided", "data"},
    {"card-missing-failed", "data"},
    {"card-missing-unusable", "data"},
    {"card-entry", "data number"},
    {"card-more", "", "lines"},
    {"card-words-cut", "", "characters"},
    {"card-nobody"},
    {"card-ordered", "test"},
    {"card-title-ordered"},
    {"card-suggestion", "test"},
    {"card-action", "test"},
    {"card-link-summary"},
    {"card-unreadable"},
    {"card-unreadable-detail"},
    {"card-unreadable-reason", "code reason"},
    {"card-offer", "title"},
    {"card-offer-detail"},
    {"card-offer-link"},
    {"card-override-already-evaluated"},
    {"card-override-symptoms-resolved"},
    {"card-override-known-diagnosis"},
    {"card-override-at-visit"},
    {"card-override-not-appropriate"},
    {"card-override-not-accurate"},
    {"publish-not-because", "tests"},
    {"publish-where-applies", "note"},
    {"publish-words", "words"},
    {"service-title"},
    {"service-description"},
    {"service-requirements"},
};

std::string filled(const Placeholder& placeholder, std::string_view value) {
  std::string out(value);
  if (placeholder.counted) {
    out += ' ';
    out += value == "1" ? placeholder.one : placeholder.other;
  }
  return out;
}

}  // namespace

Placeholder read_placeholder(std::string_view braced) {
  const std::size_t colon = braced.find(':');
  if (colon == std::string_view::npos) {
    return {braced, {}, {}, false};
  }
  const std::string_view words = braced.substr(colon + 1);
  const std::size_t bar = words.find('|');
  const bool both = bar != std::string_view::npos;
  return {braced.substr(0, colon), words.substr(0, bar), both ? words.substr(bar + 1) : "", true};
}

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
    const Placeholder placeholder =
        read_placeholder(text.substr(1, close == std::string_view::npos ? 0 : close - 1));
    std::string value(text.substr(0, close == std::string_view::npos ? 1 : close + 1));
    const std::size_t used = value.size();
    for (const auto& [key, replacement] : values) {
      if (key == placeholder.name) {
        value = filled(placeholder, replacement);
      }
    }
    out += value;
    text.remove_prefix(used);
  }
  return out;
}

std::vector<std::string> placeholders_in(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t at = text.find_first_of("{}"); at != std::string_view::npos;
       at = text.find_first_of("{}", at + 1)) {
    const std::size_t end = text[at] == '{' ? text.find('}', at) : std::string_view::npos;
    out.emplace_back(end == std::string_view::npos
                         ? "?"
                         : read_placeholder(text.substr(at + 1, end - at - 1)).name);
    at = end == std::string_view::npos ? at : end;
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<std::string> numbers_in(std::string_view text) {
  std::vector<std::string> out;
  bool inside = false;
  for (const char c : text) {
    const bool digit = c >= '0' && c <= '9';
    if (digit && !inside) {
      out.emplace_back();
    }
    if (digit) {
      out.back() += c;
    }
    inside = digit;
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::span<const TextKey> text_keys() { return kKeys; }

}  // namespace myoflag::rules
