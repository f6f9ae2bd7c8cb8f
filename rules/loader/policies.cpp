// policies.yaml
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "rules/loader/context.h"

namespace myoflag::rules::loading {
namespace {

class PolicyReader {
 public:
  explicit PolicyReader(Context& context) : context_(context), knowledge_(context.knowledge) {}

  void read(const Node& node) {
    constexpr std::string_view kKinds[] = {
        "gap",         "notice",      "staleness",    "change",     "aggregation",
        "benign-gate", "overtesting", "advice-guard", "test-notes", "contradiction"};
    const Node* kind = node.find("kind");
    const auto found = kind == nullptr
                           ? std::end(kKinds)
                           : std::find(std::begin(kKinds), std::end(kKinds), kind->text);
    if (found == std::end(kKinds)) {
      const Fields fields(
          context_, node,
          {"id", "kind", "title", "tier", "target", "criteria", "policy", "patient", "sources"});
      fields.word("kind", {"gap", "notice", "staleness", "change", "aggregation", "benign-gate",
                           "overtesting", "advice-guard", "test-notes", "contradiction"});
      return;
    }
    switch (found - std::begin(kKinds)) {
      case 0:
        return read_gap(node);
      case 1:
        return read_notice(node);
      case 2:
        return read_staleness(node);
      case 3:
        return read_change(node);
      case 4:
        return read_aggregation(node);
      case 5:
        return read_benign_gate(node);
      case 6:
        return read_overtesting(node);
      case 7:
        return read_advice_guard(node);
      case 8:
        return read_test_notes(node);
      default:
        return read_contradiction(node);
    }
  }

  void check_all_there(const Node& root) {
    constexpr std::string_view kOnce[] = {"staleness", "change", "aggregation", "benign-gate",
                                          "overtesting"};
    for (const auto kind : kOnce) {
      const int count = counts_[std::string(kind)];
      if (count == 0) {
        context_.report(root, "MF-2011", fmt::format("there is no policy of kind {}", kind));
      } else if (count > 1) {
        context_.report(root, "MF-2020",
                        fmt::format("there are {} policies of kind {}", count, kind));
      }
    }
  }

 private:
  // What every policy has.
  Rule read_common(const Fields& fields) {
    Rule rule;
    rule.id = fields.id("id");
    rule.title = fields.text("title");
    rule.policy = fields.text("policy");
    rule.patient = fields.text_if("patient");
    rule.sources = context_.find_all(context_.sources, fields.find("sources"));
    const Node* sources = fields.find("sources");
    if (sources == nullptr || sources->items.empty()) {
      context_.report(sources != nullptr ? *sources : fields.node(), "MF-2044",
                      "a policy needs at least one source");
    }
    ++counts_[fields.find("kind")->text];
    context_.define(context_.policies, fields.node(), rule.id, knowledge_.policies.size());
    if (context_.rules.index.contains(rule.id)) {
      context_.report(*fields.find("id"), "MF-2020",
                      fmt::format("a rule has the id `{}` too", rule.id));
    }
    knowledge_.policies.push_back(
        {rule.id, fields.find("kind")->text, rule.title, rule.policy, rule.sources});
    return rule;
  }

  // What a policy has that fires like a rule.
  void read_finding(const Fields& fields, Rule& rule) {
    rule.rationale = fields.text("reason");
    read_beside(fields, rule);
    if (const Node* tier = fields.need("tier")) {
      rule.tier = context_.tier(*tier).value_or(rule.tier);
    }
    if (const Node* target = fields.need("target")) {
      rule.target = read_target(context_, *target, rule.tier);
    }
    check_told_times(context_, fields, rule);
    Context::also(context_.fired, fields.node(), rule.id);
  }

  int add_gap(const Fields& fields, Rule rule, bool has_criteria) {
    const std::size_t index = knowledge_.gaps.size();
    const Node* criteria = has_criteria ? fields.need("criteria") : nullptr;
    if (criteria != nullptr) {
      PendingCriterion pending;
      pending.owner = PendingCriterion::Owner::gap;
      pending.rule = index;
      pending.options.benign = fields.find("kind")->text == "benign-gate";
      read_criterion_of(context_, *criteria, std::move(pending), &rule);
    }
    context_.gap_nodes.push_back(&fields.node());
    knowledge_.gaps.push_back(std::move(rule));
    return static_cast<int>(index);
  }

  void read_gap(const Node& node) {
    const Fields fields(context_, node,
                        {"id", "kind", "title", "tier", "target", "criteria", "policy", "reason",
                         "patient", "beside", "beside-emergency", "sources", "list-options"});
    Rule rule = read_common(fields);
    rule.kind = Rule::Kind::gap;
    rule.list_options = fields.flag("list-options");
    rule.all_ages = true;
    read_finding(fields, rule);
    add_gap(fields, std::move(rule), true);
  }

  // An option `none` beside another, in any question that has one: no question can be forgotten.
  // Never unknown, for a question without an answer holds no contradiction.
  std::string contradictions() const {
    std::string text;
    for (const Item& item : knowledge_.items) {
      std::string others;
      for (std::size_t i = 0; item.repeats && item.none != 0 && i < item.options.size(); ++i) {
        if ((item.positive() >> i & 1U) != 0) {
          others += (others.empty() ? "" : "|") + item.options[i].code;
        }
      }
      if (!others.empty()) {
        text +=
            fmt::format("{0}(answered({1}) and isFalse(isNone({1})) and isFalse(only({1}: {2})))",
                        text.empty() ? "" : " or ", item.link_id, others);
      }
    }
    return text;
  }

  void read_contradiction(const Node& node) {
    const Fields fields(context_, node,
                        {"id", "kind", "title", "tier", "target", "policy", "reason", "patient",
                         "beside", "beside-emergency", "sources"});
    Rule rule = read_common(fields);
    rule.kind = Rule::Kind::gap;
    rule.raw = true;
    rule.all_ages = true;
    read_finding(fields, rule);
    const std::string text = contradictions();
    if (text.empty() && context_.items.complete) {
      context_.report(node, "MF-2033", "no question has an option `none` beside others");
    }
    PendingCriterion pending;
    pending.owner = PendingCriterion::Owner::gap;
    pending.rule = knowledge_.gaps.size();
    if (!text.empty()) {
      read_criterion_of(context_, node, text, std::move(pending), &rule);
    }
    context_.gap_nodes.push_back(&node);
    knowledge_.gaps.push_back(std::move(rule));
  }

  void read_notice(const Node& node) {
    const Fields fields(context_, node,
                        {"id", "kind", "title", "criteria", "policy", "patient", "sources"});
    Rule rule = read_common(fields);
    rule.kind = Rule::Kind::notice;
    rule.all_ages = true;
    check_told_times(context_, fields, rule);
    add_gap(fields, std::move(rule), true);
  }

  void read_staleness(const Node& node) {
    const Fields fields(context_, node,
                        {"id", "kind", "title", "emergency-answers-hours", "benign-answers-days",
                         "lab-days", "policy", "sources"});
    read_common(fields);
    knowledge_.staleness.emergency_answers_hours =
        fields.integer("emergency-answers-hours", 1, 8760);
    knowledge_.staleness.benign_answers_days = fields.integer("benign-answers-days", 1, 3660);
    knowledge_.staleness.lab_days = fields.integer("lab-days", 1, 3660);
  }

  void read_change(const Node& node) {
    const Fields fields(context_, node,
                        {"id", "kind", "title", "tier", "target", "items", "grew", "policy",
                         "reason", "patient", "beside", "beside-emergency", "sources"});
    Rule rule = read_common(fields);
    rule.kind = Rule::Kind::change;
    rule.all_ages = true;
    read_finding(fields, rule);
    knowledge_.change.items = choices(fields.need("items"));
    knowledge_.change.grew = choices(fields.need("grew"));
    knowledge_.change.rule = add_gap(fields, std::move(rule), false);
  }

  std::vector<int> choices(const Node* list) {
    std::vector<int> found = context_.find_all(context_.items, list);
    for (const int item : found) {
      if (!context_.untyped.contains(item) &&
          knowledge_.items[static_cast<std::size_t>(item)].type != ItemType::choice) {
        context_.report(*list, "MF-2033",
                        fmt::format("question `{}` has no options",
                                    knowledge_.items[static_cast<std::size_t>(item)].link_id));
      }
    }
    return found;
  }

  void read_aggregation(const Node& node) {
    const Fields fields(
        context_, node,
        {"id", "kind", "title", "nothing-matched", "unread-words", "policy", "sources"});
    read_common(fields);
    knowledge_.nothing_matched =
        tier_that_calms_nobody(fields, "nothing-matched", "that nothing matched");
    knowledge_.unread_words =
        tier_that_calms_nobody(fields, "unread-words", "what nobody has read");
  }

  Tier tier_that_calms_nobody(const Fields& fields, std::string_view key, std::string_view what) {
    const Node* node = fields.need(key);
    const Tier tier =
        node != nullptr ? context_.tier(*node).value_or(Tier::emergency) : Tier::emergency;
    if (tier == Tier::self_care) {
      context_.report(*node, "MF-2014", fmt::format("{} reassures nobody: not self-care", what));
    }
    return tier;
  }

  void read_benign_gate(const Node& node) {
    const Fields fields(context_, node, {"id", "kind", "title", "criteria", "policy", "sources"});
    Rule rule = read_common(fields);
    rule.kind = Rule::Kind::guard;
    knowledge_.benign_gate = add_gap(fields, std::move(rule), true);
  }

  void read_overtesting(const Node& node) {
    const Fields fields(context_, node,
                        {"id", "kind", "title", "repeat-days", "repeat-allowed", "only-from",
                         "never-from", "policy", "sources"});
    read_common(fields);
    knowledge_.repeat_days = fields.integer("repeat-days", 0, 3660);
    for (const Node& code : fields.list("repeat-allowed")) {
      if (const auto tier = context_.tier(code)) {
        knowledge_.repeat_allowed[static_cast<std::size_t>(*tier)] = true;
      }
    }
    for (const Node& entry : fields.list_if("only-from")) {
      read_only_from(entry);
    }
    for (const Node& entry : fields.list_if("never-from")) {
      read_never_from(entry);
    }
  }

  static void add_once(std::vector<int>& list, int value) {
    if (std::find(list.begin(), list.end(), value) == list.end()) {
      list.push_back(value);
    }
  }

  void read_only_from(const Node& node) {
    const Fields fields(context_, node, {"workups", "rules"});
    const auto rules = context_.find_all(context_.rules, fields.need("rules"));
    for (const int workup : context_.find_all(context_.workups, fields.need("workups"))) {
      for (const int rule : rules) {
        add_once(knowledge_.workups[static_cast<std::size_t>(workup)].only_from, rule);
      }
    }
    const Node* list = fields.find("rules");
    if (list != nullptr && list->kind == Node::Kind::sequence && list->items.empty()) {
      context_.report(*list, "MF-2017", "the list is empty");
    }
  }

  void read_never_from(const Node& node) {
    const Fields fields(context_, node, {"workups", "tiers", "rules"});
    std::vector<int> rules = context_.find_all(context_.rules, fields.find("rules"));
    std::set<Tier> tiers;
    for (const Node& code : fields.list_if("tiers")) {
      if (const auto tier = context_.tier(code)) {
        tiers.insert(*tier);
      }
    }
    for (std::size_t i = 0; i < knowledge_.rules.size(); ++i) {
      if (tiers.contains(knowledge_.rules[i].tier)) {
        add_once(rules, static_cast<int>(i));
      }
    }
    for (const int workup : context_.find_all(context_.workups, fields.need("workups"))) {
      for (const int rule : rules) {
        add_once(knowledge_.workups[static_cast<std::size_t>(workup)].never_from, rule);
      }
    }
  }

  void read_advice_guard(const Node& node) {
    const Fields fields(
        context_, node,
        {"id", "kind", "title", "criteria", "guards", "policy", "patient", "sources"});
    Rule rule = read_common(fields);
    rule.kind = Rule::Kind::guard;
    rule.all_ages = true;
    fields.need("patient");
    check_told_times(context_, fields, rule);
    AdviceGuard guard;
    guard.advice = context_.find_all(context_.advice, fields.need("guards"));
    guard.rule = add_gap(fields, std::move(rule), true);
    knowledge_.advice_guards.push_back(std::move(guard));
  }

  void read_test_notes(const Node& node) {
    const Fields fields(context_, node, {"id", "kind", "title", "notes", "policy", "sources"});
    read_common(fields);
    for (const Node& entry : fields.list("notes")) {
      read_test_note(entry);
    }
  }

  void read_test_note(const Node& node) {
    const Fields fields(context_, node,
                        {"workups", "caution", "text", "text-answered", "text-ask"});
    Workup::Note note;
    note.text = fields.text("text");
    note.answered = fields.text_if("text-answered");
    note.ask = fields.text_if("text-ask");
    if (fields.find("caution") != nullptr && fields.word("caution", {"mri", "emg"}) >= 0) {
      note.caution = fields.text("caution");
    }
    if (note.caution.empty() && note.text.find("{caution}") != std::string::npos &&
        fields.find("caution") == nullptr) {
      context_.report(*fields.find("text"), "MF-2030", "`{caution}` needs the key `caution`");
    }
    check_answered(node, note);
    for (const int workup : context_.find_all(context_.workups, fields.need("workups"))) {
      knowledge_.workups[static_cast<std::size_t>(workup)].notes.push_back(note);
    }
  }

  // Where answers tell a caution, too, there are words for what was answered.
  void check_answered(const Node& node, const Workup::Note& note) {
    const auto& cautions = knowledge_.bindings.cautions;
    const bool asked =
        !note.caution.empty() &&
        std::any_of(cautions.begin(), cautions.end(), [&](const CodeBinding& caution) {
          return caution.question >= 0 && caution.caution == note.caution;
        });
    if (asked && (note.answered.empty() || note.ask.empty())) {
      context_.report(node, "MF-2011",
                      fmt::format("a question tells a caution for {}: this note needs the keys "
                                  "`text-answered` and `text-ask`",
                                  note.caution));
    } else if (!asked && !(note.answered.empty() && note.ask.empty()) && context_.items.complete &&
               context_.labs.complete) {
      context_.report(node, "MF-2030", "no question tells such a caution");
    }
  }

  Context& context_;
  Knowledge& knowledge_;
  std::map<std::string, int> counts_;
};

}  // namespace

void read_policies(Context& context, const Node& root) {
  const Fields fields(context, root, {"policies"});
  PolicyReader reader(context);
  const auto list = fields.list_of("policies", context.policies);
  context.fired.complete = context.fired.complete && context.policies.complete;
  for (const Node& node : list) {
    reader.read(node);
  }
  reader.check_all_there(root);
}

}  // namespace myoflag::rules::loading
