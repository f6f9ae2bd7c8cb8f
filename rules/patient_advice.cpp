#include "rules/patient_advice.h"

#include <algorithm>
#include <set>

namespace myoflag::rules {
namespace {

class Advising {
 public:
  Advising(const Assessment& assessment, const Verdicts& verdicts)
      : assessment_(assessment),
        knowledge_(*assessment.knowledge),
        verdicts_(verdicts),
        unread_words_(!assessment.input->free_text.empty()) {}

  PatientAdvice run() {
    collect_fired();
    advise(Advice::When::free_text);
    for (const Finding* finding : fired_) {
      tell(finding->rule->id, words_of(*finding));
    }
    advise(Advice::When::not_emergency);
    advise(Advice::When::fired);
    return std::move(out_);
  }

 private:
  void collect_fired() {
    for (const Finding& finding : assessment_.findings) {
      if (finding.status == FindingStatus::fired) {
        fired_.push_back(&finding);
        silenced_.insert(finding.rule->silences.begin(), finding.rule->silences.end());
      }
    }
  }

  // Less urgent than the result, so that its wording could sound calmer than the result is.
  bool is_outranked(const Finding& finding) const {
    return finding.tier < assessment_.tier ||
           (finding.tier == assessment_.tier && stricter(assessment_.target, finding.target));
  }

  // Where a rule has no neutral words of its own, a sentence for all.
  const std::string& neutral_words_of(const Rule& rule) const {
    return rule.comforts && rule.beside.empty() ? knowledge_.text("patient-neutral") : rule.beside;
  }

  const std::string& words_of(const Finding& finding) {
    const Rule& rule = *finding.rule;
    if (is_outranked(finding) && assessment_.tier == Tier::emergency) {
      return rule.beside_emergency;
    }
    if (is_outranked(finding)) {
      return rule.beside;
    }
    if (!may_say(rule, verdicts_)) {
      return neutral_words_of(rule);
    }
    const auto shorter =
        std::find_if(rule.target_when.begin(), rule.target_when.end(),
                     [&](const auto& when) { return when.target == finding.target; });
    return shorter == rule.target_when.end() ? rule.patient : shorter->patient;
  }

  void tell(const std::string& id, const std::string& text) {
    const bool said = std::find(out_.texts.begin(), out_.texts.end(), text) != out_.texts.end();
    if (!text.empty() && !said && !silenced_.contains(id)) {
      out_.texts.push_back(text);
      out_.ids.push_back(id);
    }
  }

  void advise(Advice::When when) {
    for (std::size_t i = 0; i < knowledge_.advice.size(); ++i) {
      const Advice& advice = knowledge_.advice[i];
      if (advice.when != when || !applies(advice)) {
        continue;
      }
      const Rule* guard = guard_of(static_cast<int>(i));
      tell(guard != nullptr ? guard->id : advice.id,
           guard != nullptr ? guard->patient : advice.text);
    }
  }

  bool applies(const Advice& advice) const {
    if (assessment_.tier == Tier::emergency) {
      return false;
    }
    switch (advice.when) {
      case Advice::When::not_emergency:
        return true;
      case Advice::When::free_text:
        return unread_words_;
      case Advice::When::fired:
        return std::any_of(fired_.begin(), fired_.end(),
                           [&](const Finding* finding) { return calls_for(*finding, advice); });
    }
    return false;
  }

  bool calls_for(const Finding& finding, const Advice& advice) const {
    const Rule* rule = finding.rule;
    if (rule->kind != Rule::Kind::rule || (rule->benign && unread_words_)) {
      return false;
    }
    const auto index = static_cast<int>(rule - knowledge_.rules.data());
    return std::find(advice.rules.begin(), advice.rules.end(), index) != advice.rules.end();
  }

  // The guard that holds, or may hold, and withholds this advice; its own text takes the place.
  const Rule* guard_of(int advice) const {
    for (const auto& guard : knowledge_.advice_guards) {
      const auto index = static_cast<std::size_t>(guard.rule);
      const bool guards =
          std::find(guard.advice.begin(), guard.advice.end(), advice) != guard.advice.end();
      if (guards && verdicts_.gaps[index] != Tri::no) {
        return &knowledge_.gaps[index];
      }
    }
    return nullptr;
  }

  const Assessment& assessment_;
  const Knowledge& knowledge_;
  const Verdicts& verdicts_;
  bool unread_words_;
  std::vector<const Finding*> fired_;
  std::set<std::string_view> silenced_;
  PatientAdvice out_;
};

}  // namespace

PatientAdvice advise_patient(const Assessment& assessment, const Verdicts& verdicts) {
  return Advising(assessment, verdicts).run();
}

}  // namespace myoflag::rules
