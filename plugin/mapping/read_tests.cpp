#include <iterator>

#include "fhir/datetime.h"
#include "fhir/issue.h"
#include "plugin/mapping/record_labs.h"
#include "plugin/mapping/record_reader.h"
#include "plugin/mapping/record_statements.h"
#include "plugin/mapping/record_status.h"
#include "plugin/mapping/record_values.h"
#include "rules/texts.h"

namespace myoflag::mapping {

using fhir::Json;

void RecordReader::read_observation(const RecordResource& resource) {
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

void RecordReader::read_report(const RecordResource& resource) {
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

Moment RecordReader::report_moment(const Json& report) {
  return is_open_period(report, "effective")
             ? effective_moment(report)
             : first_moment({effective_text(report), report.string_of("issued")});
}

// What an old one says is still for people to read, and alarms nobody.
void RecordReader::list_report(const Named& named, const RecordResource& resource,
                               const Moment& when, const Results::Found& results) {
  const bool is_current = !is_too_old(when);
  if (is_current) {
    const bool is_beside = results.one_read || !results.all_there;
    say(is_beside ? "record-report-words" : "record-report-unread", resource);
  }
  list_text(with_words(named.name_or(resource.type), report_words(resource.json)), resource, when,
            is_current);
}

void RecordReader::miss_results(const RecordResource& resource) {
  say("record-result-missing", resource);
  lacks_results_ = true;
  out_.doubtful = true;
}

void RecordReader::read_order(const RecordResource& resource) {
  if (!is_ordered(resource.json)) {
    return;
  }
  auto named = index_.read_member(resource.json, "code");
  named.name =
      rules::fill(knowledge_.text("record-ordered"), {{"test", named.name_or(resource.type)}});
  add_tests(named, resource, moment_in(resource.json.string_of("authoredOn")));
}

// Of each test the last time up to now, and the last whose result was not read.
void RecordReader::add_tests(const Named& named, const RecordResource& resource, const Moment& when,
                             Result result) {
  if (when.at && *when.at > now_) {
    return;
  }
  for (const int workup : named.meaning.workups) {
    const auto [known, is_new] = tests_.try_emplace(std::pair(workup, result), out_.entries.size());
    auto entry =
        entry_of(RecordEntry::Kind::test, workup, 0, named.name_or(resource.type), resource, when);
    entry.unread = result == Result::unread;
    if (is_new) {
      out_.entries.push_back(std::move(entry));
    } else if (out_.entries[known->second].when < when.at) {
      out_.entries[known->second] = std::move(entry);
    }
  }
}

void RecordReader::read_appointment(const RecordResource& resource) {
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

void RecordReader::read_laboratory(bool complete) {
  std::vector<const RecordResource*> unusable;
  for (const auto& resource : set_aside_) {
    if (resource.type == "Observation") {
      unusable.push_back(&resource);
    }
  }
  auto results = read_labs(knowledge_, index_, observations_, unusable, results_, complete, now_);
  out_.facts.labs = results.labs;
  out_.doubtful_labs = results.doubtful;
  out_.doubtful = out_.doubtful || results.has_unread_note;
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

void RecordReader::list_unread_results() {
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
    const auto date = own.empty() ? results_.report_date(*result.resource).text : own;
    list_text(std::move(result.text), *result.resource, moment_in(date), result.is_current);
  }
  for (auto& result : more.unjudged) {
    list_unjudged(std::move(result.text), moment_in(effective_text(result.resource->json)));
  }
}

}  // namespace myoflag::mapping
