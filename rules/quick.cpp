#include "rules/quick.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include "rules/notices.h"
#include "rules/workups.h"

namespace myoflag::rules {
namespace {

using Kind = Criterion::Kind;

constexpr std::size_t index_of(int value) { return static_cast<std::size_t>(value); }

bool is_plain(const EvaluationInput& input) {
  return input.record.empty() && input.record_problems.empty() && input.record_counts.empty() &&
         input.earlier.empty() && !input.previous && !is_doubtful(input) &&
         !input.facts.record.fetched;
}

bool older_than(const EvaluationInput& input, std::chrono::hours limit) {
  return !input.response.authored || input.now - *input.response.authored > limit;
}

bool is_before(const Rule* a, const Target& a_target, const Rule* b, const Target& b_target) {
  if (a->tier != b->tier) {
    return a->tier > b->tier;
  }
  if (a_target.hours != b_target.hours) {
    return stricter(a_target, b_target);
  }
  return a->id < b->id;
}

bool contains(const std::vector<int>& list, int value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

bool names_false(const Program& program, const Rule& rule) {
  if (rule.root < 0) {
    return false;
  }
  const auto root = program.roots[index_of(rule.root)];
  for (std::size_t at = root; at < program.ops[root].end; ++at) {
    if (program.ops[at].kind == Kind::is_false) {
      return true;
    }
  }
  return false;
}

// Why a criterion has its value: as rules/trace.h, for answers of the patient alone.
class QuickTrace {
 public:
  QuickTrace(const Knowledge& knowledge, const std::vector<std::uint64_t>& open, const Facts& facts,
             const Verdicts& verdicts, QuickFinding& out,
             std::array<std::uint64_t, kMaxItems>& options)
      : knowledge_(knowledge),
        open_(open),
        ops_(knowledge.program.ops),
        facts_(facts),
        answers_(out.rule->raw ? facts.raw : facts.answers),
        fired_(verdicts.fired),
        reading_(out.status == FindingStatus::fired ? Reading::given : Reading::unresolved),
        out_(out),
        options_(options) {}

  void run(Tri value) { visit(knowledge_.program.roots[index_of(out_.rule->root)], value); }

 private:
  Tri value_at(std::size_t at) const {
    return knowledge_.program.evaluate_at(at, answers_, facts_.record, fired_, reading_);
  }

  void visit(std::size_t at, Tri value) {
    const Op& op = ops_[at];
    if (value == Tri::no) {
      return;
    }
    if (op.kind == Kind::all || op.kind == Kind::any) {
      for (std::size_t child = at + 1; child < op.end; child = ops_[child].end) {
        const Tri part = value_at(child);
        if (value == Tri::unknown || part == Tri::yes) {
          visit(child, part);
        }
      }
    } else if (op.kind == Kind::is_false) {
      visit_negated(at + 1, value);
    } else if (value == Tri::yes) {
      add_evidence(at);
    } else {
      add_missing(at);
    }
  }

  void visit_negated(std::size_t at, Tri value) {
    for (std::size_t node = at; node < ops_[at].end; ++node) {
      const Kind kind = ops_[node].kind;
      if (kind == Kind::all || kind == Kind::any || kind == Kind::is_false || kind == Kind::sum ||
          kind == Kind::fired_tier || kind == Kind::lab) {
        continue;
      }
      if (value_at(node) != Tri::unknown) {
        add_given(node);
      } else if (value != Tri::yes) {
        add_missing(node);
      }
    }
  }

  void add(std::size_t item, std::uint64_t options) {
    options_[item] = (out_.because.has(item) ? options_[item] : 0) | options;
    out_.because.add(item);
  }

  void add_given(std::size_t at) {
    const auto item = ops_[at].item;
    if (answers_.state[item] == ItemState::answered) {
      add(item, answers_.chosen[item]);
    } else if (ops_[at].kind == Kind::answered) {
      add(item, 0);
    }
  }

  void add_evidence(std::size_t at) {
    const Op& op = ops_[at];
    switch (op.kind) {
      case Kind::lab:
      case Kind::fired_tier:
        break;
      case Kind::sum:
        for (std::size_t child = at + 1; child < op.end; ++child) {
          add_given(child);
        }
        break;
      case Kind::age:
        if (answers_.state[op.item] == ItemState::answered) {
          add(op.item, 0);
        }
        break;
      case Kind::is:
      case Kind::med:
      case Kind::cond:
      case Kind::any_of:
      case Kind::count:
      case Kind::unsure:
        if (const auto options = answers_.chosen[op.item] & op.mask; options != 0) {
          add(op.item, options);
        }
        break;
      default:
        add(op.item, answers_.chosen[op.item]);
    }
  }

  void add_missing(std::size_t at) {
    const Op& op = ops_[at];
    if (op.kind == Kind::fired_tier || op.kind == Kind::lab) {
      return;
    }
    const std::size_t first = op.kind == Kind::sum ? at + 1 : at;
    const std::size_t last = op.kind == Kind::sum ? op.end : at + 1;
    for (std::size_t node = first; node < last; ++node) {
      add_question(ops_[node].item);
    }
  }

  // What to ask: the item itself, or, when it was not asked, those that lead to it.
  void add_question(std::size_t at) {
    const Item& item = knowledge_.items[at];
    switch (answers_.state[at]) {
      case ItemState::not_shown:
        return;
      case ItemState::answered:
        if ((answers_.chosen[at] & open_[at]) != 0) {
          out_.missing.add(at);
        }
        return;
      case ItemState::not_asked:
        for (const auto& when : item.enable) {
          add_question(index_of(when.item));
        }
        if (item.parent >= 0) {
          add_question(index_of(item.parent));
        }
        return;
      case ItemState::skipped:
      case ItemState::invalid:
        if (item.type != ItemType::group && item.type != ItemType::display) {
          out_.missing.add(at);
        }
    }
  }

  const Knowledge& knowledge_;
  const std::vector<std::uint64_t>& open_;
  const std::vector<Op>& ops_;
  const Facts& facts_;
  const AnswerRecord& answers_;
  const FiredTiers& fired_;
  const Reading reading_;
  QuickFinding& out_;
  std::array<std::uint64_t, kMaxItems>& options_;
};

// As rules/patient_advice.h, but for the texts.
class QuickAdvice {
 public:
  QuickAdvice(const Knowledge& knowledge, const EvaluationInput& input, QuickAssessment& out)
      : knowledge_(knowledge), out_(out), unread_words_(!input.free_text.empty()) {}

  void run() {
    out_.patient_advice_ids.clear();
    out_.said.clear();
    advise(Advice::When::free_text);
    each_fired([this](const QuickFinding& finding) { tell(finding.rule->id, words_of(finding)); });
    advise(Advice::When::not_emergency);
    advise(Advice::When::fired);
  }

 private:
  template <typename Visit>
  void each_fired(const Visit& visit) const {
    for (const auto& finding : out_.findings) {
      if (finding.status != FindingStatus::fired) {
        return;
      }
      visit(finding);
    }
  }

  const std::string& words_of(const QuickFinding& finding) const {
    const Rule& rule = *finding.rule;
    const bool outranked = rule.tier < out_.tier ||
                           (rule.tier == out_.tier && stricter(*out_.target, *finding.target));
    if (outranked && out_.tier == Tier::emergency) {
      return rule.beside_emergency;
    }
    if (outranked) {
      return rule.beside;
    }
    if (!may_say(rule, out_.verdicts)) {
      return rule.comforts && rule.beside.empty() ? knowledge_.text("patient-neutral")
                                                  : rule.beside;
    }
    const auto shorter =
        std::find_if(rule.target_when.begin(), rule.target_when.end(),
                     [&](const auto& when) { return when.target == *finding.target; });
    return shorter == rule.target_when.end() ? rule.patient : shorter->patient;
  }

  bool is_silenced(const std::string& id) const {
    bool silenced = false;
    each_fired([&](const QuickFinding& finding) {
      const auto& silences = finding.rule->silences;
      silenced = silenced || std::find(silences.begin(), silences.end(), id) != silences.end();
    });
    return silenced;
  }

  void tell(const std::string& id, const std::string& text) {
    const bool said = std::any_of(out_.said.begin(), out_.said.end(),
                                  [&](const auto* other) { return *other == text; });
    if (!text.empty() && !said && !is_silenced(id)) {
      out_.said.push_back(&text);
      out_.patient_advice_ids.push_back(&id);
    }
  }

  void advise(Advice::When when) {
    for (std::size_t i = 0; i < knowledge_.advice.size(); ++i) {
      const Advice& advice = knowledge_.advice[i];
      if (advice.when == when && applies(advice)) {
        const Rule* guard = guard_of(static_cast<int>(i));
        tell(guard != nullptr ? guard->id : advice.id,
             guard != nullptr ? guard->patient : advice.text);
      }
    }
  }

  bool applies(const Advice& advice) const {
    if (out_.tier == Tier::emergency) {
      return false;
    }
    switch (advice.when) {
      case Advice::When::not_emergency:
        return true;
      case Advice::When::free_text:
        return unread_words_;
      case Advice::When::fired: {
        bool called = false;
        each_fired([&](const QuickFinding& finding) {
          called = called || calls_for(*finding.rule, advice);
        });
        return called;
      }
    }
    return false;
  }

  bool calls_for(const Rule& rule, const Advice& advice) const {
    return rule.kind == Rule::Kind::rule && !(rule.benign && unread_words_) &&
           contains(advice.rules, static_cast<int>(&rule - knowledge_.rules.data()));
  }

  const Rule* guard_of(int advice) const {
    for (const auto& guard : knowledge_.advice_guards) {
      if (contains(guard.advice, advice) && out_.verdicts.gaps[index_of(guard.rule)] != Tri::no) {
        return &knowledge_.gaps[index_of(guard.rule)];
      }
    }
    return nullptr;
  }

  const Knowledge& knowledge_;
  QuickAssessment& out_;
  const bool unread_words_;
};

class QuickAssessing {
 public:
  QuickAssessing(const Knowledge& knowledge, const QuickRules::Static& prepared,
                 const EvaluationInput& input, QuickAssessment& out)
      : knowledge_(knowledge),
        prepared_(prepared),
        input_(input),
        answers_(input.facts.answers),
        out_(out) {}

  void run() {
    EvaluateFlags flags;
    flags.stale = older_than(input_, std::chrono::days(knowledge_.staleness.benign_answers_days));
    flags.free_text = !input_.free_text.empty();
    evaluate(knowledge_, input_.facts, flags, out_.verdicts);
    out_.tier = out_.verdicts.tier;
    out_.options.clear();
    out_.rules.clear();
    collect_findings();
    decide_target();
    propose_workups();
    collect_gaps();
    QuickAdvice(knowledge_, input_, out_).run();
    out_.notices = notices(knowledge_, input_, out_.verdicts,
                           {flags.stale, out_.check_first, count_fired() == 0, {}, {}});
  }

 private:
  // Fired and not excluded ones by their target, which may have become shorter; then the others in
  // the order that never changes.
  void collect_findings() {
    out_.findings.clear();
    const auto& order = prepared_.order;
    for (std::size_t i = 0; i < order.size(); ++i) {
      states_[i] = status_of(i);
    }
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (states_[i] == FindingStatus::fired || states_[i] == FindingStatus::not_excluded) {
        out_.findings.push_back(open_finding(i));
      }
    }
    std::sort(out_.findings.begin(), out_.findings.end(), [](const auto& a, const auto& b) {
      return a.status != b.status ? a.status < b.status
                                  : is_before(a.rule, *a.target, b.rule, *b.target);
    });
    for (const auto status : {FindingStatus::excluded, FindingStatus::not_applicable}) {
      for (std::size_t i = 0; i < order.size(); ++i) {
        if (states_[i] == status) {
          out_.findings.push_back({order[i], &order[i]->target, status, {}, 0, {}});
        }
      }
    }
  }

  Tri verdict(const Rule& rule) const {
    const bool gap =
        &rule >= knowledge_.gaps.data() && &rule < knowledge_.gaps.data() + knowledge_.gaps.size();
    return gap ? out_.verdicts.gaps[static_cast<std::size_t>(&rule - knowledge_.gaps.data())]
               : out_.verdicts.rules[static_cast<std::size_t>(&rule - knowledge_.rules.data())];
  }

  FindingStatus status_of(std::size_t at) const {
    const Rule& rule = *prepared_.order[at];
    if (out_.verdicts.under_age && rule.kind == Rule::Kind::rule && !rule.all_ages &&
        rule.tier != Tier::emergency) {
      return FindingStatus::not_applicable;
    }
    const Tri value = verdict(rule);
    if (value == Tri::yes) {
      return FindingStatus::fired;
    }
    const bool open = !rule.benign && !rule.raw &&
                      (value == Tri::unknown || (rule.root >= 0 && prepared_.asks_for_false[at] &&
                                                 value_of(rule) != Tri::no));
    return open ? FindingStatus::not_excluded : FindingStatus::excluded;
  }

  // With what is unknown left open.
  Tri value_of(const Rule& rule) const {
    return knowledge_.program.evaluate(rule.root, answers_, input_.facts.record,
                                       out_.verdicts.fired, Reading::unresolved);
  }

  QuickFinding open_finding(std::size_t at) {
    QuickFinding finding;
    finding.rule = prepared_.order[at];
    finding.status = states_[at];
    finding.target = &finding.rule->target;
    finding.first_option = out_.options.size();
    if (finding.rule->root >= 0) {
      QuickTrace(knowledge_, prepared_.open, input_.facts, out_.verdicts, finding, chosen_)
          .run(traced(finding));
    }
    finding.because.each([this](std::size_t item) { out_.options.push_back(chosen_[item]); });
    if (finding.status == FindingStatus::fired) {
      finding.missing = {};
    }
    for (const auto& when : finding.rule->target_when) {
      const Tri value = knowledge_.program.evaluate(when.criterion, answers_, input_.facts.record,
                                                    out_.verdicts.fired);
      if (value != Tri::no && stricter(when.target, *finding.target)) {
        finding.target = &when.target;
      }
    }
    return finding;
  }

  Tri traced(const QuickFinding& finding) const {
    const Rule& rule = *finding.rule;
    const auto reading =
        finding.status == FindingStatus::fired ? Reading::given : Reading::unresolved;
    return knowledge_.program.evaluate(rule.root, rule.raw ? input_.facts.raw : answers_,
                                       input_.facts.record, out_.verdicts.fired, reading);
  }

  std::size_t count_fired() const {
    const auto end = std::find_if(out_.findings.begin(), out_.findings.end(), [](const auto& one) {
      return one.status != FindingStatus::fired;
    });
    return static_cast<std::size_t>(end - out_.findings.begin());
  }

  void decide_target() {
    out_.target = &no_target();
    const auto fired = count_fired();
    for (std::size_t i = 0; i < fired; ++i) {
      const auto& finding = out_.findings[i];
      const bool first_of_tier = finding.rule->tier == out_.tier && out_.target->text.empty();
      if (first_of_tier || stricter(*finding.target, *out_.target)) {
        out_.target = finding.target;
      }
    }
    out_.check_first =
        out_.tier == Tier::emergency &&
        (input_.batch ||
         older_than(input_, std::chrono::hours(knowledge_.staleness.emergency_answers_hours)));
  }

  void propose_workups() {
    out_.workups.clear();
    const auto fired = count_fired();
    for (std::size_t i = 0; i < fired; ++i) {
      if (out_.findings[i].rule->kind == Rule::Kind::rule) {
        for (const int workup : suggested_by(*out_.findings[i].rule)) {
          add_workup(workup, fired);
        }
      }
    }
    std::sort(out_.workups.begin(), out_.workups.end(), [](const auto& a, const auto& b) {
      return a.withheld != b.withheld ? b.withheld
             : a.tier != b.tier       ? a.tier > b.tier
                                      : a.workup < b.workup;
    });
  }

  const std::vector<int>& suggested_by(const Rule& rule) const {
    return prepared_.suggests[static_cast<std::size_t>(&rule - knowledge_.rules.data())];
  }

  void add_workup(int workup, std::size_t fired) {
    const bool known = std::any_of(out_.workups.begin(), out_.workups.end(),
                                   [&](const auto& row) { return row.workup == workup; });
    if (known) {
      return;
    }
    QuickWorkup row;
    row.workup = workup;
    row.because.begin = out_.rules.size();
    std::optional<Tier> against;
    for (std::size_t i = 0; i < fired; ++i) {
      const auto& finding = out_.findings[i];
      if (finding.rule->kind != Rule::Kind::rule) {
        continue;
      }
      if (contains(suggested_by(*finding.rule), workup)) {
        if (row.target == nullptr) {
          row.tier = finding.rule->tier;
          row.target = finding.target;
        }
        out_.rules.push_back(finding.rule);
      }
      if (contains(finding.rule->must_not, workup)) {
        against = std::max(against.value_or(finding.rule->tier), finding.rule->tier);
      }
    }
    row.because.end = out_.rules.size();
    row.withheld = against && *against > row.tier;
    out_.workups.push_back(row);
  }

  std::optional<GapState> gap_state(std::size_t at) const {
    const Item& item = knowledge_.items[at];
    if (item.type == ItemType::group || item.type == ItemType::display) {
      return std::nullopt;
    }
    const auto raw = input_.facts.raw.chosen[at];
    if ((raw & item.none) != 0 && (raw & item.positive()) != 0) {
      return GapState::contradicted;
    }
    switch (answers_.state[at]) {
      case ItemState::skipped:
        return GapState::skipped;
      case ItemState::invalid:
        return GapState::invalid;
      case ItemState::answered: {
        const auto open = answers_.chosen[at] & prepared_.open[at];
        return open == 0                      ? std::nullopt
               : (open & ~item.declined) != 0 ? std::optional(GapState::unsure)
                                              : std::optional(GapState::declined);
      }
      default:
        return std::nullopt;
    }
  }

  void collect_gaps() {
    out_.gaps.clear();
    for (std::size_t item = 0; item < knowledge_.items.size(); ++item) {
      const auto state = gap_state(item);
      if (!state) {
        continue;
      }
      QuickGap gap{item, *state, {}, {out_.rules.size(), 0}};
      bool named_by_policy = false;
      for (const auto& finding : out_.findings) {
        if (finding.status == FindingStatus::excluded) {
          break;
        }
        if (finding.status == FindingStatus::not_excluded && finding.missing.has(item)) {
          out_.rules.push_back(finding.rule);
          const Tier tier = finding.rule->tier;
          if (tier > out_.tier) {
            gap.could_raise_to = std::max(gap.could_raise_to.value_or(tier), tier);
          }
        }
        named_by_policy =
            named_by_policy || (finding.status == FindingStatus::fired &&
                                finding.rule->kind == Rule::Kind::gap && finding.because.has(item));
      }
      gap.rules.end = out_.rules.size();
      if (gap.rules.begin != gap.rules.end || named_by_policy || *state == GapState::contradicted) {
        out_.gaps.push_back(gap);
      }
    }
    std::stable_sort(out_.gaps.begin(), out_.gaps.end(), [](const auto& a, const auto& b) {
      return a.could_raise_to > b.could_raise_to;
    });
  }

  const Knowledge& knowledge_;
  const QuickRules::Static& prepared_;
  const EvaluationInput& input_;
  const AnswerRecord& answers_;
  QuickAssessment& out_;
  std::array<FindingStatus, 2 * kMaxRules> states_;
  std::array<std::uint64_t, kMaxItems> chosen_;  // options of the finding at hand
};

}  // namespace

const Target& no_target() {
  static const Target none;
  return none;
}

QuickRules::QuickRules(KnowledgePtr knowledge) : knowledge_(std::move(knowledge)) {
  for (const auto* list : {&knowledge_->rules, &knowledge_->gaps}) {
    for (const auto& rule : *list) {
      if (rule.kind != Rule::Kind::notice && rule.kind != Rule::Kind::guard) {
        static_.order.push_back(&rule);
      }
    }
  }
  std::stable_sort(static_.order.begin(), static_.order.end(), [](const Rule* a, const Rule* b) {
    return is_before(a, a->target, b, b->target);
  });
  for (const auto* rule : static_.order) {
    static_.asks_for_false.push_back(names_false(knowledge_->program, *rule));
  }
  for (std::size_t i = 0; i < knowledge_->items.size(); ++i) {
    static_.open.push_back(knowledge_->open_options(static_cast<int>(i)));
  }
  for (std::size_t i = 0; i < knowledge_->rules.size(); ++i) {
    std::vector<int> suggested;
    for (const int index : knowledge_->rules[i].workups) {
      const auto& workup = knowledge_->workups[index_of(index)];
      const auto rule = static_cast<int>(i);
      if (workup.may_come_from(rule)) {
        suggested.push_back(index);
      }
    }
    static_.suggests.push_back(std::move(suggested));
  }
}

bool QuickRules::assess(const EvaluationInput& input, QuickAssessment& out) const {
  if (!is_plain(input) || tells_caution(*knowledge_, input.facts.answers)) {
    return false;
  }
  QuickAssessing(*knowledge_, static_, input, out).run();
  return true;
}

}  // namespace myoflag::rules
