#include "plugin/mapping/record_reader.h"
#include "plugin/mapping/record_status.h"
#include "plugin/mapping/record_unread.h"
#include "plugin/mapping/record_values.h"
#include "rules/texts.h"

namespace myoflag::mapping {

using fhir::Json;

void RecordReader::read_medicine(const RecordResource& resource) {
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

namespace {

std::string_view end_in(const Json* owner, std::string_view name) {
  const auto* period = owner == nullptr ? nullptr : owner->find(name);
  return period == nullptr ? std::string_view() : period->string_of("end");
}

// What ran its course: when it was to end, at the latest; else when it was begun or asked for.
Moment end_of_course(const Json& medicine) {
  Moment latest = first_moment({end_in(medicine.find("dispenseRequest"), "validityPeriod"),
                                effective_text(medicine), medicine.string_of("authoredOn"),
                                medicine.string_of("dateAsserted")});
  for (const auto& dosage : medicine.array_of("dosageInstruction")) {
    const auto* timing = dosage.find("timing");
    const auto* repeat = timing == nullptr ? nullptr : timing->find("repeat");
    const auto end = moment_in(end_in(repeat, "boundsPeriod"));
    if (end.last && latest.last && *end.last > *latest.last) {
      latest = end;
    }
  }
  return latest;
}

// What was stopped: the first moment at which it certainly was; when it was begun tells nothing.
// Without a last moment where nobody knows.
Moment end_of_stopped(const Json& medicine) {
  const auto* meta = medicine.find("meta");
  Moment earliest;
  for (const auto text : {end_in(&medicine, "effectivePeriod"), medicine.string_of("dateAsserted"),
                          meta == nullptr ? std::string_view() : meta->string_of("lastUpdated")}) {
    const auto moment = moment_in(text);
    if (moment.last && (!earliest.last || *moment.last < *earliest.last)) {
      earliest = moment;
    }
  }
  return earliest;
}

}  // namespace

// The form asks for what is taken. What ended of late may act still, or be missed.
void RecordReader::list_ended(const RecordResource& resource) {
  const auto named = medicines_.of(resource);
  const bool ran_its_course = resource.json.string_of("status") == "completed";
  const auto when = ran_its_course ? end_of_course(resource.json) : end_of_stopped(resource.json);
  if (named.meaning.medicines != 0 && !is_too_old(when)) {
    list_text(rules::fill(knowledge_.text("record-medicine-ended"),
                          {{"medicine", named.name_or(resource.type)}}),
              resource, when);
  }
}

// Who has a level of a medicine takes it, or took it: what the knowledge knows both as a medicine
// and as a laboratory value.
void RecordReader::assert_measured_medicines() {
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
void RecordReader::assert_measured_medicine(const RecordResource& resource, const Json& part) {
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

}  // namespace myoflag::mapping
