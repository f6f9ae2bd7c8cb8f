#include <algorithm>
#include <map>
#include <set>

#include "rules/evaluate.h"
#include "rules/notices.h"
#include "rules/outlook.h"
#include "rules/patient_advice.h"
#include "rules/relevance.h"
#include "rules/since_last.h"
#include "rules/trace.h"
#include "rules/unjudged.h"
#include "rules/vanished.h"
#include "rules/workups.h"

namespace myoflag::rules {
namespace {

constexpr std::size_t index_of(int value) { return static_cast<std::size_t>(value); }

bool older_than(const EvaluationInput& input, std::chrono::hours limit) {
  return !input.response.authored || input.now - *input.response.authored > limit;
}

class Assessing {
 public:
  Assessing(const KnowledgePtr& knowledge, EvaluationInput input)
      : knowledge_(*knowledge), input_(std::make_shared<const EvaluationInput>(std::move(input))) {
    out_.knowledge = knowledge;
    out_.input = input_;
  }

  Assessment run(Outlook outlook) {
    flags_.stale = older_than(*input_, std::chrono::days(knowledge_.staleness.benign_answers_days));
    flags_.doubtful = is_doubtful(*input_);
    flags_.free_text = !input_->free_text.empty();
    earlier_flags_ = earlier_flags(knowledge_, *input_);
    flags_.earlier_flags = earlier_flags_;
    flags_.changed = changed_since_last(knowledge_, previous_of(*input_), input_->facts.answers);
    evaluate(knowledge_, input_->facts, flags_, verdicts_);
    out_.tier = verdicts_.tier;
    out_.vanished = vanished_flags(knowledge_, *input_, verdicts_);
    collect_findings(knowledge_.rules, verdicts_.rules);
    collect_findings(knowledge_.gaps, verdicts_.gaps);
    order_findings();
    decide_target();
    collect_hypotheses();
    out_.workups = propose_workups(knowledge_, *input_, out_.findings);
    collect_gaps();
    if (outlook == Outlook::whole) {
      collect_not_needed();
      look_out();
    } else {
      out_.changes_complete = false;
    }
    collect_advice();
    out_.notices =
        notices(knowledge_, *input_, verdicts_,
                {flags_.stale, out_.check_first, nothing_matched_, out_.vanished, out_.findings});
    return std::move(out_);
  }

 private:
  void look_out() {
    const Situation situation{knowledge_, input_->facts, flags_, previous_of(*input_)};
    Effort bounding;
    out_.bounds = tier_bounds(situation, bounding);
    widen_bounds();
    Effort changing;
    TierChanges changes = tier_changes(situation, verdicts_, changing);
    out_.changes = std::move(changes.list);
    out_.changes_complete = changes.complete;
  }

  // The bounds are over answers. A result that cannot be used may say more than any of them.
  void widen_bounds() {
    for (const Finding& finding : out_.findings) {
      if (finding.tier > out_.bounds.highest && finding.rule->raises() &&
          waits_for_a_result(out_, finding)) {
        out_.bounds.highest = finding.tier;
        out_.bounds.highest_reached = false;
      }
    }
  }

  void collect_findings(const std::vector<Rule>& rules, const std::array<Tri, kMaxRules>& values) {
    for (std::size_t i = 0; i < rules.size(); ++i) {
      const Rule& rule = rules[i];
      if (rule.kind != Rule::Kind::notice && rule.kind != Rule::Kind::guard) {
        out_.findings.push_back(finding(rule, values[i]));
      }
    }
  }

  Finding finding(const Rule& rule, Tri value) {
    Finding finding;
    finding.rule = &rule;
    finding.tier = rule.tier;
    finding.target = rule.target;
    finding.status = status_of(rule, value);
    const bool open = finding.status == FindingStatus::not_excluded;
    if (value == Tri::no && !open) {
      return finding;
    }
    if (rule.kind == Rule::Kind::change) {
      add_changes(finding);
      return finding;
    }
    Trace why = trace(knowledge_, rule, *input_, verdicts_.fired,
                      value == Tri::yes ? Reading::given : Reading::unresolved);
    finding.because = std::move(why.because);
    if (value != Tri::yes) {
      finding.missing = std::move(why.missing);
    }
    shorten_target(rule, finding.target);
    return finding;
  }

  FindingStatus status_of(const Rule& rule, Tri value) const {
    if (verdicts_.under_age && rule.kind == Rule::Kind::rule && !rule.all_ages &&
        rule.tier != Tier::emergency) {
      return FindingStatus::not_applicable;
    }
    if (value == Tri::yes) {
      return FindingStatus::fired;
    }
    return is_open(rule, value) ? FindingStatus::not_excluded : FindingStatus::excluded;
  }

  // Unknown is never "no", also where a criterion asks what is known to be false. Reassurance that
  // cannot be given is no danger that could not be excluded, and a question without an answer holds
  // no contradiction.
  bool is_open(const Rule& rule, Tri value) const {
    if (rule.benign || rule.raw) {
      return false;
    }
    if (value == Tri::unknown || rule.root < 0) {
      return value == Tri::unknown;
    }
    return knowledge_.program.evaluate(rule.root, input_->facts.answers, input_->facts.record,
                                       verdicts_.fired, Reading::unresolved) != Tri::no;
  }

  // What is new, and the questions that were compared and have no clear answer.
  void add_changes(Finding& finding) const {
    const AnswerRecord* previous = previous_of(*input_);
    const AnswerRecord& answers = input_->facts.answers;
    for (const int item : knowledge_.change.items) {
      if (const auto options = changed_options(knowledge_, previous, answers, item); options != 0) {
        Evidence evidence;
        evidence.item = &knowledge_.items[index_of(item)];
        evidence.options = options;
        finding.because.push_back(std::move(evidence));
      }
      if (finding.status == FindingStatus::not_excluded &&
          may_have_changed(knowledge_, previous, answers, item)) {
        for (const int question : questions_to_ask(knowledge_, answers, item)) {
          finding.missing.push_back(&knowledge_.items[index_of(question)]);
        }
      }
    }
  }

  // In doubt the shorter target holds.
  void shorten_target(const Rule& rule, Target& target) const {
    for (const auto& when : rule.target_when) {
      const Tri value = knowledge_.program.evaluate(when.criterion, input_->facts.answers,
                                                    input_->facts.record, verdicts_.fired);
      if (value != Tri::no && stricter(when.target, target)) {
        target = when.target;
      }
    }
  }

  void order_findings() {
    std::stable_sort(out_.findings.begin(), out_.findings.end(),
                     [](const Finding& a, const Finding& b) {
                       if (a.status != b.status) {
                         return a.status < b.status;
                       }
                       if (a.tier != b.tier) {
                         return a.tier > b.tier;
                       }
                       if (a.target.hours != b.target.hours) {
                         return stricter(a.target, b.target);
                       }
                       return a.rule->id < b.rule->id;
                     });
  }

  bool fired(const Finding& finding) const { return finding.status == FindingStatus::fired; }

  void decide_target() {
    nothing_matched_ = true;
    for (const auto& finding : out_.findings) {
      if (!fired(finding)) {
        continue;
      }
      nothing_matched_ = false;
      // The shortest of all: one danger more never gives more time. Without hours only the words of
      // the tier itself: "no extra visit" must not stand beside a tier that was raised.
      const bool first_of_tier = finding.tier == out_.tier && out_.target.text.empty();
      if (first_of_tier || stricter(finding.target, out_.target)) {
        out_.target = finding.target;
      }
    }
    out_.check_first =
        out_.tier == Tier::emergency &&
        (input_->batch ||
         older_than(*input_, std::chrono::hours(knowledge_.staleness.emergency_answers_hours)));
  }

  void collect_hypotheses() {
    std::map<int, std::size_t> row_of;
    for (const auto& finding : out_.findings) {
      if (!fired(finding)) {
        continue;
      }
      for (const int hypothesis : finding.rule->hypotheses) {
        const auto [at, fresh] = row_of.try_emplace(hypothesis, out_.hypotheses.size());
        if (fresh) {
          out_.hypotheses.push_back({&knowledge_.hypotheses[index_of(hypothesis)], {}});
        }
        out_.hypotheses[at->second].rules.push_back(finding.rule);
      }
    }
  }

  std::optional<GapState> gap_state(std::size_t item) const {
    const Item& it = knowledge_.items[item];
    const auto& answers = input_->facts.answers;
    const std::uint64_t raw = input_->facts.raw.chosen[item];
    if (it.type == ItemType::group || it.type == ItemType::display) {
      return std::nullopt;
    }
    if ((raw & it.none) != 0 && (raw & it.positive()) != 0) {
      return GapState::contradicted;
    }
    switch (answers.state[item]) {
      case ItemState::skipped:
        return was_never_asked(*input_, item) ? GapState::not_asked : GapState::skipped;
      case ItemState::invalid:
        return input_->denied_earlier.test(item) ? GapState::denied_earlier : GapState::invalid;
      case ItemState::answered:
        return open_answer(item,
                           answers.chosen[item] & knowledge_.open_options(static_cast<int>(item)));
      default:
        return std::nullopt;
    }
  }

  std::optional<GapState> open_answer(std::size_t item, std::uint64_t open) const {
    const std::uint64_t declined = knowledge_.items[item].declined;
    if (open == 0) {
      return std::nullopt;
    }
    if ((open & ~(declined | kNotOffered)) != 0) {
      return GapState::unsure;
    }
    if ((open & declined) != 0) {
      return GapState::declined;
    }
    return input_->denied_earlier.test(item) ? GapState::denied_earlier : GapState::not_asked;
  }

  // Gaps that matter: a rule is open because of them, a policy fired on them, or they contradict.
  void collect_gaps() {
    for (std::size_t i = 0; i < knowledge_.items.size(); ++i) {
      const auto state = gap_state(i);
      if (!state) {
        continue;
      }
      Gap gap;
      gap.item = &knowledge_.items[i];
      gap.state = *state;
      bool named_by_policy = false;
      for (const auto& finding : out_.findings) {
        const auto& missing = finding.missing;
        if (std::find(missing.begin(), missing.end(), gap.item) != missing.end() &&
            finding.status == FindingStatus::not_excluded) {
          gap.rules.push_back(finding.rule);
          if (finding.tier > out_.tier) {
            gap.could_raise_to = std::max(gap.could_raise_to.value_or(finding.tier), finding.tier);
          }
        }
        named_by_policy = named_by_policy || (fired(finding) && is_gap_of(finding, gap.item));
      }
      if (!gap.rules.empty() || named_by_policy || *state == GapState::contradicted) {
        out_.gaps.push_back(std::move(gap));
      }
    }
    std::stable_sort(out_.gaps.begin(), out_.gaps.end(), [](const Gap& a, const Gap& b) {
      return a.could_raise_to > b.could_raise_to;
    });
  }

  static bool is_gap_of(const Finding& finding, const Item* item) {
    return finding.rule->kind == Rule::Kind::gap &&
           std::any_of(finding.because.begin(), finding.because.end(),
                       [&](const Evidence& evidence) { return evidence.item == item; });
  }

  void collect_not_needed() {
    const auto& doubts = input_->doubts;
    if (input_->left_out.empty() ||
        std::find(doubts.begin(), doubts.end(), Doubt::unfinished) != doubts.end()) {
      return;
    }
    QuestionSet open;
    for (const int item : input_->left_out) {
      open.set(index_of(item));
    }
    const QuestionSet spared = without_effect(knowledge_, input_->facts.answers, open);
    for (std::size_t i = 0; i < knowledge_.items.size(); ++i) {
      if (spared[i]) {
        out_.not_needed.push_back(&knowledge_.items[i]);
      }
    }
  }

  void collect_advice() {
    PatientAdvice advice = advise_patient(out_, verdicts_);
    out_.patient_advice = std::move(advice.texts);
    out_.patient_advice_ids = std::move(advice.ids);
  }

  const Knowledge& knowledge_;
  std::shared_ptr<const EvaluationInput> input_;
  std::vector<int> earlier_flags_;
  EvaluateFlags flags_;
  Verdicts verdicts_;
  Assessment out_;
  bool nothing_matched_ = false;
};

}  // namespace

Assessment assess(const KnowledgePtr& knowledge, EvaluationInput input, Outlook outlook) {
  return Assessing(knowledge, std::move(input)).run(outlook);
}

}  // namespace myoflag::rules
