#pragma once
// Whether references mean the patient at hand. A reference is compared by type and id; two absolute
// addresses also by the server they name, because two servers may use the same id for different
// people.

#include <string>
#include <string_view>
#include <vector>

#include "fhir/json.h"

namespace myoflag::mapping {

struct ReferenceKey {
  std::string base;  // "https://ehr.example/fhir/", empty for a relative reference
  std::string tail;  // "Patient/p1", or the whole of a urn

  bool empty() const { return tail.empty(); }
  std::string_view type() const;  // "Patient", empty for a urn
};

// Versions (/_history/3) are cut off; a fragment ("#p") is empty, because it means nothing
// elsewhere.
ReferenceKey reference_key(std::string_view reference);
bool same_reference(const ReferenceKey& a, const ReferenceKey& b);
// A relative reference inside an entry with a server's fullUrl belongs to that server.
ReferenceKey reference_in_entry(std::string_view reference, std::string_view full_url);

enum class Whose { ours, another, unknown };

class PatientIdentity {
 public:
  // From a Reference: its reference and its identifier. Here and below `full_url` is that of the
  // Bundle entry in which it stands: a relative reference belongs to the same server.
  void add_reference(const fhir::Json& reference, std::string_view full_url);
  void add_patient(const fhir::Json& patient, std::string_view full_url);

  bool empty() const { return keys_.empty() && identifiers_.empty(); }
  Whose of(const fhir::Json& reference, std::string_view full_url) const;
  bool is(const fhir::Json& patient, std::string_view full_url) const;
  std::string reference() const;  // "Patient/p1"; empty when only a urn or an identifier is known

 private:
  struct Identifier {
    std::string system, value;
    friend bool operator==(const Identifier&, const Identifier&) = default;
  };
  static Identifier identifier_of(const fhir::Json& json);
  void add_key(ReferenceKey key);
  void add_identifier(const fhir::Json& identifier);
  bool has(const ReferenceKey& key) const;
  bool has(const Identifier& identifier) const;

  std::vector<ReferenceKey> keys_;
  std::vector<Identifier> identifiers_;
};

}  // namespace myoflag::mapping
