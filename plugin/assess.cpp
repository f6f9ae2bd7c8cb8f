#include "plugin/assess.h"

#include <algorithm>
#include <array>
#include <bit>
#include <bitset>
#include <chrono>
#include <limits>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "fhir/datetime.h"
#include "fhir/modifier.h"
#include "fhir/questionnaire.h"
#include "fhir/response.h"
#include "fhir/response_check.h"
#include "fhir/xml.h"
#include "plugin/mapping/answers.h"
#include "plugin/mapping/bundle.h"
#include "plugin/mapping/code_system.h"
#include "plugin/mapping/context.h"
#include "plugin/mapping/fast_answers.h"
#include "plugin/mapping/intake.h"
#include "plugin/mapping/other_form_answers.h"
#include "plugin/mapping/questionnaire.h"
#include "plugin/mapping/record_dates.h"
#include "plugin/mapping/response_extras.h"
#include "plugin/mapping/sent_response.h"
#include "rules/evaluate.h"
#include "rules/lasting.h"
#include "rules/settle.h"
#include "rules/texts.h"
#include "rules/wording.h"

namespace myoflag {

namespace {

using fhir::Issue;
using fhir::Issues;
using fhir::Json;
using fhir::Severity;
using mapping::Intake;

constexpr std::size_t most_record_problems = 20;
constexpr std::string_view response_root = "QuestionnaireResponse";

// What the rules can live with: missing required answers, answers that only say why there is none,
// items that do not apply, `none` beside other answers, numbers beyond their limits. What is set
// aside or has no value forbids reassurance.
bool is_tolerated(const Issue& issue) {
  constexpr std::array<std::string_view, 6> codes{"MF-1430", "MF-1432", "MF-1440",
                                                  "MF-1447", "MF-1454", "MF-1455"};
  return std::find(codes.begin(), codes.end(), issue.code) != codes.end();
}

bool is_about_the_form(const Issue& issue) { return issue.code == "MF-1406"; }

Issue at_status(Severity severity, std::string code, std::string text) {
  return {severity,
          "business-rule",
          std::move(code),
          std::move(text),
          std::string(response_root) + ".status",
          {}};
}

Issue no_question_answered(const std::string& place) {
  return {Severity::error,
          "business-rule",
          std::string(nothing_answered),
          "No question of the form is answered, so there is nothing to evaluate.",
          place,
          {}};
}

void add_status_issue(std::string_view status, Issues& issues) {
  if (status == "entered-in-error") {
    issues.push_back(at_status(Severity::error, "MF-3007",
                               "The response was entered in error and cannot be evaluated."));
  } else if (status == "in-progress" || status == "stopped") {
    issues.push_back(at_status(Severity::warning, "MF-3008",
                               "The form was not finished; what was answered is evaluated."));
  }
}

void add_subset_issue(const Json& response, Issues& issues) {
  if (fhir::is_subsetted(response)) {
    issues.push_back({Severity::error,
                      "incomplete",
                      "MF-3037",
                      "Only a part of the response was sent (SUBSETTED), so what it leaves out is "
                      "not known.",
                      std::string(response_root) + ".meta.tag",
                      {}});
  }
}

// What a clinician must know of the findings that are tolerated.
std::vector<rules::Doubt> doubts_of(const Intake& intake, const Issues& warnings) {
  const auto has = [](const Issues& issues, std::initializer_list<std::string_view> codes) {
    return std::any_of(issues.begin(), issues.end(), [&](const Issue& issue) {
      return std::find(codes.begin(), codes.end(), issue.code) != codes.end();
    });
  };
  std::vector<rules::Doubt> doubts;
  if (has(warnings, {"MF-3008"})) {
    doubts.push_back(rules::Doubt::unfinished);
  }
  if (has(warnings, {"MF-1428", "MF-1449"})) {
    doubts.push_back(rules::Doubt::other_words);
  }
  if (has(intake.warnings, {"MF-3017"})) {
    doubts.push_back(rules::Doubt::subject_assumed);
  }
  return doubts;
}

// Of a response that is not the one judged.
void add_as_warnings(Issues issues, const std::string& place, Issues& to) {
  for (auto& issue : issues) {
    const bool grave = issue.severity == Severity::error || issue.severity == Severity::fatal;
    if (grave) {
      issue.severity = Severity::warning;
      issue.place = issue.place.starts_with(place) ? issue.place : place;
      to.push_back(std::move(issue));
    }
  }
}

void append(Issues& to, Issues from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

// Places inside the response, as seen from the input as a whole.
void locate(Issues& issues, const std::string& place) {
  for (auto& issue : issues) {
    if (issue.place.starts_with(response_root)) {
      issue.place = place + issue.place.substr(response_root.size());
    }
  }
}

bool is_xml(std::string_view bytes, Syntax syntax) {
  return syntax == Syntax::detect ? fhir::looks_like_xml(bytes) : syntax == Syntax::xml;
}

bool is_answered(const rules::EvaluationInput& input) {
  const auto& states = input.facts.answers.state;
  return !input.free_text.empty() || !input.unread.empty() ||
         std::find(states.begin(), states.end(), rules::ItemState::answered) != states.end();
}

// The tier decides, then the target; a target without hours is later than any.
bool is_more_urgent(const rules::Assessment& one, const rules::Assessment& other) {
  const auto hours = [](const rules::Assessment& assessment) {
    return assessment.target.hours.value_or(std::numeric_limits<int>::max());
  };
  return std::pair(one.tier, -hours(one)) > std::pair(other.tier, -hours(other));
}

// Errors make the answers unusable; the rest becomes warnings.
tl::expected<Issues, Issues> sort_findings(Issues found) {
  Issues errors, warnings;
  for (auto& issue : found) {
    const bool grave = issue.severity == Severity::error || issue.severity == Severity::fatal;
    if (grave && !is_tolerated(issue)) {
      errors.push_back(std::move(issue));
    } else if (!is_about_the_form(issue)) {
      issue.severity = grave ? Severity::warning : issue.severity;
      warnings.push_back(std::move(issue));
    }
  }
  if (!errors.empty()) {
    return tl::unexpected(std::move(errors));
  }
  return warnings;
}

void add_problem(const rules::Knowledge& knowledge, std::vector<std::string>& problems,
                 std::string text) {
  const bool known = std::find(problems.begin(), problems.end(), text) != problems.end();
  if (problems.size() < most_record_problems && !known) {
    problems.push_back(std::move(text));
    if (problems.size() == most_record_problems) {
      problems.back() = knowledge.text("record-more");
    }
  }
}

rules::ResponseInfo response_info(const Json& response, std::string patient) {
  rules::ResponseInfo info;
  info.id = response.string_of("id");
  const auto* subject = response.find("subject");
  info.subject = !patient.empty()     ? std::move(patient)
                 : subject != nullptr ? std::string(subject->string_of("reference"))
                                      : std::string();
  info.questionnaire = response.string_of("questionnaire");
  info.authored_text = response.string_of("authored");
  info.authored = mapping::moment_of(info.authored_text);
  info.language = response.string_of("language");
  return info;
}

void collect_link_ids(const Json& parent, std::set<std::string_view>& out) {
  for (const Json& item : parent.array_of("item")) {
    out.insert(item.string_of("linkId"));
    collect_link_ids(item, out);
    for (const Json& answer : item.array_of("answer")) {
      collect_link_ids(answer, out);
    }
  }
}

// Questions of our form that do not stand in the response, not even without an answer.
std::vector<int> left_out_of(const rules::Knowledge& knowledge, const Json& response) {
  std::set<std::string_view> there;
  collect_link_ids(response, there);
  std::vector<int> left_out;
  for (std::size_t i = 0; i < knowledge.items.size(); ++i) {
    const auto& item = knowledge.items[i];
    if (item.is_question() && !there.contains(item.link_id)) {
      left_out.push_back(static_cast<int>(i));
    }
  }
  return left_out;
}

// Settles the answers; words given to a question that does not apply are named among what was set
// aside, and stay readable. `left_out`: such answers were taken out of the response before.
void add_answers(const rules::Knowledge& knowledge, mapping::Answers answers, bool left_out,
                 rules::EvaluationInput& input) {
  if (answers.lacks_value) {
    input.doubts.push_back(rules::Doubt::no_value);
  }
  auto settled = rules::settle(knowledge, answers.given);
  input.facts = std::move(settled.facts);
  input.set_aside = std::move(settled.set_aside);
  if (left_out || !input.set_aside.empty()) {
    input.doubts.push_back(rules::Doubt::not_applying);
  }
  for (auto& aside : input.set_aside) {
    for (const auto& words : answers.free_text) {
      if (words.item == aside.item) {
        aside.text = words.text;
      }
    }
  }
  // A number that is out of range and also does not apply was set aside once already.
  for (auto& aside : answers.out_of_range) {
    const auto same = [&aside](const auto& known) { return known.item == aside.item; };
    if (std::none_of(input.set_aside.begin(), input.set_aside.end(), same)) {
      input.set_aside.push_back(std::move(aside));
    }
  }
  input.free_text = std::move(answers.free_text);
}

// Read as what it is: a response to our form, or to another by its binding.
tl::expected<mapping::OtherFormAnswers, Issues> read_given(const rules::Knowledge& knowledge,
                                                           const fhir::Response& response) {
  if (const auto* form = mapping::other_form_of(knowledge, response.json())) {
    return mapping::read_other_form(knowledge, *form, response);
  }
  return mapping::read_answers(knowledge, response).map([](mapping::Answers&& answers) {
    return mapping::OtherFormAnswers{std::move(answers), {}, {}};
  });
}

// Of a response to another form that is bound: that it is another is no fault, and what its binding
// does not know is told.
void adapt_to_form(const rules::Knowledge& knowledge, const Json& json, Issues& issues) {
  if (mapping::other_form_of(knowledge, json) == nullptr) {
    return;
  }
  std::erase_if(issues, [](const Issue& issue) {
    return issue.code == fhir::other_questionnaire || issue.code == fhir::other_version;
  });
  if (const auto response = fhir::Response::read(json)) {
    auto read = read_given(knowledge, *response);
    append(issues, read ? std::move(read->warnings) : std::move(read.error()));
  }
}

void add_other_form(const rules::Knowledge& knowledge, const Json& response,
                    std::vector<rules::UnreadAnswer> unread, rules::EvaluationInput& input) {
  input.form = mapping::other_form_of(knowledge, response);
  input.unread = std::move(unread);
  if (!input.unread.empty()) {
    input.doubts.push_back(rules::Doubt::answers_unread);
  }
}

void add_extras(const rules::Knowledge& knowledge, const Json& response,
                rules::EvaluationInput& input) {
  input.extensions = mapping::unread_extensions(response);
  if (input.extensions.size() > mapping::most_extensions) {
    input.extensions.back() = knowledge.text("record-more");
  }
  if (mapping::has_additional_narrative(response)) {
    input.doubts.push_back(rules::Doubt::narrative);
  }
}

// The answers of an earlier response; an answer that cannot be used makes all of it unreadable.
std::optional<rules::EarlierForm> earlier_form(const rules::Knowledge& knowledge,
                                               const mapping::GivenResponse& given) {
  const auto& json = given.json;
  const auto response = fhir::Response::read(json);
  if (!response) {
    return std::nullopt;
  }
  auto read = read_given(knowledge, *response);
  if (!read) {
    return std::nullopt;
  }
  rules::settle_in_place(knowledge, read->answers.given);
  return rules::EarlierForm{response_info(json, {}), read->answers.given,
                            given.reference,         false,
                            !read->unread.empty(),   !read->answers.free_text.empty()};
}

// What the finished form denied may be so now, where a newer one cannot be read: these options
// become open, and what was said to be there, or left open, stays. Numbers stay as they were given.
// Returns the questions of which something became open.
std::bitset<rules::kMaxItems> open_denials(const rules::Knowledge& knowledge,
                                           rules::AnswerRecord& answers) {
  std::bitset<rules::kMaxItems> denied;
  for (std::size_t i = 0; i < knowledge.items.size(); ++i) {
    const auto& item = knowledge.items[i];
    if (item.type != rules::ItemType::choice || answers.state[i] != rules::ItemState::answered) {
      continue;
    }
    auto& chosen = answers.chosen[i];
    if ((chosen & item.positive()) == 0) {
      chosen &= ~item.none;
    }
    if (chosen == 0) {
      answers.state[i] = rules::ItemState::invalid;
    } else {
      chosen |= rules::kNotOffered;
    }
    denied.set(i);
  }
  return denied;
}

// The forms before the one that is judged.
struct Earlier {
  std::vector<rules::EarlierForm> forms;  // newest first
  std::optional<std::size_t> previous;    // of them the last completed one
  std::vector<mapping::RecordProblem> problems;
  bool unread = false;  // one of them may say what is not known here
};

// Where `finished` is the last completed one, before a form that was begun after it.
Earlier with_finished(const Earlier& earlier, std::optional<rules::EarlierForm> finished) {
  Earlier all = earlier;
  if (!finished) {
    return all;
  }
  for (auto& form : all.forms) {
    form.before_last = true;
  }
  all.unread = all.unread || finished->has_unread;
  all.forms.insert(all.forms.begin(), *std::move(finished));
  all.previous = 0;
  return all;
}

// Free text of an earlier form, from a time about which some question of the present one asks.
bool has_recent_words(const rules::Knowledge& knowledge, const rules::EarlierForm& form,
                      std::optional<rules::Instant> now) {
  int hours = 0;
  for (const auto& item : knowledge.items) {
    hours = std::max(hours, item.look_back_hours);
  }
  const bool is_old = now && form.response.authored &&
                      *now - rules::latest_authored(form.response) > std::chrono::hours(hours);
  return form.has_words && !is_old;
}

Earlier read_earlier(const rules::Knowledge& knowledge, const Intake& intake) {
  const auto now = mapping::moment_of(intake.response.string_of("authored"));
  Earlier earlier;
  earlier.unread = intake.earlier_unread;
  const auto read = [&](const mapping::GivenResponse& given) {
    auto form = earlier_form(knowledge, given);
    if (form) {
      earlier.unread = earlier.unread || form->has_unread;
      if (has_recent_words(knowledge, *form, now)) {
        earlier.problems.push_back(
            {"MF-3032", knowledge.text("record-earlier-words"), given.place});
      }
      earlier.forms.push_back(*std::move(form));
    } else {
      earlier.problems.push_back(
          {"MF-3032", knowledge.text("record-earlier-unreadable"), given.place});
    }
    return form.has_value();
  };
  for (const auto& given : intake.given_up) {
    read(given);
  }
  if (intake.previous && read(*intake.previous)) {
    earlier.previous = earlier.forms.size() - 1;
  }
  for (const auto& given : intake.older) {
    if (read(given)) {
      earlier.forms.back().before_last = true;
    }
  }
  return earlier;
}

void add_earlier(const rules::Knowledge& knowledge, Earlier earlier,
                 rules::EvaluationInput& input) {
  for (auto& problem : earlier.problems) {
    add_problem(knowledge, input.record_problems, std::move(problem.text));
  }
  if (earlier.unread || !earlier.problems.empty()) {
    input.doubts.push_back(rules::Doubt::earlier_unread);
  }
  if (earlier.previous) {
    input.previous = earlier.forms[*earlier.previous].answers;
  }
  input.earlier = std::move(earlier.forms);
}

// A birth date of a year alone agrees with every age that it allows. An answer beside them is a
// conflict: of the ages that the record allows the one furthest from it counts, for with the answer
// itself it decides every comparison that some age between them would decide.
void settle_age(const rules::Knowledge& knowledge, const mapping::RecordContext& context,
                rules::EvaluationInput& input) {
  const auto item = static_cast<std::size_t>(knowledge.bindings.age);
  const auto& answers = input.facts.answers;
  if (!context.age || answers.state[item] != rules::ItemState::answered) {
    return;
  }
  const auto said = answers.number[item];
  const auto youngest = rules::whole(context.age->youngest);
  const auto oldest = rules::whole(context.age->oldest);
  input.facts.record.age = said < youngest ? oldest : said > oldest ? youngest : said;
}

// The answer is of the day of the form.
bool is_age_of_another(const rules::Knowledge& knowledge, const mapping::RecordContext& context,
                       const rules::EvaluationInput& input) {
  const auto item = static_cast<std::size_t>(knowledge.bindings.age);
  const auto& answers = input.facts.answers;
  const auto& authored = input.response.authored;
  if (!context.age || !authored || answers.state[item] != rules::ItemState::answered) {
    return false;
  }
  const int rounding = knowledge.bindings.age_rounding;
  const auto since = std::chrono::floor<std::chrono::years>(input.now - *authored).count();
  const auto then = context.age->youngest - std::max(0, static_cast<int>(since));
  const auto said = answers.number[item];
  return said < rules::whole(then - rounding) ||
         rules::whole(context.age->oldest + rounding) < said;
}

// Of the options that a record can say.
bool is_sex_of_another(const rules::Knowledge& knowledge, const rules::EvaluationInput& input) {
  if (knowledge.bindings.sex < 0) {
    return false;
  }
  const auto item = static_cast<std::size_t>(knowledge.bindings.sex);
  std::uint64_t sayable = 0;
  for (const auto& binding : knowledge.bindings.sexes) {
    sayable |= std::uint64_t{1} << static_cast<unsigned>(binding.option);
  }
  const auto said = input.facts.answers.chosen[item] | input.facts.record.chosen[item];
  return std::popcount(said & sayable) > 1;
}

void add_record(const rules::Knowledge& knowledge, const Intake& intake, Earlier earlier,
                const mapping::RecordContext& context, bool doubtful,
                rules::EvaluationInput& input) {
  for (const auto& problem : intake.record_problems) {
    add_problem(knowledge, input.record_problems, problem.text);
  }
  add_earlier(knowledge, std::move(earlier), input);
  for (const auto& problem : context.problems) {
    add_problem(knowledge, input.record_problems, problem.text);
  }
  for (const auto& count : context.counts) {
    add_problem(knowledge, input.record_counts, count.text);
  }
  input.unjudged = context.unjudged;
  input.unjudged_more = context.unjudged_more;
  if (context.doubtful || intake.record_missing || doubtful) {
    input.doubts.push_back(rules::Doubt::record_set_aside);
    if (!intake.record_missing && !doubtful) {
      input.doubtful_labs = context.doubtful_labs;
    }
  }
  input.facts.record = context.facts;
  settle_age(knowledge, context, input);
  if (is_age_of_another(knowledge, context, input) || is_sex_of_another(knowledge, input)) {
    input.doubts.push_back(rules::Doubt::person_differs);
  }
  input.record = context.entries;
  input.unread_words = context.unread_words;
  rules::add_lasting(knowledge, input);
  input.appointment = context.appointment;
}

// Where the record has several dates of birth, of the judgements by the oldest age and the youngest
// the more urgent holds: every limit of an age is met by one of them.
rules::Assessment assess_ages(const rules::KnowledgePtr& knowledge, rules::EvaluationInput input,
                              const mapping::RecordContext& context, rules::Outlook outlook) {
  if (!context.youngest_age) {
    return rules::assess(knowledge, std::move(input), outlook);
  }
  auto as_oldest = rules::assess(knowledge, input, outlook);
  input.facts.record.age = context.youngest_age;
  auto as_youngest = rules::assess(knowledge, std::move(input), outlook);
  return is_more_urgent(as_youngest, as_oldest) ? as_youngest : as_oldest;
}

// What only the evaluation met: in a question that does not apply, for example, or in a newer form.
// What both met stays as the check says it.
void add_unsaid(Issues met, Issues& issues) {
  std::set<std::pair<std::string, std::string>> said;  // code and place
  for (const auto& issue : issues) {
    said.emplace(issue.code, issue.place);
  }
  for (auto& issue : met) {
    if (!said.contains({issue.code, issue.place})) {
      issues.push_back(std::move(issue));
    }
  }
}

// It can be judged, but nothing can be written of it.
void add_missing_subject(const tl::expected<Assessed, Issues>& judged, const std::string& place,
                         Issues& issues) {
  auto missing =
      judged ? mapping::missing_subject(judged->assessment, judged->response, judged->record)
             : std::nullopt;
  if (missing) {
    missing->severity = Severity::warning;
    missing->place = place + ".subject";
    issues.push_back(*std::move(missing));
  }
}

void add_finding(const rules::Knowledge& knowledge, const mapping::RecordProblem& problem,
                 const std::string& place, Issues& issues) {
  issues.push_back({Severity::warning,
                    "business-rule",
                    std::string(problem.code),
                    rules::fill(knowledge.text("record-problem"), {{"problem", problem.text}}),
                    place,
                    {}});
}

// What is said of the record, as findings.
Issues record_findings(const mapping::ConceptIndex& concepts, const Intake& intake,
                       rules::Instant now) {
  const auto& knowledge = concepts.knowledge();
  auto problems = intake.record_problems;
  const auto add = [&problems](std::vector<mapping::RecordProblem> more) {
    problems.insert(problems.end(), std::make_move_iterator(more.begin()),
                    std::make_move_iterator(more.end()));
  };
  add(read_earlier(knowledge, intake).problems);
  auto context =
      mapping::read_record(concepts, intake.record, intake.record_complete, now, intake.set_aside);
  add(std::move(context.problems));
  add(std::move(context.counts));
  Issues issues;
  for (const auto& problem : problems) {
    add_finding(knowledge, problem, problem.place, issues);
    for (const auto& place : problem.also) {
      add_finding(knowledge, problem, place, issues);
    }
  }
  return issues;
}

// Forms begun since the finished one.
struct BegunForms {
  std::optional<Assessed> most_urgent;  // of equals the newest
  bool unreadable = false;              // one of them
  Issues faults;                        // why, as warnings
};

// A draft that an EHR made and nobody has written in, not even why an answer is missing.
bool is_blank(const Json& draft, const Issues& errors) {
  const bool says_nothing = std::all_of(errors.begin(), errors.end(), [](const Issue& issue) {
    return issue.code == nothing_answered;
  });
  const auto read = fhir::Response::read(draft);
  return says_nothing && read && read->answers().empty() && read->misfits().empty();
}

// Findings that words beside a code, or the text of a question, are not those of the form.
bool tells_other_words(const Issues& issues) {
  constexpr std::array<std::string_view, 3> codes{"MF-1428", "MF-1449", "MF-1458"};
  return std::any_of(issues.begin(), issues.end(), [&codes](const Issue& issue) {
    return std::find(codes.begin(), codes.end(), issue.code) != codes.end();
  });
}

// The form with its words in every language: most of its making, and few inputs need it.
class TranslatedForm {
 public:
  const Json& resource(const rules::Knowledge& knowledge) const {
    make(knowledge);
    return resource_;
  }

  const fhir::Questionnaire& form(const rules::Knowledge& knowledge) const {
    make(knowledge);
    return form_.value();
  }

 private:
  void make(const rules::Knowledge& knowledge) const {
    std::call_once(made_, [&] {
      resource_ = mapping::questionnaire_resource(knowledge);
      form_ = fhir::load_questionnaire(resource_).form;
    });
  }

  mutable std::once_flag made_;
  mutable Json resource_;
  mutable std::optional<fhir::Questionnaire> form_;  // absent where the English one has errors too
};

// What the words and codes of a record mean: made once, and only where a record comes.
class RecordConcepts {
 public:
  const mapping::ConceptIndex& of(const rules::Knowledge& knowledge) const {
    std::call_once(made_, [&] { index_.emplace(knowledge); });
    return *index_;
  }

 private:
  mutable std::once_flag made_;
  mutable std::optional<mapping::ConceptIndex> index_;
};

}  // namespace

struct Assessor::Parts {
  explicit Parts(rules::KnowledgePtr owner) : knowledge(std::move(owner)), fast(knowledge) {
    form_issues = mapping::form_issues(*knowledge);
    auto loaded = fhir::load_questionnaire(mapping::english_questionnaire(*knowledge));
    append(form_issues, std::move(loaded.issues));
    if (!fhir::has_errors(form_issues)) {
      form = std::move(loaded.form);
    }
  }

  rules::EvaluationInput new_input(const AssessOptions& options) const {
    rules::EvaluationInput input;
    input.now = options.now;
    input.batch = options.batch;
    return input;
  }

  // Every finding about the response of an intake.
  Issues findings(const Intake& intake, const AssessOptions& options) const {
    fhir::CheckOptions check;
    check.now = options.now;
    Issues issues = fhir::check_all(intake.response, *form, check);
    if (!knowledge->languages.empty() && tells_other_words(issues)) {
      issues = fhir::check_all(intake.response, translated.form(*knowledge), check);
    }
    adapt_to_form(*knowledge, intake.response, issues);
    add_status_issue(intake.response.string_of("status"), issues);
    add_subset_issue(intake.response, issues);
    locate(issues, intake.place);
    return issues;
  }

  std::optional<Assessed> assess_plain(std::string_view bytes, const AssessOptions& options) const;
  tl::expected<Assessed, Issues> assess_carefully(std::string_view bytes, bool xml,
                                                  const AssessOptions& options) const;
  tl::expected<Assessed, Issues> judge_all(Intake intake, const AssessOptions& options) const;
  BegunForms judge_begun(const std::vector<mapping::GivenResponse>& begun, const Intake& finished,
                         const Earlier& earlier, const mapping::RecordContext& context,
                         const std::vector<rules::Doubt>& doubts,
                         const AssessOptions& options) const;
  tl::expected<Assessed, Issues> judge(Intake intake, const Earlier& earlier,
                                       const mapping::RecordContext& context,
                                       std::vector<rules::Doubt> doubts,
                                       const AssessOptions& options) const;
  tl::expected<Intake, Issues> read(std::string_view bytes, bool xml,
                                    const AssessOptions& options) const;

  rules::KnowledgePtr knowledge;
  mapping::FastForm fast;
  Issues form_issues;
  std::optional<fhir::Questionnaire> form;  // in English; absent: the form cannot be used
  TranslatedForm translated;
  RecordConcepts concepts;
};

std::optional<Assessed> Assessor::Parts::assess_plain(std::string_view bytes,
                                                      const AssessOptions& options) const {
  auto plain = mapping::FastReader(fast, options.limits).read(bytes);
  const auto authored = plain ? mapping::moment_of(plain->authored) : std::nullopt;
  if (!authored || *authored > options.now + fhir::clock_skew) {
    return std::nullopt;
  }
  auto json = fhir::read_json(bytes, options.limits);
  if (!json || mapping::has_answers_left_out(*knowledge, *json)) {
    return std::nullopt;
  }
  auto input = new_input(options);
  input.response = response_info(*json, plain->subject);
  add_answers(*knowledge, {plain->given, std::move(plain->free_text), {}, false}, false, input);
  input.left_out = left_out_of(*knowledge, *json);
  if (!is_answered(input)) {
    return std::nullopt;
  }
  return Assessed{
      rules::assess(knowledge, std::move(input), options.outlook), *std::move(json), {}, {}};
}

tl::expected<Intake, Issues> Assessor::Parts::read(std::string_view bytes, bool xml,
                                                   const AssessOptions& options) const {
  auto resource = mapping::read_resource(bytes, xml, options.limits);
  if (!resource) {
    return tl::unexpected(Issues{fhir::to_issue(resource.error())});
  }
  auto intake = mapping::take_in(std::move(resource->json), *knowledge);
  if (intake) {
    append(intake->warnings, std::move(resource->notices));
  }
  return intake;
}

tl::expected<Assessed, Issues> Assessor::Parts::assess_carefully(
    std::string_view bytes, bool xml, const AssessOptions& options) const {
  return read(bytes, xml, options).and_then([&](Intake&& intake) {
    return judge_all(std::move(intake), options);
  });
}

BegunForms Assessor::Parts::judge_begun(const std::vector<mapping::GivenResponse>& begun,
                                        const Intake& finished, const Earlier& earlier,
                                        const mapping::RecordContext& context,
                                        const std::vector<rules::Doubt>& doubts,
                                        const AssessOptions& options) const {
  BegunForms found;
  for (const auto& given : begun) {
    Intake newer = finished;
    newer.response = given.json;
    newer.place = given.place;
    auto judged = judge(std::move(newer), earlier, context, doubts, options);
    if (judged &&
        (!found.most_urgent || is_more_urgent(judged->assessment, found.most_urgent->assessment))) {
      found.most_urgent = *std::move(judged);
    } else if (!judged && !is_blank(given.json, judged.error())) {
      found.unreadable = true;
      add_as_warnings(judged.error(), given.place, found.faults);
    }
  }
  return found;
}

// The finished form, and every later one that was begun: nobody knows yet which of them holds, so
// the most urgent counts, of equals the finished one, then the newest.
tl::expected<Assessed, Issues> Assessor::Parts::judge_all(Intake intake,
                                                          const AssessOptions& options) const {
  std::vector<mapping::RecordProblem> missing;
  for (const auto& phrase : options.missing_record) {
    intake.record_complete = false;
    missing.push_back({"MF-3030", phrase, {}});
  }
  intake.record_problems.insert(intake.record_problems.begin(), missing.begin(), missing.end());
  // Read once, and kept apart: each form begun is judged beside the same record and earlier forms.
  const auto context = mapping::read_record(concepts.of(*knowledge), intake.record,
                                            intake.record_complete, options.now, intake.set_aside);
  const auto earlier = read_earlier(*knowledge, intake);
  auto record = std::exchange(intake.record, {});
  intake.set_aside.clear();
  intake.previous.reset();
  intake.given_up.clear();
  intake.older.clear();
  const auto begun = std::exchange(intake.begun, {});
  BegunForms newer;
  if (!begun.empty()) {
    const auto before = with_finished(
        earlier, earlier_form(*knowledge, {intake.response, intake.place, intake.reference}));
    newer = judge_begun(begun, intake, before, context, {rules::Doubt::newer_begun}, options);
    append(intake.warnings, std::move(newer.faults));
    if (newer.unreadable && newer.most_urgent) {
      newer.most_urgent =
          judge_begun(begun, intake, before, context,
                      {rules::Doubt::newer_begun, rules::Doubt::newer_unreadable}, options)
              .most_urgent;
    }
  }
  std::vector<rules::Doubt> doubts;
  if (newer.most_urgent) {
    doubts.push_back(rules::Doubt::newer_begun);
  }
  if (newer.unreadable) {
    doubts.push_back(rules::Doubt::newer_unreadable);
  }
  auto assessed = judge(std::move(intake), earlier, context, std::move(doubts), options);
  if (newer.most_urgent && assessed &&
      is_more_urgent(newer.most_urgent->assessment, assessed->assessment)) {
    assessed = *std::move(newer.most_urgent);
  }
  for (auto& resource : record) {
    if (assessed) {
      assessed->record.push_back(std::move(resource.json));
    }
  }
  return assessed;
}

tl::expected<Assessed, Issues> Assessor::Parts::judge(Intake intake, const Earlier& earlier,
                                                      const mapping::RecordContext& context,
                                                      std::vector<rules::Doubt> doubts,
                                                      const AssessOptions& options) const {
  auto warnings = sort_findings(findings(intake, options));
  if (!warnings) {
    return tl::unexpected(std::move(warnings.error()));
  }
  const auto response = fhir::Response::read(intake.response);
  if (!response) {
    return tl::unexpected(Issues{fhir::to_issue(response.error())});
  }
  auto read = read_given(*knowledge, *response);
  if (!read) {
    locate(read.error(), intake.place);
    return tl::unexpected(std::move(read.error()));
  }
  auto input = new_input(options);
  input.response = response_info(intake.response, intake.patient);
  input.doubts = std::move(doubts);
  for (const auto doubt : doubts_of(intake, *warnings)) {
    input.doubts.push_back(doubt);
  }
  if (std::find(input.doubts.begin(), input.doubts.end(), rules::Doubt::newer_unreadable) !=
      input.doubts.end()) {
    input.denied_earlier = open_denials(*knowledge, read->answers.given);
  }
  add_extras(*knowledge, intake.response, input);
  add_other_form(*knowledge, intake.response, std::move(read->unread), input);
  if (input.form == nullptr) {
    input.left_out = left_out_of(*knowledge, intake.response);
  }
  add_answers(*knowledge, std::move(read->answers),
              mapping::has_answers_left_out(*knowledge, intake.response), input);
  if (input.denied_earlier.none() && !is_answered(input)) {
    return tl::unexpected(Issues{no_question_answered(intake.place)});
  }
  add_record(*knowledge, intake, earlier, context, options.record_doubtful, input);
  append(intake.warnings, *std::move(warnings));
  Assessed assessed{assess_ages(knowledge, std::move(input), context, options.outlook),
                    std::move(intake.response),
                    {},
                    std::move(intake.warnings)};
  return assessed;
}

Assessor::Assessor(rules::KnowledgePtr knowledge)
    : parts_(std::make_unique<const Parts>(std::move(knowledge))) {}
Assessor::~Assessor() = default;
Assessor::Assessor(Assessor&&) noexcept = default;

const rules::KnowledgePtr& Assessor::knowledge() const { return parts_->knowledge; }
const Json& Assessor::questionnaire() const {
  return parts_->translated.resource(*parts_->knowledge);
}
const mapping::ConceptIndex& Assessor::concepts() const {
  return parts_->concepts.of(*parts_->knowledge);
}
bool Assessor::has_form() const { return parts_->form.has_value(); }

tl::expected<Assessed, Issues> Assessor::assess(std::string_view bytes,
                                                const AssessOptions& options) const {
  if (!parts_->form) {
    return tl::unexpected(parts_->form_issues);
  }
  const bool xml = is_xml(bytes, options.syntax);
  if (!xml && options.missing_record.empty() && !options.record_doubtful) {
    if (auto plain = parts_->assess_plain(bytes, options)) {
      return *std::move(plain);
    }
  }
  return parts_->assess_carefully(bytes, xml, options);
}

tl::expected<Assessed, Issues> Assessor::assess_resource(Json resource,
                                                         const AssessOptions& options) const {
  if (!parts_->form) {
    return tl::unexpected(parts_->form_issues);
  }
  return mapping::take_in(std::move(resource), *parts_->knowledge).and_then([&](Intake&& intake) {
    return parts_->judge_all(std::move(intake), options);
  });
}

Issues Assessor::check(std::string_view bytes, const AssessOptions& options) const {
  if (!parts_->form) {
    return parts_->form_issues;
  }
  auto intake = parts_->read(bytes, is_xml(bytes, options.syntax), options);
  if (!intake) {
    return std::move(intake.error());
  }
  auto issues = intake->warnings;
  auto brief = options;
  brief.outlook = rules::Outlook::none;
  append(issues, parts_->findings(*intake, options));
  append(issues, record_findings(concepts(), *intake, options.now));
  const auto place = intake->place;
  auto judged = parts_->judge_all(*std::move(intake), brief);
  add_missing_subject(judged, place, issues);
  add_unsaid(judged ? std::move(judged->warnings) : std::move(judged.error()), issues);
  return issues;
}

}  // namespace myoflag
