// The JSON gate: any bytes give a value or a located error; what is accepted survives writing and
// reading, is accepted by two other parsers as well, and copies and compares.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>
#include <simdjson.h>

#include "fhir/json.h"
#include "tests/fuzz/require.h"

namespace {

using myoflag::fhir::JsonStyle;
using myoflag::fuzz::require;

void check_error(const myoflag::fhir::Error& error) {
  require(error.code.starts_with("MF-10"), "errors of the gate have its codes");
  require(!error.text.empty(), "an error has a sentence");
  require(error.code == "MF-1001" || (error.line > 0 && error.column > 0), "an error has a place");
}

// Whether a number is in it that a double may be too small for: others refuse those.
bool holds_a_large_number(const myoflag::fhir::Json& value) {
  if (const auto* number = value.as_number()) {
    return number->text.size() > 300 || number->text.find_first_of("eE") != std::string::npos;
  }
  if (const auto* array = value.as_array()) {
    return std::any_of(array->begin(), array->end(), holds_a_large_number);
  }
  const auto* object = value.as_object();
  return object != nullptr &&
         std::any_of(object->begin(), object->end(), [](const myoflag::fhir::Json::Member& member) {
           return holds_a_large_number(member.value);
         });
}

void check_accepted_elsewhere(std::string_view text, const myoflag::fhir::Json& value) {
  const bool excused = holds_a_large_number(value);
  require(nlohmann::json::accept(text) || excused,
          "nlohmann accepts it too, unless a number is too large for it");
  simdjson::dom::parser parser;
  const auto error = parser.parse(text.data(), text.size()).error();
  require(error == simdjson::SUCCESS || error == simdjson::NUMBER_ERROR, "simdjson accepts it too");
}

// What is JSON to others, we refuse only where FHIR or our limits demand it. nlohmann takes a NUL
// for the end of the text.
void check_refused_for_a_reason(std::string_view text, const myoflag::fhir::Error& error) {
  constexpr std::string_view reasons[] = {"MF-1003", "MF-1007", "MF-1008",
                                          "MF-1009", "MF-1010", "MF-1011"};
  const bool ours =
      std::find(std::begin(reasons), std::end(reasons), error.code) != std::end(reasons) ||
      text.find('\0') != std::string_view::npos;
  require(ours || !nlohmann::json::accept(text), "what is not JSON to us is not JSON to nlohmann");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = myoflag::fuzz::as_text(data, size);
  const auto value = myoflag::fhir::read_json(text);
  if (!value) {
    check_error(value.error());
    check_refused_for_a_reason(text, value.error());
    return 0;
  }
  check_accepted_elsewhere(text, *value);
  const auto compact = write_json(*value);
  const auto again = myoflag::fhir::read_json(compact);
  require(again && *again == *value, "the compact form reads back the same");
  require(write_json(*again) == compact, "writing is deterministic");
  const auto pretty = myoflag::fhir::read_json(write_json(*value, JsonStyle::pretty));
  require(pretty && *pretty == *value, "the pretty form reads back the same");
  const auto copy = *value;
  require(copy == *value, "a copy is equal");
  return 0;
}
