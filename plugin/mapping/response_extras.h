#pragma once
// What a response carries beside its answers, and no rule reads. Modifier extensions are none of
// it: they refuse the response.

#include <cstddef>
#include <string>
#include <vector>

#include "fhir/json.h"

namespace myoflag::mapping {

inline constexpr std::size_t most_extensions = 10;

// The addresses of extensions anywhere in the response, but in what it contains, that nothing here
// reads or writes; each once, as it is met. One more than most_extensions: there are still others.
std::vector<std::string> unread_extensions(const fhir::Json& response);

// FHIR: a narrative that may say more than the elements do (status additional).
bool has_additional_narrative(const fhir::Json& response);

}  // namespace myoflag::mapping
