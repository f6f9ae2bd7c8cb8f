#include "plugin/mapping/record_labs.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "fhir/datetime.h"
#include "plugin/mapping/record_concepts.h"
#include "plugin/mapping/record_dates.h"
#include "plugin/mapping/units.h"

namespace myoflag::mapping {

namespace {

using fhir::Json;
using rules::Instant;
using rules::Lab;
using rules::LabBinding;
using rules::LabState;
using rules::RecordEntry;

constexpr std::chrono::minutes clock_skew{5};

struct Result {
  const RecordResource* resource = nullptr;
  bool unfinished = false;
  std::optional<Instant> when;  // of the sample
  std::optional<Instant> issued;
  std::optional<rules::Number> value;
  std::string_view problem;
  std::string text;  // as the record words it
};

bool is_final(std::string_view status) {
  return status == "final" || status == "amended" || status == "corrected";
}

bool is_void(std::string_view status) {
  return status == "registered" || status == "cancelled" || status == "entered-in-error";
}

// The Observation or the component of it that is this test.
const Json* part_of(const LabBinding& lab, const Json& observation) {
  const auto is_lab = [&lab](const Json& part) {
    const auto* code = part.find("code");
    if (code == nullptr) {
      return false;
    }
    const Concepts concepts{*code};
    return std::any_of(lab.codes.begin(), lab.codes.end(),
                       [&](const rules::Coding& known) { return has_code(concepts, known); });
  };
  if (is_lab(observation)) {
    return &observation;
  }
  for (const auto& component : observation.array_of("component")) {
    if (is_lab(component)) {
      return &component;
    }
  }
  return nullptr;
}

std::string value_text(const Json& part) {
  const auto* quantity = part.find("valueQuantity");
  if (quantity == nullptr) {
    return std::string(part.string_of("valueString"));
  }
  const auto* value = quantity->find("value");
  const auto* number = value == nullptr ? nullptr : value->as_number();
  const auto unit =
      quantity->has("unit") ? quantity->string_of("unit") : quantity->string_of("code");
  std::string text;
  for (const auto piece :
       {quantity->string_of("comparator"),
        std::string_view(number == nullptr ? std::string_view() : number->text), unit}) {
    if (!piece.empty()) {
      text += text.empty() ? "" : " ";
      text += piece;
    }
  }
  return text;
}

void date(const Json& observation, Instant now, Result& result) {
  const auto sampled = effective_text(observation);
  const auto parsed = fhir::parse_date_time(sampled);
  if (!parsed || parsed->precision < fhir::Precision::day) {
    result.problem = "its date is missing or not known to the day";
    return;
  }
  result.when = moment_of(sampled);
  if (fhir::earliest(*parsed) > now + clock_skew) {
    result.problem = "it is dated in the future";
  }
}

Result result_of(const LabBinding& lab, const RecordResource& resource, const Json& part,
                 Instant now) {
  Result result;
  result.resource = &resource;
  result.unfinished = !is_final(resource.json.string_of("status"));
  result.issued = moment_of(resource.json.string_of("issued"));
  result.text = value_text(part);
  date(resource.json, now, result);
  if (!result.problem.empty()) {
    return result;
  }
  if (result.unfinished) {
    result.problem = "it is not final";
    return result;
  }
  const auto value = lab_value(lab, part);
  if (value) {
    result.value = *value;
  } else {
    result.problem = reason(value.error());
  }
  return result;
}

auto age_key(const Result& result) { return std::tie(result.when, result.issued); }

RecordEntry entry_of(int lab, const Result& result) {
  RecordEntry entry;
  entry.kind = RecordEntry::Kind::lab;
  entry.item = lab;
  entry.text = result.text;
  entry.reference = result.resource->reference;
  entry.when = result.when;
  return entry;
}

Lab known_lab(const Result& result, Instant now) {
  Lab lab;
  lab.state = LabState::known;
  lab.value = *result.value;
  const auto age = std::chrono::floor<std::chrono::days>(now - *result.when);
  lab.age_days = std::max(0, static_cast<int>(age.count()));
  return lab;
}

std::vector<Result> results_of(const LabBinding& lab,
                               const std::vector<const RecordResource*>& observations,
                               Instant now) {
  std::vector<Result> results;
  for (const auto* resource : observations) {
    if (is_void(resource->json.string_of("status"))) {
      continue;
    }
    if (const auto* part = part_of(lab, resource->json)) {
      results.push_back(result_of(lab, *resource, *part, now));
    }
  }
  std::stable_sort(results.begin(), results.end(),
                   [](const Result& a, const Result& b) { return age_key(b) < age_key(a); });
  return results;
}

}  // namespace

LabResults read_labs(const rules::Knowledge& knowledge,
                     const std::vector<const RecordResource*>& observations, bool complete,
                     Instant now) {
  LabResults out;
  for (std::size_t i = 0; i < knowledge.labs.size(); ++i) {
    const auto& lab = knowledge.labs[i];
    const auto results = results_of(lab, observations, now);
    const auto used = std::find_if(results.begin(), results.end(),
                                   [](const Result& result) { return result.value.has_value(); });
    if (results.empty()) {
      out.labs[i].state =
          complete && !observations.empty() ? LabState::none : LabState::not_fetched;
      continue;
    }
    const auto& shown = used == results.end() ? results.front() : *used;
    out.entries.push_back(entry_of(static_cast<int>(i), shown));
    out.labs[i].state = LabState::unusable;
    if (used != results.end()) {
      out.labs[i] = known_lab(*used, now);
    }
    // What is newer than the value used, or has no date to tell.
    for (const auto& result : results) {
      const bool older = used != results.end() && result.when && age_key(result) < age_key(*used);
      if (!result.problem.empty() && !older) {
        out.problems.push_back(
            fmt::format("a result of {} was not used, because {}", lab.title, result.problem));
      }
    }
  }
  return out;
}

}  // namespace myoflag::mapping
