#include <map>

#include "fhir/datetime.h"
#include "plugin/mapping/one_of.h"
#include "plugin/mapping/record_reader.h"
#include "plugin/mapping/record_status.h"

namespace myoflag::mapping {

using fhir::Json;

void RecordReader::read_pregnancy_observations() {
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

void RecordReader::read_pregnancy(const RecordResource& resource, const Moment& when) {
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

bool RecordReader::speaks(const RecordResource& observation) const {
  const auto date = fhir::parse_date_time(effective_text(observation.json));
  return !is_void(observation.json) && has_own_value(observation.json) &&
         !(date && is_certainly_future(*date, now_));
}

// A length of time or a day to come, of something that the knowledge calls a pregnancy: its weeks
// so far, the day of birth. What is older than a result may be was another pregnancy.
bool RecordReader::implies_pregnancy(const RecordResource& resource) const {
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

bool RecordReader::speaks_of_pregnancy(const RecordResource& observation) const {
  return speaks(observation) &&
         (index_.asks_for_pregnancy(observation.json) ||
          stated_by(observation.json).meaning.pregnancies != 0 || implies_pregnancy(observation));
}

// What an Observation says is there: its coded value, or its code when the value is a plain yes.
Named RecordReader::stated_by(const Json& observation) const {
  if (index_.denies_pregnancy(observation.find("valueCodeableConcept"))) {
    return {};
  }
  auto named = index_.read_member(observation, "valueCodeableConcept");
  if (is_true(observation, "valueBoolean")) {
    index_.read(observation.find("code"), named);
  }
  return named;
}

}  // namespace myoflag::mapping
