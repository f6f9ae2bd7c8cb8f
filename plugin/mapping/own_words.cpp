#include "plugin/mapping/own_words.h"

#include <algorithm>

#include <fmt/format.h>

namespace myoflag::mapping {

namespace {

using rules::Knowledge;

constexpr std::string_view divider = "; ";

std::string rule_line(const rules::Rule& rule) {
  return fmt::format("{} ({})", rule.title, rule.id);
}

bool take(std::string_view beginning, std::string_view& text) {
  const bool is_there = text.starts_with(beginning);
  text.remove_prefix(is_there ? beginning.size() : 0);
  return is_there;
}

bool take_rule(const Knowledge& knowledge, std::string_view& text) {
  return std::any_of(knowledge.rules.begin(), knowledge.rules.end(), [&](const rules::Rule& rule) {
    return text.starts_with(rule.title) && take(rule_line(rule) + std::string(divider), text);
  });
}

bool is_target(const Knowledge& knowledge, std::string_view text) {
  return std::any_of(
      knowledge.rules.begin(), knowledge.rules.end(), [text](const rules::Rule& rule) {
        const auto& others = rule.target_when;
        return rule.target.text == text ||
               std::any_of(others.begin(), others.end(),
                           [text](const auto& other) { return other.target.text == text; });
      });
}

bool is_proposal_reason(const Knowledge& knowledge, std::string_view text) {
  bool names_rule = false;
  while (take_rule(knowledge, text)) {
    names_rule = true;
  }
  if (!names_rule || !take(knowledge.id + ' ', text)) {
    return false;
  }
  const auto version_end = std::min(text.find(divider), text.size());
  const auto version = text.substr(0, version_end);
  text.remove_prefix(version_end);
  return version.find(' ') == std::string_view::npos &&
         (text.empty() || (take(divider, text) && is_target(knowledge, text)));
}

// What stands between the first and the last brace may be anything. A text that is little else is
// nobody's.
bool is_filled(std::string_view text, std::string_view pattern) {
  const auto open = pattern.find('{');
  if (open == std::string_view::npos) {
    return !pattern.empty() && text == pattern;
  }
  const auto before = pattern.substr(0, open);
  const auto after = pattern.substr(pattern.rfind('}') + 1);
  return !before.empty() && !after.empty() && text.size() >= before.size() + after.size() &&
         text.starts_with(before) && text.ends_with(after);
}

bool is_workup_note(const rules::Workup::Note& note, std::string_view text) {
  return is_filled(text, note.text) || is_filled(text, note.answered) || is_filled(text, note.ask);
}

}  // namespace

std::string outcome_title(const Knowledge& knowledge, const rules::TierInfo& tier) {
  return fmt::format("{}: {}", knowledge.title, tier.label);
}

std::string outcome_message(const Knowledge& knowledge, const rules::TierInfo& tier) {
  return fmt::format("{}. {}", outcome_title(knowledge, tier), tier.meaning);
}

std::string proposal_reason(const Knowledge& knowledge, const rules::WorkupRow& row) {
  std::string reason;
  for (const auto* rule : row.because) {
    reason += rule_line(*rule);
    reason += divider;
  }
  reason += fmt::format("{} {}", knowledge.id, knowledge.version);
  if (!row.target.text.empty()) {
    reason += divider;
    reason += row.target.text;
  }
  return reason;
}

bool is_own_line(const Knowledge& knowledge, std::string_view text) {
  const auto& tiers = knowledge.tiers;
  return text == knowledge.title ||
         std::any_of(tiers.begin(), tiers.end(), [&](const rules::TierInfo& tier) {
           return text == outcome_title(knowledge, tier) ||
                  text == outcome_message(knowledge, tier);
         });
}

bool is_own_note(const Knowledge& knowledge, std::string_view text) {
  const auto& workups = knowledge.workups;
  return is_proposal_reason(knowledge, text) || is_filled(text, knowledge.text("test-repeat")) ||
         is_filled(text, knowledge.text("test-unread")) ||
         std::any_of(workups.begin(), workups.end(), [text](const rules::Workup& workup) {
           const auto& notes = workup.notes;
           return std::any_of(notes.begin(), notes.end(),
                              [text](const auto& note) { return is_workup_note(note, text); });
         });
}

}  // namespace myoflag::mapping
