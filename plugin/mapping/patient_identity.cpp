#include "plugin/mapping/patient_identity.h"

#include <algorithm>
#include <utility>

namespace myoflag::mapping {

using fhir::Json;

namespace {

ReferenceKey key_of_patient(const Json& patient, std::string_view full_url) {
  const auto id = patient.string_of("id");
  return id.empty() ? ReferenceKey{}
                    : ReferenceKey{reference_key(full_url).base, "Patient/" + std::string(id)};
}

}  // namespace

std::string_view ReferenceKey::type() const {
  const std::string_view text = tail;
  const auto slash = text.find('/');
  return slash == std::string_view::npos ? std::string_view() : text.substr(0, slash);
}

ReferenceKey reference_key(std::string_view reference) {
  if (reference.starts_with('#')) {
    return {};
  }
  if (reference.starts_with("urn:")) {
    return {{}, std::string(reference)};
  }
  reference = reference.substr(0, reference.find("/_history/"));
  const auto last = reference.rfind('/');
  if (last == std::string_view::npos || last == 0) {
    return {{}, std::string(reference)};
  }
  const auto before = reference.rfind('/', last - 1);
  if (before == std::string_view::npos) {
    return {{}, std::string(reference)};
  }
  return {std::string(reference.substr(0, before + 1)), std::string(reference.substr(before + 1))};
}

bool same_reference(const ReferenceKey& a, const ReferenceKey& b) {
  return !a.empty() && a.tail == b.tail && (a.base.empty() || b.base.empty() || a.base == b.base);
}

ReferenceKey reference_in_entry(std::string_view reference, std::string_view full_url) {
  auto key = reference_key(reference);
  if (key.base.empty() && !key.type().empty()) {
    key.base = reference_key(full_url).base;
  }
  return key;
}

PatientIdentity::Identifier PatientIdentity::identifier_of(const Json& json) {
  return {std::string(json.string_of("system")), std::string(json.string_of("value"))};
}

bool PatientIdentity::has(const ReferenceKey& key) const {
  return std::any_of(keys_.begin(), keys_.end(),
                     [&](const ReferenceKey& known) { return same_reference(known, key); });
}

bool PatientIdentity::has(const Identifier& identifier) const {
  return !identifier.value.empty() &&
         std::find(identifiers_.begin(), identifiers_.end(), identifier) != identifiers_.end();
}

// A relative key says less than one of a server; where both name the same id, only the latter is
// kept, so that the same id on another server is somebody else.
void PatientIdentity::add_key(ReferenceKey key) {
  if (key.empty()) {
    return;
  }
  if (!key.base.empty()) {
    std::erase_if(keys_, [&](const ReferenceKey& known) {
      return known.base.empty() && known.tail == key.tail;
    });
  } else if (has(key)) {
    return;
  }
  keys_.push_back(std::move(key));
}

void PatientIdentity::add_identifier(const Json& identifier) {
  auto read = identifier_of(identifier);
  if (!read.value.empty()) {
    identifiers_.push_back(std::move(read));
  }
}

void PatientIdentity::add_reference(const Json& reference, std::string_view full_url) {
  add_key(reference_in_entry(reference.string_of("reference"), full_url));
  if (const auto* identifier = reference.find("identifier")) {
    add_identifier(*identifier);
  }
}

void PatientIdentity::add_patient(const Json& patient, std::string_view full_url) {
  add_key(reference_key(full_url));
  add_key(key_of_patient(patient, full_url));
  for (const auto& identifier : patient.array_of("identifier")) {
    add_identifier(identifier);
  }
}

Whose PatientIdentity::of(const Json& reference, std::string_view full_url) const {
  const auto key = reference_in_entry(reference.string_of("reference"), full_url);
  if (!key.empty()) {
    return has(key) ? Whose::ours : Whose::another;
  }
  const auto* identifier = reference.find("identifier");
  return identifier != nullptr && has(identifier_of(*identifier)) ? Whose::ours : Whose::unknown;
}

bool PatientIdentity::is(const Json& patient, std::string_view full_url) const {
  const auto& identifiers = patient.array_of("identifier");
  return has(reference_key(full_url)) || has(key_of_patient(patient, full_url)) ||
         std::any_of(identifiers.begin(), identifiers.end(),
                     [&](const Json& identifier) { return has(identifier_of(identifier)); });
}

std::string PatientIdentity::reference() const {
  for (const auto& key : keys_) {
    if (key.type() == "Patient") {
      return key.tail;
    }
  }
  return {};
}

}  // namespace myoflag::mapping
