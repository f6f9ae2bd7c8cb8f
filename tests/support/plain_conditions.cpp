#include "tests/support/plain_conditions.h"

#include <stdexcept>

#include <fmt/format.h>

#include "rules/program.h"
#include "rules/tape.h"

namespace myoflag::rules::testing {
namespace {

Rule plain_rule(Knowledge& knowledge, const std::string& link_id, const std::string& option) {
  const auto criterion =
      read_criterion(fmt::format("any({}: {})", link_id, option), knowledge.option_sets, "", "");
  std::vector<CompileError> errors;
  Rule rule;
  rule.id = fmt::format("plain-{}", knowledge.rules.size());
  rule.tier = Tier::routine;
  rule.criterion = criterion.value();
  rule.root = compile(rule.criterion, {}, knowledge, errors);
  if (!errors.empty()) {
    throw std::logic_error(errors.front().text);
  }
  return rule;
}

}  // namespace

KnowledgePtr plain_conditions(const Knowledge& knowledge, std::size_t count) {
  auto plain = std::make_shared<Knowledge>(knowledge);
  plain->rules.clear();
  plain->gaps.clear();
  plain->benign_gate = -1;
  plain->program = {};
  for (const auto& item : knowledge.items) {
    for (const auto& option : item.options) {
      if (plain->rules.size() < count && option.code != "none" && option.code != "unsure") {
        plain->rules.push_back(plain_rule(*plain, item.link_id, option.code));
      }
    }
  }
  if (plain->rules.size() < count) {
    throw std::logic_error("the module has too few options");
  }
  plain->tape = build_tape(*plain);
  return plain;
}

}  // namespace myoflag::rules::testing
