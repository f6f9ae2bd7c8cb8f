#pragma once
// Random forms and responses to them, the same for the same seed.

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "fhir/json.h"

namespace myoflag::fhir::testing {

using Random = std::mt19937;

// A form without errors: groups and questions of all types up to four levels, options, limits,
// conditions.
Json random_form(Random& random);

// An answer to every question and a repetition or two of everything that repeats, whether it is
// enabled or not.
Json full_response(const Json& form, Random& random);

// As above with parts left out, doubled, moved or of another type. Still an object with items.
Json spoilt(Json response, Random& random);

// Places of all items of the response that a second, deliberately plain reading of enableWhen finds
// disabled. For responses as full_response makes them.
std::vector<std::string> plainly_disabled(const Json& form, const Json& response);

}  // namespace myoflag::fhir::testing
