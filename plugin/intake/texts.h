#pragma once
// What the pages for patients say, by language: one YAML file each, inside the program. Errors:
// MF-4262.

#include <functional>
#include <map>
#include <string>

#include <tl/expected.hpp>

#include "plugin/browser/texts.h"
#include "plugin/failure.h"

namespace myoflag::intake {

using browser::Texts;

tl::expected<Texts, Failure> read_texts(const std::string& yaml, const std::string& file_name);

using Languages = std::map<std::string, Texts, std::less<>>;
tl::expected<Languages, Failure> embedded_texts();

}  // namespace myoflag::intake
