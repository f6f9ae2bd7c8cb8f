#include "plugin/mapping/record_results.h"

#include <algorithm>

#include "plugin/mapping/patient_identity.h"
#include "plugin/mapping/record_status.h"

namespace myoflag::mapping {

namespace {

using fhir::Json;

const Json::Array& references_of(const RecordResource& report) {
  return report.json.array_of(report.type == "DiagnosticReport" ? "result" : "hasMember");
}

// A member may also be a QuestionnaireResponse or a sequence, which hold no results.
bool may_be_result(const Json& reference) {
  const auto key = reference_key(reference.string_of("reference"));
  const auto type = key.type();
  const auto stated = reference.string_of("type");
  return (type.empty() || type == "Observation") && (stated.empty() || stated == "Observation");
}

}  // namespace

void Results::add(const RecordResource& observation, Use use) {
  if (observation.within.empty()) {
    index_.add(observation);
  } else {
    const auto id = '#' + std::string(observation.json.string_of("id"));
    inside_.emplace(std::pair(std::string_view(observation.within), id), &observation);
  }
  if (use == Use::read) {
    read_.insert(&observation);
  }
}

const RecordResource* Results::find(const Json& reference, const RecordResource& from) const {
  const auto text = reference.string_of("reference");
  if (!text.starts_with('#')) {
    return text.empty() ? nullptr : index_.find(text, from.full_url);
  }
  const std::string_view place = from.within.empty() ? from.place : from.within;
  const auto found = inside_.find(std::pair(place, std::string(text)));
  return found == inside_.end() ? nullptr : found->second;
}

bool Results::says_value(const RecordResource& observation) const {
  return read_.contains(&observation) && is_final(observation.json) &&
         has_value_inside(observation.json);
}

bool Results::has_read_member(const RecordResource& panel) {
  const auto [known, is_new] = panels_.try_emplace(&panel, false);
  if (is_new && read_.contains(&panel) && is_final(panel.json)) {
    const auto& members = references_of(panel);
    known->second = std::any_of(members.begin(), members.end(), [&](const Json& reference) {
      const auto* member = find(reference, panel);
      return member != nullptr && says_value(*member);
    });
  }
  return known->second;
}

Results::Found Results::of(const RecordResource& report) {
  Found found;
  for (const auto& reference : references_of(report)) {
    if (!may_be_result(reference)) {
      continue;
    }
    const auto* result = find(reference, report);
    found.all_there = found.all_there && result != nullptr;
    found.one_read =
        found.one_read || (result != nullptr && (says_value(*result) || has_read_member(*result)));
  }
  return found;
}

}  // namespace myoflag::mapping
