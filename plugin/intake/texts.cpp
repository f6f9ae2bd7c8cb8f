#include "plugin/intake/texts.h"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "plugin/intake/embedded.h"

namespace myoflag::intake {

namespace {

// Every page's frame fills in clinic, phone and number.
constexpr std::array<browser::TextKey, 105> kKeys{{
    {"service"},
    {"help"},
    {"emergency-help"},
    {"back"},
    {"continue"},
    {"skip"},
    {"change"},
    {"language-title"},
    {"error-title"},
    {"error-summary"},
    {"start-title"},
    {"start-what"},
    {"start-why"},
    {"start-time"},
    {"start-who"},
    {"start-private"},
    {"start-not-watched"},
    {"start-emergency"},
    {"start-not-reviewed"},
    {"start-button"},
    {"start-finished"},
    {"identity-title"},
    {"identity-hint"},
    {"identity-day"},
    {"identity-month"},
    {"identity-year"},
    {"identity-incomplete"},
    {"identity-no-date"},
    {"identity-wrong"},
    {"question-part", "section of"},
    {"question-several"},
    {"question-or"},
    {"record-says"},
    {"record-one"},
    {"record-several"},
    {"body-front"},
    {"body-back"},
    {"body-right"},
    {"body-left"},
    {"question-number-hint"},
    {"question-text-hint", "most"},
    {"error-choose"},
    {"error-choose-or-skip"},
    {"error-none-and-other", "none"},
    {"error-number"},
    {"error-whole-number"},
    {"error-range", "least most"},
    {"error-least", "least"},
    {"error-most", "most"},
    {"error-text-long", "most"},
    {"changed-elsewhere"},
    {"stop-emergency-title"},
    {"stop-call-today-title"},
    {"stop-told"},
    {"stop-not-watched"},
    {"stop-noted"},
    {"stop-call"},
    {"stop-mistake"},
    {"stop-read"},
    {"offline"},
    {"offline-waiting"},
    {"offline-changed"},
    {"review-title"},
    {"review-not-answered"},
    {"review-hidden"},
    {"review-not-needed"},
    {"review-send-title"},
    {"review-send-text"},
    {"review-send"},
    {"done-title"},
    {"done-advice-title"},
    {"done-read"},
    {"done-no-diagnosis"},
    {"done-copy"},
    {"copy-title"},
    {"copy-sent", "when"},
    {"copy-back"},
    {"device-title"},
    {"device-what"},
    {"device-finish"},
    {"device-soon"},
    {"device-stop"},
    {"device-over-title"},
    {"device-over-text"},
    {"device-staff"},
    {"unknown-title"},
    {"unknown-text"},
    {"expired-title"},
    {"expired-text"},
    {"withdrawn-title"},
    {"withdrawn-text"},
    {"locked-title"},
    {"locked-text", "minutes"},
    {"locked-for-good-text"},
    {"again-title"},
    {"again-text"},
    {"refused-title"},
    {"refused-text"},
    {"refused-button"},
    {"failed-title"},
    {"failed-text"},
    {"too-much-title"},
    {"too-much-text"},
    {"too-many-title"},
    {"too-many-text"},
}};

}  // namespace

tl::expected<Texts, Failure> read_texts(const std::string& yaml, const std::string& file_name) {
  return browser::read_texts(yaml, file_name, {kKeys, "clinic phone number"});
}

tl::expected<Languages, Failure> embedded_texts() {
  Languages languages;
  std::string wrong;
  const auto add = [&](std::string_view text) {
    wrong += wrong.empty() ? "" : "\n";
    wrong += text;
  };
  for (const TextFile& file : kTexts) {
    auto texts = read_texts(std::string(file.yaml), std::string(file.name));
    if (!texts) {
      add(texts.error().text);
      continue;
    }
    auto language = texts->language();
    languages.emplace(std::move(language), *std::move(texts));
  }
  const auto english = languages.find("en");
  for (const auto& [tag, texts] : languages) {
    if (english == languages.end() || tag == "en") {
      continue;
    }
    for (const std::string& difference : texts.differences(english->second)) {
      add(fmt::format("MF-4262: texts/{}.yaml: {}", tag, difference));
    }
  }
  if (english == languages.end()) {
    add("MF-4262: there are no English texts");
  }
  if (!wrong.empty()) {
    return tl::unexpected(Failure{Exit::usage, std::move(wrong)});
  }
  return languages;
}

}  // namespace myoflag::intake
