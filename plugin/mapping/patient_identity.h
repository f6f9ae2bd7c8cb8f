#pragma once
// Whether references mean the patient at hand. A reference is compared by type and id; two absolute
// addresses also by the server they name, because two servers may use the same id for different
// people.

#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "fhir/json.h"

namespace myoflag::mapping {

struct ReferenceKey {
  // "https://ehr.example/fhir/", also where it says http or has capitals; empty for a relative one.
  // Source: hl7.org/fhir/R4/http.html, Resource Identity.
  std::string base;
  std::string tail;  // "Patient/p1", or the whole of a urn

  bool empty() const { return tail.empty(); }
  std::string_view type() const;  // "Patient", empty for a urn
};

// Versions (/_history/3) are cut off; a fragment ("#p") is empty, because it means nothing
// elsewhere.
ReferenceKey reference_key(std::string_view reference);
// A relative reference inside an entry with a server's fullUrl belongs to that server.
ReferenceKey reference_in_entry(std::string_view reference, std::string_view full_url);

// "Patient/p1" however it is written: a server may write it back with its own address, or with a
// version. What has no type and id (a urn, a fragment, a search) as it stands.
std::string reference_place(std::string_view reference);

enum class Whose { ours, another, unknown };

class PatientIdentity {
 public:
  // From a Reference: its reference and its identifier. Here and below `full_url` is that of the
  // Bundle entry in which it stands: a relative reference belongs to the same server.
  void add_reference(const fhir::Json& reference, std::string_view full_url);
  void add_patient(const fhir::Json& patient, std::string_view full_url);
  // Of a Patient without an address of its own: contained, or about to be created.
  void add_identifiers(const fhir::Json& patient);

  bool empty() const { return bases_.empty() && identifiers_.empty(); }
  // `another` also where an identifier of a system that we know has none of the known values. An id
  // known without a server belongs from then on to the first server under which it is met.
  Whose of(const fhir::Json& reference, std::string_view full_url);
  Whose of_patient(const fhir::Json& patient, std::string_view full_url);
  std::string reference() const;  // "Patient/p1"; empty when only a urn or an identifier is known

 private:
  using Strings = std::unordered_set<std::string>;

  void add_key(const ReferenceKey& key);
  void add_identifier(const fhir::Json& identifier);
  bool meets(const ReferenceKey& key);
  bool has(const fhir::Json& identifier) const;
  bool contradicts(const fhir::Json& identifier) const;

  std::unordered_map<std::string, Strings> bases_;        // tail -> servers; none: not known yet
  std::unordered_map<std::string, Strings> identifiers_;  // system -> values
  std::string reference_;
};

}  // namespace myoflag::mapping
