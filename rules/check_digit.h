#pragma once
// Check digits of published codes: they catch a mistyped or shifted code before it reaches a
// record.

#include <string_view>

namespace myoflag::rules {

// SNOMED CT identifiers: 6 to 18 digits, the last by Verhoeff's scheme.
bool is_snomed_id(std::string_view code);

// LOINC codes: "2823-3", also answers and parts ("LA6568-5", "LP6118-6"); the last digit by the mod
// 10 scheme.
bool is_loinc_code(std::string_view code);

}  // namespace myoflag::rules
