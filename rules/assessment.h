#pragma once
// What the rules say about one patient, and why. Pointers lead into `knowledge`, which the
// assessment keeps alive. Order is deterministic everywhere: tier, target, rule id.

#include <bitset>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "rules/knowledge.h"

namespace myoflag::rules {

using Instant = std::chrono::sys_seconds;
using Words = std::set<std::string, std::less<>>;

// Something the record says, kept for display: "Lithium carbonate 400 mg tablets".
struct RecordEntry {
  enum class Kind : std::uint8_t { medicine, condition, lab, age, sex, pregnancy, caution, test };
  Kind kind = Kind::medicine;
  int item = -1;  // of the item it speaks to, the lab, the workup; kind test, -1: read by no rule
  std::uint64_t options = 0;  // options of that item it asserts
  std::string text;           // as the record words it
  std::string reference;      // "MedicationRequest/123", may be empty
  std::optional<Instant> when;
  std::string date;     // `when` as the record writes it, at most to the day; may be empty
  std::string caution;  // kind caution: "mri" or "emg"
  bool unread = false;  // kind test: it was reported, and its result could not be read
};

struct FreeText {
  int item = -1;
  std::string text;  // the patient's own words, never parsed
};

// An answer that could not be used as given. It forbids reassurance.
struct SetAside {
  enum class Why : std::uint8_t { disabled, out_of_range };
  Why why = Why::disabled;
  int item = -1;
  std::uint64_t options = 0;
  std::optional<Number> number;
  std::string text;  // of a text item
};

// An answer to a question of another form that stands for nothing in ours.
struct UnreadAnswer {
  std::string question, answer;  // as the response words them
};

// Why the answers may not be what they seem. Any doubt forbids reassurance.
enum class Doubt : std::uint8_t {
  unfinished,        // the form was not sent off
  newer_begun,       // a newer one was begun; both were looked at, the more urgent counts
  newer_unreadable,  // a newer one was begun and cannot be read
  other_words,       // the person may have read other words than those of the form
  subject_assumed,   // the form does not say whom it is about
  no_value,          // an answer came without its value
  narrative,         // it has words beside its answers
  not_applying,      // a question that does not apply was answered; so the form contradicts itself
  person_differs,    // age or sex of the form and of the record are not of one person
  record_set_aside,  // of the record something could not be used that may have mattered
  earlier_unread,    // an earlier response could not be compared
  answers_unread,    // another form was answered, and it asks what ours does not know
};

struct ResponseInfo {
  std::string id, subject, questionnaire;  // "Patient/p1"; canonical with version
  std::string authored_text;               // as written in the response
  std::optional<Instant> authored;  // when it names an instant, or the start of the day it names
  std::string language;
};

// A response of the same patient before this one.
struct EarlierForm {
  ResponseInfo response;
  AnswerRecord answers;      // settled
  std::string reference;     // to the response; may be empty
  bool before_last = false;  // before the last completed one: its answers count as long as their
                             // questions look back
  bool has_unread = false;   // an answer of it that its binding does not know
  bool has_words = false;    // free text
};

// Everything one evaluation reads. `facts` must have been settled (rules/settle.h).
struct EvaluationInput {
  ResponseInfo response;
  Facts facts;
  const OtherForm* form = nullptr;  // of the knowledge: it was answered in place of ours
  std::vector<UnreadAnswer> unread;
  std::vector<FreeText> free_text;
  std::vector<SetAside> set_aside;
  std::vector<std::string>
      extensions;             // of the response, that nobody reads: where they are defined
  std::vector<int> left_out;  // questions of our form that do not stand in the response
  std::vector<Doubt> doubts;  // each at most once
  // Doubt::record_set_aside is for these results alone, which no laboratory called normal.
  std::bitset<kMaxLabs> doubtful_labs;
  // Choice questions whose answer denied all or some options, and may be otherwise by now: a newer
  // form cannot be read. What was denied is open in `facts` (kNotOffered, or an invalid answer).
  std::bitset<kMaxItems> denied_earlier;
  std::vector<RecordEntry> record;
  Words unread_words;  // of all that the record says and no rule reads, also beyond `record`
  std::vector<std::string>
      record_problems;  // sentences: what of the record could not be read, without patient data
  std::vector<std::string> record_counts;  // the same: how much of it no rule judges or reads
  std::vector<std::string> unjudged;       // of that: name, value and date of what everybody has
  std::size_t unjudged_more = 0;           // that are not listed
  std::optional<AnswerRecord> previous;    // settled answers of the last completed response
  // Completed, or begun and given up; newest first.
  std::vector<EarlierForm> earlier;
  std::optional<Instant> appointment;
  Instant now{};
  bool batch = false;
};

// Nobody may be reassured by these answers.
inline bool is_doubtful(const EvaluationInput& input) {
  return !input.doubts.empty() || !input.set_aside.empty();
}

// Another form was answered, which has no such question.
inline bool was_never_asked(const EvaluationInput& input, std::size_t item) {
  return input.form != nullptr && !input.form->asks(static_cast<int>(item));
}

// Null where there was no last response.
inline const AnswerRecord* previous_of(const EvaluationInput& input) {
  return input.previous ? &*input.previous : nullptr;
}

enum class Origin : std::uint8_t { patient, record };

// One answer a finding rests on.
struct Evidence {
  Origin origin = Origin::patient;
  const Item* item = nullptr;  // null for a laboratory value
  const LabBinding* lab = nullptr;
  std::uint64_t options = 0;  // chosen options that count here
  std::optional<Number> number;
  std::string record_text;  // of the record's entry
  std::string record_date;  // of the record's entry, as written there, at most to the day
};

enum class FindingStatus : std::uint8_t {
  fired,
  not_excluded,  // unknown, or no only because something is unknown: `missing` would settle it
  excluded,
  not_applicable,  // a rule for adults, and the patient is younger
};

struct Finding {
  const Rule* rule = nullptr;  // also an information gap or the change policy
  FindingStatus status = FindingStatus::excluded;
  Tier tier = Tier::routine;
  Target target;                     // after conditional targets
  std::vector<Evidence> because;     // fired and not_excluded: what speaks for it
  std::vector<const Item*> missing;  // not_excluded: questions to ask, in the order of the form
};

struct HypothesisRow {
  const Hypothesis* hypothesis = nullptr;
  std::vector<const Rule*> rules;  // fired rules that name it
};

enum class WorkupStatus : std::uint8_t { proposed, withheld, already_done };

struct WorkupRow {
  const Workup* workup = nullptr;
  WorkupStatus status = WorkupStatus::proposed;
  Tier tier = Tier::routine;  // of the most urgent rule that suggests it
  Target target;
  std::vector<const Rule*> because;  // fired rules that suggest it
  std::vector<const Rule*> against;  // fired rules that list it as not to suggest
  std::vector<std::string> notes;    // test safety, repeats
  const RecordEntry* done =
      nullptr;  // the recent test, also when a repeat is allowed; in Assessment::input
};

enum class GapState : std::uint8_t {
  skipped,
  unsure,  // "not sure", or an answer that leaves it open: "could be"
  declined,
  contradicted,    // `none` beside a positive option
  invalid,         // answered with something that cannot be used
  not_asked,       // another form was answered, which does not ask it, or not for all its options
  denied_earlier,  // EvaluationInput::denied_earlier
};

struct Gap {
  const Item* item = nullptr;
  GapState state = GapState::skipped;
  std::optional<Tier> could_raise_to;  // when above the present tier
  std::vector<const Rule*> rules;      // rules that its answer could make fire
};

// A change of one answer: the question and the options (any one of which does it); number when
// numeric.
struct AnswerChange {
  const Item* item = nullptr;
  std::uint64_t any_of = 0;      // options
  std::optional<Number> number;  // of a numeric question
};

// A smallest set of answers that moves the tier.
struct TierChange {
  Tier tier = Tier::routine;  // the tier it would lead to
  bool raises = false;
  std::vector<AnswerChange> answers;
};

struct TierBounds {
  Tier lowest = Tier::self_care, highest = Tier::emergency;
  bool lowest_reached = false;  // a completion with exactly this tier was found
  bool highest_reached = false;
};

struct Notice {
  enum class Kind : std::uint8_t {
    nothing_matched,
    informant,  // somebody else answered
    contradiction,
    free_text,
    other_form,        // which form was answered in place of ours
    unread_answer,     // something of the form that no rule reads
    conflict,          // patient and record differ; the riskier was used
    stale_answers,     // too old to reassure
    doubtful_answers,  // not what they seem
    check_now,         // an emergency in old or batch answers: contact the patient now to check
    lab_old,
    lab_unusable,
    record_missing,  // nothing of a record was used: none was given, or none could be
    record_problem,  // a part of it that was not used, or that a person has to look at
    record_count,    // how much of it no rule judges or reads, as of this day
    answer_set_aside,
    under_age,
    change,          // what changed since the last response
    vanished,        // a red flag of an earlier response, no longer answered
    denied,          // what held back reassurance on an earlier response, no longer answered
    uncertain_list,  // "not sure" about medicines, conditions ...
  };
  Kind kind = Kind::nothing_matched;
  std::string text;  // one sentence for the clinician
};

// A red flag of an earlier response that does not fire on this one.
struct VanishedFlag {
  const Rule* rule = nullptr;
  const EarlierForm* form = nullptr;  // in Assessment::input
  std::vector<Evidence> because;      // the answers of then
};

// Answers of an earlier response that are not given any more, and that kept the benign gate closed.
struct DeniedAnswers {
  const EarlierForm* form = nullptr;  // in Assessment::input
  std::vector<std::pair<const Item*, std::uint64_t>> options;
};

struct Assessment {
  KnowledgePtr knowledge;
  std::shared_ptr<const EvaluationInput> input;
  Tier tier = Tier::routine;
  Target target;
  bool check_first = false;  // emergency from old or batch answers: contact the patient to check
  std::vector<Finding> findings;  // fired and not excluded first; excluded ones follow
  std::vector<HypothesisRow> hypotheses;
  std::vector<WorkupRow> workups;
  std::vector<Gap> gaps;
  // Of a finished form: questions that apply, were left out of the response, and could have changed
  // nothing (rules/relevance.h). Neither denied nor passed over, and no gaps.
  std::vector<const Item*> not_needed;
  TierBounds bounds;
  std::vector<TierChange> changes;
  bool changes_complete = true;  // false: there may be more than those listed
  std::vector<std::string>
      patient_advice;  // what the patient is told beside the headline, most important first
  std::vector<std::string> patient_advice_ids;  // rule, policy or advice id of each
  std::vector<Notice> notices;
  std::vector<VanishedFlag> vanished;
};

}  // namespace myoflag::rules
