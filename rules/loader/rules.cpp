// rules/*.yaml
#include <algorithm>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "rules/evaluate.h"
#include "rules/loader/context.h"

namespace myoflag::rules::loading {
namespace {

std::string folded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (!space) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  if (out.ends_with(' ')) {
    out.pop_back();
  }
  return out;
}

bool names_fired_tier(const Criterion& criterion) {
  return criterion.kind == Criterion::Kind::fired_tier ||
         std::any_of(criterion.children.begin(), criterion.children.end(), names_fired_tier);
}

// What the patient reads first must fit: of the tier's sentences one must name this time or a
// shorter one, and a tier of which every sentence names a time has no target without one.
void check_target(Context& context, const Node& node, Tier tier, const Target& target) {
  const auto& headlines = context.knowledge.tiers[static_cast<std::size_t>(tier)].patient;
  if (headlines.empty()) {
    return;
  }
  const std::optional<int> shortest = headlines.front().within_hours;
  const std::optional<int> longest = headlines.back().within_hours;
  if (!target.hours && longest) {
    context.report(node, "MF-2047", fmt::format("a target of tier {} has `hours`", code_of(tier)));
  } else if (target.hours && !shortest) {
    context.report(node, "MF-2047",
                   fmt::format("a target of tier {} has no `hours`", code_of(tier)));
  } else if (target.hours && (*target.hours < *shortest || (longest && *target.hours > *longest))) {
    const std::string range = longest == shortest ? fmt::format("{}", *shortest)
                              : longest ? fmt::format("from {} to {}", *shortest, *longest)
                                        : fmt::format("at least {}", *shortest);
    context.report(node, "MF-2047",
                   fmt::format("a target of tier {} is {} hours", code_of(tier), range));
  }
}

void check_text_times(Context& context, const Node* text, std::optional<int> latest) {
  if (text != nullptr) {
    check_times(context, *text, context.times, latest);
  }
}

void read_target_when(Context& context, const Fields& fields, Rule& rule,
                      const PendingCriterion& owner) {
  for (const Node& node : fields.list_if("target-when")) {
    const Fields when(context, node, {"criteria", "hours", "text", "patient"});
    ConditionalTarget target;
    const Node* hours = when.need("hours");
    target.target.hours = hours != nullptr ? context.integer(*hours, 0, kMaxHours) : std::nullopt;
    target.target.text = when.text("text");
    target.patient = when.text("patient");
    if (target.target.hours) {
      check_text_times(context, when.find("text"), target.target.hours);
      check_text_times(context, when.find("patient"), target.target.hours);
      check_target(context, node, rule.tier, target.target);
    }
    if (target.target.hours && !stricter(target.target, rule.target)) {
      context.report(node, "MF-2015", "this target is not shorter than the rule's own");
    }
    PendingCriterion pending = owner;
    pending.owner = owner.owner == PendingCriterion::Owner::rule
                        ? PendingCriterion::Owner::rule_target
                        : PendingCriterion::Owner::gap_target;
    pending.target = rule.target_when.size();
    if (const Node* criteria = when.need("criteria")) {
      target.criterion_text = folded(criteria->text);
      read_criterion_of(context, *criteria, std::move(pending), nullptr);
    }
    rule.target_when.push_back(std::move(target));
  }
}

void read_review(Context& context, const Fields& fields, Rule& rule) {
  if (const Node* review = fields.need("review")) {
    const Fields who(context, *review, {"owner", "due"});
    rule.owner = who.text("owner");
    if (const Node* due = who.need("due")) {
      rule.due = context.date(*due);
    }
  }
}

void check_workups(Context& context, const Fields& fields, const Rule& rule) {
  const Node* forbidden = fields.find("must-not");
  if (forbidden == nullptr) {
    return;
  }
  for (const Node& node : forbidden->items) {
    const auto found = context.workups.index.find(node.text);
    if (found != context.workups.index.end() &&
        std::find(rule.workups.begin(), rule.workups.end(), found->second) != rule.workups.end()) {
      context.report(node, "MF-2045",
                     fmt::format("`{}` is both suggested and not to be suggested", node.text));
    }
  }
}

void read_rule(Context& context, const Node& node, Tier tier) {
  const Fields fields(context, node, {"id",        "title",      "target",   "target-when",
                                      "criteria",  "hypotheses", "workups",  "must-not",
                                      "rationale", "patient",    "beside",   "beside-emergency",
                                      "silences",  "note",       "sources",  "lab-max-age-days",
                                      "all-ages",  "benign",     "comforts", "review"});
  Rule rule;
  rule.tier = tier;
  rule.id = fields.id("id");
  rule.title = fields.text("title");
  rule.rationale = fields.text("rationale");
  rule.patient = fields.text("patient");
  read_beside(fields, rule);
  if (const Node* silences = fields.find("silences")) {
    rule.silences = context.texts(*silences);
  }
  rule.note = fields.text_if("note");
  rule.benign = fields.flag("benign");
  const Node* benign = fields.find("benign");
  const bool waits = benign != nullptr && benign->text != "false";
  if (tier == Tier::self_care && fields.is_map() && !waits) {
    context.report(node, "MF-2048", "a rule of tier self-care reassures: it has `benign: true`");
  }
  rule.comforts = fields.flag("comforts");
  if (rule.comforts && (rule.benign || tier > Tier::routine)) {
    context.report(*fields.find("comforts"), "MF-2049",
                   rule.benign ? "a benign rule waits for the gate already"
                               : "beside a red flag nobody is comforted");
  }
  rule.all_ages = fields.flag("all-ages");
  rule.hypotheses = context.find_all(context.hypotheses, fields.need("hypotheses"));
  rule.workups = context.find_all(context.workups, fields.need("workups"));
  rule.must_not = context.find_all(context.workups, fields.need("must-not"));
  rule.sources = context.find_all(context.sources, fields.find("sources"));
  const Node* sources = fields.find("sources");
  if (fields.is_map() && (sources == nullptr || sources->items.empty())) {
    context.report(sources != nullptr ? *sources : node, "MF-2044",
                   "a rule needs at least one source");
  }
  if (const Node* target = fields.need("target")) {
    rule.target = read_target(context, *target, rule.tier);
  }
  check_told_times(context, fields, rule);
  check_workups(context, fields, rule);
  read_review(context, fields, rule);

  PendingCriterion pending;
  pending.owner = PendingCriterion::Owner::rule;
  pending.rule = context.knowledge.rules.size();
  pending.options.benign = rule.benign;
  if (const Node* days = fields.find("lab-max-age-days")) {
    pending.options.lab_max_age = context.integer(*days, 1, 3660).value_or(0);
  }
  read_target_when(context, fields, rule, pending);
  if (const Node* criteria = fields.need("criteria")) {
    read_criterion_of(context, *criteria, std::move(pending), &rule);
  }
  context.define(context.rules, node, rule.id, context.knowledge.rules.size());
  Context::also(context.fired, node, rule.id);
  context.rule_nodes.push_back(&node);
  context.knowledge.rules.push_back(std::move(rule));
}

void report_criterion(Context& context, const Node& node, const CriterionError& error) {
  if (error.text.empty() || !context.items.complete || !context.option_sets.complete) {
    return;
  }
  if (error.question.empty() || context.items.index.contains(error.question)) {
    context.report_inside(node, error.offset, "MF-2040", error.text);
  } else {
    context.report_inside(node, error.question_offset, "MF-2041",
                          context.no_such(context.items, error.question));
  }
}

}  // namespace

Target read_target(Context& context, const Node& node, Tier tier) {
  const Fields fields(context, node, {"hours", "text", "same-day"});
  Target target;
  target.same_day = fields.flag("same-day");
  target.text = fields.text("text");
  if (const Node* hours = fields.find("hours")) {
    target.hours = context.integer(*hours, 0, kMaxHours);
    if (!target.hours) {
      return target;
    }
  }
  check_text_times(context, fields.find("text"), target.hours);
  check_target(context, node, tier, target);
  return target;
}

void read_beside(const Fields& fields, Rule& rule) {
  rule.beside = fields.text_if("beside");
  rule.beside_emergency = fields.text_if("beside-emergency");
}

void check_told_times(Context& context, const Fields& fields, const Rule& rule) {
  check_text_times(context, fields.find("patient"), latest_named_by(rule));
  check_text_times(context, fields.find("reason"),
                   latest_named_by(rule));  // what to do, of policies
  check_text_times(context, fields.find("beside"), 0);
  check_text_times(context, fields.find("beside-emergency"), 0);
}

namespace {

// What silences what. By it a patient is told less, so nothing may fall silent of which nothing
// else speaks: a rule itself, rules that silence each other, and what is more urgent.
class Silences {
 public:
  explicit Silences(Context& context) : context_(context), rules_(context.knowledge.rules) {
    for (std::size_t i = 0; i < rules_.size(); ++i) {
      index_.try_emplace(rules_[i].id, i);
    }
    silencers_.resize(rules_.size());
    for (std::size_t i = 0; i < rules_.size(); ++i) {
      for (const auto& name : rules_[i].silences) {
        if (const auto found = index_.find(name); found != index_.end()) {
          silencers_[found->second].push_back(i);
        }
      }
    }
  }

  void check() {
    for (std::size_t i = 0; i < rules_.size(); ++i) {
      if (const Node* list = context_.rule_nodes[i]->find("silences")) {
        check_list(i, *list);
      }
    }
  }

 private:
  void check_list(std::size_t index, const Node& list) {
    const Rule& rule = rules_[index];
    const auto silencing = silencing_of(index);
    for (const Node& name : list.items) {
      const auto found = index_.find(name.text);
      const Rule* other = context_.knowledge.rule(name.text);
      if (name.text == rule.id) {
        report(name, "a rule cannot silence itself");
      } else if (other != nullptr && is_more_urgent(*other, rule)) {
        report(name, fmt::format("`{}` is more urgent than this rule", name.text));
      } else if (found != index_.end() && silencing[found->second]) {
        report(name,
               fmt::format("`{}` silences this rule in turn, so that neither is told", name.text));
      }
    }
  }

  // Or may come to be.
  static bool is_more_urgent(const Rule& a, const Rule& b) {
    return a.tier > b.tier || (a.tier == b.tier && stricter(strictest(a), b.target));
  }

  // The target that it may come to have.
  static Target strictest(const Rule& rule) {
    Target target = rule.target;
    for (const auto& one : rule.target_when) {
      target = stricter(one.target, target) ? one.target : target;
    }
    return target;
  }

  // The rules that silence this one, themselves or through others.
  std::vector<bool> silencing_of(std::size_t rule) const {
    std::vector<bool> found(rules_.size());
    std::vector<std::size_t> left{rule};
    while (!left.empty()) {
      const auto to = left.back();
      left.pop_back();
      for (const std::size_t from : silencers_[to]) {
        if (!found[from]) {
          found[from] = true;
          left.push_back(from);
        }
      }
    }
    return found;
  }

  void report(const Node& at, std::string text) { context_.report(at, "MF-2065", std::move(text)); }

  Context& context_;
  const std::vector<Rule>& rules_;
  std::map<std::string_view, std::size_t> index_;
  std::vector<std::vector<std::size_t>> silencers_;  // by the rule that is silenced
};

}  // namespace

// Whatever may be said to the patient: rules, policies that fire, advice.
void check_silences(Context& context) {
  Names said{"rule, gap policy or advice", {}, {}};
  said.index = context.fired.index;
  said.index.insert(context.advice.index.begin(), context.advice.index.end());
  said.complete = context.fired.complete && context.advice.complete;
  for (const Node* rule : context.rule_nodes) {
    context.find_all(said, rule->find("silences"));
  }
  Silences(context).check();
}

void read_criterion_of(Context& context, const Node& node, PendingCriterion pending, Rule* rule) {
  if (context.text(node)) {
    read_criterion_of(context, node, node.text, std::move(pending), rule);
  }
}

void read_criterion_of(Context& context, const Node& node, const std::string& text,
                       PendingCriterion pending, Rule* rule) {
  const Knowledge& k = context.knowledge;
  const auto link_of = [&](int item) -> std::string_view {
    return item < 0 ? std::string_view() : k.items[static_cast<std::size_t>(item)].link_id;
  };
  auto criterion = read_criterion(text, k.option_sets, link_of(k.bindings.medicines),
                                  link_of(k.bindings.conditions));
  if (!criterion) {
    report_criterion(context, node, criterion.error());
    return;
  }
  if (rule != nullptr) {
    rule->criterion = *criterion;
    rule->criterion_text = folded(text);
    rule->last = names_fired_tier(*criterion);
  }
  pending.node = &node;
  pending.criterion = std::move(*criterion);
  context.pending.push_back(std::move(pending));
}

void read_rules(Context& context, const Node& root, Tier tier) {
  const Fields fields(context, root, {"rules"});
  const auto list = fields.list_of("rules", context.rules);
  context.fired.complete = context.fired.complete && context.rules.complete;
  for (const Node& node : list.first(std::min(list.size(), kMaxRules + 1))) {
    read_rule(context, node, tier);
  }
}

}  // namespace myoflag::rules::loading
