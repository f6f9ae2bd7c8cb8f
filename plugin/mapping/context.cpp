#include "plugin/mapping/context.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "plugin/mapping/patient_identity.h"
#include "plugin/mapping/record_reader.h"
#include "plugin/mapping/record_statements.h"
#include "plugin/mapping/record_status.h"

namespace myoflag::mapping {

RecordReader::RecordReader(const ConceptIndex& concepts, std::span<const RecordResource> record,
                           std::span<const RecordResource> set_aside, rules::Instant now)
    : RecordTeller(concepts.knowledge()),
      record_(record),
      set_aside_(set_aside),
      now_(now),
      index_(concepts),
      medicines_(index_),
      reasons_(knowledge_, index_),
      sweep_(index_, reasons_) {}

RecordContext RecordReader::read(bool complete) {
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
  tell_mentions();
  list_texts();
  for (const auto& resource : set_aside_) {
    out_.doubtful = out_.doubtful || may_have_mattered(resource);
  }
  say_unjudged();
  say_unread_types();
  settle_doubt();
  return std::move(out_);
}

void RecordReader::settle_doubt() {
  if (out_.doubtful) {
    out_.doubtful_labs.reset();
  }
  out_.doubtful = out_.doubtful || out_.doubtful_labs.any();
}

// Whoever refers to it needs not say what it is: it is used or told where it stands, or it denies
// what it names. A person is no reason.
bool RecordReader::speaks_for_itself(const RecordResource& resource) const {
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
    return is_in_force(json, type, now_) && !is_too_old(statement_moment(json));
  }
  if (is_only_reasons(type)) {
    return !says_no_reason(knowledge_, json) && standing_of(json) == Standing::current &&
           !is_too_old(moment_in(reason_time(json)));
  }
  if (type.starts_with("Medication") && has_reasons(type)) {
    return is_taken(json, type);
  }
  return type == "Patient" || (type == "FamilyMemberHistory" && says_of_relative(json)) ||
         (type == "Device" && is_in_use(json));
}

void RecordReader::take_report_dates() {
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

void RecordReader::read_resource(const RecordResource& resource) {
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
void RecordReader::say_unread_types() {
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

// Older than any rule reads.
bool RecordReader::is_too_old(const Moment& when) const {
  int longest = 0;
  for (const auto& lab : knowledge_.tape.labs) {
    longest = std::max(longest, static_cast<int>(lab.max_age));
  }
  return is_older(when, longest + 1);
}

// In any case.
bool RecordReader::is_older(const Moment& when, int days) const {
  return when.last && now_ - *when.last > std::chrono::days(days);
}

RecordContext read_record(const ConceptIndex& concepts, std::span<const RecordResource> record,
                          bool complete, rules::Instant now,
                          std::span<const RecordResource> set_aside) {
  return RecordReader(concepts, record, set_aside, now).read(complete);
}

}  // namespace myoflag::mapping
