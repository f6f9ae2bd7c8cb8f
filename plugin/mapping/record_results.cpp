#include "plugin/mapping/record_results.h"

#include <algorithm>
#include <utility>

#include "fhir/datetime.h"
#include "plugin/mapping/patient_identity.h"
#include "plugin/mapping/record_dates.h"
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

// Of the sample, else of the report.
Extent own_date(const Json& report) {
  const auto is_to_the_day = [](const std::optional<fhir::DateTime>& date) {
    return date && date->precision >= fhir::Precision::day;
  };
  const auto extent = effective_extent(report);
  if (is_to_the_day(extent.last) || (extent.first && !extent.last)) {
    return extent;
  }
  const auto text = report.string_of("issued");
  const auto issued = fhir::parse_date_time(text);
  return is_to_the_day(issued) ? Extent{text, issued, issued, true} : Extent{};
}

// Later: it ends later, or begins later.
bool is_later(const Extent& a, const Extent& b) {
  const auto moments = [](const Extent& extent) {
    const auto moment = [](const std::optional<fhir::DateTime>& date, rules::Instant otherwise) {
      return date ? moment_of(*date) : otherwise;
    };
    return std::pair(moment(extent.last, rules::Instant::max()),
                     moment(extent.first, rules::Instant::min()));
  };
  return moments(b) < moments(a);
}

}  // namespace

void Results::add(const RecordResource& observation, Use use) {
  if (observation.within.empty()) {
    index_.add(observation);
  } else {
    const auto id = '#' + std::string(observation.json.string_of("id"));
    const auto [known, is_new] =
        inside_.try_emplace(std::pair(std::string_view(observation.within), id), &observation);
    if (!is_new && known->second != nullptr && known->second->json != observation.json) {
      known->second = nullptr;
    }
    contained_[observation.within].push_back(&observation);
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

bool Results::says_value(const RecordResource& observation) {
  const auto [known, is_new] = says_value_.try_emplace(&observation, false);
  if (is_new) {
    known->second = read_.contains(&observation) && is_final(observation.json) &&
                    has_value_inside(observation.json);
  }
  return known->second;
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

// Of panels that have their date from a report themselves, one level: deeper ones are not met.
void Results::take_dates(const std::vector<const RecordResource*>& reports) {
  for (const auto* report : reports) {
    if (const auto date = own_date(report->json); !date.is_empty()) {
      give_date(*report, date);
    }
  }
  std::vector<std::pair<const RecordResource*, Extent>> inherited;
  for (const auto* report : reports) {
    const auto date = report_date(*report);
    if (!date.is_empty() && own_date(report->json).is_empty()) {
      inherited.emplace_back(report, date);
    }
  }
  for (const auto& [panel, date] : inherited) {
    give_date(*panel, date);
  }
}

void Results::give_date(const RecordResource& report, const Extent& date) {
  for (const auto& reference : references_of(report)) {
    if (const auto* result = may_be_result(reference) ? find(reference, report) : nullptr) {
      give_date_to(*result, date);
    }
  }
  if (const auto inside = contained_.find(report.place); inside != contained_.end()) {
    for (const auto* result : inside->second) {
      give_date_to(*result, date);
    }
  }
}

void Results::give_date_to(const RecordResource& observation, const Extent& date) {
  if (!effective_text(observation.json).empty()) {
    return;
  }
  const auto [known, is_new] = report_dates_.try_emplace(&observation, date);
  if (!is_new && is_later(date, known->second)) {
    known->second = date;
  }
}

Extent Results::report_date(const RecordResource& observation) const {
  const auto known = report_dates_.find(&observation);
  return known == report_dates_.end() ? Extent() : known->second;
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
