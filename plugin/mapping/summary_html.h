#pragma once
// The explanation for the clinician as one page that stands alone: UTF-8, no scripts, no links, no
// pictures; readable by a screen reader, printable. Every text is escaped: a patient's words cannot
// become markup.

#include <string>
#include <string_view>

#include "rules/explain.h"

namespace myoflag::mapping {

// Safe text (plugin/safe_text.h), escaped for text and attribute values.
std::string html_escaped(std::string_view text);

std::string summary_html(const rules::Assessment& assessment);

// As above for an explanation that was already made. `title` is the page's name.
std::string summary_html(const rules::Explanation& explanation, std::string_view title);

}  // namespace myoflag::mapping
