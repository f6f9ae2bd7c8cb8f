#include <algorithm>

#include "fhir/structure.h"
#include "plugin/mapping/record_reader.h"
#include "plugin/mapping/record_statements.h"
#include "plugin/mapping/record_status.h"

namespace myoflag::mapping {

using fhir::Json;

bool RecordReader::may_have_mattered(const RecordResource& resource) {
  return is_of_weight(resource) || !mentions_of(resource).empty();
}

bool RecordReader::is_of_weight(const RecordResource& resource) {
  const auto& json = resource.json;
  if (resource.type == "Patient") {
    return true;
  }
  if (resource.type == "FamilyMemberHistory") {
    return json.string_of("status") != "entered-in-error";
  }
  if (is_statement(resource.type)) {
    return is_in_force(json, resource.type, now_) ||
           (standing_of(json) != Standing::withdrawn && gives_reasons(resource, false));
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
  return resource.type == "Observation" && !is_void(json) && !is_too_old(effective_moment(json)) &&
         (stated_by(json).meaning.pregnancies != 0 || !has_readable_code(resource));
}

bool RecordReader::condition_may_have_mattered(const RecordResource& resource) const {
  const auto& json = resource.json;
  const bool is_current = !is_over(json, now_);
  const auto named = index_.read_member(json, "code");
  const bool is_unread =
      !named.meaning.is_of_health() || !another_said(index_, json.find("code")).empty();
  return is_real_condition(json) &&
         (may_be_known(resource, named) || (is_current && is_unread) ||
          gives_reasons(resource, is_current) || (!is_current && has_late_note(json)));
}

bool RecordReader::procedure_may_have_mattered(const RecordResource& resource) const {
  const auto& json = resource.json;
  const auto named = index_.read_member(json, "code");
  const bool is_current = is_current_procedure(json);
  const auto focal = focal_devices_of(json);
  const bool lacks_device = std::any_of(focal.begin(), focal.end(), [&](const Json* device) {
    return !is_device_there(*device, resource);
  });
  return was_begun(json) &&
         (lacks_device || may_be_known(resource, named) ||
          (is_current && is_name_unread(json, named)) || gives_reasons(resource, is_current));
}

bool RecordReader::medicine_may_have_mattered(const RecordResource& resource) {
  if (!is_taken(resource.json, resource.type)) {
    return was_meant(resource.json) && gives_reasons(resource, false);
  }
  const auto named = medicines_.of(resource);
  const bool is_unread = named.meaning.medicines == 0 && named.meaning.cautions.empty();
  return is_unread || may_be_known(resource, named) || gives_reasons(resource, true);
}

// One of our bindings, or nobody knows which.
bool RecordReader::may_be_known(const RecordResource& resource, const Named& named) {
  const auto& meaning = named.meaning;
  return (meaning.medicines | meaning.conditions | meaning.pregnancies) != 0 || !named.told ||
         has_broken_code(resource);
}

bool RecordReader::has_readable_code(const RecordResource& resource) const {
  return !index_.read_member(resource.json, "code").name.empty() && !has_broken_code(resource);
}

// Of the resource, or of one of its components.
bool RecordReader::has_broken_code(const RecordResource& resource) {
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

}  // namespace myoflag::mapping
