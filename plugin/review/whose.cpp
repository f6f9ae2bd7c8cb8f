#include "plugin/review/whose.h"

#include <set>

#include "fhir/json.h"
#include "plugin/mapping/intake.h"
#include "plugin/mapping/patient_identity.h"

namespace myoflag::review {

namespace {

using fhir::Json;
using mapping::ReferenceKey;

constexpr std::string_view kPatient = "Patient";

class Names {
 public:
  void add(const Json& resource, std::string_view full_url) {
    const auto type = resource.string_of("resourceType");
    if (type == kPatient && !resource.string_of("id").empty()) {
      take({mapping::reference_key(full_url).base,
            "Patient/" + std::string(resource.string_of("id"))});
    }
    const Json* subject = type == "QuestionnaireResponse" ? resource.find("subject") : nullptr;
    if (subject != nullptr) {
      take(mapping::reference_in_entry(subject->string_of("reference"), full_url));
    }
  }

  Whose whose() const {
    if (patients_.size() != 1 || servers_.size() > 1) {
      return {};
    }
    return {servers_.empty() ? "" : *servers_.begin(), *patients_.begin()};
  }

 private:
  // What is no name of a Patient (a urn, a contained one) says nothing here.
  void take(const ReferenceKey& key) {
    if (key.type() != kPatient) {
      return;
    }
    patients_.insert(key.tail);
    if (!key.base.empty()) {
      servers_.insert(key.base);
    }
  }

  std::set<std::string> patients_, servers_;
};

}  // namespace

Whose whose_of(std::string_view input) {
  const auto first = input.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  const bool is_xml = first != std::string_view::npos && input[first] == '<';
  const auto read = mapping::read_resource(input, is_xml, {});
  if (!read) {
    return {};
  }
  Names names;
  names.add(read->json, {});
  for (const Json& entry : read->json.array_of("entry")) {
    if (const Json* resource = entry.find("resource")) {
      names.add(*resource, entry.string_of("fullUrl"));
    }
  }
  return names.whose();
}

}  // namespace myoflag::review
