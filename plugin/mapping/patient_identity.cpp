#include "plugin/mapping/patient_identity.h"

#include <algorithm>
#include <utility>

namespace myoflag::mapping {

using fhir::Json;

namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

// One way to write the address of a server: FHIR takes http and https of one address for the same,
// and the names of scheme and server have no case.
std::string normal_base(std::string_view base) {
  const auto colon = base.find("://");
  if (colon == std::string_view::npos) {
    return std::string(base);
  }
  const auto scheme = lower(base.substr(0, colon));
  const auto path = std::min(base.find('/', colon + 3), base.size());
  auto server = lower(base.substr(colon + 3, path - colon - 3));
  const std::string_view port = scheme == "https" ? ":443" : ":80";
  if (server.ends_with(port)) {
    server.resize(server.size() - port.size());
  }
  return (scheme == "http" ? "https" : scheme) + "://" + server + std::string(base.substr(path));
}

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
  return {normal_base(reference.substr(0, before + 1)), std::string(reference.substr(before + 1))};
}

ReferenceKey reference_in_entry(std::string_view reference, std::string_view full_url) {
  auto key = reference_key(reference);
  if (key.base.empty() && !key.type().empty()) {
    key.base = reference_key(full_url).base;
  }
  return key;
}

std::string reference_place(std::string_view reference) {
  auto key = reference_key(reference);
  const bool is_search = reference.find('?') != std::string_view::npos;
  return key.type().empty() || is_search ? std::string(reference) : std::move(key.tail);
}

void PatientIdentity::add_key(const ReferenceKey& key) {
  if (key.empty()) {
    return;
  }
  auto& bases = bases_[key.tail];
  if (!key.base.empty()) {
    bases.insert(key.base);
  }
  if (reference_.empty() && key.type() == "Patient") {
    reference_ = key.tail;
  }
}

bool PatientIdentity::meets(const ReferenceKey& key) {
  const auto known = key.empty() ? bases_.end() : bases_.find(key.tail);
  if (known == bases_.end()) {
    return false;
  }
  auto& bases = known->second;
  if (bases.empty() && !key.base.empty()) {
    bases.insert(key.base);
  }
  return key.base.empty() || bases.contains(key.base);
}

// Without a system a value says too little to tell people apart.
void PatientIdentity::add_identifier(const Json& identifier) {
  const auto system = identifier.string_of("system");
  const auto value = identifier.string_of("value");
  if (!system.empty() && !value.empty()) {
    identifiers_[std::string(system)].emplace(value);
  }
}

bool PatientIdentity::has(const Json& identifier) const {
  const auto system = identifiers_.find(std::string(identifier.string_of("system")));
  return system != identifiers_.end() &&
         system->second.contains(std::string(identifier.string_of("value")));
}

bool PatientIdentity::contradicts(const Json& identifier) const {
  const auto system = identifier.string_of("system");
  return !identifier.string_of("value").empty() && identifiers_.contains(std::string(system)) &&
         !has(identifier);
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
  add_identifiers(patient);
}

void PatientIdentity::add_identifiers(const Json& patient) {
  for (const auto& identifier : patient.array_of("identifier")) {
    add_identifier(identifier);
  }
}

Whose PatientIdentity::of(const Json& reference, std::string_view full_url) {
  const auto* identifier = reference.find("identifier");
  if (identifier != nullptr && contradicts(*identifier)) {
    return Whose::another;
  }
  const auto key = reference_in_entry(reference.string_of("reference"), full_url);
  if (!key.empty()) {
    return meets(key) ? Whose::ours : Whose::another;
  }
  return identifier != nullptr && has(*identifier) ? Whose::ours : Whose::unknown;
}

// Of the identifiers of one system a single known one is enough: people have several.
Whose PatientIdentity::of_patient(const Json& patient, std::string_view full_url) {
  Strings agreeing, differing;
  for (const auto& identifier : patient.array_of("identifier")) {
    std::string system(identifier.string_of("system"));
    if (has(identifier)) {
      agreeing.insert(std::move(system));
    } else if (contradicts(identifier)) {
      differing.insert(std::move(system));
    }
  }
  if (std::any_of(differing.begin(), differing.end(),
                  [&](const std::string& system) { return !agreeing.contains(system); })) {
    return Whose::another;
  }
  const bool by_address = meets(reference_key(full_url));
  const bool by_id = meets(key_of_patient(patient, full_url));
  return by_address || by_id || !agreeing.empty() ? Whose::ours : Whose::unknown;
}

std::string PatientIdentity::reference() const { return reference_; }

}  // namespace myoflag::mapping
