#pragma once
// The form of the text in a Reference, and the type of what it leads to; internal to
// fhir/response_check. Source: hl7.org/fhir/R4/references.html#literal

#include <map>
#include <string_view>

#include "fhir/json.h"

namespace myoflag::fhir::response_check {

// Type by id, of the resources inside a response. Valid as long as the response.
using Contained = std::map<std::string_view, std::string_view>;
Contained contained_in(const Json& response);

// "Type/id", an address with http or https, "urn:uuid:", "urn:oid:", or "#id" of what is contained.
bool is_reference(std::string_view text, const Contained& contained);

// Of what it refers to; empty when nothing tells.
std::string_view type_of_target(const Json& reference, const Contained& contained);

}  // namespace myoflag::fhir::response_check
