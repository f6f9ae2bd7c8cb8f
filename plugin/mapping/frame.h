#pragma once
// What all resources of one bundle share: whom they are about, when, and how they refer to each
// other. Made once from the response; the mapping files read it.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fhir/json.h"
#include "plugin/mapping/identifiers.h"
#include "rules/assessment.h"

namespace myoflag::mapping {

struct Frame {
  const rules::Assessment& assessment;
  const rules::Knowledge& knowledge;
  const fhir::Json& response;
  Identifiers ids;
  fhir::Json
      subject;  // Reference; null when the response names nobody another resource can refer to
  fhir::Json encounter;  // Reference or null
  fhir::Json performer;  // Reference or null: who gave the answers, where Observation.performer
                         // allows that type
  fhir::Json based_on, part_of;  // lists of References, of the response, for its answers
  std::string authored;          // dateTime as written, empty if none
  std::string issued;            // the same when it is a full instant
  std::string evaluated;         // instant
  std::string response_reference, device_reference;
  // urn of the Observation of each answer that has one: item, option (-1: a number).
  std::map<std::pair<int, int>, std::string> answers;
};

// Pieces of resources.
fhir::Json reference_to(std::string_view target);
fhir::Json codeable(fhir::Json codings, std::string_view text);  // codings may be empty
fhir::Json codings_of(const std::vector<rules::Coding>& codes);

// A Reference that another resource may carry too: one to a contained resource or to an entry of
// the bundle that was read keeps its identifier or display, or becomes null when nothing is left.
fhir::Json portable_reference(const fhir::Json& reference);
// The same of an identifier alone: its assigner may be such a reference.
fhir::Json portable_identifier(fhir::Json identifier);

// "Patient" of "Patient/1", "http://ehr/fhir/Patient/1/_history/2" or the Reference's own type;
// empty when unknown.
std::string_view target_type(const fhir::Json& reference);

// The first lines of every resource that carries an identifier, and the request that writes it.
fhir::Json bundle_entry(const fhir::Uuid& uuid, fhir::Json resource, std::string if_none_exist);

}  // namespace myoflag::mapping
