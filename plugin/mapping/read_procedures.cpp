#include <algorithm>

#include "plugin/mapping/record_reader.h"
#include "plugin/mapping/record_statements.h"
#include "plugin/mapping/record_status.h"
#include "plugin/mapping/record_values.h"
#include "rules/texts.h"

namespace myoflag::mapping {

using fhir::Json;

void RecordReader::read_procedure(const RecordResource& resource) {
  if (!was_begun(resource.json)) {
    return;
  }
  const auto named = index_.read_member(resource.json, "code");
  doubt_untold(named, resource);
  const auto when = performed_moment(resource.json);
  assert_conditions(named, resource, when);
  add_cautions(named, resource, when);
  if (is_completed(resource.json)) {
    add_tests(named, resource, when);
  }
  // A treatment may be named by its kind alone.
  assert_conditions(index_.read_member(resource.json, "category"), resource, when);
  const bool is_current = is_current_procedure(resource.json);
  const auto said = read_reasons(resource, when, is_current);
  if (is_current && (said.is_unread || is_name_unread(resource.json, named))) {
    const auto words = said.is_unread ? or_unnamed(said.words) : std::string();
    list_text(with_words(named.name_or(resource.type), words), resource, when);
  }
  for (const auto* device : focal_devices_of(resource.json)) {
    if (!is_device_there(*device, resource)) {
      list_focal_device(*device, resource);
    }
  }
}

bool RecordReader::is_completed(const Json& procedure) {
  return procedure.string_of("status") == "completed";
}

bool RecordReader::is_current_procedure(const Json& procedure) const {
  return !is_older(performed_moment(procedure), knowledge_.staleness.lab_days) ||
         is_going_on(procedure);
}

bool RecordReader::is_name_unread(const Json& procedure, const Named& named) {
  const auto& meaning = named.meaning;
  const bool is_read =
      meaning.conditions != 0 || (is_completed(procedure) && !meaning.workups.empty());
  return !is_read && !named.name.empty();
}

// However long ago: it may be implanted still.
void RecordReader::list_focal_device(const Json& reference, const RecordResource& resource) {
  Named named;
  index_.read_text(reference.string_of("display"), named);
  add_cautions(named, resource, {});
  if (named.meaning.cautions.empty()) {
    list_device(named.name, resource);
  }
}

void RecordReader::add_device(const RecordResource& resource) {
  if (resource.type != "Device") {
    return;
  }
  if (resource.within.empty()) {
    devices_.add(resource);
  } else {
    contained_devices_.emplace(resource.within, '#' + std::string(resource.json.string_of("id")));
  }
}

bool RecordReader::is_device_there(const Json& reference, const RecordResource& from) const {
  const auto text = reference.string_of("reference");
  const std::string_view place = from.within.empty() ? from.place : from.within;
  return text.starts_with('#') ? contained_devices_.contains({place, std::string(text)})
                               : devices_.find(text, from.full_url) != nullptr;
}

void RecordReader::read_device(const RecordResource& resource) {
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
void RecordReader::list_device(const std::string& name, const RecordResource& resource) {
  add_device_cautions(name, resource);
  list_text(name.empty() ? statement_text(resource, {}) : name, resource, {});
}

void RecordReader::add_device_cautions(const std::string& name, const RecordResource& resource) {
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

}  // namespace myoflag::mapping
