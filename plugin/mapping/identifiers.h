#pragma once
// Names for what we write, so that writing twice changes nothing: UUIDs of version 5 made from the
// site, the patient, the response and its content, the knowledge, and the role of the resource. The
// same input gives the same names on every machine, and so does a response that we sent and read
// back; nothing of the patient can be read from them. A site that keeps its `tenant` secret also
// keeps them from being guessed.

#include <initializer_list>
#include <string>
#include <string_view>

#include "fhir/json.h"
#include "fhir/uuid.h"
#include "rules/assessment.h"

namespace myoflag::mapping {

class Identifiers {
 public:
  // `sent`: the response as it is sent. `subject`: Reference to the patient, or null. `system`: our
  // identifier system; empty: "<canonical>/identifier" of the knowledge.
  Identifiers(const rules::Assessment& assessment, const fhir::Json& response,
              const fhir::Json& sent, const fhir::Json& subject, std::string_view tenant,
              std::string_view system);

  const std::string& system() const { return system_; }

  // The response itself, and what was answered: they depend on the form, not on what the rules made
  // of it.
  const fhir::Uuid& response() const { return response_; }
  // It carries the name that we gave to another one: a copy under another patient.
  bool is_copy() const { return is_copy_; }
  fhir::Uuid answer(std::string_view link_id, std::string_view option) const;

  // What the rules made of it. `role` is "flag", "tier", "workup", "document", "provenance",
  // "bundle". A changed outcome (new knowledge, new facts in the record) gives new names: what was
  // written before stays true to its time.
  fhir::Uuid result(std::string_view role, std::string_view code = {}) const;

  // The program, as a device of this site.
  fhir::Uuid device(std::string_view software_version) const;

  fhir::Json identifier(const fhir::Uuid& uuid) const;      // {system, value}
  std::string if_none_exist(const fhir::Uuid& uuid) const;  // "identifier=<system>%7C<uuid>"

 private:
  std::string system_;
  std::string tenant_;
  std::string content_;  // digest of the response
  std::string form_;     // knowledge id and version
  std::string outcome_;  // knowledge digest and digest of the outcome
  fhir::Uuid name_space_;
  fhir::Uuid response_;
  bool is_copy_ = false;
};

// The name of a response tells whose it is, to us alone: its last four bytes are made from the
// others, the site and the patient, whatever they were before.
fhir::Uuid named_for(const fhir::Uuid& name_space, fhir::Uuid name, std::string_view tenant,
                     std::string_view patient);

// The name of several parts. Lengths before the parts: no two lists of parts give the same name.
std::string name_of(std::initializer_list<std::string_view> parts);

// A search by token, ready for a URL: "_tag=<system>%7C<value>".
std::string token_search(std::string_view parameter, std::string_view system,
                         std::string_view value);

// A token search for one identifier, ready for a URL: "identifier=<system>%7C<value>". Empty when
// there is no value.
std::string identifier_search(std::string_view parameter, const fhir::Json& identifier);

// SHA-256 of what a response says: its members in a fixed order, without its own id, meta,
// identifier and narrative, and without display and item texts, which change on the way through a
// server; of its references type and id. Lower-case hex.
std::string content_digest(const fhir::Json& response);

}  // namespace myoflag::mapping
