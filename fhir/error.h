#pragma once
// Failures of the FHIR layer as values. A function that can refuse its input returns Result<T>;
// nothing here throws.

#include <cstddef>
#include <string>

#include <tl/expected.hpp>

namespace myoflag::fhir {

struct Error {
  std::string code;   // stable, explained in docs/errors/, e.g. "MF-1003"
  std::string text;   // one sentence, free of patient data
  std::string place;  // FHIRPath of the element ("QuestionnaireResponse.item[2].linkId"), empty if
                      // not inside a resource
  std::size_t line = 0;    // 1-based place in the text, 0 if unknown
  std::size_t column = 0;  // 1-based, counted in bytes

  friend bool operator==(const Error&, const Error&) = default;
};

template <typename T>
using Result = tl::expected<T, Error>;

}  // namespace myoflag::fhir
