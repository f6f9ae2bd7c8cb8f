#include <algorithm>

#include "fhir/answer_value.h"
#include "plugin/mapping/record_reader.h"
#include "plugin/mapping/record_statements.h"
#include "plugin/mapping/record_status.h"
#include "plugin/mapping/record_values.h"
#include "rules/texts.h"

namespace myoflag::mapping {

using fhir::Json;

void RecordReader::read_condition(const RecordResource& resource) {
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
  if (is_unread && index_.is_calm_condition(resource.json.find("code"))) {
    list_unjudged(named.name, when);
  } else if (is_unread) {
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
bool RecordReader::has_late_note(const Json& condition) const {
  const auto& notes = condition.array_of("note");
  return std::any_of(notes.begin(), notes.end(), [&](const Json& note) {
    const auto time = note.string_of("time");
    const auto when = time.empty() ? abatement_text(condition) : time;
    return !fhir::is_blank(note.string_of("text")) && !is_too_old(moment_in(when));
  });
}

void RecordReader::list_noted(const Named& named, const RecordResource& resource,
                              const Moment& when) {
  const auto said = reasons_.of(resource);
  list_text(with_words(named.name_or(resource.type), or_unnamed(said.words)), resource, when);
}

// Its end may have been a birth, after which some dangers last for weeks.
void RecordReader::list_past_pregnancy(const Named& named, const RecordResource& resource,
                                       const Moment& when) {
  const auto end = moment_in(abatement_text(resource.json));
  list_unread({RecordEntry::Kind::condition, bindings_.conditions}, named, resource, when,
              end.at && !is_too_old(end));
}

void RecordReader::read_statement(const RecordResource& resource) {
  if (standing_of(resource.json) == Standing::withdrawn) {
    return;
  }
  const auto when = statement_moment(resource.json);
  const bool is_listed = is_in_force(resource.json, resource.type, now_);
  const bool is_current = is_listed && !is_too_old(when);
  const auto said = read_reasons(resource, when, is_current);
  if (is_listed) {
    list_text(statement_text(resource, together(statement_words(resource.json), said.words)),
              resource, when, is_current);
  }
}

// What the patient was asked about relatives is read from the answers alone.
void RecordReader::read_family(const RecordResource& resource) {
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

bool RecordReader::says_of_relative(const Json& json) {
  return json.string_of("status") != "entered-in-error" &&
         (!json.array_of("condition").empty() || !family_words(json).empty() || has_note(json) ||
          has_narrative(json));
}

void RecordReader::read_entry(const RecordResource& resource) {
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
void RecordReader::list_reasons(const Named& named, const RecordResource& resource,
                                const Moment& when, bool is_current) {
  const auto said = read_reasons(resource, when, is_current);
  if (is_current && said.is_unread) {
    const auto words = or_unnamed(together(said.name, said.words));
    list_text(with_words(named.name_or(resource.type), words), resource, when);
  }
}

// The form asks for what a person has or has had; a pregnancy is of now.
Reasons RecordReader::read_reasons(const RecordResource& resource, const Moment& when,
                                   bool is_current) {
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
bool RecordReader::gives_reasons(const RecordResource& resource, bool is_current) const {
  const auto said = reasons_.of(resource);
  return (is_current && (said.is_unread || !said.known.empty())) ||
         std::any_of(said.known.begin(), said.known.end(),
                     [](const Named& known) { return known.meaning.conditions != 0; });
}

bool RecordReader::gives_reasons(const RecordResource& resource) const {
  const auto standing = standing_of(resource.json);
  const bool is_old = is_too_old(moment_in(reason_time(resource.json)));
  return standing != Standing::withdrawn &&
         gives_reasons(resource, standing == Standing::current && !is_old);
}

}  // namespace myoflag::mapping
