#include "plugin/cds/card_policy.h"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "plugin/cds/embedded_cards.h"

namespace myoflag::cds {
namespace {

constexpr int most_hours = 24 * 31;

tl::unexpected<std::string> wrong(const YAML::Node& where, std::string_view why) {
  return tl::unexpected(fmt::format("line {}: {}", where.Mark().line + 1, why));
}

bool is_code(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

tl::expected<CardPolicy, std::string> policy_of(const YAML::Node& root) {
  if (!root.IsMap() || root.size() != 2 || !root["same-day-hours"].IsDefined() ||
      !root["override-reasons"].IsDefined()) {
    return wrong(root, "same-day-hours and override-reasons are expected, and nothing else");
  }
  const auto hours = root["same-day-hours"].as<int>();
  if (hours < 1 || hours > most_hours) {
    return wrong(root["same-day-hours"], fmt::format("1 to {} hours are expected", most_hours));
  }
  CardPolicy policy{std::chrono::hours(hours), {}};
  const auto reasons = root["override-reasons"];
  for (const auto& reason : reasons) {
    auto code = reason.as<std::string>();
    const auto& before = policy.override_reasons;
    if (!is_code(code) || std::find(before.begin(), before.end(), code) != before.end()) {
      return wrong(reason, "a code (a to z, 0 to 9, -) that stands here once is expected");
    }
    policy.override_reasons.push_back(std::move(code));
  }
  if (policy.override_reasons.empty()) {
    return wrong(reasons, "a list of codes is expected");
  }
  return policy;
}

}  // namespace

tl::expected<CardPolicy, std::string> read_card_policy(const std::string& yaml) {
  try {
    return policy_of(YAML::Load(yaml));
  } catch (const YAML::Exception& error) {
    return tl::unexpected(fmt::format("line {}: {}", error.mark.line + 1, error.msg));
  }
}

const CardPolicy& card_policy() {
  static const CardPolicy policy = [] {
    auto read = read_card_policy(std::string(kEmbeddedCards));
    if (!read) {
      throw std::logic_error("cards.yaml: " + read.error());
    }
    return *std::move(read);
  }();
  return policy;
}

std::string override_system(const rules::Knowledge& knowledge) {
  return fmt::format("{}/CodeSystem/{}-override-reasons", knowledge.canonical, knowledge.id);
}

const std::string& override_text(const rules::Knowledge& knowledge, std::string_view code) {
  return knowledge.text(fmt::format("card-override-{}", code));
}

}  // namespace myoflag::cds
