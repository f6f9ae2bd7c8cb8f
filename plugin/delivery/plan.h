#pragma once
// From a transaction bundle, what a server says it takes and what is known of such servers, to the
// steps that bring it there. Nothing is dropped: what the server does not take goes into the
// summary document and is told. Pure. Source: hl7.org/fhir/R4/http.html and
// capabilitystatement.html.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "fhir/json.h"
#include "plugin/delivery/site.h"
#include "plugin/failure.h"
#include "plugin/store/store.h"

namespace myoflag::delivery {

struct TypeAbility {
  bool create = false, update = false, search = false;
  bool conditional_create = false, conditional_update = false;
};

// What a server takes.
struct Ability {
  bool transaction = false, batch = false;
  std::map<std::string, TypeAbility, std::less<>> types;

  TypeAbility of(std::string_view type) const;
};

// Of its CapabilityStatement; all false where it says nothing.
Ability ability_of(const fhir::Json& statement);
// What is left of it under a site profile.
Ability limited(const Ability& ability, const Site& site);

// How one resource is written: Step::how.
inline constexpr std::string_view kConditional = "conditional";  // may be repeated
inline constexpr std::string_view kPlain = "plain";              // looked up before
inline constexpr std::string_view kReplacing = "replacing";      // looked up, created or replaced

struct Plan {
  Rung rung = Rung::file;
  std::vector<store::Step> steps;
  std::string folded;  // "Device 1, Provenance 1"
};

// `before`: the steps of an earlier plan of the same bundle. Where its document is there already,
// and did not carry what has to be carried now, a second one is appended to it.
// MF-3154: the server does not even take the document that has to carry what it does not take.
// MF-3107: this is no bundle of ours.
tl::expected<Plan, Failure> plan_of(const fhir::Json& bundle, const Ability& ability,
                                    const Site& site, const std::vector<store::Step>& before = {});

// "a=b&c=d" with percent codes, as in ifNoneExist, as names and values.
std::vector<std::pair<std::string, std::string>> parameters_of(std::string_view query);

// Whether a resource is what such a search asks for: servers that do not know a parameter may
// ignore it and give anything.
bool answers_to(const fhir::Json& resource, std::string_view query);

// References to what is known there by its id; to what is not, by its identifier. What stands under
// `base` is the server's own: servers refuse their own addresses where they take none of others.
struct Names {
  std::string base;                                           // of the endpoint; empty: none
  std::map<std::string, std::string, std::less<>> ids;        // urn -> "Observation/123"
  std::map<std::string, fhir::Json, std::less<>> identities;  // urn -> Reference by identifier
  std::vector<std::string> here;                              // urns that stay as they are
};
void rename(fhir::Json& value, const Names& names);
// Reference by identifier to every resource of a bundle that has one.
std::map<std::string, fhir::Json, std::less<>> identities_of(const fhir::Json& bundle);

}  // namespace myoflag::delivery
