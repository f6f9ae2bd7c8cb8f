#pragma once
// The checked, immutable knowledge: everything clinical the program knows, read once from the
// knowledge files. Shared as std::shared_ptr<const Knowledge>; pointers into it stay valid as long
// as that lives.

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/answers.h"
#include "rules/criterion.h"
#include "rules/program.h"
#include "rules/tape.h"
#include "rules/tier.h"

namespace myoflag::rules {

struct Coding {
  std::string system, code, display;

  friend bool operator==(const Coding&, const Coding&) = default;
};

// What the patient reads first.
struct Headline {
  std::optional<int> within_hours;  // the longest time the sentence names; empty: it names none
  std::string text;
};

struct TierInfo {
  std::string label, meaning;
  std::vector<Headline> patient;  // shortest time first, one without a time last; never empty
  std::string priority;           // FHIR request-priority

  // The one that names the longest time within the target; without a target, the last.
  const Headline& headline_for(const Target& target) const;
};

enum class ItemType : std::uint8_t { group, display, choice, integer, decimal, text };

struct Option {
  std::string code, text;
  int score = 0;  // of instrument items
  std::vector<Coding> codes;
};

struct EnableWhen {
  enum class Op : std::uint8_t { is, is_not, at_least, at_most };
  int item = 0;  // index of an earlier item
  Op op = Op::is;
  std::uint64_t options = 0;  // is, is_not: any of these
  Number limit;               // at_least, at_most
};

// In AnswerRecord::chosen, beside the options: those that are not chosen are unknown. The form that
// was answered does not offer all of them; or they were denied before a newer form that cannot be
// read (EvaluationInput::denied_earlier tells which). A question has at most 63 options.
inline constexpr std::uint64_t kNotOffered = std::uint64_t{1} << 63U;

struct Item {
  std::string link_id, text;
  std::string label;  // short name for the clinician
  std::string help;   // for the patient, beside the question; may be empty
  ItemType type = ItemType::display;
  int parent = -1;  // index of the group, -1 at the top
  bool repeats = false;
  bool required = false;
  bool context_only = false;  // shown to the clinician, read by no rule
  bool lasting = false;       // asks "have you ever had": what was ticked once stays so
  bool stays_true = false;    // what was ticked once cannot become untrue; a denial is told
  int look_back_hours = 0;    // the time before the answer that it asks about; 0: names none
  std::vector<Option> options;
  std::vector<Coding> codes;
  std::vector<EnableWhen> enable;
  bool enable_any = true;
  std::optional<Number> min, max;
  std::string unit;  // UCUM
  std::string concept_text, prefill, note, instrument;
  std::string screening;  // US Core screening-assessment category of its answers, may be empty
  std::vector<int> sources;

  std::uint64_t none = 0;      // mask of the option `none`
  std::uint64_t unsure = 0;    // mask of `unsure`
  std::uint64_t declined = 0;  // mask of `prefer-not`
  std::uint64_t all = 0;       // mask of all options

  bool is_numeric() const { return type == ItemType::integer || type == ItemType::decimal; }
  bool is_question() const { return type == ItemType::choice || is_numeric(); }  // not free text
  int option(std::string_view code) const;  // index, -1 when there is none
  // What leaves it open.
  std::uint64_t open() const {
    return unsure | declined | (type == ItemType::choice ? kNotOffered : 0);
  }
  std::uint64_t positive() const { return all & ~(none | open()); }  // answers that say something
};

struct Hypothesis {
  std::string code, text;
};

struct Workup {
  std::string code, text, note;
  std::string category;  // laboratory, imaging, procedure, referral, review
  std::vector<Coding> codes;
  std::vector<int> only_from;   // rules that may suggest it; empty: any
  std::vector<int> never_from;  // rules that may not
  struct Note {
    std::string text;
    std::string caution;        // "mri", "emg": only when the record has one; empty: always
    std::string answered, ask;  // of a caution that a question tells: what is said in place of text
  };
  std::vector<Note> notes;

  bool may_come_from(int rule) const;
};

// What a test or referral of this category is called on the wire.
struct WorkupCategory {
  std::string id;  // as in Workup::category
  std::vector<Coding> codes;
};

struct Source {
  std::string id, grade, title, address;
};

struct ConditionalTarget {
  int criterion = -1;  // index into Knowledge::program roots
  Target target;
  std::string criterion_text;  // as written, white space folded
  std::string patient;         // in place of the rule's, when this target holds
};

// A rule, or a policy that behaves like one (an information gap, a change since last time).
struct Rule {
  enum class Kind : std::uint8_t { rule, gap, notice, change, guard };
  Kind kind = Kind::rule;
  std::string id, title, note, policy;
  std::string rationale;         // of a gap or change policy: its `reason`
  std::string patient;           // when nothing is more urgent
  std::string beside;            // still said beside something more urgent
  std::string beside_emergency;  // still said beside an emergency
  Tier tier = Tier::routine;
  Target target;
  std::vector<ConditionalTarget> target_when;
  Criterion criterion;         // meaningless for kind change
  std::string criterion_text;  // as written, white space folded
  int root = -1;               // of the compiled criterion
  bool last = false;           // names firedTier: runs after all others
  bool benign = false;         // reassurance: also needs the benign gate
  bool comforts = false;  // `patient` reassures, though the rule does not: said through the gate
  bool all_ages = false;  // also holds under 16
  bool raw = false;       // sees `none` beside positive options
  bool list_options = false;  // the clinician is to see each open option of its questions
  std::vector<int> hypotheses, workups, must_not, sources;
  std::vector<std::string>
      silences;  // rules, policies and advice that the patient is not told then
  std::string owner, due;

  // Raises the tier when it holds; notices and guards do not.
  bool raises() const { return kind == Kind::rule || kind == Kind::gap || kind == Kind::change; }
  bool holds_under_age() const { return all_ages || tier == Tier::emergency; }
};

struct LabBinding {
  std::string name, title, unit;
  std::vector<Coding> codes;
  // Of the same substance, measured in another way: the unit and the limits are not for them.
  std::vector<Coding> not_comparable;
  std::vector<std::string>
      text;  // whole words, lower case: by which a result is known, not compared
  struct Conversion {
    std::string unit;
    Number factor;
  };
  std::vector<Conversion> convert;
  bool relative_to_upper_limit = false;
};

struct CodeBinding {
  int option = -1;                // index of the option of the bound item; -1 for cautions
  std::string caution, label;     // cautions only
  std::vector<Coding> codes;      // exact matches
  std::vector<Coding> prefixes;   // the code is a prefix
  std::vector<Coding> except;     // codes that a prefix does not mean
  std::vector<std::string> text;  // whole words, lower case
  // Cautions only: a question that tells it as well, -1 when there is none.
  int question = -1;
  std::uint64_t yes = 0, ask = 0;  // its options that mean it, and those that leave it open
};

// An Observation that says whether somebody is pregnant.
struct PregnancyStatus {
  std::vector<Coding> codes;                   // of the Observation
  int yes = -1;                                // option of the question that a plain yes means
  std::vector<std::string> yes_text, no_text;  // whole texts, lower case
  std::vector<Coding> no_codes;                // values that are known to mean no
  std::vector<std::string> time_units;         // of how long it has lasted
};

// Codes of one code system that alarm nobody.
struct CalmCodes {
  std::vector<std::string> systems;  // all its addresses
  std::vector<std::string> codes;
  bool without_system = false;  // they mean the same where no system is named
};

// What ordinary records say, by which nobody is alarmed.
struct Calm {
  std::vector<CalmCodes> visits, priorities;  // neither an emergency nor a stay
  // Whole texts, lower case. Of a visit where its class is of another code system; of a condition;
  // of a result of a laboratory.
  std::vector<std::string> visit_names, conditions, results;
  std::vector<std::string> marks;  // codes of interpretations that say the same as those results
  // Words of a result that say that something was found, which a mark as normal does not make calm;
  // not directly behind words that deny it.
  std::vector<std::string> findings, denials;
  std::vector<CalmCodes> normal;          // interpretations that say that a result is normal
  std::vector<std::string> normal_words;  // whole texts of them, lower case
};

struct Bindings {
  int medicines = -1, conditions = -1, age = -1, sex = -1, pregnancy = -1;  // items
  std::vector<CodeBinding> medicine_classes, condition_list, sexes, pregnancies, cautions;
  PregnancyStatus pregnancy_status;
  Calm calm;
  int age_rounding = 0;  // years by which people say an age otherwise than it is
};

// A form of somebody else, or an older one of ours: how answers to it are read as answers to ours.
struct OtherForm {
  // A value of that form, and the option of ours that it means.
  struct Value {
    enum class Kind : std::uint8_t { coding, text, boolean };
    Kind kind = Kind::coding;
    std::string system;  // of a coding
    std::string value;   // code, text to the letter, "true" or "false"
    int option = -1;
  };
  struct Question {
    std::string link_id;  // of that form
    int item = -1;        // ours that it answers; -1: it is left unread on purpose
    std::string reason;   // why it is left unread
    std::vector<Value> values;
    bool partial = false;  // it does not offer every option of ours
    std::string unit;      // UCUM: of its numbers; empty: the unit of ours
    Number factor;         // from its numbers to ours
  };
  std::string url, version, title;
  std::vector<Question> questions;

  const Question* question(std::string_view link_id) const;  // null: the binding does not know it
  bool asks(int item) const;
};

struct Staleness {
  int emergency_answers_hours = 0;
  int benign_answers_days = 0;
  int lab_days = 0;
};

struct ChangePolicy {
  int rule = -1;           // index into gaps
  std::vector<int> items;  // none before, positive now
  std::vector<int> grew;   // more positive options than before
};

struct AdviceGuard {
  int rule = -1;  // index into gaps; unknown counts as true
  std::vector<int> advice;
};

// None of it stands beside an emergency.
struct Advice {
  enum class When : std::uint8_t {
    not_emergency,
    fired,      // one of `rules` fired
    free_text,  // the patient wrote something that nobody has read
  };
  std::string id, text;
  When when = When::not_emergency;
  std::vector<int> rules, sources;
};

// Every policy in words, also those that never fire.
struct Policy {
  std::string id, kind, title, text;
  std::vector<int> sources;
};

struct Seed {
  std::string id, category, fact, coverage, flag, explanation;
  std::vector<std::string> covered_by;  // ids of items, options, rules, policies, workups, advice
};

// A worked case, in names; read and checked with the rest.
struct Case {
  std::string name;
  std::map<std::string, std::vector<std::string>>
      answers;                              // linkId -> option codes, or one number text
  std::map<std::string, std::string> labs;  // name -> number text
  std::vector<std::string> medicines, conditions;
  std::optional<Number> age;
  Tier tier = Tier::routine;
  std::vector<std::string> fires;
};

// A catalogue of what patients read: languages.h.
struct Language {
  using Texts = std::map<std::string, std::string, std::less<>>;  // English -> this language

  std::string tag, name;  // "es", "Español"
  bool right_to_left = false;
  std::string reviewed_by, reviewed_on;  // empty: no clinician who speaks it has read it
  Texts texts;
  std::map<std::string, Texts, std::less<>> there;  // linkId -> what it says in other words there
  std::vector<int> sources;                         // of wording of instruments
  std::vector<std::string> unvalidated;  // English of an instrument that we have translated

  bool is_reviewed() const { return !reviewed_by.empty(); }
};

struct IsSet {
  int item = -1;
  std::uint64_t yes = 0;      // answers that make it true
  std::uint64_t unknown = 0;  // answers that leave it open
};

struct Knowledge {
  std::string id, version, date, title, canonical, status, copyright;
  std::string digest;  // SHA-256 over names and bytes of all files, lower-case hex

  std::array<TierInfo, 5> tiers;  // index: Tier
  std::vector<Item> items;
  std::vector<Rule> rules;       // in the order of the files, most urgent first
  std::vector<Rule> gaps;        // policies that fire like rules, and notices, guards
  std::vector<Policy> policies;  // all, in the order of the file
  std::vector<Hypothesis> hypotheses;
  std::vector<Workup> workups;
  std::vector<WorkupCategory> workup_categories;
  std::vector<Source> sources;
  std::vector<Coding> terms;  // every verified code, by order of terminology.yaml
  std::vector<LabBinding> labs;
  Bindings bindings;
  std::vector<OtherForm> other_forms;
  std::map<std::string, IsSet, std::less<>> is_sets;
  OptionSets option_sets;
  Staleness staleness;
  ChangePolicy change;
  std::vector<AdviceGuard> advice_guards;
  std::vector<Advice> advice;
  int benign_gate = -1;  // index into gaps
  int adult_age = 0;     // years; below it only rules marked all-ages and emergency rules hold
  Tier nothing_matched{};
  Tier unread_words{};                   // no less, while nobody has read what the patient wrote
  Tier red_flag_from{};                  // rules of this tier and above are red flags
  int repeat_days = 0;                   // a test younger than this is not proposed again
  std::array<bool, 5> repeat_allowed{};  // by tiers whose rules may repeat it
  std::vector<Seed> seeds;
  std::vector<Case> cases;
  std::map<std::string, std::string, std::less<>> texts;
  std::vector<Language> languages;  // beside English, by tag
  Program program;
  Tape tape;  // built from the program when all criteria are compiled

  // Answers after which the question is still open: "not sure", "prefer not to say", "could be".
  std::uint64_t open_options(int item) const;
  std::string form_url() const;  // canonical of our form, without version
  // Of exactly this form and version; null: it is not bound.
  const OtherForm* other_form(std::string_view url, std::string_view form_version) const;
  int item(std::string_view link_id) const;  // index, -1 when there is none
  int lab(std::string_view name) const;
  int workup(std::string_view code) const;
  const Rule* rule(std::string_view id) const;  // rules and gaps
  bool is_red_flag(const Rule& rule) const {
    return rule.kind == Rule::Kind::rule && rule.tier >= red_flag_from;
  }
  // A sentence of text.en.yaml; asking for one that does not exist is our error and throws
  // std::logic_error.
  const std::string& text(std::string_view key) const;
};

using KnowledgePtr = std::shared_ptr<const Knowledge>;

}  // namespace myoflag::rules
