#include "plugin/mapping/context.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "fhir/datetime.h"
#include "fhir/issue.h"
#include "fhir/structure.h"
#include "plugin/mapping/one_of.h"
#include "plugin/mapping/patient_identity.h"
#include "plugin/mapping/record_concepts.h"
#include "plugin/mapping/record_index.h"
#include "plugin/mapping/record_labs.h"
#include "plugin/mapping/record_place.h"
#include "plugin/mapping/record_reasons.h"
#include "plugin/mapping/record_results.h"
#include "plugin/mapping/record_statements.h"
#include "plugin/mapping/record_status.h"
#include "plugin/mapping/record_unread.h"
#include "plugin/mapping/record_values.h"
#include "plugin/mapping/vocabulary.h"
#include "rules/texts.h"
#include "rules/unjudged.h"

namespace myoflag::mapping {

namespace {

using fhir::Json;
using rules::RecordEntry;

// Entries that say the same in different words, or that no rule reads; more help nobody.
constexpr int most_alike = 20;

// No test of the knowledge.
constexpr int no_workup = -1;

struct Moment {
  std::optional<rules::Instant> at;
  std::optional<rules::Instant> last;  // that it may mean
  std::string day;                     // as written, at most to the day
};

Moment moment_in(std::string_view text) {
  constexpr std::size_t length_of_day = 10;
  const auto date = fhir::parse_date_time(text);
  return date ? Moment{moment_of(text), fhir::latest(*date),
                       std::string(text.substr(0, length_of_day))}
              : Moment{};
}

// What goes on has no last moment.
Moment effective_moment(const Json& resource) {
  auto moment = moment_in(effective_text(resource));
  if (is_open_period(resource, "effective")) {
    moment.last.reset();
  }
  return moment;
}

Moment first_moment(std::initializer_list<std::string_view> texts) {
  for (const auto text : texts) {
    if (auto moment = moment_in(text); moment.at) {
      return moment;
    }
  }
  return {};
}

std::string range_text(const AgeRange& age) {
  return age.youngest == age.oldest ? std::to_string(age.oldest)
                                    : fmt::format("{}-{}", age.youngest, age.oldest);
}

class Reader {
 public:
  Reader(const ConceptIndex& concepts, std::span<const RecordResource> record,
         std::span<const RecordResource> set_aside, rules::Instant now)
      : knowledge_(concepts.knowledge()),
        bindings_(knowledge_.bindings),
        record_(record),
        set_aside_(set_aside),
        now_(now),
        index_(concepts),
        medicines_(index_),
        reasons_(knowledge_, index_) {}

  RecordContext read(bool complete) {
    out_.facts.fetched = std::any_of(record_.begin(), record_.end(), [](const auto& resource) {
      return is_clinical(resource.type) || resource.type == "Patient" ||
             resource.type == "Medication";
    });
    for (const auto& resource : record_) {
      if (resource.type == "Medication") {
        medicines_.add(resource);
      } else if (resource.type == "Observation") {
        observations_.push_back(&resource);
        results_.add(resource, Results::Use::read);
      }
    }
    for (const auto& resource : set_aside_) {
      if (resource.type == "Observation") {
        results_.add(resource, Results::Use::set_aside);
      }
    }
    for (const auto& list : {record_, set_aside_}) {
      for (const auto& resource : list) {
        if (speaks_for_itself(resource)) {
          reasons_.add(resource);
        }
        add_device(resource);
      }
    }
    take_report_dates();
    for (const auto& resource : record_) {
      read_resource(resource);
    }
    settle_age();
    assert_measured_medicines();
    read_pregnancy_observations();
    read_laboratory(complete && !lacks_results_);
    list_unread_results();
    list_texts();
    for (const auto& resource : set_aside_) {
      out_.doubtful = out_.doubtful || may_have_mattered(resource);
    }
    say_unread_types();
    return std::move(out_);
  }

 private:
  // Whoever refers to it needs not say what it is: it is used or told where it stands, or it denies
  // what it names. A person is no reason.
  bool speaks_for_itself(const RecordResource& resource) const {
    const auto& [json, type] = std::tie(resource.json, resource.type);
    if (type == "Condition") {
      return !is_real_condition(json) || !is_over(json, now_);
    }
    if (type == "Procedure") {
      return was_begun(json) && is_current_procedure(json);
    }
    if (type == "Observation") {
      return !is_void(json);
    }
    if (type == "DiagnosticReport") {
      return !is_void_report(json) && says_something(json) && !is_too_old(report_moment(json));
    }
    if (is_statement(type)) {
      return is_in_force(json, type, now_) && !is_too_old(moment_in(statement_time(json)));
    }
    if (is_only_reasons(type)) {
      return !says_no_reason(json) && standing_of(json) == Standing::current &&
             !is_too_old(moment_in(reason_time(json)));
    }
    if (type.starts_with("Medication") && has_reasons(type)) {
      return is_taken(json, type);
    }
    return type == "Patient" || (type == "FamilyMemberHistory" && says_of_relative(json)) ||
           (type == "Device" && is_in_use(json));
  }

  void add_device(const RecordResource& resource) {
    if (resource.type != "Device") {
      return;
    }
    if (resource.within.empty()) {
      devices_.add(resource);
    } else {
      contained_devices_.emplace(resource.within, '#' + std::string(resource.json.string_of("id")));
    }
  }

  bool is_device_there(const Json& reference, const RecordResource& from) const {
    const auto text = reference.string_of("reference");
    const std::string_view place = from.within.empty() ? from.place : from.within;
    return text.starts_with('#') ? contained_devices_.contains({place, std::string(text)})
                                 : devices_.find(text, from.full_url) != nullptr;
  }

  void take_report_dates() {
    std::vector<const RecordResource*> reports;
    for (const auto& resource : record_) {
      const bool is_report = resource.type == "DiagnosticReport" && !is_void_report(resource.json);
      const bool is_panel = resource.type == "Observation" && !is_withdrawn(resource.json);
      if (is_report || is_panel) {
        reports.push_back(&resource);
      }
    }
    results_.take_dates(reports);
  }

  void read_resource(const RecordResource& resource) {
    if (resource.type == "Patient") {
      read_patient(resource);
    } else if (resource.type == "Condition") {
      read_condition(resource);
    } else if (is_medicine_use(resource.type)) {
      read_medicine(resource);
    } else if (resource.type == "Observation") {
      read_observation(resource);
    } else if (resource.type == "FamilyMemberHistory") {
      read_family(resource);
    } else if (resource.type == "Procedure") {
      read_procedure(resource);
    } else if (resource.type == "DiagnosticReport") {
      read_report(resource);
    } else if (resource.type == "Device") {
      read_device(resource);
    } else if (resource.type == "Appointment") {
      read_appointment(resource);
      read_entry(resource);
    } else if (is_statement(resource.type)) {
      read_statement(resource);
    } else if (is_only_reasons(resource.type)) {
      read_entry(resource);
    }
  }

  // Types that nothing here reads alarm nobody: every record has some.
  void say_unread_types() {
    std::map<std::string_view, std::vector<std::string>> places;
    std::size_t count = 0;
    for (const auto& resource : record_) {
      // Of a document nobody reads the text.
      const bool is_unread = is_unread_type(resource.type) ||
                             (resource.type == "Composition" && !heard_.contains(&resource));
      if (is_unread) {
        places[resource.type].push_back(resource.place);
        ++count;
      }
    }
    std::string types;
    std::vector<std::string> all;
    for (const auto& [type, at] : places) {
      types += fmt::format("{}{} ({})", types.empty() ? "" : ", ", type, at.size());
      all.insert(all.end(), at.begin(), at.end());
    }
    if (count != 0) {
      say_count(all.front(), "record-types-unread",
                {{"count", std::to_string(count)}, {"types", types}});
      for (const auto& place : all) {
        add_place(place, out_.counts.back());
      }
    }
  }

  // ---- the patient

  // As old as the question about age allows.
  int oldest_person() const {
    const auto& most = knowledge_.items[static_cast<std::size_t>(bindings_.age)].max;
    return most ? static_cast<int>(most->nano / rules::whole(1).nano)
                : std::numeric_limits<int>::max();
  }

  void read_patient(const RecordResource& resource) {
    const auto birth_date = resource.json.string_of("birthDate");
    const auto age = age_at(birth_date, now_, oldest_person());
    if (age) {
      ages_.insert({age->youngest, age->oldest});
    }
    if (age && are_alike(*age)) {
      if (alike_ages_.insert(age->oldest).second) {
        add(RecordEntry::Kind::age, bindings_.age, 0,
            rules::fill(knowledge_.text("explain-subject-years"), {{"years", range_text(*age)}}),
            resource, {});
      }
    } else if (!birth_date.empty()) {
      say("record-birth-date", resource);
    }
    if (is_true(resource.json, "deceasedBoolean") || resource.json.has("deceasedDateTime")) {
      say("record-died", resource);
      out_.doubtful = true;
    }
    if (resource.json.has("active") && !is_true(resource.json, "active")) {
      say("record-inactive", resource);
    }
    if (is_replaced_from_outside(resource.json)) {
      say("record-replaced", resource);
      out_.doubtful = true;
    }
    read_sex(resource);
  }

  // By a Patient that is not here.
  bool is_replaced_from_outside(const Json& patient) const {
    const auto& links = patient.array_of("link");
    return std::any_of(links.begin(), links.end(), [this](const Json& link) {
      const auto* other = link.find("other");
      const auto name = other == nullptr ? std::string_view() : other->string_of("reference");
      return link.string_of("type") == "replaced-by" &&
             std::none_of(record_.begin(), record_.end(), [&](const RecordResource& one) {
               return one.type == "Patient" && !name.empty() &&
                      (one.full_url == name || one.reference == reference_key(name).tail);
             });
    });
  }

  // To every rule, and for being under age.
  bool are_alike(const AgeRange& age) const {
    const auto youngest = rules::whole(age.youngest);
    const auto oldest = rules::whole(age.oldest);
    const auto& ops = knowledge_.program.ops;
    return (age.youngest < knowledge_.adult_age) == (age.oldest < knowledge_.adult_age) &&
           std::all_of(ops.begin(), ops.end(), [&](const rules::Op& op) {
             return op.kind != rules::Criterion::Kind::age ||
                    rules::holds(youngest, op.compare, op.limit) ==
                        rules::holds(oldest, op.compare, op.limit);
           });
  }

  void settle_age() {
    if (ages_.size() == 1) {
      out_.age = AgeRange{ages_.begin()->first, ages_.begin()->second};
      if (are_alike(*out_.age)) {
        out_.facts.age = rules::whole(out_.age->oldest);
      }
    } else if (!ages_.empty()) {
      int oldest = 0;
      for (const auto& age : ages_) {
        oldest = std::max(oldest, age.second);
      }
      out_.facts.age = rules::whole(oldest);
      out_.youngest_age = rules::whole(ages_.begin()->first);
      out_.doubtful = true;
      say_at(
          {}, "record-ages",
          {{"lowest", std::to_string(ages_.begin()->first)}, {"highest", std::to_string(oldest)}});
    }
  }

  void read_sex(const RecordResource& resource) {
    const auto gender = resource.json.string_of("gender");
    if (gender.empty()) {
      return;
    }
    const Json coding = Json::object({{"system", kAdministrativeGender}, {"code", gender}});
    const Json one = Json::object({{"coding", Json::array({coding})}});
    Named named;
    index_.read(&one, named);
    assert_options(RecordEntry::Kind::sex, bindings_.sex, named.meaning.sexes, named.name, resource,
                   {});
  }

  // ---- conditions, medicines, devices, procedures

  void read_condition(const RecordResource& resource) {
    if (!is_real_condition(resource.json)) {
      return;
    }
    if (has_unknown_status(resource.json)) {
      say("record-status-unknown", resource);
    }
    auto named = index_.read_member(resource.json, "code");
    if (index_.denies_pregnancy(resource.json.find("code"))) {
      named.meaning.pregnancies = 0;
      named.meaning.cautions.clear();
    }
    doubt_untold(named, resource);
    const auto when = first_moment(
        {resource.json.string_of("onsetDateTime"), resource.json.string_of("recordedDate")});
    // The form asks for what a person has or has had.
    assert_conditions(named, resource, when);
    if (is_present(resource.json, now_)) {
      assert_pregnancy(named, resource, when);
    }
    if (!is_over(resource.json, now_)) {
      add_cautions(named, resource, when);
    }
    const auto& meaning = named.meaning;
    const bool is_current = !is_over(resource.json, now_);
    const bool is_unread =
        meaning.conditions == 0 && meaning.pregnancies == 0 && meaning.cautions.empty();
    constexpr auto kind = RecordEntry::Kind::condition;
    if (is_unread) {
      list_unread({kind, bindings_.conditions}, named, resource, when, is_current);
    } else if (auto text = another_said(index_, resource.json.find("code")); !text.empty()) {
      Named other = named;
      other.name = std::move(text);
      list_unread({kind, bindings_.conditions}, other, resource, when, is_current);
    }
    if (meaning.pregnancies != 0 && !is_present(resource.json, now_)) {
      list_past_pregnancy(named, resource, when);
    }
    list_reasons(named, resource, when, is_current);
    if (!is_current && has_late_note(resource.json)) {
      list_noted(named, resource, when);
    }
  }

  // It may say that what was over is back. Without a date of its own it may be as late as the end,
  // and where that has none either, of today.
  bool has_late_note(const Json& condition) const {
    const auto& notes = condition.array_of("note");
    return std::any_of(notes.begin(), notes.end(), [&](const Json& note) {
      const auto time = note.string_of("time");
      const auto when = time.empty() ? abatement_text(condition) : time;
      return !fhir::is_blank(note.string_of("text")) && !is_too_old(moment_in(when));
    });
  }

  void list_noted(const Named& named, const RecordResource& resource, const Moment& when) {
    const auto said = reasons_.of(resource);
    list_text(with_words(named.name_or(resource.type), or_unnamed(said.words)), resource, when);
  }

  // Its end may have been a birth, after which some dangers last for weeks.
  void list_past_pregnancy(const Named& named, const RecordResource& resource, const Moment& when) {
    const auto end = moment_in(abatement_text(resource.json));
    list_unread({RecordEntry::Kind::condition, bindings_.conditions}, named, resource, when,
                end.at && !is_too_old(end));
  }

  // It may be anything.
  void doubt_without_code(const Named& named, const RecordResource& resource) {
    if (named.name.empty()) {
      say("record-no-code", resource);
      out_.doubtful = true;
    }
  }

  // A code alone that the knowledge does not have may mean one that it has.
  void doubt_untold(const Named& named, const RecordResource& resource) {
    doubt_without_code(named, resource);
    if (!named.told && !named.name.empty()) {
      say("record-unknown-code", resource);
      out_.doubtful = true;
    }
  }

  void read_medicine(const RecordResource& resource) {
    if (!is_taken(resource.json, resource.type)) {
      if (was_meant(resource.json)) {
        read_reasons(resource, {}, false);
      }
      if (has_ended(resource.json, resource.type)) {
        list_ended(resource);
      }
      return;
    }
    const auto named = medicines_.of(resource);
    if (!named.found) {
      say("record-no-medicine", resource);
      out_.doubtful = out_.doubtful || !named.told;
    } else {
      doubt_untold(named, resource);
    }
    const auto when = first_moment(
        {resource.json.string_of("authoredOn"), resource.json.string_of("whenHandedOver"),
         resource.json.string_of("whenPrepared"), effective_text(resource.json),
         resource.json.string_of("dateAsserted")});
    assert_options(RecordEntry::Kind::medicine, bindings_.medicines, named.meaning.medicines,
                   named.name_or(resource.type), resource, when);
    add_cautions(named, resource, when);
    if (named.meaning.medicines == 0 && named.meaning.cautions.empty()) {
      list_unread({RecordEntry::Kind::medicine, bindings_.medicines}, named, resource, when, true);
    }
    list_reasons(named, resource, when, true);
  }

  // The form asks for what is taken. What ended of late may act still, or be missed.
  void list_ended(const RecordResource& resource) {
    const auto named = medicines_.of(resource);
    const auto* dispensed = resource.json.find("dispenseRequest");
    const auto* valid = dispensed == nullptr ? nullptr : dispensed->find("validityPeriod");
    const auto when = first_moment(
        {valid == nullptr ? "" : valid->string_of("end"), effective_text(resource.json),
         resource.json.string_of("authoredOn"), resource.json.string_of("dateAsserted")});
    if (named.meaning.medicines != 0 && !is_too_old(when)) {
      list_text(rules::fill(knowledge_.text("record-medicine-ended"),
                            {{"medicine", named.name_or(resource.type)}}),
                resource, when);
    }
  }

  // What the knowledge has no words for may be anything: a person must read it. Words that the
  // knowledge does not have never count for less than a code alone.
  void list_unread(std::pair<RecordEntry::Kind, int> asked, const Named& named,
                   const RecordResource& resource, const Moment& when, bool is_current) {
    if (asked.second < 0 || named.name.empty()) {
      return;
    }
    add(asked.first, asked.second, 0, named.name, resource, when);
    rules::add_words(named.name, out_.unread_words);
    add_said_words(resource);
    if (is_current && named.told) {
      say_unread(resource);
    }
    out_.doubtful = out_.doubtful || is_current;
  }

  void add_said_words(const RecordResource& resource) {
    if (heard_.insert(&resource).second) {
      mapping::add_said_words(resource.json, out_.unread_words);
    }
  }

  // Said once, of all of them.
  void say_unread(const RecordResource& resource) {
    if (unread_at_ == nowhere) {
      unread_at_ = out_.problems.size();
      say("record-no-rule-reads", resource);
    }
    if (unread_at_ < out_.problems.size() && unread_places_.insert(resource.place).second) {
      add_place(resource.place, out_.problems[unread_at_]);
    }
  }

  static void add_place(const std::string& place, RecordProblem& problem) {
    if (place != problem.place && problem.also.size() < fhir::max_issues) {
      problem.also.push_back(place);
    }
  }

  // Something else of the record that a person must read.
  struct Text {
    std::string text;
    const RecordResource* resource = nullptr;
    Moment when;
    bool is_current = true;  // nobody is reassured beside it
    // Without a date it may be of today.
    auto order() const {
      return std::tuple(!is_current, -when.at.value_or(rules::Instant::max()).time_since_epoch(),
                        std::string_view(text), std::string_view(resource->reference));
    }
  };

  void list_text(std::string text, const RecordResource& resource, Moment when,
                 bool is_current = true) {
    texts_.push_back({std::move(text), &resource, std::move(when), is_current});
    add_said_words(resource);
    if (is_current) {
      say_unread(resource);
      out_.doubtful = true;
    }
  }

  // What is current first, then the latest: only so many are listed.
  void list_texts() {
    std::stable_sort(texts_.begin(), texts_.end(),
                     [](const Text& a, const Text& b) { return a.order() < b.order(); });
    for (auto& one : texts_) {
      add(RecordEntry::Kind::test, no_workup, 0, std::move(one.text), *one.resource, one.when);
    }
  }

  std::string or_unnamed(std::string words) const {
    return words.empty() ? knowledge_.text("record-unnamed") : std::move(words);
  }

  std::string statement_text(const RecordResource& resource, std::string words) const {
    return rules::fill(knowledge_.text("record-statement"),
                       {{"type", resource.type}, {"words", or_unnamed(std::move(words))}});
  }

  void read_statement(const RecordResource& resource) {
    if (is_in_force(resource.json, resource.type, now_)) {
      const auto when = moment_in(statement_time(resource.json));
      list_text(statement_text(resource, statement_words(resource.json)), resource, when,
                !is_too_old(when));
    }
  }

  static bool says_of_relative(const Json& json) {
    return json.string_of("status") != "entered-in-error" &&
           (!json.array_of("condition").empty() || !family_words(json).empty() || has_note(json) ||
            has_narrative(json));
  }

  // What the patient was asked about relatives is read from the answers alone.
  void read_family(const RecordResource& resource) {
    const auto& json = resource.json;
    if (!says_of_relative(json)) {
      return;
    }
    const auto relative = shown(words_or_code_of(json.find("relationship")));
    list_text(rules::fill(knowledge_.text("record-family"),
                          {{"relative", or_unnamed(relative)},
                           {"conditions", or_unnamed(family_words(json))}}),
              resource, moment_in(json.string_of("date")));
  }

  void read_device(const RecordResource& resource) {
    if (!is_in_use(resource.json)) {
      return;
    }
    auto named = index_.read_member(resource.json, "type");
    for (const auto& name : resource.json.array_of("deviceName")) {
      index_.read_text(name.string_of("name"), named);
    }
    index_.read_text(resource.json.string_of("modelNumber"), named);
    add_cautions(named, resource, {});
    if (named.meaning.cautions.empty()) {
      list_device(named.name, resource);
    }
  }

  // It may be implanted, and forbid a test.
  void list_device(const std::string& name, const RecordResource& resource) {
    add_device_cautions(name, resource);
    list_text(name.empty() ? statement_text(resource, {}) : name, resource, {});
  }

  void add_device_cautions(const std::string& name, const RecordResource& resource) {
    std::set<std::string> tests;
    for (const auto& binding : bindings_.cautions) {
      tests.insert(binding.caution);
    }
    const auto text =
        rules::fill(knowledge_.text("record-device-unread"), {{"device", or_unnamed(name)}});
    for (const auto& test : tests) {
      add(RecordEntry::Kind::caution, -1, 0, text, resource, {}, test);
    }
  }

  void read_procedure(const RecordResource& resource) {
    if (!was_begun(resource.json)) {
      return;
    }
    const auto named = index_.read_member(resource.json, "code");
    doubt_untold(named, resource);
    const auto when = moment_in(performed_text(resource.json));
    assert_conditions(named, resource, when);
    add_cautions(named, resource, when);
    if (is_completed(resource.json)) {
      add_tests(named, resource, when);
    }
    const bool is_current = is_current_procedure(resource.json);
    if (says_unread(resource.json, named) && is_current) {
      const auto words = outcome_words(resource.json);
      list_text(with_words(named.name_or(resource.type), words), resource, when);
    }
    list_reasons(named, resource, when, is_current);
    for (const auto* device : focal_devices_of(resource.json)) {
      if (!is_device_there(*device, resource)) {
        list_focal_device(*device, resource);
      }
    }
  }

  // However long ago: it may be implanted still.
  void list_focal_device(const Json& reference, const RecordResource& resource) {
    Named named;
    index_.read_text(reference.string_of("display"), named);
    add_cautions(named, resource, {});
    if (named.meaning.cautions.empty()) {
      list_device(named.name, resource);
    }
  }

  static bool is_completed(const Json& procedure) {
    return procedure.string_of("status") == "completed";
  }

  bool is_current_procedure(const Json& procedure) const {
    return !is_older(moment_in(performed_text(procedure)), knowledge_.staleness.lab_days) ||
           is_going_on(procedure);
  }

  static bool says_unread(const Json& procedure, const Named& named) {
    const auto& meaning = named.meaning;
    const bool is_read =
        meaning.conditions != 0 || (is_completed(procedure) && !meaning.workups.empty());
    return (!is_read && !named.name.empty()) || !outcome_words(procedure).empty() ||
           has_note(procedure);
  }

  // ---- what is said beside all that

  void read_entry(const RecordResource& resource) {
    if (resource.type == "ServiceRequest") {
      read_order(resource);
    }
    const auto standing = standing_of(resource.json);
    if (standing == Standing::withdrawn) {
      return;
    }
    const auto when = moment_in(reason_time(resource.json));
    const bool is_current = standing == Standing::current && !is_too_old(when);
    const auto said = read_reasons(resource, when, is_current);
    if (is_current && said.is_unread) {
      const auto words = with_words(said.name, said.words);
      list_text(statement_text(resource, words), resource, when);
      if (resource.type == "DeviceUseStatement") {
        add_device_cautions(said.words, resource);
      }
    }
  }

  // Of a condition, a medicine or a procedure, beside its name.
  void list_reasons(const Named& named, const RecordResource& resource, const Moment& when,
                    bool is_current) {
    const auto said = read_reasons(resource, when, is_current);
    if (is_current && said.is_unread) {
      const auto words = with_words(named.name_or(resource.type), or_unnamed(said.words));
      list_text(words, resource, when);
    }
  }

  // The form asks for what a person has or has had; a pregnancy is of now.
  Reasons read_reasons(const RecordResource& resource, const Moment& when, bool is_current) {
    auto said = reasons_.of(resource);
    for (const auto& known : said.known) {
      assert_conditions(known, resource, when);
      if (is_current) {
        assert_pregnancy(known, resource, when);
        add_cautions(known, resource, when);
      }
    }
    return said;
  }

  // What an entry says would be used, or told, were the entry usable.
  bool gives_reasons(const RecordResource& resource, bool is_current) const {
    const auto said = reasons_.of(resource);
    return (is_current && (said.is_unread || !said.known.empty())) ||
           std::any_of(said.known.begin(), said.known.end(),
                       [](const Named& known) { return known.meaning.conditions != 0; });
  }

  bool gives_reasons(const RecordResource& resource) const {
    const auto standing = standing_of(resource.json);
    const bool is_old = is_too_old(moment_in(reason_time(resource.json)));
    return standing != Standing::withdrawn &&
           gives_reasons(resource, standing == Standing::current && !is_old);
  }

  // ---- tests and orders

  void read_observation(const RecordResource& resource) {
    if (is_void(resource.json)) {
      return;
    }
    const auto when = effective_moment(resource.json);
    const auto named = index_.read_member(resource.json, "code");
    doubt_without_code(named, resource);
    add_cautions(stated_by(resource.json), resource, when);
    const auto results = results_.of(resource);
    // What this program wrote names other findings of it, which hold no results.
    if (!results.all_there && !index_.is_own(resource.json) && !is_too_old(when)) {
      miss_results(resource);
    }
    if (!is_final(resource.json)) {
      return;
    }
    if (has_value_inside(resource.json) || results.is_whole()) {
      add_tests(named, resource, when);
    } else if (resource.json.has("hasMember")) {
      add_tests(named, resource, when, Result::unread);
    } else if (has_narrative(resource.json) && !resource.json.has("dataAbsentReason") &&
               !is_too_old(when)) {
      say("record-report-unread", resource);
      out_.doubtful = true;
      add_tests(named, resource, when, Result::unread);
    }
  }

  // Who has a level of a medicine takes it, or took it: what the knowledge knows both as a medicine
  // and as a laboratory value.
  void assert_measured_medicines() {
    for (const auto* observation : observations_) {
      if (is_void(observation->json) || index_.is_own(observation->json)) {
        continue;
      }
      assert_measured_medicine(*observation, observation->json);
      for (const auto& component : observation->json.array_of("component")) {
        assert_measured_medicine(*observation, component);
      }
    }
  }

  // Where the record does not name the medicine itself.
  void assert_measured_medicine(const RecordResource& resource, const Json& part) {
    const auto when = effective_moment(resource.json);
    const auto meaning = index_.read_member(part, "code").meaning;
    const auto& labs = meaning.labs.empty() ? meaning.other_labs : meaning.labs;
    const auto item = bindings_.medicines;
    if (labs.empty() || item < 0 || !has_own_value(part) || is_too_old(when) ||
        (meaning.medicines & ~out_.facts.chosen[static_cast<std::size_t>(item)]) == 0) {
      return;
    }
    const auto words = words_of(part.find("code"));
    const auto& title = knowledge_.labs[static_cast<std::size_t>(*labs.begin())].title;
    assert_options(RecordEntry::Kind::medicine, item, meaning.medicines,
                   result_text(words.empty() ? std::string_view(title) : words, part), resource,
                   when);
  }

  void read_report(const RecordResource& resource) {
    if (is_void_report(resource.json)) {
      return;
    }
    const auto named = index_.read_member(resource.json, "code");
    const auto when = report_moment(resource.json);
    const auto results = results_.of(resource);
    const bool has_words = has_own_words(resource.json);
    const bool unread = has_words || (says_something(resource.json) && !results.is_whole());
    const bool is_old = is_too_old(when);
    if (!results.all_there && !is_old) {
      miss_results(resource);
    }
    if (has_words || (unread && results.all_there && !(is_old && !has_narrative(resource.json)))) {
      list_report(named, resource, when, results);
    }
    if (is_report_final(resource.json) && says_something(resource.json)) {
      add_tests(named, resource, when, unread ? Result::unread : Result::read);
    }
  }

  static Moment report_moment(const Json& report) {
    return is_open_period(report, "effective")
               ? effective_moment(report)
               : first_moment({effective_text(report), report.string_of("issued")});
  }

  // What an old one says is still for people to read, and alarms nobody.
  void list_report(const Named& named, const RecordResource& resource, const Moment& when,
                   const Results::Found& results) {
    const bool is_current = !is_too_old(when);
    if (is_current) {
      const bool is_beside = results.one_read || !results.all_there;
      say(is_beside ? "record-report-words" : "record-report-unread", resource);
    }
    list_text(with_words(named.name_or(resource.type), report_words(resource.json)), resource, when,
              is_current);
  }

  void miss_results(const RecordResource& resource) {
    say("record-result-missing", resource);
    lacks_results_ = true;
    out_.doubtful = true;
  }

  void read_order(const RecordResource& resource) {
    if (!is_ordered(resource.json)) {
      return;
    }
    auto named = index_.read_member(resource.json, "code");
    named.name =
        rules::fill(knowledge_.text("record-ordered"), {{"test", named.name_or(resource.type)}});
    add_tests(named, resource, moment_in(resource.json.string_of("authoredOn")));
  }

  enum class Result : bool { read, unread };

  // Of each test the last time up to now, and the last whose result was not read.
  void add_tests(const Named& named, const RecordResource& resource, const Moment& when,
                 Result result = Result::read) {
    if (when.at && *when.at > now_) {
      return;
    }
    for (const int workup : named.meaning.workups) {
      const auto [known, is_new] =
          tests_.try_emplace(std::pair(workup, result), out_.entries.size());
      auto entry = entry_of(RecordEntry::Kind::test, workup, 0, named.name_or(resource.type),
                            resource, when);
      entry.unread = result == Result::unread;
      if (is_new) {
        out_.entries.push_back(std::move(entry));
      } else if (out_.entries[known->second].when < when.at) {
        out_.entries[known->second] = std::move(entry);
      }
    }
  }

  void read_appointment(const RecordResource& resource) {
    if (resource.json.string_of("status") != "booked") {
      return;
    }
    const auto start = fhir::parse_instant(resource.json.string_of("start"));
    const auto moment = start ? fhir::to_sys_seconds(*start) : std::nullopt;
    if (!moment) {
      say("record-no-start", resource);
      return;
    }
    if (*moment > now_ && (!out_.appointment || *moment < *out_.appointment)) {
      out_.appointment = *moment;
    }
  }

  // ---- pregnancy as an Observation: of several with the same code only those speak that may be
  // the newest

  void read_pregnancy_observations() {
    std::map<std::string, LatestDates> latest;
    for (const auto* resource : observations_) {
      const auto date = fhir::parse_date_time(effective_text(resource->json));
      const auto key = concept_key(resource->json.find("code"));
      if (date && !key.empty() && speaks(*resource)) {
        latest[key].add(*date);
      }
    }
    for (const auto* resource : observations_) {
      const auto date = fhir::parse_date_time(effective_text(resource->json));
      if (speaks(*resource) &&
          !(date && latest[concept_key(resource->json.find("code"))].is_surpassed(*date))) {
        read_pregnancy(*resource, effective_moment(resource->json));
      }
    }
  }

  void read_pregnancy(const RecordResource& resource, const Moment& when) {
    auto named = stated_by(resource.json);
    if (implies_pregnancy(resource)) {
      index_.read(resource.json.find("code"), named);
    }
    if (index_.asks_for_pregnancy(resource.json)) {
      const auto answer = index_.pregnancy_answer(resource.json);
      if (answer == PregnancyAnswer::yes && named.meaning.pregnancies == 0) {
        named.meaning.pregnancies = std::uint64_t{1}
                                    << static_cast<unsigned>(bindings_.pregnancy_status.yes);
      } else if (answer == PregnancyAnswer::unread && named.meaning.pregnancies == 0) {
        say("record-pregnancy-unread", resource);
        out_.doubtful = true;
      }
    }
    assert_pregnancy(named, resource, when);
  }

  bool speaks(const RecordResource& observation) const {
    const auto date = fhir::parse_date_time(effective_text(observation.json));
    return !is_void(observation.json) && has_own_value(observation.json) &&
           !(date && is_certainly_future(*date, now_));
  }

  // A length of time or a day to come, of something that the knowledge calls a pregnancy: its weeks
  // so far, the day of birth. What is older than a result may be was another pregnancy.
  bool implies_pregnancy(const RecordResource& resource) const {
    const auto& json = resource.json;
    if (index_.asks_for_pregnancy(json) || index_.is_own(json) ||
        is_too_old(effective_moment(json)) ||
        index_.read_member(json, "code").meaning.pregnancies == 0) {
      return false;
    }
    if (const auto* quantity = json.find("valueQuantity")) {
      return is_one_of(quantity->string_of(quantity->has("code") ? "code" : "unit"),
                       knowledge_.bindings.pregnancy_status.time_units);
    }
    const auto day = fhir::parse_date_time(json.string_of("valueDateTime"));
    return day && fhir::latest(*day) >= now_;
  }

  bool speaks_of_pregnancy(const RecordResource& observation) const {
    return speaks(observation) &&
           (index_.asks_for_pregnancy(observation.json) ||
            stated_by(observation.json).meaning.pregnancies != 0 || implies_pregnancy(observation));
  }

  // What an Observation says is there: its coded value, or its code when the value is a plain yes.
  Named stated_by(const Json& observation) const {
    if (index_.denies_pregnancy(observation.find("valueCodeableConcept"))) {
      return {};
    }
    auto named = index_.read_member(observation, "valueCodeableConcept");
    if (is_true(observation, "valueBoolean")) {
      index_.read(observation.find("code"), named);
    }
    return named;
  }

  void read_laboratory(bool complete) {
    std::vector<const RecordResource*> unusable;
    for (const auto& resource : set_aside_) {
      if (resource.type == "Observation") {
        unusable.push_back(&resource);
      }
    }
    auto results = read_labs(knowledge_, index_, observations_, unusable, results_, complete, now_);
    out_.facts.labs = results.labs;
    out_.doubtful = out_.doubtful || results.doubtful;
    for (auto& entry : results.entries) {
      out_.entries.push_back(std::move(entry));
    }
    for (auto& problem : results.problems) {
      if (out_.problems.size() < fhir::max_issues) {
        out_.problems.push_back(std::move(problem));
      } else {
        out_.problems.back().text = knowledge_.text("record-more");
      }
    }
    unread_ = std::move(results.beside);
  }

  void list_unread_results() {
    auto more = unread_results(
        index_, observations_, now_,
        [this](const RecordResource& resource) { return speaks_of_pregnancy(resource); },
        [this](const RecordResource& resource) {
          return is_too_old(effective_moment(resource.json));
        });
    unread_.insert(unread_.end(), std::make_move_iterator(more.told.begin()),
                   std::make_move_iterator(more.told.end()));
    for (auto& result : unread_) {
      const auto own = effective_text(result.resource->json);
      const auto date = own.empty() ? results_.report_date(*result.resource) : own;
      list_text(std::move(result.text), *result.resource, moment_in(date), result.is_current);
    }
    if (more.counted > 0) {
      say_count({}, "record-not-judged", {{"count", std::to_string(more.counted)}});
    }
  }

  // ---- what was set aside

  bool may_have_mattered(const RecordResource& resource) {
    const auto& json = resource.json;
    if (resource.type == "Patient") {
      return true;
    }
    if (resource.type == "FamilyMemberHistory") {
      return json.string_of("status") != "entered-in-error";
    }
    if (is_statement(resource.type)) {
      return is_in_force(json, resource.type, now_);
    }
    if (is_only_reasons(resource.type) || resource.type == "Appointment") {
      return gives_reasons(resource);
    }
    if (resource.type == "DiagnosticReport") {
      return !is_void_report(json) && has_own_words(json) && !is_too_old(report_moment(json));
    }
    if (resource.type == "Device") {
      return is_in_use(json);
    }
    if (resource.type == "Condition") {
      return condition_may_have_mattered(resource);
    }
    if (resource.type == "Procedure") {
      return procedure_may_have_mattered(resource);
    }
    if (is_medicine_use(resource.type)) {
      return medicine_may_have_mattered(resource);
    }
    // Of a result that is known by its code the laboratory decides.
    return resource.type == "Observation" && !is_void(json) &&
           !is_too_old(effective_moment(json)) &&
           (stated_by(json).meaning.pregnancies != 0 || !has_readable_code(resource));
  }

  bool condition_may_have_mattered(const RecordResource& resource) const {
    const auto& json = resource.json;
    const bool is_current = !is_over(json, now_);
    const auto named = index_.read_member(json, "code");
    const bool is_unread =
        !named.meaning.is_of_health() || !another_said(index_, json.find("code")).empty();
    return is_real_condition(json) &&
           (may_be_known(resource, named) || (is_current && is_unread) ||
            gives_reasons(resource, is_current) || (!is_current && has_late_note(json)));
  }

  bool procedure_may_have_mattered(const RecordResource& resource) const {
    const auto& json = resource.json;
    const auto named = index_.read_member(json, "code");
    const bool is_current = is_current_procedure(json);
    const auto focal = focal_devices_of(json);
    const bool lacks_device = std::any_of(focal.begin(), focal.end(), [&](const Json* device) {
      return !is_device_there(*device, resource);
    });
    return was_begun(json) &&
           (lacks_device || may_be_known(resource, named) ||
            (is_current && says_unread(json, named)) || gives_reasons(resource, is_current));
  }

  bool medicine_may_have_mattered(const RecordResource& resource) {
    if (!is_taken(resource.json, resource.type)) {
      return was_meant(resource.json) && gives_reasons(resource, false);
    }
    const auto named = medicines_.of(resource);
    const bool is_unread = named.meaning.medicines == 0 && named.meaning.cautions.empty();
    return is_unread || may_be_known(resource, named) || gives_reasons(resource, true);
  }

  // One of our bindings, or nobody knows which.
  static bool may_be_known(const RecordResource& resource, const Named& named) {
    const auto& meaning = named.meaning;
    return (meaning.medicines | meaning.conditions | meaning.pregnancies) != 0 || !named.told ||
           has_broken_code(resource);
  }

  bool has_readable_code(const RecordResource& resource) const {
    return !index_.read_member(resource.json, "code").name.empty() && !has_broken_code(resource);
  }

  // Of the resource, or of one of its components.
  static bool has_broken_code(const RecordResource& resource) {
    const auto problems = fhir::check_shape(resource.json);
    return std::any_of(problems.begin(), problems.end(), [&](const fhir::Issue& problem) {
      std::string_view place = problem.place;
      place.remove_prefix(std::min(place.size(), resource.type.size()));
      if (place.starts_with(".component[")) {
        place.remove_prefix(std::min(place.size(), place.find(']') + 1));
      }
      return place.starts_with(".code") || place.starts_with(".medication");
    });
  }

  // Older than any rule reads.
  bool is_too_old(const Moment& when) const {
    int longest = 0;
    for (const auto& lab : knowledge_.tape.labs) {
      longest = std::max(longest, static_cast<int>(lab.max_age));
    }
    return is_older(when, longest + 1);
  }

  // In any case.
  bool is_older(const Moment& when, int days) const {
    return when.last && now_ - *when.last > std::chrono::days(days);
  }

  // ---- common

  void say(std::string_view key, const RecordResource& resource,
           std::initializer_list<rules::Fill> values = {}) {
    say_at(resource.place, key, values);
  }

  void say_at(std::string place, std::string_view key, std::initializer_list<rules::Fill> values) {
    if (out_.problems.size() >= fhir::max_issues) {
      return;
    }
    const auto last = out_.problems.size() + 1 == fhir::max_issues;
    const auto text = rules::fill(knowledge_.text(last ? "record-more" : key), values);
    out_.problems.push_back(
        {"MF-3033", rules::fill(text, {{"place", place_in_words(knowledge_, place)}}), place});
  }

  void say_count(std::string place, std::string_view key,
                 std::initializer_list<rules::Fill> values) {
    out_.counts.push_back({"MF-3033", rules::fill(knowledge_.text(key), values), std::move(place)});
  }

  void assert_conditions(const Named& named, const RecordResource& resource, const Moment& when) {
    assert_options(RecordEntry::Kind::condition, bindings_.conditions, named.meaning.conditions,
                   named.name_or(resource.type), resource, when);
  }

  void assert_pregnancy(const Named& named, const RecordResource& resource, const Moment& when) {
    assert_options(RecordEntry::Kind::pregnancy, bindings_.pregnancy, named.meaning.pregnancies,
                   named.name_or(resource.type), resource, when);
  }

  void assert_options(RecordEntry::Kind kind, int item, std::uint64_t options, std::string text,
                      const RecordResource& resource, const Moment& when) {
    if (item < 0 || options == 0) {
      return;
    }
    const auto slot = static_cast<std::size_t>(item);
    out_.facts.chosen[slot] |= options;
    // A list in a record is never whole; sex and pregnancy have one answer.
    out_.facts.known[slot] = kind == RecordEntry::Kind::sex || kind == RecordEntry::Kind::pregnancy;
    add(kind, item, options, std::move(text), resource, when);
  }

  void add_cautions(const Named& named, const RecordResource& resource, const Moment& when) {
    for (const int place : named.meaning.cautions) {
      const auto& binding = bindings_.cautions[static_cast<std::size_t>(place)];
      add(RecordEntry::Kind::caution, -1, 0,
          binding.label + " (" + named.name_or(resource.type) + ")", resource, when,
          binding.caution);
    }
  }

  static RecordEntry entry_of(RecordEntry::Kind kind, int item, std::uint64_t options,
                              std::string text, const RecordResource& resource,
                              const Moment& when) {
    RecordEntry entry;
    entry.kind = kind;
    entry.item = item;
    entry.options = options;
    entry.text = std::move(text);
    entry.reference = resource.reference;
    entry.when = when.at;
    entry.date = when.day;
    entry.unread = kind == RecordEntry::Kind::test && item == no_workup;
    return entry;
  }

  // A medicine prescribed ten times is one fact, of the last time.
  void add(RecordEntry::Kind kind, int item, std::uint64_t options, std::string text,
           const RecordResource& resource, const Moment& when, const std::string& caution = {}) {
    auto& alike = said_[{kind, item, options, caution}];
    if (const auto known = alike.find(text); known != alike.end()) {
      auto& entry = out_.entries[known->second];
      if (entry.when < when.at) {
        entry = entry_of(kind, item, options, std::move(text), resource, when);
        entry.caution = caution;
      }
      return;
    }
    if (is_told_enough(kind, item, options, caution)) {
      if (cut_.insert({kind, item, 0, caution}).second) {
        say_at({}, "record-cut", {{"count", std::to_string(most_alike)}});
      }
      return;
    }
    alike.emplace(text, out_.entries.size());
    out_.entries.push_back(entry_of(kind, item, options, std::move(text), resource, when));
    out_.entries.back().caution = caution;
    for (const auto bit : bits_of(options)) {
      ++alike_[{kind, item, bit, caution}];
    }
  }

  // Every option by itself, so that the entries are bounded whatever options stand together, and
  // none of them is without words.
  bool is_told_enough(RecordEntry::Kind kind, int item, std::uint64_t options,
                      const std::string& caution) {
    const auto bits = bits_of(options);
    return std::all_of(bits.begin(), bits.end(), [&](std::uint64_t bit) {
      return alike_[{kind, item, bit, caution}] >= most_alike;
    });
  }

  // Each of the options; 0 for none.
  static std::vector<std::uint64_t> bits_of(std::uint64_t options) {
    std::vector<std::uint64_t> bits;
    for (auto left = options; left != 0; left &= left - 1) {
      bits.push_back(left & (~left + 1));
    }
    return bits.empty() ? std::vector<std::uint64_t>{0} : bits;
  }

  const rules::Knowledge& knowledge_;
  const rules::Bindings& bindings_;
  std::span<const RecordResource> record_, set_aside_;
  rules::Instant now_;
  const ConceptIndex& index_;
  Medicines medicines_;
  ReasonReader reasons_;
  RecordIndex devices_;
  std::set<std::pair<std::string_view, std::string>> contained_devices_;  // place, "#id"
  std::vector<const RecordResource*> observations_;
  std::set<std::pair<int, int>> ages_;  // youngest and oldest, by each date of birth
  std::set<int> alike_ages_;            // of them those that are one to every rule
  // By kind and meaning: the words -> their place in the entries.
  std::map<std::tuple<RecordEntry::Kind, int, std::uint64_t, std::string>,
           std::map<std::string, std::size_t>>
      said_;
  // Entries that say an option, and of which kinds and options there were more than are kept.
  std::map<std::tuple<RecordEntry::Kind, int, std::uint64_t, std::string>, std::size_t> alike_;
  std::set<std::tuple<RecordEntry::Kind, int, std::uint64_t, std::string>> cut_;
  std::map<std::pair<int, Result>, std::size_t> tests_;  // workup -> its place in the entries
  Results results_;
  bool lacks_results_ = false;  // a result is named that is not there
  static constexpr auto nowhere = std::numeric_limits<std::size_t>::max();
  std::size_t unread_at_ = nowhere;  // among the problems: that something is read by no rule
  std::set<std::string> unread_places_;
  std::vector<UnreadResult> unread_;
  std::vector<Text> texts_;
  std::set<const RecordResource*> heard_;  // whose words are among the unread
  RecordContext out_;
};

}  // namespace

RecordContext read_record(const ConceptIndex& concepts, std::span<const RecordResource> record,
                          bool complete, rules::Instant now,
                          std::span<const RecordResource> set_aside) {
  return Reader(concepts, record, set_aside, now).read(complete);
}

}  // namespace myoflag::mapping
