#include "rules/notices.h"

#include <algorithm>
#include <span>

#include "rules/since_last.h"
#include "rules/texts.h"
#include "rules/unjudged.h"
#include "rules/vanished.h"
#include "rules/wording.h"

namespace myoflag::rules {
namespace {

constexpr std::size_t kMostUnread = 50;  // answers that are said one by one

class Writer {
 public:
  Writer(const Knowledge& knowledge, const EvaluationInput& input, const Verdicts& verdicts,
         const NoticeContext& context)
      : knowledge_(knowledge), input_(input), verdicts_(verdicts), context_(context) {}

  std::vector<Notice> write() {
    about_answers();
    about_changes();
    about_vanished();
    about_denied();
    about_conflicts();
    about_lists();
    about_labs();
    about_record();
    return std::move(out_);
  }

 private:
  void add(Notice::Kind kind, std::string_view key, std::initializer_list<Fill> values = {}) {
    out_.push_back({kind, fill(knowledge_.text(key), values)});
  }

  static std::string_view doubt_key(Doubt doubt) {
    switch (doubt) {
      case Doubt::unfinished:
        return "doubt-unfinished";
      case Doubt::newer_begun:
        return "doubt-newer-begun";
      case Doubt::newer_unreadable:
        return "doubt-newer-unreadable";
      case Doubt::other_words:
        return "doubt-other-words";
      case Doubt::subject_assumed:
        return "doubt-subject-assumed";
      case Doubt::narrative:
        return "doubt-narrative";
      case Doubt::not_applying:
        return "doubt-not-applying";
      case Doubt::no_value:
        return "doubt-no-value";
      case Doubt::person_differs:
        return "doubt-person-differs";
      case Doubt::record_set_aside:
        return "doubt-record-set-aside";
      case Doubt::earlier_unread:
        return "doubt-earlier-unread";
      case Doubt::answers_unread:
        return "doubt-answers-unread";
    }
    return {};
  }

  const Item& item(int index) const { return knowledge_.items[static_cast<std::size_t>(index)]; }

  void about_answers() {
    if (context_.check_first) {
      add_check_now();
    }
    if (verdicts_.under_age) {
      add(Notice::Kind::under_age, "under-age", {{"age", std::to_string(knowledge_.adult_age)}});
    }
    if (context_.nothing_matched) {
      add(Notice::Kind::nothing_matched, "nothing-matched");
    }
    if (context_.stale) {
      add_stale();
    }
    about_other_form();
    if (!input_.extensions.empty()) {
      add(Notice::Kind::unread_answer, "unread-extensions",
          {{"extensions", joined(input_.extensions, "; ")}});
    }
    for (const Doubt doubt : input_.doubts) {
      if (doubt != Doubt::record_set_aside || !are_doubtful_labs_judged()) {
        add(Notice::Kind::doubtful_answers, doubt_key(doubt));
      }
    }
    for (const auto& text : input_.free_text) {
      add(Notice::Kind::free_text, "free-text-notice", {{"question", item(text.item).label}});
    }
    for (const auto& aside : input_.set_aside) {
      const bool disabled = aside.why == SetAside::Why::disabled;
      const std::string given = aside.number         ? to_text(*aside.number)
                                : aside.options != 0 ? option_texts(item(aside.item), aside.options)
                                                     : aside.text;
      add(Notice::Kind::answer_set_aside, disabled ? "answer-disabled" : "answer-out-of-range",
          {{"question", item(aside.item).label}, {"answer", given}});
    }
    for (std::size_t i = 0; i < knowledge_.items.size(); ++i) {
      const Item& it = knowledge_.items[i];
      const std::uint64_t raw = input_.facts.raw.chosen[i];
      if (it.none != 0 && (raw & it.none) != 0 && (raw & it.positive()) != 0) {
        add(Notice::Kind::contradiction, "contradiction",
            {{"question", it.label}, {"answer", option_texts(it, raw & it.positive())}});
      }
    }
  }

  // A red flag rests on each of them, beside which nobody is reassured in any case.
  bool are_doubtful_labs_judged() const {
    auto left = input_.doubtful_labs;
    const bool is_for_labs = left.any();
    for (const Finding& finding : context_.findings) {
      if (finding.status != FindingStatus::fired || !knowledge_.is_red_flag(*finding.rule)) {
        continue;
      }
      for (const Evidence& evidence : finding.because) {
        if (evidence.lab != nullptr) {
          left.reset(static_cast<std::size_t>(evidence.lab - knowledge_.labs.data()));
        }
      }
    }
    return is_for_labs && left.none();
  }

  // The answers that nobody reads are said word for word, in the order of the response.
  void about_other_form() {
    if (input_.form == nullptr) {
      return;
    }
    add(Notice::Kind::other_form, "other-form", {{"title", input_.form->title}});
    const std::size_t said = std::min(input_.unread.size(), kMostUnread);
    for (const auto& unread : std::span(input_.unread).first(said)) {
      add(Notice::Kind::unread_answer, "unread-answer",
          {{"question", unread.question}, {"answer", unread.answer}});
    }
    if (const std::size_t more = input_.unread.size() - said; more != 0) {
      add(Notice::Kind::unread_answer, "unread-more", {{"count", std::to_string(more)}});
    }
  }

  void add_stale() {
    const int days = knowledge_.staleness.benign_answers_days;
    add(Notice::Kind::stale_answers,
        !input_.response.authored                    ? "undated-answers"
        : surely_older_than(std::chrono::days(days)) ? "stale-answers"
                                                     : "stale-answers-vague",
        {{"days", std::to_string(days)}, {"when", input_.response.authored_text}});
  }

  void add_check_now() {
    const int hours = knowledge_.staleness.emergency_answers_hours;
    add(Notice::Kind::check_now,
        input_.batch                                   ? "emergency-check-batch"
        : !input_.response.authored                    ? "emergency-check-undated"
        : surely_older_than(std::chrono::hours(hours)) ? "emergency-check-old"
                                                       : "emergency-check-vague",
        {{"hours", std::to_string(hours)}, {"when", input_.response.authored_text}});
  }

  bool surely_older_than(std::chrono::hours limit) const {
    return input_.now - latest_authored(input_.response) > limit;
  }

  void about_changes() {
    if (knowledge_.change.rule < 0 ||
        verdicts_.gaps[static_cast<std::size_t>(knowledge_.change.rule)] != Tri::yes) {
      return;
    }
    for (const int index : knowledge_.change.items) {
      const auto options =
          changed_options(knowledge_, previous_of(input_), input_.facts.answers, index);
      if (options != 0) {
        add(Notice::Kind::change, "change",
            {{"question", item(index).label}, {"answer", option_texts(item(index), options)}});
      }
    }
  }

  // One sentence for the flags of one form that rest on the same answers.
  void about_vanished() {
    std::vector<std::pair<std::string, const VanishedFlag*>> said;
    for (const auto& flag : context_.vanished) {
      const auto words = words_of(flag.because);
      const auto same = std::find_if(said.begin(), said.end(), [&](const auto& other) {
        return other.second->form == flag.form && words_of(other.second->because) == words;
      });
      if (same == said.end()) {
        said.emplace_back(flag.rule->title, &flag);
      } else {
        same->first += "; " + flag.rule->title;
      }
    }
    for (const auto& [titles, flag] : said) {
      const auto when = authored_text(flag->form->response);
      add(Notice::Kind::vanished, when.empty() ? "vanished-undated" : "vanished",
          {{"flags", titles}, {"answers", words_of(flag->because)}, {"when", when}});
    }
  }

  void about_denied() {
    const auto now = authored_text(input_.response);
    for (const auto& denied : denied_answers(knowledge_, input_)) {
      std::string words;
      for (const auto& [item, options] : denied.options) {
        words += (words.empty() ? "" : "; ") + item->label + ": " + option_texts(*item, options);
      }
      const auto when = authored_text(denied.form->response);
      const bool is_dated = !when.empty() && !now.empty();
      add(Notice::Kind::denied, is_dated ? "denied" : "denied-undated",
          {{"answers", words}, {"when", when}, {"now", now}});
    }
  }

  // The signs; where the flag rests on none, all that the patient answered.
  static std::string words_of(const std::vector<Evidence>& because) {
    const bool has_sign = std::any_of(because.begin(), because.end(), is_answered_sign);
    std::string words;
    for (const auto& one : because) {
      if (has_sign ? is_answered_sign(one) : one.origin == Origin::patient && one.item != nullptr) {
        words += (words.empty() ? "" : "; ") + one.item->label + ": " +
                 (one.number ? to_text(*one.number) : option_texts(*one.item, one.options));
      }
    }
    return words;
  }

  static bool is_answered_sign(const Evidence& one) {
    return one.origin == Origin::patient && is_sign(one);
  }

  // Medicines and conditions that only the record has; age, sex and pregnancy that differ.
  void about_conflicts() {
    for (const auto& entry : input_.record) {
      if (entry.item < 0 || entry.kind == RecordEntry::Kind::lab ||
          entry.kind == RecordEntry::Kind::test || entry.kind == RecordEntry::Kind::caution ||
          entry.kind == RecordEntry::Kind::age) {
        continue;
      }
      const auto at = static_cast<std::size_t>(entry.item);
      const bool said = input_.facts.answers.state[at] == ItemState::answered;
      const std::uint64_t unsaid = entry.options & ~input_.facts.answers.chosen[at];
      if (said && unsaid != 0) {
        add(Notice::Kind::conflict, "conflict",
            {{"question", item(entry.item).label},
             {"patient", option_texts(item(entry.item), input_.facts.answers.chosen[at])},
             {"record", entry.text}});
      }
    }
    const auto age = static_cast<std::size_t>(knowledge_.bindings.age);
    if (input_.facts.record.age && input_.facts.answers.state[age] == ItemState::answered &&
        *input_.facts.record.age != input_.facts.answers.number[age]) {
      add(Notice::Kind::conflict, "conflict-age",
          {{"patient", to_text(input_.facts.answers.number[age])},
           {"record", to_text(*input_.facts.record.age)}});
    }
  }

  // The notice policies: informant, and "not sure" about lists that rules read.
  void about_lists() {
    for (std::size_t i = 0; i < knowledge_.gaps.size(); ++i) {
      const Rule& rule = knowledge_.gaps[i];
      if (rule.kind == Rule::Kind::notice && verdicts_.gaps[i] == Tri::yes) {
        about_parts(rule.criterion);
      }
    }
  }

  // What somebody answered has a sentence: any(), and unsure(). The other forms have none; free
  // text and the record speak for themselves.
  void about_parts(const Criterion& criterion) {
    for (const auto& child : criterion.children) {
      about_parts(child);
    }
    if (criterion.kind == Criterion::Kind::unsure) {
      about_doubt(knowledge_.item(criterion.names.front()));
    } else if (criterion.kind == Criterion::Kind::any_of) {
      about_options(knowledge_.item(criterion.names.front()), criterion.options);
    }
  }

  std::uint64_t chosen(int index) const {
    return input_.facts.answers.chosen[static_cast<std::size_t>(index)];
  }

  void about_doubt(int index) {
    if ((chosen(index) & item(index).unsure) != 0) {
      add(Notice::Kind::uncertain_list, "uncertain-list", {{"question", item(index).label}});
    }
  }

  void about_options(int index, const std::vector<std::string>& codes) {
    std::uint64_t named = 0;
    for (const auto& code : codes) {
      named |= std::uint64_t{1} << item(index).option(code);
    }
    if ((chosen(index) & named) != 0) {
      add(Notice::Kind::informant, "informant",
          {{"question", item(index).label},
           {"answer", option_texts(item(index), chosen(index) & named)}});
    }
  }

  void about_labs() {
    for (std::size_t i = 0; i < knowledge_.labs.size(); ++i) {
      const Lab& lab = input_.facts.record.labs[i];
      const RecordEntry* entry = lab_entry(input_, static_cast<int>(i));
      if (lab.state == LabState::unusable) {
        add(Notice::Kind::lab_unusable, "lab-unusable",
            {{"lab", knowledge_.labs[i].title}, {"result", entry != nullptr ? entry->text : ""}});
      } else if (lab.state == LabState::known && (lab.age_days > knowledge_.staleness.lab_days ||
                                                  has_outlived(knowledge_, i, lab))) {
        add(Notice::Kind::lab_old,
            is_read_by_a_rule(knowledge_, i, lab) ? "lab-old-partly" : "lab-old",
            {{"lab", knowledge_.labs[i].title},
             {"result", entry != nullptr ? entry->text : to_text(lab.value)},
             {"days", std::to_string(lab.age_days)}});
      }
    }
  }

  void about_record() {
    if (!input_.facts.record.fetched) {
      add(Notice::Kind::record_missing,
          input_.record_problems.empty() && input_.record_counts.empty() ? "record-missing"
                                                                         : "record-unused");
    }
    for (const auto& problem : input_.record_problems) {
      add(Notice::Kind::record_problem, "record-problem", {{"problem", problem}});
    }
    for (const auto& count : input_.record_counts) {
      add(Notice::Kind::record_count, "record-problem", {{"problem", count}});
    }
    if (!input_.unjudged.empty()) {
      const auto more = input_.unjudged_more;
      add(Notice::Kind::record_count, more == 0 ? "record-values" : "record-values-more",
          {{"values", joined(input_.unjudged, "; ")}, {"count", std::to_string(more)}});
    }
  }

  const Knowledge& knowledge_;
  const EvaluationInput& input_;
  const Verdicts& verdicts_;
  const NoticeContext& context_;
  std::vector<Notice> out_;
};

}  // namespace

std::vector<Notice> notices(const Knowledge& knowledge, const EvaluationInput& input,
                            const Verdicts& verdicts, const NoticeContext& context) {
  return Writer(knowledge, input, verdicts, context).write();
}

const RecordEntry* lab_entry(const EvaluationInput& input, int lab) {
  const auto found = std::find_if(input.record.begin(), input.record.end(), [&](const auto& entry) {
    return entry.kind == RecordEntry::Kind::lab && entry.item == lab;
  });
  return found == input.record.end() ? nullptr : &*found;
}

std::string option_texts(const Item& item, std::uint64_t options) {
  std::string out;
  for (std::size_t i = 0; i < item.options.size(); ++i) {
    if (((options >> i) & 1U) != 0) {
      out += (out.empty() ? "" : "; ") + item.options[i].text;
    }
  }
  return out;
}

}  // namespace myoflag::rules
